import { z } from 'zod';
import type { DesiredState, JsonObject, Target } from '../../contract/entity.js';
import { entityId } from '../../contract/entity.js';
import type { Kind } from '../../kinds/kind.js';
import { commonSchema, defaultsSchema } from './fields.js';
import { COMMON_FIELDS, DEFAULT_FIELDS } from './header.js';
import { issuesToProblems } from './issues.js';
import { quoted } from './problem.js';
import type { SourceOffset, MapEntry, MapTree, Tree } from './tree.js';
import { toJson, mapTree, positionOf } from './tree.js';
import { suggestion } from '../text.js';
import type { Problem } from './problem.js';
import { pathText } from './problem.js';

/** What the manifest needs to know of a kind. */
export type ManifestKind = Pick<
  Kind,
  'name' | 'keyProperties' | 'schema' | 'nameOf' | 'arnOf' | 'references' | 'ownable' | 'share' | 'secret'
>;

/** The rendered parts of one manifest. */
export interface RenderedManifest {
  readonly defaults: Tree | null;
  readonly entities: readonly Tree[];
  readonly broken: ReadonlySet<Tree>;
}

/** What checking entities needs. */
export interface EntitiesOptions {
  readonly kinds: readonly ManifestKind[];
  readonly target: Target;
  /** `foreign:Role/x`, as the command line gives it. */
  readonly adopt: readonly string[];
  readonly report: (problem: Problem) => void;
  /** The first adoption may remove what is unmanaged. Default: false. */
  readonly removeUnmanaged?: boolean | undefined;
}

type Common = z.infer<typeof commonSchema>;
type Defaults = z.infer<typeof defaultsSchema>;

/** An entity on its way from the manifest to what is desired. */
export interface Draft {
  readonly at: SourceOffset;
  readonly path: readonly PropertyKey[];
  readonly kindName: string | null;
  readonly kind: ManifestKind | null;
  /** Null where it could not be told; that has been reported. */
  readonly name: string | null;
  readonly common: Common;
  readonly state: DesiredState;
  readonly defaults: Defaults;
  /** The kind's properties, defaults included; tags are apart. */
  readonly spec: MapTree;
  readonly tags: MapTree | null;
  /** Properties, and tags as `tags.KEY`, that come from the defaults. */
  readonly inherited: ReadonlySet<string>;
  readonly broken: ReadonlySet<Tree>;
}

/** Reads the entities of one manifest, the defaults put in. */
export function readDrafts(manifest: RenderedManifest, options: EntitiesOptions): Draft[] {
  const defaults = readDefaults(manifest, options);
  return manifest.entities.flatMap((tree, index) => {
    const draft = draftOf(tree, ['entities', index], defaults, manifest, options);
    return draft === undefined ? [] : [draft];
  });
}

interface ReadDefaults {
  readonly values: Defaults;
  /** Fields that are sound, with their places. */
  readonly tree: MapTree | null;
}

function readDefaults({ defaults: tree, broken }: RenderedManifest, { report }: EntitiesOptions): ReadDefaults {
  if (tree?.type !== 'map') return { values: {}, tree: null };
  const sound = new Map(tree.entries);
  const values: Record<string, unknown> = {};
  const parsed = defaultsSchema.safeParse(toJson(tree));
  const refused = new Set((parsed.error?.issues ?? []).map((issue) => String(issue.path[0])));
  for (const [field, { value }] of tree.entries) {
    if (refused.has(field) || !DEFAULT_FIELDS.includes(field)) sound.delete(field);
    else values[field] = toJson(value);
  }
  const problems = issuesToProblems(parsed.error?.issues ?? [], {
    tree,
    broken,
    pathOf: (path) => ['defaults', ...path],
    owner: 'defaults',
    fields: DEFAULT_FIELDS,
  });
  for (const problem of problems) report(problem);
  const checked = defaultsSchema.safeParse(values);
  return { values: checked.data ?? {}, tree: mapTree(tree.at, sound) };
}

