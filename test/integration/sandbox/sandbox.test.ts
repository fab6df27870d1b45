import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { IAM } from '@aws-sdk/client-iam';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { findPython, iamClient, startSandbox } from '../../support/sandbox.js';
import type { TestSandbox } from '../../support/sandbox.js';

const ACCOUNT = '111111111111';
const OTHER = '222222222222';

let sandbox: TestSandbox;
let iam: IAM;

jest.setTimeout(60_000);

beforeAll(async () => {
  sandbox = await startSandbox();
  iam = iamClient(sandbox.url);
  // The first run makes the sandbox's Python environment.
}, 300_000);

afterAll(() => sandbox.stop());

beforeEach(() => sandbox.reset());

function trust(principal: unknown, rest: object = {}): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...rest }],
  });
}

const TRUST = trust({ Service: 'ec2.amazonaws.com' });

function policyOf(...resources: string[]): string {
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject'], Resource: resources.length === 0 ? ['*'] : resources }],
  });
}

/** An identity policy of at least so many characters. */
function bigPolicy(characters: number): string {
  return policyOf(`arn:aws:s3:::${'b'.repeat(characters)}`);
}

const role = (RoleName: string, rest: object = {}) =>
  iam.createRole({ RoleName, AssumeRolePolicyDocument: TRUST, ...rest });
const user = (UserName: string, rest: object = {}) => iam.createUser({ UserName, ...rest });
const group = (GroupName: string, rest: object = {}) => iam.createGroup({ GroupName, ...rest });
const profile = (InstanceProfileName: string, rest: object = {}) =>
  iam.createInstanceProfile({ InstanceProfileName, ...rest });
const policy = async (PolicyName: string, rest: object = {}) =>
  (await iam.createPolicy({ PolicyName, PolicyDocument: policyOf(), ...rest })).Policy?.Arn ?? '';
const policyArn = (name: string) => `arn:aws:iam::${ACCOUNT}:policy/${name}`;
const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';

/** `STATUS Code` of a refusal, and the message. */
async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { Code, name, message, $metadata } = error as Error & {
      Code?: string;
      $metadata?: { httpStatusCode?: number };
    };
    return `${String($metadata?.httpStatusCode)} ${Code ?? name}: ${message}`;
  }
  return 'accepted';
}

/** The same of several calls at once. */
function refusals(calls: readonly Promise<unknown>[]): Promise<string[]> {
  return Promise.all(calls.map(refusal));
}

describe('names', () => {
  test.each([
    ['Role', (name: string, path: object) => role(name, path), '409 EntityAlreadyExists: Role with name'],
    ['User', (name: string, path: object) => user(name, path), '409 EntityAlreadyExists: User with name'],
    ['Group', (name: string, path: object) => group(name, path), '409 EntityAlreadyExists: Group with name'],
    ['Policy', (name: string, path: object) => policy(name, path), '409 EntityAlreadyExists: A policy called'],
    [
      'InstanceProfile',
      (name: string, path: object) => profile(name, path),
      '409 EntityAlreadyExists: Instance Profile',
    ],
  ])('a %s is unique whatever the case and the path', async (_kind, create, message) => {
    await create('Deploy', {});
    expect(await refusal(create('Deploy', {}))).toContain(message);
    expect(await refusal(create('Deploy', { Path: '/ci/' }))).toContain(message);
    expect(await refusal(create('dEPLOY', {}))).toContain(message);
    expect(await refusal(create('Deploy2', {}))).toBe('accepted');
  });

  test('a lookup is exact', async () => {
    await Promise.all([role('Deploy'), user('Deploy'), group('Deploy'), profile('Deploy'), policy('Deploy')]);
    const lookups = (name: string) => [
      iam.getRole({ RoleName: name }),
      iam.getUser({ UserName: name }),
      iam.getGroup({ GroupName: name }),
      iam.getInstanceProfile({ InstanceProfileName: name }),
      iam.getPolicy({ PolicyArn: policyArn(name) }),
    ];
    expect(await refusals(lookups('Deploy'))).toEqual(Array(5).fill('accepted'));
    expect(await refusals(lookups('deploy'))).toEqual(Array(5).fill(expect.stringMatching(/^404 NoSuchEntity/)));
  });

  test('a new name is as unique as a first one, and carries what the entity has', async () => {
    await user('anna', { Tags: [{ Key: 'team', Value: 'a' }] });
    await user('bert');
    await group('one');
    await group('two');
    expect(await refusal(iam.updateUser({ UserName: 'anna', NewUserName: 'BERT' }))).toMatch(
      /^409 EntityAlreadyExists/,
    );
    expect(await refusal(iam.updateGroup({ GroupName: 'one', NewGroupName: 'TWO' }))).toMatch(
      /^409 EntityAlreadyExists/,
    );
    await iam.updateUser({ UserName: 'anna', NewUserName: 'Anna', NewPath: '/people/' });
    const { User } = await iam.getUser({ UserName: 'Anna' });
    expect(User).toMatchObject({
      Arn: `arn:aws:iam::${ACCOUNT}:user/people/Anna`,
      Tags: [{ Key: 'team', Value: 'a' }],
    });
    await iam.updateGroup({ GroupName: 'one', NewPath: '/teams/' });
    expect((await iam.getGroup({ GroupName: 'one' })).Group?.Path).toBe('/teams/');
  });

  test('of concurrent creates one wins', async () => {
    const clients = Array.from({ length: 20 }, () => iamClient(sandbox.url));
    const results = await Promise.all(
      clients.map((client) => refusal(client.createRole({ RoleName: 'race', AssumeRolePolicyDocument: TRUST }))),
    );
    expect(results.filter((result) => result === 'accepted')).toHaveLength(1);
    expect(results.filter((result) => result.startsWith('409 EntityAlreadyExists'))).toHaveLength(19);
  });
});

