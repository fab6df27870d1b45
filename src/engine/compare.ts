import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../contract/entity.js';
import type { Drift } from '../contract/report.js';
import { danglingPrincipals, documentDrift } from './policy/index.js';
import { isOwnershipTag } from './ownership.js';
import type { Observed } from './observed.js';

/**
 * How one property is compared.
 *
 * - `value`: equal or not; `default` is what AWS shows where nothing was set, and null asks for that.
 * - `set`: a list of strings without order; what is unmanaged in it stays, unless it is to be removed.
 * - `document`: a policy document, by meaning.
 * - `documents`: policy documents by name; unmanaged ones stay, unless they are to be removed.
 * - `text`: equal or not, once `normalized` has taken out what means nothing; a report shows digests of long ones.
 * - `writeOnly`: AWS does not show it; it never drifts.
 */
export interface PropertyRule {
  readonly type: 'value' | 'set' | 'document' | 'documents' | 'text' | 'writeOnly';
  readonly default?: Json;
  /** For `text`: what two texts that mean the same have in common. Default: white space at the ends is taken off. */
  readonly normalize?: (text: string) => string;
  /** AWS has no call that changes it after the Create. */
  readonly immutable?: boolean;
  /**
   * A set that AWS only replaces whole, where the manifest's list is all that there shall be. Of a shared entity it
   * is merged like any other. Default: false.
   */
  readonly authoritative?: boolean;
  /**
   * Members that AWS lets the set have. Where what is unmanaged is kept, a declared member that finds no room is an
   * immutable drift: mending it would remove what is not declared. Default: no limit.
   */
  readonly limit?: number;
  /** Members of the set are compared without case. Default: false. */
  readonly ignoreCase?: boolean;
}
export type PropertyRules = Readonly<Record<string, PropertyRule>>;

/** What is to be written to mend one property. `put` and `remove` are empty for a `value` or a `document`. */
export interface Change {
  readonly desired: Json;
  /** Members, or names of documents, to add or overwrite. */
  readonly put: readonly string[];
  readonly remove: readonly string[];
}

/** Changes by property; `tags` is one of them. */
export type Changes = Readonly<Record<string, Change>>;

/** What differs between a desired and an observed entity. */
export interface Comparison {
  readonly drift: readonly Drift[];
  /** What is not declared and stays; what is removed is drift. */
  readonly unmanaged: readonly string[];
  readonly changes: Changes;
}

interface ComparisonOptions {
  readonly rules: PropertyRules;
  readonly partition: string;
  /** Whether to remove what is unmanaged inside of a declared property. */
  readonly removesUnmanaged: (property: string) => boolean;
  /** Members that others declare are theirs, not unmanaged. */
  readonly shared: boolean;
}

const MAX_VALUE_LENGTH = 300;
const MAX_SHOWN_TEXT_LENGTH = 80;

/** Cuts a value so that a report holds no documents. */
function brief(value: Json | undefined): Json {
  if (value === undefined) return null;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= MAX_VALUE_LENGTH) return value;
  return `${text.slice(0, MAX_VALUE_LENGTH)}… (${String(text.length)} characters)`;
}

/** A list of strings; empty where there is none. */
export function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((member): member is string => typeof member === 'string') : [];
}

function object(value: Json | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Whether two values are the same JSON, keys in any order. */
export function equalJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const left = a as JsonObject;
  const right = b as JsonObject;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equalJson(left[key], right[key]))
  );
}

/**
 * Compares a desired spec with what was observed, property by property. A property that the spec does not have is not
 * managed: it never drifts and its content is never unmanaged.
 */
export function compare(spec: JsonObject, observed: Observed, options: ComparisonOptions): Comparison {
  const drift: Drift[] = [];
  const unmanaged: string[] = [];
  const changes: Record<string, Change> = {};

  for (const [property, rule] of Object.entries(options.rules)) {
    const desired = spec[property];
    if (desired === undefined) continue;
    const seen = observed.state[property];
    const found = compareProperty(property, rule, desired, seen, options);
    unmanaged.push(...found.unmanaged);
    if (found.drift.length === 0) continue;
    drift.push(...found.drift.map((one) => (rule.immutable === true ? { ...one, immutable: true } : one)));
    changes[property] = { desired, put: found.put, remove: found.remove };
  }

  const tags = spec['tags'];
  if (tags !== undefined) {
    const found = compareTags(object(tags), observed.tags, options);
    unmanaged.push(...found.unmanaged);
    drift.push(...found.drift);
    if (found.drift.length > 0) changes['tags'] = { desired: tags, put: found.put, remove: found.remove };
  }
  return { drift, unmanaged, changes };
}

