import { MockActivityEnvironment } from '@temporalio/testing';
import { captureAccount } from '../../../../src/activities/capture/capture-account.js';
import { Captures } from '../../../../src/activities/capture/captures.js';
import { nameTest } from '../../../../src/activities/capture/filter.js';
import { readAccount, type ReadAccount } from '../../../../src/activities/capture/read-account.js';
import type { Account } from '../../../../src/activities/runtime/accounts.js';
import { Reader, type Send } from '../../../../src/aws/reader.js';
import type { CaptureFilter } from '../../../../src/contract/capture.js';
import type { EntityClaim } from '../../../../src/contract/entity-claims.js';
import { awsFailure, TARGET } from '../../../support/fake-account.js';

const ALL: CaptureFilter = { namespace: 'ci', kinds: [], names: [], path: null, tags: {}, owner: null };
const DOCUMENT = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
});
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

const NO_CLAIMS = { entityClaims: () => Promise.resolve([]) };

type Answer = (input: Readonly<Record<string, string>>) => object | Promise<object>;

/** An account that answers some operations, and the number of its calls. */
function accountOf(answers: Readonly<Record<string, Answer>>): { readonly account: Account; readonly calls: string[] } {
  const calls: string[] = [];
  const send = ((operation: string, input: Record<string, string>) => {
    calls.push(operation);
    const answer = answers[operation];
    return answer === undefined
      ? Promise.reject(awsFailure('AccessDenied', operation))
      : Promise.resolve().then(() => answer(input));
  }) as unknown as Send;
  const guard = { ensure: () => Promise.resolve() } as unknown as Account['guard'];
  const clients = { reader: new Reader(send) } as unknown as Account['clients'];
  return { account: { target: TARGET, clients, guard }, calls };
}

/** Reads kinds of an account; claims are those in its ledger. */
async function read(answers: Readonly<Record<string, Answer>>, kinds: readonly string[], claims: EntityClaim[] = []) {
  const ledgers = { entityClaims: () => Promise.resolve(claims) };
  return readAccount(accountOf(answers).account, ledgers, { ...ALL, kinds });
}

const roleOf = (RoleName: string, more: object = {}) => ({
  RoleName,
  Path: '/',
  Arn: `arn:aws:iam::111111111111:role/${RoleName}`,
  AssumeRolePolicyDocument: encodeURIComponent(TRUST),
  Tags: [],
  ...more,
});

test('names match with a star for any text, without case, and other characters stand for themselves', () => {
  const isNamed = nameTest({ names: ['ci-*', 'a.b', '*/x'] });
  const named = ['ci-', 'CI-Deploy', 'a.b', 'ann/x', 'xci-', 'axb', 'a.bc'].filter(isNamed);
  expect(named).toEqual(['ci-', 'CI-Deploy', 'a.b', 'ann/x']);
  expect(nameTest({ names: [] })('any')).toBe(true);
  // A search that tries every length of every star takes years for this one.
  expect(nameTest({ names: [`${'*a'.repeat(100)}!`] })('a'.repeat(10_000))).toBe(false);
});

test('a document that a manifest cannot declare leaves the role out, with its place', async () => {
  const legacy = encodeURIComponent('{"Version":"2012-10-17","Statement":[{"Effect":"Permit"}]}');
  const roles = [
    roleOf('good', { RolePolicyList: [{ PolicyName: 'read', PolicyDocument: encodeURIComponent(DOCUMENT) }] }),
    roleOf('legacy', { RolePolicyList: [{ PolicyName: 'old', PolicyDocument: legacy }] }),
    roleOf('sso', { Path: '/aws-reserved/', Arn: 'arn:aws:iam::111111111111:role/aws-reserved/sso' }),
    roleOf('AWSServiceRoleForX', { Path: '/aws-service-role/x.amazonaws.com/' }),
  ];
  const { items } = await read(
    {
      GetAccountAuthorizationDetails: () => ({ RoleDetailList: roles }),
      ListRoles: () => ({ Roles: roles.map((one) => ({ ...one, Description: 'shown', MaxSessionDuration: 7200 })) }),
      GetRole: ({ RoleName = '' }) => ({ Role: roleOf(RoleName, { Description: 'shown', MaxSessionDuration: 7200 }) }),
    },
    ['Role'],
  );
  expect(items).toEqual([
    expect.objectContaining({ name: 'sso', leftOut: 'belongs to AWS (path /aws-reserved/)' }),
    expect.objectContaining({
      name: 'good',
      spec: expect.objectContaining({ description: 'shown', maxSessionDuration: 7200 }) as object,
    }),
    expect.objectContaining({
      name: 'legacy',
      leftOut: expect.stringMatching(
        /^a manifest cannot declare it: inlinePolicies\.old\.Statement\[0\]\.Effect: /,
      ) as string,
    }),
  ]);
});

