import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { renderGuardrails } from '../../../src/cli/render/guardrails.js';
import { explainGuardrails } from '../../../src/guardrails/explain.js';
import { guardrailsJsonSchema, guardrailsSchema } from '../../../src/guardrails/schema.js';
import { guardrailsOf } from '../../support/guardrails.js';

const guardrails = guardrailsOf(`accounts:
  "111111111111": { environments: [dev] }
  "222222222222":
    assumeRole: arn:aws:iam::222222222222:role/iam-bootstrap
    namespaces: [platform]
    secrets: { files: ["{{account}}/{{namespace}}/*"] }
  "*": { externalId: secret-1, namespaces: ["{{environment}}-*"] }
namespaces: ["ci-*", platform, "dev-*"]
entities: { kinds: { deny: [AccessKey] }, names: ["{{namespace}}-*"] }
grants: { denyActions: ["iam:*"], denyWildcardAction: service }
destroy: deny
replace: allow
`);

function meaningsOf(filter: Parameters<typeof explainGuardrails>[1]): Readonly<Record<string, readonly string[]>> {
  const { accounts } = explainGuardrails(guardrails, filter);
  return Object.fromEntries(
    accounts.map(({ account, rules }) => [account, rules.map(({ subject, meaning }) => `${subject}: ${meaning}`)]),
  );
}

test('each account is explained with the rules of the file and its own', () => {
  expect(meaningsOf({})['222222222222']).toEqual([
    'role of the request: only arn:aws:iam::222222222222:role/iam-bootstrap',
    'namespaces: only ci-*, platform, dev-*',
    'namespaces: only platform',
    'kinds: none of AccessKey',
    'names: only {{namespace}}-*',
    'granted actions: none of iam:*',
    'wildcard actions: neither every action nor every action of a service',
    'deletions: denied',
    'secret files: only 222222222222/{{namespace}}/*',
    'secrets in AWS Secrets Manager: none: the rule lists others only',
  ]);
});

test('what a rule allows to everyone, or no rule names, is not limited', () => {
  const { accounts } = explainGuardrails(guardrails);
  expect(accounts[0]?.notLimited).toEqual([
    'paths',
    'permissions boundary',
    'managed policies',
    'trust in everyone',
    'trusted accounts',
    'trusted identity providers',
    'trusted tokens',
    'policy findings',
    'new access',
    'adopt: foreign',
    'replacements',
    'unmanaged: remove',
    'secret files',
    'secrets in AWS Secrets Manager',
    'who applies',
    'approvals',
  ]);
});

test('the values that a request would give are filled in', () => {
  const explained = meaningsOf({ account: '333333333333', namespace: 'dev-x', environment: 'dev' });
  expect(Object.keys(explained)).toEqual(['333333333333']);
  expect(explained['333333333333']).toEqual(expect.arrayContaining(['namespaces: only dev-*', 'names: only dev-x-*']));
});

test('the external ID is not shown', () => {
  expect(JSON.stringify(explainGuardrails(guardrails))).not.toContain('secret-1');
});

test.each([
  [{ account: '222222222222', namespace: 'ci-x' }, ['namespace ci-x is not allowed in account 222222222222']],
  [{ account: '111111111111', environment: 'prod' }, ['environment prod is not allowed in account 111111111111']],
  [
    { account: '333333333333', namespace: 'prod-x', environment: 'dev' },
    ['namespace prod-x is not allowed in account 333333333333'],
  ],
  [{ namespace: 'ci-x', environment: 'dev' }, []],
])('%j: refused by %j', (filter, refused) => {
  expect(explainGuardrails(guardrails, filter).refused).toEqual(refused);
});

test('an account that the file does not list is refused', () => {
  const { refused, accounts } = explainGuardrails(guardrailsOf('destroy: deny'), { account: '999999999999' });
  expect({ refused, accounts }).toEqual({ refused: ['account 999999999999 is not allowed'], accounts: [] });
});