describe('the model', () => {
  test.each([
    ['characters of a name', () => role('a b')],
    ['length of a role name', () => role('r'.repeat(65))],
    ['length of a user name', () => user('u'.repeat(65))],
    ['length of a group name', () => group('g'.repeat(129))],
    ['length of a policy name', () => policy('p'.repeat(129))],
    ['length of an instance profile name', () => profile('i'.repeat(129))],
    ['a path without its slashes', () => role('r', { Path: 'ci' })],
    ['a session too short', () => role('r', { MaxSessionDuration: 3599 })],
    ['a session too long', () => role('r', { MaxSessionDuration: 43_201 })],
    ['a long description', () => role('r', { Description: 'd'.repeat(1001) })],
    ['a long description of a policy', () => policy('p', { Description: 'd'.repeat(1001) })],
    ['51 tags', () => role('r', { Tags: Array.from({ length: 51 }, (_, n) => ({ Key: `k${String(n)}`, Value: '' })) })],
    ['a long tag key', () => role('r', { Tags: [{ Key: 'k'.repeat(129), Value: '' }] })],
    ['a long tag value', () => role('r', { Tags: [{ Key: 'k', Value: 'v'.repeat(257) }] })],
    ['a page of nothing', () => iam.listRoles({ MaxItems: 0 })],
    ['a page too large', () => iam.listRoles({ MaxItems: 1001 })],
    ['a short thumbprint', () => iam.createOpenIDConnectProvider({ Url: 'https://a.example', ThumbprintList: ['ab'] })],
    ['a required parameter', () => iam.createRole({ RoleName: 'r', AssumeRolePolicyDocument: undefined })],
  ])('refuses %s', async (_what, call) => {
    expect(await refusal(call())).toMatch(/^400 ValidationError: 1 validation error detected: Value /);
  });

  test('takes the longest that it allows', async () => {
    await role('r'.repeat(64), {
      MaxSessionDuration: 43_200,
      Description: 'd'.repeat(1000),
      Path: `/${'p'.repeat(510)}/`,
    });
    await policy('p'.repeat(128));
  });

  test('does not show a secret', async () => {
    await user('u');
    const message = await refusal(iam.createLoginProfile({ UserName: 'u', Password: 'x'.repeat(129) }));
    expect(message).toMatch(/^400 ValidationError: .*'\*\*\*'/);
  });
});

describe('documents', () => {
  test.each([
    ['no JSON', 'nonsense'],
    ['a list', '[]'],
    ['no statement', '{"Version":"2012-10-17"}'],
    ['an unknown element', JSON.stringify({ Version: '2012-10-17', Statement: [], Owner: 'me' })],
    ['no effect', JSON.stringify({ Version: '2012-10-17', Statement: [{ Action: 's3:*', Resource: '*' }] })],
    ['no resource', JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:*' }] })],
    ['a principal', trust('*', { Action: 's3:*', Resource: '*' })],
  ])('an identity policy with %s is malformed', async (_what, document) => {
    await role('r');
    expect(await refusal(policy('p', { PolicyDocument: document }))).toMatch(/^400 MalformedPolicyDocument/);
    expect(await refusal(iam.putRolePolicy({ RoleName: 'r', PolicyName: 'p', PolicyDocument: document }))).toMatch(
      /^400 MalformedPolicyDocument/,
    );
  });

  test.each([
    ['no JSON', 'nonsense'],
    [
      'no principal',
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole' }] }),
    ],
    ['a resource', trust('*', { Resource: '*' })],
    ['another action', trust('*', { Action: 's3:GetObject' })],
    ['nobody', trust({ AWS: 'nobody' })],
  ])('a trust policy with %s is malformed', async (_what, document) => {
    expect(await refusal(role('r', { AssumeRolePolicyDocument: document }))).toMatch(/^400 MalformedPolicyDocument/);
    await role('s');
    expect(await refusal(iam.updateAssumeRolePolicy({ RoleName: 's', PolicyDocument: document }))).toMatch(
      /^400 MalformedPolicyDocument/,
    );
  });

  test('a managed policy takes Version 2012-10-17 only; others take the old one too', async () => {
    const old = policyOf().replace('2012-10-17', '2008-10-17');
    expect(await refusal(policy('p', { PolicyDocument: old }))).toMatch(/^400 MalformedPolicyDocument/);
    await role('r', { AssumeRolePolicyDocument: TRUST.replace('2012-10-17', '2008-10-17') });
    await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'p', PolicyDocument: old });
  });

  test('a condition may hold numbers', async () => {
    const document = trust('*', { Condition: { NumericLessThan: { 'aws:MultiFactorAuthAge': 3600 } } });
    await role('r', { AssumeRolePolicyDocument: document });
    expect(decodeURIComponent((await iam.getRole({ RoleName: 'r' })).Role?.AssumeRolePolicyDocument ?? '')).toBe(
      document,
    );
  });

  test('trust needs principals that the account has; those of others pass', async () => {
    const missing = `arn:aws:iam::${ACCOUNT}:role/ci/deploy`;
    const create = (name: string, principal: unknown) => role(name, { AssumeRolePolicyDocument: trust(principal) });
    expect(await refusal(create('a', { AWS: missing }))).toBe(
      `400 MalformedPolicyDocument: Invalid principal in policy: "AWS":"${missing}"`,
    );
    await role('deploy');
    expect(await refusal(create('a', { AWS: missing }))).toMatch(/^400 MalformedPolicyDocument/);
    await user('anna', { Path: '/people/' });
    await create('a', {
      AWS: [
        `arn:aws:iam::${ACCOUNT}:role/deploy`,
        `arn:aws:iam::${ACCOUNT}:user/people/anna`,
        `arn:aws:iam::${ACCOUNT}:root`,
        ACCOUNT,
        `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/session`,
        `arn:aws:iam::${OTHER}:role/anything`,
      ],
      Federated: `arn:aws:iam::${ACCOUNT}:oidc-provider/token.actions.githubusercontent.com`,
    });
    await create('b', '*');
    expect(await refusal(create('c', { AWS: `arn:aws-cn:iam::${OTHER}:root` }))).toMatch(
      /^400 MalformedPolicyDocument/,
    );
    expect(await refusal(create('c', { AWS: `arn:aws:iam::${ACCOUNT}:group/g` }))).toMatch(
      /^400 MalformedPolicyDocument/,
    );
  });

  test('a trusted principal that is deleted shows as its ID, and the name alone does not heal it', async () => {
    const { Role } = await role('deploy');
    await role('trusting', { AssumeRolePolicyDocument: trust({ AWS: Role?.Arn }) });
    await iam.deleteRole({ RoleName: 'deploy' });
    await role('deploy');
    const shown = decodeURIComponent(
      (await iam.getRole({ RoleName: 'trusting' })).Role?.AssumeRolePolicyDocument ?? '',
    );
    expect(shown).toContain(Role?.RoleId);
    expect(shown).not.toContain(Role?.Arn);
  });
});

