import {
  ACCOUNT,
  ADMINISTRATOR,
  OTHER_ACCOUNT,
  SAML_METADATA,
  TRUST,
  createGroup,
  createInstanceProfile,
  createPolicy,
  createRole,
  createUser,
  iam,
  outcomeOf,
  policyArn,
  policyOf,
  sandbox,
  setQuota,
  trust,
  useSandbox,
} from '../../support/iam-sandbox.js';
import { makePki } from '../../support/pki.js';
import type { Pki } from '../../support/pki.js';
import { iamClient } from '../../support/sandbox.js';

useSandbox();

let pki: Pki;

beforeAll(async () => {
  pki = await makePki();
});

/** Returns an identity policy of at least so many characters. */
function bigPolicy(characters: number): string {
  return policyOf(`arn:aws:s3:::${'b'.repeat(characters)}`);
}

const summary = async () => (await iam.getAccountSummary({})).SummaryMap ?? {};

test('the size of a document is limited; white space does not count, not even inside of strings', async () => {
  expect(await outcomeOf(createPolicy('p', { PolicyDocument: bigPolicy(6144) }))).toBe(
    '409 LimitExceeded: Cannot exceed quota for PolicySize: 6144',
  );
  const spaces = ' '.repeat(3000);
  await createPolicy('p', { PolicyDocument: bigPolicy(5000).replace('"Action"', `"Sid":"",${spaces}"Action"`) });
  await createPolicy('q', { PolicyDocument: policyOf(`arn:aws:s3:::${'b'.repeat(5000)}${spaces}`) });
  const long = trust({ AWS: Array.from({ length: 60 }, () => `arn:aws:iam::${OTHER_ACCOUNT}:role/deploy`) });
  expect(await outcomeOf(createRole('r', { AssumeRolePolicyDocument: long }))).toBe(
    '409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048',
  );
  await createRole('r');
  expect(await outcomeOf(iam.updateAssumeRolePolicy({ RoleName: 'r', PolicyDocument: long }))).toMatch(
    /^409 LimitExceeded/,
  );
  expect(
    await outcomeOf(iam.createPolicyVersion({ PolicyArn: policyArn('p'), PolicyDocument: bigPolicy(6144) })),
  ).toMatch(/^409 LimitExceeded/);
});

test('the total size of the inline policies of an entity is limited', async () => {
  await createRole('e');
  await createUser('e');
  await createGroup('e');
  const puts = {
    10_240: (PolicyName: string, PolicyDocument: string) =>
      iam.putRolePolicy({ RoleName: 'e', PolicyName, PolicyDocument }),
    2048: (PolicyName: string, PolicyDocument: string) =>
      iam.putUserPolicy({ UserName: 'e', PolicyName, PolicyDocument }),
    5120: (PolicyName: string, PolicyDocument: string) =>
      iam.putGroupPolicy({ GroupName: 'e', PolicyName, PolicyDocument }),
  };
  for (const [maximum, put] of Object.entries(puts)) {
    const half = bigPolicy(Number(maximum) / 2 - 200);
    await put('one', half);
    await put('two', half);
    await put('two', half);
    expect(await outcomeOf(put('three', bigPolicy(400)))).toMatch(
      new RegExp(`^409 LimitExceeded: Maximum policy size of ${maximum} bytes exceeded`),
    );
  }
});

