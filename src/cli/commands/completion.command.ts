import { Argument } from 'commander';
import type { Command } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { COMPLETE, complete, completionScript, SHELLS } from '../completion.js';
import type { Shell } from '../completion.js';
import { addGuide } from '../help.js';
import { print } from '../terminal.js';

/** Defines `completion`, and the hidden command that its scripts call. */
export function defineCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description('print the completion script of a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS));
  addGuide(command, {
    examples: [
      ['source <(iam-bootstrap completion bash)', 'in ~/.bashrc; with zsh, in ~/.zshrc after compinit'],
      ['iam-bootstrap completion fish | source', 'in ~/.config/fish/config.fish'],
    ],
    exits: [
      [ExitCode.Converged, 'printed'],
      [ExitCode.Usage, 'unknown shell'],
    ],
  });
  command.action((shell: Shell) => {
    print(completionScript(shell));
  });
  program
    .command(COMPLETE, { hidden: true })
    .argument('[words...]')
    .action(async (words: readonly string[]) => {
      for (const line of await complete(program, words)) print(line);
    });
}
