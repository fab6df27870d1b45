import { activityInfo, sleep } from '@temporalio/activity';
import { awsError, failureTypeOf, lateError } from '../../aws/errors.js';
import { HIDDEN_WINDOW_MS, PROPAGATION_WINDOW_MS, untilShown } from '../../aws/propagation.js';
import { entityId, entityKey } from '../../contract/entity.js';
import type { DesiredEntity, JsonObject, Target } from '../../contract/entity.js';
import type { ReconcileRequest } from '../../contract/request.js';
import type { Decision } from '../../contract/report.js';
import type { CreateRequest, Listing, ReconcileStepResult, UpdateRequest } from '../../contract/activities.js';
import { assess, declaredTags } from '../../engine/decide.js';
import type { Assessment, DecisionContext } from '../../engine/decide.js';
import { OwnershipTag, ownershipTagsForCreate } from '../../engine/ownership.js';
import { resolveReferences } from '../../engine/references.js';
import type { Desired, Kind, Observed, Write } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { failure, notShownYet, OperationError } from '../runtime/failures.js';
import { kindOf, look, observe } from '../runtime/observe.js';
import { EntitySecrets, SEVERAL_ORPHANS_REMEDY } from './secrets.js';
import { send, sendAll } from '../runtime/send-writes.js';
import { CLOCK_TOLERANCE_MS, writesOf } from '../runtime/activity-context.js';
import type { ActivityContext } from '../runtime/activity-context.js';

/** Lists what Creates like this one have made, before the first of this run. */
export async function listCandidates(
  account: Account,
  request: ReconcileRequest,
  work: ActivityContext,
): Promise<Listing> {
  const kind = kindOf(request.entity);
  const desired = desiredAtCreate(kind, specOf(request), request);
  const found = (await kind.secret?.listCandidates?.(account.clients.reader, desired)) ?? [];
  return { known: found.map(({ id }) => id), calls: work.calls };
}

