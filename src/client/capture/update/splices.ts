import type { AnchorUse, SourceFile, SourceNode } from './source-nodes.js';

/** A change of a text: the characters from `start` to `end` are replaced. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** The rank among insertions at one offset: the highest comes first, since it belongs to the innermost value. */
  readonly order: number;
}

/** Reports a change that cannot be made in a text without touching what must stay. */
export class NotEditableError extends Error {}

/** Applies changes of a text. Removals may overlap each other, and nothing else may. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  const removals = splices.filter((splice) => splice.text === '').sort((a, b) => a.start - b.start);
  const merged: Splice[] = [];
  for (const removal of removals) {
    const last = merged.at(-1);
    if (last !== undefined && removal.start < last.end) {
      merged[merged.length - 1] = { ...last, end: Math.max(last.end, removal.end) };
    } else merged.push(removal);
  }
  const others = splices
    .filter((splice) => splice.text !== '')
    .map((splice) => (splice.start === splice.end ? outsideOf(merged, text, splice) : splice));
  const all = [...merged, ...others].sort((a, b) => a.start - b.start || a.end - b.end || b.order - a.order);
  let result = '';
  let at = 0;
  for (const splice of all) {
    if (splice.start < at) throw new Error(`changes of one text overlap at offset ${String(splice.start)}`);
    result += text.slice(at, splice.start) + splice.text;
    at = splice.end;
  }
  return result + text.slice(at);
}

/** Moves an insertion behind a line that is removed: to the end of the line before it. */
function outsideOf(removals: readonly Splice[], text: string, insertion: Splice): Splice {
  const { start: at } = insertion;
  // A last line without a line break ends where the insertion is.
  const isAtEnd = at === text.length && /^\r?\n/.test(insertion.text);
  const around = removals.find(({ start, end }) => start < at && (at < end || (isAtEnd && at === end)));
  if (around === undefined || around.start === 0) return insertion;
  const start = around.start - (text[around.start - 2] === '\r' ? 2 : 1);
  return outsideOf(removals, text, { ...insertion, start, end: start });
}

/** @throws NotEditableError where characters that go, or are replaced, have an anchor that other places repeat */
export function keepAnchors({ anchors }: SourceFile, start: number, end: number): void {
  const isInside = (offset: number): boolean => offset >= start && offset < end;
  const lost = anchors.find(
    ({ anchorAt, aliasesAt }: AnchorUse) => isInside(anchorAt) && aliasesAt.some((offset) => !isInside(offset)),
  );
  if (lost !== undefined) throw new NotEditableError(`other places repeat its anchor &${lost.name}`);
}

const COMMENT: Readonly<Record<SourceFile['format'], RegExp>> = { yaml: /(^|\s)#/, json: /\/[/*]/, text: /(?!)/ };

/** Reports whether a comment stands inside of a value. */
export function hasComment({ text, format }: Pick<SourceFile, 'text' | 'format'>, node: SourceNode): boolean {
  const gaps: string[] = [];
  let at = node.start;
  const skip = (start: number, end: number): void => {
    gaps.push(text.slice(at, start));
    at = end;
  };
  const walk = ({ type, style, start, end, members }: SourceNode): void => {
    // The first line of a block scalar may have a comment.
    const header = style === 'literal' ? (/^.*/.exec(text.slice(start, end))?.[0].length ?? 0) : 0;
    if (type === 'scalar' || type === 'alias') skip(start + header, end);
    for (const { key, value } of members) {
      if (key !== undefined) skip(key.start, key.end);
      walk(value);
    }
  };
  walk(node);
  return [...gaps, text.slice(at, node.end)].some((gap) => COMMENT[format].test(gap));
}

/** Returns the end of the line behind a value, without its line break: a comment beside the value included. */
export function endOfLine(text: string, { end }: Pick<SourceNode, 'end'>): number {
  if (end > 0 && text[end - 1] === '\n') return end;
  const at = text.indexOf('\n', end);
  if (at === -1) return text.length;
  return text[at - 1] === '\r' && at > end ? at - 1 : at;
}

/** Returns the offset behind the line break at an offset; the offset itself where there is none. */
export function behindLineBreak(text: string, offset: number): number {
  if (offset > 0 && text[offset - 1] === '\n') return offset;
  if (text.startsWith('\r\n', offset)) return offset + 2;
  return text[offset] === '\n' ? offset + 1 : offset;
}
