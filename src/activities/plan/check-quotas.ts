import { undefinedIfRefused } from '../../aws/errors.js';
import { remedyOfQuota } from '../../aws/quotas.js';
import { isWrite } from '../../contract/actions.js';
import type { Json, JsonObject, Target } from '../../contract/entity.js';
import { FAILURES } from '../../contract/failures.js';
import type { DecisionAction } from '../../contract/report.js';
import { strings } from '../../engine/json.js';
import { orderByEffect, peakUsage } from '../../engine/write-order.js';
import { desiredState } from '../reconcile/desired-state.js';
import type { Account } from '../runtime/accounts.js';
import { withDecision, withDependencies, type AssessedEntity } from './assessed-entity.js';
import { isUnread, waitingFor } from './unread-entities.js';

const REMEDY_ON_THE_WAY =
  'make the change in two applies: leave something else out of the first, so that there is room';

/** Usage and quotas of an account, by AWS's names: `Roles`, `RolesQuota`. */
export type AccountSummary = Readonly<Record<string, number>>;

/**
 * Reads the usage and the quotas of the account, in one call. Makes no call where nothing is written. Returns nothing
 * where the call is denied or unknown: AWS itself refuses what is too much.
 */
export async function readAccountSummary(
  account: Account,
  entities: readonly AssessedEntity[],
): Promise<AccountSummary> {
  if (!entities.some(isConverged)) return {};
  return (await undefinedIfRefused(() => account.clients.reader.get('GetAccountSummary', {})))?.SummaryMap ?? {};
}

/** Reports whether a decision leaves the entity with what its spec declares. */
function isConverged({ planned: { decision } }: AssessedEntity): boolean {
  return isWrite(decision.action) && decision.action !== 'release' && decision.action !== 'delete';
}

/** Refuses, before the first write, each entity that would be larger than the account allows, if only on the way. */
export function refuseTooLarge(
  entities: readonly AssessedEntity[],
  summary: AccountSummary,
  target: Target,
): readonly AssessedEntity[] {
  return entities.map((assessed) => {
    if (!isConverged(assessed)) return assessed;
    const excess = excessOf(assessed, summary) ?? excessOnTheWay(assessed, summary, target);
    return excess === undefined ? assessed : withDecision(assessed, { action: 'refuse', ...excess });
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
  // Nothing shows whether their deletion makes room.
  const unread = entities.filter(
    ({ entity, planned }) => entity.kind === kindName && entity.state !== 'present' && isUnread(planned),
  );
  if (created.length === 0 || used + created.length <= limit) return entities;
  // A deletion that waits for one of the creations makes no room for them.
  const waiting = dependentsOf(created, entities);
  const deletedFirst = deleted.filter((index) => !waiting.has(index));
  const usedAfter = used - deletedFirst.length + created.length;
  const [fits, mayFit] = [usedAfter <= limit, usedAfter - unread.length <= limit];
  const late = deleted.length - deletedFirst.length;
  const change =
    `this run creates ${String(created.length)} of kind ${kindName}` +
    (deleted.length === 0 ? '' : ` and deletes ${String(deleted.length)}`) +
    (late === 0 ? '' : `, ${String(late)} of them only afterwards`);
  const reason = `the account has ${String(used)} of at most ${String(limit)} (${quota.limit}), and ${change}`;
  return entities.map((assessed, index) => {
    if (!created.includes(index)) return assessed;
    if (fits) return withDependencies(assessed, deletedFirst);
    return mayFit
      ? waitingFor(assessed, unread)
      : withDecision(assessed, { action: 'refuse', reason, remedy: remedyFor(quota.limit, limit) });
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

/** Returns what to do about a quota that is used up. */
function remedyFor(quota: string, limit: number): string {
  return remedyOfQuota(quota, limit) ?? FAILURES.QuotaExceeded.remedy;
}

/** Tells why an entity would be larger than the account allows; undefined where it is not, or already is as large. */
function excessOf(
  assessed: AssessedEntity,
  summary: AccountSummary,
): { readonly reason: string; readonly remedy: string } | undefined {
  const { kind, observed } = assessed;
  const before = new Map(kind.quotaUsage?.(observed?.state ?? {}).map(({ quota, amount }) => [quota, amount]));
  for (const { quota, label, amount } of kind.quotaUsage?.(stateAfter(assessed)) ?? []) {
    const limit = summary[quota];
    if (limit !== undefined && amount > limit && amount > (before.get(quota) ?? 0)) {
      const reason = `would have ${String(amount)} ${label}, and the account allows ${String(limit)} (${quota})`;
      return { reason, remedy: remedyFor(quota, limit) };
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

/**
 * Tells why the writes of an entity exceed a quota on the way, although old and new state both fit: no order of them that
 * never permits more than both has room. Undefined where there is one.
 */
function excessOnTheWay(
  { entity, kind, spec, observed, assessment, planned }: AssessedEntity,
  summary: AccountSummary,
  target: Target,
): { readonly reason: string; readonly remedy: string } | undefined {
  const isChanged = planned.decision.action === 'update' || planned.decision.action === 'adopt';
  if (observed === undefined || !isChanged || kind.quotaUsage === undefined) return undefined;
  const desired = desiredState(entity, spec, assessment.tags, target);
  for (const usage of peakUsage(orderByEffect(kind.update(desired, observed, assessment.changes)))) {
    const { quota, label, start, peak } = usage;
    const limit = summary[quota];
    if (limit !== undefined && peak > limit && peak > start) {
      const reason =
        `would have ${String(peak)} ${label} on the way, and the account allows ${String(limit)} (${quota}): ` +
        'what denies is written before anything that denies is removed';
      return { reason, remedy: REMEDY_ON_THE_WAY };
    }
  }
  return undefined;
}
