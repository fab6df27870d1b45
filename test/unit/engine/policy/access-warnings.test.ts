import type { Json, JsonObject } from '../../../../src/contract/entity.js';
import { accessWarnings } from '../../../../src/engine/policy/index.js';
import { OURS, planOf } from '../../../support/planned.js';

const ACCOUNT = { account: '111111111111', partition: 'aws' };
const ISSUER = 'token.actions.githubusercontent.com';
const PROVIDER = `arn:aws:iam::111111111111:oidc-provider/${ISSUER}`;

function document(...Statement: JsonObject[]): JsonObject {
  return { Version: '2012-10-17', Statement };
}

function permissions(statement: JsonObject): readonly string[] {
  const policy = document({ Effect: 'Allow', Resource: '*', ...statement });
  return accessWarnings({ inlinePolicies: { p: policy } }, ACCOUNT);
}

function trust(statement: JsonObject): readonly string[] {
  const policy = document({ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement });
  return accessWarnings({ assumeRolePolicyDocument: policy }, ACCOUNT);
}

function oidc(condition: Json | undefined): readonly string[] {
  return trust({ Principal: { Federated: PROVIDER }, ...(condition === undefined ? {} : { Condition: condition }) });
}

test.each<[string, JsonObject, string]>([
  ['every action', { Action: '*' }, 'allows every action on *'],
  ['every action of every service', { Action: ['s3:GetObject', '*:*'] }, 'allows every action on *'],
  ['all but some', { NotAction: 'iam:*' }, 'allows every action but "iam:*" on *'],
  ['passing roles', { Action: 'iam:PassRole', Resource: 'arn:x' }, 'allows iam:PassRole on arn:x'],
  ['passing roles in another case', { Action: 'IAM:passrole' }, 'allows iam:PassRole on *'],
  ['passing roles by a pattern', { Action: 'iam:Pass*' }, 'allows iam:PassRole on * (by "iam:pass*")'],
  ['passing roles by a service', { Action: ['iam:*'] }, 'allows every action of IAM on *'],
  [
    'passing roles under conditions',
    { Action: 'iam:PassRole', Condition: { StringEquals: { 'iam:PassedToService': 'ecs.amazonaws.com' } } },
    'allows iam:PassRole on *, under conditions',
  ],
])('a policy that allows %s is warned of', (_what, statement, warning) => {
  expect(permissions(statement)).toEqual([`inlinePolicies.p: ${warning}`]);
});

test.each([
  ['AdministratorAccess', 'gives administrator access'],
  ['IAMFullAccess', 'gives administrator access'],
  ['PowerUserAccess', 'allows every action but those of IAM, Organizations and the account'],
])('the policy %s of AWS is warned of', (name, text) => {
  const arn = `arn:aws:iam::aws:policy/${name}`;
  expect(accessWarnings({ managedPolicyArns: [arn] }, ACCOUNT)).toEqual([`managedPolicyArns: ${arn} ${text}`]);
  // A boundary limits.
  expect(accessWarnings({ permissionsBoundary: arn }, ACCOUNT)).toEqual([]);
});

test.each<[string, JsonObject]>([
  ['some actions', { Action: ['s3:*', 'iam:Get*', 'iam:ListRoles'] }],
  ['a denial of everything', { Effect: 'Deny', Action: '*' }],
])('a policy with %s is not warned of', (_what, statement) => {
  expect(permissions(statement)).toEqual([]);
});

test.each<[string, JsonObject, string]>([
  [
    'everyone',
    { Principal: '*' },
    'every AWS account can assume the role: the principal is "*", and there is no condition',
  ],
  [
    'every AWS principal',
    { Principal: { AWS: ['*'] } },
    'every AWS account can assume the role: the principal is "*", and there is no condition',
  ],
  [
    'everyone under a condition',
    { Principal: '*', Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } },
    'trusts everyone (principal *), limited only by its conditions',
  ],
  ['everyone but some', { NotPrincipal: { AWS: 'arn:x' } }, 'trusts everyone but the principals that it names'],
  ['another account', { Principal: { AWS: '999999999999' } }, 'trusts another account, 999999999999'],
  [
    'a role of another account',
    { Principal: { AWS: 'arn:aws:iam::999999999999:role/x' } },
    'trusts another account, 999999999999',
  ],
])('a trust policy that trusts %s is warned of', (_what, statement, warning) => {
  expect(trust(statement)).toEqual([`assumeRolePolicyDocument: ${warning}`]);
});

test.each<[string, JsonObject]>([
  ['its own account', { Principal: { AWS: ['111111111111', 'arn:aws:iam::111111111111:role/x'] } }],
  ['a service', { Principal: { Service: 'ec2.amazonaws.com' } }],
  ['nobody', { Effect: 'Deny', Principal: '*' }],
])('a trust policy that trusts %s is not warned of', (_what, statement) => {
  expect(trust(statement)).toEqual([]);
});

