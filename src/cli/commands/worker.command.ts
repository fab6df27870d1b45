import type { Command } from 'commander';
import { addGuide, SERVER_EXITS } from '../help.js';
import { runCommand } from '../run-command.js';

/** Defines `worker`. */
export function defineWorker(program: Command): void {
  const command = program.command('worker').description('run the worker, which holds the AWS credentials');
  addGuide(command, {
    examples: [['iam-bootstrap worker', 'run until stopped; configured by TEMPORAL_* and AWS_*']],
    exits: SERVER_EXITS,
  });
  command.action(() => runCommand(async () => (await import('./worker.js')).worker()));
}
