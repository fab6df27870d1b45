import { readFileSync } from 'node:fs';
import type { Json } from '../../../src/contract/entity.js';
import { resolveManifest } from '../../../src/engine/manifest/resolve.js';
import { KINDS } from '../../../src/kinds/index.js';
import { trustField } from '../../../src/kinds/shared/trust-recipes/index.js';

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
    { organization: 'o', pipeline: 'p', branch: 'main' },
    like('agent.buildkite.com', STS, 'organization:o:pipeline:p:ref:refs/heads/main:commit:*:step:*'),
  ],
  [
    'eks',
    'a service account',
    { issuer: EKS, namespace: 'n', serviceAccount: 's' },
    equal(EKS, STS, 'system:serviceaccount:n:s'),
  ],
];

describe('trust recipes', () => {
  it.each(FIXTURES)('%s trusts %s', (name, _, value, statement) => {
    expect(statementsOf({ [name]: value })).toEqual([statement]);
  });

  it('each have a fixture and a line on the page of documentation', () => {
    const names = Object.keys(trustField.shape).sort();
    expect([...new Set(FIXTURES.map(([name]) => name))].sort()).toEqual(names);
    const page = readFileSync('docs/trust.md', 'utf8');
    expect([...page.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name).sort()).toEqual(names);
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
