import {
  ACCOUNT,
  createGroup,
  createInstanceProfile,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  policyArn,
  policyOf,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

test('lists are paged', async () => {
  const names = Array.from({ length: 5 }, (_, n) => `n${String(n)}`);
  await createUser('u');
  await createGroup('g');
  await createRole('r');
  for (const name of names) {
    const PolicyArn = await createPolicy(name);
    const inline = { PolicyName: name, PolicyDocument: policyOf() };
    await Promise.all([createRole(name), createUser(name), createGroup(name), createInstanceProfile(name)]);
    await iam.addUserToGroup({ GroupName: name, UserName: 'u' });
    await iam.addUserToGroup({ GroupName: 'g', UserName: name });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn });
    await iam.attachUserPolicy({ UserName: 'u', PolicyArn });
    await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn });
    await iam.putRolePolicy({ RoleName: 'r', ...inline });
    await iam.putUserPolicy({ UserName: 'u', ...inline });
    await iam.putGroupPolicy({ GroupName: 'g', ...inline });
    await iam.tagRole({ RoleName: 'r', Tags: [{ Key: name, Value: '' }] });
    if (name !== 'n0') await iam.createPolicyVersion({ PolicyArn: policyArn('n0'), PolicyDocument: policyOf() });
  }
  const lists: [string, string, object, number][] = [
    ['listRoles', 'Roles', {}, 6],
    ['listUsers', 'Users', {}, 6],
    ['listGroups', 'Groups', {}, 6],
    ['listPolicies', 'Policies', { Scope: 'Local' }, 5],
    ['listInstanceProfiles', 'InstanceProfiles', {}, 5],
    ['listAttachedRolePolicies', 'AttachedPolicies', { RoleName: 'r' }, 5],
    ['listAttachedUserPolicies', 'AttachedPolicies', { UserName: 'u' }, 5],
    ['listAttachedGroupPolicies', 'AttachedPolicies', { GroupName: 'g' }, 5],
    ['listRolePolicies', 'PolicyNames', { RoleName: 'r' }, 5],
    ['listUserPolicies', 'PolicyNames', { UserName: 'u' }, 5],
    ['listGroupPolicies', 'PolicyNames', { GroupName: 'g' }, 5],
    ['listGroupsForUser', 'Groups', { UserName: 'u' }, 5],
    ['getGroup', 'Users', { GroupName: 'g' }, 5],
    ['listPolicyVersions', 'Versions', { PolicyArn: policyArn('n0') }, 5],
    ['listRoleTags', 'Tags', { RoleName: 'r' }, 5],
  ];
  const calls = iam as unknown as Record<string, (input: object) => Promise<Record<string, unknown>>>;
  for (const [call, member, input, count] of lists) {
    const found: unknown[] = [];
    let pages = 0;
    let Marker: unknown;
    do {
      const page: Record<string, unknown> | undefined = await calls[call]?.call(iam, { ...input, MaxItems: 2, Marker });
      const items = page?.[member] as unknown[];
      expect(items.length).toBeLessThanOrEqual(2);
      expect(page?.['IsTruncated']).toBe(page?.['Marker'] !== undefined);
      found.push(...items);
      Marker = page?.['Marker'];
      pages += 1;
    } while (Marker !== undefined);
    expect({ call, pages, found: new Set(found.map((item) => JSON.stringify(item))).size }).toEqual({
      call,
      pages: 3,
      found: count,
    });
  }
  expect(await outcomeOf(iam.listRoles({ Marker: 'nonsense' }))).toMatch(/^400 ValidationError/);
});

test('lists of credentials are paged', async () => {
  await createUser('u');
  await iam.createAccessKey({ UserName: 'u' });
  await iam.createAccessKey({ UserName: 'u' });
  for (const n of [0, 1]) {
    await iam.uploadSSHPublicKey({ UserName: 'u', SSHPublicKeyBody: pki.ssh[n] });
    await iam.uploadSigningCertificate({ UserName: 'u', CertificateBody: pki.signing[n] });
    await iam.createServiceSpecificCredential({ UserName: 'u', ServiceName: 'codecommit.amazonaws.com' });
    await iam.createVirtualMFADevice({ VirtualMFADeviceName: `m${String(n)}` });
    await iam.enableMFADevice({
      UserName: 'u',
      SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/m${String(n)}`,
      AuthenticationCode1: '123456',
      AuthenticationCode2: '654321',
    });
    await iam.uploadServerCertificate({
      ServerCertificateName: `c${String(n)}`,
      CertificateBody: pki.leaf,
      PrivateKey: pki.leafKey,
    });
  }
  const calls = iam as unknown as Record<string, (input: object) => Promise<Record<string, unknown>>>;
  for (const [call, member] of [
    ['listAccessKeys', 'AccessKeyMetadata'],
    ['listSSHPublicKeys', 'SSHPublicKeys'],
    ['listSigningCertificates', 'Certificates'],
    ['listServiceSpecificCredentials', 'ServiceSpecificCredentials'],
    ['listMFADevices', 'MFADevices'],
    ['listVirtualMFADevices', 'VirtualMFADevices'],
    ['listServerCertificates', 'ServerCertificateMetadataList'],
  ] as const) {
    const owner = /Server|Virtual/.test(call) ? {} : { UserName: 'u' };
    const first = await calls[call]?.call(iam, { ...owner, MaxItems: 1 });
    expect({ call, first }).toMatchObject({ call, first: { IsTruncated: true } });
    const second = await calls[call]?.call(iam, { ...owner, MaxItems: 1, Marker: first?.['Marker'] });
    expect({ call, second }).toMatchObject({ call, second: { IsTruncated: false } });
    expect(first?.[member]).not.toEqual(second?.[member]);
  }
});

test('lists omit the fields that AWS omits', async () => {
  const Tags = [{ Key: 'a', Value: '1' }];
  await createRole('r', { Tags, Description: 'd', MaxSessionDuration: 7200 });
  await createUser('u', { Tags });
  await createInstanceProfile('i', { Tags });
  await createPolicy('p', { Tags, Description: 'd' });
  const [listed] = (await iam.listRoles({})).Roles ?? [];
  expect(listed).toMatchObject({ Description: 'd', MaxSessionDuration: 7200 });
  const all = [
    listed,
    (await iam.listUsers({})).Users?.[0],
    (await iam.listInstanceProfiles({})).InstanceProfiles?.[0],
    (await iam.listPolicies({ Scope: 'Local' })).Policies?.[0],
  ];
  for (const entity of all) {
    expect(entity).toBeDefined();
    expect(entity?.Tags).toBeUndefined();
  }
  expect((await iam.getPolicy({ PolicyArn: policyArn('p') })).Policy).toMatchObject({ Description: 'd', Tags });
});