test('a role of a template belongs to the role manager, which a read of its own tells of a role without an owner', async () => {
  const roles = ['listed', 'made', 'free', 'ours'].map((name) =>
    roleOf(name, name === 'ours' ? { Tags: [{ Key: 'iam-bootstrap:namespace', Value: 'ci' }] } : {}),
  );
  const SourceRoleTemplate = { TemplateArn: 'arn:template' };
  const read: string[] = [];
  const { account } = accountOf({
    GetAccountAuthorizationDetails: () => ({ RoleDetailList: roles }),
    ListRoles: () => ({ Roles: [{ ...roles[0], SourceRoleTemplate }, ...roles.slice(1)] }),
    GetRole: ({ RoleName = '' }) => {
      read.push(RoleName);
      return { Role: roleOf(RoleName, RoleName === 'made' ? { SourceRoleTemplate } : {}) };
    },
  });
  const filter = { ...ALL, kinds: ['Role'] };
  const { items } = await readAccount(account, NO_CLAIMS, filter);
  const isLeftOut = "belongs to IAM's role manager (template arn:template)";
  expect(Object.fromEntries(items.map((item) => [item.name, 'leftOut' in item ? item.leftOut : null]))).toEqual({
    free: null,
    listed: isLeftOut,
    made: isLeftOut,
    ours: null,
  });
  await readAccount(account, NO_CLAIMS, { ...filter, owner: 'ours' });
  await readAccount(account, NO_CLAIMS, { ...filter, path: '/none/' });
  await readAccount(account, NO_CLAIMS, { ...filter, tags: { team: null } });
  expect(read.slice(0, 2)).toEqual(['made', 'free']);
  // For a filter that takes only what is ours, none of them matters.
  expect(read).toHaveLength(2);
});

test('providers whose URLs differ in case only are two, and one without thumbprints is captured', async () => {
  const arns = ['h.example/A', 'h.example/a'].map((name) => `arn:aws:iam::111111111111:oidc-provider/${name}`);
  const { items } = await read(
    {
      ListOpenIDConnectProviders: () => ({ OpenIDConnectProviderList: arns.map((Arn) => ({ Arn })) }),
      GetOpenIDConnectProvider: ({ OpenIDConnectProviderArn = '' }) => ({ ClientIDList: [OpenIDConnectProviderArn] }),
    },
    ['OpenIDConnectProvider'],
  );
  expect(items).toEqual(
    arns.map((arn): unknown =>
      expect.objectContaining({
        arn,
        spec: { url: `https://${arn.slice(arn.indexOf('/') + 1)}`, clientIdList: [arn] },
        missing: [],
      }),
    ),
  );
});

test('a group is of the namespace that claims it in the ledger', async () => {
  const groups = ['free', 'mine', 'theirs'].map((GroupName) => ({ GroupName, Path: '/', Arn: `arn:${GroupName}` }));
  const claimed = (id: string, namespace: string): EntityClaim => ({ id, namespace, runId: 'r', at: '' });
  const { items } = await read(
    {
      GetAccountAuthorizationDetails: () => ({ GroupDetailList: groups }),
      GetGroup: ({ GroupName = '' }) => ({ Group: { GroupName }, Users: [{ UserName: 'ann' }] }),
    },
    ['Group'],
    [claimed('Group/Mine', 'ci'), claimed('Group/theirs', 'other')],
  );
  expect(items).toEqual([
    expect.objectContaining({ name: 'free', isOurs: false }),
    expect.objectContaining({
      name: 'mine',
      isOurs: true,
      spec: expect.objectContaining({ users: ['ann'] }) as object,
    }),
    expect.objectContaining({ name: 'theirs', leftOut: 'belongs to iam-bootstrap namespace "other"' }),
  ]);
});

