import { activityInfo, sleep } from '@temporalio/activity';
import { awsError } from '../aws/errors.js';
import { PROPAGATION_WINDOW_MS, untilShown } from '../aws/propagation.js';
import { entityKey } from '../contract/entity.js';
import type { DesiredEntity, JsonObject, Target } from '../contract/entity.js';
import type { ReconcileRequest } from '../contract/messages.js';
import type { Decision } from '../contract/report.js';
import type { StepResult, UpdateRequest } from '../contract/steps.js';
import { assess, declaredTags } from '../engine/decide.js';
import type { Assessment, DecisionContext } from '../engine/decide.js';
import { Mark, marksOfCreate } from '../engine/ownership.js';
import { resolveReferences } from '../engine/references.js';
import type { Desired, Kind, Observed, Step } from '../kinds/kind.js';
import type { Account } from './accounts.js';
import { failure, OperationError } from './failures.js';
import { kindOf, look, observe } from './observe.js';
import { send, sendAll } from './send.js';
import { writesOf } from './work.js';
import type { Work } from './work.js';

/** Clocks of AWS and of the worker may differ by so much, and AWS counts whole seconds. In milliseconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/** Creates, or finds out what is there instead. */
export async function createEntity(account: Account, request: ReconcileRequest, work: Work): Promise<StepResult> {
  const { attempt, scheduledTimestampMs } = activityInfo();
  const { entity, intent } = request;
  const kind = kindOf(entity);
  const spec = resolveReferences(entity.spec, request.arns);
  const desired = desiredAtCreate(kind, spec, request);
  const result = resultIn(work);

  /** What is there was not there when the plan looked: by our own Create with a lost reply, or by somebody else's. */
  const resolveExisting = (observed: Observed, conflicts: StepResult['conflicts']): StepResult => {
    const assessment = assess(kind, entity, spec, observed, contextOf(request));
    const remaining = Object.keys(assessment.changes).length > 0;
    const byTag = kind.ownable && observed.tags[Mark.Intent] === intent;
    const createdMs = observed.createdAt === null ? Number.NaN : Date.parse(observed.createdAt);
    const byAttempt = !kind.ownable && attempt > 1 && createdMs >= scheduledTimestampMs - CLOCK_TOLERANCE_MS;
    if (byTag || byAttempt) {
      const confirmedBy = byTag ? 'intent-tag' : 'recorded-attempt';
      const decision: Decision = { ...assessment.decision, action: 'create', drift: [] };
      const write = {
        operation: kind.create(desired).operation,
        requestId: null,
        at: observed.createdAt ?? new Date().toISOString(),
      };
      return result({ arn: observed.arn, decision, confirmedBy, writes: [write], conflicts, remaining });
    }
    const { decision } = assessment;
    const made = decision.action === 'update' || decision.action === 'no-op';
    return result({
      arn: observed.arn,
      // It appeared under our hands and shows no owner: whoever made it, this run did not.
      decision: !kind.ownable && made ? { ...decision, action: 'adopt' } : decision,
      confirmedBy: !kind.ownable && attempt > 1 && Number.isNaN(createdMs) ? 'unconfirmed' : null,
      conflicts,
      remaining: remaining && decision.action !== 'refuse',
    });
  };

  if (attempt > 1 || request.readFirst) {
    const observed = await look(account, entity);
    if (observed !== undefined) return resolveExisting(observed, []);
  }
  const create = kind.create(desired);
  try {
    const { write, output } = await send(account, create, work);
    const created = kind.created(desired, output);
    const { changes } = assess(kind, entity, spec, created, contextOf(request));
    return result({
      arn: created.arn,
      decision: { action: 'create', drift: [], undeclared: [], reason: null, remedy: null },
      confirmedBy: 'reply',
      writes: write === null ? [] : [write],
      remaining: Object.keys(changes).length > 0,
    });
  } catch (error) {
    const aws = awsError(error instanceof OperationError ? error.cause : error);
    if (!kind.isAlreadyExists(aws)) throw error;
    // A name in another case answers to no Get, and a policy under another path has another ARN: the listings tell.
    const find = async (): Promise<Observed | undefined> =>
      (await look(account, entity)) ?? (await observe(account, [entity])).get(entityKey(entity));
    const observed = await untilShown(find, sleep);
    if (observed === undefined) {
      const seconds = String(PROPAGATION_WINDOW_MS / 1000);
      const message = `${create.operation} answered ${aws.code}, and no read has shown the entity for ${seconds} s`;
      throw failure('NotPropagated', message, { operation: create.operation, ...aws, calls: work.calls });
    }
    return resolveExisting(observed, [{ operation: create.operation, code: aws.code, requestId: aws.requestId }]);
  }
}

