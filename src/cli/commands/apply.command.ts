import type { Command } from 'commander';
import { addGuide, EXAMPLE_FILE, REQUEST_EXITS } from '../help.js';
import { addAdoptionOptions, addApprovalOptions, addManifestOptions, addRunOptions } from '../options.js';
import { runCommand } from '../run-command.js';
import type { ApplyOptions } from './apply.js';

/** Defines `apply`. */
export function defineApply(program: Command): void {
  const command = program.command('apply').description('start a run, or join an equal one, and follow it');
  addApprovalOptions(addRunOptions(addAdoptionOptions(addManifestOptions(command))))
    .optionsGroup('Run:')
    .option('--no-wait', 'exit with 4 instead of waiting for another run or an approval');
  addGuide(command, {
    examples: [
      [`iam-bootstrap apply ${EXAMPLE_FILE}`, 'create what is missing, adopt what exists'],
      [
        `iam-bootstrap apply ${EXAMPLE_FILE} \\\n      --adopt foreign:Role/prod-deploy`,
        'take a role over from its owner',
      ],
      [
        `iam-bootstrap apply ${EXAMPLE_FILE} \\\n      --require-approval --no-wait`,
        'start a run that waits for an approval',
      ],
      [`iam-bootstrap apply ${EXAMPLE_FILE} --output json`, 'print the report as JSON'],
    ],
    exits: REQUEST_EXITS,
  });
  command.action((options: ApplyOptions) => runCommand(async () => (await import('./apply.js')).apply(options)));
}
