import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport, Orphan, Report } from '../../src/contract/report.js';
import { OURS, planOf, reportOfRun, type Wanted } from './planned.js';

const ADMINISTRATOR = 'arn:aws:iam::aws:policy/AdministratorAccess';
const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const GITHUB = 'token.actions.githubusercontent.com';

function document(...Statement: JsonObject[]): JsonObject {
  return { Version: '2012-10-17', Statement };
}

const TRUST_EC2 = document({
  Effect: 'Allow',
  Principal: { Service: 'ec2.amazonaws.com' },
  Action: 'sts:AssumeRole',
});

const TRUST_GITHUB = document({
  Effect: 'Allow',
  Principal: { Federated: `arn:aws:iam::111111111111:oidc-provider/${GITHUB}` },
  Action: 'sts:AssumeRoleWithWebIdentity',
  Condition: {
    StringEquals: { [`${GITHUB}:aud`]: 'sts.amazonaws.com' },
    StringLike: { [`${GITHUB}:sub`]: ['repo:acme/infra:environment:prod', 'repo:acme/infra:ref:refs/tags/v*'] },
  },
});

const STATE = {
  Sid: 'State',
  Effect: 'Allow',
  Action: ['s3:GetObject', 's3:PutObject', 's3:DeleteObject'],
  Resource: ['arn:aws:s3:::acme-terraform-state/*'],
  Condition: { StringEquals: { 'aws:SourceAccount': '111111111111' } },
};
const DENY = { Sid: 'NoDelete', Effect: 'Deny', Action: 's3:DeleteBucket', Resource: '*' };
const PASS = { Effect: 'Allow', Action: ['ecs:RunTask', 'iam:PassRole'], Resource: '*' };

const DEPLOY: JsonObject = {
  roleName: 'prod-deploy',
  path: '/ci/',
  description: 'Deploys from GitHub Actions',
  assumeRolePolicyDocument: TRUST_GITHUB,
  maxSessionDuration: 7200,
  permissionsBoundary: 'arn:aws:iam::111111111111:policy/ci-boundary',
  managedPolicyArns: ['arn:aws:iam::111111111111:policy/prod-deploy', READ_ONLY],
  inlinePolicies: { state: document(STATE, DENY), run: document(PASS) },
  tags: { team: 'platform', 'cost center': '42' },
};
const POLICY: JsonObject = { policyName: 'prod-deploy', policyDocument: document(STATE) };
const BREAKGLASS: JsonObject = {
  roleName: 'breakglass',
  assumeRolePolicyDocument: document({
    Effect: 'Allow',
    Principal: { AWS: ['arn:aws:iam::999999999999:root', 'arn:aws:iam::111111111111:user/alice'] },
    Action: 'sts:AssumeRole',
  }),
  managedPolicyArns: [ADMINISTRATOR],
};

const DEPLOY_STATE = Object.fromEntries(
  Object.entries(DEPLOY).filter(([property]) => property !== 'roleName' && property !== 'tags'),
);

function role(roleName: string, more: JsonObject = {}): JsonObject {
  return { roleName, assumeRolePolicyDocument: TRUST_EC2, ...more };
}

