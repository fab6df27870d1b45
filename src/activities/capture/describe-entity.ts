import { z } from 'zod';
import type { CapturedEntity, CapturedItem, CaptureFilter } from '../../contract/capture.js';
import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, isObject } from '../../engine/json.js';
import { keyOf, shapeOf } from '../../engine/manifest/manifest-kind.js';
import { nameNamespace, ownershipOf } from '../../engine/ownership.js';
import type { Kind, ListedEntity, Observed } from '../../kinds/kind.js';
import { matches, type Owner } from './filter.js';

/** The location of a secret in place of the one that the user of a manifest chooses. */
const ANY_LOCATION = { file: 'secret' };

/** An entity that was listed and read. */
export interface ReadEntity {
  readonly listed: ListedEntity;
  readonly observed: Observed;
  /** The namespace that claims it in the account's ledger, for kinds without tags. Null for none. */
  readonly claim: string | null;
}

/** Returns an entity as a capture reports it; undefined where it does not match the filter. */
export function describeEntity(kind: Kind, entity: ReadEntity, filter: CaptureFilter): CapturedItem | undefined {
  const { listed, observed } = entity;
  const { arn, tags, createdAt, lastUsedAt } = observed;
  const owner = ownerIn(kind, entity, filter.namespace);
  const spec = declaredSpec(kind, listed, observed);
  if (!matches(filter, { spec, tags, owner: owner.is })) return undefined;
  const key = { kind: kind.name, name: listed.name };
  if (owner.is === 'foreign') return { ...key, arn, leftOut: `belongs to ${owner.owner}` };
  const { missing, problem } = checkSpec(kind, spec);
  if (problem !== null) return { ...key, arn, leftOut: `a manifest cannot declare it: ${problem}` };
  const isOurs = owner.is === 'ours';
  const described: CapturedEntity = { ...key, arn, spec, tags, isOurs, createdAt, missing };
  return lastUsedAt === undefined ? described : { ...described, lastUsedAt };
}

/** Reports whether an entity passes a filter, and neither its tags nor its path show an owner. */
export function passesUnowned(kind: Kind, entity: ReadEntity, filter: CaptureFilter): boolean {
  const { state: spec, tags } = entity.observed;
  const { is: owner } = ownerIn(kind, entity, filter.namespace);
  return owner === 'unowned' && matches(filter, { spec, tags, owner });
}

/** Returns an entity that is left out without a read; undefined where it does not match the filter. */
export function describeLeftOut(
  kind: Kind,
  { name, spec, arn, createdAt = null }: ListedEntity,
  leftOut: string,
  filter: CaptureFilter,
): CapturedItem | undefined {
  if (!matches(filter, { spec, tags: {}, owner: 'unowned' })) return undefined;
  const described = { kind: kind.name, name, arn: arn ?? null, leftOut };
  return createdAt === null ? described : { ...described, createdAt };
}

function ownerIn(kind: Kind, { observed, claim }: ReadEntity, namespace: string): Owner {
  if (kind.ownable) return ownershipOf(observed, namespace, kind.usesReservedPath);
  if (claim === null) return { is: 'unowned' };
  return claim === namespace ? { is: 'ours' } : { is: 'foreign', owner: nameNamespace(claim) };
}

/** Returns the spec of an entity. Properties that are unset, and that no manifest can declare as such, are not in it. */
function declaredSpec(kind: Kind, listed: ListedEntity, observed: Observed): JsonObject {
  const state = kind.declarable?.(observed) ?? observed.state;
  const fields = shapeOf(kind);
  const isDeclarable = (property: string, value: Json): boolean => {
    const field = fields[property];
    return field !== undefined && z.safeParse(field, value).success;
  };
  const declared = Object.entries(state).filter(
    ([property, value]) => !isUnset(value) || isDeclarable(property, value),
  );
  return { ...keyOf(kind, listed.spec), ...Object.fromEntries(declared) };
}

function isUnset(value: Json): boolean {
  if (value === null || value === '') return true;
  return isList(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

interface CheckedSpec {
  /** Required properties that AWS does not show. */
  readonly missing: readonly string[];
  /** The reason for which the schema refuses the rest; null where it does not. */
  readonly problem: string | null;
}

/** Checks a spec as that of a manifest. */
function checkSpec(kind: Kind, spec: JsonObject): CheckedSpec {
  const first = kind.schema.safeParse(spec);
  if (first.success) return { missing: [], problem: null };
  const isHidden = (property: string): boolean => kind.properties[property]?.type === 'writeOnly';
  const missing = [...new Set(first.error.issues.map(({ path: [property] }) => String(property)))].filter(isHidden);
  const locations = Object.fromEntries(missing.map((property) => [property, ANY_LOCATION]));
  const completed = kind.schema.safeParse({ ...spec, ...locations });
  const [issue] = completed.error?.issues ?? [];
  return { missing, problem: issue === undefined ? null : `${pathText(issue.path)}: ${issue.message}` };
}

/** Returns `Statement[0].Action` for a path. */
function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
