import pc from 'picocolors';
import type { Outcome, Report, ReportResult } from '../../contract/report.js';
import type { Block } from '../../report/block.js';
import { blocksOf } from '../../report/blocks.js';
import type { EntityLine } from '../../report/entity-lines.js';
import { counted, revisionText } from '../../report/text.js';
import { approvalText, durationText, requesterText, summaryOf } from '../../report/words.js';
import { plain } from '../terminal.js';

type Paint = (text: string) => string;

const OUTCOMES: Readonly<Record<Outcome, Paint>> = {
  created: pc.green,
  adopted: pc.cyan,
  updated: pc.yellow,
  replaced: pc.magenta,
  released: pc.cyan,
  deleted: pc.red,
  unchanged: pc.dim,
  refused: pc.red,
  failed: pc.red,
  cancelled: pc.magenta,
  skipped: pc.dim,
  pending: pc.yellow,
};

/** Returns the color of an outcome. Other states have none. */
export function paintOf(state: string): Paint {
  return (OUTCOMES as Readonly<Record<string, Paint>>)[state] ?? String;
}

const RESULTS: Readonly<Record<ReportResult, Paint>> = {
  converged: pc.green,
  pending: pc.yellow,
  refused: pc.red,
  failed: pc.red,
  busy: pc.yellow,
  cancelled: pc.magenta,
};

/** The choice of what a rendered report has. */
export interface RenderOptions {
  /** Also lists unchanged entities that have a reason. Default: false. */
  readonly explained?: boolean | undefined;
  /** The last lines, which say what to type next. Default: none. */
  readonly next?: readonly string[];
}

/** The longest name that the words behind the names are lined up by. */
const MAX_ALIGNED_LENGTH = 40;

/** Renders a plan or a report as text. */
export function renderReport(report: Report, { explained = false, next = [] }: RenderOptions = {}): string {
  const heading = `${report.namespace} (${report.environment}) in account ${report.account}`;
  const blocks = blocksOf(report, { explained, grants: report.command === 'plan' });
  const lengths = blocks.filter(({ count }) => count === 1).map(({ id }) => id.length);
  const width = Math.max(0, ...lengths.filter((length) => length <= MAX_ALIGNED_LENGTH));
  const requester = requesterText(report);
  const lines = [
    pc.bold(`${report.command} ${plain(heading)}`),
    ...(requester === undefined ? [] : [`  ${plain(requester)}`]),
    ...(report.approval === undefined ? [] : [`  ${plain(approvalText(report.approval))}`]),
    ...blocks.flatMap((block) => renderBlock(block, width)),
    ...uncompared(report).map((line) => `  ${pc.yellow(plain(line))}`),
    ...(report.reason === null ? [] : [`  ${pc.red(plain(report.reason))}`]),
    ...(report.remedy === null ? [] : [`  ${pc.dim('remedy:')} ${plain(report.remedy)}`]),
    '',
    `${RESULTS[report.result](summaryOf(report))} ${counted(report.apiCalls.total, 'AWS call')}, ${durationText(report.durationMs)}`,
    ...(report.workflow.url === null ? [] : [pc.dim(plain(report.workflow.url))]),
    ...next.map((line) => line.replace(/\S.*/s, plain)),
  ];
  return lines.join('\n');
}

/** Warns that revisions of different sources were not compared. */
function uncompared({ revision }: Report): string[] {
  const { value, source, last } = revision ?? {};
  if (last === undefined || last === null || source === last.source) return [];
  return [
    `revision ${source ?? ''} ${String(value)} was not compared with the last applied one, ${revisionText(last, last.commit)}: their sources differ`,
  ];
}

function renderBlock({ outcome, sign, id, count, word, writes, lines }: Block, width: number): string[] {
  const name = plain(id).padEnd(count === 1 ? width : 0);
  const separator = outcome === 'skipped' && count > 1 ? ' ' : '  ';
  const title = OUTCOMES[outcome](`${sign} ${name}${separator}${plain(word)}`);
  return [`  ${title}${writes === '' ? '' : pc.dim(`  ${plain(writes)}`)}`, ...lines.map(renderLine)];
}

const SIGNS: Readonly<Record<EntityLine['sign'], Paint>> = {
  '+': pc.green,
  '-': pc.red,
  '~': pc.yellow,
  '!': pc.yellow,
  '': String,
};

function renderLine({ sign, text, tone, depth }: EntityLine): string {
  const line = `${sign === '' ? '' : `${sign} `}${plain(text)}`;
  return `      ${'  '.repeat(depth)}${paintLine(line, sign, tone)}`;
}

function paintLine(line: string, sign: EntityLine['sign'], tone: EntityLine['tone']): string {
  switch (tone) {
    case 'warning':
      return pc.bold(pc.yellow(line));
    case 'kept':
    case 'note':
      return pc.yellow(line);
    case 'remedy':
      return line.replace(/^remedy:/, pc.dim('remedy:'));
    case 'path':
      return pc.bold(line);
    case 'change':
      return SIGNS[sign](line);
    case 'text':
      return line;
  }
}
