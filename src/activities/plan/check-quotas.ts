import { awsError, failureTypeOf } from '../../aws/errors.js';
import type { Json, JsonObject } from '../../contract/entity.js';
import { strings } from '../../engine/json.js';
import type { Account } from '../runtime/accounts.js';
import { withDecision, withDependencies } from './assessed-entity.js';
import type { AssessedEntity } from './assessed-entity.js';

/** Decisions that leave an entity with what its spec asks for. */
const WRITES = new Set(['create', 'adopt', 'update', 'replace']);

const REMEDY = 'ask for a higher quota in Service Quotas, or remove what is no longer used';

/** What the account has and may have, by AWS's names: `Roles`, `RolesQuota`. */
export type AccountSummary = Readonly<Record<string, number>>;

/**
 * AWS's quotas differ by account, so they are asked for. One call, and none where nothing is to be written. Empty where
 * it is denied: AWS itself refuses later.
 */
export async function accountSummary(account: Account, all: readonly AssessedEntity[]): Promise<AccountSummary> {
  if (!all.some(({ planned }) => WRITES.has(planned.decision.action))) return {};
  try {
    return (await account.clients.reader.get('GetAccountSummary', {})).SummaryMap ?? {};
  } catch (error) {
    if (failureTypeOf(awsError(error)) === 'AccessDenied') return {};
    throw error;
  }
}

/** Refuses, before the first write, what would be larger than the account allows. */
export function refuseTooLarge(all: readonly AssessedEntity[], summary: AccountSummary): readonly AssessedEntity[] {
  return all.map((one) => {
    const reason = WRITES.has(one.planned.decision.action) ? tooLarge(one, summary) : undefined;
    return reason === undefined ? one : withDecision(one, { action: 'refuse', reason, remedy: REMEDY });
  });
}

/**
 * Refuses, before the first write, what the account cannot hold. What finds room only once something else is removed
 * waits for that.
 */
export function makeRoom(all: readonly AssessedEntity[], summary: AccountSummary): readonly AssessedEntity[] {
  const kinds = [...new Set(all.map(({ entity }) => entity.kind))];
  return kinds.reduce((planned, kind) => makeRoomFor(kind, planned, summary), all);
}

function makeRoomFor(
  kindName: string,
  all: readonly AssessedEntity[],
  summary: AccountSummary,
): readonly AssessedEntity[] {
  const quota = all.find(({ entity }) => entity.kind === kindName)?.kind.quota;
  const [used, most] = [summary[quota?.used ?? ''], summary[quota?.limit ?? '']];
  if (quota === undefined || used === undefined || most === undefined) return all;
  const positions = (action: string): number[] =>
    all.flatMap(({ entity, planned }, index) =>
      entity.kind === kindName && planned.decision.action === action ? [index] : [],
    );
  const [made, removed] = [positions('create'), positions('delete')];
  if (made.length === 0 || used + made.length <= most) return all;
  const late = dependentsOf(made, all);
  const first = removed.filter((index) => !late.has(index));
  const fits = used - first.length + made.length <= most;
  const makes = `this run makes ${String(made.length)} of kind ${kindName}`;
  const less = removed.length === 0 ? '' : ` and removes ${String(removed.length)}`;
  const after =
    first.length === removed.length ? '' : `, ${String(removed.length - first.length)} of them only afterwards`;
  const reason = `the account has ${String(used)} of at most ${String(most)} (${quota.limit}), and ${makes}${less}${after}`;
  return all.map((one, index) => {
    if (!made.includes(index)) return one;
    return fits ? withDependencies(one, first) : withDecision(one, { action: 'refuse', reason, remedy: REMEDY });
  });
}

/** Positions of all that waits for one of the given ones, these included. */
function dependentsOf(positions: readonly number[], all: readonly AssessedEntity[]): ReadonlySet<number> {
  const waiting = new Set(positions);
  let known = -1;
  while (waiting.size > known) {
    known = waiting.size;
    all.forEach(({ planned }, index) => {
      if (planned.after.some((other) => waiting.has(other))) waiting.add(index);
    });
  }
  return waiting;
}

/** Why one entity would be larger than the account allows; undefined where it is not, or is so already. */
function tooLarge({ kind, observed, ...one }: AssessedEntity, summary: AccountSummary): string | undefined {
  const before = new Map(kind.quotaUsage?.(observed?.state ?? {}).map(({ quota, amount }) => [quota, amount]));
  for (const { quota, label: what, amount } of kind.quotaUsage?.(intended({ kind, observed, ...one })) ?? []) {
    const most = summary[quota];
    if (most !== undefined && amount > most && amount > (before.get(quota) ?? 0)) {
      return `would have ${String(amount)} ${what}, and the account allows ${String(most)} (${quota})`;
    }
  }
  return undefined;
}

/** What the entity will be: what is declared, beside what is unmanaged and stays. */
function intended({ kind, spec, observed, assessment }: AssessedEntity): JsonObject {
  const state: Record<string, Json> = { ...spec };
  for (const [property, { type }] of Object.entries(kind.properties)) {
    const [desired, seen] = [spec[property], observed?.state[property]];
    if (desired === undefined || seen === undefined) continue;
    const gone = new Set(assessment.changes[property]?.remove);
    if (type === 'set')
      state[property] = [...new Set([...strings(seen), ...strings(desired)])].filter((one) => !gone.has(one));
    if (type !== 'documents') continue;
    const kept = Object.entries(seen as JsonObject).filter(([name]) => !gone.has(name));
    state[property] = { ...Object.fromEntries(kept), ...(desired as JsonObject) };
  }
  return state;
}
