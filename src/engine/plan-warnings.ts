import type { DesiredEntity, Json, JsonObject } from '../contract/entity.js';
import type { Decision } from '../contract/report.js';
import type { Change, Changes, Observed, PropertyRules } from './comparison.js';
import type { Assessment } from './decide.js';
import { isObject, objectOrEmpty, ownValue, strings } from './json.js';
import { accessWarnings, type AccountContext, compareDenials } from './policy/index.js';
import { unmanagedAdministration } from './unmanaged.js';

/** The decision about one entity, and its basis. */
interface Planned {
  readonly entity: Pick<DesiredEntity, 'state'>;
  /** References are resolved. */
  readonly spec: JsonObject;
  readonly observed: Observed | undefined;
  readonly assessment: Assessment;
}

/**
 * Lists what a write would widen, as `PROPERTY: text`. A Create has all that is declared; an adoption also has what the
 * entity keeps; an update is warned of for what the entity does not have yet. An administrator's permissions that the
 * manifest does not manage are warned of in every plan that lists them.
 */
export function planWarnings(
  rules: PropertyRules,
  { entity, spec, observed, assessment: { decision, changes } }: Planned,
  context: AccountContext,
): readonly string[] {
  if (entity.state !== 'present') return [];
  const declared = accessWarnings(spec, context);
  switch (decision.action) {
    case 'create':
    case 'replace':
      return declared;
    case 'adopt': {
      if (observed === undefined) return declared;
      const kept = accessWarnings(keptState(rules, spec, observed, changes), context);
      const beyond = kept.filter((line) => !declared.includes(line)).map(asKept);
      return [...beyond, ...declared, ...lossWarnings(spec, observed, changes, context)];
    }
    case 'update': {
      if (observed === undefined) return declared;
      const before = accessWarnings(observed.state, context);
      return [
        ...administrationWarnings(rules, spec, observed, decision, context),
        ...declared.filter((line) => !before.includes(line)),
        ...lossWarnings(spec, observed, changes, context),
      ];
    }
    case 'no-op':
      return observed === undefined ? [] : administrationWarnings(rules, spec, observed, decision, context);
    default:
      return [];
  }
}

/** Warns of an administrator's permissions that an entity has beyond its manifest, and keeps. */
function administrationWarnings(
  rules: PropertyRules,
  spec: JsonObject,
  observed: Observed,
  decision: Decision,
  context: AccountContext,
): readonly string[] {
  return accessWarnings(unmanagedAdministration(rules, spec, observed, decision), context).map(asKept);
}

function asKept(line: string): string {
  return `${line} (unmanaged, kept)`;
}

/** Returns what an entity has beyond its spec and keeps: properties that are not declared, members and documents. */
function keptState(rules: PropertyRules, spec: JsonObject, { state }: Observed, changes: Changes): JsonObject {
  return Object.fromEntries(
    Object.entries(state).flatMap(([property, value]) => {
      if (spec[property] === undefined) return [[property, value]];
      const kept = keptPart(rules[property]?.type, value, changes[property]);
      return kept === undefined ? [] : [[property, kept]];
    }),
  );
}

function keptPart(type: string | undefined, value: Json, change: Change | undefined): Json | undefined {
  const isKept = (name: string): boolean =>
    change?.remove.includes(name) !== true && change?.put.includes(name) !== true;
  if (type === 'set') return strings(value).filter(isKept);
  if (type !== 'documents') return undefined;
  return Object.fromEntries(Object.entries(objectOrEmpty(value)).filter(([name]) => isKept(name)));
}

/** Warns of limits that go: a permissions boundary, and what a document denies. */
function lossWarnings(
  spec: JsonObject,
  { state }: Observed,
  changes: Changes,
  context: AccountContext,
): readonly string[] {
  return Object.entries(changes).flatMap(([property, { put, remove }]) => {
    const [before, after] = [state[property] ?? null, spec[property] ?? null];
    if (property === 'permissionsBoundary') {
      return typeof before === 'string' && after === null ? [`${property}: the limit ${before} is removed`] : [];
    }
    if (isObject(before) && Object.hasOwn(before, 'Statement')) {
      return deniesLess(before, after, context) ? [`${property}: denies less than before`] : [];
    }
    return [...put, ...remove].flatMap((name) => {
      const document = ownValue(objectOrEmpty(before), name) ?? null;
      const next = put.includes(name) ? (ownValue(objectOrEmpty(after), name) ?? null) : null;
      return deniesLess(document, next, context) ? [`${property}.${name}: denies less than before`] : [];
    });
  });
}

function deniesLess(before: Json, after: Json, context: AccountContext): boolean {
  const change = compareDenials(before, after, context);
  return change === 'fewer' || change === 'other';
}
