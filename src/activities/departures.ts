import { awsError, failureTypeOf } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import { entityId, entityKey } from '../contract/entity.js';
import type { BootstrapRequest } from '../contract/messages.js';
import type { Drift } from '../contract/report.js';
import type { PlannedEntity } from '../contract/steps.js';
import type { Holder, Kind, Observed, Step } from '../kinds/kind.js';
import type { Account } from './accounts.js';
import { kindOf } from './observe.js';

/**
 * Looks closer at what a plan would delete or replace: every write that it takes, so that a person sees what is lost,
 * and what holds on to it. Something undeclared that does makes it a refusal, before anything is written.
 */
export async function planDepartures(
  account: Account,
  request: BootstrapRequest,
  observed: ReadonlyMap<string, Observed>,
  entities: readonly PlannedEntity[],
): Promise<readonly PlannedEntity[]> {
  const { reader } = account.clients;
  const planned = new Map(entities.map((entity) => [entityKey(entity), entity]));
  /** Holders that a replacement is taken off, and must be put back on: by key, the positions of what is replaced. */
  const putBack = new Map<string, number[]>();

  const looked = await Promise.all(
    entities.map(async (entity, index): Promise<PlannedEntity> => {
      const { action } = entity.decision;
      const seen = observed.get(entityKey(entity));
      const { shared } = request.entities[index] ?? {};
      if (seen === undefined || shared === true || (action !== 'delete' && action !== 'replace')) return entity;
      const kind = kindOf(entity);
      const [holders, steps] = await Promise.all([kind.holders?.(reader, seen) ?? [], deletionOf(kind, reader, seen)]);
      if (typeof steps === 'string') return { ...entity, decision: { ...entity.decision, ...impossible(steps) } };
      const decision = { ...entity.decision, drift: [...entity.decision.drift, ...steps.map(lossOf)] };
      const stuck = holders.filter((holder) => !letsGo(holder, planned.get(entityKey(holder)), action));
      if (stuck.length > 0) return { ...entity, decision: { ...decision, ...heldBy(stuck, entity, action) } };
      if (action === 'delete') return { ...entity, decision };
      for (const holder of holders) {
        const key = entityKey(holder);
        putBack.set(key, [...(putBack.get(key) ?? []), index]);
      }
      return { ...entity, decision, detachable: holders.map(entityId) };
    }),
  );
  return looked.map((entity) => {
    const replaced = putBack.get(entityKey(entity));
    if (replaced === undefined) return entity;
    const names = replaced.flatMap((index) => looked[index] ?? []).map(entityId);
    const reason = `is put back on ${names.join(', ')} once that is replaced`;
    const { decision } = entity;
    return {
      ...entity,
      decision: decision.action === 'no-op' ? { ...decision, action: 'update', reason } : decision,
      after: [...new Set([...entity.after, ...replaced])],
    };
  });
}

/** Whether a holder will have let go, or may be made to, when the entity's turn comes. */
function letsGo(holder: Holder, planned: PlannedEntity | undefined, action: 'delete' | 'replace'): boolean {
  if (planned === undefined) return false;
  const { action: its } = planned.decision;
  if (action === 'delete') return its === 'delete' || its === 'update' || its === 'replace' || its === 'adopt';
  return holder.detach !== null && (its === 'no-op' || its === 'update' || its === 'adopt');
}

/** The writes of a deletion, or why AWS knows none. */
async function deletionOf(kind: Kind, reader: Reader, seen: Observed): Promise<readonly Step[] | string> {
  try {
    return await kind.deletion(reader, seen);
  } catch (error) {
    const aws = awsError(error);
    if (failureTypeOf(aws) === 'InvalidInput') return aws.message;
    throw error;
  }
}

function impossible(reason: string): { readonly action: 'refuse'; readonly reason: string; readonly remedy: string } {
  return { action: 'refuse', reason, remedy: 'take it out of the manifest, and change it there where AWS has a way' };
}

function heldBy(
  holders: readonly Holder[],
  entity: PlannedEntity,
  action: 'delete' | 'replace',
): { readonly action: 'refuse'; readonly reason: string; readonly remedy: string } {
  const names = holders.map(entityId).join(', ');
  const what = action === 'delete' ? 'deleted' : 'replaced';
  return {
    action: 'refuse',
    reason: `cannot be ${what}: ${names} ${holders.length === 1 ? 'holds' : 'hold'} on to it, and this run does not let go of it there`,
    remedy: `take ${entityId(entity)} off ${names} first, or declare ${holders.length === 1 ? 'it' : 'them'} here`,
  };
}

/** One write of a deletion, as a person reads it: `DetachRolePolicy deploy arn:aws:iam::aws:policy/ReadOnlyAccess`. */
function lossOf({ operation, input }: Step): Drift {
  const about = Object.values(input).filter((value) => typeof value === 'string');
  const summary = [operation, ...about].join(' ');
  return { path: '', observed: 'present', desired: 'absent', summary };
}
