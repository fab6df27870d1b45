import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../contract/entity.js';
import type { Decision } from '../contract/report.js';
import type { Holding } from '../contract/request.js';
import { unmanagedContent, type UnmanagedContent } from './compare.js';
import type { Comparison, Observed, PropertyRules } from './comparison.js';
import { removesUnmanaged, type Situation } from './decision-rules.js';
import { objectOrEmpty, sortedJson } from './json.js';
import { administratorPolicyText, widestAllowances } from './policy/index.js';

/** Records on an adopted entity what it held beyond the manifest: digests, or one of the words below. */
export const UNMANAGED_TAG = 'iam-bootstrap:unmanaged-at-adoption';

/** The value of the tag where nothing was unmanaged. */
const NOTHING = 'none';

/** The value of the tag where more was unmanaged than it has room for. */
const TOO_MUCH = 'many';

const DIGEST_LENGTH = 6;

/** Digests that fit into the value of a tag. */
const MAX_DIGESTS = 42;

/** Lines of one entity. The others are counted. */
const MAX_LINES = 100;

/** Follows a line that was not there when the entity was adopted. */
const SINCE = ' (since its adoption)';

/** Everything that decides what of an entity is listed as unmanaged. */
interface UnmanagedFacts {
  readonly rules: PropertyRules;
  readonly spec: JsonObject;
  readonly observed: Observed;
  readonly comparison: Comparison;
  /** It is taken by this run: everything that it holds is listed. */
  readonly isTaken: boolean;
  /** It was adopted by this namespace, in this run or before. */
  readonly isAdopted: boolean;
}

/** Says why unmanaged content is kept although the manifest says remove: a first adoption removes nothing. */
export function explainKept(
  decision: Decision,
  { entity, known, comparison, rules }: Pick<Situation, 'entity' | 'known' | 'comparison' | 'rules'>,
): Decision {
  const kept = comparison.unmanaged.some((line) => removesUnmanaged(entity, line.slice(0, line.indexOf(':'))));
  if (known || !kept || decision.unmanaged.length === 0 || decision.action === 'refuse' || entity.observe)
    return decision;
  const why = rules.ownable
    ? 'a first adoption keeps what is unmanaged, unless --remove-unmanaged is given'
    : 'unmanaged: remove applies only with --remove-unmanaged, because nothing shows whether this is the first adoption';
  return { ...decision, reason: decision.reason === null ? why : `${decision.reason}; ${why}` };
}

/** Returns what a decision keeps without managing it. What is shared belongs to others, and is listed as it is compared. */
export function unmanagedOf(
  { action, unmanaged }: Decision,
  { rules, entity, spec, observed, ownership, others, comparison }: Situation,
  isAdoptedNow: boolean,
): readonly string[] {
  const isKept = action === 'adopt' || action === 'update' || action === 'no-op';
  if (!isKept || entity.state !== 'present' || entity.observe || entity.shared || others.length > 0) return unmanaged;
  // A kind without tags is read completely where this namespace had no claim on the entity.
  const isTaken = action === 'adopt' || isAdoptedNow || (!rules.ownable && observed.holdings !== undefined);
  const isAdopted = ownership.is === 'ours' && ownership.origin === 'adopted';
  return listUnmanaged({ rules: rules.properties, spec, observed, comparison, isTaken, isAdopted });
}

/**
 * Lists what an entity holds beyond its manifest and keeps. When it is taken, that is everything. Later, content of
 * properties that the manifest leaves out is listed only where it is new since the adoption, as far as that is known.
 */
