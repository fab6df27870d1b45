import { pauseSchedule, resumeSchedule, triggerSchedule } from '../../client/schedule/change.js';
import { createSchedule } from '../../client/schedule/create.js';
import { type CancelledRun, deleteSchedule } from '../../client/schedule/delete.js';
import { describeSchedule, listSchedules } from '../../client/schedule/read.js';
import { type Config, loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { SCHEDULE_NAME, type Timing } from '../../contract/schedule.js';
import { type FleetCommandOptions, loadFleetManifest, loadManifestRequest } from '../request.js';
import {
  renderCreated,
  renderDeleted,
  renderSchedule,
  renderScheduleRun,
  renderSchedules,
} from '../render/schedule.js';
import { requesterName } from '../requester.js';
import { untilInterrupted, UsageError } from '../run-command.js';
import { openSession, type Session } from '../session.js';
import { note, plain, print, printJson, wrapped } from '../terminal.js';

/** The actions of the command. */
type Action = 'create' | 'list' | 'describe' | 'pause' | 'resume' | 'trigger' | 'delete';

interface ScheduleCommandOptions extends FleetCommandOptions {
  readonly enforce: boolean;
  readonly every?: number;
  readonly cron?: string;
  readonly jitter?: number;
  readonly name?: string;
  readonly paused: boolean;
  readonly reason?: string;
  readonly account?: string;
  readonly namespace?: string;
}

/** Makes schedules, shows them, and changes them. */
export async function schedule(
  action: Action,
  id: string | undefined,
  options: ScheduleCommandOptions,
): Promise<ExitCode> {
  const config = loadConfig();
  if (action === 'create') return create(id, options, config);
  const session = await openSession(config, note, { worker: false });
  try {
    if (action === 'list') await list(session, options);
    else await act(session, action, requireId(action, id), options, config);
    return ExitCode.Converged;
  } finally {
    await session.close();
  }
}

async function create(id: string | undefined, options: ScheduleCommandOptions, config: Config): Promise<ExitCode> {
  if (id !== undefined) throw new UsageError('create takes no ID', 'use --name NAME to tell two schedules apart');
  const timing = timingOf(options);
  const { name, enforce, paused, waitTimeout, output } = options;
  if (name !== undefined && !SCHEDULE_NAME.test(name)) {
    throw new UsageError(`--name ${name} is not valid`, 'use 1 to 63 lower-case letters, digits and hyphens');
  }
  const request = await loadScheduled(options, config);
  if (request === null) return ExitCode.Usage;
  const session = await openSession(config, note);
  const interrupt = untilInterrupted();
  try {
    const wanted = { request, command: enforce ? 'enforce' : 'detect', timing, name, paused } as const;
    const created = await createSchedule(session.temporal, wanted, {
      waitTimeoutMs: waitTimeout,
      signal: interrupt.signal,
      onEvent: (event) => {
        if (event.type === 'no-worker') note(`Waiting for a worker of task queue ${plain(event.taskQueue)}.`);
      },
    });
    if (output === 'json') printJson({ version: 1, command: 'schedule', schedule: created });
    else print(wrapped(renderCreated(created, timing), process.stdout));
    if (session.embedded) note('This server runs only while a command does: use `iam-bootstrap dev` or a server.');
    return ExitCode.Converged;
  } catch (error) {
    if (interrupt.signal.aborted) throw interrupt.signal.reason;
    throw error;
  } finally {
    interrupt.dispose();
    await session.close();
  }
}

/** Loads the manifest as the request of a schedule, for an environment or for a fleet. */
function loadScheduled(
  options: ScheduleCommandOptions,
  config: Config,
): Promise<Parameters<typeof createSchedule>[1]['request'] | null> {
  const { fleet, environment, enforce, requireApproval } = options;
  if (fleet === undefined) return loadManifestRequest(options, config);
  if (environment !== undefined) {
    throw new UsageError('--environment and --fleet do not go together', 'give one of them');
  }
  if (requireApproval === true) {
    throw new UsageError(
      '--require-approval and --fleet do not go together',
      'ask for approvals by the guardrails, in the accounts that need them',
    );
  }
  return loadFleetManifest({ ...options, fleet }, config, enforce ? 'enforce' : 'detect');
}

/** @throws UsageError unless the options name either an interval or cron times */
function timingOf({ every, cron, jitter }: ScheduleCommandOptions): Timing {
  const when = cron === undefined ? { every } : { cron };
  if ((every === undefined) === (cron === undefined)) {
    throw new UsageError('create needs either --every or --cron', "add --every 6h, or --cron '0 3 * * *'");
  }
  if (cron !== undefined && cron.trim().split(/\s+/).length !== 5) {
    throw new UsageError(
      `--cron ${cron} has not five fields`,
      "write minute, hour, day, month and weekday: '0 3 * * *'",
    );
  }
  return { ...when, ...(jitter === undefined ? {} : { jitter }) } as Timing;
}

async function list({ temporal }: Session, { account, namespace, output }: ScheduleCommandOptions): Promise<void> {
  const schedules = await listSchedules(temporal, { account, namespace });
  if (output === 'json') printJson({ version: 1, command: 'schedule', schedules });
  else print(renderSchedules(schedules, Date.now()));
}

async function act(
  { temporal }: Session,
  action: Exclude<Action, 'create' | 'list'>,
  id: string,
  { reason, output }: ScheduleCommandOptions,
  config: Config,
): Promise<void> {
  const by = requesterName(undefined, config.pipeline);
  const why = [by === null ? [] : `by ${by}`, reason ?? []].flat().join(': ');
  let text = `${action === 'resume' ? 'Resumed' : 'Paused'} ${plain(id)}`;
  let cancelled: readonly CancelledRun[] | undefined;
  switch (action) {
    case 'describe': {
      const described = await describeSchedule(temporal, id);
      if (output === 'json') printJson({ version: 1, command: 'schedule', schedule: described });
      else print(wrapped(renderSchedule(described, Date.now()), process.stdout));
      return;
    }
    case 'pause':
      await pauseSchedule(temporal, id, why);
      break;
    case 'resume':
      await resumeSchedule(temporal, id, why);
      break;
    case 'trigger': {
      const run = await triggerSchedule(temporal, id);
      text = run === undefined ? `Triggered ${plain(id)}` : renderScheduleRun(run);
      break;
    }
    case 'delete':
      cancelled = await deleteSchedule(temporal, id, ({ url, workflowId }) => {
        note(`Cancelled its open run, which ends between two writes: ${plain(url ?? workflowId)}`);
      });
      text = renderDeleted(id, cancelled);
  }
  if (output === 'json') printJson({ version: 1, command: 'schedule', action, id, ...(cancelled && { cancelled }) });
  else print(text);
}

function requireId(action: Action, id: string | undefined): string {
  if (id !== undefined) return id;
  throw new UsageError(`${action} needs the ID of a schedule`, 'see them with `iam-bootstrap schedule list`');
}
