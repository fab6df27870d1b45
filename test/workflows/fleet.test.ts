import type { WorkflowHandleWithStartDetails } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { AccountReport, FleetReport, FleetRequest, ResolvedFleet } from '../../src/contract/fleet.js';
import { approveUpdate, fleetProgressQuery, fleetReportQuery, rejectUpdate } from '../../src/contract/messages.js';
import type { Notification } from '../../src/contract/notification.js';
import type { FleetProgress } from '../../src/contract/fleet-progress.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { bootstrapWorkflowId, fleetPlanWorkflowId, fleetWorkflowId } from '../../src/contract/workflow-ids.js';
import type { CarriedFleet } from '../../src/workflows/fleet/fleet-state.js';
import type { fleet } from '../../src/workflows/index.js';
import { AccountRuns } from '../../src/activities/account-runs.js';
import { HeldCall, planOf, requestFor, role, untilCancelled, WorkflowStage, wrote } from '../support/workflow-stage.js';

let stage: WorkflowStage;
let fleets = 0;
/** Requests of accounts by their ID. */
let prepared: Map<string, BootstrapRequest>;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

/** A fleet of some accounts that no other test uses, and activities under which each account converges. */
function fleetOf(
  count: number,
  more: Partial<FleetRequest> = {},
  rollout: Partial<FleetRequest['rollout']> = {},
): FleetRequest {
  fleets += 1;
  const ids = Array.from({ length: count }, (_, index) => String(fleets * 1_000_000 + index).padStart(12, '9'));
  prepared = new Map();
  stage.activities = {
    resolveFleet: () =>
      Promise.resolve({
        accounts: ids.map((id) => ({ id, name: `account ${id.slice(-3)}`, tags: {} })),
        leftOut: [],
        calls: { ListAccounts: 1 },
      }),
    prepareFleetAccount: ({ account }) => {
      const made = {
        ...requestFor([role('deploy')]),
        target: { account: account.id, partition: 'aws' },
        key: `${more.key ?? 'key'}-${account.id}`,
      };
      prepared.set(account.id, made);
      return Promise.resolve(made);
    },
    planEntities: (request) => Promise.resolve(planOf(request)),
    createEntity: () => Promise.resolve(wrote('create')),
    verifyEntities: () => Promise.resolve({ differing: [], calls: { ListRoles: 1 } }),
    findAccountRun: (run) => new AccountRuns(stage.client).find(run),
    findNamespaceHolder: (workflowId) => new AccountRuns(stage.client).findHolder(workflowId),
  };
  return {
    version: 1,
    command: 'apply',
    fleet: `fleet-${String(fleets)}`,
    namespace: 'ci',
    environment: 'test',
    partition: 'aws',
    manifest: { sources: [], files: {}, variables: {}, adopt: [], deleteTrusted: [], name: 'iam.yaml' },
    selection: { ids, organizationalUnits: [], tags: {}, exclude: [] },
    rollout: { waves: [], concurrency: 20, maxFailures: { accounts: 0 }, approveWaves: false, ...rollout },
    digest: `sha256:${'0'.repeat(64)}`,
    key: 'key',
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    keepGoing: false,
    ...more,
  };
}

type Started = WorkflowHandleWithStartDetails<typeof fleet>;

async function start(request: FleetRequest): Promise<Started> {
  const { command, namespace, fleet: name, key } = request;
  const ids: Partial<Record<typeof command, string>> = {
    apply: fleetWorkflowId(namespace, name),
    plan: fleetPlanWorkflowId(namespace, name, key),
  };
  const workflowId = ids[command] ?? `${command}-${name}`;
  return stage.client.workflow.start<typeof fleet>('fleet', { taskQueue: 'workflows', workflowId, args: [request] });
}

async function reportOf(handle: Started): Promise<FleetReport> {
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof CancelledFailure) {
      const report = await stage.client.workflow.getHandle<typeof fleet>(handle.workflowId).query(fleetReportQuery);
      if (report !== null) return report;
    }
    if (error.cause instanceof ApplicationFailure) return error.cause.details?.[0] as FleetReport;
    throw error;
  }
}

const run = async (request: FleetRequest): Promise<FleetReport> => reportOf(await start(request));

function resultsOf({ accounts }: FleetReport): readonly AccountReport['result'][] {
  return accounts.map(({ result }) => result);
}

