import type { WorkflowHandle } from '@temporalio/client';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { approveUpdate, joinSignal, progressQuery, reportQuery } from '../../src/contract/messages.js';
import { lockTimers } from '../support/lock-timers.js';
import {
  creating,
  HeldCall,
  lockOf,
  outcomesOf,
  PLAN_DIGEST,
  planOf,
  reportOf,
  requestFor,
  role,
  WorkflowStage,
  wrote,
} from '../support/workflow-stage.js';

/** Events from which the runs of these tests continue as new. */
const FULL = 100;

/** What is under way then may add as much. */
const MAX_EVENTS = 600;

const INLINE = { events: FULL };
/** As for a request that fills the arguments of a run. */
const KEPT = { events: FULL, MAX_INLINE_LENGTH: 0, PART_LENGTH: 1_000 };

let stage: WorkflowStage;

beforeAll(async () => {
  stage = await WorkflowStage.start(INLINE);
});

jest.setTimeout(120_000);

afterAll(async () => {
  await stage.stop();
});

const NAMES = Array.from({ length: 90 }, (_, index) => `role-${String(index)}`);

/** The writes of a request: by name, the intents of its Creates. */
function manyRoles(more: Partial<BootstrapRequest> = {}): {
  readonly request: BootstrapRequest;
  readonly creates: Map<string, string[]>;
} {
  const request = requestFor(
    NAMES.map((name, index) => role(name, ...(index < 30 ? [] : [NAMES[index - 30] ?? '']))),
    more,
  );
  const creates = new Map<string, string[]>();
  stage.activities = {
    ...creating(request),
    createEntity: ({ entity: { name }, intent }) => {
      creates.set(name, [...(creates.get(name) ?? []), intent]);
      return Promise.resolve(wrote('create'));
    },
  };
  return { request, creates };
}

/** The Create from which on a test holds them: by then, the first run has continued as new. */
const HELD_FROM = 45;

/** Holds the Creates from that one on. */
function holdCreates(): HeldCall {
  const held = new HeldCall();
  const { createEntity } = stage.activities;
  let created = 0;
  stage.activities.createEntity = async (argument) => {
    created += 1;
    if (created >= HELD_FROM) await held.hold();
    return (await createEntity?.(argument)) ?? wrote('create');
  };
  return held;
}

type Run = Awaited<ReturnType<WorkflowStage['startBootstrap']>>;

/** Returns the handles of all runs of a chain. */
async function chainOf(run: Run): Promise<WorkflowHandle[]> {
  const handles: WorkflowHandle[] = [];
  let next: string | null | undefined = run.firstExecutionRunId;
  while (next != null && next !== '') {
    const handle: WorkflowHandle = stage.client.workflow.getHandle(run.workflowId, next, { followRuns: false });
    handles.push(handle);
    const { events } = await handle.fetchHistory();
    expect(events?.length).toBeLessThan(MAX_EVENTS);
    next = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  }
  return handles;
}

test.each([
  ['in the arguments of the next run', INLINE],
  ['in the history of the run before, where it is large', KEPT],
])('a long run goes on with an empty history, and is one run: what it has done is %s', async (_where, limits) => {
  await stage.restartWorker(limits);
  const { request, creates } = manyRoles();
  const run = await stage.startBootstrap(request);
  const report = await reportOf(run);
  const chain = await chainOf(run);
  expect(chain.length).toBeGreaterThan(2);
  expect([...creates]).toHaveLength(NAMES.length);
  expect([...creates.values()]).toEqual(NAMES.map(() => [run.firstExecutionRunId]));
  expect(report.result).toBe('converged');
  expect(report.workflow.runId).toBe(run.firstExecutionRunId);
  expect(report.summary.created).toBe(NAMES.length);
  expect(report.apiCalls.byOperation).toEqual({ ListRoles: 2, CreateRole: NAMES.length });
  const last = chain.at(-1);
  expect(await last?.query(reportQuery)).toEqual(report);
  expect(await last?.query(progressQuery)).toMatchObject({
    phase: 'done',
    done: 90,
    total: 90,
    outcomes: { created: 90 },
  });
  const { startTime } = await run.describe();
  expect(Date.parse(report.startedAt)).toBeLessThan(startTime.getTime());
  await stage.restartWorker(INLINE);
});

test('a run that another run has started keeps its history: Temporal would not hand a later one the end of its parent', async () => {
  const { request, creates } = manyRoles();
  expect((await reportOf(await stage.startBootstrap(request, 'under-another-id'))).result).toBe('converged');
  const { runId } = await stage.client.workflow.getHandle(lockOf(request)).describe();
  expect([...creates.values()]).toEqual(NAMES.map(() => [runId]));
});