test('attachments, groups of a user, versions and tags are limited', async () => {
  await createRole('e');
  await createUser('e');
  await createGroup('e');
  const arns = await Promise.all(Array.from({ length: 11 }, (_, n) => createPolicy(`p${String(n)}`)));
  const attaches = [
    (PolicyArn: string) => iam.attachRolePolicy({ RoleName: 'e', PolicyArn }),
    (PolicyArn: string) => iam.attachUserPolicy({ UserName: 'e', PolicyArn }),
    (PolicyArn: string) => iam.attachGroupPolicy({ GroupName: 'e', PolicyArn }),
  ];
  for (const attach of attaches) {
    for (const arn of arns.slice(0, 10)) await attach(arn);
    expect(await outcomeOf(attach(arns[0] ?? ''))).toBe('accepted');
    expect(await outcomeOf(attach(arns[10] ?? ''))).toMatch(/^409 LimitExceeded: Cannot exceed quota for PoliciesPer/);
  }
  expect((await iam.getPolicy({ PolicyArn: arns[0] })).Policy?.AttachmentCount).toBe(3);

  for (let n = 0; n < 10; n += 1) {
    await createGroup(`g${String(n)}`);
    await iam.addUserToGroup({ GroupName: `g${String(n)}`, UserName: 'e' });
  }
  expect(await outcomeOf(iam.addUserToGroup({ GroupName: 'e', UserName: 'e' }))).toMatch(/^409 LimitExceeded/);

  const version = () => iam.createPolicyVersion({ PolicyArn: arns[0], PolicyDocument: policyOf(), SetAsDefault: true });
  for (let n = 0; n < 4; n += 1) await version();
  expect(await outcomeOf(version())).toMatch(/^409 LimitExceeded: A managed policy can have up to 5 versions/);

  const tags = (from: number) => Array.from({ length: 30 }, (_, n) => ({ Key: `k${String(from + n)}`, Value: '' }));
  await iam.tagRole({ RoleName: 'e', Tags: tags(0) });
  await iam.tagRole({ RoleName: 'e', Tags: tags(10) });
  expect(await outcomeOf(iam.tagRole({ RoleName: 'e', Tags: tags(30) }))).toMatch(/^409 LimitExceeded/);
});

