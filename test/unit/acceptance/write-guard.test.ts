import * as sdk from '@aws-sdk/client-iam';
import { ASSUMPTIONS } from '../../acceptance/assumptions.js';
import type { ProbeCall } from '../../acceptance/assumptions.js';
import { allowing, trusting } from '../../acceptance/documents.js';
import { fixtureIn } from '../../acceptance/names.js';
import { fill } from '../../acceptance/probe.js';
import { refusalOf } from '../../acceptance/write-guard.js';
import type { Write } from '../../../src/kinds/kind.js';
import { KIND_FIXTURES } from '../../support/kind-fixtures/index.js';

const ACCOUNT = '111111111111';
const RUN = { start: 'iamb-r4k2m9xz-', account: ACCOUNT, partition: 'aws', accountSettings: false };
const own = (name: string): string => `arn:aws:iam::${ACCOUNT}:policy/iamb-r4k2m9xz-${name}`;
const stranger = (name: string): string => `arn:aws:iam::222222222222:${name}`;
const json = (document: object): string => JSON.stringify(document);
/** A trust policy that differs from one of a run in some members. */
const trust = (more: object): string =>
  json({ Statement: [{ ...(trusting() as { Statement: object[] }).Statement[0], ...more }] });
const grant = (more: object): string => json({ Statement: { Effect: 'Allow', Action: 's3:GetObject', ...more } });
const refused = (action: string, params: Record<string, string>, service = 'iam') =>
  refusalOf(service, action, params, RUN);

