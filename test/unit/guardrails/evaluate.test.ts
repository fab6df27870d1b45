import type { JsonObject } from '../../../src/contract/entity.js';
import { evaluateRequest } from '../../../src/guardrails/evaluate.js';
import { evaluateWrite } from '../../../src/guardrails/write.js';
import { violationText } from '../../../src/guardrails/violation.js';
import { guardrailsOf, scopeOf, violationsOf } from '../../support/guardrails.js';

const GITHUB = 'token.actions.githubusercontent.com';
const PROVIDER = `arn:aws:iam::111111111111:oidc-provider/${GITHUB}`;

function document(...Statement: JsonObject[]): JsonObject {
  return { Version: '2012-10-17', Statement };
}

function trusting(statement: JsonObject): JsonObject {
  return document({ Effect: 'Allow', Action: 'sts:AssumeRole', ...statement });
}

const NOBODY = trusting({ Principal: { Service: 'ec2.amazonaws.com' } });

function rulesOf(violations: readonly { readonly rule: string }[]): readonly string[] {
  return violations.map(({ rule }) => rule);
}

describe('a request', () => {
  const guardrails = guardrailsOf(`accounts:
  "111111111111": { environments: [prod] }
  "222222222222":
    assumeRole: "arn:{{partition}}:iam::{{account}}:role/iam-bootstrap"
    namespaces: [platform]
namespaces: [ci, "ci-*", platform]
`);

  function refusals(scope: Parameters<typeof scopeOf>[0]): readonly string[] {
    return evaluateRequest(guardrails, scopeOf(scope)).map(violationText);
  }

  test('that names what is allowed passes', () => {
    expect(refusals({})).toEqual([]);
    const assumeRole = 'arn:aws:iam::222222222222:role/iam-bootstrap';
    expect(refusals({ target: { account: '222222222222', assumeRole }, namespace: 'platform' })).toEqual([]);
  });

  test.each<[string, Parameters<typeof scopeOf>[0], string]>([
    [
      'another account',
      { target: { account: '333333333333' } },
      'account 333333333333 is not allowed (guardrails: accounts at guardrails.yaml:3:3)',
    ],
    [
      'another namespace',
      { namespace: 'cinema' },
      'namespace cinema is not allowed: ci, ci-*, platform (guardrails: namespaces at guardrails.yaml:7:13)',
    ],
    [
      'another environment',
      { environment: 'dev' },
      'environment dev is not allowed in account 111111111111: prod (guardrails: accounts.111111111111.environments at guardrails.yaml:3:35)',
    ],
    [
      'no environment',
      { environment: undefined },
      'the request names no environment in account 111111111111: prod (guardrails: accounts.111111111111.environments at guardrails.yaml:3:35)',
    ],
    [
      'a role where none is allowed',
      { target: { assumeRole: 'arn:aws:iam::111111111111:role/x' } },
      'role arn:aws:iam::111111111111:role/x is not allowed: in account 111111111111 no role may be assumed (guardrails: accounts.111111111111 at guardrails.yaml:3:19)',
    ],
    [
      'another role',
      {
        target: { account: '222222222222', assumeRole: 'arn:aws:iam::222222222222:role/admin' },
        namespace: 'platform',
      },
      'role arn:aws:iam::222222222222:role/admin is not allowed: in account 222222222222 only arn:aws:iam::222222222222:role/iam-bootstrap may be assumed (guardrails: accounts.222222222222.assumeRole at guardrails.yaml:5:17)',
    ],
    [
      'no role',
      { target: { account: '222222222222' }, namespace: 'platform' },
      'the request names no role: in account 222222222222 only arn:aws:iam::222222222222:role/iam-bootstrap may be assumed (guardrails: accounts.222222222222.assumeRole at guardrails.yaml:5:17)',
    ],
  ])('that names %s is refused with the rule and its position', (_what, scope, expected) => {
    expect(refusals(scope)).toEqual([expected]);
  });

  test('needs a namespace that both the file and the account allow', () => {
    const assumeRole = 'arn:aws:iam::222222222222:role/iam-bootstrap';
    const found = evaluateRequest(guardrails, scopeOf({ target: { account: '222222222222', assumeRole } }));
    expect(rulesOf(found)).toEqual(['accounts.222222222222.namespaces']);
  });

  test('cannot choose a pattern by its own values', () => {
    const own = guardrailsOf('entities: { names: ["{{environment}}-*"] }');
    const refused = violationsOf(
      own,
      'Role',
      { roleName: 'team-x' },
      { scope: scopeOf({ environment: '*' }), state: 'released' },
    );
    expect(rulesOf(refused)).toEqual(['entities.names']);
  });
});

