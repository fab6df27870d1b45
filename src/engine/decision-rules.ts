import { entityId, type DesiredEntity, type JsonObject } from '../contract/entity.js';
import type { Decision, Drift } from '../contract/report.js';
import { unmanagedContent } from './compare.js';
import { ownValue } from './json.js';
import type { Comparison, Observed, PropertyRules } from './comparison.js';
import {
  adoptedHere,
  deletionOf,
  KEPT,
  leftReason,
  listNamespaces,
  ownerAndOverride,
  ownerPhrase,
  reasonToTake,
  unprovable,
  withArticle,
  type OtherOwnership,
} from './decision-texts.js';
import type { Ownership } from './ownership.js';
import { hasOldName } from './renames.js';

/** Everything that the decision about an existing entity depends on. */
export interface Situation {
  readonly rules: { readonly ownable: boolean; readonly properties: PropertyRules; readonly share?: object };
  readonly entity: DesiredEntity;
  readonly spec: JsonObject;
  readonly observed: Observed;
  readonly ownership: Ownership;
  /** Its owner is this namespace, and not only one of those that share it. */
  readonly isOwner: boolean;
  /** It was ours before this run, or the request allows removing unmanaged content anyway. */
  readonly known: boolean;
  /** Other namespaces that own or share an entity of a kind that can be shared. */
  readonly others: readonly string[];
  readonly comparison: Comparison;
}

/** Decides, or leaves the decision to the next rule. */
type Rule = (situation: Situation) => Decision | undefined;

/** The rules in their order: the first that decides counts. */
const RULES: readonly Rule[] = [
  onlyObserved,
  blocked,
  released,
  destroyed,
  nameInOtherCase,
  left,
  absentWhileShared,
  ownedByOther,
  sharedByOthers,
  notCreatedHere,
  absent,
  immutableDrift,
  owned,
  withoutTags,
];

/** Decides about an entity that exists. */
export function decidePresent(situation: Situation): Decision {
  for (const rule of RULES) {
    const decision = rule(situation);
    if (decision !== undefined) return decision;
  }
  return adopt(situation);
}

/** Decides about an entity that does not exist. `claimant` is another namespace that declares it without a tag, or null. */
export function decideMissing(entity: DesiredEntity, claimant: string | null): Decision {
  if (entity.state !== 'present') return decide('no-op');
  if (claimant !== null && entity.adopt !== 'foreign' && !entity.observe)
    return refuse({ drift: [], unmanaged: [] }, ...ownerAndOverride(claimant, entity));
  const missing: Drift = { path: '', observed: 'absent', desired: 'present', summary: 'does not exist' };
  if (!entity.observe) return decide('create');
  return decide('no-op', { drift: [missing], reason: 'does not exist; with observe: true it is not created' });
}

/** Reports whether the manifest says to remove unmanaged content of a property. */
export function removesUnmanaged({ unmanaged }: DesiredEntity, property: string): boolean {
  return (typeof unmanaged === 'string' ? unmanaged : (ownValue(unmanaged, property) ?? unmanaged['*'])) === 'remove';
}

/** The start of a refusal's reason if the name exists in another case. */
export const OTHER_CASE = 'the name is taken in another case';

function onlyObserved({ entity, comparison }: Situation): Decision | undefined {
  if (!entity.observe) return undefined;
  const excess: Drift = { path: '', observed: 'present', desired: 'absent', summary: 'exists' };
  return decide('no-op', {
    ...found(comparison),
    ...(entity.state === 'present' ? {} : { drift: [excess] }),
    reason: 'with observe: true drift is reported and nothing is written',
  });
}

/** Refuses what cannot be brought to its declared state, and leaves what this account cannot have where it is not wanted. */
function blocked({ entity, observed: { blocked: why }, comparison }: Situation): Decision | undefined {
  if (why === undefined || entity.state === 'present') return why && refuse(comparison, why.reason, why.remedy);
  return decide('no-op', { reason: why.reason });
}

/** `released` removes the ownership tags and keeps the entity. */
function released({ rules, entity, observed, ownership, others }: Situation): Decision | undefined {
  if (entity.state !== 'released') return undefined;
  if (observed.name !== entity.name) return leftInOtherCase(observed);
  if (!rules.ownable) {
    const reason = `has nothing to release: ${withArticle(entity.kind)} cannot have tags, so it has no ownership tags`;
    return decide('no-op', { reason });
  }
  if (ownership.is !== 'ours') return leftToOwner(ownership, others);
  const why = entity.orphan === undefined ? 'is released' : leftReason(entity);
  return decide('release', { reason: `${why}: ${KEPT}` });
}

