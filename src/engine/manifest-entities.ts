import type { AdoptPolicy, DesiredEntity, Json, JsonObject, Target } from '../contract/entity.js';
import { z } from 'zod';
import { entityId, entityKey } from '../contract/entity.js';
import type { Kind } from '../kinds/kind.js';
import { dependencyOrder } from './graph.js';
import { commonSchema, defaultsSchema } from './manifest-fields.js';
import { COMMON_FIELDS, DEFAULT_FIELDS } from './manifest-header.js';
import { problemsOf, show } from './manifest-issues.js';
import type { At, MapEntry, MapTree, Tree } from './manifest-source.js';
import { jsonOf, mapTree, placeOf } from './manifest-source.js';
import { nearest, suggestion } from './nearest.js';
import type { Place, Problem } from './problem.js';
import { optionProblem, pathText, placeText } from './problem.js';
import { resolveReferences } from './references.js';
import { REFERENCE_MARKER } from './template.js';

/** What the manifest needs to know of a kind. */
export type ManifestKind = Pick<
  Kind,
  'name' | 'nameProperty' | 'schema' | 'nameOf' | 'arnOf' | 'references' | 'ownable' | 'share'
>;

/** The rendered parts of one manifest. */
export interface RenderedManifest {
  readonly defaults: Tree | null;
  readonly entities: readonly Tree[];
  readonly broken: ReadonlySet<Tree>;
}

interface EntitiesOptions {
  readonly kinds: readonly ManifestKind[];
  readonly target: Target;
  /** `foreign:Role/x`, as the command line gives it. */
  readonly adopt: readonly string[];
  readonly report: (problem: Problem) => void;
}

/** Entities with the places where they are declared. */
export interface DeclaredEntities {
  readonly entities: readonly DesiredEntity[];
  readonly places: readonly Place[];
}

type Common = z.infer<typeof commonSchema>;
type Defaults = z.infer<typeof defaultsSchema>;

/** An entity on its way from the manifest to what is desired. */
interface Draft {
  readonly at: At;
  readonly path: readonly PropertyKey[];
  readonly kindName: string | null;
  readonly kind: ManifestKind | null;
  /** Null where it could not be told; that has been reported. */
  readonly name: string | null;
  readonly common: Common;
  readonly state: 'present' | 'absent';
  readonly defaults: Defaults;
  /** The kind's properties, defaults included; tags are apart. */
  readonly spec: MapTree;
  readonly tags: MapTree | null;
  /** Properties, and tags as `tags.KEY`, that come from the defaults. */
  readonly inherited: ReadonlySet<string>;
  readonly broken: ReadonlySet<Tree>;
}

/** Checks all entities of the manifests of one call, and makes what is desired of those that are sound. */
export function declareEntities(manifests: readonly RenderedManifest[], options: EntitiesOptions): DeclaredEntities {
  const drafts = manifests.flatMap((manifest) => draftsOf(manifest, options));
  const declared = indexOf(drafts, options);
  const references = new References(drafts, declared, options);
  const adopt = adoptOverrides(declared, options);

  const entities: DesiredEntity[] = [];
  const places: Place[] = [];
  const sound: Draft[] = [];
  for (const draft of drafts) {
    checkSpec(draft, references, options);
    const needed = references.of(draft);
    const { kind, name, common, defaults } = draft;
    if (kind === null || name === null) continue;
    const place = placeOf(draft.at);
    const spec = jsonOf(draft.spec, references.canonical) as JsonObject;
    sound.push(draft);
    places.push(place);
    entities.push({
      kind: kind.name,
      name,
      state: draft.state,
      adopt: adopt.get(entityKey({ kind: kind.name, name })) ?? common.adopt ?? defaults.adopt ?? 'unowned',
      observe: common.observe ?? false,
      shared: common.shared ?? false,
      undeclared: common.undeclared ?? defaults.undeclared ?? 'keep',
      spec: draft.tags === null ? spec : { ...spec, tags: jsonOf(draft.tags, references.canonical) },
      dependsOn: draft.state === 'present' ? needed : [],
      source: { file: place.file, line: place.line },
    });
  }
  reportCycles(entities, sound, options);
  return { entities, places };
}

