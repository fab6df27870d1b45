import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide } from '../help.js';
import { addManifestOptions } from '../options.js';
import type { ManifestOptions } from '../request.js';
import { runCommand } from '../run-command.js';

/** Defines `validate`. */
export function defineValidate(program: Command): void {
  const command = program.command('validate').description('check a manifest offline');
  addManifestOptions(command);
  addGuide(command, {
    examples: [
      ['iam-bootstrap validate -f iam/bootstrap.yaml', 'check every environment that the manifest declares'],
      ['iam-bootstrap validate -f iam/bootstrap.yaml --output json', 'print problems with file and line as JSON'],
    ],
    exits: [[ExitCode.Converged, 'valid'], ExitCode.Usage],
  });
  command.action((options: ManifestOptions) =>
    runCommand(async () => (await import('./validate.js')).validate(options)),
  );
}
