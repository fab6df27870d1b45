import { createHash } from 'node:crypto';
import { activityInfo, cancellationSignal, heartbeat, sleep } from '@temporalio/activity';
import { countingCalls } from '../aws/clients.js';
import { awsError, failureTypeOf } from '../aws/errors.js';
import type { AwsError } from '../aws/errors.js';
import { takeSnapshot } from '../aws/inventory.js';
import type { DetailType } from '../aws/inventory.js';
import { pauseAfter, PROPAGATION_WINDOW_MS, untilShown } from '../aws/propagation.js';
import { entityId, entityKey, normalizeName } from '../contract/entity.js';
import type { DesiredEntity, JsonObject, Target } from '../contract/entity.js';
import { entityWorkflowId } from '../contract/messages.js';
import type { BootstrapRequest, ReconcileRequest } from '../contract/messages.js';
import type { Decision, Write } from '../contract/report.js';
import type { Activities, Plan, PlannedEntity, StepResult, UpdateRequest, VerifyResult } from '../contract/steps.js';
import { assess, declaredTags } from '../engine/decide.js';
import type { Assessment } from '../engine/decide.js';
import { Mark, marksOfCreate } from '../engine/ownership.js';
import { resolveReferences } from '../engine/references.js';
import { checkRequest } from '../engine/request.js';
import { findKind, KINDS } from '../kinds/index.js';
import type { Desired, Kind, Observed, Step } from '../kinds/kind.js';
import type { Account, Accounts } from './accounts.js';
import { failure, OperationError, toFailure } from './failures.js';

/** How often an activity tells Temporal that it lives, in milliseconds. */
const HEARTBEAT_MS = 1_500;

/** Repeats of a throttled write inside one attempt; a throttled call was not carried out. */
const THROTTLE_REPEATS = 5;

/** Clocks of AWS and of the worker may differ by so much, and AWS counts whole seconds. In milliseconds. */
const CLOCK_TOLERANCE_MS = 2_000;

type Calls = Record<string, number>;

/** A write that was sent. Its request ID is null until AWS has answered, and stays so where the reply is lost. */
interface SentWrite extends Write {
  requestId: string | null;
  /** Tells the same write, sent again. */
  readonly digest: string;
}

/** What an activity has done, earlier attempts included: heartbeats carry it from one to the next. */
interface Work {
  readonly calls: Calls;
  readonly sent: SentWrite[];
}

/** The activities of a worker. Each finds the kind, runs one step and translates errors. */
export function createActivities({ accounts }: { readonly accounts: Accounts }): Activities {
  return {
    planEntities: (request) => step(({ calls }) => planEntities(accounts, request, calls)),
    createEntity: (request) => step((work) => createEntity(accounts.get(request.target), request, work)),
    updateEntity: (request) => step((work) => updateEntity(accounts.get(request.target), request, work)),
    deleteEntity: (request) => step((work) => deleteEntity(accounts.get(request.target), request, work)),
    verifyEntities: (request) =>
      step(async ({ calls }): Promise<VerifyResult> => {
        const { target, namespace } = request.request;
        const differing = await untilSame(accounts.get(target), request.entities, request.arns, namespace);
        return { differing, calls };
      }),
  };
}

/** Runs an activity's work with heartbeats and call counts, and translates what it throws. */
async function step<T>(run: (work: Work) => Promise<T>): Promise<T> {
  const info = activityInfo();
  const { attempt, scheduledTimestampMs } = info;
  const earlier = info.heartbeatDetails as Work | undefined;
  const work: Work = { calls: { ...earlier?.calls }, sent: [...(earlier?.sent ?? [])] };
  const beat = setInterval(() => {
    heartbeat(work);
  }, HEARTBEAT_MS);
  try {
    return await countingCalls(work.calls, () => run(work));
  } catch (error) {
    heartbeat(work);
    throw toFailure(error, { attempt, elapsedMs: Date.now() - scheduledTimestampMs, calls: work.calls });
  } finally {
    clearInterval(beat);
  }
}