/** One thing that is there and not declared: in which property, and the line that names it. */
export interface UnmanagedContent {
  readonly property: string;
  readonly line: string;
}

/**
 * Everything that an entity holds beyond its spec: what is unmanaged in declared properties, and whatever is set of
 * those that the spec leaves unmanaged. A deletion loses all of it.
 */
export function unmanagedContent(
  rules: PropertyRules,
  spec: JsonObject,
  { state, tags }: Observed,
): readonly UnmanagedContent[] {
  const content: UnmanagedContent[] = [];
  const add = (property: string, line: string): void => {
    content.push({ property, line: `${property}: ${line}` });
  };
  for (const [property, rule] of Object.entries(rules)) {
    const seen = state[property];
    const desired = spec[property];
    if (rule.type === 'set') {
      const declared = new Set(
        strings(desired).map((member) => (rule.ignoreCase === true ? member.toLowerCase() : member)),
      );
      const extra = strings(seen).filter(
        (member) => !declared.has(rule.ignoreCase === true ? member.toLowerCase() : member),
      );
      for (const member of extra) add(property, member);
    } else if (rule.type === 'documents') {
      for (const name of Object.keys(object(seen))) if (!Object.hasOwn(object(desired), name)) add(property, name);
    } else if (desired === undefined && !equalJson(seen ?? rule.default ?? null, rule.default ?? null)) {
      add(property, rule.type === 'value' ? JSON.stringify(brief(seen)) : '(what is there)');
    }
  }
  const declared = object(spec['tags']);
  for (const tag of Object.keys(tags)) {
    if (!Object.hasOwn(declared, tag) && !tag.startsWith('aws:') && !isOwnershipTag(tag)) add('tags', tag);
  }
  return content;
}

interface Found {
  readonly drift: readonly Drift[];
  readonly unmanaged: readonly string[];
  readonly put: readonly string[];
  readonly remove: readonly string[];
}
const SAME: Found = { drift: [], unmanaged: [], put: [], remove: [] };

function compareProperty(
  property: string,
  rule: PropertyRule,
  desired: Json,
  seen: Json | undefined,
  options: ComparisonOptions,
): Found {
  switch (rule.type) {
    case 'value': {
      const wanted = desired ?? rule.default ?? null;
      const shown = seen ?? rule.default ?? null;
      if (equalJson(wanted, shown)) return SAME;
      return { ...SAME, drift: [{ path: property, observed: brief(shown), desired: brief(wanted) }] };
    }
    case 'text':
      return compareText(property, rule, desired, seen);
    case 'writeOnly':
      return SAME;
    case 'document':
      return { ...SAME, drift: documentChanges(property, desired, seen, options.partition) };
    case 'set':
      return compareSet(property, rule, strings(desired), strings(seen), options);
    case 'documents':
      return compareDocuments(property, object(desired), object(seen), options);
  }
}

function compareText(property: string, rule: PropertyRule, desired: Json, seen: Json | undefined): Found {
  const { normalize: normalized = (text: string) => text.trim() } = rule;
  const [wanted, shown] = [desired, seen].map((value) => (typeof value === 'string' ? normalized(value) : null));
  if (wanted === shown) return SAME;
  return { ...SAME, drift: [{ path: property, observed: digested(shown), desired: digested(wanted) }] };
}

/** A long text as people compare it: by its size and digest. */
function digested(text: string | null | undefined): Json {
  if (text === null || text === undefined) return null;
  if (text.length <= MAX_SHOWN_TEXT_LENGTH) return text;
  const digest = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return `(${String(text.length)} characters, sha256 ${digest}…)`;
}

