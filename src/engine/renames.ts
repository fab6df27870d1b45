import { normalizeName, type DesiredEntity, type Json, type JsonObject, type Target } from '../contract/entity.js';
import type { Decision, Drift } from '../contract/report.js';
import type { Comparison, Observed } from './comparison.js';

/** Reports whether an entity was found under the name that it had before. */
export function hasOldName({ renamedFrom }: Pick<DesiredEntity, 'renamedFrom'>, name: string): boolean {
  return renamedFrom !== undefined && normalizeName(name) === normalizeName(renamedFrom);
}

/** Adds the name to what differs, where an entity is found under its old one. */
export function withRename(
  { keyProperties: [property = ''] = [] }: { readonly keyProperties?: readonly string[] },
  entity: DesiredEntity,
  { name }: Pick<Observed, 'name'>,
  comparison: Comparison,
): Comparison {
  if (entity.state !== 'present' || !hasOldName(entity, name)) return comparison;
  const line: Drift = { path: property, observed: name, desired: entity.name };
  return {
    ...comparison,
    drift: [line, ...comparison.drift],
    changes: { ...comparison.changes, [property]: { desired: entity.name, put: [], remove: [] } },
  };
}

/** Tells that a decision renames the entity. */
export function explainRename(decision: Decision, entity: DesiredEntity, { name }: Pick<Observed, 'name'>): Decision {
  const isWritten = decision.action === 'update' || decision.action === 'adopt';
  if (!isWritten || !hasOldName(entity, name)) return decision;
  const reasons = [`is renamed from ${name}`, decision.reason].filter((reason) => reason !== null);
  return { ...decision, reason: reasons.join('; ') };
}

/** An entity of another name than the declared one, which AWS shows beside it. */
type Other = Pick<Observed, 'name' | 'arn' | 'uniqueId'>;

/** Returns an entity as one that cannot be brought to its declared state, because the one to rename exists beside it. */
export function blockedByOldName(kind: string, observed: Observed, old: Other): Observed {
  const reason = `cannot be renamed from ${kind}/${old.name}, which exists beside it (${old.arn})`;
  const remedy = `remove renamedFrom, which leaves ${kind}/${old.name} alone; or delete one of them`;
  return { ...observed, blocked: { reason, remedy } };
}

/** Returns an entity as one that cannot be brought to its declared state, because it took the name of one to rename. */
export function blockedByStranger({ kind, renamedFrom }: DesiredEntity, observed: Observed): Observed {
  const reason = `has taken the name since the plan, so that ${kind}/${String(renamedFrom)} cannot be renamed`;
  const remedy = 'apply again: the plan then shows both';
  return { ...observed, blocked: { reason, remedy } };
}

/** Reports whether two reads have shown one entity: AWS's ID stays where a name changes. */
export function isSameEntity(one: Pick<Observed, 'uniqueId'>, other: Pick<Observed, 'uniqueId'>): boolean {
  return one.uniqueId !== undefined && one.uniqueId === other.uniqueId;
}

/** The old and the new name of an entity that another one refers to. */
export interface NameChange {
  readonly old: string;
  readonly name: string;
}

/** The rules of a kind that refers to others by their names. */
interface ReferringKind {
  readonly keyProperties: readonly string[];
  readonly isDeletedWithReference?: boolean;
  readonly nameOf: (spec: JsonObject) => string;
  readonly arnOf: (spec: JsonObject, target: Target) => string;
}

/** Returns an entity as it is until what it refers to is renamed: the access key of the user of the old name. */
export function referringBefore(
  kind: ReferringKind,
  entity: DesiredEntity,
  names: readonly NameChange[],
): DesiredEntity {
  const isOwn = (property: string): boolean =>
    kind.isDeletedWithReference !== true && kind.keyProperties.includes(property);
  const spec = Object.fromEntries(
    Object.entries(entity.spec).map(([property, value]) => [
      property,
      isOwn(property) ? value : names.reduce((changed, { name, old }) => exchange(changed, name, old), value),
    ]),
  );
  return { ...entity, name: kind.nameOf(spec), spec };
}

/** Returns what was read of such an entity as it will be shown once that is renamed. */
export function referringAfter(
  kind: ReferringKind,
  { name, spec }: DesiredEntity,
  observed: Observed,
  { names, target }: { readonly names: readonly NameChange[]; readonly target: Target },
): Observed {
  const renamed = (values: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(values).map(([member, value]) => [
        member,
        names.reduce((changed, change) => exchange(changed, change.old, change.name), value),
      ]),
    );
  return {
    ...observed,
    ...(kind.isDeletedWithReference === true ? { name, arn: kind.arnOf(spec, target) } : {}),
    state: renamed(observed.state),
    ...(observed.facts === undefined ? {} : { facts: renamed(observed.facts) }),
  };
}

/** Exchanges a name that is a value, or a member of a list. */
function exchange(value: Json, from: string, to: string): Json {
  const isIt = (text: Json): boolean => typeof text === 'string' && normalizeName(text) === normalizeName(from);
  if (Array.isArray(value)) return value.map((member: Json) => (isIt(member) ? to : member));
  return isIt(value) ? to : value;
}

/** Returns a predicate for members of sets that are an old name of what the entity refers to, or an ARN with it. */
export function formerMatcher({
  formerReferences = [],
}: Pick<DesiredEntity, 'formerReferences'>): (member: string) => boolean {
  const former = formerReferences.map((id) => {
    const slash = id.indexOf('/');
    return { type: id.slice(0, slash).toLowerCase(), name: normalizeName(id.slice(slash + 1)) };
  });
  return (member) =>
    former.some(({ type, name }) => {
      if (!member.startsWith('arn:')) return normalizeName(member) === name;
      const [, , , , account = '', resource = ''] = member.split(':');
      return /^\d+$/.test(account) && resource.startsWith(`${type}/`) && normalizeName(resource).endsWith(`/${name}`);
    });
}
