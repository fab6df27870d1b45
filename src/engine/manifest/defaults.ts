import type { z } from 'zod';
import { defaultsSchema } from './fields.js';
import { DEFAULT_FIELDS } from './header.js';
import { issuesToProblems } from './issues.js';
import type { ManifestKind } from './manifest-kind.js';
import type { Report } from './problem.js';
import { tagKeyForm } from '../tag-keys.js';
import { mapTree, toJson, type MapEntry, type MapTree, type Tree } from './tree.js';

/** The values of `defaults`. */
export type Defaults = z.infer<typeof defaultsSchema>;

/** The defaults of a manifest, without the fields that were refused. */
export interface ReadDefaults {
  readonly values: Defaults;
  readonly tree: MapTree | null;
}

/** Reads the defaults of a manifest. */
export function readDefaults(
  { defaults: tree, broken }: { readonly defaults: Tree | null; readonly broken: ReadonlySet<Tree> },
  report: Report,
): ReadDefaults {
  if (tree?.type !== 'map') return { values: {}, tree: null };
  const valid = new Map(tree.entries);
  const values: Record<string, unknown> = {};
  const issues = defaultsSchema.safeParse(toJson(tree)).error?.issues ?? [];
  const refused = new Set(issues.map((issue) => String(issue.path[0])));
  for (const [field, { value }] of tree.entries) {
    if (refused.has(field) || !DEFAULT_FIELDS.includes(field)) valid.delete(field);
    else values[field] = toJson(value);
  }
  issuesToProblems(issues, {
    tree,
    broken,
    pathOf: (path) => ['defaults', ...path],
    owner: 'defaults',
    fields: DEFAULT_FIELDS,
  }).forEach(report);
  return { values: defaultsSchema.safeParse(values).data ?? {}, tree: mapTree(tree.at, valid) };
}

/** Adds the default tags to an entity's own, which win; the keys that were added go to `inherited`. */
export function withDefaultTags(
  own: Tree | undefined,
  defaults: MapTree | null,
  kind: Pick<ManifestKind, 'ignoresTagKeyCase'>,
  inherited: Set<string>,
): Tree | undefined {
  const common = defaults?.entries.get('tags')?.value;
  if (common?.type !== 'map' || (own !== undefined && own.type !== 'map')) return own;
  const ownTags: ReadonlyMap<string, MapEntry> = own?.entries ?? new Map<string, MapEntry>();
  const taken = new Set([...ownTags.keys()].map((key) => tagKeyForm(key, kind)));
  const added = [...common.entries].filter(([key]) => !taken.has(tagKeyForm(key, kind)));
  for (const [key] of added) inherited.add(`tags.${key}`);
  return mapTree((own ?? common).at, new Map([...added, ...ownTags]));
}
