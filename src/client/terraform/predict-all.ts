import { entityId } from '../../contract/entity.js';
import { type AccountSummary, type EntityToLookUp, HeldSet, type LookedUp } from '../../contract/look-up.js';
import type { Finding } from '../../contract/preflight.js';
import type { UserFacingError } from '../../contract/user-facing-error.js';
import { findingOf } from './findings.js';
import type { Item, PlanItems } from './items.js';
import type { Links } from './links.js';
import { Owners } from './owners.js';
import { countOf, hostOf, Parents } from './parents.js';
import { removalText } from './predict-members.js';
import { predict } from './predict.js';
import { Quotas } from './quotas.js';
import { SETTINGS } from './resource-types.js';

/** Plans that were compared, and what they show without AWS. */
interface Compared {
  readonly plans: readonly PlanItems[];
  readonly findings: ReadonlyMap<Item, Finding>;
  readonly links: Links;
}

/** The facts about accounts beside their entities. */
interface AccountFacts {
  /** The accounts that could not be read. */
  readonly unread?: ReadonlyMap<string, UserFacingError>;
  readonly summaries?: ReadonlyMap<string, AccountSummary>;
}

/**
 * Predicts what the creates of plans meet.
 *
 * @param compared - the plans
 * @param find - returns the answer about an entity of an account
 * @param accounts - the accounts that could not be read, and the quotas of others
 */
export function predictAll(
  compared: Compared,
  find: (account: string, entity: EntityToLookUp) => LookedUp | undefined,
  accounts: AccountFacts = {},
): readonly Finding[] {
  const { plans, findings, links } = compared;
  const { unread = new Map<string, UserFacingError>(), summaries = new Map<string, AccountSummary>() } = accounts;
  const quotas = new Quotas(plans, summaries);
  const counter = new Ordinals();
  const owners = new Owners(plans);
  const parents = new Parents(plans);
  return plans.flatMap(({ creates }) =>
    creates.map((item) => {
      const known = findings.get(item);
      if (known !== undefined) return known;
      const failure = unread.get(item.target?.account ?? '');
      if (failure !== undefined && isOpen(item)) {
        return findingOf(item, { verdict: 'unread', reason: failure.message, remedy: failure.remedy });
      }
      const findHere = (entity: EntityToLookUp): LookedUp | undefined => find(item.target?.account ?? '', entity);
      const question = questionOf(item);
      const found = question && findHere(question);
      if (question === undefined || found === undefined) return uncheckable(item);
      const count = countOf(item);
      const { owner, own: ownMark } = owners.of(item, question, found);
      const finding = predict(
        item,
        { ...found, owner },
        {
          ownMark,
          hostOwner: hostOwnerOf(item, owners, findHere),
          ordinal: counter.next(item, found),
          counted: count && findHere(count),
          missing: parents.missing(item, findHere),
          isReplaced: parents.isReplaced(item),
          destroyed: destroyedBefore(item, plans),
          unmade: unmadeOf(item, found, links),
        },
      );
      const present = parents.isReplaced(item) ? { ...found, members: {} } : found;
      const checked = quotas.check(finding, item, present);
      return withRemovals(checked, item, links) ?? checked;
    }),
  );
}

/** Verdicts of creates that succeed. */
const ACCEPTED: readonly Finding['verdict'][] = ['create', 'present', 'overwrite'];

/** Returns a finding with what resources of the plans remove of each other; undefined where they remove nothing. */
export function withRemovals(finding: Finding, item: Item, links: Links): Finding | undefined {
  if (!ACCEPTED.includes(finding.verdict)) return undefined;
  const removed = links.removedBy(item);
  // Of two aliases, each replaces the other.
  const removers = item.type?.kind === 'AccountAlias' ? [] : links.removersOf(item);
  const [reason, ...more] = [
    ...(removed.length === 0 ? [] : [removalText(item, removed.join(', '))]),
    ...(removers.length === 0 ? [] : [`${removers.join(', ')} does not list it, and removes it`]),
  ];
  if (reason === undefined) return undefined;
  const remedy = 'list it in both places, or take one of the resources away';
  if (finding.verdict === 'overwrite') return { ...finding, notes: [...finding.notes, reason, ...more], remedy };
  return { ...finding, verdict: 'overwrite', reason, remedy, notes: [...finding.notes, ...more] };
}

