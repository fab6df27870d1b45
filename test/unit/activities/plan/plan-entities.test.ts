import type { PlannedEntity } from '../../../../src/contract/activities.js';
import type { EntityClaim } from '../../../../src/contract/entity-claims.js';
import type { Decision } from '../../../../src/contract/report.js';
import type { BootstrapRequest } from '../../../../src/contract/request.js';
import { GROUP, ROLE, RUN_ID, runAttempt } from '../../../support/activity.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount, OWNED_TAGS, TARGET } from '../../../support/fake-account.js';

const REQUEST: BootstrapRequest = {
  version: 1,
  target: TARGET,
  namespace: 'ci',
  environment: 'dev',
  entities: [ROLE, GROUP],
  digest: 'sha256:0',
  key: 'key',
  pipeline: { provider: 'none', url: null, commit: null, actor: null },
  keepGoing: false,
  manifest: 'iam.yaml',
};

let account: FakeAccount;

beforeEach(() => {
  account = new FakeAccount();
});

test('decides for each entity, names its lock, and writes nothing', async () => {
  account.add('Group/readers');
  const { result } = await runAttempt(account, 'planEntities', REQUEST);
  expect(result?.entities).toMatchObject([
    { name: 'deploy', decision: { action: 'create' }, workflowId: 'iam:111111111111:Role:deploy' },
    { name: 'readers', decision: { action: 'no-op' } },
  ]);
  expect(result?.digest).toBeUndefined();
  expect(account.writes).toEqual([]);
});

