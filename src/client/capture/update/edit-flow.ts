import { indentationAt } from './conventions.js';
import type { ContainerEdit } from './container-edit.js';
import type { SourceFile } from './source-nodes.js';
import { keepAnchors, type Splice } from './splices.js';
import type { ValueWriter } from './write-value.js';

/** The text around a member in brackets. */
interface Place {
  readonly start: number;
  readonly end: number;
  /** The offset behind the comma of the member before, and a comment beside it. */
  readonly leadStart: number;
  /** The offset of the comma behind it; -1 where there is none. */
  readonly comma: number;
  /** The offset behind the comma, or behind the value, and a comment on the same line. */
  readonly tailEnd: number;
  /** It begins on a line of its own. */
  readonly hasOwnLine: boolean;
}

/** A comment up to the end of its line, or nothing. */
const REST_OF_LINE: Readonly<Record<SourceFile['format'], RegExp>> = {
  yaml: /[ \t]*(?:[ \t]#[^\r\n]*)?(?=\r?\n)/y,
  json: /[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*)?(?=\r?\n)/y,
  text: /(?=\r?\n)/y,
};

/** White space and comments. */
const GAP: Readonly<Record<SourceFile['format'], RegExp>> = {
  yaml: /(?:\s|(?<=\s)#[^\r\n]*)*/y,
  json: /(?:\s|\/\/[^\r\n]*|\/\*[^]*?\*\/)*/y,
  text: /\s*/y,
};

/** Returns the changes that remove members in brackets, and add others behind the last one that stays. */
export function editFlow(file: SourceFile, writer: ValueWriter, edit: ContainerEdit): Splice[] {
  const { container, removed } = edit;
  const places = placesOf(file, container);
  for (const index of removed) {
    const place = places[index];
    if (place !== undefined) keepAnchors(file, place.leadStart, place.end);
  }
  if (places.length === removed.size) return replaceAll(file, writer, edit, places);
  return [...removals(file.text, places, removed), ...additions(file, writer, edit, places)];
}

function placesOf({ text, format }: SourceFile, { start, end, members }: ContainerEdit['container']): Place[] {
  let leadStart = matchEnd(REST_OF_LINE[format], text, start + 1) ?? start + 1;
  return members.map((member) => {
    const gapEnd = matchEnd(GAP[format], text, member.end) ?? member.end;
    const comma = text[gapEnd] === ',' && gapEnd < end ? gapEnd : -1;
    const from = comma === -1 ? member.end : comma + 1;
    const place = {
      start: member.start,
      end: member.end,
      leadStart,
      comma,
      tailEnd: matchEnd(REST_OF_LINE[format], text, from) ?? from,
      hasOwnLine: text.slice(leadStart, member.start).includes('\n'),
    };
    leadStart = place.tailEnd;
    return place;
  });
}

function matchEnd(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : undefined;
}

/** Removes some of the members. Comments above them stay, those beside them go. */
function removals(text: string, places: readonly Place[], removed: ReadonlySet<number>): Splice[] {
  const lastKept = lastKeptOf(places, removed);
  return places.flatMap((place, index) => {
    if (!removed.has(index)) return [];
    const next = places[index + 1];
    const isInline = index < lastKept && next !== undefined && !next.hasOwnLine;
    return [isInline ? removal(place.start, next.start) : removal(lineBreakBefore(text, place), place.tailEnd)];
  });
}

function removal(start: number, end: number): Splice {
  return { start, end, text: '', order: 0 };
}

/** Returns the offset of the line break before a member on a line of its own; else where the text before it begins. */
function lineBreakBefore(text: string, { leadStart, start, hasOwnLine }: Place): number {
  if (!hasOwnLine) return leadStart;
  const at = text.lastIndexOf('\n', start - 1);
  return text[at - 1] === '\r' ? at - 1 : at;
}

function lastKeptOf(places: readonly Place[], removed: ReadonlySet<number>): number {
  return places.reduce((last, _place, index) => (removed.has(index) ? last : index), -1);
}

/** Adds members behind the last one that stays, and sees to its comma. */
function additions(
  { text }: SourceFile,
  writer: ValueWriter,
  { container, removed, added }: ContainerEdit,
  places: readonly Place[],
): Splice[] {
  const index = lastKeptOf(places, removed);
  const kept = places[index];
  const endsWithComma = (places.at(-1)?.comma ?? -1) !== -1;
  if (kept === undefined) return [];
  if (added.length === 0) {
    const isNeedless = kept.comma !== -1 && !endsWithComma;
    return isNeedless ? [removal(kept.comma, kept.comma + 1)] : [];
  }
  const order = container.start;
  const separator = kept.hasOwnLine
    ? writer.conventions.eol + indentationAt(text, kept.start)
    : writer.conventions.space || spaceBetween(text, places);
  const indentation = indentationAt(text, kept.start);
  const written = added.map((member) => separator + memberText(writer, member, indentation));
  const tail = endsWithComma ? ',' : '';
  if (kept.comma !== -1) return [{ start: kept.tailEnd, end: kept.tailEnd, text: written.join(',') + tail, order }];
  const at = kept.hasOwnLine ? kept.tailEnd : kept.end;
  const comma = { start: kept.end, end: kept.end, text: ',', order: order + 0.5 };
  return [comma, { start: at, end: at, text: written.join(',') + tail, order }];
}

function spaceBetween(text: string, places: readonly Place[]): string {
  const [, second] = places;
  const space = second === undefined ? '' : text.slice(second.leadStart, second.start);
  return space.trim() === '' ? space : '';
}

/** Puts other members in the place of all that there are. Nothing stays but comments. */
function replaceAll(
  { text, format }: SourceFile,
  writer: ValueWriter,
  { container, added }: ContainerEdit,
  places: readonly Place[],
): Splice[] {
  const { start, end } = container;
  const order = start;
  const inner = text.slice(start + 1, end - 1);
  const [first] = places;
  if (added.length === 0) {
    const hasComment = matchEnd(GAP[format], text, start + 1) !== first?.start || places.some(hasCommentBehind(text));
    if (!hasComment) return inner === '' ? [] : [removal(start + 1, end - 1)];
    return places.map((place) => removal(lineBreakBefore(text, place), place.tailEnd));
  }
  if (first !== undefined) {
    const indentation = indentationAt(text, first.start);
    const separator = first.hasOwnLine ? writer.conventions.eol + indentation : writer.conventions.space;
    const written = added.map((member) => memberText(writer, member, indentation)).join(`,${separator}`);
    const others = places.slice(1).map((place) => removal(lineBreakBefore(text, place), place.tailEnd));
    const comma = first.comma === -1 || places.at(-1)?.comma !== -1 ? [] : [removal(first.comma, first.comma + 1)];
    return [{ start: first.start, end: first.end, text: written, order }, ...others, ...comma];
  }
  if (inner.trim() !== '') {
    const written = added.map((member) => memberText(writer, member, '')).join(`,${writer.conventions.space}`);
    return [{ start: end - 1, end: end - 1, text: written, order }];
  }
  return [{ start: start + 1, end: end - 1, text: innerText(text, format, writer, { container, added }), order }];
}

function hasCommentBehind(text: string): (place: Place) => boolean {
  return ({ end, comma, tailEnd }) => text.slice(end, tailEnd).trim() !== (comma === -1 ? '' : ',');
}

/** Returns what stands between brackets that were empty. */
function innerText(
  text: string,
  format: SourceFile['format'],
  writer: ValueWriter,
  { container, added }: Pick<ContainerEdit, 'container' | 'added'>,
): string {
  const { eol, indent, hasLines, space, padding } = writer.conventions;
  if (format === 'json' && hasLines) {
    const outer = indentationAt(text, container.start);
    const members = added.map((member) => outer + indent + memberText(writer, member, outer + indent));
    return eol + members.join(`,${eol}`) + eol + outer;
  }
  const edge = container.type === 'map' ? padding : '';
  return edge + added.map((member) => memberText(writer, member, '')).join(`,${space}`) + edge;
}

function memberText(writer: ValueWriter, { key, value, style }: ContainerEdit['added'][number], at: string): string {
  const text = writer.isJson ? writer.json(value, at) : writer.flow(value, style);
  return key === undefined ? text : `${writer.key(key)}:${writer.conventions.space}${text}`;
}
