import type { Identity } from '../../../src/contract/identity.js';
import { parseGuardrails, type Guardrails } from '../../../src/guardrails/parse.js';
import {
  demandOf,
  evaluateApprover,
  evaluateRequester,
  missingApprovals,
  termsOf,
} from '../../../src/guardrails/rules/identity.js';

const ACCOUNT = '111111111111';
const SCOPE = { target: { account: ACCOUNT, partition: 'aws' }, namespace: 'platform', environment: 'prod' };

function parse(text: string): Guardrails {
  const parsed = parseGuardrails('guardrails.yaml', `version: 1\n${text}`, { kinds: ['Role'] });
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
  return parsed.guardrails;
}

function problems(text: string): readonly string[] {
  const parsed = parseGuardrails('guardrails.yaml', `version: 1\naccounts: { "*": {} }\n${text}`, { kinds: ['Role'] });
  return parsed.ok ? [] : parsed.problems.map(({ path, message, remedy }) => `${path}: ${message}; ${remedy}`);
}

const identity = (subject: string, claims: Identity['claims'] = {}, issuer = 'github'): Identity => ({
  by: 'oidc',
  issuer,
  subject,
  claims,
});

const MAIN = { repository: 'acme/iam', ref: 'refs/heads/main' };

const GUARDRAILS = `
identity:
  issuers: { company: { issuer: "https://login.example.com", audience: cli } }
  groups: { security: [{ issuer: company, groups: security-* }] }
accounts:
  "${ACCOUNT}":
    apply:
      only: [{ issuer: github, repository: acme/iam, ref: refs/heads/main }]
      approval: { by: [security], not: requester, count: 2 }
  "*": {}
`;

describe('the rule of who may apply', () => {
  const guardrails = parse(GUARDRAILS);

  it('lets those apply whose claims match, and refuses all others with its place in the file', () => {
    expect(evaluateRequester(guardrails, SCOPE, identity('a', MAIN))).toEqual([]);
    expect(evaluateRequester(guardrails, SCOPE, identity('a', { ...MAIN, ref: 'refs/heads/topic' }))).toEqual([
      {
        rule: `accounts.${ACCOUNT}.apply.only`,
        place: 'guardrails.yaml:9:13',
        message: 'a (github) may not apply: only issuer github, repository acme/iam, ref refs/heads/main',
      },
    ]);
  });

  it.each<[string, Identity]>([
    ['the same claims of another issuer', identity('a', MAIN, 'company')],
    ['a shared key with the name of the issuer', { ...identity('a', MAIN), by: 'key' }],
    ['a claim that is missing', identity('a', { repository: 'acme/iam' })],
    ['a claim that only begins alike', identity('a', { ...MAIN, repository: 'acme/iam-fork' })],
    ['a name of the prototype as a claim', identity('a', { constructor: 'acme/iam' })],
  ])('refuses %s', (_name, requester) => {
    expect(evaluateRequester(guardrails, SCOPE, requester)).toHaveLength(1);
  });

  it('holds in the accounts that have it, and in all where the file has it', () => {
    const other = { ...SCOPE, target: { account: '222222222222', partition: 'aws' } };
    expect(demandOf(guardrails, other)).toMatchObject({ requester: false, approvals: 0 });
    const everywhere = parse('accounts: { "*": {} }\napply: { only: [{ issuer: gitlab, project_path: acme/* }] }');
    expect(evaluateRequester(everywhere, other, identity('a', { project_path: 'evil/iam' }, 'gitlab'))).toHaveLength(1);
    expect(evaluateRequester(everywhere, other, identity('a', { project_path: 'acme/x/iam' }, 'gitlab'))).toEqual([]);
  });

  it('matches the subject, and values of the request as plain text', () => {
    const own = parse(
      'accounts: { "*": {} }\napply: { only: [{ issuer: github, repository: acme/iam, sub: "{{namespace}}" }] }',
    );
    expect(evaluateRequester(own, SCOPE, identity('platform', MAIN))).toEqual([]);
    expect(evaluateRequester(own, { ...SCOPE, namespace: '*' }, identity('platform', MAIN))).toHaveLength(1);
  });
});

