import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide } from '../help.js';
import { addAccountOption, addSinceOption, outputOption } from '../options.js';
import { runCommand } from '../run-command.js';
import type { ConflictsOptions } from './conflicts.js';

/** Defines `conflicts`. */
export function defineConflicts(program: Command): void {
  const command = program
    .command('conflicts')
    .description('count "already exists" errors by entity, namespace, pipeline, cause and day');
  addAccountOption(command, 'only conflicts in this account').option(
    '-n, --namespace <name>',
    'only conflicts of this namespace; needs --account',
  );
  addSinceOption(command).addOption(outputOption());
  addGuide(command, {
    examples: [
      ['iam-bootstrap conflicts --since 7d', 'see whether they become fewer'],
      ['iam-bootstrap conflicts --account 111111111111 --output json', 'print them as JSON, for a dashboard'],
    ],
    exits: [[ExitCode.Converged, 'counted'], ExitCode.Failed, ExitCode.Busy, ExitCode.Usage],
  });
  command.action((options: ConflictsOptions) =>
    runCommand(async () => (await import('./conflicts.js')).conflicts(options)),
  );
}
