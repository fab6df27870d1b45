import type { SourceFile, SourceNode, Style } from './source-nodes.js';

/** The way in which a file is written, for what is added to it. */
export interface Conventions {
  readonly eol: '\n' | '\r\n';
  /** One level of indentation. */
  readonly indent: string;
  /** The quotes of texts that need some. */
  readonly quotes: 'single' | 'double';
  /** The style of texts without a neighbor that shows one. */
  readonly text: Style;
  /** Lists of single values are in brackets. */
  readonly hasFlowLists: boolean;
  /** The dashes of a list are indented below their key. */
  readonly indentsLists: boolean;
  /** The space between a bracket and what is in it, in maps. */
  readonly padding: string;
  /** The space behind commas and colons in brackets. */
  readonly space: string;
  /** It has several lines, so that maps and lists of JSON get lines of their own. */
  readonly hasLines: boolean;
}

/** Returns the way in which a file is written. */
export function conventionsOf({ text, root, format }: SourceFile): Conventions {
  const nodes = [...walk(root)];
  const count = (matches: (node: SourceNode) => boolean): number => nodes.filter(matches).length;
  const scalars = nodes.filter(({ type }) => type === 'scalar');
  const styled = (style: Style): number => scalars.filter((node) => node.style === style).length;
  const isListOf = (style: Style) => (node: SourceNode) =>
    node.type === 'list' && node.style === style && node.members.length > 0 && holdsScalars(node);
  const hasSpaces = format !== 'json' || !/[,:]["\d[{]/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, '""'));
  return {
    eol: text.includes('\r\n') ? '\r\n' : '\n',
    indent: indentOf(text, root, format),
    quotes: styled('single') > styled('double') ? 'single' : 'double',
    text: styled('plain') >= Math.max(styled('single'), styled('double')) ? 'plain' : quotesOf(styled),
    hasFlowLists: count(isListOf('flow')) >= count(isListOf('block')),
    indentsLists: nodes.every((node) => !hasListBelowKey(text, node)),
    padding: hasPadding(text, nodes) ? ' ' : '',
    space: hasSpaces ? ' ' : '',
    hasLines: text.trim().includes('\n'),
  };
}

function quotesOf(styled: (style: Style) => number): 'single' | 'double' {
  return styled('single') > styled('double') ? 'single' : 'double';
}

function* walk(node: SourceNode): Generator<SourceNode> {
  yield node;
  for (const { value } of node.members) yield* walk(value);
}

/** Reports whether all members of a list are single values. */
export function holdsScalars({ members }: SourceNode): boolean {
  return members.every(({ value }) => value.type === 'scalar');
}

/** Reports whether maps in braces have spaces inside of them: those of most have. */
function hasPadding(text: string, nodes: readonly SourceNode[]): boolean {
  const maps = nodes.filter((node) => node.type === 'map' && node.style === 'flow' && node.members.length > 0);
  const padded = maps.filter(({ start }) => /\s/.test(text[start + 1] ?? ''));
  return padded.length * 2 >= maps.length;
}

function indentOf(text: string, root: SourceNode, format: SourceFile['format']): string {
  if (format === 'json') return /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ';
  for (const node of walk(root)) {
    for (const { value, start } of node.members) {
      const isNested = node.type === 'map' && node.style === 'block' && value.type === 'map' && value.style === 'block';
      if (isNested && value.members.length > 0) {
        const depth = columnOf(text, value.start) - columnOf(text, start);
        if (depth > 0) return ' '.repeat(depth);
      }
    }
  }
  return '  ';
}

function hasListBelowKey(text: string, node: SourceNode): boolean {
  if (node.type !== 'map' || node.style !== 'block') return false;
  return node.members.some(
    ({ value, start }) =>
      value.type === 'list' && value.style === 'block' && columnOf(text, value.start) === columnOf(text, start),
  );
}

/** Returns the offset of the first character of a line. */
export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
}

/** Returns the number of characters before an offset on its line. */
export function columnOf(text: string, offset: number): number {
  return offset - lineStart(text, offset);
}

/** Returns the white space at the beginning of the line of an offset. */
export function indentationAt(text: string, offset: number): string {
  return /^[ \t]*/.exec(text.slice(lineStart(text, offset), offset))?.[0] ?? '';
}
