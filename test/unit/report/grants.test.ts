import type { Drift } from '../../../src/contract/report.js';
import { buildReport, truncateToFit } from '../../../src/report/build.js';
import { driftText } from '../../../src/report/drift.js';
import { statementText } from '../../../src/report/statement.js';
import { entityReport } from '../../support/entity-report.js';
import { OURS, planOf, requestOf } from '../../support/planned.js';

const TRUST = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' },
};

test('a statement is one line that leaves nothing out', () => {
  const statement = {
    Sid: 'State',
    Effect: 'Allow',
    Action: ['s3:GetObject', 's3:PutObject'],
    Resource: 'arn:aws:s3:::a/*',
    Condition: { StringEquals: { 'aws:SourceAccount': '1234' }, Bool: { 'aws:SecureTransport': true } },
    Surprise: ['x'],
  };
  expect(statementText(statement)).toBe(
    'Allow s3:GetObject, s3:PutObject on arn:aws:s3:::a/* if StringEquals aws:SourceAccount = 1234 and Bool aws:SecureTransport = true with Surprise = ["x"] (Sid State)',
  );
  expect(statementText({ Effect: 'Deny', NotAction: 'a:b', NotResource: '*', NotPrincipal: { AWS: '*' } })).toBe(
    'Deny everything but a:b to everyone but AWS * (everyone) on everything but *',
  );
});

test('a value cannot be read as more of the statement', () => {
  const statement = { Effect: 'Allow', Condition: { StringEquals: { 'a:b': 'x and Bool c:d = true (Sid Y)' } } };
  expect(statementText(statement)).toBe('Allow if StringEquals a:b = "x and Bool c:d = true (Sid Y)"');
});

test.each<[Drift, string]>([
  [{ path: 'maxSessionDuration', observed: 3600, desired: 7200 }, '~ maxSessionDuration = 3600 -> 7200'],
  [{ path: 'tags.team', observed: null, desired: 'a' }, '+ tags.team = "a"'],
  [{ path: 'tags.team', observed: 'a', desired: null }, '- removed: tags.team = "a"'],
  [
    {
      path: 'assumeRolePolicyDocument.Statement[0].Principal.AWS',
      observed: ['*', 'a'],
      desired: ['a', 'b'],
      summary: 'Statement[0] (x): y',
    },
    'trust policy › Statement[0] › Principal.AWS: - *, + b',
  ],
  [
    {
      path: 'inlinePolicies.a.b.Statement[Sid=X]',
      observed: null,
      desired: { Effect: 'Deny', Action: '*' },
      summary: '+ Statement "X"',
    },
    'inline policy a.b: + Deny *',
  ],
  [{ path: 'managedPolicyArns', observed: 'a', desired: null, summary: '- a' }, 'attached policies: - removed: a'],
  [{ path: '', observed: 'present', desired: 'absent', summary: 'DeleteRole r' }, '- DeleteRole r'],
])('a drift has one format: %j', (drift, text) => {
  expect(driftText(drift)).toBe(text);
});

test('a created entity grants all that it has, trust first and tags last, with the ARNs that are predicted', () => {
  const spec = {
    roleName: 'deploy',
    tags: { team: 'a' },
    path: '/ci/',
    managedPolicyArns: ['{{arn Policy/P}}'],
    assumeRolePolicyDocument: TRUST,
  };
  const policy = { kind: 'Policy', spec: { policyName: 'p', policyDocument: { ...TRUST, Version: '2008-10-17' } } };
  expect(planOf([{ kind: 'Role', spec }, policy]).entities[0]?.grants).toEqual([
    'assumeRolePolicyDocument: Allow sts:AssumeRole to ec2.amazonaws.com',
    'managedPolicyArns: arn:aws:iam::111111111111:policy/p',
    'path: "/ci/"',
    'tags.team: "a"',
  ]);
});

test('an updated entity grants what it gains, each changed statement as a whole', () => {
  const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' };
  const found = {
    state: { path: '/', assumeRolePolicyDocument: TRUST, inlinePolicies: { p: { ...TRUST, Statement: [statement] } } },
    tags: OURS,
  };
  const Statement = [{ ...statement, Action: ['s3:GetObject', 's3:PutObject'] }];
  const spec = { roleName: 'r', assumeRolePolicyDocument: TRUST, inlinePolicies: { p: { ...TRUST, Statement } } };
  expect(planOf([{ kind: 'Role', spec, found }]).entities[0]?.grants).toEqual([
    'inlinePolicies.p: Allow s3:GetObject, s3:PutObject on *',
  ]);
});

test('what is refused, unchanged or deleted grants nothing', () => {
  const spec = { roleName: 'r', assumeRolePolicyDocument: TRUST };
  const state = { path: '/', assumeRolePolicyDocument: TRUST };
  const report = planOf([
    { kind: 'Role', spec, found: { state, tags: { ManagedBy: 'terraform' } } },
    { kind: 'Role', spec, found: { state, tags: OURS } },
    { kind: 'Role', spec, found: { state, tags: OURS }, more: { state: 'absent' } },
  ]);
  expect(report.entities.map(({ decision, grants }) => [decision, grants])).toEqual([
    ['refuse', []],
    ['no-op', []],
    ['delete', []],
  ]);
});

test('no secret is granted: a report has the location only', () => {
  const spec = { userName: 'u', secret: { secretsManager: 'ci/key' }, status: 'Active' };
  expect(planOf([{ kind: 'AccessKey', spec }]).entities[0]?.grants).toEqual([
    'secret.secretsManager: "ci/key"',
    'status: "Active"',
  ]);
});

test('a report that is too large for Temporal keeps the first grant of each entity, and counts the rest', () => {
  const grants = Array.from({ length: 100 }, (_, index) => `users: ${'x'.repeat(1_000)}${String(index)}`);
  const entities = Array.from({ length: 3 }, () => entityReport({ grants }));
  expect(truncateToFit(entities, 10_000)).toEqual(
    entities.map((entity) => ({ ...entity, grants: grants.slice(0, 1), omittedLines: 99 })),
  );
  const run = { command: 'plan', request: requestOf([]), workflowId: '', runId: '', startedAt: 0 } as const;
  expect(buildReport(run, [], {}, 0).version).toBe(2);
});
