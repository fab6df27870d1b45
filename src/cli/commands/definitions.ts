import { Argument } from 'commander';
import type { ApprovalAction } from '../../contract/approval.js';
import { ExitCode } from '../../contract/failures.js';
import {
  BUSY_EXITS,
  type CommandDefinition,
  EXAMPLE_FILE,
  EXAMPLE_FLEET,
  EXAMPLE_FLEET_RUN,
  REQUEST_EXITS,
} from '../help.js';
import {
  accountOption,
  addAdoptionOptions,
  addApprovalOptions,
  addFleetOptions,
  addFleetRunOptions,
  fleetOption,
  addManifestOptions,
  addNoWaitOption,
  addNamespaceOptions,
  addRequestOptions,
  addRunOptions,
  addTrustOption,
  naturalParser,
  outputOption,
  parseRepeatable,
  planOption,
  quietOption,
  sinceOption,
  waitTimeoutOption,
} from '../options.js';
import { addStackOptions } from '../stack-options.js';
import { AUDIT_COMMAND } from './audit-definition.js';
import { ESTATE_COMMANDS } from './estate-definitions.js';
import { SCHEDULE_COMMANDS } from './schedule-definitions.js';
import { SERVER_COMMANDS, SETUP_COMMANDS } from './setup-definitions.js';

const MANIFEST_COMMANDS: readonly CommandDefinition[] = [
  {
    name: 'validate',
    description: 'check a manifest offline',
    addOptions: (command) =>
      addStackOptions(addManifestOptions(command))
        .optionsGroup('Guardrails:')
        .option('--guardrails <file>', "file of a worker's guardrails that the manifest must keep to"),
    examples: [
      ['iam-bootstrap validate -f iam/bootstrap.yaml', 'check every environment that the manifest declares'],
      ['iam-bootstrap validate -f iam/bootstrap.yaml --output json', 'print problems with file and line as JSON'],
      ['iam-bootstrap validate -f iam/bootstrap.yaml --guardrails guardrails.yaml', 'check what a worker would refuse'],
    ],
    exits: [[ExitCode.Converged, 'valid'], [ExitCode.Refused, 'the guardrails do not allow it'], ExitCode.Usage],
    load: async () => (await import('./validate.js')).validate,
  },
  {
    name: 'guardrails',
    description: "explain a file of a worker's guardrails offline: what is allowed for whom",
    addOptions: (command) =>
      command
        .addArgument(new Argument('<action>', 'what to do with the file').choices(['explain']))
        .argument('[file]', 'guardrails file (default: that of IAM_BOOTSTRAP_GUARDRAILS)')
        .addOption(accountOption('only what is allowed in this account'))
        .option('-n, --namespace <name>', 'only what is allowed for this namespace')
        .option('-e, --environment <name>', 'only what is allowed for this environment')
        .addOption(outputOption()),
    examples: [
      ['iam-bootstrap guardrails explain guardrails.yaml', 'show the limits of each account'],
      [
        'iam-bootstrap guardrails explain guardrails.yaml \\\n      --account 111111111111 --namespace platform',
        'show those of one request; exit with 3 if it is not allowed',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'explained'],
      [ExitCode.Refused, 'the account, namespace or environment is not allowed'],
      ExitCode.Usage,
    ],
    load: async () => (await import('./guardrails.js')).guardrails,
  },
  {
    name: 'plan',
    description: 'show what apply would do; write nothing',
    addOptions: (command) =>
      addFleetOptions(addRequestOptions(addAdoptionOptions(addStackOptions(addManifestOptions(command)))))
        .optionsGroup('Run:')
        .option('--detailed-exitcode', 'exit with 2 if changes are pending', false),
    examples: [
      [`iam-bootstrap plan ${EXAMPLE_FILE}`, 'show each change and its reason'],
      [`iam-bootstrap plan ${EXAMPLE_FILE} --detailed-exitcode`, 'detect drift in a job: exit code 2'],
      [`iam-bootstrap plan ${EXAMPLE_FILE} --summary plan.md`, 'write a comment for a pull request'],
      [`iam-bootstrap plan ${EXAMPLE_FLEET}`, 'plan every account of a fleet'],
      [
        `iam-bootstrap plan -f cdk.out/Roles.template.json --account 111111111111 \\\n      --region us-east-1`,
        'plan the IAM resources of a CloudFormation or CDK template',
      ],
    ],
    exits: [
      [ExitCode.Converged, 'no changes; without --detailed-exitcode also: changes pending'],
      ExitCode.Failed,
      [ExitCode.Pending, 'changes pending, with --detailed-exitcode'],
      ExitCode.Refused,
      ...BUSY_EXITS,
    ],
    load: async () => (await import('./follow.js')).plan,
  },
  {
    name: 'apply',
    description: 'start a run, or join an equal one, and follow it',
    addOptions: (command) =>
      addFleetRunOptions(
        addNoWaitOption(
          addApprovalOptions(addRunOptions(addAdoptionOptions(addStackOptions(addManifestOptions(command))))),
        ),
      ),
    examples: [
      [`iam-bootstrap apply ${EXAMPLE_FILE}`, 'create what is missing, adopt what exists'],
      [
        `iam-bootstrap apply ${EXAMPLE_FILE} \\\n      --adopt foreign:Role/prod-deploy`,
        'take a role over from its owner',
      ],
      [
        `iam-bootstrap apply ${EXAMPLE_FILE} \\\n      --require-approval --no-wait`,
        'start a run that waits for an approval',
      ],
      [`iam-bootstrap apply ${EXAMPLE_FILE} --output json`, 'print the report as JSON'],
      [`iam-bootstrap apply ${EXAMPLE_FLEET}`, 'apply to the accounts of a fleet, wave by wave'],
      [`iam-bootstrap apply ${EXAMPLE_FLEET} --retry-failed`, 'repeat it where it did not converge'],
    ],
    exits: REQUEST_EXITS,
    load: async () => (await import('./follow.js')).apply,
  },
  removalCommand('release', 'remove ownership of what the manifest declares; keep the entities', 'be released'),
  removalCommand('destroy', 'delete what this namespace created, release what it adopted', 'be deleted and kept'),
];

