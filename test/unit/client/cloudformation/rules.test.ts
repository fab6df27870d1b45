import type { JsonObject } from '../../../../src/contract/entity.js';
import {
  ACCOUNT,
  convert,
  entitiesOf,
  problemOf,
  problemsOf,
  READ,
  role,
  specOf,
  stack,
  valueOf,
  type Options,
} from '../../../support/templates.js';

/** Rules of CloudFormation that a template relies on, and what must not happen where one is not kept. */

const HOLDS = { Conditions: { C: { 'Fn::Equals': ['a', 'a'] }, Not: { 'Fn::Equals': ['a', 'b'] } } };
const NO_VALUE = { Ref: 'AWS::NoValue' };

/** Returns the problems without their positions. */
function found(template: unknown, options?: Options): string[] {
  return problemsOf(template, options).map((problem) => problem.replace(/^\d+:\d+ /, ''));
}

describe('a login profile', () => {
  const user = (LoginProfile: unknown): object =>
    stack({ Ann: { Type: 'AWS::IAM::User', Properties: { UserName: 'ann', LoginProfile } } }, HOLDS);
  const secrets = { Ann: 'file:ann' };
  const profile = { Password: 'unseen-Value-9', PasswordResetRequired: true };

  test.each([
    ['AWS::NoValue', NO_VALUE],
    ['a condition that chooses AWS::NoValue', { 'Fn::If': ['Not', profile, NO_VALUE] }],
    ['conditions in each other', { 'Fn::If': ['C', { 'Fn::If': ['Not', profile, NO_VALUE] }, profile] }],
  ])('is none where %s stands for it, and no secret is asked for', (_, value) => {
    expect(entitiesOf(user(value)).map(({ kind }) => kind)).toEqual(['User']);
  });

  test('that a condition chooses has its members', () => {
    const [, login] = entitiesOf(user({ 'Fn::If': ['C', profile, NO_VALUE] }), { secrets });
    expect(login?.spec).toEqual({ userName: 'ann', secret: { file: 'ann' }, passwordResetRequired: true });
  });

  test.each<[unknown, JsonObject]>([
    [true, { passwordResetRequired: true }],
    ['true', { passwordResetRequired: true }],
    ['false', { passwordResetRequired: false }],
    [NO_VALUE, {}],
    [{ 'Fn::If': ['Not', true, NO_VALUE] }, {}],
  ])('has PasswordResetRequired: %j', (PasswordResetRequired, expected) => {
    const [, login] = entitiesOf(user({ ...profile, PasswordResetRequired }), { secrets });
    expect(login?.spec).toEqual({ userName: 'ann', secret: { file: 'ann' }, ...expected });
  });

  test.each<[unknown, string]>([
    [
      { 'Fn::If': ['Missing', profile, NO_VALUE] },
      'the condition "Missing" is not declared | declare it under Conditions; known are C, Not',
    ],
    [
      { ...profile, Bogus: 1 },
      'LoginProfile has no property "Bogus" | remove it; known are Password, PasswordResetRequired',
    ],
    [{ ...profile, PasswordResetRequired: 'maybe' }, 'this is neither true nor false | write true or false'],
    [{ PasswordResetRequired: true }, 'the login profile has no Password | write Password, or remove LoginProfile'],
    [{ ...profile, Password: NO_VALUE }, 'the login profile has no Password | write Password, or remove LoginProfile'],
    ['text', 'this is no login profile | write a map with Password'],
  ])('%j is refused', (value, expected) => {
    expect(found(user(value), { secrets })).toEqual([expected]);
  });
});