async function planEntities(accounts: Accounts, request: BootstrapRequest, calls: Calls): Promise<Plan> {
  const problem = checkRequest(request, KINDS);
  if (problem !== null) throw failure('InvalidManifest', problem, { calls });
  const account = accounts.get(request.target);
  await account.guard.verify();

  const observed = await observe(account, request.entities);
  const arns: Record<string, string> = {};
  for (const entity of request.entities) {
    const kind = kindOf(entity);
    // A declared path is the path that it will have; without one, the entity stays where it is.
    const seen = entity.spec['path'] === undefined ? observed.get(entityKey(entity))?.arn : undefined;
    arns[entityId(entity)] = seen ?? kind.arnOf(entity.spec, request.target);
  }
  const context = {
    namespace: request.namespace,
    partition: request.target.partition,
    intent: activityInfo().workflowExecution?.runId ?? '',
  };
  const positions = new Map(request.entities.map((entity, index) => [entityKey(entity), index]));
  const entities = request.entities.map((entity): PlannedEntity => {
    const spec = resolveReferences(entity.spec, arns);
    const { decision } = assess(kindOf(entity), entity, spec, observed.get(entityKey(entity)), context);
    return {
      kind: entity.kind,
      name: entity.name,
      arn: arns[entityId(entity)] ?? '',
      decision,
      workflowId: entityWorkflowId(request.target.account, entity, sha256),
      after: entity.dependsOn.flatMap((id) => {
        const [kind = '', ...name] = id.split('/');
        return positions.get(entityKey({ kind, name: name.join('/') })) ?? [];
      }),
    };
  });
  return { entities: holdersFirst(entities), calls };
}

/** An entity is deleted after everything that may hold on to it has been written. */
function holdersFirst(entities: readonly PlannedEntity[]): PlannedEntity[] {
  return entities.map((entity) => {
    if (entity.decision.action !== 'delete') return entity;
    const holders = entities.flatMap((other, index) =>
      other !== entity && other.decision.action !== 'no-op' && kindOf(other).holds.includes(entity.kind) ? [index] : [],
    );
    return { ...entity, after: [...new Set([...entity.after, ...holders])] };
  });
}