function documentChanges(path: string, desired: Json, seen: Json | undefined, partition: string): Drift[] {
  if (seen === undefined || seen === null) {
    return [{ path, observed: null, desired: '(a document)', summary: 'no such document is there' }];
  }
  const changes = documentDrift(desired, seen, { partition }).map((change) => ({
    path: `${path}.${change.path}`,
    observed: change.observed,
    desired: change.desired,
    summary: change.summary,
  }));
  const declared = new Set(danglingPrincipals(desired));
  const dangling = changes.length === 0 ? [] : danglingPrincipals(seen).filter((id) => !declared.has(id));
  return [
    ...changes,
    ...dangling.map((id) => ({
      path: `${path}.Principal`,
      observed: id,
      desired: null,
      summary: `${id} is the unique ID of a role or user that was deleted; one of the same name made later is not trusted by it`,
    })),
  ];
}

function compareSet(
  property: string,
  rule: PropertyRule,
  desired: readonly string[],
  seen: readonly string[],
  options: ComparisonOptions,
): Found {
  const key = (member: string): string => (rule.ignoreCase === true ? member.toLowerCase() : member);
  const wanted = new Set(desired.map(key));
  const shown = new Set(seen.map(key));
  const put = desired.filter((member) => !shown.has(key(member)));
  const extra = seen.filter((member) => !wanted.has(key(member)));
  const whole = rule.authoritative === true && !options.shared;
  const remove = whole || (options.removesUnmanaged(property) && !options.shared) ? extra : [];
  const stays = whole || options.shared ? [] : extra.filter((member) => !remove.includes(member));
  const unmanaged = stays.map((member) => `${property}: ${member}`);
  const { limit = Number.POSITIVE_INFINITY } = rule;
  if (put.length > 0 && seen.length - remove.length + put.length > limit) {
    const summary = `no room for ${put.join(', ')} beside ${seen.join(', ')}, which is not declared: AWS allows ${String(limit)}`;
    return {
      ...SAME,
      drift: [{ path: property, observed: brief(seen), desired: brief(desired), summary, immutable: true }],
      unmanaged,
    };
  }
  return {
    drift: [
      ...put.map((member) => ({ path: property, observed: null, desired: brief(member), summary: `+ ${member}` })),
      ...remove.map((member) => ({ path: property, observed: brief(member), desired: null, summary: `- ${member}` })),
    ],
    unmanaged,
    put,
    remove,
  };
}

function compareDocuments(property: string, desired: JsonObject, seen: JsonObject, options: ComparisonOptions): Found {
  const drift: Drift[] = [];
  const put: string[] = [];
  for (const [name, document] of Object.entries(desired)) {
    const changes = documentChanges(`${property}.${name}`, document, seen[name], options.partition);
    if (changes.length > 0) put.push(name);
    drift.push(...changes);
  }
  const extra = Object.keys(seen).filter((name) => !Object.hasOwn(desired, name));
  const remove = options.removesUnmanaged(property) ? extra : [];
  for (const name of remove) {
    // Shown, as far as a report shows documents: this is what will be lost.
    drift.push({ path: `${property}.${name}`, observed: brief(seen[name]), desired: null, summary: `- ${name}` });
  }
  const stays = remove.length > 0 ? [] : extra;
  return { drift, unmanaged: stays.map((name) => `${property}: ${name}`), put, remove };
}

function compareTags(
  desired: JsonObject,
  seen: Readonly<Record<string, string>>,
  { removesUnmanaged, shared }: ComparisonOptions,
): Found {
  const put = Object.keys(desired).filter((key) => seen[key] !== desired[key]);
  const extra = Object.keys(seen).filter(
    (key) => !Object.hasOwn(desired, key) && !key.startsWith('aws:') && !isOwnershipTag(key),
  );
  const remove = removesUnmanaged('tags') && !shared ? extra : [];
  return {
    drift: [
      ...put.map((key) => ({ path: `tags.${key}`, observed: brief(seen[key]), desired: brief(desired[key]) })),
      ...remove.map((key) => ({ path: `tags.${key}`, observed: brief(seen[key]), desired: null })),
    ],
    unmanaged: remove.length > 0 || shared ? [] : extra.map((key) => `tags: ${key}`),
    put,
    remove,
  };
}
