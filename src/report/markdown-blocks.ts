import type { Outcome } from '../contract/report.js';
import type { Block } from './block.js';
import type { EntityLine } from './entity-lines.js';
import { code, fenced, htmlCode, plain } from './markdown.js';
import { counted } from './text.js';

interface MarkdownOptions {
  /** The size that the blocks may have. */
  readonly maxLength: number;
  /** Returns the size of a text. Default: its characters. */
  readonly measure?: (text: string) => number;
  /** Folds long blocks, for readers that know HTML. */
  readonly foldsLong: boolean;
  /** Characters of a line of code, where its reader does not wrap it. Default: not limited. */
  readonly width?: number;
  /** Entities that have no block, and are counted with those that do not fit. Default: 0. */
  readonly omitted?: number;
  /** The place that shows what is left out. Default: the report of the command line. */
  readonly elsewhere?: string;
}

/** Lines of a block above which the rest is folded. */
const MAX_OPEN_LINES = 20;

/** The size that the last line may have. */
const COUNT_LENGTH = 300;

/**
 * Returns the lines of blocks in Markdown. What a person must look at comes first. A block that does not fit is named
 * without its lines, as long as that fits, and counted otherwise. The last line says what is left out, and where it is.
 */
export function markdownBlocks(blocks: readonly Block[], options: MarkdownOptions): readonly string[] {
  const {
    maxLength,
    measure = (text: string): number => text.length,
    elsewhere = 'see the report (`--output json`)',
  } = options;
  const sizeOf = (some: readonly string[]): number => measure(some.join('\n'));
  const lines: string[] = [];
  let left = maxLength - COUNT_LENGTH;
  let { omitted = 0 } = options;
  let hidden = 0;
  for (const block of [...blocks].sort((a, b) => rankOf(a) - rankOf(b))) {
    const whole = markdownBlock(block, options);
    const shown = sizeOf(whole) <= left ? whole : titleOnly(block);
    if (sizeOf(shown) > left) omitted += block.count;
    else {
      if (shown !== whole) hidden += block.lines.length;
      lines.push(...shown);
      left -= sizeOf(shown) + 1;
    }
  }
  const missing = [
    ...(omitted === 0 ? [] : [counted(omitted, 'more entity', 'more entities')]),
    ...(hidden === 0 ? [] : [counted(hidden, 'line')]),
  ];
  return missing.length === 0 ? lines : [...lines, '', `Left out here: ${missing.join(' and ')}; ${elsewhere}.`];
}

const PROBLEMS: ReadonlySet<Outcome> = new Set(['failed', 'refused']);

function rankOf({ outcome, lines }: Block): number {
  if (PROBLEMS.has(outcome)) return 0;
  return lines.some(isAttention) ? 1 : 2;
}

/** Reports whether a person must look at a block: a problem, a grant that widens access, or what is unmanaged. */
export function needsAttention(block: Block): boolean {
  return rankOf(block) < 2;
}

function isAttention({ tone }: EntityLine): boolean {
  return tone === 'warning' || tone === 'kept';
}

function markdownBlock(block: Block, { foldsLong, width }: MarkdownOptions): readonly string[] {
  const { lines } = block;
  if (!foldsLong || lines.length <= MAX_OPEN_LINES) return ['', titleOf(block), ...linesOf(lines, width)];
  const isOpen = (line: EntityLine): boolean => isAttention(line) || isProse(line);
  const rest = lines.filter((line) => !isOpen(line));
  return [
    '',
    titleOf(block),
    ...linesOf(lines.filter(isOpen), width),
    '',
    `<details><summary>${counted(rest.length, 'line')} of ${htmlCode(block.id)}</summary>`,
    ...linesOf(rest, width),
    '',
    '</details>',
  ];
}

/** Reports whether a line is a sentence, which a page wraps. */
function isProse({ tone, depth }: EntityLine): boolean {
  return depth === 0 && (tone === 'text' || tone === 'remedy');
}

/** Returns sentences as paragraphs, and what is between them as diffs. */
function linesOf(lines: readonly EntityLine[], width: number | undefined): readonly string[] {
  const result: string[] = [];
  let diff: EntityLine[] = [];
  const endDiff = (): void => {
    if (diff.length > 0) result.push('', ...diffOf(diff, width));
    diff = [];
  };
  for (const line of lines) {
    if (!isProse(line)) {
      diff.push(line);
      continue;
    }
    endDiff();
    result.push('', plain(line.text));
  }
  endDiff();
  return result;
}

function titleOnly(block: Block): readonly string[] {
  const hidden = block.lines.length === 0 ? '' : `, ${counted(block.lines.length, 'line')} not shown`;
  return ['', titleOf(block) + hidden];
}

function titleOf({ sign, id, word }: Block): string {
  return `${code(sign)} ${code(id)} ${plain(word)}`;
}

/** Returns lines as a diff: its reader colors a line by its first character. */
export function diffOf(lines: readonly EntityLine[], width = Infinity): readonly string[] {
  const texts = lines.flatMap(({ sign, text, depth, tone, pair }) => {
    const indent = '  '.repeat(depth);
    if (pair !== undefined) return pair.map((one, index) => `${index === 0 ? '-' : '+'} ${indent}${one}`);
    const first = tone === 'note' ? '!' : sign === '' || sign === '~' ? ' ' : sign;
    return [`${first} ${indent}${text}`];
  });
  return fenced(
    texts.flatMap((text) => wrap(text, width)),
    'diff',
  );
}

/** Columns by which the next lines of a long line are indented. */
const HANGING_INDENT = 6;

/** Wraps a line of a diff between words. The next lines start with its sign. */
function wrap(line: string, width: number): readonly string[] {
  if (line.length <= width) return [line];
  const start = /^. */.exec(line)?.[0] ?? '';
  const indent = `${line.slice(0, 1)}${' '.repeat(HANGING_INDENT - 1)}`;
  const [first = '', ...words] = line.slice(start.length).split(' ');
  const lines = [start + first];
  for (const word of words) {
    const last = lines.at(-1) ?? '';
    if (last.length + 1 + word.length > width) lines.push(indent + word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