async function createEntity(account: Account, request: ReconcileRequest, work: Work): Promise<StepResult> {
  const { attempt, scheduledTimestampMs } = activityInfo();
  const { entity, namespace, intent } = request;
  const kind = kindOf(entity);
  const spec = resolveReferences(entity.spec, request.arns);
  const marks = kind.ownable ? marksOfCreate(namespace, intent, entity.shared) : {};
  const desired = desiredOf(entity, spec, { ...declaredTags(spec), ...marks }, request.target);
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
      const write = { operation: kind.create(desired).operation, requestId: null, at: observed.createdAt ?? now() };
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
    const write = await send(account, create, work);
    const created = kind.created(desired);
    const { changes } = assess(kind, entity, spec, created, contextOf(request));
    return result({
      arn: created.arn,
      decision: { action: 'create', drift: [], undeclared: [], reason: null, remedy: null },
      confirmedBy: 'reply',
      writes: write,
      remaining: Object.keys(changes).length > 0,
    });
  } catch (error) {
    const aws = causeOf(error);
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

async function updateEntity(account: Account, request: UpdateRequest, work: Work): Promise<StepResult> {
  const { entity, namespace, intent } = request;
  const kind = kindOf(entity);
  const spec = resolveReferences(entity.spec, request.arns);
  const fresh = request.fresh && activityInfo().attempt === 1;
  const observed = fresh
    ? kind.created(
        desiredOf(
          entity,
          spec,
          { ...declaredTags(spec), ...marksOfCreate(namespace, intent, entity.shared) },
          request.target,
        ),
      )
    : await look(account, entity);
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

async function deleteEntity(account: Account, request: ReconcileRequest, work: Work): Promise<StepResult> {
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

/** Compares until nothing differs or the propagation window ends; what differs then is the answer. */
async function untilSame(
  account: Account,
  entities: readonly DesiredEntity[],
  arns: Readonly<Record<string, string>>,
  namespace: string,
): Promise<VerifyResult['differing']> {
  let differing: VerifyResult['differing'] = [];
  let left = entities.map((entity, index) => ({ entity, index }));
  await untilShown(async () => {
    const observed = await observe(
      account,
      left.map(({ entity }) => entity),
    );
    const context = { namespace, partition: account.target.partition, intent: '' };
    differing = left.flatMap(({ entity, index }) => {
      const spec = resolveReferences(entity.spec, arns);
      // Whose it is was decided when it was written; only a difference counts here.
      const taken = { ...entity, adopt: 'foreign' as const };
      const { decision } = assess(kindOf(entity), taken, spec, observed.get(entityKey(entity)), context);
      return decision.action === 'no-op' ? [] : [{ index, decision }];
    });
    const indexes = new Set(differing.map(({ index }) => index));
    left = left.filter(({ index }) => indexes.has(index));
    return left.length === 0 ? true : undefined;
  }, sleep);
  return differing;
}

/** Reads many entities the way that costs fewer calls. Keys are {@link entityKey}. */
async function observe(account: Account, entities: readonly DesiredEntity[]): Promise<ReadonlyMap<string, Observed>> {
  const { reader } = account.clients;
  const kinds = [...new Set(entities.map(kindOf))];
  const snapshot = takeSnapshot({
    reader,
    types: new Set(kinds.map(({ details }) => details).filter((type): type is DetailType => type !== null)),
    budget: entities.reduce((sum, entity) => sum + kindOf(entity).readCost, 0),
  });
  const all = await Promise.all(
    kinds.map(async (kind) => {
      const wanted = entities.filter((entity) => entity.kind === kind.name);
      const many = await kind.readMany(snapshot, wanted, account.target);
      if (many !== undefined) return [...many].map(([name, one]) => [`${kind.name}/${name}`, one] as const);
      const singles = await Promise.all(
        wanted.map(async ({ name }) => [name, await kind.read(reader, name, account.target)] as const),
      );
      return singles.flatMap(([name, one]) =>
        one === undefined ? [] : [[`${kind.name}/${normalizeName(name)}`, one] as const],
      );
    }),
  );
  return new Map(all.flat());
}

/** Reads one entity by its name. */
async function look(account: Account, entity: DesiredEntity): Promise<Observed | undefined> {
  return kindOf(entity).read(account.clients.reader, entity.name, account.target);
}

async function sendAll(account: Account, steps: readonly Step[], work: Work): Promise<void> {
  for (const one of steps) await send(account, one, work);
}

/** Sends one write, once the account is verified. Nothing is sent after the activity was given up. */
async function send(account: Account, { operation, input, isDone }: Step, work: Work): Promise<Write[]> {
  const digest = sha256(JSON.stringify([operation, input]));
  for (let repeat = 1; ; repeat += 1) {
    await account.guard.ensure();
    cancellationSignal().throwIfAborted();
    forget(work, digest);
    const write: SentWrite = { operation, requestId: null, at: now(), digest };
    work.sent.push(write);
    heartbeat(work);
    try {
      const { requestId } = await account.clients.write(operation, input);
      write.requestId = requestId;
      heartbeat(work);
      return [{ operation, requestId, at: write.at }];
    } catch (error) {
      const aws = awsError(error);
      if (!aws.unclear) forget(work, digest);
      if (isDone?.(aws) === true) return [];
      if (failureTypeOf(aws) !== 'Throttled' || repeat > THROTTLE_REPEATS) throw new OperationError(operation, error);
      await sleep(pauseAfter(repeat) * (0.5 + Math.random()));
    }
  }
}

/** Takes back that a write was sent: AWS has refused it, or it is about to be sent again. */
function forget({ sent }: Work, digest: string): void {
  const index = sent.findIndex((write) => write.digest === digest && write.requestId === null);
  if (index !== -1) sent.splice(index, 1);
}

/** The writes of all attempts, as far as they are known. */
function writesOf({ sent }: Work): Write[] {
  return sent.map(({ operation, requestId, at }) => ({ operation, requestId, at }));
}

function causeOf(error: unknown): AwsError {
  return awsError(error instanceof OperationError ? error.cause : error);
}

function kindOf(entity: { readonly kind: string; readonly name: string }): Kind {
  const kind = findKind(entity.kind);
  if (kind === undefined) {
    throw failure('InvalidManifest', `${entityId(entity)}: this worker knows no kind ${entity.kind}`, {});
  }
  return kind;
}

function desiredOf(
  entity: DesiredEntity,
  spec: JsonObject,
  tags: Readonly<Record<string, string>>,
  target: Target,
): Desired {
  return { name: entity.name, spec, tags, target, shared: entity.shared };
}

function contextOf({ namespace, target, intent }: ReconcileRequest): {
  namespace: string;
  partition: string;
  intent: string;
} {
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

function now(): string {
  return new Date().toISOString();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
