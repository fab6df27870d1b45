import { undefinedIfDenied } from '../../aws/errors.js';
import { isWrite } from '../../contract/actions.js';
import type { Json, JsonObject } from '../../contract/entity.js';
import { FAILURES } from '../../contract/failures.js';
import type { DecisionAction } from '../../contract/report.js';
import { strings } from '../../engine/json.js';
import type { Account } from '../runtime/accounts.js';
import { withDecision, withDependencies, type AssessedEntity } from './assessed-entity.js';

const { remedy: REMEDY } = FAILURES.QuotaExceeded;

/** Usage and quotas of an account, by AWS's names: `Roles`, `RolesQuota`. */
export type AccountSummary = Readonly<Record<string, number>>;

/**
 * Reads the usage and the quotas of the account, in one call. Makes no call where nothing is written. Returns nothing
 * where the call is denied: AWS itself refuses what is too much.
 */
export async function readAccountSummary(
  account: Account,
  entities: readonly AssessedEntity[],
): Promise<AccountSummary> {
  if (!entities.some(isConverged)) return {};
  return (await undefinedIfDenied(() => account.clients.reader.get('GetAccountSummary', {})))?.SummaryMap ?? {};
}

/** Reports whether a decision leaves the entity with what its spec declares. */
function isConverged({ planned: { decision } }: AssessedEntity): boolean {
  return isWrite(decision.action) && decision.action !== 'release' && decision.action !== 'delete';
}

/** Refuses, before the first write, each entity that would be larger than the account allows. */
export function refuseTooLarge(
  entities: readonly AssessedEntity[],
  summary: AccountSummary,
): readonly AssessedEntity[] {
  return entities.map((assessed) => {
    const reason = isConverged(assessed) ? tooLargeReason(assessed, summary) : undefined;
    return reason === undefined ? assessed : withDecision(assessed, { action: 'refuse', reason, remedy: REMEDY });
  });
}

/**
 * Refuses, before the first write, the entities that the account has no room for. Where deletions of this run make
 * room, the creations wait for them.
 */
export function checkEntityCounts(
  entities: readonly AssessedEntity[],
  summary: AccountSummary,
): readonly AssessedEntity[] {
  const kinds = [...new Set(entities.map(({ entity }) => entity.kind))];
  return kinds.reduce((planned, kind) => checkCountOf(kind, planned, summary), entities);
}

function checkCountOf(
  kindName: string,
  entities: readonly AssessedEntity[],
  summary: AccountSummary,
): readonly AssessedEntity[] {
  const quota = entities.find(({ entity }) => entity.kind === kindName)?.kind.quota;
  const [used, limit] = [summary[quota?.used ?? ''], summary[quota?.limit ?? '']];
  if (quota === undefined || used === undefined || limit === undefined) return entities;
  const positionsOf = (action: DecisionAction): number[] =>
    entities.flatMap(({ entity, planned }, index) =>
      entity.kind === kindName && planned.decision.action === action ? [index] : [],
    );
  const [created, deleted] = [positionsOf('create'), positionsOf('delete')];
  if (created.length === 0 || used + created.length <= limit) return entities;
  // A deletion that waits for one of the creations makes no room for them.
  const waiting = dependentsOf(created, entities);
  const deletedFirst = deleted.filter((index) => !waiting.has(index));
  const fits = used - deletedFirst.length + created.length <= limit;
  const late = deleted.length - deletedFirst.length;
  const change =
    `this run creates ${String(created.length)} of kind ${kindName}` +
    (deleted.length === 0 ? '' : ` and deletes ${String(deleted.length)}`) +
    (late === 0 ? '' : `, ${String(late)} of them only afterwards`);
  const reason = `the account has ${String(used)} of at most ${String(limit)} (${quota.limit}), and ${change}`;
  return entities.map((assessed, index) => {
    if (!created.includes(index)) return assessed;
    return fits
      ? withDependencies(assessed, deletedFirst)
      : withDecision(assessed, { action: 'refuse', reason, remedy: REMEDY });
  });
}

/** Returns the given positions and those of all entities that wait for one of them. */
function dependentsOf(positions: readonly number[], entities: readonly AssessedEntity[]): ReadonlySet<number> {
  const waiting = new Set(positions);
  let before = -1;
  while (waiting.size > before) {
    before = waiting.size;
    entities.forEach(({ planned }, index) => {
      if (planned.after.some((other) => waiting.has(other))) waiting.add(index);
    });
  }
  return waiting;
}

/** Tells why an entity would be larger than the account allows; undefined where it is not, or already is as large. */
function tooLargeReason(assessed: AssessedEntity, summary: AccountSummary): string | undefined {
  const { kind, observed } = assessed;
  const before = new Map(kind.quotaUsage?.(observed?.state ?? {}).map(({ quota, amount }) => [quota, amount]));
  for (const { quota, label, amount } of kind.quotaUsage?.(stateAfter(assessed)) ?? []) {
    const limit = summary[quota];
    if (limit !== undefined && amount > limit && amount > (before.get(quota) ?? 0)) {
      return `would have ${String(amount)} ${label}, and the account allows ${String(limit)} (${quota})`;
    }
  }
  return undefined;
}

/** Returns the state after the write: what is declared, and what is unmanaged and kept. */
function stateAfter({ kind, spec, observed, assessment }: AssessedEntity): JsonObject {
  const state: Record<string, Json> = { ...spec };
  for (const [property, { type }] of Object.entries(kind.properties)) {
    const [desired, before] = [spec[property], observed?.state[property]];
    if (desired === undefined || before === undefined) continue;
    const removed = new Set(assessment.changes[property]?.remove);
    if (type === 'set') {
      const members = new Set([...strings(before), ...strings(desired)]);
      state[property] = [...members].filter((member) => !removed.has(member));
    }
    if (type !== 'documents') continue;
    const kept = Object.entries(before as JsonObject).filter(([name]) => !removed.has(name));
    state[property] = { ...Object.fromEntries(kept), ...(desired as JsonObject) };
  }
  return state;
}
