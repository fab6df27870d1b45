import { activityInfo, log, sleep } from '@temporalio/activity';
import { failureTypeOf, lateError, type AwsError } from '../../aws/errors.js';
import { untilShown } from '../../aws/propagation.js';
import type { CreateRequest, Listing, ReconcileActivityResult } from '../../contract/activities.js';
import { entityId } from '../../contract/entity.js';
import type { ReconcileRequest } from '../../contract/request.js';
import { assess } from '../../engine/decide.js';
import { mayShowLater, resolveConflict, type ConflictFacts } from '../../engine/resolve-conflict.js';
import type { Observed } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import type { ActivityContext } from '../runtime/activity-context.js';
import { awsAnswer, notShownYet, OperationError } from '../runtime/failures.js';
import { kindOf, observeEntity, observeUnderAnyName } from '../runtime/observe.js';
import { describeWrite, send } from '../runtime/send-writes.js';
import { decisionContext, desiredAtCreate, isKnownAtCreate, resolvedSpec } from './desired-state.js';
import { refused, resultOf, type Creation } from './creation.js';
import { EntitySecrets, SEVERAL_ORPHANS_REMEDY } from './secrets.js';
import { refusalOfCreate } from './plan-check.js';
import { buildActivityResult } from './activity-result.js';
import { sendChanges } from './update.js';

/** Lists what Creates like this one have made, before the first Create of this run. */
export async function listCandidates(
  account: Account,
  request: ReconcileRequest,
  context: ActivityContext,
): Promise<Listing> {
  const kind = kindOf(request.entity);
  const desired = desiredAtCreate(kind, resolvedSpec(request.entity, request.arns), request);
  const candidates = (await kind.secret?.listCandidates?.(account.clients.reader, desired)) ?? [];
  return { known: candidates.map(({ id }) => id), calls: context.calls };
}

/**
 * Creates the entity exactly once, or resolves what exists instead. Temporal repeats the activity; the protocol makes
 * each repeat safe:
 *
 * 1. The plan has looked for the entity. Where the plan may be outdated, it is looked for again before the Create.
 * 2. The Create carries the ownership tags and the intent tag of the run, and is sent once.
 * 3. AWS accepts it: the entity is created.
 * 4. AWS answers "already exists": the entity is read until it shows, and `resolveConflict` tells what it means.
 * 5. AWS's answer is unclear: the attempt fails, and the next one looks for the entity first.
 * 6. AWS guards nothing by a name: orphans of lost replies are found by a listing and removed before the Create.
 * 7. The entity carries no tags: the recorded Create of an earlier attempt stands in for the tag, and the creation date,
 *    which is compared with AWS's own clock only.
 */
export async function createEntity(
  account: Account,
  request: CreateRequest,
  context: ActivityContext,
): Promise<ReconcileActivityResult> {
  context.awsStartedAt ??= await awsTime(account);
  const creation = prepareCreation(account, request, context);
  const refusal = refusalOfCreate(request);
  if (refusal !== undefined) return refused(creation, refusal, undefined, null);
  return (
    (await removeOrphansOfEarlierAttempts(creation, null)) ?? // 6
    (await resolveBeforeCreate(creation)) ?? // 1 and 5
    (await reserveSecret(creation)) ?? // 6
    (await sendCreate(creation)) // 2, then 3, 4 or 5
  );
}

/** Returns the time by AWS's clock. A worker that has not called AWS yet asks STS, as it does before each write anyway. */
async function awsTime({ clients, guard }: Account): Promise<number | null> {
  if (clients.now() === null) await guard.ensure();
  return clients.now();
}

function prepareCreation(account: Account, request: CreateRequest, context: ActivityContext): Creation {
  const kind = kindOf(request.entity);
  const spec = resolvedSpec(request.entity, request.arns);
  const desired = desiredAtCreate(kind, spec, request);
  const create = kind.create(desired);
  const isRecorded = context.sent.some(({ operation }) => operation === create.operation);
  const earlierCreate = isRecorded ? 'recorded' : context.isComplete ? 'none' : 'possible'; // 7
  const secrets = new EntitySecrets(account, kind, desired, request, context);
  const { attempt } = activityInfo();
  context.progress = { ...context.progress, remaining: [describeWrite(create)] };
  return { account, request, context, attempt, kind, spec, desired, create, secrets, earlierCreate };
}

/** Removes what an earlier attempt created with a lost reply. Refuses where it cannot be told which entity that is. */
async function removeOrphansOfEarlierAttempts(
  creation: Creation,
  conflict: AwsError | null,
): Promise<ReconcileActivityResult | null> {
  if (creation.attempt === 1) return null;
  const reason = await creation.secrets.removeOrphans();
  if (reason === null) return null;
  const decision = { action: 'refuse', drift: [], unmanaged: [], reason, remedy: SEVERAL_ORPHANS_REMEDY } as const;
  return refused(creation, decision, undefined, conflict);
}

/** Looks for the entity where the plan may be outdated, or where a Create would overwrite it without an error. */
async function resolveBeforeCreate(creation: Creation): Promise<ReconcileActivityResult | null> {
  const { account, request, attempt, kind } = creation;
  // A bulk read that is behind may have hidden what is to be renamed.
  const mayHaveOldName = kind.renaming === 'call' && request.entity.renamedFrom !== undefined;
  if (attempt === 1 && !request.readFirst && kind.createOverwrites !== true && !mayHaveOldName) return null;
  const observed = await observeEntity(account, request.entity);
  return observed === undefined ? null : resolveExisting(creation, observed, null);
}

