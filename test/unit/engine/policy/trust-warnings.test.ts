import type { Json, JsonObject } from '../../../../src/contract/entity.js';
import { trustWarnings } from '../../../../src/engine/policy/index.js';
import { HEAD, resolveText } from '../../../support/manifests.js';

const HUB = 'token.actions.githubusercontent.com';
const CIRCLE = 'oidc.circleci.com/org/1-2';

/** Returns the messages about a statement that trusts an issuer under a condition. */
function warningsOf(issuer: string, condition: Json, principal: Json = provider(issuer)): string[] {
  return trustWarnings({ Statement: [{ Effect: 'Allow', Principal: principal, Condition: condition }] }).map(
    ({ message }) => message,
  );
}

function provider(issuer: string): JsonObject {
  return { Federated: `arn:aws:iam::111111111111:oidc-provider/${issuer}` };
}

const like = (issuer: string, ...subjects: string[]): JsonObject => ({ StringLike: { [`${issuer}:sub`]: subjects } });

describe('a trust in a shared issuer', () => {
  const missing = (issuer: string, claim = 'sub'): string =>
    `the role trusts every token of ${issuer}: no condition limits ${issuer}:${claim}`;

  it.each([HUB, 'gitlab.com', 'agent.buildkite.com', 'app.terraform.io', CIRCLE])(
    'is warned of without a condition on the subject: %s',
    (issuer) => {
      expect(warningsOf(issuer, {})).toEqual([missing(issuer)]);
      expect(warningsOf(issuer, { StringEquals: { [`${issuer}:aud`]: 'x' } })).toEqual([missing(issuer)]);
      expect(warningsOf(issuer, { StringEquals: { [`${issuer.toUpperCase()}:SUB`]: 'x' } })).toEqual([]);
    },
  );

  it('is warned of where the condition limits nothing', () => {
    expect(warningsOf(HUB, like(HUB, '*'))).toEqual([missing(HUB)]);
    expect(warningsOf(HUB, like(HUB, 'repo:acme/infra:*', '*'))).toEqual([missing(HUB)]);
    expect(warningsOf(HUB, { StringNotLike: { [`${HUB}:sub`]: 'repo:evil/*' } })).toEqual([missing(HUB)]);
    expect(warningsOf(HUB, { Null: { [`${HUB}:sub`]: 'false' } })).toEqual([missing(HUB)]);
  });

  it('goes by the audience where that tells the tokens apart', () => {
    expect(warningsOf('oidc.vercel.com', like('oidc.vercel.com', 'a'))).toEqual([missing('oidc.vercel.com', 'aud')]);
    const cognito = 'cognito-identity.amazonaws.com';
    expect(warningsOf(cognito, {}, { Federated: cognito })).toEqual([missing(cognito, 'aud')]);
  });

  it('is not warned of for an issuer of one company, a SAML provider or a denial', () => {
    expect(warningsOf('gitlab.acme.com', {})).toEqual([]);
    expect(warningsOf('', {}, { Federated: 'arn:aws:iam::111111111111:saml-provider/x' })).toEqual([]);
    expect(trustWarnings({ Statement: { Effect: 'Deny', Principal: provider(HUB) } })).toEqual([]);
  });
});

describe('a pattern of subjects', () => {
  it.each([
    [HUB, 'repo:acme/*', 'every repository of acme'],
    [HUB, 'repo:acme/*:ref:refs/heads/main', 'every repository of acme'],
    [HUB, 'repo:acme@1/*', 'every repository of acme'],
    [HUB, 'repo:acme@*/*', 'every repository of acme'],
    [HUB, 'repo:acme*', 'repositories of more than one organization'],
    [HUB, 'repo:*/infra:*', 'repositories of more than one organization'],
    ['github.acme.com/_services/token', 'repo:acme/*', 'every repository of acme'],
    ['gitlab.com', 'project_path:acme/*:ref_type:branch:ref:main', 'every project of acme'],
    ['agent.buildkite.com', 'organization:acme:*', 'every pipeline of acme'],
    ['agent.buildkite.com', 'organization:acme:pipeline:*:ref:refs/heads/main:*', 'every pipeline of acme'],
    ['app.terraform.io', 'organization:acme:*', 'every workspace of acme'],
    ['app.terraform.io', 'organization:acme:project:*:workspace:*:run_phase:apply', 'every workspace of acme'],
    [
      'app.terraform.io',
      'organization:*:project:p:workspace:w:run_phase:*',
      'workspaces of more than one organization',
    ],
    [CIRCLE, 'org/1-2/*', 'every project of 1-2'],
    [CIRCLE, 'org/1-2/project/*/user/*/vcs-ref/refs/heads/main', 'every project of 1-2'],
  ])('of %s is warned of where it covers an organization: %s', (issuer, subject, trusted) => {
    const message = `the role trusts ${trusted}: the subject is the pattern "${subject}"`;
    expect(warningsOf(issuer, like(issuer, subject))).toEqual([message]);
    expect(warningsOf(issuer, { 'ForAnyValue:StringLike': { [`${issuer}:sub`]: ['x', subject] } })).toEqual([message]);
  });

  it.each([
    [HUB, 'repo:acme/infra:*'],
    [HUB, 'repo:acme@*/infra@*:environment:prod'],
    [HUB, 'repo:acme/team-*:ref:refs/heads/main'],
    ['gitlab.com', 'project_path:acme/infra:*'],
    ['agent.buildkite.com', 'organization:acme:pipeline:infra:*'],
    ['app.terraform.io', 'organization:acme:project:p:workspace:*:run_phase:*'],
    ['app.terraform.io', 'organization:acme:project:*:workspace:w:run_phase:*'],
    [CIRCLE, 'org/1-2/project/3-4/user/*'],
    ['oidc.eks.eu-west-1.amazonaws.com/id/A', 'system:serviceaccount:*'],
  ])('of %s is not warned of where it names a part: %s', (issuer, subject) => {
    expect(warningsOf(issuer, like(issuer, subject))).toEqual([]);
  });

  it('is not warned of where another condition names the part', () => {
    const all = { [`${HUB}:sub`]: 'repo:acme/*' };
    expect(warningsOf(HUB, { StringLike: all, StringEquals: { [`${HUB}:repository`]: 'acme/infra' } })).toEqual([]);
    expect(warningsOf(HUB, { StringLike: all, StringEquals: { [`${HUB}:sub`]: 'repo:acme/a:pull_request' } })).toEqual(
      [],
    );
  });
});