function draftOf(
  tree: Tree,
  path: readonly PropertyKey[],
  defaults: ReadDefaults,
  { broken }: RenderedManifest,
  options: EntitiesOptions,
): Draft | undefined {
  const { report } = options;
  if (broken.has(tree)) return { ...UNKNOWN, at: tree.at, path, broken };
  if (tree.type !== 'map') {
    const message = 'an entity is a map';
    report({ ...positionOf(tree.at), path: pathText(path), message, remedy: 'write { kind: Role, roleName: … }' });
    return undefined;
  }
  const kindName = readKind(tree, path, options);
  const kind = options.kinds.find(({ name }) => name === kindName) ?? null;

  const common = new Map<string, MapEntry>();
  const own = new Map<string, MapEntry>();
  for (const [key, entry] of tree.entries) {
    if (key !== 'kind') (COMMON_FIELDS.has(key) ? common : own).set(key, entry);
  }
  const commonTree = mapTree(tree.at, common);
  const parsed = commonSchema.safeParse(toJson(commonTree));
  const commonProblems = issuesToProblems(parsed.error?.issues ?? [], {
    tree: commonTree,
    broken,
    pathOf: (inner) => [...path, ...inner],
    owner: kindName ?? 'the entity',
    fields: [...COMMON_FIELDS],
  });
  for (const problem of commonProblems) report(problem);
  const values = parsed.data ?? salvage(commonTree);

  const state = values.state ?? 'present';
  const draft: Draft = {
    ...UNKNOWN,
    at: tree.at,
    path,
    kindName,
    kind,
    common: values,
    state,
    defaults: defaults.values,
    spec: mapTree(tree.at, own),
    broken,
  };
  if (kind === null) return draft;
  checkCommon(tree, path, kind, values, report);

  const inherited = new Set<string>();
  let tags = common.get('tags')?.value;
  for (const field of ['path', 'permissionsBoundary']) {
    const entry = defaults.tree?.entries.get(field);
    if (state === 'absent' && !kind.keyProperties.includes(field)) continue;
    if (entry === undefined || own.has(field) || !Object.hasOwn(kind.schema.shape, field)) continue;
    own.set(field, entry);
    inherited.add(field);
  }
  // Namespaces with different default tags would write over each other's on an entity that they share.
  if (state !== 'absent' && kind.ownable && values.shared !== true) {
    tags = withDefaultTags(tags, defaults.tree, inherited);
  }
  const spec = mapTree(tree.at, own);
  const unsound = new Set(broken);
  for (const property of kind.keyProperties) {
    const value = own.get(property)?.value;
    if (value === undefined || broken.has(value) || !isReference(value)) continue;
    unsound.add(value);
    report({
      ...positionOf(value.at),
      path: pathText([...path, property]),
      message: `${property} ${quoted(JSON.stringify(toJson(value)).slice(1, -1))} holds a reference, and a name cannot`,
      remedy: 'write the name itself',
    });
  }
  return {
    ...draft,
    spec,
    broken: unsound,
    tags: kind.ownable && state !== 'absent' && tags?.type === 'map' ? tags : null,
    inherited,
    name: readName(kind, spec, unsound),
  };
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

/** The common fields that are sound each by itself, so that one bad field does not change what the others mean. */
function salvage(tree: MapTree): Common {
  const sound: Record<string, unknown> = {};
  for (const [key, { value }] of tree.entries) {
    const one = { [key]: toJson(value) };
    if (commonSchema.safeParse(one).success) Object.assign(sound, one);
  }
  return commonSchema.parse(sound);
}

function readKind(tree: MapTree, path: readonly PropertyKey[], { kinds, report }: EntitiesOptions): string | null {
  const entry = tree.entries.get('kind');
  const names = kinds.map(({ name }) => name);
  if (entry === undefined) {
    report({
      ...positionOf(tree.at),
      path: pathText(path),
      message: 'kind is missing',
      remedy: `add kind: one of ${names.join(', ')}`,
    });
    return null;
  }
  const { value } = entry;
  if (value.type === 'scalar' && typeof value.value === 'string' && names.includes(value.value)) return value.value;
  const written = value.type === 'scalar' ? String(value.value) : value.type;
  report({
    ...positionOf(value.at),
    path: pathText([...path, 'kind']),
    message: `unknown kind ${quoted(written)}`,
    remedy: written.includes('{{')
      ? 'write the kind itself: it cannot be a template'
      : suggestion(written, names, 'write a kind that is known'),
  });
  return value.type === 'scalar' && typeof value.value === 'string' ? value.value : null;
}

/** What no schema of a single field can tell. */
function checkCommon(
  tree: MapTree,
  path: readonly PropertyKey[],
  kind: ManifestKind,
  common: Common,
  report: (problem: Problem) => void,
): void {
  const problem = (field: string, message: string, remedy: string, key = false): void => {
    const entry = tree.entries.get(field);
    const at = key ? entry?.at : entry?.value.at;
    report({ ...positionOf(at ?? tree.at), path: pathText([...path, field]), message, remedy });
  };
  if (common.shared === true && kind.share === undefined) {
    problem(
      'shared',
      `an entity of kind ${kind.name} cannot be shared`,
      'remove shared, and declare it in one namespace',
    );
  }
  const unmanaged = tree.entries.get('unmanaged')?.value;
  if (unmanaged?.type === 'map') {
    const properties = Object.keys(shapeOf(kind)).filter((name) => !kind.keyProperties.includes(name));
    for (const [property, { at }] of unmanaged.entries) {
      if (properties.includes(property)) continue;
      report({
        ...positionOf(at),
        path: pathText([...path, 'unmanaged', property]),
        message: `${kind.name} has no property ${quoted(property)} to keep or remove things of`,
        remedy: suggestion(property, properties, `name a property of ${kind.name}`),
      });
    }
  }
  if (!tree.entries.has('tags')) return;
  if (!kind.ownable) problem('tags', `an entity of kind ${kind.name} cannot carry tags`, 'remove tags', true);
  else if (common.state === 'absent') problem('tags', 'tags of an entity that is to be absent', 'remove tags', true);
}

function withDefaultTags(own: Tree | undefined, defaults: MapTree | null, inherited: Set<string>): Tree | undefined {
  const common = defaults?.entries.get('tags')?.value;
  if (common?.type !== 'map' || (own !== undefined && own.type !== 'map')) return own;
  const taken = new Set([...(own?.entries.keys() ?? [])].map((key) => key.toLowerCase()));
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of common.entries) {
    if (taken.has(key.toLowerCase())) continue;
    entries.set(key, entry);
    inherited.add(`tags.${key}`);
  }
  for (const [key, entry] of own?.entries ?? []) entries.set(key, entry);
  return mapTree(own?.at ?? common.at, entries);
}

function isReference(tree: Tree): boolean {
  return tree.type === 'scalar' && typeof tree.value === 'string' && tree.value.includes('{{arn ');
}

/** The kind's fields by name. */
export function shapeOf(kind: ManifestKind): Readonly<Record<string, z.core.$ZodType>> {
  return kind.schema.shape;
}

/** The entity's name, or null where a property that names it is missing or refused: the schema's check says why. */
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
    // Told by the schema where the spec is unsound; told below where it is not.
  }
  return null;
}

/** The path of a value; what comes from the defaults is told from there. */
export function pathIn(draft: Draft, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const inner = path.slice(draft.path.length);
  const [first, second] = inner;
  const inherited =
    draft.inherited.has(String(first)) || (first === 'tags' && draft.inherited.has(`tags.${String(second)}`));
  return inherited ? ['defaults', ...inner] : path;
}

/** The IDs of what is declared, for suggestions. */
export function idsOf(declared: ReadonlyMap<string, Draft>): string[] {
  return [...declared.values()].flatMap(({ kind, name }) =>
    kind === null || name === null ? [] : [entityId({ kind: kind.name, name })],
  );
}
