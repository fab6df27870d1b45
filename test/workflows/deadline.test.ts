import { ApplicationFailure } from '@temporalio/common';
import type { PendingActivity } from '../../src/contract/activities.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { FAILURES } from '../../src/contract/failures.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import { timeoutText } from '../../src/report/text.js';
import { creating, outcomesOf, requestFor, role, WorkflowStage, wrote } from '../support/workflow-stage.js';

let stage: WorkflowStage;

beforeAll(async () => {
  stage = await WorkflowStage.start();
});

afterAll(async () => {
  await stage.stop();
});

/** A request whose deadline is the test server's, and what it is called. */
function requestWithDeadline(...names: readonly (readonly [name: string, ...dependsOn: readonly string[]])[]): {
  readonly request: BootstrapRequest;
  readonly timeoutMs: number;
  readonly short: string;
} {
  const { timeoutMs } = stage.durations;
  const request = requestFor(
    names.map(([name, ...dependsOn]) => role(name, ...dependsOn)),
    { timeoutMs },
  );
  stage.activities = creating(request);
  return { request, timeoutMs, short: `no progress for ${timeoutText(timeoutMs)}` };
}

/** A failure after which Temporal tries again within the deadline. */
function unavailable(timeoutMs: number): ApplicationFailure {
  return ApplicationFailure.create({
    message: 'CreateRole answered ServiceUnavailable',
    type: 'ServiceUnavailable',
    nextRetryDelay: timeoutMs / 10,
  });
}

/** What the server tells of an activity that has failed and is tried again. */
function failing(workflowId: string, summary: string, more: Partial<PendingActivity> = {}): PendingActivity {
  const failure = { type: 'ServiceUnavailable', message: 'CreateRole answered ServiceUnavailable' };
  return { workflowId, summary, activityId: '1', isStarted: false, failedAttempts: 9, failure, writes: 0, ...more };
}

test('a run ends where nothing of it makes progress, and names what each entity waited for', async () => {
  const { request, timeoutMs, short } = requestWithDeadline(['first'], ['second', 'first'], ['third', 'second']);
  const second = failing(`iam:${request.target.account}:Role:second`, 'create Role/second for ci');
  stage.activities.listPendingActivities = () => Promise.resolve([second]);
  let attempts = 0;
  stage.activities.createEntity = ({ entity }) => {
    if (entity.name === 'first') return Promise.resolve(wrote('create'));
    attempts += 1;
    return Promise.reject(unavailable(timeoutMs));
  };
  const report = await stage.bootstrap(request);
  const { remedy } = FAILURES.ServiceUnavailable;
  expect(report).toMatchObject({
    result: 'failed',
    reason: `${short}: create Role/second for ci: CreateRole answered ServiceUnavailable`,
    remedy,
  });
  expect(outcomesOf(report)).toEqual({ first: 'created', second: 'failed', third: 'skipped' });
  expect(report.entities[0]?.writes).toHaveLength(1);
  expect(report.entities[1]).toMatchObject({ reason: `CreateRole answered ServiceUnavailable (${short})`, remedy });
  expect(attempts).toBeGreaterThan(5);
});

test('a run whose account cannot be read ends with a report', async () => {
  const { request, timeoutMs, short } = requestWithDeadline(['one']);
  const { target, namespace } = request;
  const reading = failing(bootstrapWorkflowId(target.account, namespace), 'read the account');
  stage.activities.listPendingActivities = () => Promise.resolve([reading]);
  stage.activities.planEntities = () => Promise.reject(unavailable(timeoutMs));
  expect(await stage.bootstrap(request)).toMatchObject({
    result: 'failed',
    reason: `${short}: read the account: CreateRole answered ServiceUnavailable`,
    entities: [],
  });
});

test('a run goes on for longer than its timeout where entities end in between', async () => {
  const { request, timeoutMs } = requestWithDeadline(['a'], ['b', 'a'], ['c', 'b'], ['d', 'c']);
  const seen = new Set<string>();
  stage.activities.createEntity = ({ entity }) => {
    if (seen.has(entity.name)) return Promise.resolve(wrote('create'));
    seen.add(entity.name);
    return Promise.reject(ApplicationFailure.create({ message: 'throttled', nextRetryDelay: timeoutMs * 0.7 }));
  };
  const report = await stage.bootstrap(request);
  expect(report.result).toBe('converged');
  expect(report.durationMs).toBeGreaterThan(timeoutMs * 2);
});

test('a new write of an entity that is tried again is progress, and one that was known is not', async () => {
  const { request, timeoutMs, short } = requestWithDeadline(['one']);
  const { target } = request;
  stage.activities.createEntity = () => Promise.reject(unavailable(timeoutMs));
  let checks = 0;
  stage.activities.listPendingActivities = () => {
    checks += 1;
    const failure = { type: 'Throttled', message: 'throttled' };
    const more = { failure, writes: Math.min(checks, 8) };
    return Promise.resolve([failing(`iam:${target.account}:Role:one`, 'create Role/one', more)]);
  };
  const report = await stage.bootstrap(request);
  expect(report.entities[0]?.reason).toBe(`throttled (${short})`);
  expect(checks).toBe(8 + 5);
});
