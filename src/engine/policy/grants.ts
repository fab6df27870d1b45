import type { Json, JsonObject } from '../../contract/entity.js';
import { equalJson, isList, isObject, jsonFrom, objectOrEmpty, ownValue, strings } from '../json.js';
import { asList, canonicalStatement, DEFAULT_VERSION, statementsOf } from './canonical.js';
import type { DocumentContext } from './canonical.js';

/** The difference in what two documents permit. `mixed`: the second one gives something and takes something. */
export type GrantChange = 'narrower' | 'wider' | 'mixed';

/** The difference in what two documents deny. `other`: more in one place and less in another. */
export type DenialChange = 'same' | 'more' | 'fewer' | 'other';

interface Grants {
  readonly version: Json;
  readonly allows: readonly Json[];
  readonly denials: readonly Json[];
}

/**
 * Compares what two documents permit, statement by statement. Null stands for no document, which permits nothing.
 * `narrower` and `wider` are certain; what cannot be decided without the evaluation of IAM is `mixed`. Equal documents
 * are `narrower`.
 */
export function compareGrants(before: Json, after: Json, context: DocumentContext): GrantChange {
  const [old, next] = [grantsOf(before, context), grantsOf(after, context)];
  if (!haveEqualVariables(old, next)) return 'mixed';
  if (isWithin(next, old)) return 'narrower';
  return isWithin(old, next) ? 'wider' : 'mixed';
}

/** Compares what two documents deny. Null stands for no document. */
export function compareDenials(before: Json, after: Json, context: DocumentContext): DenialChange {
  const [old, next] = [grantsOf(before, context), grantsOf(after, context)];
  if (!haveEqualVariables(old, next)) return 'other';
  const hasAll = (inner: Grants, outer: Grants): boolean => areCovered(inner.denials, outer.denials);
  if (hasAll(old, next)) return hasAll(next, old) ? 'same' : 'more';
  return hasAll(next, old) ? 'fewer' : 'other';
}

/**
 * Returns a document that permits nothing beyond either of two documents: what both allow, and what either denies. Null
 * where nothing is left of them.
 */
export function commonGrants(before: Json, after: Json, context: DocumentContext): JsonObject | null {
  const [old, next] = [grantsOf(before, context), grantsOf(after, context)];
  const allows = haveEqualVariables(old, next)
    ? old.allows.flatMap((one) => next.allows.flatMap((other) => commonStatement(one, other) ?? []))
    : [];
  const Statement = [...withoutCovered(allows), ...withoutCovered([...old.denials, ...next.denials])];
  return Statement.length === 0 ? null : { Version: isObject(after) ? next.version : old.version, Statement };
}

/** Returns what a document denies, statement by statement. Null stands for no document. */
export function denialsOf(document: Json, context: DocumentContext): readonly Json[] {
  return withoutCovered(grantsOf(document, context).denials);
}

/** Returns the statements that none of the others covers. */
export function statementsWithoutCover(statements: readonly Json[], others: readonly Json[]): readonly Json[] {
  return statements.filter((statement) => !others.some((other) => isCovered(statement, other)));
}

/** Reports whether a document allows something. */
export function allowsSomething(document: Json): boolean {
  return grantsOf(document, { partition: 'aws' }).allows.length > 0;
}

function grantsOf(value: Json, context: DocumentContext): Grants {
  const document = objectOrEmpty(jsonFrom(value));
  const statements = statementsOf(document).map((statement) => canonicalStatement(statement, context));
  const isDenial = (statement: Json): boolean => isObject(statement) && ownValue(statement, 'Effect') === 'Deny';
  return {
    version: ownValue(document, 'Version') ?? DEFAULT_VERSION,
    allows: statements.filter((statement) => !isDenial(statement)),
    denials: statements.filter(isDenial),
  };
}

/** Reports whether text such as `${aws:username}` means the same in both: only the newer version has variables. */
function haveEqualVariables(a: Grants, b: Grants): boolean {
  const hasNone = ({ allows, denials }: Grants): boolean => !JSON.stringify([allows, denials]).includes('${');
  return a.version === b.version || (hasNone(a) && hasNone(b));
}

function isWithin(inner: Grants, outer: Grants): boolean {
  return areCovered(inner.allows, outer.allows) && areCovered(outer.denials, inner.denials);
}

function areCovered(inner: readonly Json[], outer: readonly Json[]): boolean {
  return inner.every((statement) => outer.some((other) => isCovered(statement, other)));
}

/** Leaves out statements that another one of the list covers. */
function withoutCovered(statements: readonly Json[]): Json[] {
  return statements.filter(
    (statement, index) =>
      !statements.some(
        (other, position) =>
          position !== index && isCovered(statement, other) && (position < index || !isCovered(other, statement)),
      ),
  );
}