describe("rules that name Temporal's principal", () => {
  const termsIn = (only: string): unknown => {
    const guardrails = parse(`accounts: { "*": {} }\napply: { only: ${only} }`);
    return termsOf(guardrails, { account: ACCOUNT, namespace: 'platform', environment: 'prod' }, 'aws');
  };

  it('let a client go without a token, or use one only where it counts', () => {
    expect(termsIn('[{ principal: ci-* }]')).toMatchObject({ requests: false });
    const either = termsIn('[{ principal: ci-* }, { issuer: github, repository: acme/iam }]');
    expect(either).toMatchObject({ requests: true, principals: true });
    expect(termsIn('[{ issuer: github, repository: acme/iam }]')).not.toHaveProperty('principals');
  });

  it('cannot be rules of approvals or groups, whose proofs are tokens', () => {
    for (const rule of [
      'apply: { approval: { by: [{ principal: alice }] } }',
      'identity: { groups: { a: [{ principal: alice }] } }',
    ]) {
      expect(problems(rule).join()).toMatch(/issuer is missing/);
    }
  });

  it('have no claims', () => {
    expect(problems('apply: { only: [{ principal: alice, repository: a/b }] }').join()).toMatch(
      /has no field "repository"/,
    );
    expect(problems('apply: { only: [{ principal: "" }] }')).not.toEqual([]);
  });
});

describe('the rule of who may approve', () => {
  const guardrails = parse(GUARDRAILS);
  const requester = identity('repo:acme/iam', MAIN);
  const member = (name: string): Identity => identity(name, { groups: ['all', 'security-eu'] }, 'company');

  it('is told to clients, with the issuers and their audiences', () => {
    const terms = termsOf(guardrails, { account: ACCOUNT, namespace: 'platform', environment: 'prod' }, 'aws');
    expect(terms).toMatchObject({ requests: true, approvals: true });
    expect(terms.issuers).toContainEqual({ name: 'company', issuer: 'https://login.example.com', audience: 'cli' });
    expect(terms.issuers).toContainEqual({ name: 'github', issuer: 'https://token.actions.githubusercontent.com' });
  });

  it('counts members of the group, one person once, and the requester never', () => {
    const missing = (...approvers: readonly Identity[]): number =>
      missingApprovals(guardrails, SCOPE, requester, approvers).length;
    expect(missing(member('ann'), member('bob'))).toBe(0);
    expect(missing(member('ann'))).toBe(1);
    expect(missing(member('ann'), member('ann'))).toBe(1);
    expect(missing(member('ann'), identity('eve', { groups: ['all'] }, 'company'))).toBe(1);
    expect(missingApprovals(guardrails, SCOPE, member('bob'), [member('ann'), member('bob')])).toHaveLength(1);
    expect(missingApprovals(guardrails, SCOPE, undefined, [member('ann'), member('bob')])).toHaveLength(1);
  });

  it('refuses the approval of others and of the requester, each with its reason', () => {
    expect(evaluateApprover(guardrails, SCOPE, requester, member('ann'))).toEqual([]);
    expect(evaluateApprover(guardrails, SCOPE, requester, requester)).toMatchObject([
      { rule: `accounts.${ACCOUNT}.apply.approval.by` },
    ]);
    expect(evaluateApprover(guardrails, SCOPE, member('ann'), member('ann'))).toMatchObject([
      { rule: `accounts.${ACCOUNT}.apply.approval.not`, place: 'guardrails.yaml:10:40' },
    ]);
  });

  it('knows the person who starts two jobs with different subjects', () => {
    const [deploy, approve] = ['deploy', 'approve'].map((environment) =>
      identity(`repo:acme/iam:environment:${environment}`, { ...MAIN, actor_id: '7' }),
    ) as [Identity, Identity];
    const own = parse(
      'accounts: { "*": {} }\napply: { approval: { by: [{ issuer: github, repository: acme/iam }], not: requester } }',
    );
    expect(missingApprovals(own, SCOPE, deploy, [approve])).toHaveLength(1);
    expect(missingApprovals(own, SCOPE, { ...deploy, claims: { ...MAIN, actor_id: '8' } }, [approve])).toEqual([]);
  });
});