function app(index: number): Wanted {
  const roleName = `app-${String(index).padStart(3, '0')}`;
  const own = { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${roleName}/*` };
  return { kind: 'Role', spec: role(roleName, { inlinePolicies: { own: document(own) } }) };
}

const NOW = '2024-01-01T00:00:00.000Z';

function created(planned: EntityReport): EntityReport {
  const writes = ['CreateRole', 'PutRolePolicy'].map((operation) => ({ operation, requestId: 'r-1', at: NOW }));
  return { ...planned, outcome: 'created', confirmedBy: 'reply', writes, attempts: 1 };
}

function skipped(planned: EntityReport, reason: string): EntityReport {
  return { ...planned, outcome: 'skipped', reason, remedy: null };
}

const FRESH: readonly Wanted[] = [
  { kind: 'Policy', spec: POLICY },
  { kind: 'Role', spec: { ...DEPLOY, managedPolicyArns: ['{{arn Policy/prod-deploy}}', READ_ONLY] } },
  { kind: 'Role', spec: BREAKGLASS },
  { kind: 'User', spec: { userName: 'ci-legacy', path: '/ci/' } },
  {
    kind: 'AccessKey',
    spec: { userName: 'ci-legacy', secret: { secretsManager: 'ci/legacy' }, status: 'Active' },
  },
  { kind: 'AccountPasswordPolicy', spec: { minimumPasswordLength: 14, requireSymbols: true } },
];

const UPDATED: Wanted = {
  kind: 'Role',
  spec: DEPLOY,
  found: {
    tags: { ...OURS, team: 'platform', 'cost center': '41' },
    state: {
      ...DEPLOY_STATE,
      maxSessionDuration: 3600,
      managedPolicyArns: ['arn:aws:iam::111111111111:policy/prod-deploy'],
      assumeRolePolicyDocument: document({
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 'sts:AssumeRole',
      }),
      inlinePolicies: {
        state: document({ ...STATE, Action: ['s3:GetObject', 's3:ListBucket'] }, DENY, {
          Effect: 'Allow',
          Action: 'sqs:*',
          Resource: '*',
        }),
      },
    },
  },
};

const ADOPTED: Wanted = {
  kind: 'Role',
  spec: role('prod-builder', { managedPolicyArns: [], inlinePolicies: {}, maxSessionDuration: 3600, tags: {} }),
  found: {
    tags: { owner: 'bob', cost: '7' },
    state: {
      path: '/',
      assumeRolePolicyDocument: TRUST_EC2,
      maxSessionDuration: 7200,
      managedPolicyArns: [ADMINISTRATOR, 'arn:aws:iam::aws:policy/ReadOnlyAccess'],
      inlinePolicies: { 'old-admin': document({ Effect: 'Allow', Action: '*', Resource: '*' }) },
    },
  },
};

const FOREIGN: Wanted = {
  kind: 'Role',
  spec: role('prod-release'),
  found: { tags: { ManagedBy: 'terraform' }, state: { path: '/', assumeRolePolicyDocument: TRUST_EC2 } },
};

const SAME: Wanted = {
  kind: 'Role',
  spec: role('same'),
  found: { tags: OURS, state: { path: '/', assumeRolePolicyDocument: TRUST_EC2 } },
};

const APPS = Array.from({ length: 500 }, (_, index) => app(index));

const LAST = '2024-01-01T00:00:00.000Z';

function orphan(kind: string, name: string, more: Partial<Orphan>): Orphan {
  const declaredBy = { manifest: 'iam/bootstrap.yaml', environment: 'prod', runId: 'run-0', at: LAST };
  return { kind, name, arn: null, foundBy: ['tags', 'ledger'], origin: null, declaredBy, reason: '', ...more };
}

/** Reports of everything that people decide by, each under its name. */
export function reportScenes(): Readonly<Record<string, Report>> {
  return {
    fresh: planOf(FRESH),
    update: planOf([UPDATED, SAME]),
    adoption: planOf([ADOPTED]),
    refusal: planOf([app(1), FOREIGN]),
    collision: planOf([
      {
        kind: 'Role',
        spec: role('prod-deploy', { path: '/ci/' }),
        found: { name: 'Prod-Deploy', tags: OURS, state: { path: '/other/', assumeRolePolicyDocument: TRUST_EC2 } },
      },
    ]),
    replacement: planOf([
      {
        kind: 'Policy',
        spec: { ...POLICY, path: '/new/' },
        more: { replace: true },
        found: { tags: OURS, state: { path: '/old/', description: '', policyDocument: document(STATE) } },
      },
    ]),
    orphans: planOf([SAME], {
      orphans: [
        orphan('Role', 'old-deploy', { origin: 'created', reason: `created here; last declared at ${LAST}` }),
        orphan('Group', 'reviewers', {
          foundBy: ['ledger'],
          reason: `a Group cannot have tags: ownership cannot be proven; last declared at ${LAST}`,
        }),
        orphan('User', 'legacy-ci', {
          foundBy: ['tags'],
          origin: 'adopted',
          declaredBy: null,
          reason: 'adopted here; the ledger does not know which manifest declared it',
        }),
      ],
      otherManifests: [{ manifest: 'iam/bootstrap.yaml', environment: 'staging', entities: 12 }],
    }),
    'orphans-removed': planOf([
      SAME,
      { ...UPDATED, more: { state: 'destroyed', orphan: {} } },
      {
        ...ADOPTED,
        more: { state: 'destroyed', orphan: {} },
        found: { ...ADOPTED.found, state: {}, tags: { ...OURS, 'iam-bootstrap:origin': 'adopted' } },
      },
    ]),
    '500-entities': planOf(APPS),
    '500-created': reportOfRun(APPS, created),
    cancelled: reportOfRun(
      APPS,
      (planned, index) => (index < 129 ? created(planned) : skipped(planned, 'the run was cancelled')),
      { result: 'cancelled', reason: 'the run was cancelled by grace: wrong branch' },
    ),
    failed: reportOfRun([...FRESH.slice(0, 3), app(1), app(2)], (planned, index) =>
      index === 1
        ? {
            ...planned,
            outcome: 'failed',
            reason: 'AccessDenied: not authorized to perform: iam:CreateRole (CreateRole, request 7a1e)',
            remedy: 'allow the call for the worker, and apply again',
            remainingWrites: ['AttachRolePolicy prod-deploy arn:aws:iam::aws:policy/ReadOnlyAccess'],
            attempts: 1,
          }
        : index === 2
          ? skipped(planned, 'depends on Role/prod-deploy, which failed')
          : created(planned),
    ),
    destroy: planOf([
      { ...SAME, more: { state: 'destroyed' } },
      {
        ...ADOPTED,
        more: { state: 'destroyed' },
        found: { ...ADOPTED.found, state: {}, tags: { ...OURS, 'iam-bootstrap:origin': 'adopted' } },
      },
    ]),
    release: planOf([{ ...SAME, more: { state: 'released' } }]),
    drift: planOf([{ ...UPDATED, more: { observe: true } }]),
    'no-changes': planOf([SAME, { ...SAME, spec: role('same-2') }]),
  };
}
