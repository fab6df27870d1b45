import {
  ARN_REFERENCE,
  type DesiredEntity,
  entityKey,
  entityKeyOfId,
  type Json,
  type JsonObject,
} from '../contract/entity.js';
import { asList, isList, isObject, ownValue } from '../contract/json.js';
import type { Drift, EntityReport } from '../contract/report.js';
import { statementText } from './statement.js';

/** One thing that a declared entity has: a statement, a member of a list, a tag, or the value of a property. */
interface Content {
  /** The path as in drift: `inlinePolicies.state`, `tags.team`. */
  readonly path: string;
  readonly text: string;
  /** Reports whether a drift under the path concerns it. */
  readonly isTouchedBy: (drift: Drift) => boolean;
}

/** Properties in the order in which a reviewer needs them: who gets access, its limit, and what it allows. Others follow. */
const FIRST_PROPERTIES = [
  'assumeRolePolicyDocument',
  'permissionsBoundary',
  'managedPolicyArns',
  'policyDocument',
  'inlinePolicies',
];

/** Characters of a text that is shown as a whole. Certificates and metadata are longer: their beginning is shown. */
const MAX_TEXT_LENGTH = 1000;
const MAX_BEGINNING_LENGTH = 60;

/** Characters of a Sid in the path of a drift. */
const MAX_SID_LENGTH = 64;

/** Returns the ARN that a reference stands for, by `Kind/name`. */
export type ArnOf = (id: string) => string | null;

/** Returns the ARNs of a report's entities, for the references between them. */
export function arnsOf(entities: readonly Pick<EntityReport, 'kind' | 'name' | 'arn'>[]): ArnOf {
  const arns = new Map(entities.map((entity) => [entityKey(entity), entity.arn]));
  return (id) => arns.get(entityKeyOfId(id)) ?? null;
}

/**
 * Returns everything that a created entity has, and what another one gains, as `PATH: text`. Empty where nothing is
 * written. The order is that of a review: trust first, tags last.
 */
export function grantsOf(
  { decision, drift }: Pick<EntityReport, 'decision' | 'drift'>,
  desired: Pick<DesiredEntity, 'name' | 'spec' | 'state'> | undefined,
  arnOf: ArnOf,
): readonly string[] {
  if (desired?.state !== 'present') return [];
  switch (decision) {
    case 'create':
    case 'replace':
      return contentOf(desired, arnOf).map(lineOf);
    case 'adopt':
    case 'update':
      if (drift.length === 0) return [];
      return contentOf(desired, arnOf)
        .filter(({ isTouchedBy }) => drift.some(isTouchedBy))
        .map(lineOf);
    default:
      return [];
  }
}

function lineOf({ path, text }: Content): string {
  return `${path}: ${text}`;
}

function contentOf({ name, spec }: Pick<DesiredEntity, 'name' | 'spec'>, arnOf: ArnOf): readonly Content[] {
  return Object.entries(spec)
    .filter(([, value]) => value !== name)
    .map(([property, value]) => ({ property, value: withArns(value, arnOf) }))
    .sort((a, b) => rankOf(a.property) - rankOf(b.property))
    .flatMap(({ property, value }) => contentOfProperty(property, value));
}

function rankOf(property: string): number {
  if (property === 'tags') return FIRST_PROPERTIES.length + 1;
  const rank = FIRST_PROPERTIES.indexOf(property);
  return rank < 0 ? FIRST_PROPERTIES.length : rank;
}

/** Replaces references by the ARNs that the plan predicts. Most values have none and are returned as they are. */
function withArns(value: Json, arnOf: ArnOf): Json {
  return hasReference(value) ? replaceReferences(value, arnOf) : value;
}

function hasReference(value: Json): boolean {
  if (typeof value === 'string') return value.includes('{{arn ');
  if (isList(value)) return value.some(hasReference);
  return isObject(value) && Object.keys(value).some((key) => hasReference(key) || hasReference(value[key] ?? null));
}

function replaceReferences(value: Json, arnOf: ArnOf): Json {
  if (typeof value === 'string') return value.replaceAll(ARN_REFERENCE, (text, id: string) => arnOf(id) ?? text);
  if (isList(value)) return value.map((member) => replaceReferences(member, arnOf));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      replaceReferences(key, arnOf) as string,
      replaceReferences(member, arnOf),
    ]),
  );
}

function contentOfProperty(property: string, value: Json): readonly Content[] {
  if (isDocument(value)) return contentOfDocument(property, value);
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, member]) => {
      const path = `${property}.${key}`;
      return isDocument(member) ? contentOfDocument(path, member) : [contentOfMember(property, path, member)];
    });
  }
  if (isList(value)) {
    return value.map((member) => ({
      path: property,
      text: typeof member === 'string' ? shortText(member) : JSON.stringify(member),
      isTouchedBy: ({ path, desired }) =>
        path === property && (isList(desired) ? desired.includes(member) : desired === member),
    }));
  }
  return [{ path: property, text: valueText(value), isTouchedBy: ({ path }) => path === property }];
}

/** A member of an object, such as a tag. Its drift is that of the member, or of the whole property. */
function contentOfMember(property: string, memberPath: string, value: Json): Content {
  return {
    path: memberPath,
    text: valueText(value),
    isTouchedBy: ({ path, desired }) => path === memberPath || (path === property && desired !== null),
  };
}

function isDocument(value: Json): value is JsonObject {
  return isObject(value) && Object.hasOwn(value, 'Statement');
}

function contentOfDocument(path: string, document: JsonObject): readonly Content[] {
  const isNew = (drift: Drift): boolean => drift.path === path && drift.desired !== null;
  const statements = asList(ownValue(document, 'Statement') ?? []).map((statement, index): Content => {
    const sid = isObject(statement) ? ownValue(statement, 'Sid') : undefined;
    const selectors = [`${path}.Statement[${String(index)}]`, ...(typeof sid === 'string' ? [sidPath(path, sid)] : [])];
    return {
      path,
      text: statementText(statement),
      isTouchedBy: (drift) =>
        isNew(drift) ||
        selectors.some(
          (selector) => drift.path.startsWith(`${selector}.`) || (drift.path === selector && drift.desired !== null),
        ),
    };
  });
  const others = Object.entries(document)
    .filter(([field, value]) => field !== 'Statement' && !(field === 'Version' && value === '2012-10-17'))
    .map(([field, value]): Content => ({
      path: `${path}.${field}`,
      text: valueText(value),
      isTouchedBy: (drift) => isNew(drift) || drift.path === `${path}.${field}`,
    }));
  return [...statements, ...others];
}

function sidPath(path: string, sid: string): string {
  const shown = sid.length <= MAX_SID_LENGTH ? sid : `${sid.slice(0, MAX_SID_LENGTH - 1)}…`;
  return `${path}.Statement[Sid=${shown}]`;
}

function valueText(value: Json): string {
  return typeof value === 'string' ? JSON.stringify(shortText(value)) : JSON.stringify(value);
}

/** Cuts a long text, such as a certificate, and adds its length. */
function shortText(text: string): string {
  if (text.length <= MAX_TEXT_LENGTH) return text;
  return `${text.slice(0, MAX_BEGINNING_LENGTH).trimEnd()}… (${String(text.length)} characters)`;
}
