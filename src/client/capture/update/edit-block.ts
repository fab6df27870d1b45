import { columnOf, lineStart } from './conventions.js';
import type { Added, ContainerEdit } from './container-edit.js';
import type { SourceFile, SourceMember } from './source-nodes.js';
import { behindLineBreak, endOfLine, keepAnchors, NotEditableError, type Splice } from './splices.js';
import type { ValueWriter } from './write-value.js';

/** Returns the changes that remove members of a list with dashes, or of a map without braces, and add others at its end. */
export function editBlock(file: SourceFile, writer: ValueWriter, edit: ContainerEdit): Splice[] {
  const { members } = edit.container;
  const gone = members.filter((_member, index) => edit.removed.has(index));
  for (const { start, end } of gone) keepAnchors(file, start, end);
  const kept = members.filter((_member, index) => !edit.removed.has(index));
  const last = kept.at(-1);
  if (last === undefined) return replaceAll(file, writer, edit);
  return [...removals(file.text, edit), ...addBehind(file.text, writer, edit, last)];
}

function removals(text: string, { container: { members }, removed }: ContainerEdit): Splice[] {
  return members.flatMap((member, index) => {
    if (!removed.has(index)) return [];
    if (ownsLine(text, member)) return [removeLines(text, member)];
    // It begins behind the dash of the list around it: the next member that stays moves up.
    const next = members.find((_other, at) => at > index && !removed.has(at));
    if (next === undefined) return [];
    const between = text.slice(endOfLine(text, member), lineStart(text, next.start));
    if (/^[ \t]*#/m.test(between) || !ownsLine(text, next)) {
      throw new NotEditableError('comments stand between it and what follows');
    }
    return [{ start: member.start, end: next.start, text: '', order: 0 }];
  });
}

function ownsLine(text: string, { start }: SourceMember): boolean {
  return text.slice(lineStart(text, start), start).trim() === '';
}

/** Removes a member with its lines. */
function removeLines(text: string, member: SourceMember): Splice {
  const end = behindLineBreak(text, endOfLine(text, member));
  return { start: lineStart(text, member.start), end, text: '', order: 0 };
}

function addBehind(
  text: string,
  writer: ValueWriter,
  { container, added }: ContainerEdit,
  last: SourceMember,
): Splice[] {
  if (added.length === 0) return [];
  const { eol } = writer.conventions;
  const column = columnOf(text, last.start);
  const lines = added.map((member) => ' '.repeat(column) + memberText(writer, container.type, member, column));
  const at = endOfLine(text, last);
  const isBehindBreak = at > 0 && text[at - 1] === '\n';
  const written = lines.map((line) => (isBehindBreak ? line + eol : eol + line)).join('');
  return [{ start: at, end: at, text: written, order: container.start }];
}

function memberText(
  writer: ValueWriter,
  type: ContainerEdit['container']['type'],
  { key, value, style }: Added,
  column: number,
): string {
  if (type === 'list') return `-${writer.block(value, column, true, style)}`;
  return `${writer.key(key ?? '')}:${writer.block(value, column, false, style)}`;
}

/** Puts other members in the place of all that there are, or empty brackets. Comments on lines of their own stay. */
function replaceAll({ text }: SourceFile, writer: ValueWriter, { container, added }: ContainerEdit): Splice[] {
  const { members, indicatorEnd, type } = container;
  const [first, ...others] = members;
  if (first === undefined) return [];
  const order = container.start;
  const column = columnOf(text, first.start);
  if (added.length > 0) {
    const margin = writer.conventions.eol + ' '.repeat(column);
    const written = added.map((member) => memberText(writer, type, member, column)).join(margin);
    return [{ start: first.start, end: endOf(text, first), text: written, order }, ...others.map(linesOf(text))];
  }
  const brackets = type === 'list' ? '[]' : '{}';
  const end = endOf(text, members.at(-1) ?? first);
  const hasComment = /^[ \t]*#/m.test(text.slice(lineStart(text, first.start), end));
  const isBelow = indicatorEnd !== undefined && text.slice(indicatorEnd, first.start).trim() === '';
  if (isBelow && !hasComment) return [{ start: indicatorEnd, end, text: ` ${brackets}`, order }];
  // A list may begin in the column of its key, where brackets cannot.
  const written = indicatorEnd === undefined ? brackets : `  ${brackets}`;
  return [{ start: first.start, end: endOf(text, first), text: written, order }, ...others.map(linesOf(text))];
}

function linesOf(text: string): (member: SourceMember) => Splice {
  return (member) => removeLines(text, member);
}

/** Returns the end of a member without the line break that a block scalar ends with. */
function endOf(text: string, { end }: SourceMember): number {
  if (text[end - 1] !== '\n') return end;
  return text[end - 2] === '\r' ? end - 2 : end - 1;
}
