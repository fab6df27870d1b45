import type { PlannedChange } from '../../../../src/contract/request.js';
import { GROUP, reconcileRequest, ROLE, runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount, OWNED_TAGS, TARGET } from '../../../support/fake-account.js';

const TAGGED = { ...ROLE, spec: { ...ROLE.spec, tags: { team: 'web' } }, unmanaged: 'remove' } as const;
const REMEDY = 'apply again, and approve the new plan';

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
});

/** Of one entity: a role that was created at another time is another one. */
const CREATED_AT = new Date('2026-01-01T00:00:00Z');

function addRole(tags: Record<string, string>): void {
  const trust = JSON.stringify(ROLE.spec['assumeRolePolicyDocument']);
  account.add('Role/deploy', { tags, createdAt: CREATED_AT, input: { AssumeRolePolicyDocument: trust } });
}

/** Returns what a plan shows for the entity now. */
async function planned(entity: typeof ROLE = TAGGED): Promise<PlannedChange> {
  const { result } = await runAttempt(account, 'planEntities', {
    version: 1,
    target: TARGET,
    namespace: 'ci',
    environment: 'dev',
    entities: [entity],
    digest: 'sha256:0',
    key: 'key',
    pipeline: { provider: 'none', url: null, commit: null, actor: null },
    keepGoing: false,
    manifest: 'iam.yaml',
  });
  const [plan] = result?.entities ?? [];
  return { action: plan?.decision.action ?? 'refuse', lines: plan?.lines ?? [] };
}

describe('under an approved plan', () => {
  test('an update removes nothing that the plan did not show', async () => {
    addRole({ ...OWNED_TAGS, old: '1' });
    const plan = await planned();
    addRole({ ...OWNED_TAGS, old: '1', byHand: '2' });
    const request = reconcileRequest(TAGGED, { action: 'update', planned: plan, approved: true });
    const { result } = await runAttempt(account, 'updateEntity', request);
    const reason = 'has changed since the plan was approved: - removed: tags.byHand = "2"';
    expect(result?.decision).toMatchObject({ action: 'refuse', reason, remedy: REMEDY });
    expect(account.writes).toEqual([]);
  });

  test('an update is written as shown, with less to do as well, and by a second attempt', async () => {
    addRole({ ...OWNED_TAGS, old: '1' });
    const plan = await planned();
    const request = reconcileRequest(TAGGED, { action: 'update', planned: plan, approved: true });
    account.failNext('UntagRole', 'ECONNRESET');
    const first = await runAttempt(account, 'updateEntity', request);
    expect(first.failure).toMatchObject({ type: 'ServiceUnavailable' });
    const { result } = await runAttempt(account, 'updateEntity', request, { info: first.next });
    expect(result).toMatchObject({ decision: { action: 'update' } });
    expect(result?.changedSincePlan).toBeUndefined();
    expect(account.tagsOf('Role/deploy')).toEqual({ ...OWNED_TAGS, team: 'web' });
  });

  test('a create adopts nothing that has appeared since', async () => {
    const plan = await planned();
    addRole({ byHand: '2' });
    const request = reconcileRequest(TAGGED, { planned: plan, approved: true });
    const { result } = await runAttempt(account, 'createEntity', request);
    expect(result?.decision).toMatchObject({ action: 'refuse', remedy: REMEDY });
    expect(result?.decision.reason).toMatch(/^approved to create, now to adopt .*unmanaged: tags: byHand/);
    expect(account.writes).toEqual(['CreateRole']);
    expect(account.tagsOf('Role/deploy')).toEqual({ byHand: '2' });
  });

  test('a group that appears is not adopted either, though it shows no owner', async () => {
    const plan = await planned(GROUP);
    account.add('Group/readers');
    const request = reconcileRequest(GROUP, { planned: plan, approved: true });
    const { result } = await runAttempt(account, 'createEntity', request);
    expect(result?.decision.reason).toMatch(/^approved to create, now to adopt/);
  });

  test('an entity that is gone is not created', async () => {
    addRole(OWNED_TAGS);
    const plan = await planned();
    account.items.clear();
    const request = reconcileRequest(TAGGED, { action: 'create', planned: plan, approved: true, readFirst: true });
    const { result } = await runAttempt(account, 'createEntity', request);
    const reason = 'approved to update, now to create: the entity no longer exists';
    expect(result?.decision).toMatchObject({ action: 'refuse', reason, remedy: REMEDY });
    expect(account.writes).toEqual([]);
  });

  test('an update deletes nothing in order to replace it', async () => {
    const replaced = desired('Role', 'deploy', { ...TAGGED.spec, path: '/new/' }, { replace: true });
    addRole(OWNED_TAGS);
    const update = { action: 'update', lines: [] } as const;
    const request = reconcileRequest(replaced, { action: 'replace', planned: update, approved: true });
    const { result } = await runAttempt(account, 'deleteEntity', request);
    expect(result?.decision).toMatchObject({ action: 'refuse', remedy: REMEDY });
    expect(result?.decision.reason).toMatch(/^approved to update, now to replace .*DeleteRole deploy/);
    expect(account.writes).toEqual([]);
  });

  test('a deletion takes what the plan showed', async () => {
    const absent = desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' });
    addRole(OWNED_TAGS);
    const plan = await planned(absent);
    const request = reconcileRequest(absent, { action: 'delete', planned: plan, approved: true });
    expect((await runAttempt(account, 'deleteEntity', request)).result?.decision.action).toBe('delete');
    expect(account.writes).toEqual(['DeleteRole']);
  });

  test('what this run has created gets what is declared, and loses nothing', async () => {
    addRole({ ...OWNED_TAGS, byHand: '2' });
    const create = { action: 'create', lines: [] } as const;
    const request = reconcileRequest(TAGGED, { planned: create, approved: true, made: true });
    const { result } = await runAttempt(account, 'updateEntity', request);
    expect(result?.decision.reason).toBe('has changed since the plan was approved: - removed: tags.byHand = "2"');
    const kept = reconcileRequest({ ...TAGGED, unmanaged: 'keep' }, { planned: create, approved: true, made: true });
    expect((await runAttempt(account, 'updateEntity', kept)).result?.decision.action).toBe('update');
    expect(account.tagsOf('Role/deploy')).toMatchObject({ byHand: '2', team: 'web' });
  });
});

