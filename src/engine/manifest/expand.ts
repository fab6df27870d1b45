import { parseText, parsePlainText, type Parsed } from './source.js';
import type { MapEntry, MapTree, Origin, SourceOffset, Tree } from './tree.js';
import { Limit, listTree, mapTree, scalarTree, problemAt } from './tree.js';
import { quoted, type Report, SPLIT_MANIFEST } from './problem.js';
import { renderTemplate } from './template.js';

/** Characters that all templates together may render to: long values used often must not fill the memory. */
const MAX_CHARACTERS = 20_000_000;

/** The key that includes a file's content. */
const FILE_KEY = '$file';

/** The rest of a call's limits, shared by all its manifests. */
export interface Budget {
  values: number;
  characters: number;
  exhausted: boolean;
}

/** Returns an unused budget. */
export function newBudget(): Budget {
  return { values: Limit.Values, characters: MAX_CHARACTERS, exhausted: false };
}

/** The rendered parts of one manifest. */
export interface RenderedManifest {
  readonly defaults: Tree | null;
  readonly entities: readonly Tree[];
  readonly broken: ReadonlySet<Tree>;
  /** The names whose values were inserted. */
  readonly used: ReadonlySet<string>;
}

/** The inputs of rendering. */
export interface ExpandOptions {
  readonly origin: Origin;
  readonly values: ReadonlyMap<string, string>;
  readonly readFile: (path: string, from: string) => string;
  readonly report: Report;
  readonly warn: Report;
  readonly budget: Budget;
}

/** Renders the templates of one manifest and includes the files that it refers to. */
export class Expander {
  readonly used = new Set<string>();
  /** Values that replace others with a reported problem: further problems of them are consequences. */
  readonly broken = new Set<Tree>();
  private readonly files = new Map<string, Parsed>();
  private readonly path: PropertyKey[] = [];
  private included = false;

  constructor(private readonly options: ExpandOptions) {}

  /** Renders a tree. The `literal` fields of the outermost map are not rendered, nor are its keys. */
  expand(tree: Tree, path: readonly PropertyKey[], literal: readonly string[]): Tree {
    this.path.splice(0, this.path.length, ...path);
    this.included = false;
    return this.tree(tree, literal);
  }

  /** Returns the content of the file that a tree names, with its templates as they are; else the tree itself. */
  include(tree: Tree, path: readonly PropertyKey[]): Tree {
    this.path.splice(0, this.path.length, ...path);
    const file = tree.type === 'map' ? tree.entries.get(FILE_KEY) : undefined;
    return file === undefined || tree.type !== 'map' ? tree : this.content(file, tree.entries.size).tree;
  }

  private tree(tree: Tree, literal?: readonly string[]): Tree {
    const { budget } = this.options;
    if (budget.exhausted) return this.lost(tree.at);
    if (--budget.values < 0 || budget.characters < 0) {
      budget.exhausted = true;
      const what = budget.values < 0 ? `${String(Limit.Values)} values` : `${String(MAX_CHARACTERS)} characters`;
      this.report(tree.at, `the manifest has more than ${what} in all`, SPLIT_MANIFEST);
      return this.lost(tree.at);
    }
    if (tree.type === 'scalar') return typeof tree.value === 'string' ? this.scalar(tree.value, tree) : tree;
    if (tree.type === 'list') {
      const items = tree.items.map((item, index) => {
        this.path.push(index);
        const rendered = this.tree(item);
        this.path.pop();
        return rendered;
      });
      return listTree(tree.at, items);
    }
    const file = tree.entries.get(FILE_KEY);
    if (file !== undefined) return this.file(file, tree.entries.size, literal);
    return this.map(tree, literal);
  }

  private map(tree: MapTree, literal: readonly string[] | undefined): Tree {
    const entries = new Map<string, MapEntry>();
    for (const [key, entry] of tree.entries) {
      this.path.push(key);
      const { text, failed } = literal === undefined ? this.text(key, entry.at) : { text: key, failed: false };
      const value = literal?.includes(key) === true ? entry.value : this.tree(entry.value);
      if (failed) this.broken.add(value);
      if (entries.has(text)) {
        this.report(entry.at, `two keys render to ${quoted(text)}`, 'rename one of them');
      } else if (text === '__proto__') {
        this.report(entry.at, 'the key __proto__ is not allowed', 'change the value that it comes from');
      } else entries.set(text, { at: entry.at, value });
      this.path.pop();
    }
    return mapTree(tree.at, entries);
  }

  private scalar(value: string, tree: Tree): Tree {
    const { text, failed } = this.text(value, tree.at);
    if (text === value && !failed) return tree;
    const rendered = scalarTree(tree.at, text);
    if (failed) this.broken.add(rendered);
    return rendered;
  }

