import type { Json } from '../../../contract/entity.js';
import { indentationAt } from './conventions.js';
import type { SourceNode } from './source-nodes.js';
import type { ValueWriter } from './write-value.js';

/** `|` or `>`, with what follows it in its line. A digit tells the indentation of texts that begin with spaces. */
const HEADER = /^([|>])[-+\d]*([^\r\n]*)/;

/**
 * Returns a text as a block scalar in the way of the one that it replaces: with its indentation, its comment, and its lines
 * folded where they were. In quotes where it cannot be one.
 */
export function blockScalar(
  text: string,
  writer: ValueWriter,
  { start, end }: Pick<SourceNode, 'start' | 'end'>,
  value: Json,
): string {
  const { eol, indent } = writer.conventions;
  const before = text.slice(start, end);
  const [, sign = '|', rest = ''] = HEADER.exec(before) ?? [];
  const tail = before.endsWith('\n') ? eol : '';
  const isBlock =
    typeof value === 'string' && /^[^\s]/.test(value) && !/[^\n\t\P{Cc}]|[\u2028\u2029\ufeff]/u.test(value);
  if (!isBlock || value.endsWith('\n\n')) return writer.flow(value) + rest + tail;
  const margin = /\n([ ]+)\S/.exec(before)?.[1] ?? indentationAt(text, start) + indent;
  const body = value.replace(/\n$/, '');
  const width = Math.max(
    ...before
      .split(/\r?\n/)
      .slice(1)
      .map((line) => line.trim().length),
  );
  // Lines that begin or end with spaces are not folded.
  const isFolded = sign === '>' && !/^[ \t]|[ \t]$/m.test(body);
  const lines = isFolded
    ? body
        .replace(/\n+/g, '$&\n')
        .split('\n')
        .flatMap((line) => wrap(line, width))
    : body.split('\n');
  const header = `${isFolded ? '>' : '|'}${value.endsWith('\n') ? '' : '-'}${rest}`;
  return header + eol + lines.map((line) => (line === '' ? '' : margin + line)).join(eol) + tail;
}

/** Returns a line in lines of a width, which are broken where one space stands between two words. */
function wrap(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = '';
  for (const word of line.split(/(?<=\S) (?=\S)/)) {
    if (rest !== '' && rest.length + 1 + word.length > width) {
      lines.push(rest);
      rest = word;
    } else rest = rest === '' ? word : `${rest} ${word}`;
  }
  return [...lines, rest];
}
