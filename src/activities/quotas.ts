import { awsError, failureTypeOf } from '../aws/errors.js';
import type { BootstrapRequest } from '../contract/messages.js';
import type { PlannedEntity } from '../contract/steps.js';
import type { Account } from './accounts.js';
import { kindOf } from './observe.js';

/** Decisions that leave an entity with what its spec asks for. */
const WRITES = new Set(['create', 'adopt', 'update', 'replace']);

/**
 * Refuses what the account has no room for, before the first write: AWS's quotas differ by account, so they are asked
 * for. One call, and none where nothing is to be written. Where it is denied, AWS itself refuses later.
 */
export async function withinQuotas(
  account: Account,
  request: BootstrapRequest,
  entities: readonly PlannedEntity[],
): Promise<readonly PlannedEntity[]> {
  const grows = entities.some(({ decision }) => WRITES.has(decision.action));
  const summary = grows ? await accountSummary(account) : undefined;
  if (summary === undefined) return entities;
  return entities.map((entity, index) => {
    const reason = WRITES.has(entity.decision.action)
      ? (roomFor(entity, entities, summary) ?? within(entity, request.entities[index]?.spec ?? {}, summary))
      : undefined;
    if (reason === undefined) return entity;
    const remedy = 'ask for a higher quota in Service Quotas, or remove what is no longer used';
    return { ...entity, decision: { ...entity.decision, action: 'refuse', reason, remedy } };
  });
}

type Summary = Readonly<Record<string, number>>;

async function accountSummary(account: Account): Promise<Summary | undefined> {
  try {
    return (await account.clients.reader.get('GetAccountSummary', {})).SummaryMap ?? {};
  } catch (error) {
    if (failureTypeOf(awsError(error)) === 'AccessDenied') return undefined;
    throw error;
  }
}

/** Why the account cannot hold all that the run makes of a kind; undefined where it can, or does not say. */
function roomFor(entity: PlannedEntity, entities: readonly PlannedEntity[], summary: Summary): string | undefined {
  const { quota } = kindOf(entity);
  if (quota === undefined || entity.decision.action !== 'create') return undefined;
  const [used, most] = [summary[quota.used], summary[quota.limit]];
  if (used === undefined || most === undefined) return undefined;
  const count = (action: string): number =>
    entities.filter(({ kind, decision }) => kind === entity.kind && decision.action === action).length;
  const [made, removed] = [count('create'), count('delete')];
  if (used - removed + made <= most) return undefined;
  const less = removed === 0 ? '' : ` and removes ${String(removed)}`;
  return `the account has ${String(used)} of at most ${String(most)} (${quota.limit}), and this run makes ${String(made)} of kind ${entity.kind}${less}`;
}

/** Why one entity is larger than the account allows; undefined where it is not. */
function within(
  entity: PlannedEntity,
  spec: BootstrapRequest['entities'][number]['spec'],
  summary: Summary,
): string | undefined {
  for (const { quota, what, amount } of kindOf(entity).demands?.(spec) ?? []) {
    const most = summary[quota];
    if (most !== undefined && amount > most) {
      return `declares ${String(amount)} ${what}, and the account allows ${String(most)} (${quota})`;
    }
  }
  return undefined;
}
