import { Option } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { BUSY_EXITS, type CommandDefinition } from '../help.js';
import { accountOption, addTargetManifestOptions, parseRepeatable, waitTimeoutOption } from '../options.js';

/** Commands for entities that other tools made, or are about to make. */
export const ESTATE_COMMANDS: readonly CommandDefinition[] = [
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
      [ExitCode.Refused, 'an entity has another owner'],
      ...BUSY_EXITS,
      ExitCode.Interrupted,
      ExitCode.Terminated,
    ],
    load: async () => (await import('./preflight.js')).preflight,
  },
];