/** Creates, or finds out what is there instead. */
export async function createEntity(
  account: Account,
  request: CreateRequest,
  work: ActivityContext,
): Promise<ReconcileStepResult> {
  const { attempt, scheduledTimestampMs } = activityInfo();
  const { entity, intent } = request;
  const kind = kindOf(entity);
  const spec = specOf(request);
  const desired = desiredAtCreate(kind, spec, request);
  const create = kind.create(desired);
  const result = stepResultFor(work);
  const secrets = new EntitySecrets(account, kind, desired, request, work);
  const sentBefore = work.sent.some(({ operation }) => operation === create.operation);

  /** What is there was not there when the plan looked: by our own Create with a lost reply, or by somebody else's. */
  const resolveExisting = (observed: Observed, conflicts: ReconcileStepResult['conflicts']): ReconcileStepResult => {
    const createdMs = observed.createdAt === null ? Number.NaN : Date.parse(observed.createdAt);
    const byTag = kind.ownable && observed.tags[OwnershipTag.Intent] === intent;
    const unmarked = !kind.ownable || kind.tagsAfterCreate === true;
    const undated = Number.isNaN(createdMs);
    const maybeSent = sentBefore || !work.isComplete;
    const inTime = undated ? sentBefore : maybeSent && createdMs >= scheduledTimestampMs - CLOCK_TOLERANCE_MS;
    const byAttempt = unmarked && attempt > 1 && inTime;
    const made = byTag || byAttempt;
    const assessment = assess(kind, entity, spec, observed, { ...contextOf(request), made });
    const remaining = Object.keys(assessment.changes).length > 0;
    if (made) {
      const confirmedBy = byTag ? 'intent-tag' : 'recorded-attempt';
      const decision: Decision = { ...assessment.decision, action: 'create', drift: [] };
      const write = {
        operation: create.operation,
        requestId: null,
        at: observed.createdAt ?? new Date().toISOString(),
      };
      // An attempt that died may have been on its way to complete what it made.
      const more = completesAtOnce(kind) ? writesOf(work).filter((one) => one.operation !== create.operation) : [];
      return result({ arn: observed.arn, decision, confirmedBy, writes: [write, ...more], conflicts, remaining });
    }
    const { decision } = assessment;
    const same = decision.action === 'update' || decision.action === 'no-op';
    return result({
      arn: observed.arn,
      // It appeared under our hands and shows no owner: whoever made it, this run did not.
      decision: !kind.ownable && same ? { ...decision, action: 'adopt' } : decision,
      confirmedBy: !kind.ownable && undated && maybeSent ? 'unconfirmed' : null,
      conflicts,
      remaining: remaining && decision.action !== 'refuse',
    });
  };
  const refuse = (
    reason: string,
    remedy: string,
    conflicts: ReconcileStepResult['conflicts'] = [],
  ): ReconcileStepResult => {
    const decision: Decision = { action: 'refuse', drift: [], unmanaged: [], reason, remedy };
    return result({ arn: kind.arnOf(spec, request.target), decision, conflicts });
  };

  if (attempt > 1) {
    const claimed = await secrets.removeOrphans();
    if (claimed !== null) return refuse(claimed, SEVERAL_ORPHANS_REMEDY);
  }
  // What a Create would write over is looked for again: the plan is older than this step.
  if (attempt > 1 || request.readFirst || kind.createOverwrites === true) {
    const observed = await look(account, entity);
    if (observed !== undefined) return resolveExisting(observed, []);
  }
  if (!(await secrets.prepare())) {
    const observed = await look(account, entity);
    if (observed === undefined) throw notShownYet();
    return resolveExisting(observed, []);
  }
  try {
    const { output } = await send(account, create, work);
    await secrets.keep(output);
    // A replica that was behind has hidden what an earlier attempt made.
    const claimed = attempt > 1 ? await secrets.removeOrphans() : null;
    if (claimed !== null) return refuse(claimed, SEVERAL_ORPHANS_REMEDY);
    const created = kind.observedAfterCreate(desired, output);
    const assessment = assess(kind, entity, spec, created, { ...contextOf(request), made: true });
    const remaining = !(await completed(account, request, created, assessment, work));
    return result({
      arn: created.arn,
      decision: { action: 'create', drift: [], unmanaged: [], reason: null, remedy: null },
      confirmedBy: 'reply',
      writes: writesOf(work),
      remaining,
    });
  } catch (error) {
    const aws = awsError(error instanceof OperationError ? error.cause : error);
    if (attempt > 1 && kind.secret?.listCandidates !== undefined && failureTypeOf(aws) === 'QuotaExceeded') {
      const message = `${aws.message}; what an earlier attempt may have made takes room and is not shown yet`;
      throw new OperationError(create.operation, lateError('NoSuchEntity', message));
    }
    if (!kind.isAlreadyExistsError(aws)) throw error;
    const conflict = { operation: create.operation, code: aws.code, requestId: aws.requestId };
    // A name in another case answers to no Get, and a policy under another path has another ARN: the listings tell.
    const find = async (): Promise<Observed | undefined> =>
      (await look(account, entity)) ?? (await observe(account, [entity])).get(entityKey(entity));
    // A first attempt has made nothing that a read could be behind of.
    const waits = kind.globallyTakenReason === undefined || attempt > 1;
    const observed = waits ? await untilShown(find, sleep) : await find();
    if (observed === undefined && kind.globallyTakenReason !== undefined) {
      return refuse(kind.globallyTakenReason, `declare another, or have it removed there`, [conflict]);
    }
    if (observed === undefined) {
      const seconds = String(PROPAGATION_WINDOW_MS / 1000);
      const message = `${create.operation} answered ${aws.code}, and no read has shown the entity for ${seconds} s`;
      throw failure('NotPropagated', message, { ...aws, operation: create.operation, calls: work.calls });
    }
    if (attempt > 1 && kind.secret?.listCandidates !== undefined) {
      // The read before the Create was behind: what it did not show may be the orphan of an earlier attempt.
      const claimed = await secrets.removeOrphans();
      if (claimed !== null) return refuse(claimed, SEVERAL_ORPHANS_REMEDY, [conflict]);
      if ((await look(account, entity)) === undefined) {
        throw new OperationError(
          create.operation,
          lateError('ConcurrentModification', 'an orphan was removed just now'),
        );
      }
    }
    const resolved = resolveExisting(observed, [conflict]);
    if (resolved.confirmedBy === null) await secrets.clearGeneratedSecret();
    return resolved;
  }
}

