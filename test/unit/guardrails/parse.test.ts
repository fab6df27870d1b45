import { parseGuardrails } from '../../../src/guardrails/parse.js';

const KINDS = ['Role', 'User', 'AccessKey', 'LoginProfile'];

function problems(text: string, file = 'guardrails.yaml'): readonly string[] {
  const parsed = parseGuardrails(file, text, { kinds: KINDS });
  return parsed.ok
    ? []
    : parsed.problems.map(
        ({ line, column, message, remedy }) => `${String(line)}:${String(column)} ${message}: ${remedy}`,
      );
}

const DESIGN = `version: 1
accounts:
  "111111111111": {}
  "222222222222":
    assumeRole: arn:aws:iam::222222222222:role/iam-bootstrap
    planRole: arn:aws:iam::222222222222:role/iam-bootstrap-readonly
    externalId: acme-42
namespaces: [ci-*, platform]
entities: { paths: [/ci/], names: ["{{environment}}-*"], kinds: { deny: [AccessKey, LoginProfile] } }
permissionsBoundary: { required: "arn:{{partition}}:iam::{{account}}:policy/ci-boundary" }
grants: { denyManagedPolicies: [AdministratorAccess, IAMFullAccess], denyActions: ["iam:*User*", "organizations:*"], denyWildcardAction: true }
trust: { denyAnyone: true, accounts: ["111111111111"], requireSubject: [token.actions.githubusercontent.com] }
adopt: { foreign: deny }
destroy: deny
secrets: { files: ["{{account}}/{{namespace}}/*"], secretsManager: ["iam-bootstrap/{{namespace}}/*"] }
`;

test('a file with every rule is read, and each rule knows its position', () => {
  const parsed = parseGuardrails('guardrails.yaml', DESIGN, { kinds: KINDS });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const { rules, placeOf, digest } = parsed.guardrails;
  expect(rules.accounts['222222222222']?.externalId).toBe('acme-42');
  expect(placeOf(['grants', 'denyActions', 1])).toBe('guardrails.yaml:11:98');
  expect(placeOf(['accounts', '222222222222', 'planRole'])).toBe('guardrails.yaml:6:15');
  expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
});

test('a file in JSON is read', () => {
  expect(problems('{ "version": 1, "accounts": { "111111111111": {} } }', 'guardrails.json')).toEqual([]);
});

const MINIMAL = 'version: 1\naccounts: { "111111111111": {} }\n';

test.each<[string, string, string]>([
  ['nothing', '', '1:1 the file is empty: begin with version: 1 and accounts'],
  ['no accounts', 'version: 1\n', '1:1 accounts is missing: add accounts (a map)'],
  [
    'a number as account',
    'version: 1\naccounts: { "1111": {} }\n',
    '2:13 the key "1111" is not allowed: write the twelve digits of the account, in quotes, or "*": write the twelve digits of the account, in quotes, or "*"',
  ],
  ['an unknown rule', `${MINIMAL}destory: deny\n`, '3:1 guardrails has no field "destory": did you mean destroy?'],
  [
    'an unknown field of a rule',
    `${MINIMAL}grants: { denyAction: ["iam:*"] }\n`,
    '3:11 grants has no field "denyAction": remove it',
  ],
  [
    'an unknown field of an account',
    'version: 1\naccounts: { "111111111111": { role: x } }\n',
    '2:31 accounts.111111111111 has no field "role": remove it',
  ],
  [
    'a rule of a later version',
    `${MINIMAL}serviceControls: {}\n`,
    '3:1 guardrails has no field "serviceControls": remove it; known are identity, namespaces, entities, permissionsBoundary, grants, trust, accessAnalyzer, adopt, destroy, replace, unmanaged, secrets, apply',
  ],
  [
    'an unknown kind',
    `${MINIMAL}entities: { kinds: { deny: [AcessKey] } }\n`,
    '3:29 there is no kind "AcessKey": did you mean AccessKey?',
  ],
  [
    'an unknown template',
    `${MINIMAL}namespaces: ["{{team}}-*"]\n`,
    '3:14 namespaces[0] "{{team}}-*": {{team}} is unknown: write {{account}}, {{partition}}, {{namespace}}, {{environment}}: fix namespaces[0]',
  ],
  ['an empty list', `${MINIMAL}namespaces: []\n`, '3:13 namespaces (a list) has fewer than 1 members: give at least 1'],
  [
    'another value of a rule',
    `${MINIMAL}destroy: false\n`,
    '3:10 destroy false is not one of allow, deny: write one of allow, deny',
  ],
  [
    'an action that is none',
    `${MINIMAL}grants: { denyActions: [CreateUser] }\n`,
    '3:25 grants.denyActions[0] "CreateUser" is not allowed: write an action as in "iam:CreateUser" or "iam:*User*": write an action as in "iam:CreateUser" or "iam:*User*"',
  ],
  [
    'secret files that namespaces share',
    `${MINIMAL}secrets: { files: ["{{account}}/*"] }\n`,
    '3:20 secrets.files[0] (not shown): it does not tell one namespace from another: write {{namespace}} as a part of the path, as in "{{namespace}}/*"',
  ],
  [
    'secret files that begin alike',
    `${MINIMAL}secrets: { files: ["{{account}}/{{namespace}}*"] }\n`,
    '3:20 secrets.files[0] (not shown): it does not tell one namespace from another: write {{namespace}} as a part of the path, as in "{{namespace}}/*"',
  ],
  [
    'two documents',
    `${MINIMAL}---\nversion: 1\n`,
    '3:1 a second YAML document begins here: keep one document in the file',
  ],
])('%s is an error with its position', (_what, text, expected) => {
  expect(problems(text)).toEqual([expected]);
});
