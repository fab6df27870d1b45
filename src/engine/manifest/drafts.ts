import { z } from 'zod';
import { entityId, type DesiredState, type JsonObject, type Target } from '../../contract/entity.js';
import { suggestion } from '../text.js';
import { readDefaults, withDefaultTags, type Defaults, type ReadDefaults } from './defaults.js';
import { commonSchema } from './fields.js';
import { COMMON_FIELDS } from './header.js';
import { issuesToProblems } from './issues.js';
import { expandShorthand, type Expanded } from './shorthand.js';
import { hasPolicies, shapeOf, type ManifestKind } from './manifest-kind.js';
import type { RenderedManifest } from './expand.js';
import { quoted, type Report } from './problem.js';
import type { MapEntry, MapTree, SourceOffset, Tree } from './tree.js';
import { mapTree, stringOf, toJson, problemAt } from './tree.js';

/** The options for checking entities. */
export interface EntitiesOptions {
  readonly kinds: readonly ManifestKind[];
  readonly target: Target;
  /** Overrides from the command line: `foreign:Role/x`. */
  readonly adopt: readonly string[];
  /** Entities that may be deleted although others trust them: `Kind/name`. */
  readonly deleteTrusted: readonly string[];
  readonly report: Report;
  /** Takes what is valid and may do more than was meant. */
  readonly warn: Report;
  /** The first adoption may remove what is unmanaged. Default: false. */
  readonly removeUnmanaged?: boolean | undefined;
}

type Common = z.infer<typeof commonSchema>;

/** An entity between the manifest and its desired state. */
export interface Draft {
  readonly at: SourceOffset;
  readonly path: readonly PropertyKey[];
  readonly kindName: string | null;
  readonly kind: ManifestKind | null;
  /** Null if it is missing or refused, which has been reported. */
  readonly name: string | null;
  readonly common: Common;
  readonly state: DesiredState;
  readonly defaults: Defaults;
  /** The kind's properties, defaults included, without tags. */
  readonly spec: MapTree;
  readonly tags: MapTree | null;
  /** Properties, and tags as `tags.KEY`, that come from the defaults. */
  readonly inherited: ReadonlySet<string>;
  readonly broken: ReadonlySet<Tree>;
  readonly expanded?: Expanded;
  /** The position of `renamedFrom`. */
  readonly renamedFromAt?: SourceOffset | undefined;
}

/** Reads the entities of one manifest and applies the defaults. */
export function readDrafts(manifest: RenderedManifest, options: EntitiesOptions): Draft[] {
  const defaults = readDefaults(manifest, options.report);
  return manifest.entities.flatMap((tree, index) => {
    const draft = readDraft(tree, ['entities', index], defaults, manifest.broken, options);
    return draft === undefined ? [] : [draft];
  });
}

function readDraft(
  tree: Tree,
  path: readonly PropertyKey[],
  defaults: ReadDefaults,
  broken: ReadonlySet<Tree>,
  options: EntitiesOptions,
): Draft | undefined {
  const { report } = options;
  if (broken.has(tree)) return { ...UNKNOWN, at: tree.at, path, broken };
  if (tree.type !== 'map') {
    report(problemAt(tree.at, path, 'an entity is a map', 'write { kind: Role, roleName: … }'));
    return undefined;
  }
  const kindName = readKind(tree, path, options);
  const kind = options.kinds.find(({ name }) => name === kindName) ?? null;
  const fields = [...tree.entries].filter(([key]) => key !== 'kind');
  const commonTree = mapTree(tree.at, new Map(fields.filter(([key]) => COMMON_FIELDS.has(key))));
  const own = new Map(fields.filter(([key]) => !COMMON_FIELDS.has(key)));
  const common = readCommon(commonTree, path, kindName ?? 'the entity', broken, report);
  const draft: Draft = {
    ...UNKNOWN,
    at: tree.at,
    path,
    kindName,
    kind,
    common,
    state: common.state ?? 'present',
    defaults: defaults.values,
    spec: mapTree(tree.at, own),
    broken,
    renamedFromAt: commonTree.entries.get('renamedFrom')?.value.at,
  };
  if (kind === null) return draft;
  checkCommon(tree, path, kind, common, report);
  const tags = commonTree.entries.get('tags')?.value;
  return expandShorthand(applyDefaults(draft, kind, { own, tags }, defaults.tree, report), options.target, report);
}

