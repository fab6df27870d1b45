import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide, EXAMPLE_FILE, REQUEST_EXITS } from '../help.js';
import { addAdoptionOptions, addManifestOptions, addRequestOptions } from '../options.js';
import { runCommand } from '../run-command.js';
import type { PlanOptions } from './plan.js';

/** Defines `plan`. */
export function definePlan(program: Command): void {
  const command = program.command('plan').description('show what apply would do; write nothing');
  addRequestOptions(addAdoptionOptions(addManifestOptions(command)))
    .optionsGroup('Run:')
    .option('--detailed-exitcode', 'exit with 2 if changes are pending', false);
  addGuide(command, {
    examples: [
      [`iam-bootstrap plan ${EXAMPLE_FILE}`, 'show each change and its reason'],
      [`iam-bootstrap plan ${EXAMPLE_FILE} --detailed-exitcode`, 'detect drift in a job: exit code 2'],
      [`iam-bootstrap plan ${EXAMPLE_FILE} --summary plan.md`, 'write a comment for a pull request'],
    ],
    exits: [
      [ExitCode.Converged, 'no changes; without --detailed-exitcode also: changes pending'],
      ExitCode.Failed,
      [ExitCode.Pending, 'changes pending, with --detailed-exitcode'],
      ...REQUEST_EXITS.slice(2),
    ],
  });
  command.action((options: PlanOptions) => runCommand(async () => (await import('./plan.js')).plan(options)));
}
