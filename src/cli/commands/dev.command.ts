import type { Command } from 'commander';
import { addGuide, SERVER_EXITS } from '../help.js';
import { parsePort } from '../parsers.js';
import { runCommand } from '../run-command.js';
import type { DevOptions } from './dev.js';

/** Defines `dev`. */
export function defineDev(program: Command): void {
  const command = program
    .command('dev')
    .description('run Temporal, its UI and a worker on this machine')
    .option('--sandbox', 'use an IAM emulator instead of AWS', false)
    .option('--port <number>', 'port of the Temporal server', parsePort)
    .option('--ui-port <number>', 'port of the Temporal UI', parsePort)
    .option('--temporal-cli <path>', 'path of the Temporal CLI');
  addGuide(command, {
    examples: [
      ['iam-bootstrap dev --sandbox', 'try it without an AWS account'],
      ['iam-bootstrap dev --sandbox --port 7333 --ui-port 8333', 'run beside another server'],
    ],
    exits: SERVER_EXITS,
  });
  command.action((options: DevOptions) => runCommand(async () => (await import('./dev.js')).dev(options)));
}