test('service roles that a manifest would name alike are left out, and the root user’s device is left out', async () => {
  const linked = (RoleName: string) =>
    roleOf(RoleName, { Path: '/aws-service-role/x.amazonaws.com/', Arn: `arn:${RoleName}` });
  const roles = [linked('AWSServiceRoleForX_a'), linked('AWSServiceRoleForY_a')];
  const { items } = await read(
    {
      ListRoles: () => ({ Roles: roles }),
      GetRole: ({ RoleName = '' }) => ({ Role: linked(RoleName) }),
      ListVirtualMFADevices: () => ({
        VirtualMFADevices: [
          { SerialNumber: 'arn:aws:iam::111111111111:mfa/root', User: { Arn: 'arn:aws:iam::111111111111:root' } },
        ],
      }),
    },
    ['ServiceLinkedRole', 'VirtualMFADevice'],
  );
  expect(items.map((item) => [item.name, 'leftOut' in item ? item.leftOut : null])).toEqual([
    ['arn:AWSServiceRoleForX_a', 'a manifest names several x.amazonaws.com/a'],
    ['arn:AWSServiceRoleForY_a', 'a manifest names several x.amazonaws.com/a'],
    ['root', 'the root user signs in with it'],
  ]);
});

test('where AWS refuses the bulk read, each kind that needs it is named; many refused entities are one', async () => {
  const names = Array.from({ length: 30 }, (_, index) => `p${String(index)}`);
  const { items, unread } = await read(
    {
      ListInstanceProfiles: () => ({ InstanceProfiles: names.map((InstanceProfileName) => ({ InstanceProfileName })) }),
      GetInstanceProfile: ({ InstanceProfileName }) => {
        if (InstanceProfileName !== 'p7') throw awsFailure('AccessDenied', 'GetInstanceProfile', 'not you');
        return { InstanceProfile: { InstanceProfileName } };
      },
    },
    ['Role', 'LoginProfile', 'InstanceProfile'],
  );
  expect(items.map(({ name }) => name)).toEqual(['p7']);
  const denied = 'GetAccountAuthorizationDetails answered AccessDenied: AccessDenied';
  expect(unread).toEqual([
    { kind: 'Role', name: null, message: denied },
    { kind: 'LoginProfile', name: null, message: denied },
    {
      kind: 'InstanceProfile',
      name: null,
      message:
        'of 30 entities, 29 could not be read; the first one, p0: GetInstanceProfile answered AccessDenied: not you',
    },
  ]);
});

test('a worker reads an account once for one capture, and never gives what it keeps to another one', async () => {
  const users = Array.from({ length: 1_001 }, (_, index) => ({ UserName: `u${String(index)}`, Path: '/', Arn: 'arn' }));
  const { account, calls } = accountOf({ GetAccountAuthorizationDetails: () => ({ UserDetailList: users }) });
  const parts = { ledgers: { entityClaims: () => Promise.resolve([]) }, captures: new Captures() };
  const ask = (captureId: string, after: { kind: string; name: string } | null, filter: Partial<CaptureFilter> = {}) =>
    captureAccount(
      account,
      parts,
      { target: TARGET, captureId, after, filter: { ...ALL, kinds: ['User'], ...filter } },
      {},
    );
  const first = await ask('one', null);
  expect([first.items.length, calls.length]).toEqual([1_000, 1]);
  expect((await ask('one', first.next)).next).toBeNull();
  expect(calls).toHaveLength(1);
  // Told to its end, and so forgotten; another filter or capture reads for itself.
  await ask('one', first.next);
  expect(calls).toHaveLength(2);
  await ask('two', null);
  await ask('two', null, { owner: 'unowned' });
  await ask('three', null);
  expect(calls).toHaveLength(5);
});

