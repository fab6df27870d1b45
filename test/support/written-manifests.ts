import type { Json, JsonObject } from '../../src/contract/entity.js';
import { isList, isObject } from '../../src/contract/json.js';
import type { Files } from './manifest-update.js';

/** The account of the environment that the manifests have. */
export const ACCOUNT = '111111111111';

/** An entity to write, by its kind, its name and its properties. */
export interface WrittenEntity {
  readonly kind: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, Json>>;
}

/** A piece of the text of a manifest. */
interface Piece {
  readonly file: string;
  /** Undefined for what is no property. */
  readonly of?: { readonly entity: string; readonly property: string };
  readonly text: string;
}

/** Manifests with their files, and the pieces that they are put together from, in their order. */
export interface WrittenManifests {
  readonly files: Files;
  readonly pieces: readonly Piece[];
}

const NAME_OF: Readonly<Record<string, string>> = { Role: 'roleName', User: 'userName', Policy: 'policyName' };

/** The ways in which values are written, as numbers that a generator draws. */
class Choices {
  #at = 0;

  constructor(private readonly numbers: readonly number[]) {}

  /** Reports true once in so many times. */
  oneIn(count: number): boolean {
    return this.#next() % count === 0;
  }

  pick<T>(...choices: readonly T[]): T {
    return choices[this.#next() % choices.length] as T;
  }

  #next(): number {
    return this.numbers[this.#at++ % this.numbers.length] ?? 0;
  }
}

/** The files that manifests name. */
class Documents {
  readonly files: Record<string, string> = {};
  readonly #values = new Map<string, string>();

  constructor(private readonly choices: Choices) {}

  /** Puts a document into a file, or uses one that is the same, and returns its path. */
  pathOf(value: Json, eol: string, writer: YamlWriter): string {
    const key = JSON.stringify(value);
    const same = this.#values.get(key);
    if (same !== undefined && this.choices.oneIn(2)) return same;
    const isYaml = this.choices.oneIn(3);
    const number = String(Object.keys(this.files).length);
    const path = `${this.choices.pick('', 'policies/')}d${number}.${isYaml ? this.choices.pick('yaml', 'yml') : 'json'}`;
    const indent = this.choices.pick('\t', '  ', '    ', '');
    const end = this.choices.oneIn(3) ? '' : eol;
    const json = JSON.stringify(value, null, indent).replaceAll('\n', eol) + end;
    this.files[path] = isYaml ? writer.document(value as JsonObject) : json;
    this.#values.set(key, path);
    return path;
  }
}

/** Writes values as YAML in ways that a person may choose. */
class YamlWriter {
  #comments = 0;
  #anchors = 0;
  /** The indentation of what is not inside of a value: 6 in a manifest. */
  #outermost = 6;
  /** Values that can be repeated by an alias. */
  readonly #known = new Map<string, { readonly name: string; readonly value: Json }>();

  constructor(
    private readonly choices: Choices,
    private readonly eol: string,
    private readonly documents: Documents,
    /** The ARNs of entities that the manifests declare, with their IDs. */
    private readonly declared: ReadonlyMap<string, string>,
  ) {}

  /** The lines of a policy document in a file of its own. */
  document(value: JsonObject): string {
    const outermost = this.#outermost;
    this.#outermost = 0;
    const lines = this.lines(value, '');
    this.#outermost = outermost;
    return lines;
  }

  /** A comment on a line of its own. One inside of a value goes where the value goes. */
  comment(indent: string): string {
    if (!this.choices.oneIn(3)) return '';
    const sort = indent.length > this.#outermost ? 'tail' : 'own';
    return `${indent}# ${sort} ${String(this.#comments++)}${this.choices.pick('', '\tindented: "by" a tab')}${this.eol}`;
  }

  tail(): string {
    return this.choices.oneIn(4) ? `${this.choices.pick(' ', '  ', '\t')}# tail ${String(this.#comments++)}` : '';
  }

