import { ROLE, RUN_ID, runAttempt } from '../../support/activity.js';
import { FakeAccount, OWNED_TAGS, TARGET } from '../../support/fake-account.js';

const REQUEST = {
  target: TARGET,
  entities: [ROLE],
  requestId: null,
  from: '2026-11-28T00:00:00Z',
  to: '2026-11-29T00:00:00Z',
};
const EVENT = {
  eventId: 'event-1',
  at: '2026-11-28T12:00:00Z',
  operation: 'CreateRole',
  requestId: 'request-1',
  code: null,
  principal: 'arn:aws:iam::111111111111:user/ci',
  sourceIdentity: null,
  sourceIp: null,
  userAgent: null,
  runId: null,
};

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
  account.add('Role/deploy', { tags: OWNED_TAGS });
});

test('reads the entities, and the events that are about them', async () => {
  account.events.push({ event: EVENT, parameters: { roleName: 'deploy' } });
  account.events.push({ event: { ...EVENT, eventId: 'event-2' }, parameters: { roleName: 'another' } });
  const { result, heartbeats } = await runAttempt(account, 'gatherEvidence', REQUEST, { info: { attempt: 2 } });
  expect(result?.found).toMatchObject([
    { status: 'present', createdByRun: RUN_ID, owner: 'iam-bootstrap namespace "ci"' },
  ]);
  expect(result?.trail).toMatchObject({ status: 'read', events: [{ eventId: 'event-1', entity: 'Role/deploy' }] });
  expect(heartbeats.flatMap(({ sent }) => sent)).toEqual([]);
});

test('finds an event by its request ID, whatever it is about', async () => {
  account.events.push({ event: EVENT, parameters: { roleName: 'another' } });
  const { result } = await runAttempt(account, 'gatherEvidence', { ...REQUEST, requestId: 'request-1' });
  expect(result?.trail.events).toMatchObject([{ entity: 'Role/another' }]);
});

test('reports what it cannot read, and fails nothing', async () => {
  account.failNext('GetRole', 'AccessDenied');
  const { result } = await runAttempt(account, 'gatherEvidence', REQUEST);
  expect(result?.found).toMatchObject([{ status: 'unread', message: 'GetRole answered AccessDenied: AccessDenied' }]);
});

test('reads nothing of another account', async () => {
  account.callerAccount = '222222222222';
  const { result } = await runAttempt(account, 'gatherEvidence', REQUEST);
  expect(result).toMatchObject({ found: [{ status: 'unread' }], trail: { status: 'unavailable', events: [] } });
});