describe('entities', () => {
  const guardrails = guardrailsOf(
    'entities: { paths: [/ci/], names: ["{{environment}}-*", "OpenIDConnectProvider/token.*"], kinds: { deny: [AccessKey] } }',
  );

  test.each<[string, string, JsonObject, readonly string[]]>([
    ['what is allowed', 'Role', { roleName: 'prod-x', path: '/ci/', assumeRolePolicyDocument: NOBODY }, []],
    ['another name', 'Role', { roleName: 'dev-x', path: '/ci/', assumeRolePolicyDocument: NOBODY }, ['entities.names']],
    [
      'a name in another case',
      'Role',
      { roleName: 'PROD-x', path: '/ci/', assumeRolePolicyDocument: NOBODY },
      ['entities.names'],
    ],
    [
      'another path',
      'Role',
      { roleName: 'prod-x', path: '/ops/', assumeRolePolicyDocument: NOBODY },
      ['entities.paths'],
    ],
    [
      'no path, which is the root',
      'Role',
      { roleName: 'prod-x', assumeRolePolicyDocument: NOBODY },
      ['entities.paths'],
    ],
    ['a denied kind', 'AccessKey', { userName: 'prod-x', secret: { file: 'x' } }, ['entities.kinds.deny[0]']],
    ['a name of its kind', 'OpenIDConnectProvider', { url: `https://${GITHUB}` }, []],
    ['a name of another kind', 'Role', { roleName: 'token.x', path: '/ci/' }, ['entities.names']],
  ])('%s', (_what, kind, spec, expected) => {
    expect(rulesOf(violationsOf(guardrails, kind, spec))).toEqual(expected);
  });

  test('that exist under another path are refused, whatever the request declares', () => {
    const spec = { roleName: 'prod-x', path: '/ci/' };
    const observed = { state: { path: '/ops/' } };
    expect(rulesOf(violationsOf(guardrails, 'Role', spec, { observed }))).toEqual(['entities.paths']);
    expect(rulesOf(violationsOf(guardrails, 'Role', { roleName: 'prod-x' }, { observed, state: 'absent' }))).toEqual([
      'entities.paths',
    ]);
  });

  test('cannot be renamed from what the request may not name', () => {
    const spec = { userName: 'prod-x', path: '/ci/' };
    expect(violationsOf(guardrails, 'User', spec, { renamedFrom: 'prod-y' })).toEqual([]);
    const refused = violationsOf(guardrails, 'User', spec, { renamedFrom: 'alice' });
    expect(refused.map(({ message }) => message)).toEqual([
      'User/prod-x is renamed from alice, a name that is not allowed: prod-*, OpenIDConnectProvider/token.*',
    ]);
  });

  test.each<[string, string, JsonObject, readonly string[]]>([
    ['a group with users that a request may name', 'Group', { groupName: 'prod-g', users: ['prod-x'] }, []],
    ['a group with another user', 'Group', { groupName: 'prod-g', users: ['prod-x', 'alice'] }, ['alice']],
    ['a profile with another role', 'InstanceProfile', { instanceProfileName: 'prod-p', roles: ['admin'] }, ['admin']],
  ])('%s', (_what, kind, spec, refused) => {
    const found = violationsOf(guardrails, kind, { path: '/ci/', ...spec });
    expect(found.map(({ rule }) => rule)).toEqual(refused.map(() => 'entities.names'));
    for (const [index, name] of refused.entries()) expect(found[index]?.message).toContain(`/${name}, a name that`);
  });

  test.each([
    ['AddUserToGroup', { GroupName: 'prod-g', UserName: 'prod-x' }, []],
    ['AddUserToGroup', { GroupName: 'prod-g', UserName: 'alice' }, ['entities.names']],
    ['AddRoleToInstanceProfile', { InstanceProfileName: 'prod-p', RoleName: 'admin' }, ['entities.names']],
    ['RemoveUserFromGroup', { GroupName: 'prod-g', UserName: 'alice' }, []],
  ])('%s of %j is judged by the name of the member', (operation, input, expected) => {
    const write = { operation, input, declaredPolicies: new Set<string>() };
    expect(rulesOf(evaluateWrite(guardrails, scopeOf(), write))).toEqual(expected);
  });

  test('that are only observed are not refused', () => {
    expect(violationsOf(guardrails, 'Role', { roleName: 'x' }, { observe: true })).toEqual([]);
  });

  test('cannot be judged by a name that the run does not tell', () => {
    const spec = { roleName: 'prod-x', path: '/ci/' };
    expect(rulesOf(violationsOf(guardrails, 'Role', spec, { scope: scopeOf({ environment: undefined }) }))).toEqual([
      'entities.names',
    ]);
  });
});

