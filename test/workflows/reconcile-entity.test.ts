import { WorkflowFailedError, type WorkflowHandleWithStartDetails } from '@temporalio/client';
import { cancelled, heartbeat } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { recordDecision, recordWrite, runActivity } from '../../src/activities/runtime/activity-context.js';
import { attemptSignal } from '../../src/contract/messages.js';
import type { Activities } from '../../src/contract/activities.js';
import type { DecisionAction, EntityReport } from '../../src/contract/report.js';
import type { ReconcileRequest, ReconcileResult } from '../../src/contract/request.js';
import type { reconcileEntity } from '../../src/workflows/index.js';
import { HeldCall, requestFor, role, WorkflowStage, wrote } from '../support/workflow-stage.js';

let stage: WorkflowStage;
/** Activities that the run has called, in their order. */
let calls: string[];

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

type EntityActivity = 'createEntity' | 'updateEntity' | 'deleteEntity';

/** Activities that decide, in turn, what the test says. */
function decideInTurn(script: Partial<Record<EntityActivity, readonly ReturnType<typeof wrote>[]>>): void {
  calls = [];
  const activityOf = (name: EntityActivity) => {
    const results = [...(script[name] ?? [])];
    return ({ readFirst }: ReconcileRequest): ReturnType<Activities[EntityActivity]> => {
      calls.push(readFirst ? `${name} after a read` : name);
      const result = results.shift();
      return result === undefined ? Promise.reject(notExpected(name)) : Promise.resolve(result);
    };
  };
  stage.activities = {
    createEntity: activityOf('createEntity'),
    updateEntity: activityOf('updateEntity'),
    deleteEntity: activityOf('deleteEntity'),
  };
}

function notExpected(name: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(`${name} was not expected`, 'InvalidInput');
}

function requestOf(action: DecisionAction, target: ReconcileRequest['target']): ReconcileRequest {
  return {
    target,
    namespace: 'ci',
    entity: role('one'),
    action,
    arns: {},
    intent: 'run',
    planned: { action, lines: [] },
    approved: false,
    readFirst: false,
  };
}

async function reconcile(action: DecisionAction, more: Partial<ReconcileRequest> = {}): Promise<EntityReport> {
  const { target } = requestFor([]);
  const request = { ...requestOf(action, target), ...more };
  const workflowId = `iam:${target.account}:Role:one`;
  try {
    const options = { taskQueue: 'workflows', workflowId, args: [request] as [ReconcileRequest] };
    return (await stage.client.workflow.execute<typeof reconcileEntity>('reconcileEntity', options)).report;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError) || !(error.cause instanceof ApplicationFailure)) throw error;
    return (error.cause.details?.[0] as ReconcileResult).report;
  }
}

test('a replacement deletes the entity, and then creates it without reading it', async () => {
  decideInTurn({ deleteEntity: [wrote('replace')], createEntity: [wrote('create')] });
  const report = await reconcile('replace');
  expect(calls).toEqual(['deleteEntity', 'createEntity']);
  expect(report).toMatchObject({ decision: 'replace', outcome: 'replaced', confirmedBy: 'reply' });
  expect(report.writes.map(({ operation }) => operation)).toEqual(['replaceRole', 'createRole']);
});

test('a create that finds the entity adopts it, and updates what remains', async () => {
  const conflict = { operation: 'CreateRole', code: 'EntityAlreadyExists', requestId: 'request-2' };
  decideInTurn({
    createEntity: [wrote('adopt', { remaining: true, writes: [], conflicts: [conflict] })],
    updateEntity: [wrote('update')],
  });
  const report = await reconcile('create');
  expect(calls).toEqual(['createEntity', 'updateEntity']);
  expect(report).toMatchObject({ decision: 'adopt', outcome: 'adopted' });
  expect(report.conflicts).toEqual([{ ...conflict, resolvedAs: 'adopted' }]);
});

test('an action that the plan did not show is reported, with the lines that changed since', async () => {
  decideInTurn({
    updateEntity: [wrote('replace', { writes: [], changedSincePlan: ['path is "/a/"'] })],
    deleteEntity: [wrote('replace', { changedSincePlan: ['path is "/a/"', 'DeleteRole one'] })],
    createEntity: [wrote('create')],
  });
  expect(await reconcile('update')).toMatchObject({
    decision: 'replace',
    outcome: 'replaced',
    planned: 'update',
    changedSincePlan: ['path is "/a/"', 'DeleteRole one'],
  });
});

test('a create that could not complete the entity has the rest written', async () => {
  decideInTurn({ createEntity: [wrote('create', { remaining: true })], updateEntity: [wrote('update')] });
  expect(await reconcile('create')).toMatchObject({ decision: 'create', outcome: 'created' });
  expect(calls).toEqual(['createEntity', 'updateEntity']);
});

test('an entity that is gone by the time of its update is created after a read', async () => {
  decideInTurn({ updateEntity: [wrote('create', { writes: [] })], createEntity: [wrote('create')] });
  expect(await reconcile('update')).toMatchObject({ outcome: 'created' });
  expect(calls).toEqual(['updateEntity', 'createEntity after a read']);
});

test('what is there is listed once before the first create', async () => {
  decideInTurn({});
  stage.activities.listCandidates = () => Promise.resolve({ known: ['AKIA1'], calls: {} });
  stage.activities.createEntity = ({ known = [] }) => {
    calls.push(...known);
    return Promise.resolve(wrote('create'));
  };
  expect(await reconcile('create', { listFirst: true })).toMatchObject({ outcome: 'created' });
  expect(calls).toEqual(['AKIA1']);
});