/** Lets the worker of the last fleet tell people. Returns what waits for that many notifications, and has them by type. */
function telling(): (count: number) => Promise<Readonly<Record<string, Notification>>> {
  const told = new Map<string, Notification>();
  const { resolveFleet } = stage.activities;
  stage.activities.resolveFleet = async (given) =>
    ({ ...(await resolveFleet?.(given)), notifies: true }) as ResolvedFleet;
  let onTold = (): void => undefined;
  stage.activities.notificationChannels = (notification) => {
    told.set(notification.type, notification);
    onTold();
    return Promise.resolve([]);
  };
  return async (count) => {
    while (told.size < count) await new Promise<void>((resolve) => (onTold = resolve));
    return Object.fromEntries(told);
  };
}

/** Lets the plan of one account fail. */
function failing(request: FleetRequest, ...positions: readonly number[]): void {
  const bad = new Set(positions.map((position) => request.selection.ids[position]));
  stage.activities.planEntities = (planned) =>
    bad.has(planned.target.account)
      ? Promise.reject(ApplicationFailure.nonRetryable('cannot assume the role', 'AccessDenied'))
      : Promise.resolve(planOf(planned));
}

describe('a fleet', () => {
  test('applies its manifest to every account, and lists what each has changed', async () => {
    const request = fleetOf(3);
    const report = await run(request);
    expect(resultsOf(report)).toEqual(['converged', 'converged', 'converged']);
    expect(report).toMatchObject({ result: 'converged', summary: { created: 3 }, reason: null });
    const [first] = report.accounts;
    expect(first).toMatchObject({
      account: request.selection.ids[0],
      wave: 1,
      entities: [{ kind: 'Role', name: 'deploy', outcome: 'created' }],
      workflow: { workflowId: bootstrapWorkflowId(request.selection.ids[0] ?? '', 'ci') },
    });
    expect(report.calls).toEqual({ ListAccounts: 1, ListRoles: 6, CreateRole: 3 });
  });

  test('lists no entity of an account that has nothing to do', async () => {
    const request = fleetOf(2);
    stage.activities.planEntities = (planned) => Promise.resolve(planOf(planned, 'no-op'));
    const report = await run(request);
    expect(report.accounts.map(({ entities }) => entities)).toEqual([[], []]);
    expect(report.summary.unchanged).toBe(2);
  });

  test('plans its accounts without their locks', async () => {
    const request = fleetOf(2, { command: 'plan' });
    const report = await run(request);
    expect(resultsOf(report)).toEqual(['pending', 'pending']);
    expect(report).toMatchObject({ command: 'plan', result: 'pending', summary: { pending: 2 } });
    expect(report.accounts[0]?.workflow?.workflowId).toMatch(/^iam-bootstrap-plan:/);
  });

  test('goes on past accounts that cannot be entered, refused ones, and manifests that cannot be rendered', async () => {
    const request = fleetOf(4);
    failing(request, 0);
    const { prepareFleetAccount, planEntities } = stage.activities;
    stage.activities.prepareFleetAccount = (given) =>
      given.account.id === request.selection.ids[1]
        ? Promise.reject(ApplicationFailure.nonRetryable('variable region is not set', 'InvalidManifest'))
        : (prepareFleetAccount?.(given) ?? Promise.reject(new Error('none')));
    stage.activities.planEntities = (planned) =>
      planned.target.account === request.selection.ids[2]
        ? Promise.resolve(planOf(planned, 'refuse'))
        : (planEntities?.(planned) ?? Promise.reject(new Error('none')));
    const report = await run(request);
    expect(resultsOf(report)).toEqual(['failed', 'failed', 'refused', 'converged']);
    expect(report.accounts.map(({ reason }) => reason)).toEqual([
      'cannot assume the role',
      'variable region is not set',
      'Role/deploy: owned by another namespace',
      null,
    ]);
    expect(report.result).toBe('failed');
  });

  test('has a run for no more accounts at a time than its concurrency', async () => {
    const request = fleetOf(9, {}, { concurrency: 3 });
    let [open, most] = [0, 0];
    stage.activities.planEntities = async (planned) => {
      most = Math.max(most, (open += 1));
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return planOf(planned, 'no-op');
    };
    expect(resultsOf(await run(request))).toHaveLength(9);
    expect(most).toBeLessThanOrEqual(3);
  });

  test.each([
    ['none tolerated', { accounts: 0 }, [0], 1],
    ['one more than tolerated', { accounts: 1 }, [0, 1], 1],
    ['as many as tolerated', { accounts: 1 }, [0], 3],
    ['a share exceeded', { percent: 10 }, [0, 1], 1],
    ['a share kept', { percent: 20 }, [0, 1], 3],
  ])('with failures in the first wave, %s, ends with wave %#', async (_, maxFailures, bad, lastWave) => {
    const request = fleetOf(10, {}, { waves: [{ accounts: 2 }, { percent: 50 }, { percent: 100 }], maxFailures });
    failing(request, ...bad);
    const report = await run(request);
    const begun = report.accounts.filter(({ result }) => result !== 'skipped');
    expect(begun.map(({ wave }) => wave)).toEqual([1, 1, 2, 2, 2, 3, 3, 3, 3, 3].slice(0, lastWave === 1 ? 2 : 10));
    expect(report.result).toBe('failed');
    if (lastWave > 1) return;
    expect(report.reason).toMatch(/did not converge, more than maxFailures allows: wave 2 does not start/);
    expect(report.accounts[9]).toMatchObject({ result: 'skipped', workflow: null, reason: report.reason });
    expect(prepared.size).toBe(2);
  });

  test('waits for an approval of each wave but the first, and ends where one is rejected', async () => {
    const request = fleetOf(4, {}, { waves: [{ accounts: 1 }, { accounts: 2 }, { percent: 100 }], approveWaves: true });
    const handle = await start(request);
    const decide = async (update: typeof approveUpdate, wave: number): Promise<void> => {
      const { plan } = await pendingWave(handle, wave);
      await handle.executeUpdate(update, { args: [{ plan, by: 'grace', reason: 'looked at it' }] });
    };
    await decide(approveUpdate, 2);
    await expect(
      handle.executeUpdate(approveUpdate, { args: [{ plan: request.digest, by: 'grace' }] }),
    ).rejects.toThrow();
    await decide(rejectUpdate, 3);
    const report = await reportOf(handle);
    expect(resultsOf(report)).toEqual(['converged', 'converged', 'skipped', 'skipped']);
    expect(report).toMatchObject({ result: 'refused', reason: 'wave 3 was rejected by grace: looked at it' });
  });

  test('takes no approval of the same wave of an earlier run of the same request', async () => {
    const request = fleetOf(2, {}, { waves: [{ accounts: 1 }, { percent: 100 }], approveWaves: true });
    const first = await start(request);
    const earlier = await pendingWave(first, 2);
    await first.cancel();
    await reportOf(first);
    const second = await start(request);
    const now = await pendingWave(second, 2);
    await expect(
      second.executeUpdate(approveUpdate, { args: [{ plan: earlier.plan, by: 'grace' }] }),
    ).rejects.toMatchObject({ cause: { message: `another wave waits for an approval: ${now.plan}` } });
    await second.executeUpdate(approveUpdate, { args: [{ plan: now.plan, by: 'grace' }] });
    expect(resultsOf(await reportOf(second))).toEqual(['converged', 'converged']);
  });

  test('does not go on from what a client gives it', async () => {
    const request = fleetOf(2);
    const forged: CarriedFleet = {
      runId: '00000000-0000-4000-8000-000000000000',
      startedAt: 0,
      resolved: { accounts: [{ id: '999999999999', name: 'other', tags: {} }], leftOut: [], calls: {} },
      reports: [],
      wave: 0,
      open: [],
      waiting: [],
    };
    const handle = await stage.client.workflow.start<typeof fleet>('fleet', {
      taskQueue: 'workflows',
      workflowId: fleetWorkflowId(request.namespace, request.fleet),
      args: [request, forged],
    });
    const report = await reportOf(handle);
    expect(report.accounts.map(({ account }) => account)).toEqual(request.selection.ids);
    expect(report.workflow.runId).not.toBe(forged.runId);
  });

  test('that only plans does not hold the lock under which others apply', async () => {
    const request = fleetOf(1, { command: 'plan' });
    const handle = await stage.client.workflow.start<typeof fleet>('fleet', {
      taskQueue: 'workflows',
      workflowId: fleetWorkflowId(request.namespace, request.fleet),
      args: [request],
    });
    await expect(handle.result()).rejects.toMatchObject({
      cause: { message: 'a run that is to plan cannot hold the lock of its fleet' },
    });
  });

  test('lets an account wait for its namespace without a place of its own, and applies to it at last', async () => {
    const request = fleetOf(3, {}, { concurrency: 1 });
    const [held = ''] = request.selection.ids;
    const call = new HeldCall();
    const plan = stage.activities.planEntities;
    stage.activities.planEntities = async (planned) => {
      if (planned.key === 'other') await call.hold();
      return plan?.(planned) ?? planOf(planned);
    };
    const other = await stage.startBootstrap({
      ...requestFor([role('deploy')]),
      target: { account: held, partition: 'aws' },
      key: 'other',
    });
    await call.reached;
    const handle = await start(request);
    await until(handle, ({ done, accounts }) => done === 2 && accounts[0]?.state === 'waiting');
    call.release();
    await other.result();
    expect(resultsOf(await reportOf(handle))).toEqual(['converged', 'converged', 'converged']);
  });

  test('names the run that holds the namespace of an account which has waited in vain', async () => {
    // Half an hour passes only where the server skips time.
    if (stage.durations.lockHeldMs < 30 * 60_000) return;
    const request = fleetOf(2);
    const [held = ''] = request.selection.ids;
    const workflowId = bootstrapWorkflowId(held, 'ci');
    const pipeline = {
      provider: 'github',
      url: 'https://ci.example.com/42',
      job: 'deploy',
      commit: null,
      actor: 'ada',
    };
    // Longer than the fleet waits. A server that skips time goes on to the end of what is open.
    const workflowExecutionTimeout = 2 * stage.durations.lockHeldMs;
    const options = { taskQueue: 'workflows', workflowId, args: [], memo: { pipeline }, workflowExecutionTimeout };
    const holder = await stage.client.workflow.start('ledger', options);
    const { startTime } = await holder.describe();
    const { accounts } = await run(request);
    await holder.terminate().catch(() => undefined);
    const by = 'https://ci.example.com/42 (job deploy, by ada)';
    const where = `${workflowId}, run ${holder.firstExecutionRunId}`;
    expect(accounts[0]).toMatchObject({
      result: 'busy',
      reason: `the namespace is held by a run of ${by} since ${startTime.toISOString()} (${where}), which did not finish in time`,
      remedy: expect.stringContaining('iam-bootstrap status') as string,
    });
    expect(accounts[1]).toMatchObject({ result: 'converged' });
  });

  test('that enforces waits an hour for an account whose run waits itself, and holds up no other', async () => {
    // An hour passes only where the server skips time.
    if (stage.durations.lockHeldMs < 60 * 60_000) return;
    const request = fleetOf(2, { command: 'enforce' }, { concurrency: 1 });
    const [held = ''] = request.selection.ids;
    stage.activities.recordDrift = () => Promise.resolve({ begun: [], ended: [], unexplained: [], looking: null });
    const options = { taskQueue: 'workflows', workflowId: bootstrapWorkflowId(held, 'ci'), args: [] };
    await stage.client.workflow.start('ledger', { ...options, workflowExecutionTimeout: '3 hours' });
    const { accounts } = await run(request);
    expect(accounts[0]).toMatchObject({
      result: 'busy',
      reason: expect.stringContaining('has not ended within an hour, and goes on') as string,
    });
    expect(accounts[1]).toMatchObject({ result: 'converged' });
  });

  test('goes on past accounts in which another revision was applied: they are no failures of it', async () => {
    const request = fleetOf(2, { command: 'enforce' }, { waves: [{ accounts: 1 }, { percent: 100 }] });
    const { prepareFleetAccount } = stage.activities;
    const revision = { value: 3, source: 'given', allowOlder: false } as const;
    stage.activities.prepareFleetAccount = async (given) => ({
      ...((await prepareFleetAccount?.(given)) ?? requestFor([])),
      ...(given.account.id === request.selection.ids[0] ? { revision } : {}),
    });
    stage.activities.otherRevision = () =>
      Promise.resolve({
        ...revision,
        value: 4,
        environment: 'test',
        commit: null,
        url: null,
        runId: 'x',
        at: '2026-03-04T05:00:00Z',
      });
    stage.activities.recordDrift = () => Promise.resolve({ begun: [], ended: [], unexplained: [], looking: null });
    const { accounts } = await run(request);
    expect(accounts).toMatchObject([
      { result: 'refused', reason: expect.stringContaining('is out of date') as string },
      { result: 'converged' },
    ]);
  });

  test('is cancelled as a whole: what runs ends, what waits does not begin, and its report says so', async () => {
    const request = fleetOf(3, {}, { concurrency: 1 });
    const call = new HeldCall();
    stage.activities.createEntity = async () => {
      await untilCancelled(call);
      return wrote('create');
    };
    const handle = await start(request);
    await call.reached;
    await handle.cancel();
    const report = await reportOf(handle);
    expect(report.result).toBe('cancelled');
    expect(resultsOf(report).slice(1)).toEqual(['skipped', 'skipped']);
    expect(report.accounts[0]?.entities).toMatchObject([{ outcome: 'created' }]);
  });

  test('says why where its accounts cannot be found', async () => {
    const request = fleetOf(1);
    stage.activities.resolveFleet = () =>
      Promise.reject(ApplicationFailure.nonRetryable('no such unit: ou-abcd-11111111', 'InvalidManifest'));
    expect(await run(request)).toMatchObject({
      result: 'failed',
      reason: 'no such unit: ou-abcd-11111111',
      accounts: [],
    });
  });

  test('that is started under another ID, as by a schedule, runs under its own', async () => {
    const request = fleetOf(1);
    const handle = await stage.client.workflow.start<typeof fleet>('fleet', {
      taskQueue: 'workflows',
      workflowId: `${request.fleet}-by-schedule`,
      args: [request],
    });
    const report = await reportOf(handle);
    expect(report.workflow.workflowId).toBe(fleetWorkflowId('ci', request.fleet));
    expect(resultsOf(report)).toEqual(['converged']);
  });

  test('ends where its argument is no request for a fleet', async () => {
    await expect(start({ ...fleetOf(1), fleet: 'a:b' }).then((handle) => handle.result())).rejects.toMatchObject({
      cause: { message: expect.stringContaining('is not a request for a fleet: fleet: expected') as string },
    });
  });
});