  /** The templates that a text may be written with. */
  templated(value: string): string {
    const id = this.declared.get(value);
    if (id !== undefined && this.choices.oneIn(2)) return `{{arn ${id}}}`;
    const written = value.replaceAll('{{', "{{'{{'}}");
    if (!written.includes(`:${ACCOUNT}:`) || this.choices.oneIn(2)) return written;
    return written
      .replace(`:${ACCOUNT}:`, ':{{account}}:')
      .replace(/^arn:aws:/, this.choices.pick('arn:aws:', 'arn:{{partition}}:'));
  }

  scalar(value: Json, inFlow: boolean): string {
    if (typeof value !== 'string') return JSON.stringify(value);
    const written = this.templated(value);
    const isSimple = /^[A-Za-z][\w:/.*-]*$/.test(written) && written !== 'true';
    const isWords = !inFlow && /^[A-Za-z][\w :/.*-]*$/.test(written) && !/: |:$/.test(written) && written !== 'true';
    const single = written.includes('\n') ? [] : [`'${written.replaceAll("'", "''")}'`];
    return this.choices.pick(JSON.stringify(written), ...single, ...(isSimple || isWords ? [written, written] : []));
  }

  flow(value: Json): string {
    if (isList(value)) {
      const comma = this.choices.pick(', ', ',', ' , ');
      const items = value.map((item) => this.flow(item)).join(comma);
      return this.choices.pick(`[${items}]`, items === '' ? '[ ]' : `[ ${items}, ]`);
    }
    if (!isObject(value)) return this.scalar(value, true);
    const entries = Object.entries(value).map(([key, member]) => `${this.scalar(key, true)}: ${this.flow(member)}`);
    return this.choices.pick(`{ ${entries.join(', ')} }`, `{${entries.join(', ')}}`);
  }

  /** What follows a colon. A property may be repeated by an alias. */
  value(value: Json, indent: string, isProperty = false): string {
    if (isDocument(value) && this.choices.oneIn(4)) {
      return ` { $file: ${this.documents.pathOf(value, this.eol, this)} }${this.tail()}${this.eol}`;
    }
    const anchor = isProperty ? this.#anchorOf(value) : '';
    if (anchor.startsWith(' *')) return `${anchor}${this.tail()}${this.eol}`;
    if (isProperty && anchor === '' && isObject(value) && !isDocument(value)) {
      const merged = this.#merged(value);
      if (merged !== undefined) return ` ${merged}${this.tail()}${this.eol}`;
    }
    if (isList(value) || isObject(value)) return anchor + this.#collection(value, indent);
    return anchor + (this.#blockScalar(value, indent) ?? ` ${this.scalar(value, false)}${this.tail()}${this.eol}`);
  }

  /** An alias of the same value, or an anchor for a later one. */
  #anchorOf(value: Json): string {
    const isEmpty = (isList(value) || isObject(value)) && Object.keys(value).length === 0;
    const known = this.#known.get(JSON.stringify(value));
    if (known !== undefined && !this.choices.oneIn(3)) return ` *${known.name}`;
    if (isEmpty || known !== undefined || !this.choices.oneIn(2)) return '';
    const name = `a${String(this.#anchors++)}`;
    this.#known.set(JSON.stringify(value), { name, value });
    return ` &${name}`;
  }

  /** A map in braces that repeats another one by a merge key. */
  #merged(value: JsonObject): string | undefined {
    const base = [...this.#known.values()].find(
      (one) => isObject(one.value) && Object.keys(one.value).every((key) => Object.hasOwn(value, key)),
    );
    if (base === undefined || !isObject(base.value) || this.choices.oneIn(4)) return undefined;
    const repeated = base.value;
    const own = Object.entries(value).filter(
      ([key, member]) => JSON.stringify(repeated[key]) !== JSON.stringify(member),
    );
    return `{ ${[`<<: *${base.name}`, ...own.map(([key, one]) => `${this.scalar(key, true)}: ${this.flow(one)}`)].join(', ')} }`;
  }

