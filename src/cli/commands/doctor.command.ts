import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { addGuide } from '../help.js';
import { outputOption } from '../options.js';
import { runCommand } from '../run-command.js';
import type { DoctorOptions } from './doctor.js';

/** Defines `doctor`. */
export function defineDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('check Temporal, search attributes, AWS credentials and permissions')
    .option('--fix', 'create missing folders and search attributes; AWS is only read', false)
    .addOption(outputOption());
  addGuide(command, {
    examples: [
      ['iam-bootstrap doctor', 'run it where the worker runs, to check its credentials'],
      ['iam-bootstrap doctor --fix', 'fix what does not concern AWS'],
    ],
    exits: [
      [ExitCode.Converged, 'ready to apply; warnings are possible'],
      [ExitCode.Failed, 'a check failed'],
    ],
  });
  command.action((options: DoctorOptions) => runCommand(async () => (await import('./doctor.js')).doctor(options)));
}
