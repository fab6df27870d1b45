import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../contract/entity.js';
import type { Drift } from '../contract/report.js';
import type { Change, Comparison, ComparisonOptions, Observed, PropertyRule, PropertyRules } from './comparison.js';
import { equalJson, objectOrEmpty, ownValue, strings } from './json.js';
import { isOwnershipTag } from './ownership.js';
import { cosmeticDifferences, danglingPrincipals, documentDrift } from './policy/index.js';
import { truncateWithDigest } from './text.js';

/**
 * Compares a desired spec with the observed entity, property by property. A property that the spec does not have is not
 * managed: it never drifts, and its content is never listed as unmanaged.
 */
export function compare(spec: JsonObject, observed: Observed, options: ComparisonOptions): Comparison {
  const drift: Drift[] = [];
  const unmanaged: string[] = [];
  const cosmetic: string[] = [];
  const changes: Record<string, Change> = {};

  for (const [property, rule] of Object.entries(options.rules)) {
    const desired = spec[property];
    if (desired === undefined) continue;
    const result = compareProperty(property, rule, desired, observed.state[property], options);
    unmanaged.push(...result.unmanaged);
    cosmetic.push(...(result.cosmetic ?? []));
    if (result.drift.length === 0) continue;
    drift.push(...result.drift.map((line) => (rule.immutable === true ? { ...line, immutable: true } : line)));
    changes[property] = { desired, put: result.put, remove: result.remove };
  }

  const tags = spec['tags'];
  if (tags !== undefined) {
    const result = compareTags(objectOrEmpty(tags), observed.tags, options);
    unmanaged.push(...result.unmanaged);
    drift.push(...result.drift);
    if (result.drift.length > 0) changes['tags'] = { desired: tags, put: result.put, remove: result.remove };
  }
  return { drift, unmanaged, ...(cosmetic.length > 0 && { cosmetic }), changes };
}

/** Content that exists and that the manifest does not declare. */
export interface UnmanagedContent {
  readonly property: string;
  readonly line: string;
  /** The value of the property, or the document. Undefined where the line tells all of it. */
  readonly content?: Json | undefined;
}

/**
 * Lists everything that an entity has beyond its spec: unmanaged content of declared properties, and every value of a
 * property that the spec leaves out. A deletion would lose all of it.
 */
export function unmanagedContent(
  rules: PropertyRules,
  spec: JsonObject,
  { state, tags }: Observed,
): readonly UnmanagedContent[] {
  const properties = Object.entries(rules).flatMap(([property, rule]) =>
    unmanagedOf(rule, spec[property], state[property]).map((content) => ({
      property,
      line: `${property}: ${content}`,
      content: contentOf(rule, state[property], content),
    })),
  );
  const extraTags = unmanagedTags(objectOrEmpty(spec['tags']), tags);
  return [...properties, ...extraTags.map((tag) => ({ property: 'tags', line: `tags: ${tag}`, content: tags[tag] }))];
}

function contentOf({ type }: PropertyRule, observed: Json | undefined, name: string): Json | undefined {
  if (type === 'set') return undefined;
  return type === 'documents' ? ownValue(objectOrEmpty(observed), name) : observed;
}

function unmanagedOf(rule: PropertyRule, desired: Json | undefined, observed: Json | undefined): readonly string[] {
  if (rule.type === 'set') {
    return membersWithout(rule, strings(observed), strings(desired));
  }
  if (rule.type === 'documents') {
    const declared = objectOrEmpty(desired);
    return Object.keys(objectOrEmpty(observed)).filter((name) => !Object.hasOwn(declared, name));
  }
  const unset = rule.default ?? null;
  if (desired !== undefined || equalJson(observed ?? unset, unset)) return [];
  return [rule.type === 'value' ? JSON.stringify(shorten(observed)) : '(what is there)'];
}

/** The result for one property. */
interface PropertyComparison extends Pick<Change, 'put' | 'remove'> {
  readonly drift: readonly Drift[];
  readonly unmanaged: readonly string[];
  readonly cosmetic?: readonly string[];
}
const EQUAL: PropertyComparison = { drift: [], unmanaged: [], put: [], remove: [] };

const MAX_VALUE_LENGTH = 4096;
const MAX_TEXT_LENGTH = 80;

/** Cuts a value so that a report stays small. A document that goes is shown as a whole, as far as that. */
export function shorten(value: Json | undefined): Json {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= MAX_VALUE_LENGTH) return value;
  return truncateWithDigest(text);
}

/** Compares one property by its rule. */
function compareProperty(
  property: string,
  rule: PropertyRule,
  desired: Json,
  observed: Json | undefined,
  options: ComparisonOptions,
): PropertyComparison {
  switch (rule.type) {
    case 'value': {
      const [before, after] = [observed ?? rule.default ?? null, desired ?? rule.default ?? null];
      if (equalJson(before, after)) return EQUAL;
      return { ...EQUAL, drift: [{ path: property, observed: shorten(before), desired: shorten(after) }] };
    }
    case 'text':
      return compareText(property, rule, desired, observed);
    case 'writeOnly':
      return EQUAL;
    case 'document':
      return { ...EQUAL, ...compareDocument(property, desired, observed, options.partition) };
    case 'set':
      return compareSet(property, rule, strings(desired), strings(observed), options);
    case 'documents':
      return compareDocuments(property, objectOrEmpty(desired), objectOrEmpty(observed), options);
  }
}

function compareText(
  property: string,
  { normalize = (text) => text.trim() }: PropertyRule,
  desired: Json,
  observed: Json | undefined,
): PropertyComparison {
  const [before, after] = [observed, desired].map((value) => (typeof value === 'string' ? normalize(value) : null));
  if (before === after) return EQUAL;
  return { ...EQUAL, drift: [{ path: property, observed: digestText(before), desired: digestText(after) }] };
}