/** Whether AWS's reply to a Create says all that there is to know of the entity. */
function completesAtOnce(kind: Kind): boolean {
  return kind.secret === undefined && kind.tagsAfterCreate !== true && kind.hasAwsAssignedId !== true;
}

/**
 * Sends what a Create could not carry in the same step: one step the less for each entity. What fails here, if only
 * because AWS does not know of the Create everywhere yet, is left to the update step, which repeats it and says why.
 */
async function completed(
  account: Account,
  request: ReconcileRequest,
  created: Observed,
  assessment: Assessment,
  work: ActivityContext,
): Promise<boolean> {
  if (Object.keys(assessment.changes).length === 0) return true;
  if (!completesAtOnce(kindOf(request.entity))) return false;
  try {
    await sendChanges(account, request, created, assessment, work);
    return true;
  } catch {
    return false;
  }
}

/** Reads, decides again, and writes what differs. */
export async function updateEntity(
  account: Account,
  request: UpdateRequest,
  work: ActivityContext,
): Promise<ReconcileStepResult> {
  const { entity } = request;
  const kind = kindOf(entity);
  const spec = specOf(request);
  const fresh = request.fresh && completesAtOnce(kind) && activityInfo().attempt === 1;
  // What was made a moment ago is looked for by later attempts.
  const read = request.made ? look : lookAgain;
  const observed = fresh
    ? kind.observedAfterCreate(desiredAtCreate(kind, spec, request), undefined)
    : await read(account, entity, work);
  const assessment = assess(kind, entity, spec, observed, { ...contextOf(request), made: request.made });
  const result = stepResultFor(work);
  const arn = observed?.arn ?? kind.arnOf(entity.spec, request.target);
  if (observed === undefined && request.made) {
    // Created a moment ago, and this replica does not know it yet.
    throw notShownYet();
  }
  if (observed !== undefined && writes(assessment.decision)) {
    await sendChanges(account, request, observed, assessment, work);
  }
  return result({ arn, decision: decisionAcrossAttempts(request, assessment.decision, work), writes: writesOf(work) });
}

/** Writes what differs. */
async function sendChanges(
  account: Account,
  request: ReconcileRequest,
  observed: Observed,
  { changes, tags }: Assessment,
  work: ActivityContext,
): Promise<void> {
  const { entity, target } = request;
  const desired = desiredOf(entity, specOf(request), tags, target);
  await sendAll(account, kindOf(entity).update(desired, observed, changes), work);
}

/**
 * Reads what the plan has seen. A replica that is behind may not know it yet, and what is not there would count as gone,
 * or as somebody else's when it shows: so it is looked for again, unless this step has deleted it by itself.
 */
async function lookAgain(
  account: Account,
  entity: DesiredEntity,
  work: ActivityContext,
): Promise<Observed | undefined> {
  const deletes = `Delete${entity.kind}`;
  const find = (): Promise<Observed | undefined> => look(account, entity);
  if (work.sent.some(({ operation }) => operation === deletes)) return find();
  return untilShown(find, sleep, HIDDEN_WINDOW_MS);
}

/** Reads, decides again, and removes the entity with what it holds: to be gone, or to be created anew. */
export async function deleteEntity(
  account: Account,
  request: ReconcileRequest,
  work: ActivityContext,
): Promise<ReconcileStepResult> {
  const { entity } = request;
  const kind = kindOf(entity);
  const spec = specOf(request);
  const observed = await lookAgain(account, entity, work);
  const assessment = assess(kind, entity, spec, observed, contextOf(request));
  const result = stepResultFor(work);
  const arn = observed?.arn ?? kind.arnOf(entity.spec, request.target);
  const { action } = assessment.decision;
  if (observed !== undefined && (action === 'delete' || action === 'replace')) {
    const desired = desiredOf(entity, spec, assessment.tags, request.target);
    const steps = await stepsOfDeletion(account, kind, desired, observed, assessment);
    const detachments = isWithdrawal(kind, assessment)
      ? []
      : await detachmentsOf(account, kind, observed, request, action === 'replace');
    await sendAll(account, [...detachments, ...steps], work);
  }
  return result({ arn, decision: decisionAcrossAttempts(request, assessment.decision, work), writes: writesOf(work) });
}