describe('quotas', () => {
  test('sizes of documents, white space not counted', async () => {
    expect(await refusal(policy('p', { PolicyDocument: bigPolicy(6144) }))).toBe(
      '409 LimitExceeded: Cannot exceed quota for PolicySize: 6144',
    );
    await policy('p', { PolicyDocument: `${bigPolicy(5000)}${' '.repeat(3000)}` });
    const long = trust({ AWS: Array.from({ length: 60 }, () => `arn:aws:iam::${OTHER}:role/deploy`) });
    expect(await refusal(role('r', { AssumeRolePolicyDocument: long }))).toBe(
      '409 LimitExceeded: Cannot exceed quota for ACLSizePerRole: 2048',
    );
    await role('r');
    expect(await refusal(iam.updateAssumeRolePolicy({ RoleName: 'r', PolicyDocument: long }))).toMatch(
      /^409 LimitExceeded/,
    );
    expect(
      await refusal(iam.createPolicyVersion({ PolicyArn: policyArn('p'), PolicyDocument: bigPolicy(6144) })),
    ).toMatch(/^409 LimitExceeded/);
  });

  test('inline policies of an entity together', async () => {
    await role('e');
    await user('e');
    await group('e');
    const puts = {
      10_240: (PolicyName: string, PolicyDocument: string) =>
        iam.putRolePolicy({ RoleName: 'e', PolicyName, PolicyDocument }),
      2048: (PolicyName: string, PolicyDocument: string) =>
        iam.putUserPolicy({ UserName: 'e', PolicyName, PolicyDocument }),
      5120: (PolicyName: string, PolicyDocument: string) =>
        iam.putGroupPolicy({ GroupName: 'e', PolicyName, PolicyDocument }),
    };
    for (const [most, put] of Object.entries(puts)) {
      const half = bigPolicy(Number(most) / 2 - 200);
      await put('one', half);
      await put('two', half);
      await put('two', half);
      expect(await refusal(put('three', bigPolicy(400)))).toMatch(
        new RegExp(`^409 LimitExceeded: Maximum policy size of ${most} bytes exceeded`),
      );
    }
  });

  test('attachments, groups of a user, versions, tags', async () => {
    await role('e');
    await user('e');
    await group('e');
    const arns = await Promise.all(Array.from({ length: 11 }, (_, n) => policy(`p${String(n)}`)));
    const attaches = [
      (PolicyArn: string) => iam.attachRolePolicy({ RoleName: 'e', PolicyArn }),
      (PolicyArn: string) => iam.attachUserPolicy({ UserName: 'e', PolicyArn }),
      (PolicyArn: string) => iam.attachGroupPolicy({ GroupName: 'e', PolicyArn }),
    ];
    for (const attach of attaches) {
      for (const arn of arns.slice(0, 10)) await attach(arn);
      expect(await refusal(attach(arns[0] ?? ''))).toBe('accepted');
      expect(await refusal(attach(arns[10] ?? ''))).toMatch(/^409 LimitExceeded: Cannot exceed quota for PoliciesPer/);
    }
    expect((await iam.getPolicy({ PolicyArn: arns[0] })).Policy?.AttachmentCount).toBe(3);

    for (let n = 0; n < 10; n += 1) {
      await group(`g${String(n)}`);
      await iam.addUserToGroup({ GroupName: `g${String(n)}`, UserName: 'e' });
    }
    expect(await refusal(iam.addUserToGroup({ GroupName: 'e', UserName: 'e' }))).toMatch(/^409 LimitExceeded/);

    const version = () =>
      iam.createPolicyVersion({ PolicyArn: arns[0], PolicyDocument: policyOf(), SetAsDefault: true });
    for (let n = 0; n < 4; n += 1) await version();
    expect(await refusal(version())).toMatch(/^409 LimitExceeded: A managed policy can have up to 5 versions/);

    const tags = (from: number) => Array.from({ length: 30 }, (_, n) => ({ Key: `k${String(from + n)}`, Value: '' }));
    await iam.tagRole({ RoleName: 'e', Tags: tags(0) });
    await iam.tagRole({ RoleName: 'e', Tags: tags(10) });
    expect(await refusal(iam.tagRole({ RoleName: 'e', Tags: tags(30) }))).toMatch(/^409 LimitExceeded/);
  });

  test('one role in an instance profile', async () => {
    await profile('p');
    const add = (RoleName: string) => iam.addRoleToInstanceProfile({ InstanceProfileName: 'p', RoleName });
    expect(await refusal(add('r'))).toMatch(/^404 NoSuchEntity: The role with name r cannot be found/);
    await role('r');
    await add('r');
    const taken = '409 LimitExceeded: Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1';
    expect(await refusal(add('r'))).toBe(taken);
    await role('s');
    expect(await refusal(add('s'))).toBe(taken);
    await iam.removeRoleFromInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' });
    expect(await refusal(iam.removeRoleFromInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' }))).toMatch(
      /^404 NoSuchEntity/,
    );
  });

  test('entities of an account', async () => {
    const names = Array.from({ length: 501 }, (_, n) => `g${String(n)}`);
    const results = await refusals(names.map((name) => group(name)));
    expect(results.filter((result) => result === 'accepted')).toHaveLength(500);
    expect(results).toContain('409 LimitExceeded: Cannot exceed quota for GroupsPerAccount: 500');
  });

  test('GetAccountSummary names them', async () => {
    await role('r');
    expect((await iam.getAccountSummary({})).SummaryMap).toMatchObject({
      Roles: 1,
      RolesQuota: 5000,
      PoliciesQuota: 5000,
      AttachedPoliciesPerRoleQuota: 10,
      PolicySizeQuota: 6144,
    });
  });
});

describe('what exists already', () => {
  test('OIDC provider, by its URL', async () => {
    const create = (Url: string) => iam.createOpenIDConnectProvider({ Url, ClientIDList: ['sts.amazonaws.com'] });
    const { OpenIDConnectProviderArn } = await create('https://token.example/Org');
    expect(OpenIDConnectProviderArn).toBe(`arn:aws:iam::${ACCOUNT}:oidc-provider/token.example/Org`);
    for (const url of ['https://token.example/Org', 'https://TOKEN.example/Org', 'https://token.example/Org/']) {
      expect(await refusal(create(url))).toBe(
        '409 EntityAlreadyExists: Provider with url https://token.example/Org already exists.',
      );
    }
    expect(await refusal(create('https://token.example/org'))).toBe('accepted');
    expect(await refusal(create('http://token.example/x'))).toMatch(/^400 ValidationError/);
  });
});

describe('deletion of what is in use', () => {
  test('a role', async () => {
    await role('r');
    await profile('p');
    await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'i', PolicyDocument: policyOf() });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn: ADMINISTRATOR });
    await iam.addRoleToInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' });
    const remove = () => refusal(iam.deleteRole({ RoleName: 'r' }));
    const conflict = /^409 DeleteConflict: Cannot delete entity, must/;
    expect(await remove()).toMatch(conflict);
    expect(await refusal(iam.deleteInstanceProfile({ InstanceProfileName: 'p' }))).toMatch(conflict);
    await iam.removeRoleFromInstanceProfile({ InstanceProfileName: 'p', RoleName: 'r' });
    expect(await refusal(iam.deleteInstanceProfile({ InstanceProfileName: 'p' }))).toBe('accepted');
    expect(await remove()).toMatch(conflict);
    await iam.detachRolePolicy({ RoleName: 'r', PolicyArn: ADMINISTRATOR });
    expect(await remove()).toMatch(conflict);
    await iam.deleteRolePolicy({ RoleName: 'r', PolicyName: 'i' });
    expect(await remove()).toBe('accepted');
    expect(await remove()).toMatch(/^404 NoSuchEntity/);
  });

  test('a group', async () => {
    await group('g');
    await iam.putGroupPolicy({ GroupName: 'g', PolicyName: 'i', PolicyDocument: policyOf() });
    await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: ADMINISTRATOR });
    expect(await refusal(iam.deleteGroup({ GroupName: 'g' }))).toMatch(/^409 DeleteConflict/);
    await iam.deleteGroupPolicy({ GroupName: 'g', PolicyName: 'i' });
    expect(await refusal(iam.deleteGroup({ GroupName: 'g' }))).toMatch(/^409 DeleteConflict/);
    await iam.detachGroupPolicy({ GroupName: 'g', PolicyArn: ADMINISTRATOR });
    expect(await refusal(iam.deleteGroup({ GroupName: 'g' }))).toBe('accepted');
  });

  test('a policy', async () => {
    const PolicyArn = await policy('p');
    await role('r');
    const remove = () => refusal(iam.deletePolicy({ PolicyArn }));
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn });
    await iam.putRolePermissionsBoundary({ RoleName: 'r', PermissionsBoundary: PolicyArn });
    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: policyOf('arn:aws:s3:::b/*'), SetAsDefault: true });
    expect(await remove()).toMatch(/^409 DeleteConflict/);
    await iam.detachRolePolicy({ RoleName: 'r', PolicyArn });
    expect(await remove()).toMatch(/^409 DeleteConflict/);
    await iam.deleteRolePermissionsBoundary({ RoleName: 'r' });
    expect(await remove()).toMatch(/^409 DeleteConflict: This policy has more than one version/);
    expect(await refusal(iam.deletePolicyVersion({ PolicyArn, VersionId: 'v2' }))).toMatch(/^409 DeleteConflict/);
    await iam.deletePolicyVersion({ PolicyArn, VersionId: 'v1' });
    expect(await remove()).toBe('accepted');
    expect(await refusal(policy('p'))).toBe('accepted');
  });
});

