import { describeLockHolder } from '../../client/run/lock-holders.js';
import type { FailingActivity } from '../../client/run/failing-activities.js';
import { entityId } from '../../contract/entity.js';
import type { EntityProgress, Progress } from '../../contract/progress.js';
import { isUnderWay } from '../../report/progress.js';
import { joinFirst } from '../../report/text.js';
import { durationText, SIGNS } from '../../report/words.js';
import { plain } from '../terminal.js';
import { breakLine, cutToWidth, widthOf } from '../width.js';
import { paintOf } from './report.js';

/** A state of the live display. */
export interface LiveView {
  /** Null before the run has answered. */
  readonly progress: Progress | null;
  /** Activities that keep failing. */
  readonly retries: readonly FailingActivity[];
  readonly notice: string;
  readonly spinner: string;
  readonly startedAt: number;
  readonly now: number;
}

/** The part of a terminal that the live display may fill. */
interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** A line of the live display. Colors are applied after the text is cut to the width. */
interface Line {
  readonly text: string;
  readonly paint: (text: string) => string;
}

const MAX_BAR_CELLS = 24;
const MIN_BAR_CELLS = 8;

/** Names of entities with problems that are shown. */
const MAX_PROBLEMS = 5;

/** Columns that the names of entities are lined up in. */
const MAX_NAME_WIDTH = 40;

/** The time in a state from which it is shown. */
const MIN_SHOWN_MS = 2_000;

/** Returns the lines of the live display, each narrower than the terminal, and all together lower. */
export function liveLines(view: LiveView, { columns, rows }: Size): readonly string[] {
  const width = columns - 1;
  const lines = view.progress === null ? startLines(view, width) : runLines(view, view.progress, { width, rows });
  return lines.slice(0, rows - 1).map(({ text, paint }) => paint(cutToWidth(text, width)));
}

function line(text: string, paint: Line['paint'] = String): Line {
  return { text: plain(text), paint };
}

function startLines({ spinner, notice, startedAt, now }: LiveView, width: number): readonly Line[] {
  return breakLine(plain(`${spinner} ${notice} (${elapsedText(now - startedAt)})`), width).map((text) => line(text));
}

function runLines(
  view: LiveView,
  progress: Progress,
  { width, rows }: { readonly width: number; readonly rows: number },
): readonly Line[] {
  const { notice } = view;
  const { entities, waitingFor } = progress;
  const underWay = entities.filter(({ state }) => isUnderWay(state));
  const isShownAbove = underWay.some(({ state }) => state === 'waiting') && progress.approval === undefined;
  const head = [headLine(view, progress, width), ...countLines(progress)];
  const below = [
    ...problemLines(progress),
    ...(waitingFor === null || isShownAbove ? [] : broken(`  ${waitingFor}`, width)),
    ...(notice === '' ? [] : broken(`  ${notice}`, width)),
  ];
  // One row is the cursor's.
  const left = Math.max(1, rows - 1 - head.length - below.length);
  return [...head, ...underWayLines(underWay, view, { width, rows: left }), ...below];
}

function broken(text: string, width: number): readonly Line[] {
  return breakLine(plain(text), width).map((part) => line(part));
}

function headLine({ spinner, startedAt, now }: LiveView, { phase, done, total }: Progress, width: number): Line {
  const start = `${spinner} ${phase}`;
  const end = `${String(done)} of ${String(total)} (${elapsedText(now - startedAt)})`;
  const cells = Math.min(MAX_BAR_CELLS, width - start.length - end.length - ' [] '.length);
  if (cells < MIN_BAR_CELLS) return line(`${start} ${end}`);
  const filled = total === 0 ? cells : Math.floor((done / total) * cells);
  return line(`${start} [${'#'.repeat(filled)}${'.'.repeat(cells - filled)}] ${end}`);
}

function countLines({ outcomes = {} }: Progress): readonly Line[] {
  const counts = Object.entries(outcomes).map(([outcome, count]) => `${String(count)} ${outcome}`);
  return counts.length === 0 ? [] : [line(`  ${counts.join(', ')}`)];
}

function problemLines({ entities }: Progress): readonly Line[] {
  const problems = entities.filter(({ state }) => state === 'failed' || state === 'refused');
  const shown = problems.slice(0, MAX_PROBLEMS).map((entity) => {
    const { state } = entity;
    return line(`  ${state === 'failed' ? SIGNS.failed : SIGNS.refused} ${entityId(entity)}  ${state}`, paintOf(state));
  });
  const more = problems.length - shown.length;
  return more === 0 ? shown : [...shown, line(`  and ${String(more)} more that failed or were refused`)];
}

/** Returns the entities that are under way. Where they do not fit, what they wait for is cut first, and then counted. */
function underWayLines(
  entities: readonly EntityProgress[],
  view: LiveView,
  { width, rows }: { readonly width: number; readonly rows: number },
): readonly Line[] {
  const widths = entities.map((entity) => widthOf(plain(entityId(entity)))).filter((one) => one <= MAX_NAME_WIDTH);
  const nameWidth = Math.max(0, ...widths);
  const blocks = entities.map((entity) => ({
    row: rowOf(entity, nameWidth, view.now),
    details: detailsOf(entity, view.retries).flatMap((text) => broken(`      ${text}`, width)),
  }));
  for (const maxDetails of [Infinity, 1, 0]) {
    const lines = blocks.flatMap(({ row, details }) => [row, ...details.slice(0, maxDetails)]);
    if (lines.length <= rows) return lines;
  }
  const shown = blocks.slice(0, rows - 1).map(({ row }) => row);
  const rest = entities.slice(shown.length);
  return [...shown, line(`  and ${String(rest.length)} more under way: ${joinFirst(rest.map(entityId), 3)}`)];
}

function rowOf(entity: EntityProgress, nameWidth: number, now: number): Line {
  const { state, since } = entity;
  const id = plain(entityId(entity));
  const inState = since === undefined ? 0 : now - Date.parse(since);
  const time = inState < MIN_SHOWN_MS ? '' : ` ${elapsedText(inState)}`;
  return line(`  ${id}${' '.repeat(Math.max(0, nameWidth - widthOf(id)))}  ${state}${time}`, paintOf(state));
}

/** Returns what an entity waits for. */
function detailsOf(
  { workflowId, state, lockHolder }: EntityProgress,
  retries: readonly FailingActivity[],
): readonly string[] {
  const holder = lockHolder === undefined ? 'another run' : describeLockHolder(lockHolder);
  return [
    ...(state === 'waiting' ? [`for ${holder}, which holds its lock`] : []),
    ...retries
      .filter((retry) => retry.workflowId === workflowId)
      .map(({ attempt, message }) => `attempt ${String(attempt)} failed and is retried: ${message}`),
  ];
}

/** Formats a time that goes on, in whole seconds. */
function elapsedText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 10 ? `${String(seconds)} s` : durationText(seconds * 1_000);
}