/** Returns the inline policies that a resource lists, and that neither the account has nor a plan makes. */
function unmadeOf(item: Item, { members }: LookedUp, links: Links): readonly string[] {
  const present = members['inlinePolicies']?.present ?? [];
  return links.unmade(item).filter((name) => !present.includes(name));
}

/** Returns the owner of the entity that a resource is a part of. */
function hostOwnerOf(item: Item, owners: Owners, find: (entity: EntityToLookUp) => LookedUp | undefined) {
  const host = hostOf(item);
  const found = host && find(host);
  if (host === undefined || found === undefined) return undefined;
  const { owner } = owners.of(item, host, found);
  return owner === null ? undefined : { owner, text: `${entityId(host)} belongs to ${owner}` };
}

/** Counts the creates of credentials and memberships of each user: AWS limits them. */
class Ordinals {
  readonly #counts = new Map<string, number>();

  /** Returns the number that are created for the user up to a create and with it. What is there already does not count. */
  next(item: Item, found: LookedUp): number {
    const { target, type } = item;
    const key = [target?.account, type?.kind, type?.operation, ownerOf(item).toLowerCase()].join(' ');
    const count = (this.#counts.get(key) ?? 0) + addedBy(item, found);
    this.#counts.set(key, count);
    return count;
  }
}

/** Returns the user whose limit counts. */
function ownerOf({ type, subject }: Item): string {
  const user = subject?.spec['userName'];
  return type?.perUser !== undefined && typeof user === 'string' ? user : (subject?.name ?? '');
}

/** Returns the number of credentials or memberships that a create adds. */
function addedBy({ type, subject }: Item, { status, members }: LookedUp): number {
  const groups = subject?.members[HeldSet.Groups];
  if (groups !== undefined) return groups.length - (members[HeldSet.Groups]?.present.length ?? 0);
  return type?.ifPresent === 'adds' || status !== 'present' ? 1 : 0;
}

/** Returns the deletions of credentials of a user that the plan of a create has, beside a replacement that creates first. */
function destroyedBefore(item: Item, plans: readonly PlanItems[]): readonly Item[] {
  const { deletes = [] } = plans.find(({ plan }) => plan === item.plan) ?? {};
  return deletes.filter(({ change: { actions }, scope, type, subject }) => {
    const isFirst = actions.includes('delete') && actions[0] !== 'create';
    const isSame = scope === item.scope && type === item.type && subject?.name === item.subject?.name;
    return type?.ifPresent === 'adds' && isFirst && isSame;
  });
}

/** Returns the question about a resource; undefined where its name is not known. */
export function questionOf({ type, subject }: Item): EntityToLookUp | undefined {
  if (type === undefined || subject === null) return undefined;
  const { name, spec, members } = subject;
  const listsOthers = ['adds', 'excludes'].includes(type.ifPresent) || type.kind === 'AccountAlias';
  return { kind: type.kind, name, spec, members, ...(listsOthers ? { listsOthers } : {}) };
}

/** Returns the finding about a resource that nobody can be asked about. */
export function uncheckable(item: Item): Finding {
  const reason =
    item.unknownBecause ?? 'its provider configuration has an account for each instance, which the plan does not tell';
  return findingOf(item, { verdict: isFree(item) ? 'create' : 'unknown', reason });
}

/** Reports whether a create meets nothing, whatever the account has. */
function isFree({ change, isGenerated }: Item): boolean {
  return SETTINGS.has(change.type) || isGenerated;
}

/** Reports whether AWS can be asked about a resource. */
export function isOpen({ subject }: Item): boolean {
  return subject !== null;
}