/** Reports whether one statement applies only where another one of the same effect applies too. */
function isCovered(inner: Json, outer: Json): boolean {
  if (!isObject(inner) || !isObject(outer)) return false;
  return [...new Set([...Object.keys(inner), ...Object.keys(outer)])].every((field) =>
    isFieldCovered(field, ownValue(inner, field), ownValue(outer, field)),
  );
}

function isFieldCovered(field: string, inner: Json | undefined, outer: Json | undefined): boolean {
  if (field === 'Condition') return isConditionCovered(objectOrEmpty(inner), objectOrEmpty(outer));
  if (inner === undefined || outer === undefined) return false;
  if (equalJson(inner, outer)) return true;
  switch (field) {
    case 'Action':
    case 'Resource':
      return strings(inner).every((text) => strings(outer).some((pattern) => matchesPattern(pattern, text)));
    case 'NotAction':
    case 'NotResource':
      return strings(outer).every((text) => strings(inner).includes(text));
    case 'Principal':
      return (
        isObject(inner) &&
        isObject(outer) &&
        Object.entries(inner).every(([type, members]) => isSubset(members, ownValue(outer, type) ?? []))
      );
    default:
      return false;
  }
}

/** Conditions apply together: a statement with more of them, or with fewer values to match, applies to less. */
function isConditionCovered(inner: JsonObject, outer: JsonObject): boolean {
  return Object.entries(outer).every(([operator, keys]) =>
    Object.entries(objectOrEmpty(keys)).every(([key, values]) => {
      const own = ownValue(objectOrEmpty(ownValue(inner, operator)), key);
      return own !== undefined && (equalJson(own, values) || (isPositive(operator) && isSubset(own, values)));
    }),
  );
}

/** Returns a statement that applies only where both apply; undefined where none is found. */
function commonStatement(a: Json, b: Json): JsonObject | undefined {
  if (!isObject(a) || !isObject(b)) return undefined;
  const common: [string, Json][] = [];
  for (const field of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const value = commonField(field, ownValue(a, field), ownValue(b, field));
    if (value === undefined) return undefined;
    common.push([field, value]);
  }
  return Object.fromEntries(common);
}

function commonField(field: string, a: Json | undefined, b: Json | undefined): Json | undefined {
  if (field === 'Condition') return commonCondition(objectOrEmpty(a), objectOrEmpty(b));
  if (a === undefined || b === undefined) return undefined;
  if (equalJson(a, b)) return a;
  switch (field) {
    case 'Action':
    case 'Resource': {
      const covered = (texts: Json, patterns: Json): readonly string[] =>
        strings(texts).filter((text) => strings(patterns).some((pattern) => matchesPattern(pattern, text)));
      return nonEmpty([...new Set([...covered(a, b), ...covered(b, a)])]);
    }
    case 'NotAction':
    case 'NotResource':
      return [...new Set([...strings(a), ...strings(b)])];
    case 'Principal': {
      if (!isObject(a) || !isObject(b)) return undefined;
      const types = Object.keys(a).flatMap((type) => {
        const members = intersection(ownValue(a, type) ?? [], ownValue(b, type) ?? []);
        return members === undefined ? [] : [[type, members] as const];
      });
      return types.length === 0 ? undefined : Object.fromEntries(types);
    }
    default:
      return undefined;
  }
}

function commonCondition(a: JsonObject, b: JsonObject): JsonObject | undefined {
  const common = new Map<string, Map<string, Json>>();
  for (const [operator, keys] of [...Object.entries(a), ...Object.entries(b)]) {
    for (const [key, values] of Object.entries(objectOrEmpty(keys))) {
      const known = common.get(operator)?.get(key);
      const both = known === undefined || equalJson(known, values) ? values : commonValues(operator, known, values);
      if (both === undefined) return undefined;
      common.set(operator, (common.get(operator) ?? new Map<string, Json>()).set(key, both));
    }
  }
  return Object.fromEntries([...common].map(([operator, keys]) => [operator, Object.fromEntries(keys)]));
}

function commonValues(operator: string, a: Json, b: Json): Json | undefined {
  return isPositive(operator) ? intersection(a, b) : undefined;
}

/** Reports whether a condition is met by any of its values, so that fewer values match less. */
function isPositive(operator: string): boolean {
  return /^(ForAnyValue:|ForAllValues:)?(String(Equals|EqualsIgnoreCase|Like)|Arn(Equals|Like)|IpAddress)(IfExists)?$/.test(
    operator,
  );
}

function isSubset(inner: Json, outer: Json): boolean {
  return asList(inner).every((member) => asList(outer).some((other) => equalJson(member, other)));
}

function intersection(a: Json, b: Json): Json | undefined {
  return nonEmpty(asList(a).filter((member) => asList(b).some((other) => equalJson(member, other))));
}

function nonEmpty(list: readonly Json[]): Json | undefined {
  return isList(list) && list.length > 0 ? list : undefined;
}

/** Reports whether a pattern with `*` and `?` matches everything that another text or pattern matches. */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replace(/\?/g, '[^*]');
  return pattern === text || new RegExp(`^${source}$`, 's').test(text);
}
