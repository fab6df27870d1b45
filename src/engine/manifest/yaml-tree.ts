import { isAlias, isCollection, isMap, isScalar, isSeq, type Node, type ParsedNode, type Scalar } from 'yaml';
import { reportRepeatedKey } from './json.js';
import type { MapEntry, MapTree, Origin, ReportAt, ScalarTree, SourceOffset, Tree } from './tree.js';
import { isShown, Limit, listTree, mapTree, scalarTree, StopParsing } from './tree.js';

const CORE_TAGS = new Set(['!', ...['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map(coreTag)]);
function coreTag(name: string): string {
  return `tag:yaml.org,2002:${name}`;
}

/** Returns what makes the tree of a value with a tag of another tool; undefined for a tag that is not supported. */
export type ConvertTag = (tag: string) => ((value: Tree) => Tree) | undefined;

/** A problem without its place. */
export interface Finding {
  readonly message: string;
  readonly remedy: string;
}

/** The rules of YAML in a sort of file. */
export interface YamlRules {
  readonly convertTag: ConvertTag;
  /** Returns the problem of a key that has no quotes. */
  readonly keyFinding: (written: string) => Finding | undefined;
}

/** Converts the nodes of the YAML library to trees; each anchor is converted once, however often it is repeated. */
export class YamlConverter {
  private readonly anchors = new Map<string, Tree | 'open'>();
  private repeated = 0;
  /** A comment of JSON in text without quotes; in braces, it may also stand behind a value. */
  private readonly jsonComment: RegExp;

  constructor(
    private readonly origin: Origin,
    private readonly text: string,
    private readonly report: ReportAt,
    private readonly rules: Partial<YamlRules> = {},
  ) {
    this.jsonComment = /^\s*[{[]/.test(text) ? /(^|\s)\/[*/]/ : /^\/[*/]\s/;
  }

  convert(node: Node | null | undefined, offset = 0): Tree {
    const at: SourceOffset = { origin: this.origin, offset: node?.range?.[0] ?? offset };
    if (node === null || node === undefined) return scalarTree(at, null, '');
    if (isAlias(node)) return this.alias(node.source, at);
    const convertTag = this.tagConverter(node.tag, at);
    const anchor = isScalar(node) || isCollection(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.anchors.set(anchor, 'open');
    const value = this.value(node, at);
    const tree = convertTag === undefined ? value : convertTag(value);
    if (anchor !== undefined) this.anchors.set(anchor, tree);
    return tree;
  }

  /** Returns what converts a value with this tag. Reports a tag that is not supported. */
  private tagConverter(tag: string | undefined, at: SourceOffset): ((value: Tree) => Tree) | undefined {
    if (tag === undefined || CORE_TAGS.has(tag)) return undefined;
    const convert = this.rules.convertTag?.(tag);
    if (convert !== undefined) return convert;
    const message = `the tag ${tag.replace('tag:yaml.org,2002:', '!!')} is not supported`;
    const remedy = 'write the value itself; templates such as {{account}} take the place of !Ref and !Sub';
    this.report(at.offset, message, remedy);
    return undefined;
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
      this.report(at.offset, `values are nested more than ${String(Limit.Depth)} levels deep`, 'flatten them');
      throw new StopParsing();
    }
    return tree;
  }

  private alias(name: string, at: SourceOffset): Tree {
    const [alias, anchor] = isShown(this.origin) ? [`alias *${name}`, `&${name}`] : ['an alias', 'its anchor'];
    const target = this.anchors.get(name);
    if (target === 'open') {
      this.report(at.offset, `${alias} is inside its own anchor`, 'write the value itself');
      throw new StopParsing();
    }
    if (target === undefined) {
      this.report(at.offset, `${alias} has no anchor before it`, `write ${anchor} at the value to repeat`);
      return scalarTree(at, null, '');
    }
    this.repeated += target.size;
    if (this.repeated > Limit.Values) {
      this.report(
        at.offset,
        `aliases repeat more than ${String(Limit.Values)} values`,
        'write fewer aliases of aliases',
      );
      throw new StopParsing();
    }
    return target;
  }

  private scalar(node: Node, at: SourceOffset): ScalarTree {
    if (!isScalar(node)) return scalarTree(at, null);
    const { value } = node;
    // A tag makes text of what would be something else.
    const isText = typeof value === 'string' && node.tag !== undefined;
    const raw = node.type === 'PLAIN' && node.source !== undefined && !isText ? node.source : null;
    if (raw !== null && typeof value === 'string' && this.jsonComment.test(raw)) {
      const message = 'a comment of JSON begins here, which YAML takes for text';
      this.report(at.offset, message, 'begin a comment with #, or put the text in quotes');
    }
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
      if (first === undefined) entries.set(key, { at: keyAt, value });
      else reportRepeatedKey(key, first, keyAt, this.report);
    }
    for (const merge of merges) this.merge(entries, merge.at, merge.value);
    return mapTree(at, entries);
  }

  /** Merges `<<: *other`. Keys that are written out win over merged ones, and earlier merges win over later ones. */
  private merge(entries: Map<string, MapEntry>, at: SourceOffset, value: Tree): void {
    const maps = value.type === 'list' ? value.items : [value];
    for (const map of maps) {
      if (map.type !== 'map') {
        this.report(
          at.offset,
          '<< merges a value that is not a map',
          'write << : *anchor, where the anchor is on a map',
        );
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
      const finding = this.keyFinding(node, text);
      if (finding !== undefined) return this.refuseKey(at, finding.message, finding.remedy);
      if (text !== '' || node.value !== null) return text;
    }
    if (node !== null && isMap(node) && this.text.startsWith('{', at.offset)) {
      return this.refuseKey(at, 'a map cannot be a key', 'put text with a template in quotes: "{{name}}"');
    }
    if (node !== null && isAlias(node)) return this.aliasKey(node.source, at);
    return this.refuseKey(at, 'a key is empty or is not text', 'write text before the colon');
  }

  private keyFinding({ type, tag }: Scalar, text: string): Finding | undefined {
    if (text === '__proto__') return { message: 'the key __proto__ is not allowed', remedy: 'remove it' };
    const isPlain = type === 'PLAIN' && tag === undefined && text !== '';
    return isPlain ? this.rules.keyFinding?.(text) : undefined;
  }

  private aliasKey(name: string, at: SourceOffset): string | undefined {
    const target = this.anchors.get(name);
    if (target === undefined || target === 'open' || target.type !== 'scalar' || typeof target.value !== 'string') {
      return this.refuseKey(at, `alias *${name} cannot be a key`, 'write the key itself');
    }
    return target.value;
  }

  private refuseKey(at: SourceOffset, message: string, remedy: string): string | undefined {
    this.report(at.offset, message, remedy);
    return undefined;
  }
}
