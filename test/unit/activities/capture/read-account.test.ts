import { captureAccount } from '../../../../src/activities/capture/capture-account.js';
import { Captures } from '../../../../src/activities/capture/captures.js';
import { nameTest } from '../../../../src/activities/capture/filter.js';
import { readAccount } from '../../../../src/activities/capture/read-account.js';
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

type Answer = (input: Readonly<Record<string, string>>) => object;

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
    },
    ['Role'],
  );
  expect(items).toEqual([
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
    expect.objectContaining({ name: 'sso', leftOut: 'belongs to AWS (path /aws-reserved/)' }),
  ]);
});

test('a role that the listing shows as one of a template belongs to the role manager', async () => {
  const roles = [roleOf('made')];
  const SourceRoleTemplate = { TemplateArn: 'arn:template' };
  const { items } = await read(
    {
      GetAccountAuthorizationDetails: () => ({ RoleDetailList: roles }),
      ListRoles: () => ({ Roles: [{ ...roles[0], SourceRoleTemplate }] }),
    },
    ['Role'],
  );
  expect(items).toEqual([
    expect.objectContaining({ leftOut: "belongs to IAM's role manager (template arn:template)" }),
  ]);
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
