import type { Problem } from '../../engine/manifest/problem.js';
import { plain } from '../terminal.js';

/** Characters of a line that are shown. */
const WIDTH = 100;

/** Characters that are shown before the place in a longer line. */
const BEFORE = 40;

/** Returns the line of a problem with its number, and below it a mark at the place. Empty where the file has no text. */
export function excerptOf({ line, column, sourceLine }: Problem): string[] {
  if (sourceLine === undefined || sourceLine.trim() === '') return [];
  const at = column - 1;
  const start = sourceLine.length <= WIDTH ? 0 : Math.max(0, at - BEFORE);
  const before = `${start > 0 ? '…' : ''}${withoutTabs(sourceLine.slice(start, at))}`;
  const rest = sourceLine.slice(at, start + WIDTH);
  const after = `${withoutTabs(rest)}${start + WIDTH < sourceLine.length ? '…' : ''}`;
  const number = String(line);
  const marked = /^(?:"[^"]*"|'[^']*'|[^\s:,[\]{}]+)/.exec(rest)?.[0].length ?? 1;
  return [
    plain(`${number} | ${before}${after}`),
    `${' '.repeat(number.length)} | ${' '.repeat(plain(before).length)}${'^'.repeat(marked)}`,
  ];
}

/** Makes each tab one blank, so that the mark stays in its column. */
function withoutTabs(text: string): string {
  return text.replaceAll('\t', ' ');
}