test('an approved create does not complete a stranger that took the place of what this run created', async () => {
  addRole({ byHand: '2' });
  const entity = { ...TAGGED, adopt: 'foreign' } as const;
  const create = { action: 'create', lines: [] } as const;
  const request = reconcileRequest(entity, { planned: create, approved: true, made: true });
  const { result } = await runAttempt(account, 'updateEntity', request);
  expect(result?.decision.reason).toMatch(/^approved to create, now to adopt/);
  expect(account.writes).toEqual([]);
});

test('an approved deletion does not delete another entity of that name, under another path', async () => {
  const absent = desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' });
  addRole(OWNED_TAGS);
  const shown = await planned(absent);
  const moved = { ...shown, lines: shown.lines.slice(0, 1) };
  const request = reconcileRequest(absent, { action: 'delete', planned: moved, approved: true });
  const { result } = await runAttempt(account, 'deleteEntity', request);
  expect(result?.decision.reason).toContain('is arn:aws:iam::111111111111:role/deploy');
  expect(account.writes).toEqual([]);
});

describe('without an approval', () => {
  test('what the plan did not show is written, and named in the result', async () => {
    addRole({ ...OWNED_TAGS, old: '1' });
    const plan = await planned();
    addRole({ ...OWNED_TAGS, old: '1', byHand: '2' });
    const request = reconcileRequest(TAGGED, { action: 'update', planned: plan });
    const { result } = await runAttempt(account, 'updateEntity', request);
    expect(result).toMatchObject({
      decision: { action: 'update' },
      changedSincePlan: ['- removed: tags.byHand = "2"'],
    });
    expect(account.tagsOf('Role/deploy')).toEqual({ ...OWNED_TAGS, team: 'web' });
  });

  test('a second attempt of a first adoption still keeps what is unmanaged', async () => {
    addRole({ byHand: '2' });
    const request = reconcileRequest(TAGGED, { action: 'adopt', planned: await planned() });
    account.failNext('TagRole', 'ECONNRESET', { isCarriedOut: true });
    const first = await runAttempt(account, 'updateEntity', request);
    await runAttempt(account, 'updateEntity', request, { info: first.next });
    expect(account.tagsOf('Role/deploy')).toMatchObject({ byHand: '2', team: 'web', 'iam-bootstrap:namespace': 'ci' });
  });
});
