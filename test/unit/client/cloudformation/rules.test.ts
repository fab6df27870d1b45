import type { JsonObject } from '../../../../src/contract/entity.js';
import {
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
    'DeletionPolicy: %s protects the entity and its password',
    (DeletionPolicy) => {
      const Properties = { UserName: 'ann', LoginProfile: { Password: 'x' } };
      const template = stack({
        App: role({}, { DeletionPolicy }),
        Ann: { Type: 'AWS::IAM::User', DeletionPolicy, Properties },
        Free: role({ RoleName: 'b' }, { DeletionPolicy: 'Delete' }),
      });
      const entities = entitiesOf(template, { secrets: { Ann: 'file:a' } });
      expect(entities.map(({ kind, protect }) => [kind, protect])).toEqual([
        ['Role', true],
        ['User', true],
        ['LoginProfile', true],
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
      'the DeletionPolicy of App is none that a resource of IAM can have | write Delete, Retain, RetainExceptOnCreate',
    ],
    [
      { DeletionPolicy: 'Snapshot' },
      'the DeletionPolicy of App is none that a resource of IAM can have | write Delete, Retain, RetainExceptOnCreate',
    ],
    [
      { DeletionPolicy: { 'Fn::If': ['C', 'Retain', 'Delete'] } },
      'the DeletionPolicy of App is none that a resource of IAM can have | write Delete, Retain, RetainExceptOnCreate',
    ],
    [
      { UpdateReplacePolicy: 'retain' },
      'the UpdateReplacePolicy of App is none that a resource of IAM can have | write Delete, Retain',
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
