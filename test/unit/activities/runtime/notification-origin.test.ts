import type { Info } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createActivities, type WorkerParts } from '../../../../src/activities/index.js';
import { assertNotification, type NotificationRuns } from '../../../../src/activities/runtime/notification-origin.js';
import type { EntityRun } from '../../../../src/contract/activities.js';
import type { Notification } from '../../../../src/contract/notification.js';
import { notificationWorkflowId } from '../../../../src/contract/workflow-ids.js';
import { TOLD } from '../../../support/notifications.js';

const { workflowId, runId } = TOLD.subject;
const PARENT: EntityRun = { workflowId, runId };
const CHILD: EntityRun = { workflowId: notificationWorkflowId(TOLD.id), runId: 'child' };
const SILENT = new DefaultLogger('ERROR', () => undefined);
const OURS: Partial<Info> = { workflowType: 'notification', workflowExecution: CHILD, taskQueue: 'workers' };

/** What Temporal has recorded of the notification and of the run that has started it. */
function recorded({
  parent = PARENT,
  type = 'bootstrap',
  queue = 'workers',
  childQueue = 'workers',
} = {}): NotificationRuns {
  return {
    parentOf: () => Promise.resolve(parent),
    descentFrom: (earlier, { runId: own }) =>
      Promise.resolve(own === earlier || own === 'continued' ? { isReset: false } : null),
    workflowOf: ({ runId: asked }) =>
      Promise.resolve(
        asked === CHILD.runId ? { type: 'notification', taskQueue: childQueue } : { type, taskQueue: queue },
      ),
  };
}

async function problemOf(runs: NotificationRuns, info: Partial<Info> = {}, told: unknown = TOLD): Promise<string> {
  const environment = new MockActivityEnvironment({ ...OURS, ...info }, { logger: SILENT });
  return environment
    .run(() => assertNotification(told as Notification, runs))
    .then(
      () => 'accepted',
      (error: unknown) => (error as Error).message,
    );
}

test.each(['bootstrap', 'scheduledRun', 'fleet'])(
  'a notification that a %s run has started is accepted',
  async (type) => {
    expect(await problemOf(recorded({ type }))).toBe('accepted');
  },
);

test('a notification of a run that has continued as new is accepted: it tells of the first run of the chain', async () => {
  expect(await problemOf(recorded({ parent: { workflowId, runId: 'continued' } }))).toBe('accepted');
});

const NOT_STARTED = `only a run of this worker may notify people: the run that it is about, ${workflowId}, has not started it`;
const NOT_OURS = `only a run of this worker may notify people: it is not the notification ${TOLD.id} of a worker`;

test.each<[string, NotificationRuns, Partial<Info>, string]>([
  ['has no parent', { ...recorded(), parentOf: () => Promise.resolve(undefined) }, {}, NOT_STARTED],
  ['is the child of another run', recorded({ parent: { workflowId: 'evil', runId } }), {}, NOT_STARTED],
  ['is the child of a later run', recorded({ parent: { workflowId, runId: 'later' } }), {}, NOT_STARTED],
  ['is the child of a workflow on a queue of the client', recorded({ queue: 'evil' }), {}, NOT_STARTED],
  ['is the child of another workflow type', recorded({ type: 'explain' }), {}, NOT_STARTED],
  ['runs on a queue of the client', recorded({ childQueue: 'evil' }), {}, NOT_OURS],
  ['is another workflow', recorded(), { workflowType: 'evil' }, NOT_OURS],
  ['has another ID', recorded(), { workflowExecution: { ...CHILD, workflowId: 'evil' } }, NOT_OURS],
])('a notification that %s is refused', async (_, runs, info, problem) => {
  expect(await problemOf(runs, info)).toBe(problem);
});

test('a notification with another shape is refused', async () => {
  expect(await problemOf(recorded(), {}, { ...TOLD, summary: 'x'.repeat(301) })).toMatch(
    /^this is no notification: summary/,
  );
  expect(await problemOf(recorded(), {}, null)).toMatch(/^this is no notification/);
});

describe('the activities', () => {
  const call = async (name: 'notificationChannels' | 'deliverNotification', told: Notification): Promise<unknown> => {
    const parts = { entityRuns: recorded({ queue: told.summary === 'forged' ? 'evil' : 'workers' }) };
    const activities = createActivities(parts as unknown as WorkerParts);
    const argument = name === 'deliverNotification' ? { channel: 'ops', notification: told } : told;
    const workflowExecution = { ...CHILD, workflowId: notificationWorkflowId(told.id) };
    const environment = new MockActivityEnvironment({ ...OURS, workflowExecution }, { logger: SILENT });
    return environment
      .run(activities[name] as (given: unknown) => Promise<unknown>, argument)
      .catch((error: unknown) => {
        const { message, nonRetryable = false } = error as Error & { nonRetryable?: boolean };
        return `${nonRetryable ? 'for good' : 'again'}: ${message}`;
      });
  };

  test('refuse a forged notification for good', async () => {
    for (const name of ['notificationChannels', 'deliverNotification'] as const) {
      expect(await call(name, { ...TOLD, summary: 'forged' })).toBe(`for good: ${NOT_STARTED}`);
    }
  });

  test('leave to another worker what one that has no channels cannot tell', async () => {
    expect(await call('notificationChannels', TOLD)).toMatch(/^again: this worker has no notifications file/);
    expect(await call('deliverNotification', TOLD)).toMatch(/^again: this worker has no channel ops/);
    // A scheduled run has its drift told whether or not a worker tells people.
    expect(await call('notificationChannels', { ...TOLD, id: 'drift.found:1', type: 'drift.found' })).toEqual([]);
  });
});
