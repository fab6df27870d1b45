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
  const createdAt = [{ index: 0, createdAt: expect.any(String) as string }];
  expect(result).toEqual({ differing: [], createdAt, calls: {} });
});

test('reports by position what still differs at the end of the window, on attempt 2 as well', async () => {
  const { result } = await runAttempt(account, 'verifyEntities', VERIFY, { info: { attempt: 2 } });
  expect(result?.differing).toMatchObject([{ index: 0, decision: { action: 'create' } }]);
});

test('counts as unverified what AWS has not shown when its run is cancelled', async () => {
  const onStart = (environment: { cancel(): void }): void => {
    environment.cancel();
  };
  const { result } = await runAttempt(account, 'verifyEntities', VERIFY, { onStart });
  expect(result).toMatchObject({ differing: [], unverified: [0] });
});

test('names what AWS refuses to show, and waits for it no longer', async () => {
  account.failNext('GetRole', 'AccessDenied', { message: 'not you' });
  const { result } = await runAttempt(account, 'verifyEntities', VERIFY);
  const unread = { operation: 'GetRole', code: 'AccessDenied', requestId: 'request-of-GetRole' };
  expect(result?.differing).toMatchObject([{ index: 0, decision: { action: 'refuse', unread } }]);
  expect(result?.createdAt).toMatchObject([{ index: 1 }]);
});

test('of a cancelled run looks once', async () => {
  const { result } = await runAttempt(account, 'verifyEntities', { ...VERIFY, once: true });
  expect(result).toMatchObject({ differing: [], unverified: [0] });
});

test('a deletion holds where another namespace has created the entity anew', async () => {
  account.add('Role/deploy', { tags: { 'iam-bootstrap:namespace': 'other', 'iam-bootstrap:intent': 'theirs' } });
  const deleted = { createdAt: null, intent: null };
  const entities = [{ ...ROLE, state: 'absent' as const, spec: { roleName: 'deploy' }, deleted }];
  const { result } = await runAttempt(account, 'verifyEntities', { ...VERIFY, entities });
  expect(result).toMatchObject({
    differing: [],
    recreated: [{ index: 0, owner: 'iam-bootstrap namespace "other"' }],
  });
});

test.each([
  ['is another one where it was created later', '2026-01-02T00:00:00Z', undefined, true],
  ['is another one where it has another intent', '2026-01-01T00:00:00Z', 'another', true],
  ['is the one that was deleted where neither differs', '2026-01-01T00:00:00Z', 'intent', false],
])('what AWS shows after a deletion %s', async (_title, createdAt, intent, isAnother) => {
  const tags = intent === undefined ? {} : { 'iam-bootstrap:intent': intent, 'iam-bootstrap:namespace': 'ci' };
  account.add('Role/deploy', { tags, createdAt: new Date(createdAt) });
  const deleted = { createdAt: '2026-01-01T00:00:00Z', intent: 'intent' };
  const entities = [{ ...ROLE, state: 'absent' as const, spec: { roleName: 'deploy' }, deleted }];
  const { result } = await runAttempt(account, 'verifyEntities', { ...VERIFY, entities });
  expect([result?.recreated?.length ?? 0, result?.differing.length]).toEqual(isAnother ? [1, 0] : [0, 1]);
});

test('reports with the others what this run has not written', async () => {
  const entities = [
    ROLE,
    { ...ROLE, name: 'other', spec: { ...ROLE.spec, roleName: 'other' }, isUnwritten: true },
    GROUP,
  ];
  const { result } = await runAttempt(account, 'verifyEntities', { ...VERIFY, entities });
  expect(result?.differing.map(({ index }) => index)).toEqual([0, 1]);
});
