import { durationText } from '../../report/words.js';
import { joinFirst } from '../../report/text.js';
import { plain } from '../terminal.js';
import { breakLine, cutToWidth, widthOf } from '../width.js';
import { paintOf } from './report.js';

/** The entity of a run, or the account of a fleet, that is under way. */
export interface LiveItem {
  readonly name: string;
  readonly state: string;
  /** The time since which it is in its state. */
  readonly since?: string | undefined;
  /** The texts of what it waits for. */
  readonly details: readonly string[];
}

/** The entity or account that did not converge. */
export interface LiveProblem {
  readonly sign: string;
  readonly name: string;
  readonly state: string;
  readonly reason?: string | undefined;
}

/** The progress of a run, or of a fleet. */
export interface LiveProgress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  /** Counts of what has ended, or has not begun. */
  readonly counts: Readonly<Record<string, number>>;
  readonly underWay: readonly LiveItem[];
  /** The problems that are known by name. */
  readonly problems: readonly LiveProblem[];
  /** The number of all problems. */
  readonly problemCount: number;
  /** The text of what the run as a whole waits for. Null where it waits for nothing. */
  readonly waitingFor: string | null;
}

/** A state of the live display. */
export interface LiveView {
  /** Null before the run has answered. */
  readonly progress: LiveProgress | null;
  readonly notice: string;
  readonly spinner: string;
  readonly startedAt: number;
  readonly now: number;
}

/** The part of a terminal that the live display may fill. */
export interface Size {
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

/** Problems that are shown. */
const MAX_PROBLEMS = 5;

/** Columns that names are lined up in. */
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
  progress: LiveProgress,
  { width, rows }: { readonly width: number; readonly rows: number },
): readonly Line[] {
  const { notice, now } = view;
  const { underWay, waitingFor } = progress;
  const head = [headLine(view, progress, width), ...countLines(progress)];
  const below = [
    ...problemLines(progress),
    ...(waitingFor === null ? [] : broken(`  ${waitingFor}`, width)),
    ...(notice === '' ? [] : broken(`  ${notice}`, width)),
  ];
  // One row is the cursor's.
  const left = Math.max(1, rows - 1 - head.length - below.length);
  return [...head, ...underWayLines(underWay, now, { width, rows: left }), ...below];
}

function broken(text: string, width: number): readonly Line[] {
  return breakLine(plain(text), width).map((part) => line(part));
}

function headLine({ spinner, startedAt, now }: LiveView, { phase, done, total }: LiveProgress, width: number): Line {
  const start = `${spinner} ${phase}`;
  const end = `${String(done)} of ${String(total)} (${elapsedText(now - startedAt)})`;
  const cells = Math.min(MAX_BAR_CELLS, width - start.length - end.length - ' [] '.length);
  if (cells < MIN_BAR_CELLS) return line(`${start} ${end}`);
  const filled = total === 0 ? cells : Math.floor((done / total) * cells);
  return line(`${start} [${'#'.repeat(filled)}${'.'.repeat(cells - filled)}] ${end}`);
}

function countLines({ counts }: LiveProgress): readonly Line[] {
  const texts = Object.entries(counts).map(([what, count]) => `${String(count)} ${what}`);
  return texts.length === 0 ? [] : [line(`  ${texts.join(', ')}`)];
}

function problemLines({ problems, problemCount }: LiveProgress): readonly Line[] {
  const shown = problems
    .slice(0, MAX_PROBLEMS)
    .map(({ sign, name, state, reason }) =>
      line(`  ${sign} ${name}  ${state}${reason === undefined ? '' : `: ${reason}`}`, paintOf(state)),
    );
  const more = problemCount - shown.length;
  return more <= 0 ? shown : [...shown, line(`  and ${String(more)} more that did not converge`)];
}

/** Returns what is under way. Where it does not fit, what it waits for is cut first, and then counted. */
function underWayLines(
  items: readonly LiveItem[],
  now: number,
  { width, rows }: { readonly width: number; readonly rows: number },
): readonly Line[] {
  const widths = items.map(({ name }) => widthOf(plain(name))).filter((one) => one <= MAX_NAME_WIDTH);
  const nameWidth = Math.max(0, ...widths);
  const blocks = items.map((item) => ({
    row: rowOf(item, nameWidth, now),
    details: item.details.flatMap((text) => broken(`      ${text}`, width)),
  }));
  for (const maxDetails of [Infinity, 1, 0]) {
    const lines = blocks.flatMap(({ row, details }) => [row, ...details.slice(0, maxDetails)]);
    if (lines.length <= rows) return lines;
  }
  const shown = blocks.slice(0, rows - 1).map(({ row }) => row);
  const rest = items.slice(shown.length).map(({ name }) => name);
  return [...shown, line(`  and ${String(rest.length)} more under way: ${joinFirst(rest, 3)}`)];
}

function rowOf({ name, state, since }: LiveItem, nameWidth: number, now: number): Line {
  const id = plain(name);
  const inState = since === undefined ? 0 : now - Date.parse(since);
  const time = inState < MIN_SHOWN_MS ? '' : ` ${elapsedText(inState)}`;
  return line(`  ${id}${' '.repeat(Math.max(0, nameWidth - widthOf(id)))}  ${state}${time}`, paintOf(state));
}

/** Formats a time that goes on, in whole seconds. */
function elapsedText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 10 ? `${String(seconds)} s` : durationText(seconds * 1_000);
}