describe('a guardrails file', () => {
  it.each([
    ['an unknown issuer', 'apply: { only: [{ issuer: githup, repository: a/b }] }', 'did you mean github?'],
    ['an unknown group', 'apply: { approval: { by: [security] } }', 'add it to identity.groups'],
    ['an issuer without a URL', 'identity: { issuers: { mine: {} } }', 'give its issuer'],
    ['two issuers of one URL', 'identity: { issuers: { mine: { issuer: "https://gitlab.com" } } }', 'keep one of them'],
    ['keys without TLS', 'identity: { issuers: { mine: { issuer: "http://login.example.com" } } }', 'https'],
    ['a pattern of everyone', 'apply: { only: [{ issuer: github }] }', 'every customer'],
    ['a pattern of every branch', 'apply: { only: [{ issuer: github, ref: refs/heads/main }] }', 'every customer'],
    ['a pattern of many owners', 'apply: { only: [{ issuer: github, repository: "acme*" }] }', 'every customer'],
    [
      'a group of everyone',
      'identity: { groups: { all: [{ issuer: buildkite, organization_slug: "*" }] } }',
      'every customer',
    ],
    [
      'no claim of a shared issuer that it configures',
      'identity: { issuers: { ci: { issuer: "https://app.terraform.io" } } }\napply: { only: [{ issuer: ci, terraform_run_phase: apply }] }',
      'apply.only[0]: it matches tokens of every customer of https://app.terraform.io; give terraform_organization_name or terraform_organization_id or terraform_workspace_id or sub in full',
    ],
    [
      'everyone who has a Google account',
      'identity: { issuers: { google: { issuer: "https://accounts.google.com", audience: cli } } }\napply: { approval: { by: [{ issuer: google, email: "*@acme.com" }] } }',
      'apply.approval.by[0]: it matches tokens of every customer of https://accounts.google.com; give hd or email or sub in full',
    ],
    [
      'every project of an organization',
      'identity: { issuers: { circleci: { issuer: "https://oidc.circleci.com/org/1" } } }\napply: { only: [{ issuer: circleci }] }',
      'every project of the organization at https://oidc.circleci.com/org/1',
    ],
    ['subjects of everyone', 'apply: { only: [{ issuer: github, sub: "repo:*:environment:prod" }] }', 'every customer'],
    ['a template for the owner', 'apply: { only: [{ issuer: github, sub: "{{namespace}}" }] }', 'every customer'],
    ['a wildcard in an ID', 'apply: { only: [{ issuer: gitlab, project_id: "1/*" }] }', 'every customer'],
    ['nobody', 'apply: { only: [] }', 'only'],
  ])('is refused where it names %s', (_name, text, problem) => {
    expect(problems(text).join('\n')).toContain(problem);
  });

  it.each([
    ['github', 'repository: "acme/*"'],
    ['github', 'sub: "repo:acme/iam:*"'],
    ['gitlab', 'namespace_id: "7"'],
    ['buildkite', 'organization_slug: acme, build_branch: "*"'],
    ['google', 'hd: acme.com, email: "*@acme.com"'],
    ['circleci', 'oidc.circleci.com/project-id: "7"'],
    ['company', 'groups: "*"'],
  ])('may name tokens of %s with %s', (issuer, claims) => {
    const issuers = [
      'google: { issuer: "https://accounts.google.com", audience: cli }',
      'circleci: { issuer: "https://oidc.circleci.com/org/1" }',
      'company: { issuer: "https://login.example.com" }',
    ].join(', ');
    expect(
      problems(`identity: { issuers: { ${issuers} } }\napply: { only: [{ issuer: ${issuer}, ${claims} }] }`),
    ).toEqual([]);
  });
});
