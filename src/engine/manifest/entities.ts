import { z } from 'zod';
import type { AdoptPolicy, DesiredEntity, JsonObject, UnmanagedPolicy } from '../../contract/entity.js';
import { entityId, entityKey, entityKeyOfId } from '../../contract/entity.js';
import { dependencyOrder } from '../graph.js';
import { readDrafts, idsOf, pathIn, type Draft, type EntitiesOptions } from './drafts.js';
import type { RenderedManifest } from './expand.js';
import { shapeOf, type ManifestKind, type SpecProblem } from './manifest-kind.js';
import { commonSchema } from './fields.js';
import { COMMON_FIELDS } from './header.js';
import { issuesToProblems } from './issues.js';
import { quoted, optionProblem, positionText, type Problem, type Report, type SourcePosition } from './problem.js';
import { follow, toJson, positionOf, problemAt } from './tree.js';
import { foldTagKey } from '../tag-keys.js';
import { suggestion } from '../text.js';
import { References } from './references.js';
import { reportRenames, withFormerReferences } from './renames.js';
import { respelledValues } from './written-values.js';

/** Entities with their positions in the manifest. */
export interface DeclaredEntities {
  readonly entities: readonly DesiredEntity[];
  readonly positions: readonly SourcePosition[];
  /** The entities as they are written. */
  readonly drafts: readonly Draft[];
}

/** Checks all entities of the manifests of one call, and builds the desired entities of the valid ones. */
export function declareEntities(manifests: readonly RenderedManifest[], options: EntitiesOptions): DeclaredEntities {
  const drafts = manifests.flatMap((manifest) => readDrafts(manifest, options));
  const declared = indexOf(drafts, options);
  const references = new References(drafts, declared, options);
  const adopt = adoptOverrides(declared, options);
  const deletable = new Set(
    options.deleteTrusted.flatMap((id) => declaredKey(id, `--delete-trusted ${id}`, declared, options) ?? []),
  );

  const entities: DesiredEntity[] = [];
  const places: SourcePosition[] = [];
  const sound: Draft[] = [];
  for (const draft of drafts) {
    checkSpec(draft, references, options);
    const needed = references.of(draft);
    const { kind, name, common, defaults } = draft;
    if (kind === null || name === null) continue;
    const place = positionOf(draft.at);
    const spec = toJson(draft.spec, references.canonical) as JsonObject;
    sound.push(draft);
    places.push(place);
    entities.push({
      kind: kind.name,
      name,
      state: draft.state,
      adopt: adopt.get(entityKey({ kind: kind.name, name })) ?? common.adopt ?? defaults.adopt ?? 'unowned',
      observe: common.observe ?? false,
      shared: common.shared ?? false,
      unmanaged: unmanagedOf(common.unmanaged, defaults.unmanaged),
      ...optionsOf(common),
      ...(common.deleteTrusted === true || deletable.has(entityKey({ kind: kind.name, name }))
        ? { deleteTrusted: true }
        : {}),
      ...(options.removeUnmanaged === true ? { unmanagedAtAdoption: true } : {}),
      spec: draft.tags === null ? spec : { ...spec, tags: toJson(draft.tags, references.canonical) },
      dependsOn: draft.state === 'present' ? needed : [],
      source: { file: place.file, line: place.line },
    });
  }
  reportCycles(entities, sound, options);
  reportRenames(drafts, declared, options);
  reportSharedSecrets(entities, sound, options);
  return { entities: withFormerReferences(entities, options.kinds), positions: places, drafts: sound };
}

/** Returns the options of an entity that have no default. */
function optionsOf({
  replace,
  protect,
  renamedFrom,
  suppressFindings,
}: Draft['common']): Pick<DesiredEntity, 'replace' | 'protect' | 'renamedFrom' | 'suppressFindings'> {
  return {
    ...(replace === undefined ? {} : { replace }),
    ...(protect === undefined ? {} : { protect }),
    ...(renamedFrom === undefined ? {} : { renamedFrom }),
    ...(suppressFindings === undefined ? {} : { suppressFindings }),
  };
}

/** Combines an entity's own setting with the default: a setting for one property leaves the others at the default. */
function unmanagedOf(
  own: DesiredEntity['unmanaged'] | undefined,
  common: UnmanagedPolicy | undefined = 'keep',
): DesiredEntity['unmanaged'] {
  if (own === undefined || typeof own === 'string') return own ?? common;
  return common === 'keep' ? own : { ...own, '*': common };
}