describe('users of whom AWS denies something', () => {
  const users = Array.from({ length: 60 }, (_, index) => ({ UserName: `u${String(index)}`, Path: '/' }));
  const readKeys = async (isDenied: (user: string) => boolean, code = 'AccessDenied') => {
    const { account, calls } = accountOf({
      GetAccountAuthorizationDetails: () => ({ UserDetailList: users }),
      ListSigningCertificates: ({ UserName = '' }) => {
        if (isDenied(UserName)) throw awsFailure(code, 'ListSigningCertificates', 'not you');
        if (UserName === 'u7') throw awsFailure('NoSuchEntity', 'ListSigningCertificates');
        return { Certificates: UserName === 'u9' ? [{ UserName, CertificateId: 'C', CertificateBody: 'x' }] : [] };
      },
    });
    const { items, unread } = await readAccount(account, NO_CLAIMS, { ...ALL, kinds: ['SigningCertificate'] });
    return { names: items.map(({ name }) => name), unread, calls: calls.length };
  };

  test('are named, and those of the others are read; a user that has gone has none', async () => {
    expect(await readKeys((user) => user === 'u0' || user === 'u30')).toEqual({
      names: ['u9/C'],
      unread: ['u0', 'u30'].map((name) => ({
        kind: 'SigningCertificate',
        name,
        message: 'ListSigningCertificates answered AccessDenied: not you',
      })),
      calls: 61,
    });
  });

  test.each(['AccessDenied', 'InvalidAction'])(
    'are not asked for all where %s is the answer for the first of them',
    async (code) => {
      const message = `ListSigningCertificates answered ${code}: not you`;
      expect(await readKeys(() => true, code)).toEqual({
        names: [],
        unread: [{ kind: 'SigningCertificate', name: null, message }],
        calls: 21,
      });
    },
  );
});

test('the tags of a policy come with the policy where AWS denies them, and a policy that has gone is left out', async () => {
  const policies = ['a', 'denied', 'gone'].map((PolicyName) => ({
    PolicyName,
    Arn: `arn:aws:iam::111111111111:policy/${PolicyName}`,
    PolicyVersionList: [{ VersionId: 'v1', IsDefaultVersion: true, Document: encodeURIComponent(DOCUMENT) }],
  }));
  const { account, calls } = accountOf({
    GetAccountAuthorizationDetails: () => ({ Policies: policies }),
    GetPolicy: ({ PolicyArn = '' }) => {
      if (PolicyArn.endsWith('/a')) return { Policy: { Arn: PolicyArn, Tags: [{ Key: 'team', Value: 'x' }] } };
      throw awsFailure(PolicyArn.endsWith('/gone') ? 'NoSuchEntity' : 'AccessDenied', 'GetPolicy', 'not you');
    },
  });
  const { items, unread } = await readAccount(account, NO_CLAIMS, { ...ALL, kinds: ['Policy'] });
  expect(items).toEqual([expect.objectContaining({ name: 'a', tags: { team: 'x' } })]);
  expect(unread).toEqual([{ kind: 'Policy', name: 'denied', message: 'GetPolicy answered AccessDenied: not you' }]);
  expect(calls.sort()).toEqual([
    'GetAccountAuthorizationDetails',
    ...['GetPolicy', 'ListPolicyTags'].flatMap((one) => [one, one, one]),
  ]);
});

test('a capture has five reads in flight, and after an error that passes it sends no other', async () => {
  const roles = Array.from({ length: 100 }, (_, index) => roleOf(`r${String(index)}`));
  let [running, most] = [0, 0];
  const { account, calls } = accountOf({
    GetAccountAuthorizationDetails: () => ({ RoleDetailList: roles }),
    ListRoles: () => ({ Roles: roles }),
    GetRole: async ({ RoleName = '' }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      if (RoleName === 'r40') throw awsFailure('Throttling', 'GetRole');
      return { Role: roleOf(RoleName) };
    },
  });
  await expect(readAccount(account, NO_CLAIMS, { ...ALL, kinds: ['Role'] })).rejects.toMatchObject({
    name: 'Throttling',
  });
  expect(most).toBe(5);
  await new Promise(setImmediate);
  expect(calls.filter((operation) => operation === 'GetRole').length).toBeLessThan(50);
});

