import type { JsonObject } from '../../src/contract/entity.js';
import { group } from '../../src/kinds/group.js';
import { instanceProfile } from '../../src/kinds/instance-profile.js';
import type { Observed } from '../../src/kinds/kind.js';
import { openIdConnectProvider } from '../../src/kinds/open-id-connect-provider.js';
import { policy } from '../../src/kinds/policy.js';
import { user } from '../../src/kinds/user.js';
import { ACCOUNT } from '../support/kind-fixtures/index.js';
import { allowing } from '../support/manifests-of.js';
import { TARGET, compareSpec, desiredOf, harness, useHarness } from './kind-harness.js';

/** What single kinds promise beside the laws. */

useHarness();

describe('a policy’s versions', () => {
  const ACTIONS = ['s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:DeleteObject', 's3:GetBucketPolicy'];
  const specOf = (action: string): JsonObject => ({ policyName: 'law', policyDocument: allowing(action) });

  async function versionsOf(): Promise<string[]> {
    const { facts } = await harness.observe(policy, specOf('any'));
    const versions = facts?.['versions'] as unknown as readonly { readonly id: string; readonly isDefault: boolean }[];
    return versions.map(({ id, isDefault }) => (isDefault ? `${id} default` : id)).sort();
  }

  async function fill(): Promise<void> {
    await harness.converge(policy, specOf(ACTIONS[0] ?? ''));
    for (const action of ACTIONS.slice(1)) {
      await harness.update(policy, specOf(action), await harness.observe(policy, specOf(action)));
    }
  }

  test('one that says the same already becomes the default; no new one is made', async () => {
    await fill();
    const spec = { policyName: 'law', policyDocument: allowing('S3:PUTOBJECT') };
    const calls = await harness.update(policy, spec, await harness.observe(policy, spec));
    expect(calls).toEqual(['SetDefaultPolicyVersion']);
    expect(await versionsOf()).toEqual(['v1', 'v2 default', 'v3', 'v4', 'v5']);
  });

  test('a sixth one takes the place of the oldest', async () => {
    await fill();
    const calls = await harness.update(policy, specOf('sqs:*'), await harness.observe(policy, specOf('sqs:*')));
    expect(calls).toEqual(['DeletePolicyVersion', 'CreatePolicyVersion']);
    expect(await versionsOf()).toEqual(['v2', 'v3', 'v4', 'v5', 'v6 default']);
  });

  test('the oldest stays where it is the default', async () => {
    await fill();
    const first = specOf(ACTIONS[0] ?? '');
    await harness.update(policy, first, await harness.observe(policy, first));
    await harness.update(policy, specOf('sqs:*'), await harness.observe(policy, specOf('sqs:*')));
    expect(await versionsOf()).toEqual(['v1', 'v3', 'v4', 'v5', 'v6 default']);
  });

  test('the tenth is younger than the ninth', () => {
    const version = (id: string): JsonObject => ({ id, isDefault: id === 'v12', document: allowing(id) });
    const observed: Observed = {
      name: 'law',
      arn: `arn:aws:iam::${ACCOUNT}:policy/law`,
      createdAt: null,
      tags: {},
      state: { policyDocument: allowing('v12') },
      facts: { versions: ['v12', 'v11', 'v10', 'v9', 'v8'].map(version) },
    };
    const spec = specOf('sqs:*');
    const steps = policy.update(desiredOf(policy, spec), observed, compareSpec(policy, spec, observed).changes);
    expect(steps[0]?.input['VersionId']).toBe('v8');
    expect(steps.map(({ unguarded = false }) => unguarded)).toEqual([false, true]);
  });

  test('a policy under another path is found by its name, with the path as what differs', async () => {
    await harness.converge(policy, { ...specOf('s3:*'), path: '/theirs/' });
    const mine = { ...specOf('s3:*'), path: '/mine/' };
    const observed = await harness.observe(policy, mine);
    expect(observed.arn).toBe(`arn:aws:iam::${ACCOUNT}:policy/theirs/law`);
    expect(compareSpec(policy, mine, observed).drift).toEqual([
      { path: 'path', observed: '/theirs/', desired: '/mine/', immutable: true },
    ]);
  });

  test('a policy in another case is found by a single read too', async () => {
    await harness.converge(policy, specOf('s3:*'));
    expect((await harness.read(policy, { ...specOf('s3:*'), policyName: 'LAW' }))?.name).toBe('law');
  });

  test('a policy that is in use is not taken off its users', async () => {
    const observed = await harness.converge(policy, specOf('s3:*'));
    await harness.sendDirectly([
      { operation: 'CreateUser', input: { UserName: 'ann' } },
      { operation: 'AttachUserPolicy', input: { UserName: 'ann', PolicyArn: observed.arn } },
    ]);
    const [last] = await harness.deletionWrites(policy, observed);
    expect(last?.operation).toBe('DeletePolicy');
    expect((await harness.errorFrom(last ?? policy.create(desiredOf(policy, specOf('s3:*'))))).code).toBe(
      'DeleteConflict',
    );
  });
});