function removalCommand(name: 'release' | 'destroy', description: string, planned: string): CommandDefinition {
  return {
    name,
    description,
    addOptions: (command) => {
      addNoWaitOption(addApprovalOptions(addRunOptions(addStackOptions(addManifestOptions(command)))))
        .optionsGroup('Confirmation:')
        .option('--yes', 'do not ask for confirmation', false)
        .option('--plan', 'show the plan and stop', false);
      if (name === 'release') return command;
      return addTrustOption(command)
        .optionsGroup('What may be written:')
        .option('--include-adopted', 'also delete adopted entities, and those of unknown origin', false);
    },
    examples: [
      [`iam-bootstrap ${name} ${EXAMPLE_FILE} --plan`, `show what would ${planned}`],
      [`iam-bootstrap ${name} ${EXAMPLE_FILE} --yes`, 'do not ask, for example in CI'],
    ],
    exits: REQUEST_EXITS,
    load: async () => (await import('./release-destroy.js'))[name],
  };
}

const RUN_COMMANDS: readonly CommandDefinition[] = [
  {
    name: 'status',
    description: 'list open and recent runs',
    addOptions: (command) =>
      command
        .addOption(accountOption('only runs of this account'))
        .option('-n, --namespace <name>', 'only runs of this namespace; needs --account or --fleet')
        .addOption(fleetOption('the last run of this fleet; needs --namespace'))
        .option('-l, --limit <count>', 'number of runs', naturalParser(5), 10)
        .option('-w, --watch', 'refresh every 2 seconds until interrupted', false)
        .addOption(outputOption()),
    examples: [
      ['iam-bootstrap status', 'the last ten runs'],
      ['iam-bootstrap status --account 111111111111 --namespace platform --limit 3', 'the runs of one namespace'],
      ['iam-bootstrap status --watch', 'follow every change'],
      [`iam-bootstrap status ${EXAMPLE_FLEET_RUN}`, 'the last run of a fleet, account by account'],
    ],
    exits: [[ExitCode.Converged, 'listed'], ExitCode.Failed, ...BUSY_EXITS],
    load: async () => (await import('./status.js')).status,
  },
  approvalCommand('approve', 'approve the plan of a run that waits for it', 'approved; the run continues'),
  approvalCommand('reject', 'reject the plan of a run that waits; nothing is written', 'rejected; the run ends'),
  {
    name: 'cancel',
    description: 'cancel the open run; calls in flight finish, no new ones start',
    addOptions: (command) =>
      addNamespaceOptions(command)
        .optionsGroup('Cancellation:')
        .option('--as <name>', 'your name; default: the CI actor or the local user')
        .option('--reason <text>', 'reason, kept in the report')
        .addOption(waitTimeoutOption('the run to end'))
        .option('--no-wait', 'request the cancellation and exit')
        .optionsGroup('Output:')
        .addOption(quietOption()),
    examples: [
      [`iam-bootstrap cancel ${EXAMPLE_FILE}`, 'cancel and wait for the end'],
      [
        `iam-bootstrap cancel --account 222222222222 --namespace platform \\\n      --reason 'wrong branch' --no-wait`,
        'cancel and do not wait',
      ],
      [`iam-bootstrap cancel ${EXAMPLE_FLEET_RUN}`, 'cancel the run of a fleet with all of its accounts'],
    ],
    exits: [
      [ExitCode.Converged, 'cancelled, or no run was open'],
      ExitCode.Failed,
      [ExitCode.Refused, 'the run ended before, as refused'],
      ...BUSY_EXITS,
    ],
    load: async () => (await import('./cancel.js')).cancel,
  },
  {
    name: 'explain <what>',
    description: 'explain who created an entity, who owns it, and why a Create was refused',
    addOptions: (command) =>
      command
        .addOption(accountOption('account; optional if runs were in one account only'))
        .addOption(sinceOption())
        .option('--audit <path>', 'also read this file of `audit export`, or folder (repeatable)', parseRepeatable, [])
        .addOption(outputOption()),
    examples: [
      ['iam-bootstrap explain Role/prod-deploy --account 222222222222', 'who created it, changed it and owns it'],
      [
        'iam-bootstrap explain 1b6c2a4e-0d1f-4c53-9f0e-7a3d5c9b8e21 \\\n      --account 222222222222',
        'by the ID of an AWS request or of a run',
      ],
      [
        'iam-bootstrap explain Role/prod-deploy --account 222222222222 \\\n      --audit audit.jsonl',
        'also from runs in a file of an export',
      ],
    ],
    exits: [[ExitCode.Converged, 'explained'], [ExitCode.Failed, 'nothing found'], ...BUSY_EXITS],
    load: async () => (await import('./explain.js')).explain,
  },
  {
    name: 'conflicts',
    description: 'count "already exists" errors by entity, namespace, pipeline, cause and day',
    addOptions: (command) =>
      command
        .addOption(accountOption('only conflicts in this account'))
        .option('-n, --namespace <name>', 'only conflicts of this namespace; needs --account')
        .addOption(sinceOption())
        .addOption(outputOption()),
    examples: [
      ['iam-bootstrap conflicts --since 7d', 'see whether they become fewer'],
      ['iam-bootstrap conflicts --account 111111111111 --output json', 'print them as JSON, for a dashboard'],
    ],
    exits: [[ExitCode.Converged, 'counted'], ExitCode.Failed, ...BUSY_EXITS],
    load: async () => (await import('./explain.js')).conflicts,
  },
  AUDIT_COMMAND,
];