const UNKNOWN: Omit<Draft, 'at' | 'path' | 'broken'> = {
  kindName: null,
  kind: null,
  name: null,
  common: {},
  state: 'present',
  defaults: {},
  spec: mapTree({ origin: { name: '', lines: null }, offset: -1 }, new Map()),
  tags: null,
  inherited: new Set(),
};

/** Reads the fields that every entity has. */
function readCommon(
  tree: MapTree,
  path: readonly PropertyKey[],
  owner: string,
  broken: ReadonlySet<Tree>,
  report: Report,
): Common {
  const parsed = commonSchema.safeParse(toJson(tree));
  issuesToProblems(parsed.error?.issues ?? [], {
    tree,
    broken,
    pathOf: (inner) => [...path, ...inner],
    owner,
    fields: [...COMMON_FIELDS],
  }).forEach(report);
  return parsed.data ?? validFields(tree);
}

/** Completes a draft with the defaults for its kind, its tags and its name. */
function applyDefaults(
  draft: Draft,
  kind: ManifestKind,
  { own, tags }: { readonly own: Map<string, MapEntry>; readonly tags: Tree | undefined },
  defaults: MapTree | null,
  report: Report,
): Draft {
  const isAbsent = draft.state === 'absent';
  const inherited = new Set<string>();
  for (const field of ['path', 'permissionsBoundary']) {
    const entry = defaults?.entries.get(field);
    if (isAbsent && !kind.keyProperties.includes(field)) continue;
    if (entry === undefined || own.has(field) || !Object.hasOwn(kind.schema.shape, field)) continue;
    own.set(field, entry);
    inherited.add(field);
  }
  const takesTags = kind.ownable && !isAbsent;
  // Namespaces with different default tags would overwrite each other's on a shared entity.
  const allTags = takesTags && draft.common.shared !== true ? withDefaultTags(tags, defaults, kind, inherited) : tags;
  const spec = mapTree(draft.at, own);
  const broken = new Set([...draft.broken, ...reportReferencesInNames(draft, kind, own, report)]);
  return {
    ...draft,
    spec,
    broken,
    tags: takesTags && allTags?.type === 'map' ? allTags : null,
    inherited,
    name: readName(kind, spec, broken),
  };
}

/** Reports names that contain a reference, and returns their values. */
function reportReferencesInNames(
  { path, broken }: Draft,
  { keyProperties }: ManifestKind,
  own: ReadonlyMap<string, MapEntry>,
  report: Report,
): Tree[] {
  return keyProperties.flatMap((property) => {
    const value = own.get(property)?.value;
    if (value === undefined || broken.has(value) || stringOf(value)?.includes('{{arn ') !== true) return [];
    const message = `${property} ${quoted(JSON.stringify(toJson(value)).slice(1, -1))} contains a reference, which a name cannot`;
    report(problemAt(value.at, [...path, property], message, 'write the name itself'));
    return [value];
  });
}

/** Returns the common fields that are valid by themselves, so that one wrong field does not change the others. */
function validFields(tree: MapTree): Common {
  const valid: Record<string, unknown> = {};
  for (const [key, { value }] of tree.entries) {
    const field = { [key]: toJson(value) };
    if (commonSchema.safeParse(field).success) Object.assign(valid, field);
  }
  return commonSchema.parse(valid);
}

function readKind(tree: MapTree, path: readonly PropertyKey[], { kinds, report }: EntitiesOptions): string | null {
  const entry = tree.entries.get('kind');
  const names = kinds.map(({ name }) => name);
  if (entry === undefined) {
    report(problemAt(tree.at, path, 'kind is missing', `add kind: one of ${names.join(', ')}`));
    return null;
  }
  const { value } = entry;
  if (value.type === 'scalar' && typeof value.value === 'string' && names.includes(value.value)) return value.value;
  const written = value.type === 'scalar' ? String(value.value) : value.type;
  const message = `unknown kind ${quoted(written)}`;
  const remedy = written.includes('{{')
    ? 'write the kind itself: it cannot be a template'
    : suggestion(written, names, 'write a kind that is known');
  report(problemAt(value.at, [...path, 'kind'], message, remedy));
  return value.type === 'scalar' && typeof value.value === 'string' ? value.value : null;
}

