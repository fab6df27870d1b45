import type { DriftChanges, DriftUpdate } from '../../src/contract/drift-record.js';
import type { Notification } from '../../src/contract/notification.js';
import type { Decision } from '../../src/contract/report.js';
import type { AppliedRevision } from '../../src/contract/revision.js';
import { scheduleId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { creating, planOf, requestFor, role, WorkflowStage } from '../support/workflow-stage.js';

let stage: WorkflowStage;
let runs = 0;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

const LAST: AppliedRevision = {
  value: 3,
  source: 'given',
  environment: 'test',
  commit: null,
  url: 'https://ci/3',
  runId: 'run',
  at: '2026-01-01T00:00:00.000Z',
};

interface Ended {
  readonly failure: string | null;
  readonly updates: readonly DriftUpdate['type'][];
  readonly looks: readonly DriftUpdate[];
  readonly told: readonly Notification[];
}

/** Runs a schedule that looks, with what the ledger and the drift record answer. */
async function run(
  last: AppliedRevision | null,
  looking: DriftChanges['looking'],
  isTold: boolean,
  decision: Partial<Decision> = {},
): Promise<Ended> {
  runs += 1;
  const base = requestFor([role('deploy')], { revision: { value: 5, source: 'given' } });
  const { target, namespace, environment } = base;
  const schedule = scheduleId({ account: target.account, namespace, environment }, 'detect');
  const request = { ...base, key: schedule };
  const updates: DriftUpdate[] = [];
  const told: Notification[] = [];
  let heard: () => void = () => undefined;
  const hearing = new Promise<void>((resolve) => (heard = resolve));
  stage.activities = {
    ...creating(request),
    planEntities: () => {
      const plan = planOf(request);
      const entities = plan.entities.map((one) => ({ ...one, decision: { ...one.decision, ...decision } }));
      return Promise.resolve({ ...plan, entities });
    },
    otherRevision: () => Promise.resolve(last),
    recordDrift: ({ update }) => {
      updates.push(update);
      return Promise.resolve({ begun: [], ended: [], unexplained: [], looking });
    },
    notificationChannels: (notification) => {
      told.push(notification);
      heard();
      return Promise.resolve([]);
    },
  };
  const handle = await stage.client.workflow.start(WorkflowType.ScheduledRun, {
    taskQueue: 'workflows',
    workflowId: `${schedule}-${String(runs)}`,
    args: [{ version: 1, schedule, command: 'detect', request }],
  });
  const failure = await handle.result().then(
    () => null,
    (error: unknown) => ((error as Error).cause as Error).message,
  );
  if (isTold) await hearing;
  return { failure, looks: updates, updates: updates.map(({ type }) => type), told };
}

test('a schedule whose revision was rolled back does not look, and tells it once', async () => {
  const first = await run(LAST, 'stopped', true);
  expect(first.failure).toContain('out of date: it is revision given 5 (commit unknown), and given 3');
  expect(first.updates).toEqual(['failed']);
  expect(first.told).toMatchObject([
    { type: 'run.refused', reason: first.failure, remedy: expect.stringContaining('--allow-older') as string },
  ]);
  expect((await run(LAST, null, false)).told).toEqual([]);
});

test('a schedule that looks again tells it', async () => {
  const { failure, updates, told } = await run(null, 'resumed', true);
  expect(failure).toBeNull();
  expect(updates).toEqual(['look']);
  expect(told).toMatchObject([{ type: 'run.recovered' }]);
});

test('a schedule that cannot read an entity fails and tells it, and counts it neither as drift nor as converged', async () => {
  const unread = { operation: 'GetRole', code: 'AccessDenied', requestId: 'r' };
  const decision = { action: 'refuse', reason: 'GetRole answered AccessDenied', remedy: 'allow it', unread } as const;
  const { failure, looks, told } = await run(null, 'stopped', true, decision);
  const reason = '1 entity could not be read (Role/deploy): GetRole answered AccessDenied';
  expect(failure).toBe(reason);
  expect(looks).toMatchObject([
    { type: 'look', look: { found: [], inDrift: 0, corrected: [], unread: { ids: ['Role/deploy'], reason } } },
  ]);
  expect(told).toMatchObject([{ type: 'run.failed', reason, remedy: 'allow it' }]);
});

test('a schedule counts the drift of what waits for an unread entity, and names only the latter as unread', async () => {
  const unread = { operation: 'GetRole', code: 'AccessDenied', requestId: 'r', waiting: 'update' } as const;
  const drift = [{ path: 'maxSessionDuration', observed: 3_600, desired: 7_200 }];
  const decision = { action: 'refuse', drift, reason: 'waits for Role/x', remedy: 'allow it', unread } as const;
  const { failure, looks } = await run(null, null, false, decision);
  expect(failure).toBeNull();
  const found = [{ action: 'update', lines: ['~ maxSessionDuration = 3600 -> 7200'] }];
  expect(looks).toMatchObject([{ type: 'look', look: { found, inDrift: 1 } }]);
  expect(looks[0]).not.toHaveProperty('look.unread');
});