  private text(text: string, at: SourceOffset): { readonly text: string; readonly failed: boolean } {
    const { values, budget, warn } = this.options;
    const rendered = renderTemplate(text, values);
    budget.characters -= Math.max(text.length, rendered.text.length);
    for (const name of rendered.used) this.used.add(name);
    for (const { message, remedy } of rendered.problems) this.report(at, message, remedy);
    for (const [variable, name = ''] of text.matchAll(/\$\{(\w+)\}/g)) {
      if (!values.has(name)) continue;
      const message = `${variable} is a variable of IAM policies, not a template`;
      warn(problemAt(at, this.path, message, `write {{${name}}} if the manifest's ${name} is meant`));
    }
    return { text: rendered.text, failed: rendered.problems.length > 0 };
  }

  private lost(at: SourceOffset): Tree {
    const tree = scalarTree(at, null);
    this.broken.add(tree);
    return tree;
  }

  private file(entry: MapEntry, size: number, literal: readonly string[] | undefined): Tree {
    if (this.included) {
      return this.refuse(
        entry.at,
        `${FILE_KEY} is inside an included file`,
        'name the inner file in the manifest itself',
      );
    }
    const { tree, hasTemplates } = this.content(entry, size);
    if (!hasTemplates) return tree;
    this.included = true;
    const rendered = this.tree(tree, literal);
    this.included = false;
    return rendered;
  }

  /** Returns the content of a file as it was parsed. */
  private content(entry: MapEntry, size: number): { readonly tree: Tree; readonly hasTemplates: boolean } {
    const none = (tree: Tree): { tree: Tree; hasTemplates: boolean } => ({ tree, hasTemplates: false });
    const at = entry.value.at;
    if (size > 1) {
      return none(this.refuse(entry.at, `${FILE_KEY} has other keys beside it`, 'put the other keys into the file'));
    }
    if (entry.value.type !== 'scalar' || typeof entry.value.value !== 'string') {
      const remedy = `write { ${FILE_KEY}: policies/name.json }`;
      return none(this.refuse(at, `${FILE_KEY} must be the path of a file`, remedy));
    }
    const { text: path, failed } = this.text(entry.value.value, at);
    if (failed) return none(this.lost(at));
    const escape = refusalOf(path);
    if (escape !== undefined) {
      const remedy = "name a file below the manifest's folder, with /";
      return none(this.refuse(at, `${FILE_KEY} ${quoted(path)} ${escape}`, remedy));
    }
    const parsed = this.read(path, at);
    if (parsed === undefined || parsed.tree === null) return none(this.lost(at));
    return { tree: parsed.tree, hasTemplates: isParsed(path) };
  }

  /** Reads and parses a file once, and reports its problems once. */
  private read(path: string, at: SourceOffset): Parsed | undefined {
    const known = this.files.get(path);
    if (known !== undefined) return known;
    let text: string;
    try {
      text = this.options.readFile(path, this.options.origin.name);
    } catch (error) {
      this.report(
        at,
        `${FILE_KEY} ${quoted(path)} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        'check the path, which is relative to the manifest',
      );
      return undefined;
    }
    const name = besideManifest(this.options.origin.name, path);
    // A certificate or a metadata document is plain text, without templates or YAML.
    const parsed = isParsed(path) ? parseText(name, text) : parsePlainText(name, text);
    for (const problem of parsed.problems) {
      const empty = problem.message === 'the file is empty' && isParsed(path);
      this.options.report({ ...problem, ...(empty ? { remedy: 'write JSON or YAML into it' } : {}) });
    }
    this.files.set(path, parsed);
    return parsed;
  }

  private refuse(at: SourceOffset, message: string, remedy: string): Tree {
    this.report(at, message, remedy);
    return this.lost(at);
  }

  private report(at: SourceOffset, message: string, remedy: string): void {
    this.options.report(problemAt(at, this.path, message, remedy));
  }
}

/** Reports whether a file is YAML or JSON; any other is plain text. */
export function isParsed(path: string): boolean {
  return /\.(ya?ml|json)$/i.test(path);
}

/** Returns why a path is refused. The loader checks symbolic links, which the text does not show. */
function refusalOf(path: string): string | undefined {
  if (path === '' || path.includes('\0')) return 'is not a path';
  if (path.includes('\\')) return 'contains a backslash';
  if (path.startsWith('/') || /^[A-Za-z]:/.test(path)) return 'is an absolute path';
  if (path.split('/').includes('..')) return "leaves the manifest's folder";
  return undefined;
}

/** Returns the file's name in messages: its path beside the manifest. */
export function besideManifest(manifest: string, path: string): string {
  const folder = Math.max(manifest.lastIndexOf('/'), manifest.lastIndexOf('\\')) + 1;
  return manifest.slice(0, folder) + path.replace(/^(\.\/)+/, '');
}
