import type { Json, JsonObject } from '../contract/entity.js';
import type { Drift } from '../contract/report.js';
import type { Change, Comparison, ComparisonOptions, PropertyRule, PropertyRules } from './comparison.js';
import { compareProperty, compareTags, membersWithout, shorten, unmanagedTags } from './compare-property.js';
import { equalJson, objectOrEmpty, strings } from './json.js';
import type { Observed } from './observed.js';

/**
 * Compares a desired spec with the observed entity, property by property. A property that the spec does not have is not
 * managed: it never drifts, and its content is never listed as unmanaged.
 */
export function compare(spec: JsonObject, observed: Observed, options: ComparisonOptions): Comparison {
  const drift: Drift[] = [];
  const unmanaged: string[] = [];
  const changes: Record<string, Change> = {};

  for (const [property, rule] of Object.entries(options.rules)) {
    const desired = spec[property];
    if (desired === undefined) continue;
    const result = compareProperty(property, rule, desired, observed.state[property], options);
    unmanaged.push(...result.unmanaged);
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
  return { drift, unmanaged, changes };
}

/** Content that exists and that the manifest does not declare. */
export interface UnmanagedContent {
  readonly property: string;
  readonly line: string;
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
    })),
  );
  const extraTags = unmanagedTags(objectOrEmpty(spec['tags']), tags);
  return [...properties, ...extraTags.map((tag) => ({ property: 'tags', line: `tags: ${tag}` }))];
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
