import { posix } from 'node:path';
import { isParsed } from '../../../engine/manifest/expand.js';
import { COMMON_FIELDS } from '../../../engine/manifest/header.js';
import type { ManifestSource } from '../../../engine/manifest/resolve.js';
import { toJson, type MapTree, type Tree } from '../../../engine/manifest/tree.js';
import { readSourceFile } from './read-source.js';
import type { SourceFile, SourceNode } from './source-nodes.js';

/** Returns the one name of a file that may have several: by dots that mean nothing, by links, by absolute paths. */
export type Identify = (file: string) => string;

/** The files that a manifest is written in, as far as they can be changed. */
export class SourceFiles {
  readonly #files = new Map<string, SourceFile>();
  readonly #manifests: ReadonlyMap<string, ManifestSource>;

  /**
   * @param sources - the manifests
   * @param identify - tells two names of one file. Default: they differ in dots that mean nothing
   */
  constructor(
    sources: readonly ManifestSource[],
    readonly identify: Identify = (file) => posix.normalize(file),
  ) {
    this.#manifests = new Map(sources.map((source) => [identify(source.file), source]));
  }

  /** Returns the file of a value; undefined where the value is made from something else. */
  of(tree: Tree): SourceFile | undefined {
    const { origin } = tree.at;
    if (origin.text === undefined || this.makerOf(tree) !== undefined) return undefined;
    const id = this.identify(origin.name);
    const known = this.#files.get(id);
    if (known !== undefined) return known;
    const name = posix.normalize(origin.name);
    const file = readSourceFile(name, origin.text, !this.#manifests.has(id) && !isParsed(name));
    this.#files.set(id, file);
    return file;
  }

  /** Returns what makes a value that no file of a manifest has. */
  makerOf({ at: { origin } }: Tree): string | undefined {
    const source = this.#manifests.get(this.identify(origin.name));
    if (source !== undefined && 'tree' in source) return 'a CloudFormation template';
    return origin.lines === null ? 'a program' : undefined;
  }

  readonly node = (tree: Tree): SourceNode | undefined => this.of(tree)?.find(tree.type, tree.at.offset);

  /** Returns a file by its one name. */
  get(id: string): SourceFile | undefined {
    return this.#files.get(id);
  }

  /** Returns the folder of the manifest that names a file, or that a file is. */
  folderOf(name: string): string {
    const folders = [...this.#manifests.values()].map(({ file }) => posix.dirname(posix.normalize(file)));
    const around = folders.filter(
      (folder) => folder === '.' || name.startsWith(folder === '/' ? folder : `${folder}/`),
    );
    return around.sort((a, b) => b.length - a.length)[0] ?? posix.dirname(name);
  }

  /** Returns a key for the source position of a value; all uses of the value share it. */
  sourcePositionKey({ type, at: { origin, offset } }: Tree): string {
    return JSON.stringify([this.identify(origin.name), type, offset]);
  }

  /**
   * Reports whether a value stands where it declares more than content of entities: an anchor may stand at the account of
   * an environment, at a variable, at `protect`, or at the path of a file.
   */
  isOutside(tree: Tree): boolean {
    const id = this.identify(tree.at.origin.name);
    const file = this.of(tree);
    if (file === undefined || file.format === 'text') return false;
    const { offset } = tree.at;
    const isIn = ({ start, end }: Pick<SourceNode, 'start' | 'end'>): boolean => offset >= start && offset < end;
    const isPath = ({ members }: SourceNode): boolean => {
      const member = members.find(({ value }) => isIn(value));
      return member !== undefined && (member.key?.text === '$file' || isPath(member.value));
    };
    if (isPath(file.root)) return true;
    if (!this.#manifests.has(id)) return false;
    return !file.root.members.some(({ key, value }) => {
      if (!isIn(value) || (key?.text !== 'entities' && key?.text !== 'defaults')) return false;
      const field = value.members.find((member) => isIn(member.value))?.value.members.find((one) => isIn(one.value));
      const name = field?.key?.text ?? '';
      return key.text === 'defaults' || name === 'tags' || !COMMON_FIELDS.has(name);
    });
  }

  /** Returns the texts of a value as they are written, its keys included. Aliases and files are followed. */
  *textsIn(tree: Tree): Generator<string> {
    const node = this.node(tree);
    if (this.of(tree)?.format === 'text') return;
    if (tree.type === 'scalar') yield node?.text ?? '';
    for (const { key } of node?.members ?? []) yield key?.text ?? '';
    if (tree.type === 'list') for (const item of tree.items) yield* this.textsIn(item);
    if (tree.type === 'map') for (const { value } of tree.entries.values()) yield* this.textsIn(value);
  }
}

/** Returns what a manifest says beside its entities and their defaults: accounts, namespace, fleets, variables. */
export function surroundings({ entries }: MapTree): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    [...entries]
      .filter(([key]) => key !== 'entities' && key !== 'defaults')
      .map(([key, { value }]) => [key, toJson(value)]),
  );
}