describe('attachments and boundaries', () => {
  const missing = policyArn('missing');

  test('a policy has to exist; AWS has its own', async () => {
    await role('e');
    await user('e');
    await group('e');
    const attach = (PolicyArn: string) => [
      iam.attachRolePolicy({ RoleName: 'e', PolicyArn }),
      iam.attachUserPolicy({ UserName: 'e', PolicyArn }),
      iam.attachGroupPolicy({ GroupName: 'e', PolicyArn }),
    ];
    const notThere = `404 NoSuchEntity: Policy ${missing} does not exist or is not attachable.`;
    expect(await refusals(attach(missing))).toEqual([notThere, notThere, notThere]);
    for (const result of await refusals(attach('arn:aws:iam::aws:policy/NoSuchThing'))) {
      expect(result).toMatch(/^404 NoSuchEntity/);
    }
    for (const result of await refusals(attach('arn:aws:s3:::no-policy-at-all'))) {
      expect(result).toMatch(/^400 InvalidInput/);
    }
    for (const name of ['AdministratorAccess', 'ReadOnlyAccess', 'service-role/AWSLambdaBasicExecutionRole']) {
      const results = await refusals(attach(`arn:aws:iam::aws:policy/${name}`));
      expect(results).toEqual(['accepted', 'accepted', 'accepted']);
    }
    expect((await iam.listAttachedRolePolicies({ RoleName: 'e' })).AttachedPolicies).toContainEqual({
      PolicyName: 'AdministratorAccess',
      PolicyArn: ADMINISTRATOR,
    });
    expect(await refusal(iam.detachRolePolicy({ RoleName: 'e', PolicyArn: missing }))).toMatch(/^404 NoSuchEntity/);
    expect(await refusal(iam.tagPolicy({ PolicyArn: ADMINISTRATOR, Tags: [] }))).toMatch(/^403 AccessDenied/);
    expect(await refusal(iam.deletePolicy({ PolicyArn: ADMINISTRATOR }))).toMatch(/^403 AccessDenied/);
    const { PolicyGroups, PolicyRoles, PolicyUsers } = await iam.listEntitiesForPolicy({ PolicyArn: ADMINISTRATOR });
    expect([PolicyGroups?.[0]?.GroupName, PolicyRoles?.[0]?.RoleName, PolicyUsers?.[0]?.UserName]).toEqual([
      'e',
      'e',
      'e',
    ]);
  });

  test('a boundary has to exist, and shows where AWS shows it', async () => {
    const PermissionsBoundary = await policy('limits');
    expect(await refusal(role('r', { PermissionsBoundary: missing }))).toMatch(/^404 NoSuchEntity/);
    expect(await refusal(user('u', { PermissionsBoundary: missing }))).toMatch(/^404 NoSuchEntity/);
    await role('r', { PermissionsBoundary });
    await user('u');
    expect(await refusal(iam.putUserPermissionsBoundary({ UserName: 'u', PermissionsBoundary: missing }))).toMatch(
      /^404 NoSuchEntity/,
    );
    await iam.putUserPermissionsBoundary({ UserName: 'u', PermissionsBoundary });
    const shown = { PermissionsBoundary: { PermissionsBoundaryArn: PermissionsBoundary } };
    expect((await iam.getRole({ RoleName: 'r' })).Role).toMatchObject(shown);
    expect((await iam.getUser({ UserName: 'u' })).User).toMatchObject(shown);
    const details = await iam.getAccountAuthorizationDetails({});
    expect(details.RoleDetailList).toMatchObject([shown]);
    expect(details.UserDetailList).toMatchObject([shown]);
    expect((await iam.listRoles({})).Roles?.[0]).not.toHaveProperty('PermissionsBoundary');
    expect((await iam.listUsers({})).Users?.[0]).not.toHaveProperty('PermissionsBoundary');
    expect((await iam.getPolicy({ PolicyArn: PermissionsBoundary })).Policy?.PermissionsBoundaryUsageCount).toBe(2);
    await iam.deleteUserPermissionsBoundary({ UserName: 'u' });
    await iam.deleteRolePermissionsBoundary({ RoleName: 'r' });
    expect((await iam.getUser({ UserName: 'u' })).User?.PermissionsBoundary).toBeUndefined();
    expect((await iam.getRole({ RoleName: 'r' })).Role?.PermissionsBoundary).toBeUndefined();
  });
});