/** Checks the common fields against the kind, which no schema of a single field can do. */
function checkCommon(
  tree: MapTree,
  path: readonly PropertyKey[],
  kind: ManifestKind,
  common: Common,
  report: Report,
): void {
  const problem = (field: string, message: string, remedy: string, key = false): void => {
    const entry = tree.entries.get(field);
    const at = key ? entry?.at : entry?.value.at;
    report(problemAt(at ?? tree.at, [...path, field], message, remedy));
  };
  if (common.deleteTrusted === true && kind.listTrusting === undefined) {
    problem('deleteTrusted', `no other entity can trust one of kind ${kind.name}`, 'remove deleteTrusted');
  }
  if (common.suppressFindings !== undefined && !hasPolicies(kind)) {
    const message = `an entity of kind ${kind.name} has no policy with findings`;
    problem('suppressFindings', message, 'remove suppressFindings', true);
  }
  if (common.shared === true && kind.share === undefined) {
    problem(
      'shared',
      `an entity of kind ${kind.name} cannot be shared`,
      'remove shared, and declare it in one namespace',
    );
  }
  checkUnmanaged(tree, path, kind, report);
  if (!tree.entries.has('tags')) return;
  if (!kind.ownable) problem('tags', `an entity of kind ${kind.name} cannot have tags`, 'remove tags', true);
  else if (common.state === 'absent') problem('tags', 'an absent entity has no tags', 'remove tags', true);
}

function checkUnmanaged(tree: MapTree, path: readonly PropertyKey[], kind: ManifestKind, report: Report): void {
  const unmanaged = tree.entries.get('unmanaged')?.value;
  if (unmanaged?.type !== 'map') return;
  const properties = Object.keys(shapeOf(kind)).filter((name) => !kind.keyProperties.includes(name));
  for (const [property, { at }] of unmanaged.entries) {
    if (properties.includes(property)) continue;
    const message = `${kind.name} has no property ${quoted(property)} with unmanaged content`;
    const remedy = suggestion(property, properties, `name a property of ${kind.name}`);
    report(problemAt(at, [...path, 'unmanaged', property], message, remedy));
  }
}

/** Returns the entity's name. Null if a property that names it is missing or refused; the schema's check reports why. */
function readName(kind: ManifestKind, spec: MapTree, broken: ReadonlySet<Tree>): string | null {
  for (const property of kind.keyProperties) {
    const value = spec.entries.get(property)?.value;
    if (value !== undefined && broken.has(value)) return null;
    const field = shapeOf(kind)[property];
    const written = value === undefined ? undefined : toJson(value);
    if (field !== undefined && !z.safeParse(field, written).success) return null;
  }
  try {
    const name = kind.nameOf(toJson(spec) as JsonObject);
    if (name !== '') return name;
  } catch {
    // An invalid spec is reported by its schema, a missing name by the check of the spec.
  }
  return null;
}

/** Returns the path of a value as written: a value from the defaults has its path there, and one of a short form has none. */
export function pathIn(draft: Draft, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const inner = path.slice(draft.path.length);
  const [first, second] = inner;
  if (first !== undefined && first === draft.expanded?.replaces) return [...draft.path, draft.expanded.property];
  const inherited =
    draft.inherited.has(String(first)) || (first === 'tags' && draft.inherited.has(`tags.${String(second)}`));
  return inherited ? ['defaults', ...inner] : path;
}

/** Returns the IDs of the declared entities, for suggestions. */
export function idsOf(declared: ReadonlyMap<string, Draft>): string[] {
  return [...declared.values()].flatMap(({ kind, name }) =>
    kind === null || name === null ? [] : [entityId({ kind: kind.name, name })],
  );
}