test('an answer that the ledger does not give is asked for again, without another read of the account', async () => {
  const { account, calls } = accountOf({
    GetAccountAuthorizationDetails: () => ({ GroupDetailList: [{ GroupName: 'g', Path: '/', Arn: 'arn:g' }] }),
    GetGroup: () => ({ Group: { GroupName: 'g' }, Users: [] }),
  });
  const entityClaims = jest.fn().mockRejectedValueOnce(new Error('unavailable')).mockResolvedValue([]);
  const environment = new MockActivityEnvironment();
  const { items } = await environment.run<[], ReadAccount, () => Promise<ReadAccount>>(() =>
    readAccount(account, { entityClaims }, { ...ALL, kinds: ['Group'] }),
  );
  expect(items).toHaveLength(1);
  expect(calls).toEqual(['GetAccountAuthorizationDetails', 'GetGroup']);
});

describe('the last use', () => {
  const day = (ago: number): Date => new Date(Date.now() - ago * 86_400_000);
  const users = ['ann', 'ben'].map((UserName) => ({ UserName, Path: '/', Arn: `arn:${UserName}`, Tags: [] }));
  const details = { GetAccountAuthorizationDetails: () => ({ UserDetailList: users }) };

  test('of access keys is read of those that are older than a year, one call each', async () => {
    const ages = { AKIAYOUNG: 364, AKIAOLD: 366, AKIAUSED: 2_000 };
    const asked: string[] = [];
    const { items } = await read(
      {
        ...details,
        ListAccessKeys: ({ UserName = '' }) => ({
          AccessKeyMetadata: Object.entries(UserName === 'ann' ? ages : {}).map(([AccessKeyId, ago]) => ({
            AccessKeyId,
            CreateDate: day(ago),
          })),
        }),
        GetAccessKeyLastUsed: ({ AccessKeyId = '' }) => {
          asked.push(AccessKeyId);
          return { AccessKeyLastUsed: AccessKeyId === 'AKIAUSED' ? { LastUsedDate: day(3) } : {} };
        },
      },
      ['AccessKey'],
    );
    expect(asked.sort()).toEqual(['AKIAOLD', 'AKIAUSED']);
    const uses = items.map(({ name, ...item }) => [name, 'lastUsedAt' in item ? item.lastUsedAt : 'not read']);
    expect(Object.fromEntries(uses)).toEqual({
      'ann/AKIAOLD': null,
      'ann/AKIAUSED': expect.stringMatching(/^\d{4}-/) as string,
      'ann/AKIAYOUNG': 'not read',
    });
  });

  test('that AWS refuses to tell leaves the keys as they are, and nothing counts as unread', async () => {
    const { items, unread } = await read(
      {
        ...details,
        ListAccessKeys: ({ UserName = '' }) => ({
          AccessKeyMetadata: [{ AccessKeyId: `AKIA${UserName}`, CreateDate: day(500) }],
        }),
      },
      ['AccessKey'],
    );
    expect(unread).toEqual([]);
    expect(items.map((item) => [item.name, 'lastUsedAt' in item])).toEqual([
      ['ann/AKIAann', false],
      ['ben/AKIAben', false],
    ]);
  });

  test('of passwords is in one listing of the users', async () => {
    const at = day(400);
    const { account, calls } = accountOf({
      ...details,
      GetLoginProfile: ({ UserName = '' }) => ({ LoginProfile: { UserName, CreateDate: day(900) } }),
      ListUsers: () => ({ Users: [{ ...users[0], PasswordLastUsed: at }, users[1]] }),
    });
    const { items } = await readAccount(account, NO_CLAIMS, { ...ALL, kinds: ['LoginProfile'] });
    expect(items).toEqual([
      expect.objectContaining({ name: 'ann', lastUsedAt: at.toISOString() }),
      expect.objectContaining({ name: 'ben', lastUsedAt: null }),
    ]);
    expect(calls.filter((operation) => operation === 'ListUsers')).toHaveLength(1);
  });
});
