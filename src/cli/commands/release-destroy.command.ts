import type { Command } from 'commander';
import { addGuide, EXAMPLE_FILE, REQUEST_EXITS } from '../help.js';
import { addApprovalOptions, addManifestOptions, addRunOptions } from '../options.js';
import { runCommand } from '../run-command.js';
import type { ReleaseOptions } from './release-destroy.js';

/** Defines `release` and `destroy`. */
export function defineReleaseAndDestroy(program: Command): void {
  define(program, 'release', 'remove ownership of what the manifest declares; keep the entities', 'be released');
  define(program, 'destroy', 'delete what this namespace created, release what it adopted', 'be deleted and kept')
    .optionsGroup('What may be written:')
    .option('--include-adopted', 'also delete adopted entities, and those of unknown origin', false);
}

function define(program: Command, name: 'release' | 'destroy', description: string, planned: string): Command {
  const command = program.command(name).description(description);
  addApprovalOptions(addRunOptions(addManifestOptions(command)))
    .optionsGroup('Confirmation:')
    .option('--yes', 'do not ask for confirmation', false)
    .option('--plan', 'show the plan and stop', false);
  addGuide(command, {
    examples: [
      [`iam-bootstrap ${name} ${EXAMPLE_FILE} --plan`, `show what would ${planned}`],
      [`iam-bootstrap ${name} ${EXAMPLE_FILE} --yes`, 'do not ask, for example in CI'],
    ],
    exits: REQUEST_EXITS,
  });
  return command.action((options: ReleaseOptions) =>
    runCommand(async () => (await import('./release-destroy.js')).releaseOrDestroy(name, options)),
  );
}
