import type { ContainerEdit } from './container-edit.js';
import { columnOf, indentationAt, lineStart } from './conventions.js';
import type { SourceFile } from './source-nodes.js';
import { endOfLine, keepAnchors, NotEditableError, type Splice } from './splices.js';
import type { ValueWriter } from './write-value.js';

/** Returns the changes that make a map the first member of a list, as it is written, and add others behind it. */
export function editOnly(
  file: SourceFile,
  writer: ValueWriter,
  { container, removed, added }: ContainerEdit,
): Splice[] {
  const { text, format } = file;
  const { start, end, style, indicatorEnd = start } = container;
  if (removed.size > 0 || added.some(({ key }) => key !== undefined)) {
    throw new NotEditableError('it becomes a list, and changes');
  }
  // An anchor or a tag would be one of the list.
  keepAnchors(file, start, start + 1);
  const before = text.slice(indicatorEnd, start).replace(/(^|\s)#.*/g, '$1');
  if (before.trim() !== '') throw new NotEditableError('an anchor or a tag stands before it');
  const insertion = (at: number, written: string): Splice => ({ start: at, end: at, text: written, order: start });
  const { eol, indent, space, hasLines } = writer.conventions;
  if (style === 'flow' && format === 'json' && hasLines) {
    const margin = indentationAt(text, start);
    const inner = margin + indent;
    const others = added.map(({ value }) => `,${eol}${inner}${writer.json(value, inner)}`).join('');
    return [
      insertion(start, `[${eol}${inner}`),
      ...linesWithin(text, start, end).map((at) => insertion(at, indent)),
      insertion(end, `${others}${eol}${margin}]`),
    ];
  }
  if (style === 'flow') {
    const others = added.map((one) => `,${space}${writer.flow(one.value, one.style)}`).join('');
    return [insertion(start, '['), insertion(end, `${others}]`)];
  }
  if (text.slice(lineStart(text, start), start).trim() !== '') {
    throw new NotEditableError('it begins beside what is around it');
  }
  const column = columnOf(text, start);
  const lines = added.map(({ value, style: beside }) => {
    return `${' '.repeat(column)}-${writer.block(value, column, true, beside)}`;
  });
  const last = endOfLine(text, container);
  const isBehindBreak = text[last - 1] === '\n';
  return [
    insertion(start, '- '),
    ...linesWithin(text, start, last).map((at) => insertion(at, '  ')),
    insertion(last, lines.map((line) => (isBehindBreak ? line + eol : eol + line)).join('')),
  ];
}

/** Returns the offsets at which lines with text begin, behind the first line of a part. */
function linesWithin(text: string, start: number, end: number): readonly number[] {
  return [...text.slice(start, end).matchAll(/\n(?=[^\r\n])/g)].map(({ index }) => start + index + 1);
}