// Last in the file: once a run has abandoned a child, the test server skips no more time.
describe('a fleet whose worker tells people', () => {
  test('names a wave that waits, what was decided, and which accounts had no run', async () => {
    const request = fleetOf(3, {}, { waves: [{ accounts: 1 }, { percent: 100 }], approveWaves: true });
    const told = telling();
    const { prepareFleetAccount } = stage.activities;
    stage.activities.prepareFleetAccount = (given) =>
      given.account.id === request.selection.ids[2]
        ? Promise.reject(ApplicationFailure.nonRetryable('the worker has no role for it', 'NotAllowed'))
        : (prepareFleetAccount?.(given) ?? Promise.reject(new Error()));
    const handle = await start(request);
    const { plan } = await pendingWave(handle, 2);
    await handle.executeUpdate(approveUpdate, { args: [{ plan, by: 'grace' }] });
    expect(resultsOf(await reportOf(handle))).toEqual(['converged', 'converged', 'refused']);
    const { namespace, fleet: name } = request;
    expect(await told(3)).toMatchObject({
      'approval.waiting': {
        summary: 'wave 2 waits for an approval',
        remedy: `iam-bootstrap approve --namespace ${namespace} --fleet ${name} --plan ${plan}`,
        subject: { account: null, fleet: name, workflowId: handle.workflowId, runId: handle.firstExecutionRunId },
      },
      'approval.ended': { summary: 'wave 2 was approved', reason: expect.stringContaining('grace') as string },
      'run.refused': {
        summary: '2 of 3 accounts had a run',
        counts: { converged: 2, refused: 1, accounts: 3 },
        entities: [{ id: request.selection.ids[2], line: 'refused: the worker has no role for it' }],
      },
    });
  });

  test('says why its accounts cannot be found', async () => {
    const request = fleetOf(1);
    const told = telling();
    stage.activities.resolveFleet = () =>
      Promise.reject(
        ApplicationFailure.create({
          message: 'no permission',
          type: 'AccessDenied',
          nonRetryable: true,
          details: [{ notifies: true }],
        }),
      );
    expect(await run(request)).toMatchObject({ result: 'failed', reason: 'no permission' });
    expect(await told(1)).toMatchObject({ 'run.failed': { summary: 'no account had a run', reason: 'no permission' } });
  });
});

/** Waits for a state of the fleet. */
async function until(handle: Started, isReached: (progress: FleetProgress) => boolean): Promise<void> {
  for (;;) {
    if (isReached(await stage.client.workflow.getHandle<typeof fleet>(handle.workflowId).query(fleetProgressQuery)))
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function pendingWave(handle: Started, wave: number): Promise<{ readonly plan: string }> {
  for (;;) {
    const { approval } = await handle.query(fleetProgressQuery);
    if (approval?.wave === wave) return approval;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