describe('a principal that is everybody', () => {
  const message = 'every AWS account can assume the role: the principal is "*", and there is no condition';

  it.each<[string, Json]>([
    ['alone', '*'],
    ['as AWS', { AWS: '*' }],
    ['among others', { AWS: ['111111111111', '*'] }],
  ])('is warned of without a condition: %s', (_, principal) => {
    expect(warningsOf('', {}, principal)).toEqual([message]);
    expect(warningsOf('', { StringEquals: {} }, principal)).toEqual([message]);
    expect(warningsOf('', { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }, principal)).toEqual([]);
  });
});

describe('a manifest', () => {
  const role = (rest: string): string => `${HEAD}  - kind: Role\n    roleName: deploy\n${rest}`;
  const statement = `{ Effect: Allow, Action: sts:AssumeRoleWithWebIdentity,
        Principal: { Federated: "{{arn OpenIDConnectProvider/${HUB}}}" },
        Condition: { StringLike: { "${HUB}:sub": ["repo:acme/infra:*", "repo:acme/*"] } } }`;
  const PROVIDER = `  - { kind: OpenIDConnectProvider, url: "https://${HUB}", clientIdList: [sts.amazonaws.com] }\n`;

  it('is valid with a warning at the pattern, also behind a reference', () => {
    const result = resolveText(
      role(`    assumeRolePolicyDocument:\n      Version: "2012-10-17"\n      Statement: ${statement}\n${PROVIDER}`),
    );
    expect(result).toMatchObject({
      ok: true,
      warnings: [
        {
          file: 'm.yaml',
          line: 11,
          column: expect.any(Number) as number,
          path: `entities[0].assumeRolePolicyDocument.Statement.Condition.StringLike["${HUB}:sub"][1]`,
          message: 'the role trusts every repository of acme: the subject is the pattern "repo:acme/*"',
          remedy: 'name the repository, or use a trust recipe',
        },
      ],
    });
  });

  it('has the warning in the file that it refers to', () => {
    const trust = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action: '*' }],
    });
    const result = resolveText(
      role('    assumeRolePolicyDocument: { $file: trust.json }\n'),
      {},
      { 'trust.json': trust },
    );
    expect(result).toMatchObject({ ok: true, warnings: [{ file: 'trust.json', line: 1 }] });
  });

  it('has the warning at a recipe that trusts an organization', () => {
    const result = resolveText(role('    trust:\n      github: { owner: acme, ownerId: "1", anyRepository: true }\n'));
    expect(result).toMatchObject({
      ok: true,
      warnings: [{ file: 'm.yaml', line: 8, path: 'entities[0].trust' }],
    });
    expect(result.warnings).toHaveLength(1);
  });

  it('has none for a role that it removes', () => {
    const removed = `${HEAD}  - { kind: Role, roleName: deploy, state: absent }\n`;
    expect(resolveText(removed)).toMatchObject({ ok: true, warnings: [] });
  });
});

describe('a wildcard that is compared as a character', () => {
  it('is warned of, with the operator that was meant', () => {
    const equals = (value: Json, operator = 'StringEquals'): JsonObject => ({ [operator]: { [`${HUB}:sub`]: value } });
    const text = (operator: string, value: string, what: string): string =>
      `${operator} knows no wildcards, so ${value} matches only a value with ${what} in it`;
    expect(warningsOf(HUB, equals('repo:acme/infra:*'))).toEqual([
      text('StringEquals', 'repo:acme/infra:*', 'an asterisk'),
    ]);
    expect(warningsOf(HUB, equals(['repo:acme/infra:ref:x', 'repo:acme/i?'], 'StringEqualsIgnoreCase'))).toEqual([
      text('StringEqualsIgnoreCase', 'repo:acme/i?', 'a question mark'),
    ]);
    expect(warningsOf(HUB, equals('repo:acme/infra:ref:refs/heads/main'))).toEqual([]);
    // IAM writes a character that would be a wildcard as a variable.
    expect(warningsOf(HUB, equals('repo:acme/${*}'))).toEqual([]);
  });
});
