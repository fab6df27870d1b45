import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../../src/contract/entity.js';
import { evaluateRequest } from '../../../src/guardrails/evaluate.js';
import type { Guardrails } from '../../../src/guardrails/parse.js';
import { guardrailsOf, scopeOf, violationsOf } from '../../support/guardrails.js';

const ROOT = join(__dirname, '../../..');

function recipe(name: string): Guardrails {
  return guardrailsOf(
    readFileSync(join(ROOT, 'examples', `guardrails-${name}.yaml`), 'utf8').replace('version: 1\n', ''),
  );
}

function document(statement: JsonObject): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] };
}

const GITHUB = 'token.actions.githubusercontent.com';
const PROVIDER = `arn:aws:iam::222222222222:oidc-provider/${GITHUB}`;

function trusting(Principal: JsonObject | string, more: JsonObject = {}): JsonObject {
  return document({ Principal, Action: 'sts:AssumeRole', ...more });
}

const SUBJECT = { Condition: { StringEquals: { [`${GITHUB}:sub`]: 'repo:acme/shop:ref:refs/heads/main' } } };
const BOUNDARY = 'arn:aws:iam::222222222222:policy/ops/team-boundary';

describe('the recipe of a bank', () => {
  const guardrails = recipe('bank');
  const scope = scopeOf({
    target: { account: '222222222222', assumeRole: 'arn:aws:iam::222222222222:role/ops/iam-bootstrap' },
    namespace: 'team-shop',
  });
  const role = {
    roleName: 'team-shop-deploy',
    path: '/team-shop/',
    permissionsBoundary: BOUNDARY,
    assumeRolePolicyDocument: trusting({ Federated: PROVIDER }, SUBJECT),
    inlinePolicies: { deploy: document({ Action: ['s3:PutObject', 'ecs:UpdateService'], Resource: '*' }) },
    managedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  };

  test('allows a team its namespace in the account of its environment, by the one role', () => {
    expect(evaluateRequest(guardrails, scope)).toEqual([]);
    const others = [
      { namespace: 'ops' },
      { environment: 'dev' },
      { target: { account: '333333333333' } },
      { target: { account: '222222222222', assumeRole: 'arn:aws:iam::222222222222:role/admin' } },
    ];
    for (const other of others) {
      expect(evaluateRequest(guardrails, scopeOf({ ...scope, ...other }))).not.toEqual([]);
    }
  });

  test.each<[string, string, JsonObject, object, readonly string[]]>([
    ['allows a deploy role below its own path, with the boundary', 'Role', role, {}, []],
    ['allows its release', 'Role', { roleName: 'team-shop-deploy' }, { state: 'released' }, []],
    ["refuses another team's name", 'Role', { ...role, roleName: 'team-pay-deploy' }, {}, ['entities.names']],
    ['refuses another path', 'Role', { ...role, path: '/' }, {}, ['entities.paths']],
    [
      'refuses users',
      'User',
      { userName: 'team-shop-x', path: '/team-shop/' },
      {},
      ['entities.kinds.allow', 'permissionsBoundary.required'],
    ],
    [
      'refuses a role without the boundary',
      'Role',
      { ...role, permissionsBoundary: null },
      {},
      ['permissionsBoundary.required'],
    ],
    [
      'refuses to change IAM',
      'Role',
      { ...role, inlinePolicies: { x: document({ Action: 'iam:PassRole', Resource: '*' }) } },
      {},
      ['grants.denyActions[0]'],
    ],
    [
      'refuses all of a service',
      'Role',
      { ...role, inlinePolicies: { x: document({ Action: 's3:*', Resource: '*' }) } },
      {},
      ['grants.denyWildcardAction'],
    ],
    [
      'refuses an administrator',
      'Role',
      { ...role, managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] },
      {},
      ['grants.allowManagedPolicies'],
    ],
    [
      'refuses trust in every repository',
      'Role',
      { ...role, assumeRolePolicyDocument: trusting({ Federated: PROVIDER }) },
      {},
      ['trust.requireSubject[0]', 'trust.denyAnyone'],
    ],
    [
      'refuses trust in an unknown account',
      'Role',
      { ...role, assumeRolePolicyDocument: trusting({ AWS: '444444444444' }) },
      {},
      ['trust.accounts'],
    ],
    [
      'allows trust in the account of CI',
      'Role',
      { ...role, assumeRolePolicyDocument: trusting({ AWS: '333333333333' }) },
      {},
      [],
    ],
    ['refuses to take an entity over', 'Role', role, { adopt: 'foreign' }, ['adopt.foreign']],
    [
      'refuses deletions in prod',
      'Role',
      { roleName: 'team-shop-deploy' },
      { state: 'absent' },
      ['accounts.222222222222.destroy'],
    ],
    ['refuses replacements in prod', 'Role', role, { replace: true }, ['accounts.222222222222.replace']],
  ])('%s', (_what, kind, spec, more, expected) => {
    expect(violationsOf(guardrails, kind, spec, { scope, ...more }).map(({ rule }) => rule)).toEqual(expected);
  });

  test('allows deletions in dev', () => {
    const dev = scopeOf({ ...scope, target: { account: '111111111111' }, environment: 'dev' });
    const deleted = { scope: dev, state: 'absent' } as const;
    expect(violationsOf(guardrails, 'Role', { roleName: 'team-shop-deploy', path: '/team-shop/' }, deleted)).toEqual(
      [],
    );
  });
});