describe('a user', () => {
  test('whose path changes gets another ARN, and keeps its tags', async () => {
    const spec = { userName: 'law', path: '/a/', tags: { team: 'platform' } };
    await harness.update(user, { ...spec, path: '/b/' }, await harness.converge(user, spec));
    const observed = await harness.observe(user, { ...spec, path: '/b/' });
    expect(observed).toMatchObject({ arn: `arn:aws:iam::${ACCOUNT}:user/b/law`, tags: { team: 'platform' } });
  });

  test('is deleted with its service-specific credentials', async () => {
    const observed = await harness.converge(user, { userName: 'law' });
    const ServiceSpecificCredentials = ['one', 'two'].map((ServiceSpecificCredentialId) => ({
      ServiceSpecificCredentialId,
    }));
    const reader = harness.readerReplying('ListServiceSpecificCredentials', { ServiceSpecificCredentials });
    expect(await harness.deletionWrites(user, observed, reader)).toMatchObject([
      { operation: 'DeleteServiceSpecificCredential', input: { UserName: 'law', ServiceSpecificCredentialId: 'one' } },
      { operation: 'DeleteServiceSpecificCredential', input: { UserName: 'law', ServiceSpecificCredentialId: 'two' } },
      { operation: 'DeleteUser', input: { UserName: 'law' } },
    ]);
  });

  test('keeps its hardware MFA device, which is no entity of its own', async () => {
    const observed = await harness.converge(user, { userName: 'law' });
    const reader = harness.readerReplying('ListMFADevices', { MFADevices: [{ SerialNumber: 'GAHT12345678' }] });
    const steps = await harness.deletionWrites(user, observed, reader);
    expect(steps.map(({ operation }) => operation)).toEqual(['DeactivateMFADevice', 'DeleteUser']);
  });
});

describe('a group', () => {
  test('is read in bulk without a call for itself, unless its members are declared', async () => {
    await harness.sendDirectly([{ operation: 'CreateUser', input: { UserName: 'ann' } }]);
    await harness.converge(group, { groupName: 'law', users: ['ann'] });
    const without = await harness.readMany(group, [{ groupName: 'law' }]);
    expect(without.calls).toEqual(['GetAccountAuthorizationDetails']);
    expect(without.result?.get('law')?.state).not.toHaveProperty('users');
    const declared = await harness.readMany(group, [{ groupName: 'law', users: ['ann'] }]);
    expect(declared.calls).toEqual(['GetAccountAuthorizationDetails', 'GetGroup']);
  });

  test('needs the users that it declares', () => {
    expect(group.references?.({ groupName: 'law', users: ['ann', 'ben'] })).toEqual(['User/ann', 'User/ben']);
  });
});

