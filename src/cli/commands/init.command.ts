import { Option } from 'commander';
import type { Command } from 'commander';
import { CI_SERVICES } from '../../client/init.js';
import { ExitCode } from '../../contract/failures.js';
import { addGuide } from '../help.js';
import { runCommand } from '../run-command.js';
import type { InitOptions } from './init.js';

/** Defines `init`. */
export function defineInit(program: Command): void {
  const command = program
    .command('init')
    .description('write a first manifest and a CI file; never overwrites files')
    .addOption(new Option('--ci <service>', 'CI service; default: found in the repository').choices(CI_SERVICES))
    .option('--ci-file <path>', 'path of the CI file; default: where the service expects it')
    .option('--namespace <name>', 'owner of the declared entities; default: name of the folder')
    .option('--dev-account <id>', 'AWS account of environment dev; default: ask')
    .option('--prod-account <id>', 'AWS account of environment prod; default: ask')
    .option('--force', 'overwrite files that exist', false);
  addGuide(command, {
    examples: [
      ['iam-bootstrap init', 'ask for what the repository does not show'],
      [
        'iam-bootstrap init --ci github --namespace platform \\\n      --dev-account 111111111111 --prod-account 222222222222',
        'do not ask, for example in a script',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'written'],
      [ExitCode.Usage, 'a file exists already, or an option is missing'],
    ],
  });
  command.action((options: InitOptions) => runCommand(async () => (await import('./init.js')).init(options)));
}