describe('the recipe of a startup', () => {
  const guardrails = recipe('startup');
  const role = { roleName: 'deploy', assumeRolePolicyDocument: trusting({ Service: 'ecs-tasks.amazonaws.com' }) };

  test('allows every namespace of its one account', () => {
    expect(evaluateRequest(guardrails, scopeOf({ namespace: 'anything', environment: 'any' }))).toEqual([]);
    expect(evaluateRequest(guardrails, scopeOf({ target: { account: '222222222222' } }))).not.toEqual([]);
  });

  test.each<[string, string, JsonObject, object, readonly string[]]>([
    [
      'allows a role of any name that passes roles',
      'Role',
      { ...role, inlinePolicies: { x: document({ Action: ['s3:*', 'iam:PassRole'], Resource: '*' }) } },
      {},
      [],
    ],
    ['allows users and groups', 'User', { userName: 'alice' }, {}, []],
    ['allows deletions', 'Role', { roleName: 'deploy' }, { state: 'absent' }, []],
    ['refuses access keys', 'AccessKey', { userName: 'alice', secret: { file: 'x' } }, {}, ['entities.kinds.deny[0]']],
    [
      'refuses every action',
      'Role',
      { ...role, inlinePolicies: { x: document({ Action: '*', Resource: '*' }) } },
      {},
      ['grants.denyWildcardAction', 'grants.denyActions[0]', 'grants.denyActions[1]', 'grants.denyActions[2]'],
    ],
    [
      'refuses administrators',
      'Role',
      { ...role, managedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] },
      {},
      ['grants.denyManagedPolicies[0]'],
    ],
    [
      'refuses full access',
      'Role',
      { ...role, managedPolicyArns: ['arn:aws:iam::aws:policy/IAMFullAccess'] },
      {},
      ['grants.denyManagedPolicies[2]'],
    ],
    [
      'refuses trust in everyone',
      'Role',
      { ...role, assumeRolePolicyDocument: trusting('*') },
      {},
      ['trust.denyAnyone'],
    ],
    ['refuses to take an entity over', 'Role', role, { adopt: 'foreign' }, ['adopt.foreign']],
  ])('%s', (_what, kind, spec, more, expected) => {
    expect(violationsOf(guardrails, kind, spec, more).map(({ rule }) => rule)).toEqual(expected);
  });
});