/** Indexes entities by key; reports two that IAM takes for the same one. */
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
    const same = first.name === name ? '' : `, which IAM takes for the same as ${String(first.name)}`;
    const nameAt = draft.spec.entries.get(kind.keyProperties[0] ?? '')?.value.at ?? draft.at;
    const message = `${entityId({ kind: kind.name, name })} is declared twice, first at ${positionText(positionOf(first.at))}${same}`;
    report(problemAt(nameAt, draft.path, message, 'remove one of them, or rename it'));
  }
  return declared;
}

function adoptOverrides(
  declared: ReadonlyMap<string, Draft>,
  options: EntitiesOptions,
): ReadonlyMap<string, AdoptPolicy> {
  const overrides = new Map<string, AdoptPolicy>();
  for (const text of options.adopt) {
    const [, policy, kind, name] = /^(own|unowned|foreign):([^/]+)\/(.+)$/s.exec(text) ?? [];
    const option = `--adopt ${text}`;
    if (policy === undefined || kind === undefined || name === undefined) {
      options.report(optionProblem(option, `${quoted(text)} names no policy and entity`, 'write foreign:Kind/name'));
      continue;
    }
    const key = declaredKey(`${kind}/${name}`, option, declared, options);
    if (key !== undefined) overrides.set(key, policy as AdoptPolicy);
  }
  return overrides;
}

/** Returns the key of an entity that an option names. Reports an entity that is not declared. */
function declaredKey(
  id: string,
  option: string,
  declared: ReadonlyMap<string, Draft>,
  { report }: EntitiesOptions,
): string | undefined {
  const key = entityKeyOfId(id);
  if (declared.has(key)) return key;
  const remedy = suggestion(id, idsOf(declared), 'name a declared entity');
  report(optionProblem(option, `${quoted(id)} is not declared`, remedy));
  return undefined;
}

/** Checks a draft's properties against its kind's schema, its tags together with the defaults, and its name. */
function checkSpec(draft: Draft, references: References, { report, warn, target }: EntitiesOptions): void {
  const { kind, path, spec, broken, common } = draft;
  if (kind === null) return;
  const isAbsent = draft.state === 'absent';
  const allowsMore = common.shared === true || draft.state === 'released';
  const schema = draft.state === 'present' ? kind.schema : absentSchema(kind, allowsMore);
  const written = toJson(spec, references.canonical) as JsonObject;
  const resolved = references.resolved(written);
  const issues = schema.safeParse(resolved).error?.issues ?? [];
  const found = problemsOfKind(draft, written, target);
  if (issues.length === 0) warnAbout(draft, resolved, warn);
  const onlyName = isAbsent && common.shared !== true;
  const problems = issuesToProblems([...issues, ...found.map(issueOf)], {
    tree: spec,
    broken,
    pathOf: (inner) => pathIn(draft, [...path, ...inner]),
    owner: kind.name,
    fields: [...new Set([...(onlyName ? kind.keyProperties : Object.keys(kind.schema.shape)), ...COMMON_FIELDS])],
    unknownField: (field) =>
      isAbsent && Object.hasOwn(kind.schema.shape, field)
        ? {
            message: `${field} has no meaning for an absent entity`,
            remedy: `remove it: ${['kind', ...kind.keyProperties].join(', ')} and state are enough`,
          }
        : undefined,
  });
  const all = [...problems, ...tagProblems(draft), ...tagKeyProblems(draft, kind)];
  for (const problem of withRespelled(all, respelledValues(draft))) report(problem);
  const isBroken = [...spec.entries.values()].some(({ value }) => broken.has(value));
  if (draft.name !== null || problems.length > 0 || isBroken) return;
  const message = `${kind.name} has no name: ${kind.keyProperties.join(' and ')} do not give one`;
  report(problemAt(draft.at, path, message, `change ${kind.keyProperties.join(' or ')}`));
}

/** Returns what is wrong with the spec of an entity that will exist, by the rules of its kind for an account. */
function problemsOfKind(
  { kind, state }: Draft,
  written: JsonObject,
  target: EntitiesOptions['target'],
): readonly SpecProblem[] {
  return state === 'present' ? (kind?.findProblems?.(written, target) ?? []) : [];
}

function issueOf({ path, message, remedy }: SpecProblem): z.core.$ZodIssue {
  return { code: 'custom', path: [...path], message, params: { remedy }, input: undefined };
}