  /** A text after `|` or `>`. Undefined where it cannot be one. */
  #blockScalar(value: Json, indent: string): string | undefined {
    if (typeof value !== 'string' || !this.choices.oneIn(3)) return undefined;
    if (!/^\S(?:[^]*\S)?\n?$/.test(value) || value.includes('{{')) return undefined;
    const isFolded = !value.includes('\n') && !value.includes('  ') && this.choices.oneIn(2);
    const lines = value.replace(/\n$/, '').split(isFolded ? ' ' : '\n');
    const header = `${isFolded ? '>' : '|'}${value.endsWith('\n') ? '' : '-'}`;
    const margin = indent + this.choices.pick('  ', '   ');
    return ` ${header}${this.tail()}${this.eol}${lines.map((line) => (line === '' ? '' : margin + line) + this.eol).join('')}`;
  }

  #collection(value: readonly Json[] | JsonObject, indent: string): string {
    const isEmpty = Object.keys(value).length === 0;
    if (isEmpty || this.choices.oneIn(3)) return ` ${this.flow(value)}${this.tail()}${this.eol}`;
    if (!isList(value)) return this.tail() + this.eol + this.lines(value, indent + this.choices.pick('  ', '   '));
    const items = value;
    if (this.choices.oneIn(4)) {
      const lines = items.map((item, index, { length }) => {
        const comma = index < length - 1 ? ',' : this.choices.pick('', ',');
        return `${indent}    ${this.flow(item)}${comma}${this.tail()}${this.eol}`;
      });
      return ` [${this.eol}${lines.join('')}${indent}  ]${this.eol}`;
    }
    const dash = indent + this.choices.pick('', '  ');
    return this.eol + items.map((item) => this.comment(dash) + this.#item(item, dash)).join('');
  }

  #item(item: Json, dash: string): string {
    if (!isObject(item)) return `${dash}- ${this.flow(item)}${this.tail()}${this.eol}`;
    if (this.choices.oneIn(3)) return `${dash}- ${this.flow(item)}${this.eol}`;
    return `${dash}- ${this.lines(item, `${dash}  `).trimStart()}`;
  }

  /** A map without braces. */
  lines(value: JsonObject, indent: string): string {
    return Object.entries(value)
      .map(([key, member]) => this.entry(key, member, indent))
      .join('');
  }

  entry(key: string, value: Json, indent: string, isProperty = false): string {
    return `${indent}${this.scalar(key, true)}:${this.value(value, indent, isProperty)}`;
  }
}

function isDocument(value: Json): value is JsonObject {
  return isObject(value) && Object.hasOwn(value, 'Statement');
}

/** Writes one or two manifests, in YAML or JSON, with files. Default tags are declared beside those of the entities. */
export function writeManifests(
  entities: readonly WrittenEntity[],
  numbers: readonly number[],
  defaultTags: JsonObject,
): WrittenManifests {
  const choices = new Choices(numbers);
  const documents = new Documents(choices);
  const policies = entities.filter(({ kind }) => kind === 'Policy');
  const declared = new Map(policies.map(({ name }) => [`arn:aws:iam::${ACCOUNT}:policy/${name}`, `Policy/${name}`]));
  const isDivided = entities.length > 1 && choices.oneIn(3);
  const parts = isDivided ? [entities.slice(0, 1), entities.slice(1)] : [entities];
  const texts: Record<string, string> = {};
  const pieces: Piece[] = [];
  parts.forEach((part, index) => {
    const eol = choices.pick('\n', '\n', '\n', '\r\n');
    const writer = new YamlWriter(choices, eol, documents, declared);
    const isJson = choices.oneIn(5);
    const file = `m${index === 0 ? '' : String(index)}.${isJson ? 'json' : choices.pick('yaml', 'yaml', 'yml')}`;
    const written = (isJson ? jsonManifest : yamlManifest)(part, { choices, eol, writer, documents, defaultTags });
    const text = written.map((one) => one.text).join('');
    texts[file] = choices.oneIn(4) ? text.replace(/(\r?\n)+$/, '') : text;
    pieces.push(...written.map((one) => ({ ...one, file, text: one.text.trimEnd() })));
  });
  return { files: { ...documents.files, ...texts }, pieces };
}

/** The means by which one manifest is written. */
interface Means {
  readonly choices: Choices;
  readonly eol: string;
  readonly writer: YamlWriter;
  readonly documents: Documents;
  readonly defaultTags: JsonObject;
}

