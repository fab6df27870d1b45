import { parseTree, type Node as JsonNode } from 'jsonc-parser';
import { isJson } from '../../../engine/manifest/json.js';
import { readYamlNodes } from './yaml-nodes.js';

/** The way in which a value is written. Flow collections have brackets, as all of JSON has. */
export type Style = 'plain' | 'single' | 'double' | 'literal' | 'flow' | 'block';

/** A value as a file writes it, with the characters that it takes. */
export interface SourceNode {
  readonly type: 'scalar' | 'list' | 'map' | 'alias';
  readonly style: Style;
  /** The offset of the first character, after an anchor or a tag. */
  readonly start: number;
  /** The offset behind the last character. A block scalar ends behind its last line break. */
  readonly end: number;
  /** The text of a scalar, without quotes and escapes; its templates are not rendered. */
  readonly text: string;
  readonly members: readonly SourceMember[];
  /** It is a map with a merge key, `<<`. */
  readonly merges: boolean;
  /** The offset behind the colon or the dash before the value. Undefined for the outermost value, and in brackets. */
  readonly indicatorEnd?: number | undefined;
}

/** A member of a list or of a map, from its dash or its key on. */
export interface SourceMember {
  readonly start: number;
  readonly end: number;
  /** The key of a map's member. Undefined in a list. */
  readonly key?: { readonly start: number; readonly end: number; readonly text: string };
  readonly value: SourceNode;
  /** It is written in a rare form, such as a key after a question mark, which is not changed. */
  readonly isRare: boolean;
}

/** Anchors that aliases repeat. */
export interface AnchorUse {
  readonly name: string;
  readonly anchorAt: number;
  readonly aliasesAt: readonly number[];
}

/** The values of a file by their offsets. */
export interface SourceFile {
  readonly name: string;
  readonly text: string;
  readonly format: 'yaml' | 'json' | 'text';
  readonly root: SourceNode;
  readonly anchors: readonly AnchorUse[];
  /** The offsets of maps that merge keys repeat. */
  readonly merged: ReadonlySet<number>;
  readonly find: (type: SourceNode['type'], offset: number) => SourceNode | undefined;
}

/** Reads a file in the way in which manifests are read, which has found no problem in it. */
export function readSourceFile(name: string, text: string, isPlainText: boolean): SourceFile {
  const format = isPlainText ? 'text' : /\.json$/i.test(name) || isJson(text) ? 'json' : 'yaml';
  const read = { anchors: [], merged: new Set<number>(), ...READERS[format](text) };
  const nodes = new Map<string, SourceNode>();
  const index = (node: SourceNode): void => {
    nodes.set(`${node.type} ${String(node.start)}`, node);
    for (const { value } of node.members) index(value);
  };
  index(read.root);
  return { name, text, format, ...read, find: (type, offset) => nodes.get(`${type} ${String(offset)}`) };
}

/** The outermost value of a text, with the anchors of YAML. */
export interface ReadNodes {
  readonly root: SourceNode;
  readonly anchors?: readonly AnchorUse[];
  readonly merged?: ReadonlySet<number>;
}

const READERS: Readonly<Record<SourceFile['format'], (text: string) => ReadNodes>> = {
  yaml: readYamlNodes,
  json: (text) => {
    const node = parseTree(text, [], { allowTrailingComma: true });
    return { root: node === undefined ? scalarNode(text, 0, text.length) : jsonNode(node) };
  },
  text: (text) => ({ root: scalarNode(text, 0, text.length) }),
};

function scalarNode(text: string, start: number, end: number): SourceNode {
  return { type: 'scalar', style: 'plain', start, end, text, members: [], merges: false };
}

function jsonNode({ type, offset, length, value, children = [] }: JsonNode): SourceNode {
  const [start, end] = [offset, offset + length];
  const base = { start, end, text: '', merges: false, members: [] };
  if (type === 'array') {
    const members = children.map((child) => {
      const item = jsonNode(child);
      return { start: item.start, end: item.end, value: item, isRare: false };
    });
    return { ...base, type: 'list', style: 'flow', members };
  }
  if (type === 'object') return { ...base, type: 'map', style: 'flow', members: children.flatMap(jsonMember) };
  const isText = typeof value === 'string';
  return { ...base, type: 'scalar', style: isText ? 'double' : 'plain', text: String(value) };
}

function jsonMember({ offset, length, children: [key, value] = [] }: JsonNode): SourceMember[] {
  if (key === undefined || value === undefined) return [];
  const name = { start: key.offset, end: key.offset + key.length, text: String(key.value) };
  return [{ start: offset, end: offset + length, key: name, value: jsonNode(value), isRare: false }];
}