describe('secrets', () => {
  test('a private key that a condition removes is not asked for', () => {
    const Properties = { Name: 'idp', SamlMetadataDocument: 'x'.repeat(1000), AddPrivateKey: NO_VALUE };
    expect(problemsOf(stack({ Saml: { Type: 'AWS::IAM::SAMLProvider', Properties } }))).toEqual([]);
  });

  test.each(['true', 'yes', 'on', 'True', '"TRUE"', '!If [C, true, false]'])(
    'the value of a parameter with NoEcho: %s is in no manifest and in no problem',
    (noEcho) => {
      const template = `Parameters: { P: { Type: String, NoEcho: ${noEcho}, Default: unseen-Value-9, Bogus: 1 } }
Resources:
  App: { Type: AWS::IAM::Group, Properties: { GroupName: g, Path: !Ref P, Bogus: unseen-Value-9 } }
`;
      const result = convert(template);
      expect(result.ok ? [] : result.problems.map(({ message }) => message)).toEqual([
        'parameter P is NoEcho, and a manifest would hold its value in plain text',
        'a parameter has no attribute "Bogus"',
        'AWS::IAM::Group has no property "Bogus"',
      ]);
      expect(JSON.stringify(result)).not.toContain('unseen-Value-9');
    },
  );

  test.each([
    [
      'a template that cannot be parsed',
      'Parameters: { P: { NoEcho: true, Default: "unseen-Value-9" }\n  Resources: - x',
    ],
    [
      'a login profile',
      'Resources: { A: { Type: AWS::IAM::User, Properties: { LoginProfile: { Password: unseen-Value-9 } } } }',
    ],
    [
      'a private key',
      'Resources: { A: { Type: AWS::IAM::ServerCertificate, Properties: { PrivateKey: unseen-Value-9 } } }',
    ],
  ])('no problem shows a line of %s', (_, template) => {
    const result = convert(template);
    expect(result.ok).toBe(false);
    expect(JSON.stringify(result)).not.toContain('unseen-Value-9');
  });

  test('problems of other templates show their lines', () => {
    const result = convert('Resources: { A: { Type: AWS::IAM::Group, Properties: { Bogus: 1, GroupName: a } } }');
    expect(result).toMatchObject({ problems: [{ sourceLine: expect.stringContaining('Bogus') as string }] });
  });

  test('the secret of an access key is not taken as a value', () => {
    const key = { Type: 'AWS::IAM::AccessKey', Properties: { UserName: 'ann' } };
    const template = stack({ Key: key, App: role({ Description: { 'Fn::GetAtt': 'Key.SecretAccessKey' } }) });
    const options = { secrets: { Key: 'file:k' }, parameters: { 'Key.SecretAccessKey': 'unseen-Value-9' } };
    expect(found(template, options)).toEqual([
      'Key.SecretAccessKey is a secret, and a manifest would hold its value in plain text | write the value of the property without it',
    ]);
  });
});

describe('booleans', () => {
  const template = (word: string): string => `
Parameters: { P: { Type: String, Default: ${word}, AllowedValues: [True, False, other] } }
Conditions: { C: !Equals [!Ref P, "true"] }
Resources:
  App:
    Type: AWS::IAM::User
    Condition: C
    Properties:
      UserName: ann
      Tags: [{ Key: k, Value: ${word} }, { Key: quoted, Value: "yes" }, { Key: text, Value: !Sub Yes }]
      Policies:
        - PolicyName: p
          PolicyDocument:
            Version: 2012-10-17
            Statement: { Effect: Allow, Action: "s3:*", Resource: "*", Condition: { Bool: { "aws:SecureTransport": ${word} } } }
`;

  test.each(['true', 'True', 'TRUE', 'yes', 'Yes', 'on', 'ON'])('%s without quotes is true', (word) => {
    expect(specOf(template(word))).toMatchObject({
      tags: { k: 'true', quoted: 'yes', text: 'Yes' },
      inlinePolicies: { p: { Statement: { Condition: { Bool: { 'aws:SecureTransport': true } } } } },
    });
  });

  test.each(['false', 'no', 'Off'])('%s without quotes is false', (word) => {
    expect(found(template(word))).toEqual(['the template creates no IAM entity | name a template with AWS::IAM::Role']);
  });

  test('a value that is allowed in another spelling is taken', () => {
    const more = { Parameters: { P: { Type: 'String', AllowedValues: [true, false] } } };
    expect(valueOf({ Ref: 'P' }, more, { parameters: { P: 'true' } })).toBe('true');
  });
});

