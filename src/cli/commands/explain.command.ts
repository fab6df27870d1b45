import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide } from '../help.js';
import { addAccountOption, addSinceOption, outputOption } from '../options.js';
import { runCommand } from '../run-command.js';
import type { ExplainOptions } from './explain.js';

/** Defines `explain`. */
export function defineExplain(program: Command): void {
  const command = program
    .command('explain <what>')
    .description('explain who created an entity, who owns it, and why a Create was refused');
  addSinceOption(addAccountOption(command, 'account; optional if runs were in one account only')).addOption(
    outputOption(),
  );
  addGuide(command, {
    examples: [
      ['iam-bootstrap explain Role/prod-deploy --account 222222222222', 'who created it, changed it and owns it'],
      [
        `iam-bootstrap explain 1b6c2a4e-0d1f-4c53-9f0e-7a3d5c9b8e21 \\\n      --account 222222222222`,
        'by the ID of an AWS request or of a run',
      ],
    ],
    exits: [[ExitCode.Converged, 'explained'], [ExitCode.Failed, 'nothing found'], ExitCode.Busy, ExitCode.Usage],
  });
  command.action((what: string, options: ExplainOptions) =>
    runCommand(async () => (await import('./explain.js')).explain(what, options)),
  );
}