function yamlManifest(
  entities: readonly WrittenEntity[],
  { choices, eol, writer, defaultTags }: Means,
): Omit<Piece, 'file'>[] {
  const start = choices.oneIn(4) ? `---${eol}` : '';
  const head = `# own head${eol}version: 1${eol}namespace: ci${eol}environments: { dev: { account: "${ACCOUNT}" } }${eol}variables: { org: acme }${eol}`;
  const written: Omit<Piece, 'file'>[] = [{ text: start + head }];
  if (Object.keys(defaultTags).length > 0) {
    const text = `defaults:${eol}${writer.entry('tags', defaultTags, '  ')}`;
    written.push({ of: { entity: '', property: 'tags' }, text });
  }
  written.push({ text: `entities:${eol}` });
  for (const { kind, name, properties } of entities) {
    const entity = `${kind}/${name}`;
    written.push({
      text: `${writer.comment('  ')}  - kind: ${kind}${eol}    ${NAME_OF[kind] ?? ''}: ${name}${writer.tail()}${eol}`,
    });
    for (const [property, value] of Object.entries(properties)) {
      const comment = writer.comment('    ');
      if (comment !== '') written.push({ text: comment });
      const isTemplate = property === 'description' && value === 'acme';
      const text = isTemplate ? `    description: "{{org}}"${eol}` : writer.entry(property, value, '    ', true);
      written.push({ of: { entity, property }, text });
    }
  }
  return written;
}

function jsonManifest(
  entities: readonly WrittenEntity[],
  { choices, eol, writer, documents, defaultTags }: Means,
): Omit<Piece, 'file'>[] {
  const indent = choices.pick('  ', '    ', '\t');
  const spaced = choices.pick(indent, undefined);
  let comments = 0;
  const comment = (sort: string): string => (choices.oneIn(3) ? ` // ${sort} ${String(comments++)}` : '');
  const json = (value: Json, depth: number): string => {
    if (isDocument(value) && choices.oneIn(3))
      return `{ "$file": ${JSON.stringify(documents.pathOf(value, eol, writer))} }`;
    const text = JSON.stringify(
      value,
      (_key, one: Json) => (typeof one === 'string' ? writer.templated(one) : one),
      spaced,
    );
    return text.replaceAll('\n', eol + indent.repeat(depth));
  };
  const environments = `"environments": {"dev": {"account": "${ACCOUNT}"}}`;
  const written: Omit<Piece, 'file'>[] = [
    { text: `{${comment('own')}${eol}${indent}"version": 1, "namespace": "ci",${eol}${indent}${environments},${eol}` },
    { text: `${indent}"variables": { "org": "acme" },${comment('own')}${eol}` },
  ];
  if (Object.keys(defaultTags).length > 0) {
    written.push({
      of: { entity: '', property: 'tags' },
      text: `${indent}"defaults": { "tags": ${json(defaultTags, 1)} },${eol}`,
    });
  }
  written.push({ text: `${indent}"entities": [${eol}` });
  entities.forEach(({ kind, name, properties }, index) => {
    const margin = indent.repeat(3);
    const key = `"${NAME_OF[kind] ?? ''}": ${JSON.stringify(name)}`;
    const all = Object.entries(properties);
    written.push({ text: `${indent.repeat(2)}{${eol}${margin}"kind": ${JSON.stringify(kind)},${eol}${margin}${key}` });
    for (const [property, value] of all) {
      const text = property === 'description' && value === 'acme' ? '"{{org}}"' : json(value, 3);
      written.push({ text: `,${comment('own')}${eol}` });
      written.push({
        of: { entity: `${kind}/${name}`, property },
        text: `${margin}${JSON.stringify(property)}: ${text}`,
      });
    }
    const comma = index < entities.length - 1 ? ',' : choices.pick('', ',');
    written.push({ text: `${eol}${indent.repeat(2)}}${comma}${comment('own')}${eol}` });
  });
  written.push({ text: `${indent}]${eol}}${eol}` });
  return written;
}
