#!/usr/bin/env node
import './node-version.js';
import './container-signals.js';
import './compile-cache.js';
import { Argument, Command, CommanderError } from 'commander';
import pc from 'picocolors';
import { PACKAGE } from '../client/package.js';
import { enableDebug, silenceSdkVersionWarning, unsetEmptyVariables } from '../config/config.js';
import { ExitCode } from '../contract/failures.js';
import { COMMAND_GROUPS } from './commands/definitions.js';
import { COMPLETE, complete, completionScript, type Shell, SHELLS } from './completion.js';
import { addGuide, ALL_EXITS, describeOption } from './help.js';
import { asksForJson, printFailure, runCommand } from './run-command.js';
import { note, plain, print, reserveStandardOutput, survivePipeErrors, write } from './terminal.js';

const json = asksForJson(process.argv);

const program = new Command('iam-bootstrap')
  .description('Brings the IAM entities of an AWS account to a declared state, exactly once.')
  .version(PACKAGE.version)
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
    writeOut: write,
    outputError: (text, writeError) => {
      writeError(text.split('\n').map(plain).join('\n'));
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

for (const [heading, definitions] of Object.entries(COMMAND_GROUPS)) {
  program.commandsGroup(heading);
  for (const { name, description, addOptions, load, ...guide } of definitions) {
    const command = program.command(name).description(description);
    // Commander hands over what the command's own options and arguments define, which it cannot type.
    addOptions?.(command);
    addGuide(command, guide).action((...args) => runCommand(async () => (await load())(...(args as never[])), json));
  }
}

program.commandsGroup('Command line:');
addGuide(program.command('completion').description('print the completion script of a shell'), {
  examples: [
    ['source <(iam-bootstrap completion bash)', 'in ~/.bashrc; with zsh, in ~/.zshrc after compinit'],
    ['iam-bootstrap completion fish | source', 'in ~/.config/fish/config.fish'],
  ],
  exits: [
    [ExitCode.Converged, 'printed'],
    [ExitCode.Usage, 'unknown shell'],
  ],
})
  .addArgument(new Argument('<shell>').choices(SHELLS))
  .action((shell: Shell) => {
    print(completionScript(shell));
  });
program
  .command(COMPLETE, { hidden: true })
  .argument('[words...]')
  .action(async (words: readonly string[]) => {
    for (const line of await complete(program, words)) print(line);
  });
program.helpCommand('help [command]', 'same as --help');

reserveStandardOutput();
survivePipeErrors();
unsetEmptyVariables();
silenceSdkVersionWarning();

program.parseAsync().catch((error: unknown) => {
  // Commander has already printed the error. Help and version are not errors.
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? ExitCode.Converged : ExitCode.Usage;
  const isExcess = error.code === 'commander.excessArguments';
  const remedy = isExcess ? 'give a manifest with -f FILE' : 'read `iam-bootstrap --help`';
  if (isExcess) note(`remedy: ${remedy}`);
  if (!json || error.exitCode === 0) return;
  const message = error.message.replace(/^error: /, '');
  printFailure({ message, remedy, exitCode: ExitCode.Usage });
});
