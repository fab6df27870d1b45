import { GROUP, ROLE, runAttempt } from '../../../support/activity.js';
import { FakeAccount, TARGET } from '../../../support/fake-account.js';

const VERIFY = { request: { target: TARGET, namespace: 'ci' }, entities: [ROLE, GROUP], arns: {} };

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
  account.add('Group/readers');
});

test('reads again until replicas show what was written', async () => {
  account.staleReads = 1;
  const { result } = await runAttempt(account, 'verifyEntities', { ...VERIFY, entities: [GROUP] });
  expect(result).toEqual({ differing: [], calls: {} });
});

test('reports by position what still differs at the end of the window, on attempt 2 as well', async () => {
  const { result } = await runAttempt(account, 'verifyEntities', VERIFY, { info: { attempt: 2 } });
  expect(result?.differing).toMatchObject([{ index: 0, decision: { action: 'create' } }]);
});

test('ends when it is cancelled between two reads', async () => {
  const onStart = (environment: { cancel(): void }): void => {
    environment.cancel();
  };
  const { failure, heartbeats } = await runAttempt(account, 'verifyEntities', VERIFY, { onStart });
  expect(failure?.name).toBe('CancelledFailure');
  expect(heartbeats).toMatchObject([{ failedAttempt: 1 }]);
});
