import { Composer, isAlias, isCollection, isMap, isScalar, isSeq, Lexer, LineCounter, Parser } from 'yaml';
import type { CST, Document, Node, ParsedNode } from 'yaml';
import { parseJson } from './json.js';
import type { Problem } from './problem.js';
import { pathText, thrownText } from './problem.js';
import type { SourceOffset, MapEntry, MapTree, Origin, ScalarTree, Tree } from './tree.js';
import { Limit, listTree, mapTree, positionOf, scalarTree } from './tree.js';

/** What the parser may have open at once: more than any depth that is allowed, less than its stack holds. */
const MAX_OPEN = 4 * Limit.Depth;

/** What parsing gives: a tree, or why there is none. */
export interface Parsed {
  readonly tree: Tree | null;
  readonly problems: readonly Problem[];
}

const CORE_TAGS = new Set(['!', ...['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(coreTag)]);
function coreTag(name: string): string {
  return `tag:yaml.org,2002:${name}`;
}

/** Stops a parse whose further problems would only follow from the first. */
class Stop extends Error {}

/** A file that is a text and nothing else. */
export function parsePlainText(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const at = { origin: { name: file, lines }, offset: 0 };
  lines.addNewLine(0);
  if (text !== '') return { tree: scalarTree(at, text), problems: [] };
  const problem = { ...positionOf(at), path: '', message: 'the file is empty', remedy: 'write the text into it' };
  return { tree: null, problems: [problem] };
}

/**
 * Parses YAML 1.2, and so JSON, keeping the place of every value. Repeated keys, several documents, tags of other tools
 * and what JSON cannot hold are problems; aliases and merge keys work, within bounds.
 */
export function parseText(file: string, text: string): Parsed {
  const lines = new LineCounter();
  const origin: Origin = { name: file, lines };
  const problems: Problem[] = [];
  const report = (offset: number, message: string, remedy: string): void => {
    const place = positionOf({ origin, offset: Math.min(Math.max(offset, 0), text.length) });
    problems.push({ ...place, path: '', message: cut(message), remedy: cut(remedy) });
  };
  if (text.length > Limit.Characters) {
    report(
      0,
      `the file has ${String(text.length)} characters, more than ${String(Limit.Characters)}`,
      'split it into several manifests of the same namespace',
    );
    return { tree: null, problems };
  }

  // The parser does not tell of every line where it meets what it cannot parse.
  lines.addNewLine(0);
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1);

  const json = parseJson(origin, text);
  if (json !== undefined) return { tree: json, problems };

  // Depth is bounded before the parser and the composer go down: both are recursive, and running out of stack throws in
  // one and ends the process in the other.
  const tokens: CST.Token[] = [];
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length <= MAX_OPEN) continue;
    report(parser.offset, `values are nested more than ${String(Limit.Depth)} deep`, 'flatten them');
    return { tree: null, problems };
  }
  tokens.push(...parser.end());
  const deep = firstTooDeep(tokens);
  if (deep !== undefined) {
    report(deep, `values are nested more than ${String(Limit.Depth)} deep`, 'flatten them');
    return { tree: null, problems };
  }

  const options = { prettyErrors: false, uniqueKeys: false, logLevel: 'silent', schema: 'core' };
  const documents: Document.Parsed[] = [];
  for (const document of new Composer(options as never).compose(tokens, true, text.length)) {
    documents.push(document);
    if (documents.length === 2) break;
  }
  const [document, second] = documents;
  if (second !== undefined) {
    report(
      second.range[0],
      'a second YAML document begins here',
      'keep one document in a file, and give several files with -f',
    );
    return { tree: null, problems };
  }
  if (document === undefined) return { tree: null, problems: [emptyProblem(file)] };

  for (const error of document.errors.slice(0, Limit.SyntaxErrors)) {
    report(error.pos[0], plain(error.message), syntaxRemedy(error.code, lineAt(text, error.pos[0])));
  }
  if (problems.length > 0) return { tree: null, problems };
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    report(0, `YAML ${document.directives.yaml.version} is not supported`, 'remove the %YAML line');
    return { tree: null, problems };
  }
  if (document.contents === null || (isScalar(document.contents) && document.contents.source === '')) {
    return { tree: null, problems: [emptyProblem(file)] };
  }
  try {
    const tree = new Converter(origin, text, report).convert(document.contents);
    return { tree: problems.length > 0 ? null : tree, problems };
  } catch (error) {
    if (error instanceof Stop) return { tree: null, problems };
    throw error;
  }
}

function emptyProblem(file: string): Problem {
  return {
    file,
    line: 1,
    column: 1,
    path: '',
    message: 'the file is empty',
    remedy: 'begin with version: 1, namespace, environments and entities',
  };
}