/** `destroyed` deletes what was created here, and releases what was adopted. */
function destroyed({ rules, entity, observed, ownership, others }: Situation): Decision | undefined {
  if (entity.state !== 'destroyed') return undefined;
  if (observed.name !== entity.name) return leftInOtherCase(observed);
  if (ownership.is === 'foreign') return leftToOwner(ownership, others);
  if (!rules.ownable) {
    if (entity.includeAdopted === true) return decide('delete', { reason: unprovable(entity.kind) });
    if (isCreatedOrphan(entity, observed)) return decide('delete', { reason: leftReason(entity) });
    return decide('no-op', { reason: `is left as it is: ${unprovable(entity.kind)}; ${deletionOf(entity)} it anyway` });
  }
  if (ownership.is !== 'ours') return leftToOwner(ownership, others);
  if (others.length > 0) return withdraw(others);
  if (ownership.origin === 'adopted' && entity.includeAdopted !== true) {
    return decide('release', { reason: `${adoptedHere(rules)}; ${deletionOf(entity)} it` });
  }
  return decide('delete', entity.orphan === undefined ? {} : { reason: leftReason(entity) });
}

/** Reports whether an orphan of a kind without tags is the very entity that this namespace has created. */
function isCreatedOrphan({ orphan }: DesiredEntity, { createdAt }: Observed): boolean {
  return orphan?.createdAt !== undefined && orphan.createdAt === createdAt;
}

function nameInOtherCase({ entity, observed, comparison }: Situation): Decision | undefined {
  if (observed.name === entity.name || observed.name === entity.renamedFrom) return undefined;
  if (hasOldName(entity, observed.name)) {
    const reason = `cannot be renamed from ${String(entity.renamedFrom)}: it exists as ${observed.name}, in another case`;
    return refuse(comparison, reason, `write renamedFrom: ${observed.name}`);
  }
  return refuse(
    comparison,
    `${OTHER_CASE}: ${entity.kind}/${observed.name} (${observed.arn}); IAM ignores case in names`,
    `write the name as ${observed.name}, or choose another`,
  );
}

function ownedByOther({ rules, entity, ownership, comparison }: Situation): Decision | undefined {
  if (ownership.is !== 'foreign' || entity.adopt === 'foreign') return undefined;
  const [reason, remedy] = ownerAndOverride(ownership.owner, entity);
  const share =
    rules.share === undefined ? '' : `share it with shared: true and --adopt foreign:${entityId(entity)}, or `;
  return refuse(comparison, reason, `${share}${remedy}`);
}

/** Leaves an entity alone that this namespace has left, or that it never had a part in. */
function left({ entity, ownership, others }: Situation): Decision | undefined {
  if (entity.state !== 'absent' || !entity.shared || ownership.is === 'ours') return undefined;
  return decide('no-op', { reason: `this namespace has no part in it: ${ownerPhrase(ownership, others)}` });
}

/** Refuses to delete what others own or share. Without `shared: true`, leaving it is not what the manifest asks for. */
function absentWhileShared({ entity, ownership, others, comparison }: Situation): Decision | undefined {
  if (entity.state !== 'absent' || entity.shared || others.length === 0) return undefined;
  const id = entityId(entity);
  const leave =
    ownership.is === 'ours'
      ? `set shared: true on ${id} to remove only this namespace's part`
      : `remove ${id} from the manifest, because this namespace has no part in it`;
  return refuse(
    comparison,
    `cannot be deleted: ${listNamespaces(others)} ${others.length === 1 ? 'declares' : 'declare'} it too`,
    `${leave}, or have ${listNamespaces(others)} leave it first`,
  );
}

function sharedByOthers({ entity, isOwner, others, comparison }: Situation): Decision | undefined {
  if (others.length === 0 || entity.shared || isOwner || entity.adopt === 'foreign') return undefined;
  const id = entityId(entity);
  return refuse(
    comparison,
    `is shared with ${listNamespaces(others)}, and this manifest does not set shared: true`,
    `set shared: true on ${id}, or take it over with --adopt foreign:${id}`,
  );
}

function notCreatedHere({ rules, entity, ownership, comparison }: Situation): Decision | undefined {
  if (ownership.is !== 'unowned' || entity.adopt !== 'own') return undefined;
  return refuse(
    comparison,
    rules.ownable
      ? 'exists and has no owner, and adopt: own takes only what this namespace created'
      : `exists, and ${withArticle(entity.kind)} cannot have tags that would show that this namespace created it`,
    `choose another name, or set adopt: unowned on ${entityId(entity)}`,
  );
}