test('people read a table with the line of each rule', () => {
  const text = stripVTControlCharacters(renderGuardrails(explainGuardrails(guardrails, { account: '111111111111' })));
  expect(text).toMatch(/^guardrails\.yaml {2}sha256:[0-9a-f]{64}\n\nAccount 111111111111\n/);
  expect(text).toContain('\n  environments         3:35   only dev\n');
  expect(text).toContain('\n  deletions            12:10  denied\n');
});

test('every rule of the schema is explained by a name of its own', () => {
  const everything = guardrailsOf(`accounts:
  "111111111111": { assumeRole: "arn:aws:iam::111111111111:role/a", planRole: "arn:aws:iam::111111111111:role/b", externalId: abc, environments: [dev] }
namespaces: [a]
entities: { kinds: { allow: [Role], deny: [User] }, names: [a], paths: [/a/] }
permissionsBoundary: { required: "arn:aws:iam::111111111111:policy/b" }
grants: { denyActions: ["iam:*"], denyWildcardAction: true, allowManagedPolicies: [a], denyManagedPolicies: [b] }
trust: { denyAnyone: true, accounts: ["222222222222"], providers: [a], requireSubject: [a] }
accessAnalyzer: { validatePolicy: error, checkNoNewAccess: warn, unavailable: error, allowSuppressions: [INVALID_ACTION] }
adopt: { foreign: deny }
destroy: deny
replace: deny
unmanaged: { remove: deny }
secrets: { files: ["{{account}}/{{namespace}}/*"], secretsManager: ["{{namespace}}/*"] }
identity: { groups: { security: [{ issuer: gitlab, project_path: acme/approvals }] } }
apply: { only: [{ issuer: github, repository: "acme/{{namespace}}" , repository_owner: acme }, security], approval: { by: [security], not: requester, count: 2 } }
`);
  const [account] = explainGuardrails(everything).accounts;
  expect(account?.notLimited).toEqual([]);
  expect(account?.rules.filter(({ rule, subject }) => rule === subject && !['namespaces'].includes(rule))).toEqual([]);
  const explained = new Set(account?.rules.map(({ rule }) => rule.replace(/^accounts\.\d+\./, '').split('.')[0]));
  const known = Object.keys({ ...guardrailsSchema.shape, ...guardrailsSchema.shape.accounts._zod.def.valueType.shape });
  expect(known.filter((name) => !['version', 'accounts', 'identity'].includes(name) && !explained.has(name))).toEqual(
    [],
  );
});

test('the checks of policies are explained, and one that is off limits nothing', () => {
  const own =
    guardrailsOf(`accessAnalyzer: { validatePolicy: error, checkNoNewAccess: off, unavailable: warn, allowSuppressions: [A, B] }
`);
  const [account] = explainGuardrails(own).accounts;
  expect(account?.rules.map(({ subject, meaning }) => `${subject}: ${meaning}`)).toEqual(
    expect.arrayContaining([
      'policy findings: errors and security warnings of Access Analyzer are refused',
      'policy findings: a policy that cannot be checked is shown with a warning',
      'policy findings: a manifest may suppress A, B',
    ]),
  );
  expect(account?.notLimited).toContain('new access');
});

test('who applies and who approves is named, with the values that a request would give', () => {
  const own = guardrailsOf(`identity: { groups: { security: [{ issuer: gitlab, project_path: acme/approvals }] } }
apply:
  only: [{ issuer: github, repository: "acme/{{namespace}}" }, security]
  approval: { by: [security], not: requester, count: 2 }
`);
  const [account] = explainGuardrails(own, { namespace: 'ci' }).accounts;
  expect(account?.rules.map(({ subject, meaning }) => `${subject}: ${meaning}`)).toEqual(
    expect.arrayContaining([
      'who applies: only issuer github, repository acme/ci or group security, proven',
      'approvals: 2 of group security, proven, and not the requester',
    ]),
  );
});

test('editors check the file by the generated schema', () => {
  const written = JSON.parse(
    readFileSync(join(__dirname, '../../../schema/guardrails.schema.json'), 'utf8'),
  ) as unknown;
  expect(written).toEqual(JSON.parse(JSON.stringify(guardrailsJsonSchema())));
});