/** The offset of the first value that lies too deep. */
function firstTooDeep(tokens: readonly CST.Token[]): number | undefined {
  const stack: { readonly token: CST.Token; readonly depth: number }[] = tokens
    .map((token) => ({ token, depth: 0 }))
    .reverse();
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { token, depth } = top;
    if (token.type === 'document') {
      if (token.value !== undefined) stack.push({ token: token.value, depth });
    } else if ('items' in token) {
      if (depth >= Limit.Depth) return token.offset;
      for (const item of token.items.toReversed()) {
        if (item.value !== undefined) stack.push({ token: item.value, depth: depth + 1 });
        if (item.key !== undefined && item.key !== null) stack.push({ token: item.key, depth: depth + 1 });
      }
    }
  }
  return undefined;
}

/** Names and numbers in a message may be as long as the file. */
function cut(message: string): string {
  return message.length > Limit.Message ? `${message.slice(0, Limit.Message)}…` : message;
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(offset - 1, 0)) + 1;
  const end = text.indexOf('\n', start);
  return text.slice(start, end === -1 ? undefined : end).slice(0, 1000);
}

function plain(message: string): string {
  const line = message.replace(/\s+/g, ' ').replace(/\.$/, '').slice(0, 200);
  return /^[A-Z][a-z]/.test(line) ? line.charAt(0).toLowerCase() + line.slice(1) : line;
}

