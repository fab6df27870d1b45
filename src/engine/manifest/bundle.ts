import type { ManifestBundle } from '../../contract/fleet.js';
import type { ManifestOptions, ManifestSource } from './resolve.js';
import { PLACEHOLDER } from './scope.js';
import type { Tree } from './tree.js';

/** Returns the paths that a manifest gives with `$file`, as it writes them: they may contain templates. */
export function filePaths(tree: Tree): readonly string[] {
  const paths = new Set<string>();
  const visit = (part: Tree): void => {
    if (part.type === 'list') part.items.forEach(visit);
    if (part.type !== 'map') return;
    for (const [key, { value }] of part.entries) {
      if (key === '$file' && value.type === 'scalar' && typeof value.value === 'string') paths.add(value.value);
      else visit(value);
    }
  };
  visit(tree);
  return [...paths];
}

/**
 * Returns the sources and the options by which a bundle is resolved.
 *
 * @param bundle - the manifests
 * @param options - how paths are read
 * @param options.isOffline - a placeholder in a path stands for any name, as in a check without AWS. Default: it is a name
 * like others, since an account may be called so
 */
export function openBundle(
  bundle: ManifestBundle,
  { isOffline = false }: { readonly isOffline?: boolean } = {},
): Pick<
  ManifestOptions,
  'variables' | 'readFile' | 'adopt' | 'deleteTrusted' | 'removeUnmanaged' | 'orphans' | 'manifestName'
> & { readonly sources: readonly ManifestSource[] } {
  const { sources, files, variables, adopt, deleteTrusted, removeUnmanaged, orphans, name } = bundle;
  return {
    sources,
    variables,
    adopt,
    deleteTrusted,
    removeUnmanaged,
    orphans,
    manifestName: name,
    readFile: (path, from) => {
      const found = new Map(Object.entries((Object.hasOwn(files, from) ? files[from] : undefined) ?? {}));
      const text = found.get(path) ?? (isOffline ? anyLike(path, found) : undefined);
      if (text === undefined) throw new Error('there is no such file beside the manifest');
      return text;
    },
  };
}

/** Returns a file whose path may be meant by one with a placeholder in it. */
function anyLike(path: string, files: ReadonlyMap<string, string>): string | undefined {
  if (!path.includes(PLACEHOLDER)) return undefined;
  const isMeant = pathMatcher(path.replaceAll(PLACEHOLDER, '{{}}'));
  return [...files].find(([name]) => isMeant(name))?.[1];
}

/**
 * Returns what tells the paths that a path with templates can become. A value takes the place of a part without slash. It
 * takes time in proportion to the path, whatever the templates.
 */
export function pathMatcher(written: string): (path: string) => boolean {
  const segments = withoutNames(written)
    .split('/')
    .map((segment) => segment.split('{{}}'));
  return (path) => {
    const names = path.split('/');
    return names.length === segments.length && segments.every((texts, index) => isNameOf(texts, names[index] ?? ''));
  };
}

/** Returns a path with `{{}}` in the place of each template. */
export function withoutNames(path: string): string {
  return path.replace(/\{\{.*?\}\}/gs, '{{}}');
}

/** Reports whether a name has these texts, one after the other, with one character or more between two of them. */
function isNameOf(texts: readonly string[], name: string): boolean {
  const [first = '', ...others] = texts;
  const last = others.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let end = first.length;
  for (const text of others) {
    // The first place leaves the most for what follows.
    const at = name.indexOf(text, end + 1);
    if (at === -1) return false;
    end = at + text.length;
  }
  return name.endsWith(last) && name.length - last.length > end;
}

/** Returns whether templates of a bundle use the names, or the tags, of accounts. */
export function usesOf(bundle: Pick<ManifestBundle, 'sources' | 'files'>): {
  readonly names: boolean;
  readonly tags: boolean;
} {
  const texts = [
    ...bundle.sources.map((source) => ('text' in source ? source.text : JSON.stringify(source.value))),
    ...Object.values(bundle.files).flatMap((files) => Object.values(files)),
  ];
  const uses = (pattern: RegExp): boolean => texts.some((text) => pattern.test(text));
  return { names: uses(/\{\{\s*account\.name\b/), tags: uses(/account\.tags\./) };
}