describe('an instance profile’s role', () => {
  const mine = { instanceProfileName: 'law', roles: ['mine'] };
  const theirs = { instanceProfileName: 'law', roles: ['theirs'] };

  beforeEach(async () => {
    const trust = {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    };
    const AssumeRolePolicyDocument = JSON.stringify(trust);
    await harness.sendDirectly(
      ['mine', 'theirs'].map((RoleName) => ({
        operation: 'CreateRole',
        input: { RoleName, AssumeRolePolicyDocument },
      })),
    );
  });

  test('is not replaced where another one is there and unmanaged ones are kept', async () => {
    const observed = await harness.converge(instanceProfile, theirs);
    const { drift, unmanaged, changes } = compareSpec(instanceProfile, mine, observed);
    expect(drift).toMatchObject([{ path: 'roles', observed: ['theirs'], desired: ['mine'], immutable: true }]);
    expect(unmanaged).toEqual(['roles: theirs']);
    expect(instanceProfile.update(desiredOf(instanceProfile, mine), observed, changes)).toEqual([]);
  });

  test('is replaced where unmanaged ones are removed', async () => {
    const observed = await harness.converge(instanceProfile, theirs);
    const calls = await harness.update(instanceProfile, mine, observed, { removeUnmanaged: true });
    expect(calls).toEqual(['RemoveRoleFromInstanceProfile', 'AddRoleToInstanceProfile']);
    expect((await harness.observe(instanceProfile, mine)).state['roles']).toEqual(['mine']);
  });

  test('that a stale read did not show, or that was just removed, is read again; another quota is exceeded', async () => {
    const stale = await harness.create(instanceProfile, mine);
    await harness.update(instanceProfile, mine, stale);
    const { changes } = compareSpec(instanceProfile, mine, stale);
    const [add] = instanceProfile.update(desiredOf(instanceProfile, mine), stale, changes);
    if (add === undefined) throw new Error('no write adds the role');
    const refused = await harness.errorFrom(add);
    expect([refused.code, add.isOutdated?.(refused)]).toEqual(['LimitExceeded', true]);
    expect(add.isOutdated?.({ ...refused, message: 'Cannot exceed quota' })).toBe(false);
    expect((await harness.observe(instanceProfile, mine)).state['roles']).toEqual(['mine']);
  });

  test('is what the profile needs', () => {
    expect(instanceProfile.references?.(mine)).toEqual(['Role/mine']);
  });
});

describe('an OpenID Connect provider', () => {
  const url = 'https://tokens.example.com/law';
  const [A, B] = ['a'.repeat(40), 'b'.repeat(40)];
  const shared = { shared: true };

  test.each([
    ['https://token.actions.githubusercontent.com', 'token.actions.githubusercontent.com'],
    ['https://Tokens.Example.com/Id/A', 'tokens.example.com/Id/A'],
    ['https://tenant.example.com/', 'tenant.example.com/'],
  ])('%s has the name %s', (address, name) => {
    expect(openIdConnectProvider.nameOf({ url: address })).toBe(name);
  });

  test('whose URL ends with a slash is another one than without it, with an ARN of its own', async () => {
    const specs = [
      { url, clientIdList: ['a'] },
      { url: `${url}/`, clientIdList: ['b'] },
    ];
    for (const spec of specs) await harness.converge(openIdConnectProvider, spec);
    for (const spec of specs) {
      const observed = await harness.observe(openIdConnectProvider, spec);
      expect([observed.name, observed.arn]).toEqual([
        spec.url.slice('https://'.length),
        openIdConnectProvider.arnOf(spec, TARGET),
      ]);
      expect(compareSpec(openIdConnectProvider, spec, observed).drift).toEqual([]);
    }
  });

  test('that is shared keeps the client IDs and thumbprints of others, and gets its own', async () => {
    const theirs = { url, clientIdList: ['theirs'], thumbprintList: [A] };
    const mine = { url, clientIdList: ['mine'], thumbprintList: [B] };
    await harness.create(openIdConnectProvider, theirs);
    const before = await harness.observe(openIdConnectProvider, mine);
    await harness.update(openIdConnectProvider, mine, before, { shared: true, removeUnmanaged: true });
    const { state } = await harness.observe(openIdConnectProvider, mine);
    expect(state).toEqual({ clientIdList: ['theirs', 'mine'], thumbprintList: [A, B] });
    for (const spec of [mine, theirs]) {
      expect(
        compareSpec(openIdConnectProvider, spec, await harness.observe(openIdConnectProvider, spec), shared),
      ).toEqual({ drift: [], unmanaged: [], changes: {} });
    }
  });
});