function syntaxRemedy(code: string, line: string): string {
  if (/(^|[^"'\w])\{\{/.test(line)) return 'put text with a template in quotes: "{{name}}"';
  if (/:\s+[@`%]/.test(line)) return 'put text that begins with @, ` or % in quotes';
  switch (code) {
    case 'TAB_AS_INDENT':
      return 'indent with spaces';
    case 'MISSING_CHAR':
      return 'close the quote or bracket that is open here';
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return 'check the indentation, and put text that holds ": " in quotes';
    case 'BAD_INDENT':
    case 'BAD_COLLECTION_TYPE':
    case 'BAD_FLOW_COLLECTION':
    case 'UNEXPECTED_TOKEN':
      return 'check the indentation, and that brackets and quotes are closed';
    case 'BAD_DQ_ESCAPE':
      return 'double the backslash, or use single quotes';
    default:
      return 'mend the YAML here';
  }
}

/** Turns the YAML library's nodes into trees, once for each anchor however often it is repeated. */
class Converter {
  private readonly anchors = new Map<string, Tree | 'open'>();
  private repeated = 0;

  constructor(
    private readonly origin: Origin,
    private readonly text: string,
    private readonly report: (offset: number, message: string, remedy: string) => void,
  ) {}

  convert(node: Node | null | undefined, offset = 0): Tree {
    const at: SourceOffset = { origin: this.origin, offset: node?.range?.[0] ?? offset };
    if (node === null || node === undefined) return scalarTree(at, null, '');
    if (isAlias(node)) return this.alias(node.source, at);
    if (node.tag !== undefined && !CORE_TAGS.has(node.tag)) {
      this.report(
        at.offset,
        `the tag ${node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported`,
        'write the value itself; templates such as {{account}} take the place of !Ref and !Sub',
      );
    }
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.anchors.set(anchor, 'open');
    const tree = this.value(node, at);
    if (anchor !== undefined) this.anchors.set(anchor, tree);
    return tree;
  }

  private value(node: Node, at: SourceOffset): Tree {
    if (isScalar(node)) return this.scalar(node, at);
    const tree = isSeq<ParsedNode>(node)
      ? listTree(
          at,
          node.items.map((item) => this.convert(item, at.offset)),
        )
      : this.map(node, at);
    if (tree.depth > Limit.Depth) {
      this.report(at.offset, `values are nested more than ${String(Limit.Depth)} deep`, 'flatten them');
      throw new Stop();
    }
    return tree;
  }

  private alias(name: string, at: SourceOffset): Tree {
    const target = this.anchors.get(name);
    if (target === 'open') {
      this.report(at.offset, `alias *${name} stands inside of its own anchor`, 'write the value itself');
      throw new Stop();
    }
    if (target === undefined) {
      this.report(at.offset, `alias *${name} has no anchor before it`, `write &${name} at the value that it repeats`);
      return scalarTree(at, null, '');
    }
    this.repeated += target.size;
    if (this.repeated > Limit.Values) {
      this.report(
        at.offset,
        `aliases repeat more than ${String(Limit.Values)} values`,
        'write fewer aliases of aliases',
      );
      throw new Stop();
    }
    return target;
  }

  private scalar(node: Node, at: SourceOffset): ScalarTree {
    if (!isScalar(node)) return scalarTree(at, null);
    const raw = node.type === 'PLAIN' && node.source !== undefined ? node.source : null;
    const { value } = node;
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.report(at.offset, `${raw ?? String(value)} is not a number that JSON can hold`, 'put it in quotes');
      return scalarTree(at, null, raw);
    }
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      return scalarTree(at, value, raw);
    }
    return scalarTree(at, null, raw);
  }

  private map(node: Node, at: SourceOffset): MapTree {
    const entries = new Map<string, MapEntry>();
    const merges: { readonly at: SourceOffset; readonly value: Tree }[] = [];
    for (const pair of isMap<ParsedNode, ParsedNode | null>(node) ? node.items : []) {
      const keyAt: SourceOffset = { origin: this.origin, offset: (pair.key as Node | null)?.range?.[0] ?? at.offset };
      const key = this.key(pair.key, keyAt);
      const value = this.convert(pair.value, keyAt.offset);
      if (key === undefined) continue;
      if (key === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        merges.push({ at: keyAt, value });
        continue;
      }
      const first = entries.get(key);
      if (first === undefined) {
        entries.set(key, { at: keyAt, value });
      } else {
        const { line } = positionOf(first.at);
        this.report(
          keyAt.offset,
          `${JSON.stringify(key)} stands twice in one map, first in line ${String(line)}`,
          'remove one of them',
        );
      }
    }
    for (const merge of merges) this.merge(entries, merge.at, merge.value);
    return mapTree(at, entries);
  }

  /** `<<: *other`: what is written out wins over what is merged in, and earlier merges over later ones. */
  private merge(entries: Map<string, MapEntry>, at: SourceOffset, value: Tree): void {
    const maps = value.type === 'list' ? value.items : [value];
    for (const map of maps) {
      if (map.type !== 'map') {
        this.report(at.offset, '<< merges what is not a map', 'write << : *anchor, where the anchor is on a map');
        return;
      }
      for (const [key, entry] of map.entries) {
        if (!entries.has(key)) entries.set(key, entry);
      }
    }
  }

  private key(node: Node | null, at: SourceOffset): string | undefined {
    if (node !== null && isScalar(node)) {
      const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
      if (text === '__proto__') {
        this.report(at.offset, 'the key __proto__ is not allowed', 'remove it');
        return undefined;
      }
      if (text !== '' || node.value !== null) return text;
    }
    if (node !== null && isMap(node) && this.text.startsWith('{', at.offset)) {
      this.report(at.offset, 'a map cannot be a key', 'put text with a template in quotes: "{{name}}"');
    } else if (node !== null && isAlias(node)) {
      const target = this.anchors.get(node.source);
      if (target !== undefined && target !== 'open' && target.type === 'scalar' && typeof target.value === 'string') {
        return target.value;
      }
      this.report(at.offset, `alias *${node.source} cannot be a key`, 'write the key itself');
    } else {
      this.report(at.offset, 'a key is empty or is not text', 'write text before the colon');
    }
    return undefined;
  }
}

/** Takes a value that a program made as a tree; what JSON cannot hold is a problem. */
export function readValue(file: string, value: unknown): Parsed {
  const at: SourceOffset = { origin: { name: file, lines: null }, offset: -1 };
  const problems: Problem[] = [];
  const open = new Set<object>();
  const path: PropertyKey[] = [];
  let values = 0;

  const report = (message: string, remedy: string): ScalarTree => {
    problems.push({ ...positionOf(at), path: pathText(path), message, remedy });
    return scalarTree(at, null);
  };
  const convert = (part: unknown): Tree => {
    if (++values > Limit.Values) {
      if (values === Limit.Values + 1) report(`there are more than ${String(Limit.Values)} values`, 'declare fewer');
      return scalarTree(at, null);
    }
    if (part === null || typeof part === 'string' || typeof part === 'boolean') return scalarTree(at, part);
    if (typeof part === 'number') {
      return Number.isFinite(part) ? scalarTree(at, part) : report(`${String(part)} is not JSON`, 'write a number');
    }
    if (typeof part !== 'object') return report(`a value of type ${typeof part} is not JSON`, 'write plain data');
    if (open.has(part)) return report('the value holds itself', 'write plain data');
    if (path.length >= Limit.Depth) {
      return report(`values are nested more than ${String(Limit.Depth)} deep`, 'flatten them');
    }
    open.add(part);
    const tree = Array.isArray(part) ? list(part) : map(part);
    open.delete(part);
    return tree;
  };
  const list = (part: readonly unknown[]): Tree => {
    // A list may be long by its length alone.
    if (part.length > Limit.Values) {
      return report(`a list has ${String(part.length)} values, more than ${String(Limit.Values)}`, 'declare fewer');
    }
    return listTree(
      at,
      // Gaps count as undefined here, and map would leave them out.
      Array.from(part, (item, index) => {
        path.push(index);
        const tree = convert(item);
        path.pop();
        return tree;
      }),
    );
  };
  const map = (part: object): Tree => {
    const prototype: unknown = Object.getPrototypeOf(part);
    // Objects of another realm have another Object.prototype; it is known by having none itself.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      return report('an object of a class is not JSON', 'write plain data');
    }
    const entries = new Map<string, MapEntry>();
    for (const [key, member] of Object.entries(part) as [string, unknown][]) {
      if (member === undefined) continue;
      path.push(key);
      if (key === '__proto__') report('the key __proto__ is not allowed', 'remove it');
      else entries.set(key, { at, value: convert(member) });
      path.pop();
    }
    return mapTree(at, entries);
  };

  try {
    const tree = convert(value);
    return { tree: problems.length > 0 ? null : tree, problems };
  } catch (error) {
    report(`reading the value threw: ${plain(thrownText(error))}`, 'write plain data');
    return { tree: null, problems };
  }
}