test.each([
  ['CreateRole', { RoleName: 'iamb-r4k2m9xz-role' }],
  ['CreateRole', { RoleName: 'IAMB-R4K2M9XZ-ROLE' }],
  ['CreateRole', { RoleName: 'iamb-r4k2m9xz-role', AssumeRolePolicyDocument: json(trusting()) }],
  ['CreateRole', { RoleName: 'iamb-r4k2m9xz-role', PermissionsBoundary: own('boundary') }],
  ['AttachRolePolicy', { RoleName: 'iamb-r4k2m9xz-role', PolicyArn: own('policy') }],
  ['DetachRolePolicy', { RoleName: 'iamb-r4k2m9xz-role', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
  ['PutRolePolicy', { RoleName: 'iamb-r4k2m9xz-role', PolicyDocument: json(allowing('s3:GetObject', 'aws')) }],
  ['PutRolePolicy', { RoleName: 'iamb-r4k2m9xz-role', PolicyDocument: grant({ Effect: 'Deny', Resource: '*' }) }],
  ['DeletePolicy', { PolicyArn: 'arn:aws:iam::111111111111:policy/other/iamb-r4k2m9xz-policy' }],
  ['CreateOpenIDConnectProvider', { Url: 'https://tokens.example.com/iamb-r4k2m9xz-one' }],
  ['DeleteServiceLinkedRole', { RoleName: 'AWSServiceRoleForAutoScaling_iamb-r4k2m9xz-one' }],
  ['AddUserToGroup', { GroupName: 'iamb-r4k2m9xz-group', UserName: 'iamb-r4k2m9xz-user' }],
])('sends %s of the run: %j', (action, params) => {
  expect(refused(action, params as Record<string, string>)).toBeNull();
});

test.each([
  ['DeleteRole', { RoleName: 'production' }],
  ['DeleteRole', { RoleName: 'iamb-other' }],
  ['DeleteRole', { RoleName: 'my-iamb-r4k2m9xz-role' }],
  ['DeleteRole', {}],
  ['DeletePolicy', { PolicyArn: 'arn:aws:iam::111111111111:policy/iamb-r4k2m9xz-path/production' }],
  ['AddUserToGroup', { GroupName: 'admins', UserName: 'iamb-r4k2m9xz-user' }],
  ['AddUserToGroup', { GroupName: 'iamb-r4k2m9xz-group', UserName: 'alice' }],
  ['AddRoleToInstanceProfile', { InstanceProfileName: 'iamb-r4k2m9xz-profile', RoleName: 'production' }],
  ['UpdateUser', { UserName: 'iamb-r4k2m9xz-user', NewUserName: 'alice' }],
  ['EnableMFADevice', { UserName: 'alice', SerialNumber: 'arn:aws:iam::111111111111:mfa/iamb-r4k2m9xz-device' }],
  ['CreateServiceLinkedRole', { AWSServiceName: 'autoscaling.amazonaws.com' }],
  ['DeleteServiceLinkedRole', { RoleName: 'AWSServiceRoleForAutoScaling' }],
  ['DeleteAccessKey', { AccessKeyId: 'AKIA1' }],
  ['ChangePassword', { OldPassword: 'a', NewPassword: 'b' }],
])('refuses %s of another entity: %j', (action, params) => {
  expect(refused(action, params as Record<string, string>)).toEqual(expect.stringContaining(action));
});

const ROLE = { RoleName: 'iamb-r4k2m9xz-role' };

test.each([
  ['AttachRolePolicy', { PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }, 'ReadOnlyAccess'],
  ['AttachRolePolicy', { PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/production` }, 'production'],
  ['AttachRolePolicy', { PolicyArn: stranger('policy/iamb-r4k2m9xz-policy') }, '222222222222'],
  ['AttachRolePolicy', {}, 'not of the run'],
  ['CreateRole', { PermissionsBoundary: 'arn:aws:iam::aws:policy/AdministratorAccess' }, 'boundary'],
  ['PutRolePermissionsBoundary', { PermissionsBoundary: stranger('policy/iamb-r4k2m9xz-a') }, 'boundary'],
  ['PutRolePolicy', { PolicyDocument: grant({ Resource: '*' }) }, 'may exist'],
  ['PutRolePolicy', { PolicyDocument: grant({ Resource: ['arn:aws:s3:::no/*', 'arn:aws:s3:::b/*'] }) }, 'may exist'],
  ['PutRolePolicy', { PolicyDocument: grant({ Resource: 'arn:aws:s3:::no*' }) }, 'may exist'],
  ['PutRolePolicy', { PolicyDocument: grant({ NotResource: 'arn:aws:s3:::no/*' }) }, 'may exist'],
  ['PutRolePolicy', { PolicyDocument: grant({}) }, 'may exist'],
  ['PutRolePolicy', { PolicyDocument: '{"Statement": [' }, 'cannot be read'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Condition: {} }) }, 'external ID'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Principal: '*' }) }, 'anybody'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Principal: { AWS: '*' } }) }, 'trusts *'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Principal: { AWS: '222222222222' } }) }, '222222222222'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Principal: { AWS: [ACCOUNT, stranger('root')] } }) }, ':root'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Principal: { Federated: 'accounts.google.com' } }) }, 'google'],
  ['CreateRole', { AssumeRolePolicyDocument: trust({ Principal: { Service: 'ssm.amazonaws.com' } }) }, 'ssm'],
  ['UpdateAssumeRolePolicy', { PolicyDocument: trust({ Principal: { AWS: stranger('root') } }) }, ':root'],
])('refuses %s of the run with content that could do harm: %j', (action, params, reason) => {
  expect(refused(action, { ...ROLE, ...params })).toContain(reason);
});

test.each([
  ['CreateOpenIDConnectProvider', { Url: 'https://token.actions.githubusercontent.com/iamb-r4k2m9xz-one' }],
  ['CreateServiceLinkedRole', { AWSServiceName: 'ecs.amazonaws.com', CustomSuffix: 'iamb-r4k2m9xz-one' }],
])('refuses %s of what may exist: %j', (action, params) => {
  expect(refused(action, params as Record<string, string>)).toContain('may');
});

test('makes nothing once it only deletes', () => {
  const ending = { ...RUN, deletesOnly: true };
  expect(refusalOf('iam', 'CreateUser', { UserName: 'iamb-r4k2m9xz-user' }, ending)).toContain('ends');
  expect(refusalOf('iam', 'DeleteUser', { UserName: 'iamb-r4k2m9xz-user' }, ending)).toBeNull();
});

test('lets no password expire', () => {
  const allowed = { ...RUN, accountSettings: true };
  for (const policy of [{ MaxPasswordAge: '90' }, { HardExpiry: 'true' }] as Record<string, string>[]) {
    expect(refusalOf('iam', 'UpdateAccountPasswordPolicy', policy, allowed)).toContain('expire');
  }
});

const TARGET = { account: ACCOUNT, partition: 'aws-us-gov' };

/** All writes in a value, and those that its functions return. */
function writesIn(value: unknown): Write[] {
  if (Array.isArray(value)) return value.flatMap(writesIn);
  if (typeof value !== 'object' || value === null) return [];
  return 'operation' in value ? [value as Write] : Object.values(value).flatMap(writesIn);
}

test('all that the laws, and the assumptions, send by themselves is harmless', () => {
  const scope = { ...RUN, ...TARGET, accountSettings: true };
  const placed = (value: unknown) => fill(value, { start: RUN.start, target: TARGET }) as ProbeCall;
  const writes = [
    ...Object.entries(KIND_FIXTURES).flatMap(([name, fixture]) =>
      // Kinds that are never played.
      /^(AccountProperties|Org|Outbound)/.test(name) ? [] : writesIn(fixtureIn(name, fixture, RUN.start, TARGET)),
    ),
    ...ASSUMPTIONS.flatMap(({ setup, request }) => [...setup, request]).map(placed),
  ];
  expect(writes.length).toBeGreaterThan(150);
  const reasons = writes.map(({ operation, input }) => {
    const params = Object.entries(input).map(([name, value]) => [name, String(value)]);
    return refusalOf('iam', operation, Object.fromEntries(params) as Record<string, string>, scope);
  });
  expect(reasons.filter((reason) => reason !== null)).toEqual([]);
});

test('the documents of the laws keep their form, and grant nothing', () => {
  const fixture = KIND_FIXTURES['Role'];
  if (fixture === undefined) throw new Error('there is no fixture');
  const { full, equivalent } = fixtureIn('Role', fixture, RUN.start, TARGET);
  const texts = [full, equivalent].map((spec) => JSON.stringify(spec));
  for (const text of texts) {
    expect(text).toContain('arn:aws-us-gov:s3:::no/100%25 sure/*');
    expect(text).toContain('sts:ExternalId');
    expect(text).not.toMatch(/"Effect":"Allow"[^}]*"Resource":(\["\*"\]|"\*")/);
  }
});

test('sends settings of the account only where the user allows them', () => {
  const allowed = { ...RUN, accountSettings: true };
  const policy = { MinimumPasswordLength: '14' };
  expect(refusalOf('iam', 'UpdateAccountPasswordPolicy', policy, RUN)).toContain('whole account');
  expect(refusalOf('iam', 'UpdateAccountPasswordPolicy', policy, allowed)).toBeNull();
  expect(refusalOf('iam', 'DeleteAccountAlias', { AccountAlias: 'acme' }, allowed)).toContain('acme');
});

test('sends nothing to other services but who is calling, the event history and the tags of entities', () => {
  expect(refused('GetCallerIdentity', {}, 'sts')).toBeNull();
  expect(refused('LookupEvents', {}, 'cloudtrail')).toBeNull();
  expect(refused('GetResources', {}, 'tagging')).toBeNull();
  for (const [service, action] of [
    ['sts', 'AssumeRole'],
    ['cloudtrail', 'DeleteTrail'],
    ['tagging', 'TagResources'],
    ['s3', 'GetObject'],
  ] as const) {
    expect(refused(action, {}, service)).not.toBeNull();
  }
});

test('refuses every write of IAM that names no entity of the run', () => {
  const operations = Object.keys(sdk).flatMap((name) => /^(\w+)Command$/.exec(name)?.[1] ?? []);
  const writes = operations.filter((action) => !/^(Get|List)[A-Z]/.test(action));
  expect(writes.length).toBeGreaterThan(80);
  expect(writes.filter((action) => refused(action, {}) === null)).toEqual([]);
});
