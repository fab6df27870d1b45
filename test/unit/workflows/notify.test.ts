import type * as workflow from '@temporalio/workflow';
import { startChild } from '@temporalio/workflow';
import type { Notification, RunOutcome } from '../../../src/contract/notification.js';
import { bootstrapRequest, notification, runOutcome } from '../../../src/contract/request-shapes.js';
import { notify } from '../../../src/workflows/notify.js';
import { TOLD } from '../../support/notifications.js';

jest.mock('@temporalio/workflow', () => ({
  ...jest.requireActual<typeof workflow>('@temporalio/workflow'),
  startChild: jest.fn(() => Promise.resolve()),
  CancellationScope: { nonCancellable: (work: () => unknown) => work() },
}));

const LONG = 'x'.repeat(1_000_000);

/** Returns the arguments with which the last notification was started. */
function started(): readonly [Notification, RunOutcome] {
  const [, options] = (jest.mocked(startChild).mock.lastCall ?? []) as unknown[];
  return (options as { readonly args: readonly [Notification, RunOutcome] }).args;
}

test('a text that is too long is cut: people are told in any case, in a message that every channel takes', async () => {
  const entities = Array.from({ length: 500 }, () => ({ id: LONG, line: LONG }));
  const subject = { ...TOLD.subject, environment: LONG, fleet: LONG, url: `https://ci.example.com/${LONG}` };
  const trouble = Array.from({ length: 5_000 }, () => LONG);
  await notify(
    { ...TOLD, key: '1', subject, summary: LONG, reason: LONG, remedy: LONG, entities },
    { manifest: LONG, environment: LONG, trouble, runId: '1', at: TOLD.at, hasLooked: true },
  );
  const [told, outcome] = started();
  expect(notification(told, '')).toBeNull();
  expect(runOutcome(outcome, '')).toBeNull();
  expect(told.subject).toMatchObject({ namespace: 'platform', url: null });
  expect(told.subject.environment).toMatch(/^x{299}…$/);
  expect(Buffer.byteLength(JSON.stringify(told))).toBeLessThan(20_000);
});

test('a text of a client is bounded where a request is read, before it is anywhere', () => {
  const problemWith = (more: object): string | null => bootstrapRequest({ ...REQUEST, ...more }, '');
  expect(problemWith({})).toBeNull();
  expect(problemWith({ environment: 'x'.repeat(301) })).toBe('environment: expected text of at most 300 characters');
  expect(problemWith({ pipeline: { ...REQUEST.pipeline, url: LONG } })).toBe(
    'pipeline.url: expected text of at most 2000 characters',
  );
  expect(notification({ ...TOLD, counts: { [LONG]: 1 } }, '')).toMatch(/^counts: /);
});

const REQUEST = {
  version: 1,
  target: { account: '111111111111', partition: 'aws' },
  namespace: 'platform',
  environment: 'prod',
  entities: [],
  digest: 'd',
  key: 'k',
  pipeline: { provider: 'local', url: null, commit: null, actor: null },
  keepGoing: false,
  manifest: 'iam.yaml',
};
