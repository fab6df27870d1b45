import type { Info } from '@temporalio/activity';
import { MockActivityEnvironment } from '@temporalio/testing';
import { Permits } from '../../../../src/activities/runtime/permits.js';
import { SchedulePermits } from '../../../../src/activities/runtime/schedule-permits.js';
import type { SchedulePermit } from '../../../../src/contract/identity.js';
import type { BootstrapRequest } from '../../../../src/contract/request.js';
import { scheduleId, WorkflowType } from '../../../../src/contract/workflow-ids.js';
import { requestDigest } from '../../../../src/engine/request-digest.js';
import { requestOf } from '../../../support/planned.js';

const BASE = requestOf([]);
const { target, namespace, environment } = BASE;
const [FIRST, OTHER] = ['first', 'other'].map((name) =>
  scheduleId({ account: target.account, namespace, environment }, 'enforce', name),
) as [string, string];
const PARENT = { workflowId: `${FIRST}-2026-01-01T00:00:00Z`, runId: 'parent' };
const HERE = 'iam-bootstrap';

/** A worker's permits, in a Temporal where the first schedule has started the parent, as the given workflow. */
function permits(type: string, taskQueue = HERE): SchedulePermits {
  return new SchedulePermits(new Permits(['a key of at least thirty-two characters']), {
    parentOf: () => Promise.resolve(PARENT),
    originOf: ({ runId }) => Promise.resolve({ startedAt: 0, firstRunId: runId }),
    workflowOf: () => Promise.resolve({ type, taskQueue }),
    isOfSchedule: (schedule, { runId }) => Promise.resolve(schedule === FIRST && runId === PARENT.runId),
  });
}

const RUN = { workflowExecution: { workflowId: 'lock', runId: 'child' }, taskQueue: HERE };

/** Returns the request of a schedule, with the permit that a run of the given workflow has got for it. */
async function requested(schedule: string, type: string = WorkflowType.PermitSchedule): Promise<BootstrapRequest> {
  const request = { ...BASE, key: schedule, digest: requestDigest(BASE) };
  const scheduled = { version: 1, schedule, command: 'enforce', request } as const;
  const sign = (): Promise<SchedulePermit> => permits(type).sign(scheduled, { requester: null });
  return { ...request, proof: { permit: await new MockActivityEnvironment(RUN).run(sign) } };
}

/** Asserts the permit of a schedule in a bootstrap run that the parent has started. */
async function assertIn(by: SchedulePermits, schedule: string): Promise<unknown> {
  const request = await requested(schedule);
  const info: Partial<Info> = { ...RUN, workflowType: WorkflowType.Bootstrap };
  return new MockActivityEnvironment(info).run(() => by.assert(request));
}

test('the permit of a schedule counts in the bootstrap run of its scheduled run', async () => {
  await expect(assertIn(permits(WorkflowType.ScheduledRun), FIRST)).resolves.toMatchObject({ schedule: FIRST });
});

test('it does not count where the schedule has started another workflow, or one of other workers', async () => {
  await expect(assertIn(permits('theirs'), FIRST)).rejects.toThrow('no scheduled run of this task queue uses it');
  const elsewhere = permits(WorkflowType.ScheduledRun, 'theirs');
  await expect(assertIn(elsewhere, FIRST)).rejects.toThrow('no scheduled run of this task queue uses it');
});

test('a run that is known as that of one schedule is not that of another', async () => {
  const by = permits(WorkflowType.ScheduledRun);
  await assertIn(by, FIRST);
  await expect(assertIn(by, OTHER)).rejects.toThrow('which has not started this run');
});

test('a workflow that a client made gets no permit', async () => {
  await expect(requested(FIRST, 'theirs')).rejects.toThrow('it is not sent to be permitted');
});
