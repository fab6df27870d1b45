import { Option } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { BUSY_EXITS, type CommandDefinition } from '../help.js';
import {
  accountOption,
  addTargetManifestOptions,
  outputOption,
  parseRepeatable,
  waitTimeoutOption,
} from '../options.js';
import { addStackOptions } from '../stack-options.js';

/** Options of `capture` that choose a part of an account, or name a new manifest. */
const NOT_WITH_UPDATE = [
  ...['account', 'assumeRole', 'partition', 'kind', 'name', 'path', 'tag', 'owner'],
  ...['namespace', 'directory', 'format', 'force'],
];

/** Commands for entities that other tools made, or are about to make. */
export const ESTATE_COMMANDS: readonly CommandDefinition[] = [
  {
    name: 'capture',
    description: 'write the entities of an account as a manifest; write nothing to AWS',
    addOptions: (command) =>
      addTargetManifestOptions(
        command
          .optionsGroup('Account:')
          .addOption(accountOption('account to read'))
          .option('--assume-role <arn>', 'role in the account that the worker assumes')
          .option('--partition <name>', 'partition of the account (default: aws)'),
      )
        .optionsGroup('Entities:')
        .option('--kind <kind>', 'only this kind (repeatable)', parseRepeatable, [])
        .option('--name <pattern>', 'only these names; * is any text (repeatable)', parseRepeatable, [])
        .option('--path <prefix>', 'only entities below this path')
        .option('--tag <key[=value]>', 'only entities with this tag (repeatable)', parseRepeatable, [])
        .addOption(
          new Option('--owner <who>', 'only those without an owner, or of the namespace').choices(['unowned', 'ours']),
        )
        .optionsGroup('Manifest:')
        .option('-n, --namespace <name>', 'namespace of the manifest')
        .option('--directory <folder>', 'folder for the manifest and its policies', 'iam')
        .addOption(
          new Option('--format <format>', 'format of the manifest').choices(['yaml', 'json', 'ts']).default('yaml'),
        )
        .option('--force', 'replace files that exist', false)
        .optionsGroup('A manifest that exists:')
        .addOption(
          new Option('--update', 'take over into the manifest what differs in the account')
            .default(false)
            .conflicts(NOT_WITH_UPDATE),
        )
        .option('--removed', 'with --update: declare entities absent that are gone', false)
        .option('--every-environment', 'with --update: change what other environments use, too', false)
        .option('--check', 'with --update: write nothing; exit 2 where something differs', false)
        .optionsGroup('Run:')
        .addOption(waitTimeoutOption('a worker'))
        .optionsGroup('Output:')
        .addOption(outputOption()),
    examples: [
      [
        'iam-bootstrap capture --account 111111111111 --namespace platform',
        'write iam/bootstrap.yaml and its policies',
      ],
      [
        'iam-bootstrap capture --account 111111111111 --namespace ci --path /ci/ \\\n      --kind Role --kind Policy --directory ci',
        'write some of the account into a folder',
      ],
      ['iam-bootstrap capture --update -f iam/bootstrap.yaml -e prod', 'take drift over into a manifest'],
    ],
    exits: [
      [ExitCode.Converged, 'written, or nothing to write'],
      [ExitCode.Failed, 'something could not be read; the rest is written'],
      [ExitCode.Pending, 'with --update: something differs still'],
      [ExitCode.Refused, 'credentials of another account, or the worker refuses the request'],
      ...BUSY_EXITS,
      ExitCode.Interrupted,
      ExitCode.Terminated,
    ],
    load: async () => (await import('./capture.js')).capture,
  },
  {
    name: 'preflight',
    description: 'predict which creates of a Terraform plan AWS would refuse; write nothing',
    addOptions: (command) =>
      addTargetManifestOptions(
        command
          .optionsGroup('Plans:')
          .addOption(
            new Option('--terraform <file>', 'plan of `terraform show -json`, or - (repeatable)')
              .argParser(parseRepeatable)
              .default([]),
          )
          .option('--offline', 'compare the plans with each other only', false)
          .option('--allow-incomplete', 'take a plan that leaves changes to a later one', false)
          .optionsGroup('Account:')
          .addOption(accountOption('account of the plans; default: as the plans show it'))
          .option('--assume-role <arn>', 'role in the account that the worker assumes')
          .option('--partition <name>', 'partition of the accounts; default: as the plans show it')
          .addOption(
            new Option('--provider <name=account>', 'account of a provider configuration (repeatable)')
              .argParser(parseRepeatable)
              .default([]),
          ),
      )
        .optionsGroup('Run:')
        .addOption(waitTimeoutOption('a worker'))
        .optionsGroup('Output:')
        .addOption(
          new Option('--output <file>', 'write import and moved blocks; once for each plan')
            .argParser(parseRepeatable)
            .default([]),
        )
        .option('--json', 'print the result as JSON; so does --output json', false),
    examples: [
      ['iam-bootstrap preflight --terraform plan.json --account 111111111111', 'name each create that would fail'],
      [
        'iam-bootstrap preflight --terraform plan.json --account 111111111111 \\\n      --output imports.tf',
        'write import blocks for what exists already',
      ],
      [
        'iam-bootstrap preflight --terraform plan.json --terraform other.json \\\n      --offline',
        'find names that two stacks would create',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'no create would fail'],
      [ExitCode.Failed, 'something could not be read'],
      [ExitCode.Pending, 'a create would fail'],
      [ExitCode.Refused, 'an entity has another owner, or the credentials belong to another account'],
      ...BUSY_EXITS,
      ExitCode.Interrupted,
      ExitCode.Terminated,
    ],
    load: async () => (await import('./preflight.js')).preflight,
  },
  {
    name: 'convert',
    description: 'convert a CloudFormation or CDK template to a manifest, offline',
    addOptions: (command) =>
      addStackOptions(command.argument('<template>', 'template in JSON or YAML, as in cdk.out/NAME.template.json'))
        .optionsGroup('Manifest:')
        .option('-e, --environment <name>', 'name of the environment', 'default')
        .optionsGroup('Output:')
        .option('--output <file>', 'write a file, which must not exist; default, and -: print'),
    examples: [
      [
        'iam-bootstrap convert cdk.out/Roles.template.json --account 111111111111 \\\n      --region us-east-1 --output roles.yaml',
        'write a manifest, for plan and apply',
      ],
      [
        'iam-bootstrap convert cdk.out/Roles.template.json --account 111111111111 \\\n      --region us-east-1 --parameter Stage=prod --resource-name Build=ci-build',
        'give a parameter, and a name that the stack would make up',
      ],
    ],
    exits: [[ExitCode.Converged, 'converted'], ExitCode.Usage],
    load: async () => (await import('./convert.js')).convert,
  },
];
