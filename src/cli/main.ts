#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { enableDebug, silenceSdkVersionWarning } from '../config/config.js';
import { ExitCode } from '../contract/failures.js';
import { defineApply } from './commands/apply.command.js';
import { defineApproveAndReject } from './commands/approve-reject.command.js';
import { defineCancel } from './commands/cancel.command.js';
import { defineCompletion } from './commands/completion.command.js';
import { defineConflicts } from './commands/conflicts.command.js';
import { defineDev } from './commands/dev.command.js';
import { defineDoctor } from './commands/doctor.command.js';
import { defineExplain } from './commands/explain.command.js';
import { defineInit } from './commands/init.command.js';
import { definePlan } from './commands/plan.command.js';
import { defineReleaseAndDestroy } from './commands/release-destroy.command.js';
import { defineStatus } from './commands/status.command.js';
import { defineValidate } from './commands/validate.command.js';
import { defineWorker } from './commands/worker.command.js';
import { addGuide, ALL_EXITS, describeOption } from './help.js';
import { ignoreClosedPipes, plain } from './terminal.js';

const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };

const program = new Command('iam-bootstrap')
  .description('Brings the IAM entities of an AWS account to a declared state, exactly once.')
  .version(version)
  .option('--debug', 'log AWS calls, decisions and Temporal messages to standard error')
  .hook('preAction', () => {
    if (program.opts()['debug'] === true) enableDebug();
  })
  .configureHelp({
    sortSubcommands: false,
    showGlobalOptions: true,
    styleTitle: pc.bold,
    optionDescription: describeOption,
  })
  .exitOverride()
  // Arguments may come from a branch name or a title that another person chose.
  .configureOutput({
    outputError: (text, write) => {
      write(text.split('\n').map(plain).join('\n'));
    },
  });
addGuide(program, {
  examples: [
    ['iam-bootstrap validate -f iam/bootstrap.yaml', 'check every environment, offline'],
    ['iam-bootstrap plan -f iam/bootstrap.yaml --environment dev', 'show what apply would do'],
    ['iam-bootstrap apply -f iam/bootstrap.yaml --environment dev', 'do it; safe to repeat, from anywhere'],
  ],
  exits: ALL_EXITS,
});

/** Commands in the order of the help, by the heading above them. */
const COMMANDS: Readonly<Record<string, readonly ((program: Command) => void)[]>> = {
  'Manifests:': [defineValidate, definePlan, defineApply, defineReleaseAndDestroy],
  'Runs:': [defineStatus, defineApproveAndReject, defineCancel, defineExplain, defineConflicts],
  'Setup:': [defineInit, defineDoctor],
  'Servers:': [defineWorker, defineDev],
  'Command line:': [defineCompletion],
};
for (const [heading, definitions] of Object.entries(COMMANDS)) {
  program.commandsGroup(heading);
  for (const define of definitions) define(program);
}
program.helpCommand('help [command]', 'same as --help');

ignoreClosedPipes();
silenceSdkVersionWarning();

program.parseAsync().catch((error: unknown) => {
  // Commander has already printed the error. Help and version are no errors.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? ExitCode.Converged : ExitCode.Usage;
});
