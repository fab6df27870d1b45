import type { JsonObject } from '../../src/contract/entity.js';
import { driftText } from '../../src/report/text.js';
import { hold } from '../support/hold.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { entityOf, writesIn } from '../support/runs.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

useWorld();

const ADMIN = 'arn:aws:iam::aws:policy/AdministratorAccess';
const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';

describe('a role that loses an administrator policy and its boundary, and that another account may assume', () => {
  const before = role('r', {
    assumeRolePolicyDocument: trusting({ AWS: '111122223333' }),
    permissionsBoundary: READ_ONLY,
    managedPolicyArns: [ADMIN],
  });
  const after: JsonObject = {
    ...before,
    assumeRolePolicyDocument: trusting({ AWS: ['111122223333', '444455556666'] }),
    permissionsBoundary: null,
    managedPolicyArns: [],
    unmanaged: { managedPolicyArns: 'remove' },
  };

  async function trustAndBoundary(): Promise<readonly unknown[]> {
    const { Role } = await iam.getRole({ RoleName: 'r' });
    return [Role?.AssumeRolePolicyDocument, Role?.PermissionsBoundary?.PermissionsBoundaryArn];
  }

  beforeEach(async () => {
    await runs.apply([before]);
    world.proxy.clear();
  });

  test('keeps trust and boundary while the detachment is denied', async () => {
    const atFirst = await trustAndBoundary();
    world.proxy.on({ action: 'DetachRolePolicy' }, { kind: 'error', status: 403, code: 'AccessDenied' });
    for (let run = 1; run <= 2; run += 1) {
      expect(entityOf(await runs.apply([after]), 'Role/r').outcome).toBe('failed');
      expect(await trustAndBoundary()).toEqual(atFirst);
    }
    expect(new Set(writesIn(world))).toEqual(new Set(['DetachRolePolicy']));
  });

  test('is detached first, and trusts last', async () => {
    expect(entityOf(await runs.apply([after]), 'Role/r').outcome).toBe('updated');
    expect(writesIn(world)).toEqual(['DetachRolePolicy', 'DeleteRolePermissionsBoundary', 'UpdateAssumeRolePolicy']);
  });

  test('is read again where a replica says that the policy is not attached', async () => {
    const message = `Policy ${ADMIN} was not found.`;
    world.proxy.on(
      { action: 'DetachRolePolicy' },
      { kind: 'error', status: 404, code: 'NoSuchEntity', message, times: 1 },
    );
    expect(entityOf(await runs.apply([after]), 'Role/r').outcome).toBe('updated');
    expect(writesIn(world)).toEqual([
      'DetachRolePolicy',
      'DetachRolePolicy',
      'DeleteRolePermissionsBoundary',
      'UpdateAssumeRolePolicy',
    ]);
    expect((await iam.listAttachedRolePolicies({ RoleName: 'r' })).AttachedPolicies).toEqual([]);
  });
});

describe('the versions of a policy', () => {
  const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/p`;
  const declared = (action: string): JsonObject => ({
    kind: 'Policy',
    policyName: 'p',
    policyDocument: allowing(action),
  });

  /** Another tool adds versions that are not the default. */
  async function add(...actions: readonly string[]): Promise<void> {
    for (const action of actions) {
      await iam.createPolicyVersion({ PolicyArn, PolicyDocument: JSON.stringify(allowing(action)) });
    }
  }

  async function versions(): Promise<readonly (string | undefined)[]> {
    return (await iam.listPolicyVersions({ PolicyArn })).Versions?.map(({ VersionId }) => VersionId).sort() ?? [];
  }

  const removed = expect.stringMatching(/^versions\.v2: - v2 of .*: IAM stores 5 versions/) as unknown;

  beforeEach(async () => {
    await runs.apply([declared('s3:GetObject')]);
  });

  test('a plan names the version that makes room for a new one', async () => {
    await add('sqs:A', 'sqs:B', 'sqs:C');
    const roomy = entityOf(await runs.plan([declared('s3:PutObject')]), 'Policy/p');
    expect(roomy.drift.map(driftText)).not.toContainEqual(removed);
    await add('sqs:D');
    const full = entityOf(await runs.plan([declared('s3:PutObject')]), 'Policy/p');
    expect(full.drift.map(driftText)).toContainEqual(removed);
    // A version that says the same becomes the default, and all stay.
    const reused = entityOf(await runs.plan([declared('sqs:B')]), 'Policy/p');
    expect(reused.drift.map(driftText)).not.toContainEqual(removed);
  });

  test('a version that another tool makes before the fifth one is no quota, and the report names what goes', async () => {
    await add('sqs:A', 'sqs:B', 'sqs:C');
    const held = hold(world.proxy, { action: 'CreatePolicyVersion' });
    const running = runs.apply([declared('s3:PutObject')]);
    await held.reached;
    await add('sqs:D');
    held.release();
    const report = entityOf(await running, 'Policy/p');
    expect(report).toMatchObject({ outcome: 'updated', reason: null });
    expect(report.drift.map(driftText)).toContainEqual(removed);
    expect(await versions()).toEqual(['v1', 'v3', 'v4', 'v5', 'v6']);
  });
});