function draftsOf(manifest: RenderedManifest, options: EntitiesOptions): Draft[] {
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
  const parsed = defaultsSchema.safeParse(jsonOf(tree));
  const refused = new Set((parsed.error?.issues ?? []).map((issue) => String(issue.path[0])));
  for (const [field, { value }] of tree.entries) {
    if (refused.has(field) || !DEFAULT_FIELDS.includes(field)) sound.delete(field);
    else values[field] = jsonOf(value);
  }
  const problems = problemsOf(parsed.error?.issues ?? [], {
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
    report({ ...placeOf(tree.at), path: pathText(path), message, remedy: 'write { kind: Role, roleName: … }' });
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
  const parsed = commonSchema.safeParse(jsonOf(commonTree));
  const commonProblems = problemsOf(parsed.error?.issues ?? [], {
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
  if (state === 'present') {
    for (const field of ['path', 'permissionsBoundary']) {
      const entry = defaults.tree?.entries.get(field);
      if (entry === undefined || own.has(field) || !Object.hasOwn(kind.schema.shape, field)) continue;
      own.set(field, entry);
      inherited.add(field);
    }
    // Namespaces with different default tags would write over each other's on an entity that they share.
    if (kind.ownable && values.shared !== true) tags = withDefaultTags(tags, defaults.tree, inherited);
  }
  const spec = mapTree(tree.at, own);
  const nameValue = own.get(kind.nameProperty)?.value;
  const referring = nameValue !== undefined && !broken.has(nameValue) && isReference(nameValue);
  if (referring) {
    report({
      ...placeOf(nameValue.at),
      path: pathText([...path, kind.nameProperty]),
      message: `${kind.nameProperty} ${show(JSON.stringify(jsonOf(nameValue)).slice(1, -1))} holds a reference, and a name cannot`,
      remedy: 'write the name itself',
    });
  }
  const unsound = referring ? new Set([...broken, nameValue]) : broken;
  return {
    ...draft,
    spec,
    broken: unsound,
    tags: kind.ownable && state === 'present' && tags?.type === 'map' ? tags : null,
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
    const one = { [key]: jsonOf(value) };
    if (commonSchema.safeParse(one).success) Object.assign(sound, one);
  }
  return commonSchema.parse(sound);
}

function readKind(tree: MapTree, path: readonly PropertyKey[], { kinds, report }: EntitiesOptions): string | null {
  const entry = tree.entries.get('kind');
  const names = kinds.map(({ name }) => name);
  if (entry === undefined) {
    report({
      ...placeOf(tree.at),
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
    ...placeOf(value.at),
    path: pathText([...path, 'kind']),
    message: `unknown kind ${show(written)}`,
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
    report({ ...placeOf(at ?? tree.at), path: pathText([...path, field]), message, remedy });
  };
  if (common.shared === true && kind.share === undefined) {
    problem(
      'shared',
      `an entity of kind ${kind.name} cannot be shared`,
      'remove shared, and declare it in one namespace',
    );
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

function shapeOf(kind: ManifestKind): Readonly<Record<string, z.core.$ZodType>> {
  return kind.schema.shape;
}

/** The entity's name, or null where the property that names it is missing or refused: the schema's check says why. */
function readName(kind: ManifestKind, spec: MapTree, broken: ReadonlySet<Tree>): string | null {
  const value = spec.entries.get(kind.nameProperty)?.value;
  if (value === undefined || broken.has(value)) return null;
  const field = shapeOf(kind)[kind.nameProperty];
  if (field !== undefined && !z.safeParse(field, jsonOf(value)).success) return null;
  try {
    const name = kind.nameOf(jsonOf(spec) as JsonObject);
    if (name !== '') return name;
  } catch {
    // Told by the schema where the spec is unsound; told below where it is not.
  }
  return null;
}

/** Entities by key; the second of two that IAM takes for the same one is a problem. */
function indexOf(drafts: readonly Draft[], { report }: EntitiesOptions): ReadonlyMap<string, Draft> {
  const declared = new Map<string, Draft>();
  for (const draft of drafts) {
    const { kind, name } = draft;
    if (kind === null || name === null) continue;
    const key = entityKey({ kind: kind.name, name });
    const first = declared.get(key);
    if (first === undefined) {
      declared.set(key, draft);
      continue;
    }
    const same = first.name === name ? '' : `, which IAM does not tell from ${String(first.name)}`;
    const nameAt = draft.spec.entries.get(kind.nameProperty)?.value.at ?? draft.at;
    report({
      ...placeOf(nameAt),
      path: pathText(draft.path),
      message: `${entityId({ kind: kind.name, name })} is declared twice, first at ${placeText(placeOf(first.at))}${same}`,
      remedy: 'remove one of them, or rename it',
    });
  }
  return declared;
}

function adoptOverrides(
  declared: ReadonlyMap<string, Draft>,
  { adopt, report }: EntitiesOptions,
): ReadonlyMap<string, AdoptPolicy> {
  const overrides = new Map<string, AdoptPolicy>();
  for (const text of adopt) {
    const [, policy, kind, name] = /^(own|unowned|foreign):([^/]+)\/(.+)$/s.exec(text) ?? [];
    const option = `--adopt ${text}`;
    if (policy === undefined || kind === undefined || name === undefined) {
      report(optionProblem(option, `${show(text)} names no policy and entity`, 'write foreign:Kind/name'));
      continue;
    }
    const key = entityKey({ kind, name });
    if (declared.has(key)) overrides.set(key, policy as AdoptPolicy);
    else {
      const ids = idsOf(declared);
      const id = `${kind}/${name}`;
      report(optionProblem(option, `${show(id)} is not declared`, suggestion(id, ids, 'name a declared entity')));
    }
  }
  return overrides;
}

function idsOf(declared: ReadonlyMap<string, Draft>): string[] {
  return [...declared.values()].flatMap(({ kind, name }) =>
    kind === null || name === null ? [] : [entityId({ kind: kind.name, name })],
  );
}

/** Who refers to whom. */
class References {
  private readonly arns = new Map<string, string>();
  /** Kinds of which some entity has no name: a reference to it cannot be told from one to nothing. */
  private readonly unnamed = new Set<string>();
  private readonly unknownKind: boolean;

  constructor(
    drafts: readonly Draft[],
    private readonly declared: ReadonlyMap<string, Draft>,
    private readonly options: EntitiesOptions,
  ) {
    for (const { kindName, name } of drafts) {
      if (kindName !== null && name === null) this.unnamed.add(kindName);
    }
    const known = new Set(options.kinds.map(({ name }) => name));
    this.unknownKind = drafts.some(({ kindName }) => kindName === null || !known.has(kindName));
  }

  /** Markers in a text, with the names spelled as they are declared. */
  readonly canonical = (text: string): string => {
    if (!text.includes('{{arn ')) return text;
    return text.replaceAll(REFERENCE_MARKER, (marker, id: string) => {
      const found = this.find(id);
      return found === undefined ? marker : `{{arn ${found.id}}}`;
    });
  };

  /** Entities of the manifest that a draft needs, sorted; what it refers to in vain is reported. */
  of(draft: Draft): string[] {
    const needed = new Set<string>();
    const path = [...draft.path];
    this.collect(draft.spec, path, draft, needed);
    if (draft.tags !== null) this.collect(draft.tags, [...path, 'tags'], draft, needed);
    if (draft.kind?.references !== undefined && draft.state === 'present') {
      for (const id of this.unspelled(draft.kind, draft.spec)) {
        const found = this.find(id);
        // What is not declared may be in the account already.
        if (found !== undefined) this.need(found, draft.at, path, needed);
      }
    }
    return [...needed].sort();
  }

  /** The spec as a schema shall see it: with ARNs as they will be. */
  resolved(spec: JsonObject): JsonObject {
    const arns: Record<string, string> = {};
    for (const id of idsIn(spec)) arns[id] = this.arnOf(id);
    return resolveReferences(spec, arns);
  }

  private unspelled(kind: ManifestKind, spec: MapTree): readonly string[] {
    try {
      return kind.references?.(jsonOf(spec, this.canonical) as JsonObject) ?? [];
    } catch {
      return []; // The spec is unsound, which its schema reports.
    }
  }

  private find(id: string): { readonly id: string; readonly draft: Draft } | undefined {
    const [kind, name] = partsOf(id);
    const draft = this.declared.get(entityKey({ kind, name }));
    return draft?.name === undefined || draft.name === null
      ? undefined
      : { id: entityId({ kind, name: draft.name }), draft };
  }

  private arnOf(id: string): string {
    const known = this.arns.get(id);
    if (known !== undefined) return known;
    const { account, partition } = this.options.target;
    const [kind, name] = partsOf(id);
    let arn = `arn:${partition}:iam::${account}:${kind.toLowerCase()}/${name}`;
    const found = this.find(id);
    try {
      if (found?.draft.kind) arn = found.draft.kind.arnOf(jsonOf(found.draft.spec) as JsonObject, this.options.target);
    } catch {
      // The other entity's spec is unsound and is reported there; an ARN of about that form serves here.
    }
    this.arns.set(id, arn);
    return arn;
  }

  private collect(tree: Tree, path: PropertyKey[], draft: Draft, needed: Set<string>): void {
    if (draft.broken.has(tree)) return;
    if (tree.type === 'scalar') {
      if (typeof tree.value === 'string') this.text(tree.value, tree.at, path, draft, needed);
    } else if (tree.type === 'list') {
      tree.items.forEach((item, index) => {
        this.collect(item, [...path, index], draft, needed);
      });
    } else {
      for (const [key, { at, value }] of tree.entries) {
        this.text(key, at, path, draft, needed);
        this.collect(value, [...path, key], draft, needed);
      }
    }
  }

  private text(text: string, at: At, path: readonly PropertyKey[], draft: Draft, needed: Set<string>): void {
    if (!text.includes('{{arn ')) return;
    for (const [, id = ''] of text.matchAll(REFERENCE_MARKER)) {
      const found = this.find(id);
      if (found !== undefined) this.need(found, at, pathIn(draft, path), needed);
      else this.reportMissing(id, at, pathIn(draft, path));
    }
  }

  private need(
    found: { readonly id: string; readonly draft: Draft },
    at: At,
    path: readonly PropertyKey[],
    needed: Set<string>,
  ): void {
    if (found.draft.state === 'present') {
      needed.add(found.id);
      return;
    }
    this.options.report({
      ...placeOf(at),
      path: pathText(path),
      message: `${found.id} is needed here, and is to be absent (${placeText(placeOf(found.draft.at))})`,
      remedy: 'remove the reference, or state: absent',
    });
  }

  private reportMissing(id: string, at: At, path: readonly PropertyKey[]): void {
    const [kind] = partsOf(id);
    const kinds = this.options.kinds.map(({ name }) => name);
    const place = { ...placeOf(at), path: pathText(path) };
    if (!kinds.includes(kind)) {
      const remedy = suggestion(kind, kinds, 'write a kind that is known');
      this.options.report({ ...place, message: `{{arn ${id}}} names the unknown kind ${show(kind)}`, remedy });
      return;
    }
    if (this.unknownKind || this.unnamed.has(kind)) return;
    const ids = idsOf(this.declared);
    const meant = nearest(
      id,
      ids.filter((other) => other.startsWith(`${kind}/`)),
    );
    this.options.report({
      ...place,
      message: `{{arn ${id}}} names an entity that no manifest declares`,
      remedy:
        meant === undefined
          ? 'declare the entity, or write out the ARN of one that exists already'
          : `did you mean {{arn ${meant}}}?`,
    });
  }
}

/** Entities that the references in a value name. */
function idsIn(value: Json): string[] {
  if (typeof value === 'string') return [...value.matchAll(REFERENCE_MARKER)].map(([, id = '']) => id);
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((member: Json) => idsIn(member));
  return Object.entries(value).flatMap(([key, member]) => [...idsIn(key), ...idsIn(member)]);
}

function partsOf(id: string): [kind: string, name: string] {
  const slash = id.indexOf('/');
  return slash === -1 ? [id, ''] : [id.slice(0, slash), id.slice(slash + 1)];
}

/** The path of a value; what comes from the defaults is told from there. */
function pathIn(draft: Draft, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const inner = path.slice(draft.path.length);
  const [first, second] = inner;
  const inherited =
    draft.inherited.has(String(first)) || (first === 'tags' && draft.inherited.has(`tags.${String(second)}`));
  return inherited ? ['defaults', ...inner] : path;
}

/** Checks a draft's properties against its kind's schema, and its tags together with those of the defaults. */
function checkSpec(draft: Draft, references: References, { report }: EntitiesOptions): void {
  const { kind, path, spec, broken, common } = draft;
  if (kind === null) return;
  const fields = [...new Set([...Object.keys(kind.schema.shape), ...COMMON_FIELDS])];
  const pathOf = (inner: readonly PropertyKey[]): readonly PropertyKey[] => pathIn(draft, [...path, ...inner]);
  const absent = draft.state === 'absent';
  const schema = absent ? absentSchema(kind, common.shared === true) : kind.schema;
  const issues = schema.safeParse(references.resolved(jsonOf(spec, references.canonical) as JsonObject)).error?.issues;
  const problems = problemsOf(issues ?? [], {
    tree: spec,
    broken,
    pathOf,
    owner: kind.name,
    fields: absent && common.shared !== true ? [kind.nameProperty, ...COMMON_FIELDS] : fields,
    unknownField: (field) =>
      absent && Object.hasOwn(kind.schema.shape, field)
        ? {
            message: `${field} has no meaning for an entity that is to be absent`,
            remedy: `remove it: kind, ${kind.nameProperty} and state are enough`,
          }
        : undefined,
  });
  for (const problem of problems) report(problem);

  const { tags } = draft;
  const own = common.tags ?? {};
  // Defaults and the entity's own are each sound; together they may be too many.
  if (tags !== null && tags.entries.size > Object.keys(own).length) {
    const together = commonSchema.shape.tags.safeParse(jsonOf(tags)).error?.issues ?? [];
    for (const problem of problemsOf(
      together.filter((issue) => issue.path.length === 0),
      { tree: tags, broken, pathOf: () => [...path, 'tags'], owner: 'tags', fields: [] },
    )) {
      report(problem);
    }
  }
  const nameValue = spec.entries.get(kind.nameProperty)?.value;
  if (draft.name === null && problems.length === 0 && nameValue !== undefined && !broken.has(nameValue)) {
    report({
      ...placeOf(draft.at),
      path: pathText(path),
      message: `${kind.name} has no name that can be told from ${kind.nameProperty}`,
      remedy: `change ${kind.nameProperty}`,
    });
  }
}

/** An entity that is to go needs its name only; a shared one may say what this namespace takes back. */
function absentSchema(kind: ManifestKind, shared: boolean): z.ZodObject {
  const shape: Record<string, z.core.$ZodType> = {};
  for (const [property, field] of Object.entries(shapeOf(kind))) {
    if (property === kind.nameProperty) shape[property] = field;
    else if (shared) shape[property] = z.optional(field);
  }
  return z.strictObject(shape);
}

function reportCycles(entities: readonly DesiredEntity[], drafts: readonly Draft[], { report }: EntitiesOptions): void {
  const order = dependencyOrder(entities.map((entity) => ({ id: entityId(entity), dependsOn: entity.dependsOn })));
  if (order.ok) return;
  for (const cycle of order.cycles) {
    const first = drafts[cycle[0] ?? 0];
    if (first === undefined) continue;
    const ids = [...cycle, cycle[0] ?? 0].flatMap((position) => {
      const entity = entities[position];
      return entity === undefined ? [] : [entityId(entity)];
    });
    const shown = ids.length > 12 ? [...ids.slice(0, 10), '…', ...ids.slice(-1)] : ids;
    const alone = cycle.length === 1;
    report({
      ...placeOf(first.at),
      path: pathText(first.path),
      message: `${alone ? 'an entity waits for itself' : 'entities wait for each other'}: ${shown.join(' -> ')}`,
      remedy: 'remove one of the references: IAM has to know an entity before another can name it',
    });
  }
}
