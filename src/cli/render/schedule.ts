import pc from 'picocolors';
import type { CreatedSchedule } from '../../client/schedule/create.js';
import type { CancelledRun } from '../../client/schedule/delete.js';
import type { DescribedSchedule, ScheduleRun } from '../../client/schedule/read.js';
import { timingText } from '../../client/schedule/timing.js';
import type { ScheduleSummary, Timing } from '../../contract/schedule.js';
import { describePipeline } from '../../report/run-description.js';
import { counted, revisionText } from '../../report/text.js';
import { agoText } from '../../report/words.js';
import { columns, plain } from '../terminal.js';

const PAINT: Readonly<Record<string, (text: string) => string>> = {
  converged: pc.green,
  pending: pc.yellow,
  running: pc.cyan,
};

/** Renders what became of a schedule that was to be made. */
export function renderCreated({ id, outcome, changes, nextAt, paused }: CreatedSchedule, timing: Timing): string {
  const next = paused ? 'paused' : nextAt === null ? 'no next run' : `next run ${nextAt}`;
  const head = {
    created: `Created ${plain(id)}`,
    updated: `Updated ${plain(id)}`,
    unchanged: `Unchanged: ${plain(id)} is as requested`,
  }[outcome];
  return [head, ...changes.map((line) => `  ~ ${plain(line)}`), `  ${plain(timingText(timing))}; ${next}`].join('\n');
}

/** Renders schedules, a line each. */
export function renderSchedules(schedules: readonly ScheduleSummary[], now: number): string {
  if (schedules.length === 0) return 'No schedules.';
  const head = ['STATE', 'DOES', 'LAST', 'NEXT', 'SCHEDULE'].map((title) => pc.dim(title));
  const rows = schedules.map(({ id, command, paused, lastAt, nextAt }) => [
    paused ? pc.yellow('paused') : pc.green('active'),
    command,
    lastAt === null ? '-' : agoText(Math.max(0, now - Date.parse(lastAt))),
    nextAt ?? '-',
    plain(id),
  ]);
  return columns([head, ...rows]).join('\n');
}

/** Renders a schedule: what it does, its manifest, and its last runs. */
export function renderSchedule(schedule: DescribedSchedule, now: number): string {
  const { id, command, account, namespace, environment, timing, next, runs } = schedule;
  const does = command === 'detect' ? 'looks for drift of' : 'enforces';
  const where =
    account === null
      ? `${namespace} in the accounts of fleet ${environment}`
      : `${namespace} (${environment}) in ${account}`;
  const when = timing === null ? 'at times that could not be read' : timingText(timing);
  return [
    pc.bold(plain(id)),
    row('does', `${does} ${where}, ${when}`),
    row('state', stateText(schedule)),
    ...requestRows(schedule),
    row('made at', schedule.updatedAt ?? schedule.createdAt),
    row('next', next.length === 0 ? 'none' : next.join(', ')),
    ...(schedule.skipped === 0 ? [] : [row('skipped', `${counted(schedule.skipped, 'start')}: a run was still open`)]),
    ...(schedule.missed === 0 ? [] : [row('missed', `${counted(schedule.missed, 'time')}: the server was down`)]),
    ...(runs.length === 0 ? ['  no runs yet'] : ['  last runs:', ...runs.flatMap((run) => runLines(run, now))]),
  ].join('\n');
}

function stateText({ paused, note }: DescribedSchedule): string {
  return paused ? ['paused', note ?? []].flat().join(' ') : 'active';
}

function requestRows({ request, requester, entities }: DescribedSchedule): readonly string[] {
  if (request === null) return [row('manifest', 'could not be read')];
  const { manifest, digest, revision, pipeline } = request;
  return [
    row(
      'manifest',
      [manifest, entities === null ? [] : counted(entities, 'entity', 'entities'), digest].flat().join(', '),
    ),
    ...(revision === undefined ? [] : [row('revision', revisionText(revision, pipeline.commit))]),
    row('made by', requester ?? `${describePipeline(pipeline)} (claimed)`),
  ];
}

function row(title: string, text: string): string {
  return `  ${title.padEnd(10)}${plain(text)}`;
}

/** Renders the deletion of a schedule, with the runs that have not ended yet. */
export function renderDeleted(id: string, cancelled: readonly CancelledRun[]): string {
  const open = cancelled.filter(({ hasEnded }) => !hasEnded);
  return [
    `Deleted ${plain(id)}`,
    ...open.map(({ url, workflowId }) => `  its run ends once a worker takes it: ${plain(url ?? workflowId)}`),
  ].join('\n');
}

/** Renders a run that was started. */
export function renderScheduleRun({ workflowId, url }: ScheduleRun): string {
  return `Started ${plain(url ?? workflowId)}`;
}

function runLines({ startedAt, state, inDrift, corrected, reason, url }: ScheduleRun, now: number): readonly string[] {
  const found = [
    ...(corrected === null || corrected === 0 ? [] : [`${String(corrected)} corrected`]),
    ...(inDrift === null ? [] : [`${String(inDrift)} in drift`]),
  ];
  const ago = agoText(Math.max(0, now - Date.parse(startedAt)));
  return [
    `    ${(PAINT[state] ?? pc.red)(plain(state))}, ${[ago, ...found].join(', ')}`,
    ...(reason === null ? [] : [`      ${plain(reason)}`]),
    ...(url === null ? [] : [`      ${pc.dim(plain(url))}`]),
  ];
}