/**
 * What takes an entity off those that hold on to it: for a replacement, off those that are put back on it later.
 * Anything else that holds it would make AWS refuse at the very end, when all that it holds is gone: so nothing is
 * written. A holder that was removed a moment ago may still show; the step is repeated for a while.
 */
async function detachmentsOf(
  account: Account,
  kind: Kind,
  observed: Observed,
  { detachable = [] }: ReconcileRequest,
  replacing: boolean,
): Promise<readonly Write[]> {
  const holders = (await kind.listDependents?.(account.clients.reader, observed)) ?? [];
  const detachments: Write[] = [];
  const left: string[] = [];
  for (const holder of holders) {
    const known = detachable.some((id) => id.toLowerCase() === entityId(holder).toLowerCase());
    if (replacing && known && holder.detach !== null) detachments.push(holder.detach);
    else left.push(entityId(holder));
  }
  if (left.length > 0) {
    const message = `${left.join(', ')} ${left.length === 1 ? 'holds' : 'hold'} on to it`;
    throw new OperationError('DeleteEntity', lateError('DeleteConflict', message));
  }
  return detachments;
}

/**
 * The decision over all attempts: what needs nothing any more, and needed something when the first attempt began, was
 * written by an earlier one whose end nobody heard of. So is what was there to be replaced, and is gone.
 */
function decisionAcrossAttempts({ action }: ReconcileRequest, decision: Decision, work: ActivityContext): Decision {
  const nothingSent = work.isComplete && work.sent.length === 0;
  if (activityInfo().attempt === 1 || nothingSent) return decision;
  const written = decision.action === 'no-op' && writes({ ...decision, action });
  const gone = decision.action === 'create' && action === 'replace';
  return written || gone ? { ...decision, action } : decision;
}

/** Whether others declare the entity, too: it is not deleted then, and only our part of it is taken back. */
export function isWithdrawal(kind: Kind, { others }: Assessment): boolean {
  return kind.share !== undefined && others.length > 0;
}

/** The writes that delete an entity with what it holds, or take back our part of it. */
export async function stepsOfDeletion(
  account: Account,
  kind: Kind,
  desired: Desired,
  observed: Observed,
  assessment: Assessment,
): Promise<readonly Write[]> {
  return isWithdrawal(kind, assessment) && kind.share !== undefined
    ? kind.share.withdraw(desired, observed, assessment.others)
    : kind.delete(account.clients.reader, observed);
}

/** What a kind is to write for. */
export function desiredOf(
  entity: DesiredEntity,
  spec: JsonObject,
  tags: Readonly<Record<string, string>>,
  target: Target,
): Desired {
  return { name: entity.name, spec, tags, target, shared: entity.shared };
}

/** What a Create asks for: the declared tags, and our marks where the kind can carry them. */
function desiredAtCreate(
  kind: Kind,
  spec: JsonObject,
  { entity, namespace, intent, target }: ReconcileRequest,
): Desired {
  if (kind.tagsAfterCreate === true) return desiredOf(entity, spec, {}, target);
  const claim = kind.share?.claim?.(spec);
  const marks = kind.ownable ? ownershipTagsForCreate(namespace, intent, entity.shared, claim) : {};
  return desiredOf(entity, spec, { ...declaredTags(spec), ...marks }, target);
}

function contextOf({ namespace, target, intent }: ReconcileRequest): DecisionContext {
  return { namespace, partition: target.partition, intent };
}

function writes({ action }: Decision): boolean {
  return ['update', 'adopt', 'release', 'delete', 'replace'].includes(action);
}

/** References are of what is needed: an entity that goes needs nothing. */
function specOf({ entity, arns }: ReconcileRequest): JsonObject {
  return entity.state === 'present' ? resolveReferences(entity.spec, arns) : entity.spec;
}

type Done = Pick<ReconcileStepResult, 'arn' | 'decision'> & Partial<ReconcileStepResult>;

function stepResultFor({ calls }: ActivityContext): (done: Done) => ReconcileStepResult {
  return (done) => ({
    confirmedBy: null,
    writes: [],
    conflicts: [],
    remaining: false,
    attempt: activityInfo().attempt,
    calls,
    ...done,
  });
}