describe('updates', () => {
  test('UpdateRole keeps what is not sent', async () => {
    await role('r', { Description: 'first', MaxSessionDuration: 7200 });
    await iam.updateRole({ RoleName: 'r', Description: 'second' });
    expect((await iam.getRole({ RoleName: 'r' })).Role).toMatchObject({
      Description: 'second',
      MaxSessionDuration: 7200,
    });
    await iam.updateRole({ RoleName: 'r', MaxSessionDuration: 3600 });
    expect((await iam.getRole({ RoleName: 'r' })).Role).toMatchObject({
      Description: 'second',
      MaxSessionDuration: 3600,
    });
  });

  test('OIDC client IDs, thumbprints and tags', async () => {
    const Url = 'https://token.example';
    const { OpenIDConnectProviderArn } = await iam.createOpenIDConnectProvider({
      Url,
      Tags: [{ Key: 'a', Value: '1' }],
    });
    const get = () => iam.getOpenIDConnectProvider({ OpenIDConnectProviderArn });
    expect((await get()).ThumbprintList).toEqual([expect.stringMatching(/^[0-9a-f]{40}$/)]);
    for (const ClientID of ['one', 'two', 'one']) {
      await iam.addClientIDToOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID });
    }
    expect(await get()).toMatchObject({ ClientIDList: ['one', 'two'], Url: 'token.example' });
    for (const ClientID of ['one', 'one']) {
      await iam.removeClientIDFromOpenIDConnectProvider({ OpenIDConnectProviderArn, ClientID });
    }
    const ThumbprintList = ['a'.repeat(40), 'b'.repeat(40)];
    await iam.updateOpenIDConnectProviderThumbprint({ OpenIDConnectProviderArn, ThumbprintList });
    expect(await get()).toMatchObject({ ClientIDList: ['two'], ThumbprintList });
    await iam.tagOpenIDConnectProvider({ OpenIDConnectProviderArn, Tags: [{ Key: 'b', Value: '2' }] });
    await iam.untagOpenIDConnectProvider({ OpenIDConnectProviderArn, TagKeys: ['a'] });
    expect((await iam.listOpenIDConnectProviderTags({ OpenIDConnectProviderArn })).Tags).toEqual([
      { Key: 'b', Value: '2' },
    ]);
    expect((await get()).Tags).toEqual([{ Key: 'b', Value: '2' }]);
    const gone = { OpenIDConnectProviderArn: `${String(OpenIDConnectProviderArn)}.not` };
    expect(await refusal(iam.addClientIDToOpenIDConnectProvider({ ...gone, ClientID: 'x' }))).toMatch(
      /^404 NoSuchEntity/,
    );
  });

  test('tag keys have no case, and aws: is for AWS', async () => {
    const Tags = [{ Key: 'Team', Value: 'a' }];
    await role('r', { Tags });
    await iam.tagRole({ RoleName: 'r', Tags: [{ Key: 'team', Value: 'b' }] });
    expect((await iam.getRole({ RoleName: 'r' })).Role?.Tags).toEqual([{ Key: 'team', Value: 'b' }]);
    const twice = [...Tags, { Key: 'TEAM', Value: 'c' }];
    expect(await refusal(iam.tagRole({ RoleName: 'r', Tags: twice }))).toMatch(/^400 InvalidInput: Duplicate tag keys/);
    const stack = { RoleName: 'r', Tags: [{ Key: 'aws:cloudformation:stack-name', Value: 's' }] };
    expect(await refusal(iam.tagRole(stack))).toMatch(/^400 InvalidInput/);
    await iamClient(sandbox.url, undefined, { accessKeyId: 'AKIAAWSSERVICE' }).tagRole(stack);
    expect((await iam.listRoleTags({ RoleName: 'r' })).Tags).toContainEqual(stack.Tags[0]);
  });

  test.each([
    ['User', (Tags: object[]) => user('e', { Tags }), { UserName: 'e' }],
    ['InstanceProfile', (Tags: object[]) => profile('e', { Tags }), { InstanceProfileName: 'e' }],
    ['Policy', (Tags: object[]) => policy('e', { Tags }), { PolicyArn: policyArn('e') }],
  ])('tags of a %s', async (kind, create, key) => {
    await create([{ Key: 'a', Value: '1' }]);
    const calls = iam as unknown as Record<string, (input: object) => Promise<{ Tags?: object[] }>>;
    await calls[`tag${kind}`]?.call(iam, { ...key, Tags: [{ Key: 'b', Value: '2' }] });
    await calls[`untag${kind}`]?.call(iam, { ...key, TagKeys: ['a'] });
    const tags = [{ Key: 'b', Value: '2' }];
    expect((await calls[`list${kind}Tags`]?.call(iam, key))?.Tags).toEqual(tags);
    const got = (await calls[`get${kind}`]?.call(iam, key)) as Record<string, { Tags?: object[] }>;
    expect(got[kind]?.Tags).toEqual(tags);
  });
});