test('an instance profile holds one role', async () => {
  await createInstanceProfile('p');
  const add = (RoleName: string) => iam.addRoleToInstanceProfile({ InstanceProfileName: 'p', RoleName });
  expect(await outcomeOf(add('r'))).toMatch(/^404 NoSuchEntity: The role with name r cannot be found/);
  await createRole('r');
  await add('r');
  const taken = '409 LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1';
  expect(await outcomeOf(add('r'))).toBe(taken);
  await createRole('s');
  expect(await outcomeOf(add('s'))).toBe(taken);
  await iam.removeRoleFromInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' });
  expect(await outcomeOf(iam.removeRoleFromInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' }))).toMatch(
    /^404 NoSuchEntity/,
  );
});

test('GetAccountSummary shows the quotas', async () => {
  const quotas = Object.entries(await summary()).filter(([name]) => name.endsWith('Quota'));
  expect(Object.fromEntries(quotas)).toEqual({
    RolesQuota: 10_000,
    UsersQuota: 5000,
    GroupsQuota: 500,
    PoliciesQuota: 10_000,
    InstanceProfilesQuota: 10_000,
    ServerCertificatesQuota: 1000,
    AttachedPoliciesPerRoleQuota: 10,
    AttachedPoliciesPerUserQuota: 10,
    AttachedPoliciesPerGroupQuota: 10,
    GroupsPerUserQuota: 10,
    VersionsPerPolicyQuota: 5,
    PolicyVersionsInUseQuota: 10_000,
    PolicySizeQuota: 6144,
    AssumeRolePolicySizeQuota: 2048,
    RolePolicySizeQuota: 10_240,
    UserPolicySizeQuota: 2048,
    GroupPolicySizeQuota: 5120,
    AccessKeysPerUserQuota: 2,
    SigningCertificatesPerUserQuota: 2,
  });
});

test('a test can set a quota of an account until the next reset', async () => {
  expect(await setQuota('RolesQuota', 2)).toBe(200);
  expect((await summary()).RolesQuota).toBe(2);
  await createRole('a');
  await createRole('b');
  const full = '409 LimitExceeded: Cannot exceed quota for RolesPerAccount: 2';
  expect(await outcomeOf(createRole('c'))).toBe(full);
  expect(await outcomeOf(createRole('a'))).toMatch(/^409 EntityAlreadyExists/);
  // Service-linked roles do not count.
  expect(await outcomeOf(iam.createServiceLinkedRole({ AWSServiceName: 'rds.amazonaws.com' }))).toBe('accepted');
  const other = iamClient(sandbox.url, OTHER_ACCOUNT);
  for (const RoleName of ['a', 'b', 'c']) await other.createRole({ RoleName, AssumeRolePolicyDocument: TRUST });
  await iam.deleteRole({ RoleName: 'a' });
  await iam.deleteRole({ RoleName: 'b' });
  expect(await outcomeOf(createRole('c'))).toBe('accepted');
  expect(await outcomeOf(createRole('d'))).toBe(full);
  await sandbox.reset();
  expect((await summary()).RolesQuota).toBe(10_000);
  expect([await setQuota('NoSuchQuota', 1), await setQuota('RolesQuota', Number.NaN)]).toEqual([400, 400]);
});

test.each<[string, number, () => Promise<unknown>]>([
  ['UsersQuota', 0, () => createUser('x')],
  ['GroupsQuota', 0, () => createGroup('x')],
  ['PoliciesQuota', 0, () => iam.createPolicy({ PolicyName: 'x', PolicyDocument: policyOf() })],
  ['InstanceProfilesQuota', 0, () => iam.createInstanceProfile({ InstanceProfileName: 'x' })],
  [
    'ServerCertificatesQuota',
    0,
    () =>
      iam.uploadServerCertificate({ ServerCertificateName: 'x', CertificateBody: pki.leaf, PrivateKey: pki.leafKey }),
  ],
  ['OpenIDConnectProvidersQuota', 0, () => iam.createOpenIDConnectProvider({ Url: 'https://token.example' })],
  ['SAMLProvidersQuota', 0, () => iam.createSAMLProvider({ Name: 'x', SAMLMetadataDocument: SAML_METADATA })],
  ['AttachedPoliciesPerRoleQuota', 0, () => iam.attachRolePolicy({ RoleName: 'e', PolicyArn: ADMINISTRATOR })],
  ['AttachedPoliciesPerUserQuota', 0, () => iam.attachUserPolicy({ UserName: 'e', PolicyArn: ADMINISTRATOR })],
  ['AttachedPoliciesPerGroupQuota', 0, () => iam.attachGroupPolicy({ GroupName: 'e', PolicyArn: ADMINISTRATOR })],
  ['PolicyVersionsInUseQuota', 0, () => iam.attachRolePolicy({ RoleName: 'e', PolicyArn: ADMINISTRATOR })],
  ['GroupsPerUserQuota', 0, () => iam.addUserToGroup({ GroupName: 'e', UserName: 'e' })],
  [
    'VersionsPerPolicyQuota',
    1,
    () => iam.createPolicyVersion({ PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/e`, PolicyDocument: policyOf() }),
  ],
  ['PolicySizeQuota', 50, () => iam.createPolicy({ PolicyName: 'x', PolicyDocument: policyOf() })],
  ['AssumeRolePolicySizeQuota', 50, () => createRole('x')],
  ['RolePolicySizeQuota', 50, () => iam.putRolePolicy({ RoleName: 'e', PolicyName: 'x', PolicyDocument: policyOf() })],
  ['UserPolicySizeQuota', 50, () => iam.putUserPolicy({ UserName: 'e', PolicyName: 'x', PolicyDocument: policyOf() })],
  [
    'GroupPolicySizeQuota',
    50,
    () => iam.putGroupPolicy({ GroupName: 'e', PolicyName: 'x', PolicyDocument: policyOf() }),
  ],
  ['AccessKeysPerUserQuota', 0, () => iam.createAccessKey({ UserName: 'e' })],
  [
    'SigningCertificatesPerUserQuota',
    0,
    () => iam.uploadSigningCertificate({ UserName: 'e', CertificateBody: pki.signing[0] }),
  ],
  ['SSHPublicKeysPerUserQuota', 0, () => iam.uploadSSHPublicKey({ UserName: 'e', SSHPublicKeyBody: pki.ssh[0] })],
  [
    'ServiceSpecificCredentialsPerServiceQuota',
    0,
    () => iam.createServiceSpecificCredential({ UserName: 'e', ServiceName: 'codecommit.amazonaws.com' }),
  ],
])('%s can be set to %i', async (name, value, call) => {
  await Promise.all([createRole('e'), createUser('e'), createGroup('e')]);
  await iam.createPolicy({ PolicyName: 'e', PolicyDocument: policyOf() });
  expect(await setQuota(name, value)).toBe(200);
  expect(await outcomeOf(call())).toMatch(/^409 LimitExceeded/);
  await setQuota(name, 10_000);
  expect(await outcomeOf(call())).toBe('accepted');
});