describe('changes', () => {
  const guardrails = guardrailsOf(
    'adopt: { foreign: deny }\ndestroy: deny\nreplace: deny\nunmanaged: { remove: deny }',
  );
  const spec = { roleName: 'x' };

  test.each([
    ['adopt: foreign', { adopt: 'foreign' }, ['adopt.foreign']],
    ['state: absent', { state: 'absent' }, ['destroy']],
    ['destroy', { state: 'destroyed' }, ['destroy']],
    ['release', { state: 'released' }, []],
    ['replace', { replace: true }, ['replace']],
    ['unmanaged: remove', { unmanaged: 'remove' }, ['unmanaged.remove']],
    ['unmanaged: remove of one property', { unmanaged: { '*': 'keep', tags: 'remove' } }, ['unmanaged.remove']],
    ['nothing of it', {}, []],
  ] as const)('%s', (_what, more, expected) => {
    expect(rulesOf(violationsOf(guardrails, 'Role', spec, more))).toEqual(expected);
  });
});

describe('the permissions boundary', () => {
  const guardrails = guardrailsOf(
    'permissionsBoundary: { required: "arn:{{partition}}:iam::{{account}}:policy/ops/ci-boundary" }',
  );
  const boundary = 'arn:aws:iam::111111111111:policy/ops/ci-boundary';

  test.each<[string, string, JsonObject, readonly string[]]>([
    ['the required one', 'Role', { roleName: 'x', permissionsBoundary: boundary }, []],
    ['none', 'Role', { roleName: 'x' }, ['permissionsBoundary.required']],
    ['taken off', 'User', { userName: 'x', permissionsBoundary: null }, ['permissionsBoundary.required']],
    ['another one', 'User', { userName: 'x', permissionsBoundary: `${boundary}2` }, ['permissionsBoundary.required']],
    ['not for groups', 'Group', { groupName: 'x' }, []],
    [
      'its own policy',
      'Policy',
      { policyName: 'CI-boundary', policyDocument: document({ Effect: 'Allow', Action: '*', Resource: '*' }) },
      ['permissionsBoundary.required'],
    ],
  ])('%s', (_what, kind, spec, expected) => {
    expect(rulesOf(violationsOf(guardrails, kind, spec))).toEqual(expected);
  });

  test('its policy cannot be deleted or released either', () => {
    const spec = { policyName: 'ci-boundary' };
    expect(rulesOf(violationsOf(guardrails, 'Policy', spec, { state: 'absent' }))).toEqual([
      'permissionsBoundary.required',
    ]);
    expect(rulesOf(violationsOf(guardrails, 'Policy', spec, { state: 'released' }))).toEqual([
      'permissionsBoundary.required',
    ]);
  });
});