function listUnmanaged({ rules, spec, observed, comparison, isTaken, isAdopted }: UnmanagedFacts): readonly string[] {
  const kept = keptContent({ rules, spec, observed, comparison });
  const known = isTaken || !isAdopted ? undefined : baselineOf(observed);
  const lines = kept.flatMap((content) => {
    const { property, line } = content;
    const isNew = known !== undefined && !known.has(digestOf(content));
    if (isNew) return [`${line}${SINCE}`];
    if (isTaken || isDeclared(spec, property)) return [line];
    return known === undefined && property !== '' ? [line] : [];
  });
  const hidden = lines.length - MAX_LINES;
  return hidden > 0 ? [...lines.slice(0, MAX_LINES), `${String(hidden)} more`] : lines;
}

/** Returns the value of {@link UNMANAGED_TAG} for an entity that is adopted now. */
export function unmanagedAtAdoption(facts: Pick<UnmanagedFacts, 'rules' | 'spec' | 'observed' | 'comparison'>): string {
  const digests = [...new Set(keptContent(facts).map(digestOf))].sort();
  if (digests.length === 0) return NOTHING;
  return digests.length > MAX_DIGESTS ? TOO_MUCH : digests.join('');
}

/** Returns what an entity holds, without what this run removes. What gives an administrator's permissions comes first. */
function keptContent({
  rules,
  spec,
  observed,
  comparison: { changes },
}: Pick<UnmanagedFacts, 'rules' | 'spec' | 'observed' | 'comparison'>): readonly UnmanagedContent[] {
  const removed = new Set(
    Object.entries(changes).flatMap(([property, { remove }]) => remove.map((member) => `${property}: ${member}`)),
  );
  const content = [
    ...unmanagedContent(rules, spec, observed).filter(({ property }) => rules[property]?.setByAws !== true),
    ...(observed.holdings ?? []).map((holding) => ({ property: '', line: lineOf(holding) })),
  ].filter(({ line }) => !removed.has(line));
  return [...content.filter(isAdministrative), ...content.filter((one) => !isAdministrative(one))];
}

function lineOf({ label, id }: Holding): string {
  return `${label}: ${id}`;
}

function isDeclared(spec: JsonObject, property: string): boolean {
  return spec[property] !== undefined;
}

function digestOf({ line, content }: UnmanagedContent): string {
  const text = sortedJson([line, content ?? null]);
  return createHash('sha256').update(text).digest('base64url').slice(0, DIGEST_LENGTH);
}

/** Returns the digests that the adoption recorded. Undefined where they are not known. */
function baselineOf({ tags }: Observed): ReadonlySet<string> | undefined {
  const value = tags[UNMANAGED_TAG];
  if (value === undefined || value === TOO_MUCH) return undefined;
  return new Set(value === NOTHING ? [] : (value.match(new RegExp(`.{${String(DIGEST_LENGTH)}}`, 'g')) ?? []));
}

/** Returns what of an entity is listed as unmanaged and gives the permissions of an administrator, by property. */
export function unmanagedAdministration(
  rules: PropertyRules,
  spec: JsonObject,
  observed: Observed,
  { unmanaged }: Pick<Decision, 'unmanaged'>,
): JsonObject {
  const listed = new Set(unmanaged.map((line) => (line.endsWith(SINCE) ? line.slice(0, -SINCE.length) : line)));
  const found = unmanagedContent(rules, spec, observed).filter((one) => listed.has(one.line) && isAdministrative(one));
  const properties = [...new Set(found.map(({ property }) => property))];
  return Object.fromEntries(
    properties.map((property): [string, Json] => {
      const names = found.filter((one) => one.property === property).map(({ line }) => line.slice(property.length + 2));
      const value = observed.state[property] ?? null;
      if (rules[property]?.type === 'set') return [property, names];
      if (rules[property]?.type !== 'documents') return [property, value];
      return [
        property,
        Object.fromEntries(Object.entries(objectOrEmpty(value)).filter(([name]) => names.includes(name))),
      ];
    }),
  );
}

/** Reports whether content gives the permissions of an administrator. */
function isAdministrative({ line, content }: UnmanagedContent): boolean {
  return administratorPolicyText(line) !== undefined || widestAllowances(content).length > 0;
}