function approvalCommand(action: ApprovalAction, description: string, outcome: string): CommandDefinition {
  return {
    name: action,
    description,
    addOptions: (command) =>
      addNamespaceOptions(command)
        .optionsGroup('Decision:')
        .addOption(planOption())
        .option('--as <name>', 'your name; default: the CI actor or the local user')
        .option('--reason <text>', 'reason, kept in the report')
        .option('--login', "prove who you are at the company's identity provider", false)
        .option('--yes', 'do not ask for confirmation', false),
    examples: [
      [`iam-bootstrap ${action} ${EXAMPLE_FILE}`, 'show the plan and ask'],
      [`iam-bootstrap ${action} ${EXAMPLE_FILE} --login`, 'also prove who you are'],
      [
        `iam-bootstrap ${action} --account 222222222222 --namespace platform \\\n      --as alice --reason 'as agreed' --yes`,
        'do not ask, for example in a script',
      ],
      [`iam-bootstrap ${action} ${EXAMPLE_FLEET_RUN}`, `show what a fleet has done, and ${action} its next wave`],
    ],
    exits: [
      [ExitCode.Converged, outcome],
      ExitCode.Failed,
      [ExitCode.Refused, 'not confirmed, or no such plan waits for approval'],
      ...BUSY_EXITS,
      ExitCode.Interrupted,
      ExitCode.Terminated,
    ],
    load: async () => (await import('./approve-reject.js'))[action],
  };
}

/** The commands in the order of the help, by the heading above them. */
export const COMMAND_GROUPS: Readonly<Record<string, readonly CommandDefinition[]>> = {
  'Manifests:': MANIFEST_COMMANDS,
  'Runs:': RUN_COMMANDS,
  'Schedules:': SCHEDULE_COMMANDS,
  'Existing estates:': ESTATE_COMMANDS,
  'Setup:': SETUP_COMMANDS,
  'Servers:': SERVER_COMMANDS,
};