/** Shows a long text by its length and digest. */
function digestText(text: string | null | undefined): Json {
  if (text === null || text === undefined) return null;
  if (text.length <= MAX_TEXT_LENGTH) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return `(${String(text.length)} characters, sha256 ${digest}…)`;
}

function compareDocument(
  path: string,
  desired: Json,
  observed: Json | undefined,
  partition: string,
): Pick<PropertyComparison, 'drift' | 'cosmetic'> {
  if (observed === undefined || observed === null) {
    return { drift: [{ path, observed: null, desired: '(a document)', summary: 'the document does not exist' }] };
  }
  const changes = documentDrift(desired, observed, { partition }).map((change) => ({
    ...change,
    path: `${path}.${change.path}`,
  }));
  if (changes.length === 0) {
    return {
      drift: [],
      cosmetic: cosmeticDifferences(desired, observed, { partition }).map((line) => `${path}: ${line}`),
    };
  }
  const declared = new Set(danglingPrincipals(desired));
  const dangling = danglingPrincipals(observed).filter((id) => !declared.has(id));
  const ofDeleted = dangling.map((id) => ({
    path: `${path}.Principal`,
    observed: id,
    desired: null,
    summary: `${id} is the unique ID of a deleted role or user; the document does not trust a new one of the same name`,
  }));
  return { drift: [...changes, ...ofDeleted] };
}

/** Returns the line of a member that a set lacks. */
export function additionOf(property: string, member: string): Drift {
  return { path: property, observed: null, desired: shorten(member), summary: `+ ${member}` };
}

function compareSet(
  property: string,
  rule: PropertyRule,
  desired: readonly string[],
  observed: readonly string[],
  options: ComparisonOptions,
): PropertyComparison {
  const put = membersWithout(rule, desired, observed);
  const extra = membersWithout(rule, observed, desired);
  const authoritative = rule.authoritative === true && !options.shared;
  const removesAll = authoritative || (options.removesUnmanaged(property) && !options.shared);
  const remove = removesAll ? extra : extra.filter((member) => options.isFormer?.(member) === true);
  const kept = authoritative || options.shared ? [] : extra.filter((member) => !remove.includes(member));
  const unmanaged = kept.map((member) => `${property}: ${member}`);
  const { limit = Number.POSITIVE_INFINITY } = rule;
  if (put.length > 0 && observed.length - remove.length + put.length > limit) {
    const summary = `no room for ${put.join(', ')} beside ${observed.join(', ')}, which the manifest does not declare: AWS allows ${String(limit)}`;
    const drift = { path: property, observed: shorten(observed), desired: shorten(desired), summary, immutable: true };
    return { ...EQUAL, drift: [drift], unmanaged };
  }
  return {
    drift: [
      ...put.map((member) => additionOf(property, member)),
      ...remove.map((member) => ({ path: property, observed: shorten(member), desired: null, summary: `- ${member}` })),
    ],
    unmanaged,
    put,
    remove,
  };
}

/** Returns the members of a set that are not in the other one. */
function membersWithout(rule: PropertyRule, members: readonly string[], others: readonly string[]): string[] {
  const key = (member: string): string => (rule.ignoreCase === true ? member.toLowerCase() : member);
  const excluded = new Set(others.map(key));
  return members.filter((member) => !excluded.has(key(member)));
}

function compareDocuments(
  property: string,
  desired: JsonObject,
  observed: JsonObject,
  options: ComparisonOptions,
): PropertyComparison {
  const drift: Drift[] = [];
  const cosmetic: string[] = [];
  const put: string[] = [];
  for (const [name, document] of Object.entries(desired)) {
    const result = compareDocument(`${property}.${name}`, document, ownValue(observed, name), options.partition);
    if (result.drift.length > 0) put.push(name);
    drift.push(...result.drift);
    cosmetic.push(...(result.cosmetic ?? []));
  }
  const extra = Object.keys(observed).filter((name) => !Object.hasOwn(desired, name));
  const remove = options.removesUnmanaged(property) ? extra : [];
  for (const name of remove) {
    // The document is shown: it will be lost.
    drift.push({ path: `${property}.${name}`, observed: shorten(observed[name]), desired: null, summary: `- ${name}` });
  }
  const kept = remove.length > 0 ? [] : extra;
  return { drift, unmanaged: kept.map((name) => `${property}: ${name}`), cosmetic, put, remove };
}

/** Compares the declared tags with those of the entity. */
function compareTags(
  desired: JsonObject,
  observed: Readonly<Record<string, string>>,
  { removesUnmanaged, shared }: ComparisonOptions,
): PropertyComparison {
  const put = Object.keys(desired).filter((key) => ownValue(observed, key) !== desired[key]);
  const extra = unmanagedTags(desired, observed);
  const remove = removesUnmanaged('tags') && !shared ? extra : [];
  return {
    drift: [
      ...put.map((key) => ({
        path: `tags.${key}`,
        observed: shorten(ownValue(observed, key)),
        desired: shorten(desired[key]),
      })),
      ...remove.map((key) => ({ path: `tags.${key}`, observed: shorten(observed[key]), desired: null })),
    ],
    unmanaged: remove.length > 0 || shared ? [] : extra.map((key) => `tags: ${key}`),
    put,
    remove,
  };
}

/** Returns the keys of tags that the manifest does not declare; those of AWS and of this tool are left out. */
function unmanagedTags(desired: JsonObject, observed: Readonly<Record<string, string>>): string[] {
  return Object.keys(observed).filter(
    (key) => !Object.hasOwn(desired, key) && !key.startsWith('aws:') && !isOwnershipTag(key),
  );
}