describe('lists', () => {
  test('have pages', async () => {
    const names = Array.from({ length: 5 }, (_, n) => `n${String(n)}`);
    await user('u');
    await group('g');
    await role('r');
    for (const name of names) {
      const PolicyArn = await policy(name);
      const inline = { PolicyName: name, PolicyDocument: policyOf() };
      await Promise.all([role(name), user(name), group(name), profile(name)]);
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
        const page: Record<string, unknown> | undefined = await calls[call]?.call(iam, {
          ...input,
          MaxItems: 2,
          Marker,
        });
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
    expect(await refusal(iam.listRoles({ Marker: 'nonsense' }))).toMatch(/^400 ValidationError/);
  });

  test('leave out what AWS leaves out', async () => {
    const Tags = [{ Key: 'a', Value: '1' }];
    await role('r', { Tags, Description: 'd', MaxSessionDuration: 7200 });
    await user('u', { Tags });
    await profile('i', { Tags });
    await policy('p', { Tags, Description: 'd' });
    const [listed] = (await iam.listRoles({})).Roles ?? [];
    expect(listed).toMatchObject({ Description: 'd', MaxSessionDuration: 7200 });
    const all = [
      listed,
      (await iam.listUsers({})).Users?.[0],
      (await iam.listInstanceProfiles({})).InstanceProfiles?.[0],
      (await iam.listPolicies({ Scope: 'Local' })).Policies?.[0],
    ];
    for (const one of all) {
      expect(one).toBeDefined();
      expect(one?.Tags).toBeUndefined();
    }
    expect((await iam.getPolicy({ PolicyArn: policyArn('p') })).Policy).toMatchObject({ Description: 'd', Tags });
  });

  test('of policies know their scope', async () => {
    await policy('p');
    const local = await iam.listPolicies({ Scope: 'Local' });
    expect(local.Policies?.map(({ PolicyName }) => PolicyName)).toEqual(['p']);
    const aws = await iam.listPolicies({ Scope: 'AWS', MaxItems: 1000 });
    expect(aws.IsTruncated).toBe(true);
    expect(aws.Policies?.every(({ Arn }) => Arn?.startsWith('arn:aws:iam::aws:policy/'))).toBe(true);
  });
});

describe('GetAccountAuthorizationDetails', () => {
  beforeEach(async () => {
    const PolicyArn = await policy('p', { Description: 'of the policy', Tags: [{ Key: 'a', Value: '1' }] });
    await iam.createPolicyVersion({ PolicyArn, PolicyDocument: policyOf('arn:aws:s3:::b/*'), SetAsDefault: true });
    await role('r', { Description: 'of the role', MaxSessionDuration: 7200, Tags: [{ Key: 'a', Value: '1' }] });
    await user('u', { Tags: [{ Key: 'a', Value: '2' }] });
    await group('g');
    await profile('i');
    await iam.addRoleToInstanceProfile({ InstanceProfileName: 'i', RoleName: 'r' });
    await iam.addUserToGroup({ GroupName: 'g', UserName: 'u' });
    await iam.attachRolePolicy({ RoleName: 'r', PolicyArn });
    await iam.attachGroupPolicy({ GroupName: 'g', PolicyArn: ADMINISTRATOR });
    await iam.putRolePolicy({ RoleName: 'r', PolicyName: 'inline', PolicyDocument: policyOf() });
  });

  test('shows what AWS shows', async () => {
    const details = await iam.getAccountAuthorizationDetails({});
    const [shown] = details.RoleDetailList ?? [];
    expect(shown).toMatchObject({
      RoleName: 'r',
      Tags: [{ Key: 'a', Value: '1' }],
      AttachedManagedPolicies: [{ PolicyName: 'p', PolicyArn: policyArn('p') }],
      InstanceProfileList: [{ InstanceProfileName: 'i', Roles: [{ RoleName: 'r' }] }],
    });
    expect(shown).not.toHaveProperty('Description');
    expect(shown).not.toHaveProperty('MaxSessionDuration');
    expect(shown?.AssumeRolePolicyDocument).toBe(
      encodeURIComponent(TRUST).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`),
    );
    expect(decodeURIComponent(shown?.RolePolicyList?.[0]?.PolicyDocument ?? '')).toBe(policyOf());
    expect(shown?.RolePolicyList?.[0]?.PolicyDocument).not.toMatch(/[*{]/);
    expect(details.UserDetailList).toMatchObject([
      { UserName: 'u', GroupList: ['g'], Tags: [{ Key: 'a', Value: '2' }] },
    ]);
    expect(details.GroupDetailList).toMatchObject([{ AttachedManagedPolicies: [{ PolicyArn: ADMINISTRATOR }] }]);
    const local = details.Policies?.find(({ PolicyName }) => PolicyName === 'p');
    expect(local).toMatchObject({ Description: 'of the policy', DefaultVersionId: 'v2', AttachmentCount: 1 });
    expect(local).not.toHaveProperty('Tags');
    expect(local?.PolicyVersionList?.map(({ VersionId }) => VersionId)).toEqual(['v2', 'v1']);
    expect(decodeURIComponent(local?.PolicyVersionList?.[1]?.Document ?? '')).toBe(policyOf());
  });

  test('honours the filter', async () => {
    const counts = async (Filter: ('User' | 'Role' | 'Group' | 'LocalManagedPolicy' | 'AWSManagedPolicy')[]) => {
      const shown = await iam.getAccountAuthorizationDetails({ Filter });
      return [shown.UserDetailList, shown.GroupDetailList, shown.RoleDetailList, shown.Policies].map((l) => l?.length);
    };
    expect(await counts(['Role'])).toEqual([0, 0, 1, 0]);
    expect(await counts(['User', 'Group'])).toEqual([1, 1, 0, 0]);
    expect(await counts(['LocalManagedPolicy'])).toEqual([0, 0, 0, 1]);
    expect(await counts(['AWSManagedPolicy'])).toEqual([0, 0, 0, 1]);
    expect(await counts([])).toEqual([1, 1, 1, 2]);
  });

  test('has pages across the types', async () => {
    const pages: (string | undefined)[][] = [];
    let Marker: string | undefined;
    do {
      const page = await iam.getAccountAuthorizationDetails({ MaxItems: 2, Marker });
      pages.push([
        ...(page.UserDetailList ?? []).map(({ UserName }) => UserName),
        ...(page.GroupDetailList ?? []).map(({ GroupName }) => GroupName),
        ...(page.RoleDetailList ?? []).map(({ RoleName }) => RoleName),
        ...(page.Policies ?? []).map(({ PolicyName }) => PolicyName),
      ]);
      Marker = page.Marker;
    } while (Marker !== undefined);
    expect(pages).toEqual([['u', 'g'], ['r', 'AdministratorAccess'], ['p']]);
  });
});

describe('callers', () => {
  test('each account is apart', async () => {
    await role('r');
    const other = iamClient(sandbox.url, OTHER);
    expect(await refusal(other.getRole({ RoleName: 'r' }))).toMatch(/^404 NoSuchEntity/);
    const created = await other.createRole({ RoleName: 'r', AssumeRolePolicyDocument: TRUST });
    expect(created.Role?.Arn).toBe(`arn:aws:iam::${OTHER}:role/r`);
    const identity = (client: IAM) =>
      new STSClient({ endpoint: sandbox.url, region: 'us-east-1', credentials: client.config.credentials }).send(
        new GetCallerIdentityCommand({}),
      );
    expect(await identity(other)).toMatchObject({
      Account: OTHER,
      Arn: `arn:aws:sts::${OTHER}:assumed-role/test/test`,
    });
    expect(await identity(iam)).toMatchObject({ Account: ACCOUNT, Arn: `arn:aws:iam::${ACCOUNT}:user/sandbox` });
    await sandbox.reset();
    expect(await identity(other)).toMatchObject({ Account: OTHER });
    expect(await refusal(other.getRole({ RoleName: 'r' }))).toMatch(/^404 NoSuchEntity/);
    const { AccessKey } = await other
      .createUser({ UserName: 'u' })
      .then(() => other.createAccessKey({ UserName: 'u' }));
    const keyed = iamClient(sandbox.url, undefined, { accessKeyId: AccessKey?.AccessKeyId ?? '' });
    expect(await identity(keyed)).toMatchObject({ Account: OTHER, Arn: `arn:aws:iam::${OTHER}:user/u` });
  });

  test('expired and denied credentials', async () => {
    const by = (accessKeyId: string) => iamClient(sandbox.url, undefined, { accessKeyId });
    const sts = (accessKeyId: string) =>
      new STSClient({
        endpoint: sandbox.url,
        region: 'us-east-1',
        credentials: { accessKeyId, secretAccessKey: 'x' },
      }).send(new GetCallerIdentityCommand({}));
    for (const key of ['ASIAEXPIRED1', 'AKIAEXPIRED1']) {
      expect(await refusal(by(key).listRoles({}))).toMatch(/^403 ExpiredToken/);
      expect(await refusal(sts(key))).toMatch(/^403 ExpiredToken/);
    }
    expect(await refusal(by('AKIADENIED1').listRoles({}))).toMatch(/^403 AccessDenied: .*iam:ListRoles/);
    expect(await refusal(sts('AKIADENIED1'))).toBe('accepted');
    const unsigned = await fetch(sandbox.url, { method: 'POST', body: 'Action=ListRoles&Version=2010-05-08' });
    expect([unsigned.status, await unsigned.text()]).toEqual([
      403,
      expect.stringContaining('MissingAuthenticationToken'),
    ]);
  });
});

describe('replies', () => {
  test('each has a request ID of its own, refusals too', async () => {
    const ids = new Set<string | undefined>();
    for (let n = 0; n < 3; n += 1) ids.add((await iam.listRoles({})).$metadata.requestId);
    const error = await iam.getRole({ RoleName: 'r' }).catch((reason: unknown) => reason);
    ids.add((error as { $metadata: { requestId?: string } }).$metadata.requestId);
    expect(ids.size).toBe(4);
    expect(ids).not.toContain(undefined);
  });

  test('an action that nobody implements is refused in good form', async () => {
    const message = await refusal(iam.enableOrganizationsRootSessions({}));
    expect(message).toMatch(/^400 InvalidAction: Could not find operation EnableOrganizationsRootSessions/);
  });
});

describe('the referee', () => {
  test('lists every call, without secrets', async () => {
    await user('u', { Path: '/ci/' });
    await iam.createLoginProfile({ UserName: 'u', Password: 'Correct-horse-7' });
    await refusal(user('u'));
    const journal = await sandbox.journal();
    expect(journal.map(({ seq, action, account, status, code }) => [seq, action, account, status, code])).toEqual([
      [1, 'CreateUser', ACCOUNT, 200, null],
      [2, 'CreateLoginProfile', ACCOUNT, 200, null],
      [3, 'CreateUser', ACCOUNT, 409, 'EntityAlreadyExists'],
    ]);
    expect(journal[0]?.params).toEqual({ UserName: 'u', Path: '/ci/' });
    expect(journal[0]?.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(Number.isNaN(Date.parse(journal[0]?.at ?? ''))).toBe(false);
    expect(JSON.stringify(journal)).not.toContain('Correct-horse-7');
    await sandbox.reset();
    expect(await sandbox.journal()).toEqual([]);
    expect(await refusal(iam.getUser({ UserName: 'u' }))).toMatch(/^404 NoSuchEntity/);
  });
});

describe('the process', () => {
  test('serves another account where it is told to', async () => {
    const own = await startSandbox({ account: '333333333333' });
    try {
      const created = await iamClient(own.url).createUser({ UserName: 'u' });
      expect(created.User?.Arn).toBe('arn:aws:iam::333333333333:user/u');
    } finally {
      await own.stop();
    }
  });

  test.each([
    ['when its standard input closes, if told so', ['--exit-with-stdin'], (child: ChildProcess) => child.stdin?.end()],
    ['on SIGTERM', [], (child: ChildProcess) => child.kill('SIGTERM')],
  ])('ends by itself %s', async (_when, options, end) => {
    const script = resolve(__dirname, '../../../sandbox/strict_iam.py');
    const child = spawn(await findPython(), [script, '--port', '0', ...options], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) {
      expect(JSON.parse(line)).toEqual({
        ready: true,
        url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
      });
      break;
    }
    end(child);
    await exited;
    expect(child.exitCode).toBe(0);
  });

  test('goes on without its standard input where it is not told to end', async () => {
    const script = resolve(__dirname, '../../../sandbox/strict_iam.py');
    const child = spawn(await findPython(), [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const { url } = JSON.parse(line) as { url: string };
      expect(await refusal(iamClient(url).listRoles({}))).toBe('accepted');
    } finally {
      child.kill();
      await exited;
    }
  });
});