test('the roles of the worker cannot be changed', () => {
  const guardrails = guardrailsOf(`accounts:
  "*":
    assumeRole: "arn:aws:iam::{{account}}:role/ops/iam-bootstrap"
    planRole: "arn:aws:iam::{{account}}:role/iam-bootstrap-plan"
`);
  const held = violationsOf(guardrails, 'InstanceProfile', { instanceProfileName: 'p', roles: ['iam-bootstrap'] });
  expect(rulesOf(held)).toEqual(['accounts["*"].assumeRole']);
  const roles = ['IAM-bootstrap', 'iam-bootstrap-plan', 'other'];
  const refused = roles.flatMap((roleName) => violationsOf(guardrails, 'Role', { roleName }, { state: 'released' }));
  expect(rulesOf(refused)).toEqual(['accounts["*"].assumeRole', 'accounts["*"].planRole']);
});

describe('grants', () => {
  const guardrails = guardrailsOf(`grants:
  denyManagedPolicies: [AdministratorAccess, "*FullAccess"]
  denyActions: ["iam:*User*", "organizations:*"]
  denyWildcardAction: true
`);

  function granting(statement: JsonObject): readonly string[] {
    const policyDocument = document({ Effect: 'Allow', Resource: '*', ...statement });
    const own = { kinds: ['Policy', { policyName: 'p', policyDocument }], inline: { p: policyDocument } } as const;
    const found = [
      violationsOf(guardrails, 'Policy', own.kinds[1]),
      ...(['Role', 'User', 'Group'] as const).map((kind) =>
        violationsOf(guardrails, kind, { [`${kind.toLowerCase()}Name`]: 'x', inlinePolicies: own.inline }),
      ),
    ].map(rulesOf);
    const [first = []] = found;
    for (const other of found) expect(other).toEqual(first);
    return first;
  }

  const [users, organizations, wildcard] = [
    'grants.denyActions[0]',
    'grants.denyActions[1]',
    'grants.denyWildcardAction',
  ];

  test.each<[string, JsonObject, readonly string[]]>([
    ['other actions', { Action: ['s3:*', 'iam:GetRole'] }, []],
    ['a denial of everything', { Effect: 'Deny', Action: '*' }, []],
    ['an action', { Action: 'iam:CreateUser' }, [users]],
    ['an action in another case', { Action: ['IAM:createuser'] }, [users]],
    ['all of the service', { Action: 'iam:*' }, [users]],
    ['a part of the service', { Action: 'iam:Create*' }, [users]],
    ['another pattern that meets it', { Action: 'iam:*Policy' }, [users]],
    ['everything', { Action: '*' }, [wildcard, users, organizations]],
    ['everything in another form', { Action: ['*:*'] }, [wildcard, users, organizations]],
    ['everything by question marks', { Action: ['?*:?*'] }, [wildcard, users, organizations]],
    [
      'under a condition and on one resource',
      {
        Action: 'iam:CreateUser',
        Resource: 'arn:aws:iam::1:user/x',
        Condition: { Bool: { 'aws:SecureTransport': 'true' } },
      },
      [users],
    ],
    ['all but something', { NotAction: 's3:*' }, [wildcard, users, organizations]],
    ['all but what is denied', { NotAction: ['iam:*', 'organizations:*'] }, [wildcard]],
    ['all but a part of what is denied', { NotAction: ['iam:CreateUser', 'organizations:*'] }, [wildcard, users]],
    ['an effect that is not one', { Effect: 'allow', Action: 'iam:CreateUser' }, [users]],
    ['both Action and NotAction', { Action: 's3:GetObject', NotAction: 'iam:*' }, ['grants']],
    ['neither Action nor NotAction', {}, ['grants']],
    ['an action that is no text', { Action: [1] }, ['grants']],
    ['an unknown field', { Action: 's3:GetObject', action: '*' }, ['grants']],
  ])('%s', (_what, statement, expected) => {
    expect(granting(statement)).toEqual(expected);
  });

  test('a wildcard of a service or of a name does not reach over the colon', () => {
    const rules = guardrailsOf('grants: { denyActions: ["*:Delete*"] }');
    const policyOf = (statement: JsonObject): JsonObject => ({
      policyName: 'p',
      policyDocument: document({ Effect: 'Allow', Resource: '*', ...statement }),
    });
    const refused = (statement: JsonObject): boolean => violationsOf(rules, 'Policy', policyOf(statement)).length > 0;
    expect([{ Action: 's3:Get*' }, { Action: 's3:*Delete*' }, { Action: 's3' }].map(refused)).toEqual([
      false,
      true,
      true,
    ]);
    expect([{ NotAction: '*:Delete*' }, { NotAction: 'Delete' }, { NotAction: '*' }].map(refused)).toEqual([
      false,
      true,
      false,
    ]);
  });

  test('every action of a service is denied where the rule says so', () => {
    const strict = guardrailsOf('grants: { denyWildcardAction: service }');
    const policyOf = (Action: string): JsonObject => ({
      policyName: 'p',
      policyDocument: document({ Effect: 'Allow', Action, Resource: '*' }),
    });
    expect(rulesOf(violationsOf(strict, 'Policy', policyOf('s3:*')))).toEqual([wildcard]);
    expect(rulesOf(violationsOf(strict, 'Policy', policyOf('s3:Get*')))).toEqual([]);
  });

  function attaching(arn: string, declaredPolicies: readonly string[] = [], rules = guardrails): readonly string[] {
    return rulesOf(violationsOf(rules, 'Role', { roleName: 'x', managedPolicyArns: [arn] }, { declaredPolicies }));
  }

  test.each<[string, string, readonly string[]]>([
    ['an AWS policy that is not denied', 'arn:aws:iam::aws:policy/ReadOnlyAccess', []],
    ['a denied one', 'arn:aws:iam::aws:policy/AdministratorAccess', ['grants.denyManagedPolicies[0]']],
    [
      'a denied one in another case and partition',
      'arn:aws-cn:iam::aws:policy/administratoraccess',
      ['grants.denyManagedPolicies[0]'],
    ],
    [
      'a denied one by a pattern, with a path',
      'arn:aws:iam::aws:policy/job-function/IAMFullAccess',
      ['grants.denyManagedPolicies[1]'],
    ],
    [
      'one of the account whose document is not declared',
      'arn:aws:iam::111111111111:policy/admin',
      ['grants.denyActions'],
    ],
  ])('%s', (_what, arn, expected) => {
    expect(attaching(arn)).toEqual(expected);
  });

  test('a policy of the same request can be attached, since its document is judged', () => {
    const arn = 'arn:aws:iam::111111111111:policy/p';
    expect(attaching(arn, [arn])).toEqual([]);
  });

  test('a list of allowed policies excludes all others', () => {
    const listed = guardrailsOf(
      'grants: { allowManagedPolicies: ["ReadOnly*", "arn:aws:iam::{{account}}:policy/ops/*"] }',
    );
    expect(attaching('arn:aws:iam::aws:policy/ReadOnlyAccess', [], listed)).toEqual([]);
    expect(attaching('arn:aws:iam::111111111111:policy/ops/x', [], listed)).toEqual([]);
    expect(attaching('arn:aws:iam::222222222222:policy/ops/x', [], listed)).toEqual(['grants.allowManagedPolicies']);
    expect(attaching('arn:aws:iam::aws:policy/PowerUserAccess', [], listed)).toEqual(['grants.allowManagedPolicies']);
  });
});

