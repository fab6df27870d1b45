import type { DriftCausesRequest } from '../contract/activities.js';
import type { FoundCause } from '../contract/drift-record.js';
import { entityId, entityKey, entityKeyOfId } from '../contract/entity.js';
import type { TrailEvent } from '../contract/explain.js';
import { readTrail } from './evidence.js';
import type { Account } from './runtime/accounts.js';

/** The time before the first look at an environment that is searched, in milliseconds. */
const FIRST_SEARCH_MS = 7 * 24 * 3_600_000;

/** Finds the last write to each entity before it was seen to drift, by anyone but this tool. */
export async function findDriftCauses(
  account: Account,
  { scheduled: { request }, entities: drifted }: DriftCausesRequest,
): Promise<readonly FoundCause[]> {
  await account.guard.ensure();
  const keys = new Set(drifted.map(entityKey));
  const entities = request.entities.filter((entity) => keys.has(entityKey(entity)));
  const starts = drifted.map(({ since, notBefore }) => startOf(since, notBefore));
  const from = new Date(Math.min(...starts)).toISOString();
  const { target } = request;
  const to = new Date().toISOString();
  const trail = await readTrail(account, { target, entities, requestId: null, from, to });
  return drifted.flatMap(({ kind, name, since, notBefore }): FoundCause[] => {
    const event = trail.events.findLast(
      (one) =>
        one.entity !== null &&
        entityKeyOfId(one.entity) === entityKeyOfId(entityId({ kind, name })) &&
        isCause(one) &&
        Date.parse(one.at) >= startOf(since, notBefore) &&
        Date.parse(one.at) <= Date.parse(since),
    );
    if (event === undefined) return [];
    const { at, operation, principal, requestId, eventId } = event;
    return [{ kind, name, since, cause: { at, operation, principal, requestId, eventId } }];
  });
}

/** Reports whether a call has changed something, and is not one of this tool's. */
function isCause({ code, runId }: TrailEvent): boolean {
  return code === null && runId === null;
}

/** CloudTrail counts whole seconds. */
function startOf(since: string, notBefore: string | null): number {
  if (notBefore === null) return Date.parse(since) - FIRST_SEARCH_MS;
  return Math.floor(Date.parse(notBefore) / 1_000) * 1_000;
}
