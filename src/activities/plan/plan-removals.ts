import { awsError } from '../../aws/errors.js';
import { REMOVAL_ACTIONS } from '../../contract/actions.js';
import { entityId, entityKey } from '../../contract/entity.js';
import type { Drift } from '../../contract/report.js';
import { strings } from '../../engine/json.js';
import type { Dependent, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { withDecision, withPlanned, withDependencies } from './assessed-entity.js';
import type { AssessedEntity } from './assessed-entity.js';
import { desiredOf, isWithdrawal, stepsOfDeletion } from '../reconcile/create.js';

/** What is to be deleted, now or to be created anew, with what a closer look has shown. */
interface Departure {
  readonly index: number;
  readonly steps: readonly Write[];
  readonly dependents: readonly Dependent[];
  /** Why AWS does not let it go at all, or null. */
  readonly undeletableReason: string | null;
}

/**
 * Looks closer at what a plan would delete or replace: every write that it takes, so that a person sees what is lost,
 * and what holds on to it. Something that does, and does not let go in this run, makes it a refusal before anything is
 * written. What is taken off a holder for a replacement is put back in the same run.
 */
export async function planRemovals(
  account: Account,
  all: readonly AssessedEntity[],
): Promise<readonly AssessedEntity[]> {
  const departures = await Promise.all(all.flatMap((one, index) => lookCloser(account, one, index) ?? []));
  const positions = new Map(all.map(({ entity }, index) => [entityKey(entity), index]));
  const positionOf = (holder: Dependent): number => positions.get(entityKey(holder)) ?? -1;
  const result = [...all];
  const change = (index: number, how: (one: AssessedEntity) => AssessedEntity): void => {
    const one = result[index];
    if (one !== undefined) result[index] = how(one);
  };

  for (const { index, steps, undeletableReason } of departures) {
    if (undeletableReason !== null) change(index, (one) => staying(one, undeletableReason));
    else change(index, (one) => withDecision(one, { drift: [...one.planned.decision.drift, ...steps.map(lossOf)] }));
  }
  // A holder that is refused lets nothing go, so that each refusal may be the cause of another.
  for (let refused = true; refused;) {
    refused = false;
    for (const { index, dependents } of departures) {
      const leaving = result[index];
      if (leaving === undefined || !REMOVAL_ACTIONS.has(leaving.planned.decision.action)) continue;
      const stuck = dependents.filter((holder) => !letsGo(holder, result[positionOf(holder)], leaving));
      if (stuck.length === 0) continue;
      const declared = stuck.flatMap((holder) => result[positionOf(holder)] ?? []);
      change(index, (one) => withDecision(one, { action: 'refuse', ...heldBy(stuck, leaving, declared) }));
      refused = true;
    }
  }
  for (const { index, dependents } of departures) {
    const action = result[index]?.planned.decision.action;
    if (action === undefined || !REMOVAL_ACTIONS.has(action)) continue;
    const [first, detached] = [[] as Dependent[], [] as Dependent[]];
    for (const holder of dependents) {
      (action === 'delete' || isDeleted(result[positionOf(holder)]) ? first : detached).push(holder);
    }
    change(index, (one) => withDependencies(one, first.map(positionOf)));
    if (detached.length === 0) continue;
    change(index, (one) => withPlanned(one, { detachable: detached.map(entityId) }));
    for (const holder of detached) {
      change(positionOf(holder), (one) => withDependencies(putBack(one, result[index]), [index]));
    }
  }
  return goingLast(result.map((one) => goingAlong(one, result)));
}

function lookCloser(account: Account, one: AssessedEntity, index: number): Promise<Departure> | undefined {
  const { entity, kind, spec, observed, assessment } = one;
  if (observed === undefined || !REMOVAL_ACTIONS.has(one.planned.decision.action)) return undefined;
  const { reader } = account.clients;
  const desired = desiredOf(entity, spec, assessment.tags, account.target);
  const held = isWithdrawal(kind, assessment) ? [] : (kind.listDependents?.(reader, observed) ?? []);
  const steps = stepsOfDeletion(account, kind, desired, observed, assessment);
  return Promise.all([held, steps]).then(
    ([dependents, all]) => ({ index, dependents, steps: all, undeletableReason: null }),
    (error: unknown) => {
      const aws = awsError(error);
      if (aws.code !== 'UnmodifiableEntity') throw error;
      return { index, dependents: [], steps: [], undeletableReason: aws.message };
    },
  );
}

/** What AWS does not let go is refused where it is to be absent, and left where everything is to go. */
function staying(one: AssessedEntity, why: string): AssessedEntity {
  if (one.entity.state !== 'absent') return withDecision(one, { action: 'no-op', reason: `is left as it is: ${why}` });
  const remedy = `take ${entityId(one.entity)} out of the manifest, or declare what it is to be`;
  return withDecision(one, { action: 'refuse', reason: why, remedy });
}

function isDeleted(one: AssessedEntity | undefined): boolean {
  return one?.planned.decision.action === 'delete';
}

/** Whether a holder will have let go, or may be made to and is given it back, when the entity's turn comes. */
function letsGo(holder: Dependent, by: AssessedEntity | undefined, held: AssessedEntity): boolean {
  if (by === undefined) return false;
  const { action } = by.planned.decision;
  if (action === 'delete') return true;
  const isWritten = action === 'update' || action === 'adopt';
  if (held.planned.decision.action === 'delete') return action === 'replace' || (isWritten && takesOff(by, held));
  if (holder.detach === null || by.entity.observe || by.entity.state !== 'present') return false;
  return action === 'replace' || ((action === 'no-op' || isWritten) && (declares(by, held) || takesOff(by, held)));
}

/** Whether the changes of a holder take the other entity off it. */
function takesOff({ kind, observed, assessment }: AssessedEntity, held: AssessedEntity): boolean {
  const isIt = names(held, held.observed?.arn);
  return Object.entries(assessment.changes).some(([property, { remove }]) => {
    const isSet = kind.properties[property]?.type === 'value' && observed?.state[property] === held.observed?.arn;
    return isSet || remove.some(isIt);
  });
}

/** Whether a holder's manifest wants the other entity on it, by the ARN that this will have, or by its name. */
function declares({ kind, spec }: AssessedEntity, held: AssessedEntity): boolean {
  const isIt = names(held, held.planned.arn);
  return Object.entries(kind.properties).some(
    ([property, { type }]) => type === 'set' && strings(spec[property]).some(isIt),
  );
}

function names({ entity }: AssessedEntity, arn: string | undefined): (member: string) => boolean {
  return (member) => member === arn || member.toLowerCase() === entity.name.toLowerCase();
}

function putBack(one: AssessedEntity, replaced: AssessedEntity | undefined): AssessedEntity {
  if (replaced === undefined || one.planned.decision.action !== 'no-op') return one;
  const reason = `is put back on ${entityId(replaced.entity)} once that is replaced`;
  return withDecision(one, { action: 'update', reason });
}

/** Of what has no dependents to be asked for: it goes after everything of the kinds that may hold on to it. */
function goingLast(all: readonly AssessedEntity[]): readonly AssessedEntity[] {
  const BUSY = new Set(['update', 'adopt', 'replace', 'release', 'delete']);
  return all.map((one) => {
    if (!isDeleted(one) || one.kind.listDependents !== undefined) return one;
    const dependents = all.flatMap((other, index) =>
      other !== one && BUSY.has(other.planned.decision.action) && other.kind.dependsOnKinds.includes(one.entity.kind)
        ? [index]
        : [],
    );
    return withDependencies(one, dependents);
  });
}

/** What is left as it is may still lose what it has of something that is deleted, or go with it: a user's access key. */
function goingAlong(one: AssessedEntity, all: readonly AssessedEntity[]): AssessedEntity {
  const { kind, entity, spec, planned } = one;
  if (entity.state !== 'destroyed' || planned.decision.action !== 'no-op' || planned.decision.reason === null)
    return one;
  const needed = new Set((kind.references?.(spec) ?? []).map((id) => id.toLowerCase()));
  const gone = all.filter((other) => isDeleted(other) && needed.has(entityId(other.entity).toLowerCase()));
  if (gone.length === 0) return one;
  const ids = gone.map((other) => entityId(other.entity)).join(', ');
  return withDecision(one, { reason: `${planned.decision.reason}; what it has of ${ids} goes with that` });
}

function heldBy(
  dependents: readonly Dependent[],
  { planned }: AssessedEntity,
  declared: readonly AssessedEntity[],
): { readonly reason: string; readonly remedy: string } {
  const ids = dependents.map(entityId).join(', ');
  const what = planned.decision.action === 'delete' ? 'deleted' : 'replaced';
  const ways = [`take ${entityId(planned)} off ${ids} first`];
  if (declared.length < dependents.length) ways.push(`declare ${dependents.length === 1 ? 'it' : 'them'} here`);
  if (declared.some(({ entity }) => entity.state === 'destroyed')) ways.push('give --include-adopted');
  return {
    reason: `cannot be ${what}: ${ids} ${dependents.length === 1 ? 'holds' : 'hold'} on to it, and this run does not let go of it there`,
    remedy: ways.join(', or '),
  };
}

/** One write of a deletion, as a person reads it: `DetachRolePolicy deploy arn:aws:iam::aws:policy/ReadOnlyAccess`. */
function lossOf({ operation, input }: Write): Drift {
  const about = Object.values(input).flatMap((value) =>
    typeof value === 'string' ? [value] : strings(value as never),
  );
  return { path: '', observed: 'present', desired: 'absent', summary: [operation, ...about].join(' ') };
}