/** Reads, decides again, and writes what differs. */
export async function updateEntity(account: Account, request: UpdateRequest, work: Work): Promise<StepResult> {
  const { entity } = request;
  const kind = kindOf(entity);
  const spec = resolveReferences(entity.spec, request.arns);
  // What AWS alone knows of a new entity is not known here.
  const shown = kind.secret === undefined && kind.taggedLater !== true;
  const fresh = request.fresh && shown && activityInfo().attempt === 1;
  const observed = fresh ? kind.created(desiredAtCreate(kind, spec, request), undefined) : await look(account, entity);
  const assessment = assess(kind, entity, spec, observed, contextOf(request));
  const result = resultIn(work);
  const arn = observed?.arn ?? kind.arnOf(entity.spec, request.target);
  if (observed === undefined && request.made) {
    // Created a moment ago, and this replica does not know it yet.
    throw new OperationError('GetEntity', { Code: 'NoSuchEntity', message: 'just created and not shown yet' });
  }
  if (observed !== undefined && writes(assessment.decision)) {
    const desired = desiredOf(entity, spec, assessment.tags, request.target);
    await sendAll(account, kind.update(desired, observed, assessment.changes), work);
  }
  return result({ arn, decision: decisionOver(request, assessment.decision), writes: writesOf(work) });
}

/** Reads, decides again, and removes the entity with what it holds. */
export async function deleteEntity(account: Account, request: ReconcileRequest, work: Work): Promise<StepResult> {
  const { entity } = request;
  const kind = kindOf(entity);
  const observed = await look(account, entity);
  const assessment = assess(kind, entity, entity.spec, observed, contextOf(request));
  const result = resultIn(work);
  const arn = observed?.arn ?? kind.arnOf(entity.spec, request.target);
  if (observed !== undefined && writes(assessment.decision)) {
    const desired = desiredOf(entity, entity.spec, assessment.tags, request.target);
    await sendAll(account, await stepsOfDeletion(account, kind, desired, observed, assessment), work);
  }
  return result({ arn, decision: decisionOver(request, assessment.decision), writes: writesOf(work) });
}

/**
 * The decision over all attempts: what needs nothing any more, and needed something when the first attempt began, was
 * written by an earlier one whose end nobody heard of.
 */
function decisionOver({ action }: ReconcileRequest, decision: Decision): Decision {
  const again = activityInfo().attempt > 1 && decision.action === 'no-op';
  return again && writes({ ...decision, action }) ? { ...decision, action } : decision;
}

/** What others declare too is not deleted: only our part of it is taken back. */
async function stepsOfDeletion(
  account: Account,
  kind: Kind,
  desired: Desired,
  observed: Observed,
  { others }: Assessment,
): Promise<readonly Step[]> {
  const adopted = observed.tags[Mark.Origin] === 'adopted';
  if (kind.share !== undefined && desired.shared && (others.length > 0 || adopted)) {
    return kind.share.withdraw(desired, observed, others);
  }
  return kind.deletion(account.clients.reader, observed);
}

function desiredOf(
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
  const marks = kind.ownable ? marksOfCreate(namespace, intent, entity.shared) : {};
  return desiredOf(entity, spec, { ...declaredTags(spec), ...marks }, target);
}

function contextOf({ namespace, target, intent }: ReconcileRequest): DecisionContext {
  return { namespace, partition: target.partition, intent };
}

function writes({ action }: Decision): boolean {
  return action === 'update' || action === 'adopt' || action === 'delete';
}

type Done = Pick<StepResult, 'arn' | 'decision'> & Partial<StepResult>;

function resultIn({ calls }: Work): (done: Done) => StepResult {
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