/** Reserves the location of the secret. Resolves the entity where the location already holds its secret. */
async function reserveSecret(creation: Creation): Promise<ReconcileActivityResult | null> {
  if (await creation.secrets.reserve()) return null;
  const observed = await observeEntity(creation.account, creation.request.entity);
  if (observed === undefined) throw notShownYet();
  return resolveExisting(creation, observed, null);
}

/** Sends the Create, and goes on by AWS's answer. */
async function sendCreate(creation: Creation): Promise<ReconcileActivityResult> {
  const { account, context, kind, create } = creation;
  context.guard.assertEntity(null);
  let output: unknown;
  try {
    output = await send(account, create, context);
    context.progress = { ...context.progress, remaining: [] };
  } catch (error) {
    const aws = awsAnswer(error);
    const waiting = orphanInQuota(creation, aws);
    if (waiting === null && kind.isAlreadyExistsError(aws)) return resolveAlreadyExists(creation, aws);
    throw waiting ?? error;
  }
  return completeCreated(creation, output);
}

/** Stores the secret of the new entity, and sends what the Create could not carry. */
async function completeCreated(creation: Creation, output: unknown): Promise<ReconcileActivityResult> {
  const { context, kind, desired, secrets } = creation;
  await secrets.storeRevealed(output);
  // A replica that was behind may have hidden an orphan before the Create.
  const refusal = await removeOrphansOfEarlierAttempts(creation, null);
  if (refusal !== null) return refusal;
  const created = kind.observedAfterCreate(desired, output);
  const remaining = !(await hasSentRest(creation, created));
  return buildActivityResult(context, {
    arn: created.arn,
    decision: { action: 'create', drift: [], unmanaged: [], reason: null, remedy: null },
    confirmedBy: 'reply',
    remaining,
  });
}

/**
 * Sends what the Create could not carry within the same activity, which saves one activity for each entity. A failure
 * here, mostly because a replica does not know the new entity yet, is left to the update activity.
 */
async function hasSentRest({ account, request, context, kind, spec }: Creation, created: Observed): Promise<boolean> {
  const { entity } = request;
  const assessment = assess(kind, entity, spec, created, { ...decisionContext(request), made: true });
  if (Object.keys(assessment.changes).length === 0) return true;
  if (!isKnownAtCreate(kind)) return false;
  try {
    await sendChanges(account, request, created, assessment, context);
    return true;
  } catch (error) {
    log.info(`completing ${entityId(entity)} is left to the update activity`, { code: awsAnswer(error).code });
    return false;
  }
}

/** Reads what AWS says exists until it shows, and resolves it. */
async function resolveAlreadyExists(creation: Creation, conflict: AwsError): Promise<ReconcileActivityResult> {
  const { account, request, attempt, kind, create, secrets } = creation;
  const find = (): Promise<Observed | undefined> => observeUnderAnyName(account, request.entity);
  const observed = mayShowLater(kind, attempt) ? await untilShown(find, sleep) : await find();
  const facts = conflictFacts(creation, observed);
  let resolution = resolveConflict({ ...facts, orphansChecked: false });
  if (resolution.is === 'possible-orphan') {
    // The read before the Create was behind, and the entity may be the orphan of an earlier attempt.
    const refusal = await removeOrphansOfEarlierAttempts(creation, conflict);
    if (refusal !== null) return refusal;
    if ((await observeEntity(account, request.entity)) === undefined) {
      const error = lateError('ConcurrentModification', 'an orphan of an earlier attempt was just removed');
      throw new OperationError(create.operation, error);
    }
    resolution = resolveConflict(facts);
  }
  const result = resultOf(creation, resolution, observed, conflict);
  if (result.confirmedBy === null && observed !== undefined) await secrets.clearGeneratedSecret();
  return result;
}

/** Resolves an entity that a read has shown. */
function resolveExisting(creation: Creation, observed: Observed, conflict: AwsError | null): ReconcileActivityResult {
  return resultOf(creation, resolveConflict(conflictFacts(creation, observed)), observed, conflict);
}

function conflictFacts(creation: Creation, observed: Observed | undefined): ConflictFacts {
  const { request, attempt, context, kind: rules, spec, earlierCreate } = creation;
  return {
    rules,
    entity: request.entity,
    spec,
    context: decisionContext(request),
    observed,
    attempt,
    startedAtMs: context.awsStartedAt,
    earlierCreate,
    orphansChecked: true,
  };
}

/** Returns the error by which the activity waits for an orphan that uses up the quota and does not show yet, or null. */
function orphanInQuota({ attempt, kind, create }: Creation, aws: AwsError): OperationError | null {
  if (attempt === 1 || kind.secret?.listCandidates === undefined || failureTypeOf(aws) !== 'QuotaExceeded') return null;
  const message = `${aws.message}; an orphan of an earlier attempt may use up the quota and does not show yet`;
  return new OperationError(create.operation, lateError('NoSuchEntity', message));
}
