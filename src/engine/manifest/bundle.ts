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

/** Returns the sources and the options by which a bundle is resolved. */
export function openBundle(
  bundle: ManifestBundle,
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
      const text = found.get(path) ?? anyLike(path, found);
      if (text === undefined) throw new Error('there is no such file beside the manifest');
      return text;
    },
  };
}

/** Returns a file whose path may be meant by one with a placeholder in it, for checks without AWS. */
function anyLike(path: string, files: ReadonlyMap<string, string>): string | undefined {
  if (!path.includes(PLACEHOLDER)) return undefined;
  const pattern = pathPattern(path.replaceAll(PLACEHOLDER, '{{}}'));
  return [...files].find(([name]) => pattern.test(name))?.[1];
}

/** Returns the pattern of paths that a path with templates can become. A value takes the place of a part without slash. */
export function pathPattern(path: string): RegExp {
  const parts = path.split(/\{\{.*?\}\}/s).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/]+')}$`);
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
