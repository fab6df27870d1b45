import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { Enforcement } from '../../../src/activities/runtime/enforcement.js';
import { NO_GUARDRAILS } from '../../../src/activities/runtime/guardrails-file.js';
import { scheduleActivities } from '../../../src/activities/schedules.js';
import type { BootstrapRequest } from '../../../src/contract/request.js';
import type { AppliedRevision } from '../../../src/contract/revision.js';
import { requestOf } from '../../support/planned.js';

const REQUEST = requestOf([]);

function environment(): MockActivityEnvironment {
  return new MockActivityEnvironment(undefined, { logger: new DefaultLogger('ERROR', () => undefined) });
}

function activitiesWith(applied: readonly AppliedRevision[]): ReturnType<typeof scheduleActivities> {
  const none = (): Promise<never> => Promise.reject(new Error('not in this test'));
  return scheduleActivities({
    ledgers: { applied: () => Promise.resolve(applied), recordDrift: none },
    enforcement: new Enforcement({ source: NO_GUARDRAILS }),
    use: none,
  });
}

function applied(value: number, source: AppliedRevision['source'] = 'given'): AppliedRevision {
  return {
    value,
    source,
    environment: REQUEST.environment,
    commit: null,
    url: null,
    runId: 'run',
    at: '2026-01-01T00:00:00.000Z',
  };
}

function other(revisions: readonly AppliedRevision[], request: BootstrapRequest): Promise<AppliedRevision | null> {
  return environment().run(() => activitiesWith(revisions).otherRevision(request));
}

test('another revision than the last applied one is out of date: an older one after an update, a newer one after a rollback', async () => {
  const five: BootstrapRequest = { ...REQUEST, revision: { value: 5, source: 'given' } };
  expect(await other([applied(6)], five)).toMatchObject({ value: 6 });
  expect(await other([applied(3)], five)).toMatchObject({ value: 3 });
  expect(await other([applied(5)], five)).toBeNull();
  expect(await other([], five)).toBeNull();
  expect(await other([applied(3, 'commit-time'), { ...applied(3), environment: 'other' }], five)).toBeNull();
  expect(await other([applied(3)], REQUEST)).toBeNull();
});

test('a schedule that would undo newer revisions at each run is not permitted', async () => {
  const scheduled = {
    version: 1,
    schedule: 'one',
    command: 'enforce',
    request: { ...REQUEST, allowOlder: true },
  } as const;
  const permitted = environment().run(() => activitiesWith([]).permitSchedule(scheduled));
  await expect(permitted).rejects.toThrow('no schedule is permitted to undo newer revisions');
});