test('an OIDC provider needs a condition on the subject', () => {
  const shared = `assumeRolePolicyDocument: the role trusts every token of ${ISSUER}: no condition limits ${ISSUER}:sub`;
  expect(oidc(undefined)).toEqual([shared]);
  expect(oidc({ StringEquals: { [`${ISSUER}:aud`]: 'sts.amazonaws.com' } })).toEqual([shared]);
  expect(oidc({ StringLike: { [`${ISSUER}:sub`]: 'repo:acme/infra:*' } })).toEqual([]);
  const own = 'oidc.eks.eu-west-1.amazonaws.com/id/1234';
  const trusting = (Condition: JsonObject) =>
    trust({ Principal: { Federated: `arn:aws:iam::111111111111:oidc-provider/${own}` }, Condition });
  const missing = `assumeRolePolicyDocument: trusts every token of ${own}: it has no condition on ${own}:sub`;
  expect(trusting({ StringEquals: { [`${own}:aud`]: 'sts.amazonaws.com' } })).toEqual([missing]);
  expect(trusting({ StringNotEquals: { [`${own}:sub`]: 'x' } })).toEqual([missing]);
  expect(trusting({ StringEquals: { [`${own}:sub`]: 'system:serviceaccount:a:b' } })).toEqual([]);
});

test('an administrator policy is warned of where it grants, and not where it limits', () => {
  const administrator = 'arn:aws-cn:iam::aws:policy/AdministratorAccess';
  const own = 'arn:aws:iam::111111111111:policy/AdministratorAccess';
  expect(accessWarnings({ managedPolicyArns: [own, administrator] }, ACCOUNT)).toEqual([
    `managedPolicyArns: ${administrator} gives administrator access`,
  ]);
  expect(accessWarnings({ permissionsBoundary: administrator }, ACCOUNT)).toEqual([]);
});

describe('a plan', () => {
  const ALL = document({ Effect: 'Allow', Action: '*', Resource: '*' });
  const DENY = document({ Effect: 'Deny', Action: 's3:*', Resource: '*' });
  const TRUST = document({ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' });
  const BOUNDARY = 'arn:aws:iam::111111111111:policy/limit';
  const warningsOf = (spec: JsonObject, found?: { readonly state: JsonObject; readonly ours: boolean }) => {
    const role = { roleName: 'deploy', assumeRolePolicyDocument: TRUST, ...spec };
    const state = { path: '/', assumeRolePolicyDocument: TRUST, ...found?.state };
    const there = found === undefined ? {} : { found: { state, tags: found.ours ? OURS : {} } };
    return planOf([{ kind: 'Role', spec: role, ...there }]).entities[0]?.warnings;
  };

  test('warns of all that a create grants', () => {
    expect(warningsOf({ inlinePolicies: { p: ALL } })).toEqual(['inlinePolicies.p: allows every action on *']);
  });

  test('warns of what an update adds, and not of what is there already', () => {
    const spec = { inlinePolicies: { p: ALL }, maxSessionDuration: 7200 };
    expect(warningsOf(spec, { state: { inlinePolicies: { p: ALL } }, ours: true })).toEqual([]);
    expect(warningsOf(spec, { state: { inlinePolicies: {} }, ours: true })).toHaveLength(1);
  });

  test('warns of what an adoption keeps, where the property is not declared, too', () => {
    const kept = ['inlinePolicies.old: allows every action on * (unmanaged, kept)'];
    for (const spec of [{}, { inlinePolicies: {} }]) {
      expect(warningsOf(spec, { state: { inlinePolicies: { old: ALL } }, ours: false })).toEqual(kept);
    }
  });

  test("warns of an administrator's permissions beside a manifest that owns the entity, and of nothing narrower", () => {
    const administrator = 'arn:aws:iam::aws:policy/AdministratorAccess';
    const pass = document({ Effect: 'Allow', Action: 'iam:PassRole', Resource: '*' });
    const managed = { managedPolicyArns: [administrator, 'arn:aws:iam::aws:policy/ReadOnlyAccess'] };
    const state = { inlinePolicies: { oops: ALL, pass }, ...managed };
    const warnings = [
      'inlinePolicies.oops: allows every action on * (unmanaged, kept)',
      `managedPolicyArns: ${administrator} gives administrator access (unmanaged, kept)`,
    ];
    for (const spec of [{}, { maxSessionDuration: 7200 }, { inlinePolicies: {}, managedPolicyArns: [] }]) {
      expect(warningsOf(spec, { state, ours: true })).toEqual(warnings);
    }
    expect(warningsOf({ inlinePolicies: { oops: ALL }, ...managed }, { state, ours: true })).toEqual([]);
  });

  test('warns of limits that go', () => {
    const state = { inlinePolicies: { p: DENY }, permissionsBoundary: BOUNDARY };
    const other = document({ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' });
    expect(warningsOf({ inlinePolicies: { p: other }, permissionsBoundary: null }, { state, ours: true })).toEqual([
      `permissionsBoundary: the limit ${BOUNDARY} is removed`,
      'inlinePolicies.p: denies less than before',
    ]);
  });
});
