import { parseTree, type Node as JsonNode } from 'jsonc-parser';
import { isJson } from '../../../engine/manifest/json.js';
import type { ReadNodes, SourceFile, SourceMember, SourceNode } from './source-nodes.js';
import { readYamlNodes } from './yaml-nodes.js';

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