test('an entity that AWS refuses to write fails, with the reason and a remedy', async () => {
  const details = { operation: 'CreateRole', code: 'LimitExceeded', requestId: 'request-3', calls: { CreateRole: 1 } };
  stage.activities = {
    createEntity: () => Promise.reject(ApplicationFailure.nonRetryable('too many roles', 'QuotaExceeded', details)),
  };
  expect(await reconcile('create')).toMatchObject({ outcome: 'failed', reason: 'too many roles (request request-3)' });
});

test('the report of an entity that failed names what was written before', async () => {
  const write = { operation: 'UpdateAssumeRolePolicy', requestId: 'request-1', at: '2026-01-01T00:00:00.000Z' };
  const details = {
    operation: 'AttachRolePolicy',
    code: 'NoSuchEntity',
    requestId: 'request-2',
    calls: {},
    writes: [write],
  };
  stage.activities = {
    updateEntity: () => Promise.reject(ApplicationFailure.nonRetryable('no such policy', 'InvalidInput', details)),
  };
  expect(await reconcile('update')).toMatchObject({ outcome: 'failed', writes: [write] });
});

test('an entity that another tool keeps creating and deleting fails after some rounds', async () => {
  const gone = wrote('create', { writes: [] });
  const there = wrote('update', { writes: [], remaining: true });
  decideInTurn({ updateEntity: [gone, gone, gone], createEntity: [there, there, there] });
  const report = await reconcile('update');
  expect([report.outcome, report.reason]).toEqual(['failed', 'something else keeps creating and deleting the entity']);
  expect(calls).toHaveLength(5);
});

/** Starts the update of an entity. */
async function startUpdate(): Promise<WorkflowHandleWithStartDetails<typeof reconcileEntity>> {
  const { target } = requestFor([]);
  return stage.client.workflow.start<typeof reconcileEntity>('reconcileEntity', {
    taskQueue: 'workflows',
    workflowId: `iam:${target.account}:Role:one`,
    args: [requestOf('update', target)],
  });
}

/** Cancels a run and returns its report. */
async function reportOfCancelled(run: Awaited<ReturnType<typeof startUpdate>>): Promise<EntityReport> {
  await run.cancel();
  const error: unknown = await run.result().catch((failure: unknown) => failure);
  const [result] = ((error as WorkflowFailedError).cause as ApplicationFailure).details as [ReconcileResult];
  return result.report;
}

const DRIFT = [{ path: 'managedPolicyArns', observed: null, desired: 'arn:p' }];
const DECISION = { action: 'update', drift: DRIFT, unmanaged: [], reason: null, remedy: null } as const;

describe('a cancelled run', () => {
  test('reports what its activity had written, and what is left to do', async () => {
    const reached = new HeldCall();
    const writes = [{ operation: 'PutRolePolicy', requestId: 'request-1', at: '2026-01-01T00:00:00.000Z' }];
    const remainingWrites = ['AttachRolePolicy one arn:p'];
    stage.activities = {
      updateEntity: async () => {
        void reached.hold();
        const beat = setInterval(heartbeat, 100);
        await cancelled().catch(() => undefined);
        clearInterval(beat);
        const progress = { calls: { PutRolePolicy: 1 }, writes, remainingWrites, decision: DECISION };
        throw new CancelledFailure('CANCELLED', [progress]);
      },
    };
    const run = await startUpdate();
    await reached.reached;
    expect(await reportOfCancelled(run)).toMatchObject({ outcome: 'cancelled', writes, remainingWrites, drift: DRIFT });
  });

  test('reports what earlier attempts had written where its activity waits for the next one', async () => {
    const reached = new HeldCall();
    let attempts = 0;
    stage.activities = {
      updateEntity: () =>
        runActivity(async (context) => {
          attempts += 1;
          recordDecision(context, DECISION);
          context.progress = { ...context.progress, remaining: ['AttachRolePolicy one arn:p'] };
          (await recordWrite(context, 'PutRolePolicy', { RoleName: 'one' })).confirm('request-1');
          void reached.hold();
          throw ApplicationFailure.create({ message: 'throttled', type: 'Throttled', nextRetryDelay: '1 hour' });
        }),
    };
    const run = await startUpdate();
    await reached.reached;
    await inBackOff(run.workflowId);
    expect(await reportOfCancelled(run)).toMatchObject({
      outcome: 'cancelled',
      reason: 'its run was cancelled before all of it was written',
      writes: [{ operation: 'PutRolePolicy', requestId: 'request-1' }],
      remainingWrites: ['AttachRolePolicy one arn:p'],
      drift: DRIFT,
    });
    expect(attempts).toBe(1);
  });

  test('ends although a client has signalled nonsense to it', async () => {
    const reached = new HeldCall();
    stage.activities = {
      updateEntity: () => {
        void reached.hold();
        return Promise.reject(ApplicationFailure.create({ message: 'throttled', nextRetryDelay: '1 hour' }));
      },
    };
    const run = await startUpdate();
    await reached.reached;
    await inBackOff(run.workflowId);
    await run.signal(attemptSignal, { writes: 'all', decision: 7 });
    expect(await reportOfCancelled(run)).toMatchObject({
      outcome: 'cancelled',
      reason: 'its run was cancelled before anything of it was written',
      writes: [],
    });
  });
});

/** Resolves once Temporal has the failure of the first attempt of a run's activity. */
async function inBackOff(workflowId: string): Promise<void> {
  for (;;) {
    const { raw } = await stage.client.workflow.getHandle(workflowId).describe();
    if (raw.pendingActivities?.some(({ lastFailure }) => lastFailure != null) === true) return;
    await stage.sleep(50);
  }
}
