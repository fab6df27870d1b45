import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide, EXAMPLE_FILE, REQUEST_EXITS } from '../help.js';
import { addNamespaceOptions, quietOption, waitTimeoutOption } from '../options.js';
import { runCommand } from '../run-command.js';
import type { CancelOptions } from './cancel.js';

/** Defines `cancel`. */
export function defineCancel(program: Command): void {
  const command = program
    .command('cancel')
    .description('cancel the open run; calls in flight finish, no new ones start');
  addNamespaceOptions(command)
    .optionsGroup('Cancellation:')
    .option('--as <name>', 'your name; default: the CI actor or the local user')
    .option('--reason <text>', 'reason, kept in the report')
    .addOption(waitTimeoutOption('the run to end'))
    .option('--no-wait', 'request the cancellation and exit')
    .optionsGroup('Output:')
    .addOption(quietOption());
  addGuide(command, {
    examples: [
      [`iam-bootstrap cancel ${EXAMPLE_FILE}`, 'cancel and wait for the end'],
      [
        `iam-bootstrap cancel --account 222222222222 --namespace platform \\\n      --reason 'wrong branch' --no-wait`,
        'cancel and do not wait',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'cancelled, or no run was open'],
      ExitCode.Failed,
      [ExitCode.Refused, 'the run ended before, as refused'],
      ...REQUEST_EXITS.slice(3),
    ],
  });
  command.action((options: CancelOptions) => runCommand(async () => (await import('./cancel.js')).cancel(options)));
}