/** Warns of what a valid spec may do beyond what was meant. */
function warnAbout(draft: Draft, resolved: JsonObject, warn: Report): void {
  if (draft.state !== 'present') return;
  for (const { path, message, remedy } of draft.kind?.warnings?.(resolved) ?? []) {
    const { at } = follow(draft.spec, path);
    warn(problemAt(at, pathIn(draft, [...draft.path, ...path]), message, remedy));
  }
}

/** Adds values that would be sent in another form, unless the schema asks for quotes already. */
function withRespelled(problems: readonly Problem[], respelled: readonly Problem[]): Problem[] {
  const placesOf = (found: readonly Problem[]): Set<string> => new Set(found.map(placeOf));
  const quotable = placesOf(problems.filter(({ remedy }) => remedy.startsWith('quote it')));
  const added = respelled.filter((problem) => !quotable.has(placeOf(problem)));
  // A check of the document shows the value as it would be sent, not as it is written.
  const taken = placesOf(added);
  return [...problems.filter((problem) => !taken.has(placeOf(problem))), ...added];
}

function placeOf({ file, line, column, path }: Problem): string {
  return JSON.stringify([file, line, column, path]);
}

/** Checks the entity's tags together with those of the defaults: each is valid, but together they can be too many. */
function tagProblems({ tags, common, path, broken }: Draft): Problem[] {
  if (tags === null || tags.entries.size <= Object.keys(common.tags ?? {}).length) return [];
  const issues = commonSchema.shape.tags.safeParse(toJson(tags)).error?.issues ?? [];
  return issuesToProblems(
    issues.filter((issue) => issue.path.length === 0),
    { tree: tags, broken, pathOf: () => [...path, 'tags'], owner: 'tags', fields: [] },
  );
}

/** Reports tags that are one tag to IAM, because it compares the keys of this kind without case. */
function tagKeyProblems(draft: Draft, { name, ignoresTagKeyCase = false }: ManifestKind): Problem[] {
  const spellings = new Map<string, string>();
  return [...(ignoresTagKeyCase ? (draft.tags?.entries ?? []) : [])].flatMap(([key, { at }]) => {
    const other = spellings.get(foldTagKey(key));
    spellings.set(foldTagKey(key), key);
    if (other === undefined) return [];
    const path = pathIn(draft, [...draft.path, 'tags', key]);
    const message = `tag keys ${other} and ${key} are the same to IAM, which ignores case in those of a ${name}`;
    return [problemAt(at, path, message, 'remove one of them')];
  });
}

/** Returns a schema that requires only the name. A shared entity may declare the part that this namespace withdraws. */
function absentSchema(kind: ManifestKind, shared: boolean): z.ZodObject {
  const shape: Record<string, z.core.$ZodType> = {};
  for (const [property, field] of Object.entries(shapeOf(kind))) {
    if (kind.keyProperties.includes(property)) shape[property] = field;
    else if (shared) shape[property] = z.optional(field);
  }
  return z.strictObject(shape);
}

/** Reports entities that store their secrets in one location: each would refuse the secret of the other. */
function reportSharedSecrets(
  entities: readonly DesiredEntity[],
  drafts: readonly Draft[],
  { report }: EntitiesOptions,
): void {
  const places = new Map<string, Draft>();
  drafts.forEach((draft, index) => {
    const { spec = {}, state } = entities[index] ?? {};
    if (draft.kind?.secret === undefined || state !== 'present' || spec['secret'] === undefined) return;
    const key = JSON.stringify(draft.kind.secret.locationOf(spec));
    const first = places.get(key);
    if (first === undefined) {
      places.set(key, draft);
      return;
    }
    const at = draft.spec.entries.get('secret')?.value.at ?? draft.at;
    const message = `the secret of ${idOf(draft)} has the same location as that of ${idOf(first)} at ${positionText(positionOf(first.at))}`;
    report(problemAt(at, [...draft.path, 'secret'], message, 'give each its own location'));
  });
}

function idOf({ kind, name }: Draft): string {
  return entityId({ kind: kind?.name ?? '', name: name ?? '' });
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
    const message = `${alone ? 'an entity waits for itself' : 'entities wait for each other'}: ${shown.join(' -> ')}`;
    const remedy = 'remove one of the references: IAM has to know an entity before another can name it';
    report(problemAt(first.at, first.path, message, remedy));
  }
}