test('attempt 2 makes the same plan, and its digest is the same', async () => {
  const request = { ...REQUEST, approval: { timeoutMs: 1_000 } };
  const first = await runAttempt(account, 'planEntities', request);
  const second = await runAttempt(account, 'planEntities', request, { info: first.next });
  expect(second.result).toEqual(first.result);
  expect(second.result?.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('names the principals in trust policies that the plan creates, itself included, and no others', async () => {
  account.add('Role/there', { tags: OWNED_TAGS, input: { AssumeRolePolicyDocument: '{}' } });
  const trusting = (name: string, ...AWS: readonly string[]) =>
    desired('Role', name, {
      roleName: name,
      assumeRolePolicyDocument: { Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }] },
    });
  const arnOf = (name: string): string => `arn:aws:iam::${TARGET.account}:role/${name}`;
  const entities = [
    ROLE,
    trusting('there', '{{arn Role/deploy}}', TARGET.account),
    trusting('new', '{{arn Role/new}}', '{{arn Role/there}}', arnOf('deploy'), '*'),
    trusting('last', '{{arn Role/there}}'),
  ];
  const { result } = await runAttempt(account, 'planEntities', { ...REQUEST, entities });
  expect(result?.entities.map(({ newPrincipals }) => newPrincipals)).toEqual([
    undefined,
    [arnOf('deploy')],
    [arnOf('new'), arnOf('deploy')],
    undefined,
  ]);
});

describe('what AWS refuses to show', () => {
  test('fails by itself, is no part of the ledger, and leaves the others as they are', async () => {
    account.failNext('GetRole', 'InvalidAction');
    const { result } = await runAttempt(account, 'planEntities', REQUEST);
    expect(result?.entities).toMatchObject([
      { name: 'deploy', decision: { action: 'refuse', unread: { operation: 'GetRole', code: 'InvalidAction' } } },
      { name: 'readers', decision: { action: 'create' } },
    ]);
    expect(result?.entities[0]?.declaration).toBeUndefined();
  });

  test.each([
    ['renamed', 'GetGroup', GROUP, ROLE],
    ['replaced', 'GetRole', ROLE, GROUP],
  ])('is neither %s nor forgotten under its old name', async (_title, operation, entity, other) => {
    account.add(`${entity.kind}/old`, { tags: OWNED_TAGS });
    const known = { manifest: 'iam.yaml', environment: 'dev', key: {}, runId: RUN_ID, at: 'now' };
    const declarations = [{ ...known, id: `${entity.kind}/old` }];
    const entities = [{ ...entity, renamedFrom: 'old' }, other];
    for (const refusedNames of [1, 2]) {
      for (let name = 0; name < refusedNames; name += 1) account.failNext(operation, 'AccessDenied');
      const { result } = await runAttempt(account, 'planEntities', { ...REQUEST, entities }, { declarations });
      const [first, second, ...removed] = result?.entities.map(({ decision }) => decision.action) ?? [];
      expect([first, second]).toEqual(['refuse', 'create']);
      expect(removed.filter((action) => action !== 'refuse')).toEqual([]);
      expect([result?.gone, result?.orphans, result?.entities[0]?.moved]).toEqual([undefined, undefined, undefined]);
    }
  });

  test('fails what belongs to it, which may exist under its old name', async () => {
    account.refuse = (operation, { UserName }) => operation === 'GetUser' && UserName === 'old';
    const user = desired('User', 'ann', { userName: 'ann' }, { renamedFrom: 'old' });
    const profile = desired('LoginProfile', 'ann', { userName: 'ann' }, { state: 'absent' });
    const { result } = await runAttempt(account, 'planEntities', { ...REQUEST, entities: [user, profile, GROUP] });
    expect(result?.entities.map(({ decision }) => decision.action)).toEqual(['refuse', 'refuse', 'create']);
  });

  test('fails what it was made anew from, where only the old name could not be read', async () => {
    account.add('Role/deploy', { tags: OWNED_TAGS });
    account.refuse = (operation, { RoleName }) => operation === 'GetRole' && RoleName === 'old';
    const entities = [{ ...ROLE, renamedFrom: 'old' }, GROUP];
    const { result } = await runAttempt(account, 'planEntities', { ...REQUEST, entities });
    expect(result?.entities.map(({ name, decision }) => [name, decision.unread?.code])).toEqual([
      ['deploy', undefined],
      ['readers', undefined],
      ['old', 'AccessDenied'],
    ]);
    expect(result?.entities[2]?.decision.action).toBe('refuse');
    expect(result?.gone).toBeUndefined();
  });

  test('fails the deletion that it is a part of', async () => {
    account.add('Role/deploy', { tags: OWNED_TAGS });
    account.failNext('ListInstanceProfilesForRole', 'AccessDenied');
    const entities = [desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' }), GROUP];
    const { result } = await runAttempt(account, 'planEntities', { ...REQUEST, entities });
    expect(result?.entities).toMatchObject([
      { decision: { action: 'refuse', drift: [], unread: { operation: 'ListInstanceProfilesForRole' } } },
      { decision: { action: 'create' } },
    ]);
  });
});

test('lists each write of a deletion, and refuses what is still attached, with a log line', async () => {
  account.add('Role/deploy', { tags: OWNED_TAGS });
  const entities = [desired('Role', 'deploy', { roleName: 'deploy' }, { state: 'absent' })];
  const { result } = await runAttempt(account, 'planEntities', { ...REQUEST, entities });
  expect(result?.entities[0]?.decision).toMatchObject({ action: 'delete', drift: [{ summary: 'DeleteRole deploy' }] });

  account.add('InstanceProfile/web');
  const refused = await runAttempt(account, 'planEntities', { ...REQUEST, entities });
  const reason = 'cannot be deleted: still attached to InstanceProfile/web, which this run keeps';
  expect(refused.result?.entities[0]?.decision).toMatchObject({ action: 'refuse', reason });
  expect(refused.logs).toContainEqual({ level: 'WARN', message: `the plan refuses Role/deploy: ${reason}` });
});

describe('a kind without tags, by the claims in the ledger of the account', () => {
  const claim = (namespace: string): EntityClaim => ({ id: 'Group/Readers', namespace, runId: RUN_ID, at: 'now' });
  const planned = async (entityClaims: readonly EntityClaim[], more = {}): Promise<PlannedEntity | undefined> => {
    account.add('Group/readers');
    const request = { ...REQUEST, entities: [{ ...GROUP, ...more }] };
    return (await runAttempt(account, 'planEntities', request, { entityClaims })).result?.entities[0];
  };

  test('is claimed where no namespace does, and stays ours', async () => {
    expect((await planned([]))?.claim).toEqual({ is: 'taken', replaces: null });
    expect((await planned([claim('ci')]))?.claim).toBeUndefined();
    expect((await planned([claim('ci')], { state: 'absent' }))?.claim).toEqual({ is: 'dropped' });
  });

  test('is refused where another namespace claims it, unless it is taken over', async () => {
    expect(await planned([claim('other')])).toMatchObject({
      decision: { action: 'refuse', reason: expect.stringContaining('namespace "other"') as string },
    });
    expect((await planned([claim('other')], { state: 'absent' }))?.decision.action).toBe('refuse');
    expect((await planned([claim('other')], { state: 'destroyed', includeAdopted: true }))?.decision.action).toBe(
      'no-op',
    );
    const taken = await planned([claim('other')], { adopt: 'foreign' });
    expect(taken).toMatchObject({ decision: { action: 'no-op' }, claim: { is: 'taken', replaces: 'other' } });
    const removed = await planned([claim('other')], { adopt: 'foreign', state: 'absent' });
    expect(removed).toMatchObject({ decision: { action: 'delete' }, claim: { is: 'dropped', replaces: 'other' } });
  });

  test('is only observed with observe: true, and then claims nothing', async () => {
    expect((await planned([], { observe: true }))?.claim).toBeUndefined();
  });
});

describe('the deletion of a user whose credential another namespace claims', () => {
  const user = desired('User', 'alice', { userName: 'alice' }, { state: 'absent' });
  const claim = { id: 'AccessKey/Alice', namespace: 'other', runId: RUN_ID, at: 'now' };
  const actionFor = async (claims: readonly EntityClaim[]): Promise<Decision | undefined> => {
    account.add('User/alice', { tags: OWNED_TAGS });
    const request = { ...REQUEST, entities: [user] };
    return (await runAttempt(account, 'planEntities', request, { entityClaims: claims })).result?.entities[0]?.decision;
  };

  test('is refused, and names the credential and the namespace', async () => {
    expect(await actionFor([claim])).toMatchObject({
      action: 'refuse',
      reason: 'would be deleted with AccessKey/Alice, which namespace "other" declares',
    });
  });

  test('claims what nobody claims of what goes with the user', async () => {
    account.add('User/alice', { tags: OWNED_TAGS });
    const { result } = await runAttempt(
      account,
      'planEntities',
      { ...REQUEST, entities: [user] },
      { entityClaims: [] },
    );
    expect(result?.entities[0]?.takes).toContain('AccessKey/alice');
  });

  test('is planned where the claim is ours', async () => {
    expect((await actionFor([{ ...claim, namespace: 'ci' }]))?.action).toBe('delete');
  });
});

describe('references to an entity with observe: true', () => {
  const base = desired('Role', 'base', { ...ROLE.spec, roleName: 'base', path: '/declared/' }, { observe: true });
  const policy = { ...ROLE.spec, roleName: 'uses', description: 'assumes {{arn Role/base}}' };
  const uses = desired('Role', 'uses', policy, { dependsOn: ['Role/base'] });
  const request = { ...REQUEST, entities: [base, uses] };

  test('are refused where it does not exist, since no run creates it', async () => {
    const { result } = await runAttempt(account, 'planEntities', request);
    expect(result?.entities.map(({ decision }) => decision.action)).toEqual(['no-op', 'refuse']);
    expect(result?.entities[1]?.decision.reason).toMatch(/^refers to Role\/base, which does not exist/);
  });

  test('get the ARN that exists, whatever path the manifest declares', async () => {
    account.add('Role/base');
    const { result } = await runAttempt(account, 'planEntities', request);
    expect(result?.entities[0]?.arn).toBe('arn:aws:iam::111111111111:role/base');
    expect(result?.entities[1]?.decision.action).toBe('create');
  });
});

test('refuses the credentials of another account, for good', async () => {
  account.callerAccount = '222222222222';
  const { failure } = await runAttempt(account, 'planEntities', REQUEST);
  expect(failure).toMatchObject({ type: 'WrongAccount', nonRetryable: true });
});

test('refuses a malformed request, for good', async () => {
  const { failure } = await runAttempt(account, 'planEntities', { ...REQUEST, namespace: 'No such' });
  expect(failure).toMatchObject({ type: 'InvalidManifest', nonRetryable: true });
});

test('is repeated where a read is throttled, and reports the failed attempt in its last heartbeat', async () => {
  account.failNext('GetRole', 'Throttling');
  const { failure, heartbeats } = await runAttempt(account, 'planEntities', REQUEST);
  expect(failure).toMatchObject({ type: 'Throttled', nonRetryable: false });
  expect(failure?.details?.[0]).toMatchObject({ operation: 'GetRole', requestId: 'request-of-GetRole' });
  expect(heartbeats).toMatchObject([{ sent: [], failedAttempt: 1 }]);
});

test('finishes its reads when it is cancelled, and writes nothing', async () => {
  const onStart = (environment: { cancel(): void }): void => {
    environment.cancel();
  };
  const { failure } = await runAttempt(account, 'planEntities', REQUEST, { onStart });
  expect(failure).toBeUndefined();
  expect(account.writes).toEqual([]);
});