function absent({ rules, entity, ownership, others }: Situation): Decision | undefined {
  if (entity.state !== 'absent') return undefined;
  if (others.length > 0) return withdraw(others);
  if (entity.shared && ownership.is === 'ours' && ownership.origin === 'adopted') {
    return decide('release', { reason: adoptedHere(rules) });
  }
  return decide('delete', { reason: rules.ownable ? reasonToTake(ownership) : unprovable(entity.kind) });
}

/** Drift that AWS cannot change: refused with both sides and the ways out, or replaced if `replace: true` allows it. */
function immutableDrift(situation: Situation): Decision | undefined {
  const { rules, entity, spec, observed, ownership, known, comparison } = situation;
  const immutable = comparison.drift.filter((line) => line.immutable === true);
  if (immutable.length === 0) return undefined;
  const sides = immutable
    .map(
      ({ path, observed: before, desired, summary }) =>
        summary ?? `${path} is ${JSON.stringify(before)} and is declared as ${JSON.stringify(desired)}`,
    )
    .join('; ');
  if (entity.replace !== true) {
    const removable = !known && immutable.some(({ path }) => removesUnmanaged(entity, path));
    const removal = removable ? 'give --remove-unmanaged to remove what is unmanaged, ' : '';
    return refuse(
      comparison,
      `${sides}; AWS cannot change this on an existing ${entity.kind}`,
      `${removal}declare what exists, choose another name, delete ${observed.arn} first, or set replace: true to delete it and create it again`,
    );
  }
  if (ownership.is !== 'ours' && rules.ownable) {
    return refuse(
      comparison,
      `${sides}; replace deletes only what this namespace owns, and this ${ownership.is === 'foreign' ? `is owned by ${ownership.owner}` : 'has no owner'}`,
      'declare what exists and apply, which adopts it; then declare the change again',
    );
  }
  // The immutable properties themselves are what `replace: true` asks to replace.
  const replaced = new Set(immutable.map(({ path }) => path));
  const lost = unmanagedContent(rules.properties, spec, observed).filter(
    ({ property }) => !replaced.has(property) && !removesUnmanaged(entity, property),
  );
  if (lost.length > 0) {
    return refuse(
      comparison,
      `${sides}; a replacement would lose what is unmanaged: ${lost.map(({ line }) => line).join(', ')}`,
      'declare what is to stay, or set unmanaged: remove for it',
    );
  }
  return decide('replace', { ...found(comparison), reason: `${sides}: it is deleted and created again` });
}

function owned({ ownership, comparison }: Situation): Decision | undefined {
  return ownership.is === 'ours' ? converge(comparison, null) : undefined;
}

function withoutTags({ rules, entity, comparison }: Situation): Decision | undefined {
  return rules.ownable ? undefined : converge(comparison, unprovable(entity.kind));
}

function adopt({ ownership, comparison }: Situation): Decision {
  return decide('adopt', { ...found(comparison), reason: reasonToTake(ownership) });
}

function converge(comparison: Comparison, reason: string | null): Decision {
  return decide(comparison.drift.length > 0 ? 'update' : 'no-op', { ...found(comparison), reason });
}

function leftInOtherCase({ name }: Observed): Decision {
  return decide('no-op', { reason: `is left as it is: it is named ${name}, in another case` });
}

function leftToOwner(ownership: OtherOwnership, others: readonly string[]): Decision {
  return decide('no-op', { reason: `is left as it is: ${ownerPhrase(ownership, others)}` });
}

/** Leaves an entity to the other namespaces that own or share it. */
function withdraw(others: readonly string[]): Decision {
  const keep = others.length === 1 ? 'keeps' : 'keep';
  return decide('release', { reason: `removes only this namespace's part: ${listNamespaces(others)} ${keep} it` });
}

function found({
  drift,
  unmanaged,
  cosmetic,
}: Omit<Comparison, 'changes'>): Pick<Decision, 'drift' | 'unmanaged' | 'cosmetic'> {
  return { drift, unmanaged, ...(cosmetic && { cosmetic }) };
}

function refuse(comparison: Pick<Comparison, 'drift' | 'unmanaged'>, reason: string, remedy: string): Decision {
  return decide('refuse', { ...found(comparison), reason, remedy });
}

function decide(action: Decision['action'], rest: Partial<Decision> = {}): Decision {
  return { action, drift: [], unmanaged: [], reason: null, remedy: null, ...rest };
}
