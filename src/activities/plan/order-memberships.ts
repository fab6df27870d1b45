import { undefinedIfRefused } from '../../aws/errors.js';
import { strings } from '../../engine/json.js';
import type { Kind, MembershipRules } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { withDecision, withDependencies, type AssessedEntity } from './assessed-entity.js';
import { isUnread, waitingFor } from './unread-entities.js';

/** A member that joins entities of one kind, while it may leave others. Numbers are positions in the plan. */
interface Move {
  readonly member: string;
  readonly joined: readonly number[];
  readonly left: readonly number[];
  /** Entities that are deleted. It leaves those that it is in. */
  readonly deleted: readonly number[];
  /** Entities that could not be read and do not declare the member. It may leave those that it is in. */
  readonly unread: readonly number[];
}

/**
 * Lets each entity that a member joins wait for those that it leaves, where AWS allows the member no more of them: a
 * user is in ten groups at most. Refuses, before the first write, what has no room afterwards either, and fails what may
 * have room once an entity can be read. Reads the memberships of those members only that join and may leave in one run.
 */
export async function orderMemberships(
  account: Account,
  entities: readonly AssessedEntity[],
): Promise<readonly AssessedEntity[]> {
  let ordered = entities;
  for (const kind of new Set(entities.map((assessed) => assessed.kind))) {
    const { memberships: rules } = kind;
    if (rules === undefined) continue;
    const replies = await Promise.all(
      movesOf(kind, rules, entities).map(async (move) => {
        const names = await undefinedIfRefused(() => rules.list(account.clients.reader, move.member));
        return names === undefined ? [] : [{ move, names }];
      }),
    );
    for (const { move, names } of replies.flat()) ordered = orderMove(kind, rules, move, names, ordered);
  }
  return ordered;
}

/** Lists the members that join an entity of a kind and leave another one, or may. */
function movesOf(kind: Kind, { property }: MembershipRules, entities: readonly AssessedEntity[]): readonly Move[] {
  const deleted: number[] = [];
  const unread: number[] = [];
  const members = new Map<string, { readonly member: string; readonly joined: number[]; readonly left: number[] }>();
  const changesOf = (member: string): { readonly joined: number[]; readonly left: number[] } => {
    const key = member.toLowerCase();
    const known = members.get(key) ?? { member, joined: [], left: [] };
    members.set(key, known);
    return known;
  };
  for (const [index, { kind: own, spec, assessment, planned }] of entities.entries()) {
    if (own !== kind) continue;
    const { action } = planned.decision;
    if (isUnread(planned)) unread.push(index);
    if (action === 'delete') deleted.push(index);
    if (action === 'create') for (const member of strings(spec[property])) changesOf(member).joined.push(index);
    if (action !== 'update' && action !== 'adopt') continue;
    const { put = [], remove = [] } = assessment.changes[property] ?? {};
    for (const member of put) changesOf(member).joined.push(index);
    for (const member of remove) changesOf(member).left.push(index);
  }
  const declares = (index: number, member: string): boolean =>
    strings(entities[index]?.spec[property]).some((name) => name.toLowerCase() === member.toLowerCase());
  return [...members.values()]
    .map((one) => ({ ...one, deleted, unread: unread.filter((index) => !declares(index, one.member)) }))
    .filter((one) => one.joined.length > 0 && one.left.length + deleted.length + one.unread.length > 0);
}

function orderMove(
  { name: kindName }: Kind,
  { max, quota, label }: MembershipRules,
  { member, joined, left, deleted, unread }: Move,
  names: readonly string[],
  entities: readonly AssessedEntity[],
): readonly AssessedEntity[] {
  const present = new Set(names.map((name) => name.toLowerCase()));
  const isPresent = (index: number): boolean => present.has(entities[index]?.entity.name.toLowerCase() ?? '');
  const leaving = [...left, ...deleted].filter(isPresent);
  const joining = joined.filter((index) => !isPresent(index));
  const maybeLeaving = unread.filter(isPresent);
  if (leaving.length + maybeLeaving.length === 0 || present.size + joining.length <= max) return entities;
  const fits = present.size - leaving.length + joining.length <= max;
  const change = `this run adds it to ${String(joining.length)} and removes it from ${String(leaving.length)}`;
  const reason = `${member} is in ${String(present.size)} ${label}, and ${change}: AWS allows ${String(max)} (${quota})`;
  const remedy = `remove ${member} from other ${label} first; AWS does not raise this limit`;
  return entities.map((assessed, index) => {
    if (!joining.includes(index) || assessed.entity.kind !== kindName) return assessed;
    if (!fits && maybeLeaving.length > 0)
      return waitingFor(
        assessed,
        maybeLeaving.flatMap((other) => entities[other] ?? []),
      );
    return fits ? withDependencies(assessed, leaving) : withDecision(assessed, { action: 'refuse', reason, remedy });
  });
}
