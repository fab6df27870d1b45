import type { Command } from 'commander';
import type { ApprovalAction } from '../../contract/approval.js';
import { ExitCode } from '../../contract/failures.js';
import { addGuide, EXAMPLE_FILE, REQUEST_EXITS } from '../help.js';
import { addNamespaceOptions } from '../options.js';
import { runCommand } from '../run-command.js';
import type { ApprovalOptions } from './approve-reject.js';

/** Defines `approve` and `reject`. */
export function defineApproveAndReject(program: Command): void {
  define(program, 'approve', 'approve the plan of a run that waits for it', 'approved; the run continues');
  define(program, 'reject', 'reject the plan of a run that waits; nothing is written', 'rejected; the run ends');
}

function define(program: Command, action: ApprovalAction, description: string, outcome: string): void {
  const command = program.command(action).description(description);
  addNamespaceOptions(command)
    .optionsGroup('Decision:')
    .option('--plan <digest>', 'digest of the reviewed plan; default: show it and ask')
    .option('--as <name>', 'your name; default: the CI actor or the local user')
    .option('--reason <text>', 'reason, kept in the report')
    .option('--yes', 'do not ask for confirmation', false);
  addGuide(command, {
    examples: [
      [`iam-bootstrap ${action} ${EXAMPLE_FILE}`, 'show the plan and ask'],
      [
        `iam-bootstrap ${action} --account 222222222222 --namespace platform \\\n      --as alice --reason 'as agreed' --yes`,
        'do not ask, for example in a script',
      ],
    ],
    exits: [
      [ExitCode.Converged, outcome],
      ExitCode.Failed,
      [ExitCode.Refused, 'not confirmed, or no such plan waits for approval'],
      ...REQUEST_EXITS.slice(3),
    ],
  });
  command.action((options: ApprovalOptions) =>
    runCommand(async () => (await import('./approve-reject.js')).decide(action, options)),
  );
}