test('a wait for a lock goes on in the next run', async () => {
  const request = requestFor([role('free'), role('locked')]);
  const readFirst: Record<string, boolean> = {};
  stage.activities = {
    ...creating(request),
    createEntity: ({ entity: { name }, readFirst: isFirst }) => {
      readFirst[name] = isFirst;
      return Promise.resolve(wrote('create'));
    },
  };
  const workflowId = planOf(request).entities[1]?.workflowId ?? '';
  const holder = await stage.client.workflow.start('ledger', { taskQueue: 'workflows', workflowId, args: [] });
  const run = await stage.startBootstrap(request);
  await stage.sleep(stage.durations.lockHeldMs);
  const { waitingFor, done } = await stage.client.workflow.getHandle(run.workflowId).query(progressQuery);
  expect([waitingFor, done]).toEqual(['waiting for another run that holds the lock of Role/locked', 1]);
  await holder.terminate();
  const report = await reportOf(run);
  expect(outcomesOf(report)).toEqual({ free: 'created', locked: 'created' });
  expect(readFirst).toEqual({ free: false, locked: true });
  const chain = await chainOf(run);
  expect(chain.length).toBeGreaterThan(1);
  const waits = (await Promise.all(chain.map(async (one) => lockTimers(await one.fetchHistory())))).flat();
  // A wait that the end of a run has cut short goes on with its rest.
  const whole = waits.filter((wait, index) => wait >= (waits[index - 1] ?? 0));
  expect(whole.slice(0, 5)).toEqual([200, 400, 800, 1_600, 3_200]);
  expect(waits.length).toBeLessThan(100);
});

test('a request that has joined an earlier run is verified by the last one, and a run that is cancelled ends as one', async () => {
  const { request } = manyRoles();
  const held = holdCreates();
  const run = await stage.startBootstrap(request);
  await stage.client.workflow.getHandle(run.workflowId, run.firstExecutionRunId).signal(joinSignal, 'other');
  await held.reached;
  const current = stage.client.workflow.getHandle(run.workflowId);
  expect((await current.describe()).runId).not.toBe(run.firstExecutionRunId);
  await current.cancel();
  held.release();
  const report = await reportOf({
    result: () => run.result(),
    query: (query: never) => current.query(query),
  } as unknown as Run);
  expect(report.result).toBe('cancelled');
  expect(report.workflow.runId).toBe(run.firstExecutionRunId);
  expect(report.summary.created).toBeGreaterThanOrEqual(HELD_FROM);
  expect(report.summary.created + report.summary.skipped).toBe(NAMES.length);
});

test('an approval that an earlier run has waited for is known in the later ones', async () => {
  const { request } = manyRoles({ approval: { timeoutMs: 60_000 } });
  const run = await stage.startBootstrap(request);
  const decision = { plan: PLAN_DIGEST, by: 'grace', reason: null };
  while ((await run.query(progressQuery)).approval === undefined) await stage.sleep(100);
  await run.executeUpdate(approveUpdate, { args: [decision] });
  const held = holdCreates();
  await held.reached;
  const current = stage.client.workflow.getHandle(run.workflowId);
  expect((await current.describe()).runId).not.toBe(run.firstExecutionRunId);
  await expect(current.executeUpdate(approveUpdate, { args: [decision] })).rejects.toMatchObject({
    cause: { message: 'the plan is already approved by grace' },
  });
  held.release();
  const report = await reportOf(run);
  expect([report.result, report.approval?.verdict, report.approval?.by]).toEqual(['converged', 'approved', 'grace']);
});

test('a run that had a long history when its worker was upgraded goes on with an empty one', async () => {
  await stage.restartWorker({}, false);
  const { request, creates } = manyRoles();
  const workflowId = planOf(request).entities.at(-1)?.workflowId ?? '';
  const holder = await stage.client.workflow.start('ledger', { taskQueue: 'workflows', workflowId, args: [] });
  const run = await stage.startBootstrap(request);
  await stage.sleep(60_000);
  // What one worker lets pass, the next one does not: as when the first one does not know of the limit.
  await stage.restartWorker(INLINE);
  await stage.sleep(60_000);
  const before = stage.client.workflow.getHandle(run.workflowId, run.firstExecutionRunId);
  expect((await before.describe()).status.name).toBe('CONTINUED_AS_NEW');
  await holder.terminate();
  expect((await reportOf(run)).summary.created).toBe(NAMES.length);
  expect([...creates.values()]).toEqual(NAMES.map(() => [run.firstExecutionRunId]));
  const { events } = await before.fetchHistory();
  expect(events?.length).toBeGreaterThan(2 * FULL);
});

test('a client cannot hand a run what another one has done', async () => {
  const { request, creates } = manyRoles();
  const run = await stage.client.workflow.start('bootstrap', {
    taskQueue: 'workflows',
    workflowId: `iam-bootstrap:${request.target.account}:ci`,
    args: [
      request,
      { runId: 'x', startedAt: 0, approval: null, done: 90, total: 90, state: { plan: { entities: [] } } },
    ],
  });
  expect(((await run.result()) as { readonly result: string }).result).toBe('converged');
  expect(creates.size).toBe(NAMES.length);
});
