import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type CST,
  type Node,
  type Pair,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { AnchorUse, ReadNodes, SourceMember, SourceNode, Style } from './source-nodes.js';

/** Reads the values of YAML text, with their offsets. */
export function readYamlNodes(text: string): ReadNodes {
  const document = parseDocument(text, {
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'silent',
    schema: 'core',
    keepSourceTokens: true,
  });
  const anchors: { name: string; anchorAt: number; aliasesAt: number[] }[] = [];
  const merged = new Set<number>();
  visit(document, (_key, node) => {
    // A name may be given again: an alias means the last one before it.
    if (isAlias(node)) anchors.findLast(({ name }) => name === node.source)?.aliasesAt.push(node.range?.[0] ?? 0);
    else if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor !== undefined) {
      anchors.push({ name: node.anchor, anchorAt: node.range?.[0] ?? 0, aliasesAt: [] });
    }
  });
  visit(document, {
    Pair: (_key, pair) => {
      if (!isMergeKey(pair.key)) return;
      const values = isSeq(pair.value) ? pair.value.items : [pair.value];
      for (const value of values) {
        const target = isAlias(value) ? value.resolve(document) : value;
        const offset = (target as Node | undefined)?.range?.[0];
        if (offset !== undefined) merged.add(offset);
      }
    },
  });
  const root = new NodeReader(text).read(document.contents, 0, undefined);
  const used: readonly AnchorUse[] = anchors.filter(({ aliasesAt }) => aliasesAt.length > 0);
  return { root, anchors: used, merged };
}

function isMergeKey(key: unknown): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.source === '<<';
}

const STYLES: Readonly<Record<string, Style>> = {
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'literal',
};

class NodeReader {
  constructor(private readonly text: string) {}

  read(node: unknown, emptyAt: number, indicatorEnd: number | undefined): SourceNode {
    const [start, end] = (node as Node | null)?.range ?? [emptyAt, emptyAt];
    const base = { start, end, text: '', members: [], merges: false, indicatorEnd, style: 'plain' } as const;
    if (isAlias(node)) return { ...base, type: 'alias' };
    if (isScalar(node)) {
      const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
      return { ...base, type: 'scalar', style: STYLES[node.type ?? ''] ?? 'plain', text };
    }
    return isMap(node) || isSeq(node)
      ? { ...base, ...this.#collection(node, start, end) }
      : { ...base, type: 'scalar' };
  }

  #collection(
    node: YAMLMap | YAMLSeq,
    start: number,
    end: number,
  ): Pick<SourceNode, 'type' | 'style' | 'end' | 'members' | 'merges'> {
    const style = node.flow === true ? 'flow' : 'block';
    const members = isMap(node)
      ? this.#entries(node.items, node.srcToken, start)
      : this.#items(node.items, node.srcToken, start);
    return {
      type: isMap(node) ? 'map' : 'list',
      style,
      // The range of a block collection goes on to what comes after it.
      end: style === 'flow' ? end : (members.at(-1)?.end ?? end),
      members,
      merges: isMap(node) && node.items.some((pair) => isMergeKey(pair.key)),
    };
  }

  #items(items: readonly unknown[], token: CST.Token | undefined, at: number): SourceMember[] {
    const dashes = token?.type === 'block-seq' ? token.items.map(({ start }) => offsetOf(start, 'seq-item-ind')) : [];
    const written = token?.type === 'flow-collection' ? token.items.filter((item) => isEntry(item)) : [];
    return items.map((item, index) => {
      const dash = dashes[index];
      const value = this.read(item, dash === undefined ? at : dash + 1, dash === undefined ? undefined : dash + 1);
      // A pair in brackets without braces is a map of its own.
      const isRare = token?.type === 'block-seq' ? dash === undefined : isMap(item) && !this.#opens(item);
      const start = dash ?? firstProperty(written[index]?.start) ?? value.start;
      return { start, end: Math.max(value.end, (dash ?? 0) + 1), value, isRare };
    });
  }

  #entries(items: readonly Pair[], token: CST.Token | undefined, at: number): SourceMember[] {
    const sources = token !== undefined && 'items' in token ? token.items.filter((item) => isEntry(item)) : [];
    const isBlock = token?.type === 'block-map';
    return items.map((pair, index) => {
      const source = sources[index];
      const key = pair.key as Node | null;
      const [start, keyEnd] = key?.range ?? [at, at];
      const colon = offsetOf(source?.sep, 'map-value-ind');
      const after = colon === undefined ? keyEnd : colon + 1;
      const value = this.read(pair.value, after, isBlock ? after : undefined);
      const text = isScalar(key) ? (typeof key.value === 'string' ? key.value : (key.source ?? '')) : '';
      const isRare =
        !isScalar(key) || colon === undefined || (source?.start ?? []).some(({ type }) => type === 'explicit-key-ind');
      return {
        start: firstProperty(source?.start) ?? start,
        end: Math.max(value.end, after),
        key: { start, end: keyEnd, text },
        value,
        isRare,
      };
    });
  }

  #opens(node: Node): boolean {
    return this.text[node.range?.[0] ?? 0] === '{';
  }
}

/** Reports whether a token is an entry, and not only the comments, or the comma, behind the last one. */
function isEntry(item: {
  readonly key?: unknown;
  readonly sep?: readonly unknown[];
  readonly value?: unknown;
}): boolean {
  return item.key !== undefined || item.sep !== undefined || item.value !== undefined;
}

/** Returns the offset of the anchor, or the tag, before a value. */
function firstProperty(tokens: readonly CST.SourceToken[] | undefined): number | undefined {
  return tokens?.find(({ type }) => type === 'anchor' || type === 'tag')?.offset;
}

function offsetOf(tokens: readonly CST.SourceToken[] | undefined, type: CST.SourceToken['type']): number | undefined {
  return tokens?.find((token) => token.type === type)?.offset;
}
