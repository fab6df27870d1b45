import { Option } from 'commander';
import { CI_SERVICES } from '../../client/init.js';
import { ExitCode } from '../../contract/failures.js';
import { type CommandDefinition, serverExits } from '../help.js';
import { naturalParser, outputOption, parseListen, parseOrigin, parseRepeatable } from '../options.js';

/** The path of the Temporal CLI, of commands that start servers. */
const TEMPORAL_CLI = ['--temporal-cli <path>', 'path of the Temporal CLI'] as const;

/** Commands for the first time on a machine or in a repository. */
export const SETUP_COMMANDS: readonly CommandDefinition[] = [
  {
    name: 'demo',
    description: 'play the main job against an IAM emulator, and check each claim',
    addOptions: (command) =>
      command
        .option('--keep', 'leave the servers running afterwards, with the Temporal UI', false)
        .option(...TEMPORAL_CLI),
    examples: [['iam-bootstrap demo', 'a minute, without an AWS account']],
    exits: [
      [ExitCode.Converged, 'all claims hold'],
      [ExitCode.Failed, 'a claim does not hold'],
      [ExitCode.Busy, 'Python or the Temporal CLI is missing'],
      ExitCode.Interrupted,
      ExitCode.Terminated,
    ],
    load: async () => (await import('./demo.js')).demo,
  },
  {
    name: 'init',
    description: 'write a first manifest and a CI file; never overwrites files',
    addOptions: (command) =>
      command
        .addOption(new Option('--ci <service>', 'CI service; default: found in the repository').choices(CI_SERVICES))
        .option('--ci-file <path>', 'path of the CI file; default: where the service expects it')
        .option('--namespace <name>', 'owner of the declared entities; default: name of the folder')
        .option('--dev-account <id>', 'AWS account of environment dev; default: ask')
        .option('--prod-account <id>', 'AWS account of environment prod; default: ask')
        .option('--force', 'overwrite files that exist', false),
    examples: [
      ['iam-bootstrap init', 'ask for what the repository does not show'],
      [
        'iam-bootstrap init --ci github --namespace platform \\\n      --dev-account 111111111111 --prod-account 222222222222',
        'do not ask, for example in a script',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'written'],
      ExitCode.Failed,
      [ExitCode.Usage, 'a file exists already, or an option is missing'],
    ],
    load: async () => (await import('./init.js')).init,
  },
  {
    name: 'doctor',
    description: 'check Temporal, search attributes, AWS credentials and permissions',
    addOptions: (command) =>
      command
        .option('--fix', 'create missing folders and search attributes; AWS is only read', false)
        .addOption(outputOption()),
    examples: [
      ['iam-bootstrap doctor', 'run it where the worker runs, to check its credentials'],
      ['iam-bootstrap doctor --fix', 'fix what does not concern AWS'],
    ],
    exits: [
      [ExitCode.Converged, 'ready to apply; warnings are possible'],
      [ExitCode.Failed, 'a check failed'],
      ExitCode.Usage,
    ],
    load: async () => (await import('./doctor.js')).doctor,
  },
];

/** Commands that run servers until they are stopped. */
export const SERVER_COMMANDS: readonly CommandDefinition[] = [
  {
    name: 'worker',
    description: 'run the worker, which holds the AWS credentials',
    examples: [['iam-bootstrap worker', 'run until stopped; configured by TEMPORAL_* and AWS_*']],
    exits: serverExits('Temporal is unreachable, or certificates were renewed: start it again'),
    load: async () => (await import('./worker.js')).worker,
  },
  {
    name: 'dev',
    description: 'run Temporal, its UI and a worker on this machine',
    addOptions: (command) =>
      command
        .option('--sandbox', 'use an IAM emulator instead of AWS', false)
        .option('--port <number>', 'port of the Temporal server', naturalParser(5))
        .option('--ui-port <number>', 'port of the Temporal UI', naturalParser(5))
        .option(...TEMPORAL_CLI),
    examples: [
      ['iam-bootstrap dev --sandbox', 'try it without an AWS account'],
      [
        'IAM_BOOTSTRAP_STATE=.iam-bootstrap-2 \\\n      iam-bootstrap dev --sandbox --port 7333 --ui-port 8333',
        'run beside another dev server',
      ],
    ],
    exits: serverExits('Temporal is unreachable, or did not start'),
    load: async () => (await import('./dev.js')).dev,
  },
  {
    name: 'codec-server',
    description: 'decrypt payloads for the Temporal UI and command line',
    addOptions: (command) =>
      command
        .addOption(
          new Option('--listen <host:port>', 'address to listen on')
            .argParser(parseListen)
            .default({ host: '127.0.0.1', port: 8081 }, '127.0.0.1:8081'),
        )
        .addOption(
          new Option('--origin <url>', 'origin of a UI that may read (repeatable)').argParser(parseOrigin).default([]),
        )
        .option('--token-file <path>', 'file of bearer tokens, one a line; others are refused')
        .option('--issuer <url>', 'OIDC issuer of the tokens that the UI sends')
        .option('--audience <id>', 'audience of these tokens: the client ID of the UI')
        .option('--jwks-url <url>', 'keys of the issuer; default: as it publishes')
        .option('--claim <name=value>', 'claim that a token needs (repeatable)', parseRepeatable, [])
        .option('--allow-encode', 'encrypt input of the UI and command line as well', false),
    examples: [
      ['iam-bootstrap codec-server --origin http://localhost:8233', 'for the UI of a dev server on this machine'],
      ['iam-bootstrap codec-server --listen 127.0.0.1:8082 --token-file codec.tokens', 'only for owners of a token'],
    ],
    exits: [[ExitCode.Converged, 'stopped by SIGINT or SIGTERM'], ExitCode.Failed, ExitCode.Usage],
    load: async () => (await import('./codec-server.js')).codecServer,
  },
];
