import { Argument } from 'commander';
import { ExitCode } from '../../contract/failures.js';
import { BUSY_EXITS, type CommandDefinition, EXAMPLE_FILE } from '../help.js';
import {
  accountOption,
  addAdoptionOptions,
  addApprovalOptions,
  addManifestOptions,
  addRevisionOptions,
  addScheduleOptions,
  outputOption,
  waitTimeoutOption,
} from '../options.js';
import { addStackValueOptions } from '../stack-options.js';

/** The schedule that examples name. */
const EXAMPLE_ID = 'iam-bootstrap-schedule:222222222222:platform:prod:detect';

/** Commands about schedules and the drift that they find. */
export const SCHEDULE_COMMANDS: readonly CommandDefinition[] = [
  {
    name: 'schedule',
    description: 'look for drift, or enforce a manifest, at set times',
    addOptions: (command) =>
      addRevisionOptions(
        addApprovalOptions(
          addAdoptionOptions(
            addScheduleOptions(
              addStackValueOptions(
                addManifestOptions(
                  command
                    .addArgument(
                      new Argument('<action>', 'what to do').choices([
                        'create',
                        'list',
                        'describe',
                        'pause',
                        'resume',
                        'trigger',
                        'delete',
                      ]),
                    )
                    .argument('[id]', 'the schedule; for create it follows from the manifest'),
                ),
              ),
            ),
          ),
        ),
      )
        .optionsGroup('Run:')
        .option('--keep-going', 'if the plan refuses an entity, converge the rest', false)
        .addOption(waitTimeoutOption('a worker')),
    examples: [
      [`iam-bootstrap schedule create ${EXAMPLE_FILE} --every 6h`, 'look for drift every 6 hours'],
      [
        `iam-bootstrap schedule create ${EXAMPLE_FILE} --enforce \\\n      --cron '0 3 * * *' --jitter 10m`,
        'apply at night what differs then',
      ],
      [
        `iam-bootstrap schedule create -f fleet.yaml \\\n      --fleet workloads --enforce --every 1h`,
        'keep every account of a fleet as declared, new ones too',
      ],
      ['iam-bootstrap schedule list', 'every schedule with its next run'],
      [`iam-bootstrap schedule describe \\\n      ${EXAMPLE_ID}`, 'its manifest, its last runs and their results'],
      [`iam-bootstrap schedule pause \\\n      ${EXAMPLE_ID} \\\n      --reason 'incident 42'`, 'start no more runs'],
      [`iam-bootstrap schedule resume \\\n      ${EXAMPLE_ID}`, 'start runs again'],
      [`iam-bootstrap schedule trigger \\\n      ${EXAMPLE_ID}`, 'start a run now'],
      [`iam-bootstrap schedule delete \\\n      ${EXAMPLE_ID}`, 'forget it; entities stay as they are'],
    ],
    exits: [
      [ExitCode.Converged, 'done'],
      [ExitCode.Failed, 'no such schedule'],
      [ExitCode.Refused, 'older than the schedule, or not allowed'],
      ...BUSY_EXITS,
      ExitCode.Interrupted,
      ExitCode.Terminated,
    ],
    load: async () => (await import('./schedule.js')).schedule,
  },
  {
    name: 'drift',
    description: 'show what differs from its manifest, since when, and by whom',
    addOptions: (command) =>
      command
        .addOption(accountOption('only this account'))
        .option('-n, --namespace <name>', 'only this namespace')
        .addOption(outputOption()),
    examples: [
      ['iam-bootstrap drift', 'everything that schedules look at'],
      ['iam-bootstrap drift --account 222222222222 --output json', 'one account, for a script'],
    ],
    exits: [
      [ExitCode.Converged, 'no drift was found'],
      ExitCode.Failed,
      [ExitCode.Pending, 'something differs'],
      ...BUSY_EXITS,
    ],
    load: async () => (await import('./drift.js')).drift,
  },
];