describe('trust', () => {
  const guardrails = guardrailsOf(
    `trust: { denyAnyone: true, accounts: ["222222222222"], requireSubject: [${GITHUB}] }`,
  );

  function trust(statement: JsonObject, rules = guardrails): readonly string[] {
    return rulesOf(violationsOf(rules, 'Role', { roleName: 'x', assumeRolePolicyDocument: trusting(statement) }));
  }

  function subjects(condition: JsonObject | undefined): readonly string[] {
    return trust({ Principal: { Federated: PROVIDER }, ...(condition === undefined ? {} : { Condition: condition }) });
  }

  const [anyone, accounts, subject] = ['trust.denyAnyone', 'trust.accounts', 'trust.requireSubject[0]'];

  test.each<[string, JsonObject, readonly string[]]>([
    ['a service', { Principal: { Service: 'ec2.amazonaws.com' } }, []],
    ['its own account', { Principal: { AWS: 'arn:aws:iam::111111111111:root' } }, []],
    ['an allowed account', { Principal: { AWS: ['222222222222', 'arn:aws:iam::222222222222:role/x'] } }, []],
    ['another account', { Principal: { AWS: ['222222222222', '333333333333'] } }, [accounts]],
    ['a role of another account', { Principal: { AWS: 'arn:aws:iam::333333333333:role/x' } }, [accounts]],
    ['an ID that names no account', { Principal: { AWS: 'AROAEXAMPLEEXAMPLE123' } }, [accounts]],
    ['everyone', { Principal: '*' }, [anyone]],
    ['every AWS principal', { Principal: { AWS: '*' } }, [anyone]],
    ['every AWS principal, listed', { Principal: { AWS: ['222222222222', '*'] } }, [anyone]],
    [
      'everyone under a condition',
      { Principal: '*', Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } },
      [anyone],
    ],
    ['everyone but some', { NotPrincipal: { AWS: '222222222222' } }, [anyone]],
    ['a pattern of principals', { Principal: { AWS: 'arn:aws:iam::*:root' } }, [anyone]],
    ['nobody', {}, ['trust']],
    ['principals of an unknown type', { Principal: { Everyone: '*' } }, ['trust']],
    ['a SAML provider', { Principal: { Federated: 'arn:aws:iam::111111111111:saml-provider/company' } }, []],
    [
      'an OIDC provider of the company without a subject',
      { Principal: { Federated: 'arn:aws:iam::111111111111:oidc-provider/idp.example.com' } },
      [anyone],
    ],
    ['a denial', { Effect: 'Deny', Principal: '*' }, []],
  ])('of %s', (_what, statement, expected) => {
    expect(trust(statement)).toEqual(expected);
  });

  const key = `${GITHUB}:sub`;
  test.each<[string, JsonObject | undefined, readonly string[]]>([
    ['no condition', undefined, [subject, anyone]],
    [
      'a condition on the audience only',
      { StringEquals: { [`${GITHUB}:aud`]: 'sts.amazonaws.com' } },
      [subject, anyone],
    ],
    ['a subject', { StringEquals: { [key]: 'repo:acme/infra:ref:refs/heads/main' } }, []],
    [
      'a subject in a key of another case',
      { StringEquals: { [key.toUpperCase()]: 'repo:acme/infra:ref:refs/heads/main' } },
      [],
    ],
    ['a pattern of one organization', { StringLike: { [key]: ['repo:acme/*'] } }, []],
    ['a pattern of all subjects', { StringLike: { [key]: '*' } }, [subject, anyone]],
    ['a pattern of all organizations', { StringLike: { [key]: 'repo:*' } }, [subject, anyone]],
    ['a pattern that begins anywhere', { StringLike: { [key]: '*:ref:refs/heads/main' } }, [subject, anyone]],
    ['a pattern that begins like all', { StringLike: { [key]: 'rep*' } }, [subject, anyone]],
    ['one pattern of several', { StringLike: { [key]: ['repo:acme/*', '*'] } }, [subject, anyone]],
    ['a subject only where there is one', { StringEqualsIfExists: { [key]: 'repo:acme/infra:x' } }, [subject, anyone]],
    ['all of no subjects', { 'ForAllValues:StringEquals': { [key]: 'repo:acme/infra:x' } }, [subject, anyone]],
    ['not a subject', { StringNotEquals: { [key]: 'repo:acme/infra:x' } }, [subject, anyone]],
    ['the subject itself', { StringEquals: { [key]: `\${${key}}` } }, [subject, anyone]],
    ['no value', { StringEquals: { [key]: [] } }, [subject, anyone]],
  ])('of an OIDC provider with %s', (_what, condition, expected) => {
    expect(subjects(condition)).toEqual(expected);
  });

  test('of identity providers can be limited to a list', () => {
    const listed = guardrailsOf(`trust: { providers: [${GITHUB}] }`);
    const limited = { StringEquals: { [key]: 'repo:acme/infra:x' } };
    expect(trust({ Principal: { Federated: PROVIDER }, Condition: limited }, listed)).toEqual([]);
    const other = 'arn:aws:iam::111111111111:oidc-provider/evil.example.com';
    expect(trust({ Principal: { Federated: other } }, listed)).toEqual(['trust.providers']);
  });
});

