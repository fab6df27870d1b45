import type { JsonObject } from '../../src/contract/entity.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { manifestOf } from '../support/manifests-of.js';
import { entityOf, outcomesOf, writesIn } from '../support/runs.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

useWorld();

const ID = 'OpenIDConnectProvider/tokens.example.com';
const ARN = `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`;
const provider: JsonObject = {
  kind: 'OpenIDConnectProvider',
  url: 'https://tokens.example.com',
  clientIdList: ['ours'],
};
const gone: JsonObject = { kind: 'OpenIDConnectProvider', url: 'https://tokens.example.com', state: 'absent' };

function trusting(Federated: string): JsonObject {
  const statement = { Effect: 'Allow', Principal: { Federated }, Action: 'sts:AssumeRoleWithWebIdentity' };
  return { Version: '2012-10-17', Statement: [statement] };
}

function role(roleName: string, Federated = ARN, more: JsonObject = {}): JsonObject {
  return { kind: 'Role', roleName, assumeRolePolicyDocument: trusting(Federated), ...more };
}

async function createRole(RoleName: string, owner?: string): Promise<void> {
  const Tags = owner === undefined ? [] : [{ Key: OwnershipTag.Namespace, Value: owner }];
  await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting(ARN)), Tags });
}

describe('an identity provider that roles trust', () => {
  beforeEach(async () => {
    await runs.apply([provider]);
    world.proxy.clear();
  });

  test('is not deleted where roles of others trust it, which are named with their owners', async () => {
    await createRole('stranger');
    await createRole('theirs', 'other');
    for (const command of ['apply', 'destroy'] as const) {
      const report = await runs.apply([command === 'apply' ? gone : provider], command === 'apply' ? {} : { command });
      expect(entityOf(report, ID)).toMatchObject({
        outcome: 'refused',
        reason:
          'cannot be deleted: it is trusted by Role/stranger (without an owner), ' +
          'Role/theirs (owned by iam-bootstrap namespace "other"), which would lose this access',
        remedy: `change the trust first, or set deleteTrusted: true on ${ID} or give --delete-trusted ${ID} to delete it anyway`,
      });
      expect(writesIn(world)).toEqual([]);
    }
  });

  test('is deleted with deleteTrusted: true or --delete-trusted, and the plan names the roles', async () => {
    await createRole('stranger');
    const planned = await runs.plan([{ ...gone, deleteTrusted: true }]);
    expect(entityOf(planned, ID).drift.map(({ summary }) => summary)).toEqual([
      `DeleteOpenIDConnectProvider ${ARN}`,
      'Role/stranger trusts it and loses this access (without an owner)',
    ]);
    expect(outcomesOf(await runs.apply([{ ...gone, deleteTrusted: true }]))).toEqual({ [ID]: 'deleted' });

    await runs.apply([provider]);
    const path = await world.manifest('gone.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [gone] }));
    expect((await world.cli(['apply', '-f', path])).code).toBe(3);
    expect((await world.cli(['apply', '-f', path, '--delete-trusted', ID])).code).toBe(0);
    expect((await world.cli(['apply', '-f', path, '--delete-trusted', 'Role/x'])).code).toBe(64);
  });

  test('is deleted after the roles that this run deletes or that it makes trust another provider', async () => {
    await createRole('found');
    await runs.apply([role('ours'), role('turned')]);
    world.proxy.clear();
    const other = `arn:aws:iam::${ACCOUNT}:oidc-provider/other.example.com`;
    const report = await runs.apply([
      gone,
      role('turned', other),
      role('found', other),
      { kind: 'Role', roleName: 'ours', state: 'absent' },
    ]);
    expect(outcomesOf(report)).toEqual({
      [ID]: 'deleted',
      'Role/turned': 'updated',
      'Role/found': 'adopted',
      'Role/ours': 'deleted',
    });
    expect(writesIn(world).at(-1)).toBe('DeleteOpenIDConnectProvider');
  });
});

describe('a virtual MFA device that goes with its user', () => {
  const user: JsonObject = { kind: 'User', userName: 'robot' };
  const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/robot`;

  async function createDevice(owner?: string): Promise<void> {
    const Tags = owner === undefined ? [] : [{ Key: OwnershipTag.Namespace, Value: owner }];
    await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'robot', Tags });
    const codes = { AuthenticationCode1: '123456', AuthenticationCode2: '654321' };
    await iam.enableMFADevice({ UserName: 'robot', SerialNumber, ...codes });
  }

  test.each([
    [undefined, `DeleteVirtualMFADevice ${SerialNumber} (without an owner)`],
    ['ci', `DeleteVirtualMFADevice ${SerialNumber} (owned by this namespace)`],
    ['other', 'VirtualMFADevice/robot is detached and kept: it is owned by iam-bootstrap namespace "other"'],
  ])('and that %s owns is named in the plan: %s', async (owner, line) => {
    await runs.apply([user]);
    await createDevice(owner);
    const absent = { ...user, state: 'absent' };
    const lines = entityOf(await runs.plan([absent]), 'User/robot').drift.map(({ summary }) => summary);
    expect(lines).toEqual([`DeactivateMFADevice robot ${SerialNumber}`, line, 'DeleteUser robot']);
    expect(outcomesOf(await runs.apply([absent]))).toEqual({ 'User/robot': 'deleted' });
    const { VirtualMFADevices = [] } = await iam.listVirtualMFADevices({});
    expect(VirtualMFADevices.map((device) => device.SerialNumber)).toEqual(owner === 'other' ? [SerialNumber] : []);
  });
});
