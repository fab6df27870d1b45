import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide } from '../help.js';
import { addAccountOption, outputOption } from '../options.js';
import { parseCount } from '../parsers.js';
import { runCommand } from '../run-command.js';
import type { StatusOptions } from './status.js';

/** Defines `status`. */
export function defineStatus(program: Command): void {
  const command = program.command('status').description('list open and recent runs');
  addAccountOption(command, 'only runs of this account')
    .option('-n, --namespace <name>', 'only runs of this namespace; needs --account')
    .option('-l, --limit <count>', 'number of runs', parseCount, 10)
    .option('-w, --watch', 'refresh every 2 seconds until interrupted', false)
    .addOption(outputOption());
  addGuide(command, {
    examples: [
      ['iam-bootstrap status', 'the last ten runs'],
      ['iam-bootstrap status --account 111111111111 --namespace platform --limit 3', 'the runs of one namespace'],
      ['iam-bootstrap status --watch', 'follow every change'],
    ],
    exits: [[ExitCode.Converged, 'listed'], ExitCode.Failed, ExitCode.Busy, ExitCode.Usage],
  });
  command.action((options: StatusOptions) => runCommand(async () => (await import('./status.js')).status(options)));
}
