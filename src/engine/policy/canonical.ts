import type { Json, JsonObject } from '../../contract/entity.js';
import { asList } from '../../contract/json.js';
import { isObject, jsonFrom, ownValue, sortKeys } from '../json.js';

/** A policy document as JSON: Version, Statement, Id. It is not checked yet. */
export type PolicyDocument = JsonObject;

/** The partition, which decides what ARN an account ID stands for as a principal. */
export interface DocumentContext {
  readonly partition: string;
}

/** The form that all equivalent documents share. It is a document itself and means the same. */
export type CanonicalDocument = Json;

/** The version that IAM assumes for a document without one. */
export const DEFAULT_VERSION = '2008-10-17';

/**
 * Brings a document to the form that all equivalent documents share. Idempotent.
 *
 * - The same: any order of keys and statements; repeated statements; one value and a list of it; any order and
 *   repetition in lists of actions, resources, principals and condition values; actions and condition keys in any case
 *   (but not the path in an OIDC provider's key); booleans and numbers as condition values and their strings; an
 *   account ID and its root ARN as AWS principal; in Allow statements, Principal "*" and {"AWS": "*"}; no Version and
 *   2008-10-17; no Condition and an empty one.
 * - Left out: Sid and Id, which have no effect on evaluation. A difference there is not drift.
 * - Different: everything else. IAM refuses condition operators in another case, so their case counts, and so do
 *   unknown fields.
 *
 * @throws TypeError if the value cannot be JSON: a cycle, a BigInt
 */
export function canonicalDocument(doc: unknown, context: DocumentContext): CanonicalDocument {
  const document = jsonFrom(doc);
  if (!isObject(document)) return sortKeys(document);
  const statements = statementsOf(document).map((statement) => canonicalStatement(statement, context));
  return sortKeys(Object.fromEntries([...documentFields(document), ['Statement', sortedSet(statements)]]));
}

/** Reports whether two documents mean the same to IAM, by the rules of {@link canonicalDocument}. */
export function equivalentDocuments(a: unknown, b: unknown, context: DocumentContext): boolean {
  return JSON.stringify(canonicalDocument(a, context)) === JSON.stringify(canonicalDocument(b, context));
}

export { asList };

/** Returns the fields beside the statements that have a meaning. */
export function documentFields(document: PolicyDocument): [string, Json][] {
  const fields = Object.entries(document).filter(([field]) => field !== 'Statement' && field !== 'Id');
  return Object.hasOwn(document, 'Version') ? fields : [['Version', DEFAULT_VERSION], ...fields];
}

/** Returns the statements of a document, a single one as a list. */
export function statementsOf(document: PolicyDocument): readonly Json[] {
  const statements = ownValue(document, 'Statement');
  return statements === undefined ? [] : asList(statements);
}

/** Brings one statement to its canonical form. `spelling` receives how each action and condition key was written. */
export function canonicalStatement(
  statement: Json,
  context: DocumentContext,
  spelling = new Map<string, string>(),
): Json {
  if (!isObject(statement)) return sortKeys(statement);
  const allows = ownValue(statement, 'Effect') === 'Allow';
  const fields = Object.entries(statement).filter(
    ([field, value]) => field !== 'Sid' && !(field === 'Condition' && isEmptyObject(value)),
  );
  const canonical = mapEntries(fields, (value, field) => {
    switch (field) {
      case 'Action':
      case 'NotAction':
        return sortedSet(
          asList(value).map((action) => (typeof action === 'string' ? foldCase(action, spelling) : action)),
        );
      case 'Resource':
      case 'NotResource':
        return sortedSet(asList(value));
      case 'Principal':
        return canonicalPrincipal(allows && value === '*' ? { AWS: '*' } : value, context);
      case 'NotPrincipal':
        return canonicalPrincipal(value, context);
      case 'Condition':
        return canonicalCondition(value, spelling);
      default:
        return value;
    }
  });
  return sortKeys(canonical);
}

/** An empty Condition "does not affect the policy", says IAM's validation. It does not say that of an empty operator. */
function isEmptyObject(value: Json): boolean {
  return isObject(value) && Object.keys(value).length === 0;
}

function canonicalPrincipal(principal: Json, { partition }: DocumentContext): Json {
  if (!isObject(principal)) return principal;
  const expandAccount = (value: Json): Json =>
    typeof value === 'string' && /^\d{12}$/.test(value) ? `arn:${partition}:iam::${value}:root` : value;
  return mapEntries(Object.entries(principal), (value, type) =>
    sortedSet(type === 'AWS' ? asList(value).map(expandAccount) : asList(value)),
  );
}

function canonicalCondition(condition: Json, spelling: Map<string, string>): Json {
  if (!isObject(condition)) return condition;
  return mapEntries(Object.entries(condition), (block) => {
    if (!isObject(block)) return block;
    const keys = Object.keys(block).map((key) => foldCase(key));
    return Object.fromEntries(
      Object.entries(block).map(([key, values], index) => {
        // AWS does not document what two keys that differ only in case mean, so they stay as written.
        const repeated = keys.some((other, position) => position !== index && other === keys[index]);
        return [repeated ? key : foldCase(key, spelling), sortedSet(asList(values).map(conditionValue))];
      }),
    );
  });
}

function conditionValue(value: Json): Json {
  return typeof value === 'boolean' || typeof value === 'number' ? String(value) : value;
}

/**
 * Lower-cases ASCII letters only: Unicode folding would take the Kelvin sign for a k. The path of an OIDC provider keeps
 * its case.
 */
export function foldCase(name: string, spelling?: Map<string, string>): string {
  const path = /^[^:/]+(\/[^:]*):/.exec(name)?.[1] ?? '';
  const fold = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  const result = path === '' ? fold(name) : name.split(path).map(fold).join(path);
  spelling?.set(result, name);
  return result;
}

function sortedSet(members: readonly Json[]): Json {
  return [...new Set(members.map((member) => JSON.stringify(sortKeys(member))))]
    .sort()
    .map((text) => JSON.parse(text) as Json);
}

/** Maps the values of an object. `Object.fromEntries` defines properties, so a key named `__proto__` stays a key. */
function mapEntries(entries: readonly [string, Json][], change: (value: Json, key: string) => Json): JsonObject {
  return Object.fromEntries(entries.map(([key, value]) => [key, change(value, key)]));
}