describe('numbers and keys without quotes, which CloudFormation reads as YAML 1.1', () => {
  const description = (value: string, more = ''): string => `${more}
Resources:
  App: { Type: AWS::IAM::User, Properties: { UserName: ann, Tags: [{ Key: k, Value: ${value} }] } }
`;
  const misread = (raw: string): string =>
    `${raw} without quotes is another number to CloudFormation: an account would lose its leading zeros | put it in quotes: '${raw}'`;

  test.each(['012345670123', '012345678901', '0x1F', '0b11', '1_000', '1e3', '12:30:45'])('%s is refused', (raw) => {
    expect(found(description(raw))).toEqual([misread(raw)]);
    expect(found(description('!FindInMap [M, a, v]', `Mappings: { M: { a: { v: ${raw} } } }`))).toEqual([misread(raw)]);
    const parameter = (more: string): string => `Parameters: { P: { Type: String, Default: ${raw}${more} } }`;
    expect(found(description('!Ref P', parameter('')))).toEqual([misread(raw)]);
  });

  test.each(['"012345670123"', "'0x1F'", '123456789012', '0', '1.5', '2012-10-17', 'a_1', '012345670123a'])(
    '%s is taken as it is written',
    (raw) => {
      const spec = { tags: { k: raw.replace(/["']/g, '') } };
      expect(specOf(description(raw))).toMatchObject(spec);
      expect(specOf(description('!FindInMap [M, a, v]', `Mappings: { M: { a: { v: ${raw} } } }`))).toMatchObject(spec);
      expect(specOf(description('!Ref P', `Parameters: { P: { Type: String, Default: ${raw} } }`))).toMatchObject(spec);
    },
  );

  test('a number that is given in place of a default is taken as it is given', () => {
    const template = description('!Ref P', 'Parameters: { P: { Type: String, Default: 0123 } }');
    expect(specOf(template, { parameters: { P: '0123' } })).toMatchObject({ tags: { k: '0123' } });
  });

  test('a number that no entity takes is left alone', () => {
    expect(specOf(description('x', 'Mappings: { M: { a: { Mode: 0755 } } }'))).toMatchObject({ tags: { k: 'x' } });
  });

  test.each(['123456789012', '012345670123', '1.0', 'yes', 'No', 'on', 'off', 'TRUE', 'null', '~'])(
    'the key %s is refused, in any place',
    (key) => {
      const problem = `the key ${key} without quotes is no text in YAML 1.1, and CloudFormation refuses it | put it in quotes: '${key}'`;
      expect(found(description('x', `Mappings: { M: { ${key}: { v: x } } }`))).toEqual([problem]);
      expect(found(description('x', `Mappings:\n  M:\n    a:\n      ${key}: x`))).toEqual([problem]);
      expect(found(description('x', `Metadata: { ${key}: x }`))).toEqual([problem]);
    },
  );

  test.each(["'012345670123'", '"yes"', '"off"', "'null'", 'y', 'NO1', '1a'])('the key %s is a text', (key) => {
    const name = key.replace(/["']/g, '');
    const template = description(`!FindInMap [M, '${name}', v]`, `Mappings: { M: { ${key}: { v: x } } }`);
    expect(specOf(template)).toMatchObject({ tags: { k: 'x' } });
  });

  test('words that are booleans in a mapping become true and false', () => {
    const of = (word: string): JsonObject =>
      specOf(description('!FindInMap [M, a, v]', `Mappings: { M: { a: { v: ${word} } } }`));
    expect(['yes', 'no', 'on', 'off', '"yes"', "'off'"].map((word) => of(word)['tags'])).toEqual(
      ['true', 'false', 'true', 'false', 'yes', 'off'].map((k) => ({ k })),
    );
  });
});

describe('options for what a condition removes', () => {
  const warnings = (template: unknown, options: Options): readonly string[] => {
    const result = convert(template, options);
    if (!result.ok) throw new Error(JSON.stringify(result.problems));
    return result.warnings.map(({ line, message, remedy }) => `${String(line)} ${message} | ${remedy}`);
  };
  const remedy = 'leave the option out, or change the parameters';

  test('have no effect, which a warning says with the option and the condition', () => {
    const Removed = role({ RoleName: NO_VALUE }, { Condition: 'Not' });
    const Key = { Type: 'AWS::IAM::AccessKey', Condition: 'Not', Properties: { UserName: 'ann' } };
    const template = JSON.stringify(stack({ App: role(), Removed, Key }, HOLDS));
    expect(warnings(template, { names: { Removed: 'app-2' }, secrets: { Key: 'file:key' } })).toEqual([
      `1 --resource-name Removed has no effect: the condition Not of Removed does not hold | ${remedy}`,
      `1 --secret Key has no effect: the condition Not of Key does not hold | ${remedy}`,
    ]);
    expect(warnings(template, {})).toEqual([]);
  });

  test('of a secret have no effect where Fn::If removes the secret alone', () => {
    const LoginProfile = { 'Fn::If': ['Not', { Password: 'x' }, NO_VALUE] };
    const user = { Type: 'AWS::IAM::User', Properties: { UserName: 'ann', LoginProfile } };
    expect(warnings(JSON.stringify(stack({ Ann: user }, HOLDS)), { secrets: { Ann: 'file:ann' } })).toEqual([
      `1 --secret Ann has no effect: a condition removes the secret of Ann | ${remedy}`,
    ]);
  });

  test('are refused where the resource has no secret at all', () => {
    const user = { Type: 'AWS::IAM::User', Properties: { UserName: 'ann' } };
    expect(found(stack({ Ann: user }), { secrets: { Ann: 'file:ann' } })).toEqual([
      '"Ann" does not name a resource that takes --secret | name a resource of the template',
    ]);
  });

  test('of a value that a condition leaves out are taken, and of one that nothing names are not', () => {
    const Description = {
      'Fn::If': ['Not', { 'Fn::Sub': ['${v}{{resolve:ssm:x}}', { v: { 'Fn::ImportValue': 'shared' } }] }, 'd'],
    };
    const template = stack({ App: role({ Description }) }, HOLDS);
    expect(specOf(template, { parameters: { shared: 'a', 'resolve:ssm:x': 'b' } })).toMatchObject({ description: 'd' });
    expect(found(template, { parameters: { sharde: 'a' } })).toEqual([
      expect.stringContaining('the template has no parameter "sharde"'),
    ]);
  });

  test('that have an effect give no warning', () => {
    const Made = role({ RoleName: NO_VALUE }, { Condition: 'C' });
    expect(warnings(stack({ Made }, HOLDS), { names: { Made: 'made' } })).toEqual([]);
  });
});

test.each([' ', '\t\n', '   '])('a description of white space alone, %j, is kept: IAM takes it', (Description) => {
  expect(specOf(stack({ App: role({ Description }) }))['description']).toBe(Description);
});

test.each([
  '$${AWS::AccountId}',
  '${!a}$${AWS::Partition}',
  '$$${Other.Arn}',
  '{${AWS::AccountId}',
  '{$${AWS::AccountId}',
  '${!{account}}',
])('a dollar or a brace before a reference stays text: %s', (text) => {
  const template = stack({ App: role({ Description: { 'Fn::Sub': text } }), Other: role({ RoleName: 'other' }) });
  const values: Readonly<Record<string, string>> = {
    'AWS::AccountId': ACCOUNT,
    'AWS::Partition': 'aws',
    'Other.Arn': '{{arn Role/other}}',
  };
  const expected = text.replace(/\$\{([^}!{]*)\}/g, (_, name: string) => values[name] ?? '').replace('${!', '${');
  expect(specOf(template)['description']).toBe(expected);
});

describe('what follows from the template', () => {
  test.each([
    ['us-iso-east-1', 'aws-iso', 'c2s.ic.gov'],
    ['us-isob-east-1', 'aws-iso-b', 'sc2s.sgov.gov'],
    ['eu-isoe-west-1', 'aws-iso-e', 'cloud.adc-e.uk'],
    ['us-isof-south-1', 'aws-iso-f', 'csp.hci.ic.gov'],
    ['eusc-de-east-1', 'aws-eusc', 'amazonaws.eu'],
    ['cn-north-1', 'aws-cn', 'amazonaws.com.cn'],
    ['us-gov-west-1', 'aws-us-gov', 'amazonaws.com'],
    ['eu-west-1', 'aws', 'amazonaws.com'],
  ])('the region %s has its partition and its domain', (region, partition, suffix) => {
    expect(valueOf({ 'Fn::Sub': '${AWS::Partition} ${AWS::URLSuffix}' }, {}, { region })).toBe(
      `${partition} ${suffix}`,
    );
  });

  test('a region of no partition is refused', () => {
    expect(problemOf('x', {}, { region: 'us-esat1' })).toBe(
      'region us-esat1 is of no partition of AWS that is known | name a region, as in us-east-1',
    );
  });

  test('a name that is given is only taken where the template writes none', () => {
    const names = { App: 'given' };
    expect(specOf(stack({ App: role({ RoleName: NO_VALUE }) }), { names })['roleName']).toBe('given');
    expect(found(stack({ App: role({ RoleName: { 'Fn::Sub': 'a' } }) }), { names })).toEqual([
      'the template names App itself | leave the option out',
    ]);
  });

  test('no value that is given takes the place of a name or an ARN of the template', () => {
    const template = stack({
      App: role({ Description: { 'Fn::Sub': '${Other} ${Other.Arn}' } }),
      Other: role({ RoleName: 'other' }),
    });
    expect(found(template, { parameters: { Other: 'x', 'Other.Arn': 'y' } })).toEqual([
      'Other follows from what the template declares | leave the option out',
      'Other.Arn follows from what the template declares | leave the option out',
    ]);
  });

  test('what only AWS knows of an entity is given', () => {
    const template = stack({
      App: role({ Description: { 'Fn::GetAtt': 'Other.RoleId' } }),
      Other: role({ RoleName: 'o' }),
    });
    expect(specOf(template, { parameters: { 'Other.RoleId': 'AROA' } })['description']).toBe('AROA');
  });

  test('a path without a value is the root, also in an ARN', () => {
    const G = { Type: 'AWS::IAM::Group', Properties: { GroupName: 'g', Path: NO_VALUE } };
    const path = { 'Fn::Select': [5, { 'Fn::Split': [':', { 'Fn::GetAtt': 'G.Arn' }] }] };
    expect(specOf(stack({ App: role({ Description: path }), G }))['description']).toBe('group/g');
  });
});

describe('text that a manifest would take for its own', () => {
  const OURS = '\uFDD0zzz\uFDD1';

  test('in the template is refused, a default and a key among it', () => {
    const more = { Parameters: { P: { Type: 'String', Default: OURS } } };
    expect(problemOf({ Ref: 'P' }, more)).toBe('the text holds U+FDD0 or U+FDD1, which are no characters | remove it');
    expect(problemOf('x', { Mappings: { [OURS]: {} } })).toContain('the text holds U+FDD0');
  });

  test.each<[string, Options]>([
    ['--parameter', { parameters: { P: OURS } }],
    ['--resource-name', { names: { App: OURS } }],
    ['--secret', { secrets: { App: `file:${OURS}` } }],
    ['--stack-name', { stackName: OURS }],
  ])('in %s is refused', (_, options) => {
    expect(problemOf('x', { Parameters: { P: { Type: 'String' } } }, options)).toContain(
      'the value holds U+FDD0 or U+FDD1',
    );
  });
});

describe('attributes of resources', () => {
  test.each(['Retain', 'RetainExceptOnCreate'])(
    'DeletionPolicy: %s protects the entity and its password, and Delete takes the protection away',
    (DeletionPolicy) => {
      const Properties = { UserName: 'ann', LoginProfile: { Password: 'x' } };
      const template = stack({
        App: role({}, { DeletionPolicy }),
        Ann: { Type: 'AWS::IAM::User', DeletionPolicy, Properties },
        Free: role({ RoleName: 'b' }, { DeletionPolicy: 'Delete' }),
        Open: role({ RoleName: 'c' }),
      });
      const entities = entitiesOf(template, { secrets: { Ann: 'file:a' } });
      expect(entities.map(({ kind, protect }) => [kind, protect])).toEqual([
        ['Role', true],
        ['User', true],
        ['LoginProfile', true],
        ['Role', false],
        ['Role', undefined],
      ]);
    },
  );

  test('DeletionPolicy: Retain of a policy that becomes a part of a role is said to have no effect', () => {
    const Properties = { PolicyName: 'p', PolicyDocument: READ, Roles: ['app'] };
    const converted = convert(
      stack({ App: role(), P: { Type: 'AWS::IAM::Policy', DeletionPolicy: 'Retain', Properties } }),
    );
    expect(converted).toMatchObject({
      ok: true,
      warnings: [{ message: 'DeletionPolicy: Retain of P has no effect: it goes with what it belongs to' }],
    });
  });

  test.each<[object, string]>([
    [
      { DeletionPolicy: 'Snapsht' },
      'App has DeletionPolicy "Snapsht", which IAM resources do not support | write Delete or Retain or RetainExceptOnCreate',
    ],
    [
      { DeletionPolicy: 'Snapshot' },
      'App has DeletionPolicy "Snapshot", which IAM resources do not support | write Delete or Retain or RetainExceptOnCreate',
    ],
    [
      { DeletionPolicy: { 'Fn::If': ['C', 'Retain', 'Delete'] } },
      'App has a DeletionPolicy that is not a text, which IAM resources do not support | write Delete or Retain or RetainExceptOnCreate',
    ],
    [
      { UpdateReplacePolicy: 'retain' },
      'App has UpdateReplacePolicy "retain", which IAM resources do not support | write Delete or Retain',
    ],
    [{ condition: 'Not' }, 'a resource has no attribute "condition" | did you mean Condition?'],
    [{ Propertes: {} }, 'a resource has no attribute "Propertes" | did you mean Properties?'],
  ])('%j is refused', (more, expected) => {
    expect(found(stack({ App: role({}, more) }, HOLDS))).toEqual([expected]);
  });

  test.each(['AWS::Iam::Role', 'aws::iam::role', 'AWS:IAM::Role'])('the type %s is none of another service', (Type) => {
    expect(found(stack({ App: role(), B: { Type } }))).toEqual([
      `${Type} is not a known type | did you mean AWS::IAM::Role?`,
    ]);
  });

  test.each([
    ['Condition', 'the template has no section "Condition" | did you mean Conditions?'],
    ['Parameter', 'the template has no section "Parameter" | did you mean Parameters?'],
  ])('a section %s is refused', (section, expected) => {
    expect(found(stack({ App: role() }, { [section]: {} }))).toEqual([expected]);
  });

  test('an attribute of a parameter that is written in another case is refused: it may keep a secret', () => {
    const more = { Parameters: { P: { Type: 'String', Default: 'x', noEcho: true } } };
    expect(problemOf({ Ref: 'P' }, more)).toContain('a parameter has no attribute "noEcho" | did you mean NoEcho?');
  });
});

describe('references by value', () => {
  const arn = { 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/p' };
  const policy = (more: object = {}): object => ({
    Type: 'AWS::IAM::ManagedPolicy',
    Properties: { ManagedPolicyName: 'p', PolicyDocument: READ, ...more },
  });

  test.each([arn, `arn:aws:iam::${ACCOUNT}:policy/p`])('a role waits for the policy whose ARN %j is', (written) => {
    const Properties = { ManagedPolicyArns: [written], PermissionsBoundary: written };
    const [app] = entitiesOf(stack({ App: role(Properties, { DependsOn: 'P' }), P: policy() }));
    expect(app).toMatchObject({
      dependsOn: ['Policy/p'],
      spec: { managedPolicyArns: ['{{arn Policy/p}}'], permissionsBoundary: '{{arn Policy/p}}' },
    });
  });

  test('a policy that two places attach is attached once', () => {
    const [app] = entitiesOf(stack({ App: role({ ManagedPolicyArns: [arn] }), P: policy({ Roles: ['app'] }) }));
    expect(app?.spec['managedPolicyArns']).toEqual(['{{arn Policy/p}}']);
  });

  test('a target is found by its name, whichever way that is written', () => {
    const Properties = { PolicyName: 'x', PolicyDocument: READ, Roles: [`a-${ACCOUNT}`] };
    const app = role({ RoleName: { 'Fn::Sub': 'a-${AWS::AccountId}' } });
    const [entity] = entitiesOf(stack({ App: app, P: { Type: 'AWS::IAM::Policy', Properties } }));
    expect(entity?.spec['inlinePolicies']).toEqual({ x: READ });
  });

  test('a name in another case is that of the target, and becomes its spelling', () => {
    const Properties = { PolicyName: 'x', PolicyDocument: READ, Roles: ['APP'] };
    const entities = entitiesOf(
      stack({
        App: role(),
        P: { Type: 'AWS::IAM::Policy', Properties },
        I: { Type: 'AWS::IAM::InstanceProfile', Properties: { InstanceProfileName: 'i', Roles: ['App'] } },
        Ann: { Type: 'AWS::IAM::User', Properties: { UserName: 'ann', Groups: ['people'] } },
        People: { Type: 'AWS::IAM::Group', Properties: { GroupName: 'People' } },
        Add: { Type: 'AWS::IAM::UserToGroupAddition', Properties: { GroupName: 'PEOPLE', Users: ['Ann', 'Bob'] } },
      }),
    );
    const specs = Object.fromEntries(entities.map(({ kind, spec }) => [kind, spec]));
    expect(specs).toMatchObject({
      Role: { roleName: 'app', inlinePolicies: { x: READ } },
      InstanceProfile: { roles: ['app'] },
      Group: { groupName: 'People', users: ['ann', 'Bob'] },
    });
  });

  test('two inline policies are of one name, whichever way that is written', () => {
    const own = [{ PolicyName: { 'Fn::Sub': 'x-${AWS::AccountId}' }, PolicyDocument: READ }];
    const Properties = { PolicyName: `x-${ACCOUNT}`, PolicyDocument: READ, Roles: ['app'] };
    const problem = `App has two inline policies with the name "x-${ACCOUNT}" | rename one of them`;
    expect(found(stack({ App: role({ Policies: own }), P: { Type: 'AWS::IAM::Policy', Properties } }))).toEqual([
      problem,
    ]);
  });

  test('a circle of DependsOn is refused', () => {
    const template = stack({
      A: role({ RoleName: 'a' }, { DependsOn: ['B'] }),
      B: role({ RoleName: 'b' }, { DependsOn: 'A' }),
    });
    expect(found(template)).toEqual([
      expect.stringMatching(/^circular DependsOn: (A, B, A|B, A, B) \| remove one of these dependencies$/) as string,
    ]);
  });
});

describe('items of lists', () => {
  test.each<[object, string]>([
    [{ Tags: [{ Key: 'a', Value: ['x'] }] }, 'this is not a text | write a text'],
    [{ Tags: [{ Key: 'a', Value: { x: 'y' } }] }, 'this is not a text | write a text'],
    [{ Tags: [{ Key: 'a', Value: null }] }, 'this is not a text | write a text'],
    [{ Tags: [{ Key: 'a' }] }, 'invalid tags | write a list of Key and Value'],
    [{ Tags: { Key: 'a', Value: 'b' } }, 'invalid tags | write a list of Key and Value'],
    [
      { Tags: [{ Key: 'a', Value: 'b', PropagateAtLaunch: true }] },
      '"PropagateAtLaunch" is not known in tags | write only Key and Value',
    ],
    [
      { Policies: [{ PolicyName: 'p', PolicyDocument: READ, Roles: ['x'] }] },
      '"Roles" is not known in policies | write only PolicyName and PolicyDocument',
    ],
  ])('%j is refused', (properties, expected) => {
    expect(found(stack({ App: role(properties) }))).toEqual([expected]);
  });
});

describe('documents as text', () => {
  const text =
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:${AWS::Partition}:s3:::b"}]}';
  const policies = (PolicyDocument: unknown): object =>
    stack({ App: role({ Policies: [{ PolicyName: 'p', PolicyDocument }] }) });

  test('JSON that Fn::Sub writes is a document', () => {
    expect(specOf(policies({ 'Fn::Sub': text }))['inlinePolicies']).toMatchObject({
      p: { Statement: [{ Resource: 'arn:aws:s3:::b' }] },
    });
  });

  test.each([
    ['no JSON', 'text'],
    ['a list', '[]'],
    ['a reference to a file', '{"$file":"/etc/passwd"}'],
    ['a map that holds a reference to a file', '{"a":{"$file":"/etc/passwd"}}'],
    ['a map of 10,000 levels', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
  ])('text that is %s is refused', (_, document) => {
    expect(found(policies(document))).toEqual([
      'this is not a policy document | write a map with Version and Statement',
    ]);
  });
});

describe('functions and parameters', () => {
  test('the attribute of Fn::GetAtt can be a reference', () => {
    const more = { Parameters: { A: { Type: 'String', Default: 'RoleId' } } };
    expect(valueOf({ 'Fn::GetAtt': ['App', { Ref: 'A' }] }, more, { parameters: { 'App.RoleId': 'AROA' } })).toBe(
      'AROA',
    );
  });

  test('dynamic references in a list of a parameter are resolved', () => {
    const more = { Parameters: { L: { Type: 'CommaDelimitedList', Default: 'a,{{resolve:ssm:x}}' } } };
    const joined = { 'Fn::Join': ['+', { Ref: 'L' }] };
    expect(valueOf(joined, more, { parameters: { 'resolve:ssm:x': 'b' } })).toBe('a+b');
    expect(problemOf(joined, more)).toContain('{{resolve:ssm:x}} is known to AWS only');
  });

  test('the constraints of a parameter in Systems Manager are those of its name', () => {
    const P = { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/a', AllowedPattern: '/.*', MaxLength: 2 };
    const more = { Parameters: { P } };
    expect(valueOf({ Ref: 'P' }, more, { parameters: { P: 'value' } })).toBe('value');
    expect(problemOf({ Ref: 'P' }, more, { parameters: { P: '/a' } })).toBe(
      'parameter P has its value in AWS Systems Manager | give its value, not its name, with --parameter P=VALUE',
    );
  });

  test('a condition that has a problem is not said to be false', () => {
    const template = stack({
      App: role({ Description: { Ref: 'B' } }),
      B: role({ RoleName: 'b' }, { Condition: 'Missing' }),
    });
    expect(new Set(found(template))).toEqual(
      new Set(['the condition "Missing" is not declared | declare it under Conditions']),
    );
  });

  const equals = (left: unknown, right: unknown): object => ({ Conditions: { E: { 'Fn::Equals': [left, right] } } });
  test.each<[unknown, string, object]>([
    [{ 'Fn::Select': ['', ['a']] }, 'Fn::Select finds no item ""', {}],
    [{ 'Fn::Select': [' ', ['a']] }, 'Fn::Select finds no item " "', {}],
    [{ 'Fn::Select': ['-0', ['a']] }, 'Fn::Select finds no item "-0"', {}],
    [{ 'Fn::If': ['E', 'a', 'b'] }, 'Fn::Equals compares texts, and lists of them', equals({ a: 1 }, { b: 2 })],
    [{ 'Fn::If': ['E', 'a', 'b'] }, 'Fn::Equals compares texts, and lists of them', equals(null, '')],
    [{ Ref: 'P' }, 'parameter P has an unknown Type', { Parameters: { P: { Type: 'Strng', Default: 'a' } } }],
    [{ Ref: 'P' }, 'parameter P has an unknown Type', { Parameters: { P: { Default: 'a' } } }],
    [
      { 'Fn::Join': [',', { Ref: 'P' }] },
      'parameter P is "1,x", which is not a number',
      { Parameters: { P: { Type: 'List<Number>', Default: '1,x' } } },
    ],
    [
      { 'Fn::Sub': '${aws:username}' },
      '${aws:username} does not name a parameter or resource of the template | write ${!aws:username} for a variable of IAM',
      {},
    ],
  ])('%j is refused', (expression, expected, more) => {
    expect(problemOf(expression, more)).toContain(expected);
  });

  test('keys of a SAML provider that CloudFormation only shows or removes are said to have no effect', () => {
    const Properties = { Name: 'idp', SamlMetadataDocument: 'x'.repeat(1000), RemovePrivateKey: 'k' };
    expect(convert(stack({ Saml: { Type: 'AWS::IAM::SAMLProvider', Properties } }))).toMatchObject({
      ok: true,
      warnings: [{ message: 'RemovePrivateKey of Saml has no effect' }],
    });
  });
});

describe('one misspelling gives one problem, with what was meant', () => {
  const GROUP = '{ Type: AWS::IAM::Group, Condition: C, Properties: { GroupName: !Sub "${P}-g" } }';
  const TEMPLATE = `AWSTemplateFormatVersion: "2010-09-09"
Parameters: { P: { Type: String, Default: dev } }
Conditions: { C: !Equals [a, a] }
Resources:
  G: ${GROUP}
  U: { Type: AWS::IAM::User, Properties: { UserName: ann, Groups: [!Ref G] } }
  L: { Type: AWS::IAM::User, Properties: { UserName: bob, LoginProfile: { Password: x }, Tags: [{ Key: a, Value: b }] } }
  I:
    Type: AWS::IAM::GroupPolicy
    Properties: { GroupName: dev-g, PolicyName: p, PolicyDocument: { Version: "2012-10-17", Statement: [] } }
  R:
    Type: AWS::IAM::Role
    DependsOn: G
    Properties: { RoleName: r, Description: !GetAtt G.Arn, AssumeRolePolicyDocument: {} }
`;
  const options = { secrets: { L: 'file:bob' } };

  test('the template has no other problem', () => {
    expect(found(TEMPLATE, options)).toEqual([]);
  });

  test.each([
    ['Parameters:', 'Paramters:', 'the template has no section "Paramters" | did you mean Parameters?'],
    ['Conditions:', 'Condtions:', 'the template has no section "Condtions" | did you mean Conditions?'],
    ['Resources:', 'Resorces:', 'the template has no section "Resorces" | did you mean Resources?'],
    ['Type: String', 'Typ: String', 'a parameter has no attribute "Typ" | did you mean Type?'],
    ['Type: String', 'Type: Strng', 'parameter P has an unknown Type | did you mean String?'],
    ['Default: dev', 'Defualt: dev', 'a parameter has no attribute "Defualt" | did you mean Default?'],
    ['!Equals', '!Equalz', 'the function Fn::Equalz is not known in a condition | did you mean Fn::Equals?'],
    ['Condition: C', 'Conditon: C', 'a resource has no attribute "Conditon" | did you mean Condition?'],
    ['Type: AWS::IAM::Group,', 'Typ: AWS::IAM::Group,', 'a resource has no attribute "Typ" | did you mean Type?'],
    ['AWS::IAM::Group,', 'AWS::IAM::Gruop,', 'AWS::IAM::Gruop is not a known type | did you mean AWS::IAM::Group?'],
    [
      'Properties: { GroupName: !',
      'Propertis: { GroupName: !',
      'a resource has no attribute "Propertis" | did you mean Properties?',
    ],
    ['GroupName: !', 'GruopName: !', 'AWS::IAM::Group has no property "GruopName" | did you mean GroupName?'],
    ['RoleName: r', 'RolName: r', 'AWS::IAM::Role has no property "RolName" | did you mean RoleName?'],
    ['PolicyName: p', 'PolicyNam: p', 'AWS::IAM::GroupPolicy has no property "PolicyNam" | did you mean PolicyName?'],
    ['GroupName: dev', 'GroupNam: dev', 'AWS::IAM::GroupPolicy has no property "GroupNam" | did you mean GroupName?'],
    ['Password: x', 'Pasword: x', 'LoginProfile has no property "Pasword" | did you mean Password?'],
    ['Key: a', 'Kye: a', '"Kye" is not known in tags | did you mean Key?'],
    ['!Sub', '!Subb', 'the function Fn::Subb is not known | did you mean Fn::Sub?'],
    ['!Ref G', '!Reff G', 'the function Fn::Reff is not known | did you mean Ref?'],
    ['G.Arn', 'G.Arnn', 'AWS::IAM::Group has no attribute "Arnn" | did you mean Arn?'],
    [`G: ${GROUP}`, 'G: text', 'resource G is not a map | write Type and Properties'],
  ])('%s as %s', (right, wrong, expected) => {
    expect(TEMPLATE).toContain(right);
    expect(found(TEMPLATE.replace(right, wrong), options)).toEqual([expected]);
  });
});
