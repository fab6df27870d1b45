import { readFileSync } from 'node:fs';
import type { Json } from '../../../src/contract/entity.js';
import { resolveManifest } from '../../../src/engine/manifest/resolve.js';
import { KINDS } from '../../../src/kinds/index.js';
import { trustField, trustRecipesOf } from '../../../src/kinds/shared/trust-recipes/index.js';
import { HEAD, resolveText } from '../../support/manifests.js';

function resolve(role: Record<string, Json>): ReturnType<typeof resolveManifest> {
  const text = JSON.stringify({
    version: 1,
    namespace: 'n',
    environments: { prod: { account: '111111111111' } },
    entities: [{ kind: 'Role', roleName: 'deploy', ...role }],
  });
  return resolveManifest([{ file: 'm.json', text }], {
    kinds: KINDS,
    variables: {},
    readFile: () => '',
    pipeline: { id: null, url: null, commit: null, revision: null } as never,
    manifestName: 'm.json',
  });
}

function statementsOf(trust: Json): Json {
  const result = resolve({ trust });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const spec = result.request.entities[0]?.spec ?? {};
  expect(spec).not.toHaveProperty('trust');
  return (spec['assumeRolePolicyDocument'] as Record<string, Json>)['Statement'] ?? null;
}

function allow(issuer: string, condition: Json): Json {
  return {
    Effect: 'Allow',
    Principal: { Federated: `arn:aws:iam::111111111111:oidc-provider/${issuer}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: condition,
  };
}

const HUB = 'token.actions.githubusercontent.com';
const EKS = 'oidc.eks.eu-west-1.amazonaws.com/id/ABC';
const equal = (issuer: string, aud: string, ...sub: string[]): Json =>
  allow(issuer, { StringEquals: { [`${issuer}:aud`]: aud, [`${issuer}:sub`]: sub } });
const like = (issuer: string, aud: string, ...sub: string[]): Json =>
  allow(issuer, { StringEquals: { [`${issuer}:aud`]: aud }, StringLike: { [`${issuer}:sub`]: sub } });
const STS = 'sts.amazonaws.com';
const ORG = '5bb4b2a8-4cbc-4f1e-8a2e-3d7c4f9f7d11';
const PROJECT = '0f2f6a77-3a65-4f6b-9a34-9c8f0a5a2d22';
const ANY_ID = '????????-????-????-????-????????????';
const CLUSTER = 'arn:aws:eks:eu-west-1:111111111111:cluster/prod';
const pods = (more: Record<string, Json> = {}): Json => ({
  Effect: 'Allow',
  Principal: { Service: 'pods.eks.amazonaws.com' },
  Action: ['sts:AssumeRole', 'sts:TagSession'],
  Condition: {
    StringEquals: {
      'aws:SourceAccount': '111111111111',
      ...more,
      'aws:RequestTag/kubernetes-namespace': 'n',
      'aws:RequestTag/kubernetes-service-account': ['s'],
    },
  },
});
const ids = { repositoryId: '2', ownerId: '1' };

const FIXTURES: readonly (readonly [string, string, Json, Json])[] = [
  [
    'github',
    'only the form with IDs where they are given',
    { repository: 'a/b', ...ids, environment: 'prod', branch: ['x', 'y/z'], tag: 'v1', pullRequest: true },
    equal(
      HUB,
      STS,
      'repo:a@1/b@2:environment:prod',
      'repo:a@1/b@2:ref:refs/heads/x',
      'repo:a@1/b@2:ref:refs/heads/y/z',
      'repo:a@1/b@2:ref:refs/tags/v1',
      'repo:a@1/b@2:pull_request',
    ),
  ],
  [
    'github',
    'both forms without IDs',
    { repository: 'a/b', environment: 'prod' },
    like(HUB, STS, 'repo:a/b:environment:prod', 'repo:a@*/b@*:environment:prod'),
  ],
  [
    'github',
    'names only on a server of its own',
    { repository: 'a/b', branch: 'main', issuer: 'ghe.acme.com/_services/token', audience: 'x' },
    equal('ghe.acme.com/_services/token', 'x', 'repo:a/b:ref:refs/heads/main'),
  ],
  [
    'github',
    'an organization where that is said',
    { owner: 'a', anyRepository: true },
    like(HUB, STS, 'repo:a/*', 'repo:a@*/*'),
  ],
  [
    'github',
    'both forms for issuers of one enterprise, and environments as GitHub writes them',
    { repository: 'a/b', environment: 'EU West%3AProd', issuer: 'token.actions.acme.ghe.com' },
    like(
      'token.actions.acme.ghe.com',
      STS,
      'repo:a/b:environment:EU West%3AProd',
      'repo:a@*/b@*:environment:EU West%3AProd',
    ),
  ],
  [
    'gitlab',
    'branches and tags',
    { project: 'g/s/p', branch: 'main', tag: 'v1' },
    equal(
      'gitlab.com',
      'https://gitlab.com',
      'project_path:g/s/p:ref_type:branch:ref:main',
      'project_path:g/s/p:ref_type:tag:ref:v1',
    ),
  ],
  [
    'buildkite',
    'each commit and step of a branch',
    { organization: 'o', pipeline: 'p', branch: 'main', tag: 'v1' },
    like(
      'agent.buildkite.com',
      STS,
      'organization:o:pipeline:p:ref:refs/heads/main:commit:*:step:*',
      'organization:o:pipeline:p:ref:refs/tags/v1:commit:*:step:*',
    ),
  ],
  [
    'circleci',
    'any user on branches and tags of one repository',
    { organizationId: ORG, projectId: PROJECT, repository: 'github.com/a/b', branch: 'main', tag: 'v1' },
    like(
      `oidc.circleci.com/org/${ORG}`,
      ORG,
      `org/${ORG}/project/${PROJECT}/user/${ANY_ID}/vcs-origin/github.com/a/b/vcs-ref/refs/heads/main`,
      `org/${ORG}/project/${PROJECT}/user/${ANY_ID}/vcs-origin/github.com/a/b/vcs-ref/refs/tags/v1`,
    ),
  ],
  [
    'circleci',
    'both tokens of a project',
    { organizationId: ORG, projectId: PROJECT, anyRef: true, issuer: 'ci.acme.com/org/x', audience: 'y' },
    like('ci.acme.com/org/x', 'y', `org/${ORG}/project/${PROJECT}/user/*`),
  ],
  [
    'circleci',
    'no fork, also for any branch',
    { organizationId: ORG, projectId: PROJECT, repository: 'github.com/a/b', anyRef: true },
    like(
      `oidc.circleci.com/org/${ORG}`,
      ORG,
      `org/${ORG}/project/${PROJECT}/user/${ANY_ID}/vcs-origin/github.com/a/b/vcs-ref/*`,
    ),
  ],
  [
    'terraformCloud',
    'plans and applies of a workspace',
    { organization: 'o', project: 'Default Project', workspace: 'w' },
    equal(
      'app.terraform.io',
      'aws.workload.identity',
      'organization:o:project:Default Project:workspace:w:run_phase:plan',
      'organization:o:project:Default Project:workspace:w:run_phase:apply',
    ),
  ],
  [
    'terraformCloud',
    'one phase in every workspace of a project',
    { organization: 'o', project: 'p', anyWorkspace: true, runPhase: 'apply', issuer: 'tfe.acme.com' },
    like('tfe.acme.com', 'aws.workload.identity', 'organization:o:project:p:workspace:*:run_phase:apply'),
  ],
  [
    'eks',
    'a service account',
    { issuer: EKS, namespace: 'n', serviceAccount: 's' },
    equal(EKS, STS, 'system:serviceaccount:n:s'),
  ],
  [
    'eksPodIdentity',
    'a service account in any cluster of the account',
    { namespace: 'n', serviceAccount: 's' },
    pods(),
  ],
  [
    'eksPodIdentity',
    'a service account in one cluster',
    { namespace: 'n', serviceAccount: 's', cluster: CLUSTER },
    pods({ 'aws:RequestTag/eks-cluster-arn': [CLUSTER] }),
  ],
];

const document = (...statements: Json[]): Json => ({ Version: '2012-10-17', Statement: statements });
const recognize = (written: Json, declared: readonly string[] = []): Json | undefined =>
  trustRecipesOf(written, {
    target: { account: '111111111111', partition: 'aws' },
    declared: new Set(declared),
  });

/** Reports whether a text matches a pattern of `StringLike`. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(text);
}

const PAGE = readFileSync('docs/trust.md', 'utf8');

/** The manifests on the page of documentation. */
const EXAMPLES = [...PAGE.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text = '']) => text);

describe('trust recipes', () => {
  it.each(FIXTURES)('%s trusts %s', (name, _, value, statement) => {
    expect(statementsOf({ [name]: value })).toEqual([statement]);
  });

  it.each(FIXTURES)('%s is recognized where a policy trusts %s', (name, _, value, statement) => {
    expect(recognize(document(statement))).toEqual({ [name]: value });
  });

  it('are recognized together, and name a provider that the manifest declares', () => {
    const provider = `arn:aws:iam::111111111111:oidc-provider/${HUB}`;
    const github = { repository: 'a/b', ...ids, branch: 'x' };
    const written = document(
      equal(HUB, STS, 'repo:a@1/b@2:ref:refs/heads/x'),
      equal(EKS, STS, 'system:serviceaccount:n:s'),
    );
    expect(recognize(written, [provider])).toEqual({
      github: { ...github, provider },
      eks: { issuer: EKS, namespace: 'n', serviceAccount: 's' },
    });
  });

  it.each<[string, Json]>([
    ['the form with names alone', document(equal(HUB, STS, 'repo:a/b:ref:refs/heads/x'))],
    [
      'one more condition',
      document(
        allow(EKS, { StringEquals: { [`${EKS}:aud`]: STS, [`${EKS}:sub`]: 'system:serviceaccount:n:s' }, Bool: {} }),
      ),
    ],
    ['no subject', document(allow(HUB, { StringEquals: { [`${HUB}:aud`]: STS } }))],
    ['two statements of one service', document(pods(), pods({ 'aws:RequestTag/eks-cluster-arn': [CLUSTER] }))],
    ['a user beside', document(pods(), { Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' })],
    ['an older version', { Version: '2008-10-17', Statement: [pods()] }],
    ['no statement', document()],
    ['no document', 'text'],
  ])('are not recognized in a policy with %s', (_, written) => {
    expect(recognize(written)).toBeUndefined();
  });

  it('each have a fixture and a line on the page of documentation', () => {
    const names = Object.keys(trustField.shape).sort();
    expect([...new Set(FIXTURES.map(([name]) => name))].sort()).toEqual(names);
    expect([...PAGE.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name).sort()).toEqual(names);
  });

  it('are listed among the properties of a role', () => {
    const row = /^\| `trust` .*$/m.exec(readFileSync('docs/kinds.md', 'utf8'))?.[0] ?? '';
    for (const name of Object.keys(trustField.shape)) expect(row).toContain(`\`${name}\``);
    expect(row).toContain('in place of `assumeRolePolicyDocument`');
  });

  it('have an example on the page of documentation that is valid', () => {
    const results = EXAMPLES.map((text) => resolveText(HEAD + text.replaceAll(/^/gm, '  ')));
    expect(results).toMatchObject(results.map(() => ({ ok: true })));
    for (const name of Object.keys(trustField.shape)) expect(EXAMPLES.join('\n')).toContain(`${name}:`);
  });

  it('let no branch pass for another by its name', () => {
    const [statement] = statementsOf({
      circleci: { organizationId: ORG, projectId: PROJECT, repository: 'github.com/a/b', branch: 'main' },
    }) as readonly { readonly Condition: { readonly StringLike: Readonly<Record<string, readonly string[]>> } }[];
    const [pattern = ''] = Object.values(statement?.Condition.StringLike ?? {}).flat();
    const subject = (ref: string): string =>
      `org/${ORG}/project/${PROJECT}/user/${ORG}/vcs-origin/github.com/a/b/vcs-ref/${ref}`;
    expect(matches(pattern, subject('refs/heads/main'))).toBe(true);
    expect(matches(pattern, subject('refs/heads/x/vcs-origin/github.com/a/b/vcs-ref/refs/heads/main'))).toBe(false);
  });

  it('cause a warning only where they trust an organization', () => {
    for (const [name, , value] of FIXTURES) {
      const isWide = (value as Record<string, Json>)['anyRepository'] === true;
      expect([name, value, resolve({ trust: { [name]: value } }).warnings.length > 0]).toEqual([name, value, isWide]);
    }
  });

  it('can be several for one role', () => {
    expect(
      statementsOf({
        github: { repository: 'a/b', ...ids, tag: 'v1' },
        eks: { issuer: EKS, namespace: 'n', serviceAccount: 's' },
      }),
    ).toHaveLength(2);
  });

  it.each<[string, Json, string]>([
    ['no limit', { github: { repository: 'a/b' } }, 'anyRef'],
    ['one ID of two', { github: { repository: 'a/b', ownerId: '1', branch: 'x' } }, 'repositoryId and ownerId'],
    ['a wildcard', { github: { repository: 'a/b', branch: '*' } }, 'wildcard'],
    ['a wildcard for the repository', { github: { repository: 'a/*', branch: 'x' } }, 'OWNER/REPOSITORY'],
    ['an organization by omission', { github: { owner: 'a', branch: 'x' } }, 'anyRepository'],
    ['an owner that is a repository', { github: { owner: 'a/b', anyRepository: true } }, 'name of a user'],
    [
      'IDs for GitHub Enterprise Server',
      { github: { repository: 'a/b', ...ids, branch: 'x', issuer: 'ghe.acme.com/_services/token' } },
      'sends none',
    ],
    ['a variable of IAM', { gitlab: { project: 'g/p', branch: '${aws:username}' } }, 'variable'],
    ['a colon', { github: { repository: 'a/b', environment: 'x:ref:y' } }, 'colon'],
    ['a branch without its repository', { circleci: { organizationId: ORG, projectId: PROJECT, branch: 'x' } }, 'fork'],
    ['no UUID', { circleci: { organizationId: 'acme', projectId: PROJECT, anyRef: true } }, 'UUID'],
    ['no workspace', { terraformCloud: { organization: 'o', project: 'p' } }, 'anyWorkspace'],
    ['a cluster by its name', { eksPodIdentity: { namespace: 'n', serviceAccount: 's', cluster: 'prod' } }, 'ARN'],
    ['no recipe', {}, 'recipe'],
    ['an unknown recipe', { jenkins: {} }, 'jenkins'],
  ])('are refused with %s', (_, trust, message) => {
    const result = resolve({ trust });
    expect(result.ok).toBe(false);
    const problems = result.ok ? [] : result.problems;
    expect(problems.every(({ path }) => path.startsWith('entities[0].trust'))).toBe(true);
    expect(problems.map((problem) => `${problem.message} ${problem.remedy}`).join('\n')).toContain(message);
  });

  it('are refused beside a trust policy, with their place', () => {
    const result = resolve({ assumeRolePolicyDocument: {}, trust: { eks: {} } });
    expect(result).toMatchObject({
      ok: false,
      problems: [{ path: 'entities[0].trust', line: 1, message: expect.stringContaining('both given') as string }],
    });
  });
});