describe('secrets', () => {
  const guardrails = guardrailsOf(
    'secrets: { files: ["{{account}}/{{namespace}}/*"], secretsManager: ["ci/{{namespace}}/*"] }',
  );

  test.each<[string, JsonObject, readonly string[]]>([
    ['a file of the namespace', { file: '111111111111/ci/x' }, []],
    ['a file of another namespace', { file: '111111111111/ci-2/x' }, ['secrets.files']],
    ['a file of another account', { file: '222222222222/ci/x' }, ['secrets.files']],
    ['a file outside', { file: '111111111111/ci/../ci-2/x' }, ['secrets.files']],
    ['a secret of the namespace', { secretsManager: 'ci/ci/x' }, []],
    ['its ARN', { secretsManager: 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:ci/ci/x-AbCdEf' }, []],
    ['a secret of another namespace', { secretsManager: 'ci/other/x' }, ['secrets.secretsManager']],
    [
      'a secret of another account',
      { secretsManager: 'arn:aws:secretsmanager:eu-west-1:222222222222:secret:ci/ci/x-AbCdEf' },
      ['secrets.secretsManager'],
    ],
  ])('%s', (_what, secret, expected) => {
    expect(rulesOf(violationsOf(guardrails, 'AccessKey', { userName: 'x', secret }))).toEqual(expected);
  });

  test('a sort of location that is not listed is denied', () => {
    const files = guardrailsOf('secrets: { files: ["{{account}}/{{namespace}}/*"] }');
    const spec = { userName: 'x', secret: { secretsManager: 'ci/ci/x' } };
    expect(rulesOf(violationsOf(files, 'AccessKey', spec))).toEqual(['secrets']);
  });
});

test('the rules of an account apply in addition to those of the file', () => {
  const guardrails = guardrailsOf(`accounts:
  "111111111111": { destroy: deny }
  "222222222222": {}
entities: { kinds: { allow: [Role, Policy] } }
`);
  const absent = { state: 'absent' } as const;
  expect(rulesOf(violationsOf(guardrails, 'User', { userName: 'x' }, absent))).toEqual([
    'entities.kinds.allow',
    'accounts.111111111111.destroy',
  ]);
  const scope = scopeOf({ target: { account: '222222222222' } });
  expect(rulesOf(violationsOf(guardrails, 'User', { userName: 'x' }, { ...absent, scope }))).toEqual([
    'entities.kinds.allow',
  ]);
});
