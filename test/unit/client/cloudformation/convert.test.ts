import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../../../src/contract/entity.js';
import { CERTIFICATE } from '../../../support/kind-fixtures/certificates.js';
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
  TRUST,
  valueOf,
  type Options,
} from '../../../support/templates.js';
import bootstrap from '../../fixtures/cdk-bootstrap-roles.json';

/** CloudFormation templates as manifests. */

/** Leaves out what a role does not have: a template does not write it. */
function withoutEmpty(spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => !['[]', '{}'].includes(JSON.stringify(value))));
}

describe('the bootstrap template of the CDK', () => {
  const text = readFileSync(join(__dirname, 'templates/cdk-bootstrap-27.yaml'), 'utf8');
  const assets = `arn:aws:s3:::cdk-hnb659fds-assets-${ACCOUNT}-us-east-1`;
  const options = {
    region: 'us-east-1',
    parameters: {
      FileAssetsBucketKmsKeyId: 'AWS_MANAGED_KEY',
      'StagingBucket.Arn': assets,
      'ContainerAssetsRepository.Arn': `arn:aws:ecr:us-east-1:${ACCOUNT}:repository/cdk-hnb659fds-container-assets-${ACCOUNT}-us-east-1`,
      CdkBootstrapVersion: '/cdk-bootstrap/hnb659fds/version',
    },
  };

  test('gives the roles that were worked out by hand', () => {
    const found = entitiesOf(text, options).map(({ spec }) => spec);
    const byName = (a: JsonObject, b: JsonObject): number =>
      JSON.stringify(a['roleName']) < JSON.stringify(b['roleName']) ? -1 : 1;
    const resolved = JSON.parse(
      JSON.stringify(found).replace(/\{\{arn Role\/([^{}]+)\}\}/g, `arn:aws:iam::${ACCOUNT}:role/$1`),
    ) as JsonObject[];
    expect(resolved.sort(byName)).toEqual(
      (bootstrap.roles as unknown as JsonObject[]).map(withoutEmpty).toSorted(byName),
    );
  });

  test('counts what is left out', () => {
    const converted = convert(text, options);
    expect(converted.ok && Object.fromEntries(converted.ignored)).toEqual({
      'AWS::KMS::Key': 1,
      'AWS::KMS::Alias': 1,
      'AWS::S3::Bucket': 1,
      'AWS::S3::BucketPolicy': 1,
      'AWS::ECR::Repository': 1,
      'AWS::SSM::Parameter': 1,
    });
  });

  test('names each value of other services that is needed, with its option', () => {
    const problems = problemsOf(text, {
      region: 'us-east-1',
      parameters: { FileAssetsBucketKmsKeyId: 'AWS_MANAGED_KEY' },
    });
    expect(new Set(problems.map((problem) => problem.replace(/^\d+:\d+ /, '')))).toEqual(
      new Set([
        'StagingBucket (AWS::S3::Bucket) becomes no entity | give the value with --parameter StagingBucket.Arn=VALUE',
        'ContainerAssetsRepository (AWS::ECR::Repository) becomes no entity | give the value with --parameter ContainerAssetsRepository.Arn=VALUE',
        'CdkBootstrapVersion (AWS::SSM::Parameter) becomes no entity | give the value with --parameter CdkBootstrapVersion=VALUE',
      ]),
    );
  });
});

test('what the CDK synthesizes gives the entities that its program declares', () => {
  const text = readFileSync(join(__dirname, 'templates/cdk-roles.json'), 'utf8');
  expect(problemsOf(text)).toEqual([
    '180:5 C375D67C5 has no RoleName: CloudFormation makes one up, with a random part | give it with --resource-name C375D67C5=NAME',
  ]);
  const entities = entitiesOf(text, { names: { C375D67C5: 'ci' } });
  expect(entities.map(({ kind, name, dependsOn }) => [`${kind}/${name}`, ...dependsOn])).toEqual([
    ['Role/a', 'Policy/m'],
    ['Role/b', 'Role/a'],
    ['Group/g', 'Policy/m', 'User/u'],
    ['User/u'],
    ['Policy/m'],
    ['OpenIDConnectProvider/token.actions.githubusercontent.com'],
    ['Role/ci', 'OpenIDConnectProvider/token.actions.githubusercontent.com'],
    ['InstanceProfile/ip', 'Role/a'],
  ]);
});

describe('functions', () => {
  test.each<[string, unknown, string, object?, Options?]>([
    ['Ref of a parameter', { Ref: 'Stage' }, 'prod', { Parameters: { Stage: { Type: 'String', Default: 'prod' } } }],
    ['Ref of the account', { Ref: 'AWS::AccountId' }, ACCOUNT],
    ['Ref of the partition', { Ref: 'AWS::Partition' }, 'aws'],
    ['Ref of the partition of a region', { Ref: 'AWS::Partition' }, 'aws-cn', {}, { region: 'cn-north-1' }],
    ['Ref of the region', { Ref: 'AWS::Region' }, 'eu-west-1', {}, { region: 'eu-west-1' }],
    ['Ref of the name of the stack', { Ref: 'AWS::StackName' }, 'web', {}, { stackName: 'web' }],
    ['Ref of what only AWS knows', { Ref: 'AWS::StackId' }, 'id', {}, { parameters: { 'AWS::StackId': 'id' } }],
    ['Ref of the suffix of URLs', { Ref: 'AWS::URLSuffix' }, 'amazonaws.com.cn', {}, { region: 'cn-north-1' }],
    ['Ref of another resource that is given', { Ref: 'Bucket' }, 'b', {}, { parameters: { Bucket: 'b' } }],
    [
      'Sub',
      { 'Fn::Sub': '${Stage}-${AWS::AccountId}-${!aws:username}' },
      `prod-${ACCOUNT}-\${aws:username}`,
      { Parameters: { Stage: { Type: 'String', Default: 'prod' } } },
    ],
    ['Sub with values', { 'Fn::Sub': ['${a}${b}', { a: 'x', b: { Ref: 'AWS::Partition' } }] }, 'xaws'],
    ['Sub with braces around', { 'Fn::Sub': '{{a}} {${AWS::AccountId}}' }, `{{a}} {${ACCOUNT}}`],
    ['Join', { 'Fn::Join': ['-', ['a', { Ref: 'AWS::AccountId' }, { Ref: 'AWS::NoValue' }]] }, `a-${ACCOUNT}`],
    [
      'Select of a split ARN',
      { 'Fn::Select': [4, { 'Fn::Split': [':', { 'Fn::GetAtt': ['Other', 'Arn'] }] }] },
      ACCOUNT,
    ],
    [
      'Select of the name in an ARN',
      { 'Fn::Select': ['2', { 'Fn::Split': ['/', { 'Fn::GetAtt': 'Other.Arn' }] }] },
      'other',
    ],
    [
      'If',
      { 'Fn::If': ['Prod', 'yes', { Ref: 'Nothing' }] },
      'yes',
      { Conditions: { Prod: { 'Fn::Equals': ['a', 'a'] } } },
    ],
    [
      'FindInMap',
      { 'Fn::FindInMap': ['Accounts', { Ref: 'AWS::AccountId' }, 'Name'] },
      'main',
      { Mappings: { Accounts: { [ACCOUNT]: { Name: 'main' } } } },
    ],
    [
      'ImportValue',
      { 'Fn::ImportValue': { 'Fn::Sub': 'net-${AWS::Partition}' } },
      'vpc-1',
      {},
      { parameters: { 'net-aws': 'vpc-1' } },
    ],
    [
      'a list of a parameter',
      { 'Fn::Join': ['+', { Ref: 'L' }] },
      'a+b',
      { Parameters: { L: { Type: 'CommaDelimitedList', Default: 'a, b' } } },
    ],
  ])('%s', (_, expression, expected, more = {}, options = {}) => {
    const template = stack(
      {
        App: role({ Description: expression }),
        Other: role({ RoleName: 'other', Path: '/ci/' }),
        Bucket: { Type: 'AWS::S3::Bucket' },
      },
      more,
    );
    expect(specOf(template, options)['description']).toBe(expected);
  });

  test.each([
    [{ 'Fn::Equals': [{ Ref: 'AWS::AccountId' }, ACCOUNT] }, true],
    [{ 'Fn::Equals': [{ Ref: 'AWS::AccountId' }, '222222222222'] }, false],
    [{ 'Fn::Not': [{ Condition: 'Yes' }] }, false],
    [{ 'Fn::And': [{ Condition: 'Yes' }, { 'Fn::Equals': ['a', 'b'] }] }, false],
    [{ 'Fn::Or': [{ 'Fn::Equals': ['a', 'b'] }, { Condition: 'Yes' }] }, true],
  ])('the condition %j is %s', (condition, expected) => {
    const more = { Conditions: { Yes: { 'Fn::Equals': ['a', 'a'] }, Asked: condition } };
    expect(valueOf({ 'Fn::If': ['Asked', 'true', 'false'] }, more)).toBe(String(expected));
  });

  test('short tags of YAML mean the same', () => {
    const yaml = `
Parameters: { Stage: { Type: String, Default: dev } }
Conditions:
  Dev: !Equals [!Ref Stage, dev]
  Both: !And [!Condition Dev, !Not [!Equals [a, b]]]
  Any: !Or [!Condition Both, !Condition Dev]
Mappings: { M: { aws: { v: mapped } } }
Resources:
  App:
    Type: AWS::IAM::Role
    Condition: Any
    Properties:
      RoleName: !Join ['-', [app, !Select [0, !Split [',', 'x,y']], !FindInMap [M, !Ref AWS::Partition, v]]]
      Description: !If [Both, !Sub '\${Stage} role', !Ref AWS::NoValue]
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: sts:AssumeRole, Principal: { AWS: '012345678901' } }
      ManagedPolicyArns: [!Ref Read, !ImportValue shared]
  Read:
    Type: AWS::IAM::ManagedPolicy
    Properties: { ManagedPolicyName: read, PolicyDocument: { Version: 2012-10-17, Statement: { Effect: Allow, Action: 's3:*', Resource: !GetAtt App.Arn } } }
`;
    const [app, read] = entitiesOf(yaml, { parameters: { shared: `arn:aws:iam::${ACCOUNT}:policy/shared` } });
    expect(app?.spec).toMatchObject({
      roleName: 'app-x-mapped',
      description: 'dev role',
      assumeRolePolicyDocument: { Version: '2012-10-17', Statement: { Principal: { AWS: '012345678901' } } },
      managedPolicyArns: ['{{arn Policy/read}}', `arn:aws:iam::${ACCOUNT}:policy/shared`],
    });
    // The role needs the policy, so that the policy names the role without waiting for it.
    expect(app?.dependsOn).toEqual(['Policy/read']);
    expect(read?.spec).toMatchObject({
      policyDocument: { Statement: { Resource: `arn:aws:iam::${ACCOUNT}:role/app-x-mapped` } },
    });
    expect(read?.dependsOn).toEqual([]);
  });

  test.each<[unknown, string, object?, Options?]>([
    [{ Ref: 'Buckt' }, '"Buckt" is no parameter or resource of the template | declare it; known are App'],
    [
      { 'Fn::GetAtt': ['App', 'RoleId'] },
      'App.RoleId is known to AWS only | give the value with --parameter App.RoleId=VALUE',
    ],
    [
      { 'Fn::GetAtt': 'App' },
      'Fn::GetAtt takes a logical ID and an attribute | write LogicalId.Attribute, as in DeployRole.Arn',
    ],
    [{ Ref: 'AWS::Region' }, 'AWS::Region has no value | give it with --region REGION'],
    [{ Ref: 'AWS::StackName' }, 'AWS::StackName has no value | give it with --stack-name NAME'],
    [{ Ref: 'AWS::StackId' }, 'AWS::StackId is known to AWS only | give it with --parameter AWS::StackId=VALUE'],
    [{ 'Fn::ImportValue': 'x y' }, `the export "x y" is known to AWS only | give it with --parameter 'x y=VALUE'`],
    [{ 'Fn::Base64': 'x' }, 'Fn::Base64 cannot be evaluated: no property of IAM takes it | write the value itself'],
    [{ 'Fn::GetAZs': '' }, 'Fn::GetAZs cannot be evaluated: AWS knows the zones of a region | write the value itself'],
    [
      { 'Fn::Transform': { Name: 'X' } },
      'Fn::Transform cannot be evaluated: AWS runs macros when a stack is made | write the value itself',
    ],
    [
      { 'Fn::Length': [] },
      'Fn::Length cannot be evaluated: it needs the transform AWS::LanguageExtensions, which AWS runs | write the value itself',
    ],
    [{ 'Fn::Jion': ['', []] }, 'the function Fn::Jion is not known | did you mean Fn::Join?'],
    [{ 'Fn::Join': [''] }, 'Fn::Join takes 2 arguments | write [delimiter, list]'],
    [{ 'Fn::Select': ['3', ['a']] }, 'Fn::Select finds no item "3" | give an index from 0 and a list that has it'],
    [
      { 'Fn::If': ['Prd', 'a', 'b'] },
      'the condition "Prd" is not declared | did you mean Prod?',
      { Conditions: { Prod: { 'Fn::Equals': ['a', 'a'] } } },
    ],
    [
      { 'Fn::If': ['A', 'a', 'b'] },
      'the condition "A" depends on itself | take one of the uses away',
      { Conditions: { A: { 'Fn::Not': [{ Condition: 'A' }] } } },
    ],
    [
      { 'Fn::If': ['A', 'a', 'b'] },
      'this is not a condition | write Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition with their arguments',
      { Conditions: { A: 'true' } },
    ],
    [
      { 'Fn::FindInMap': ['M', 'aws', 'b'] },
      'Fn::FindInMap finds no key "aws" | add it to Mappings; known are aws-cn',
      { Mappings: { M: { 'aws-cn': {} } } },
    ],
    [
      { 'Fn::Sub': '${L}' },
      '${L} is not a text | use Fn::Join for a list',
      { Parameters: { L: { Type: 'CommaDelimitedList', Default: 'a,b' } } },
    ],
    [['a'], 'this is not a text | write a text'],
    [
      { Ref: 'P' },
      'parameter P has no value | give it with --parameter P=VALUE',
      { Parameters: { P: { Type: 'String' } } },
    ],
    [
      { Ref: 'P' },
      'parameter P is "c", and the template allows "a", "b" | give another value',
      { Parameters: { P: { Type: 'String', AllowedValues: ['a', 'b'] } } },
      { parameters: { P: 'c' } },
    ],
    [
      { Ref: 'P' },
      'parameter P is "c9": it has to match [a-z]+ | give another value',
      { Parameters: { P: { Type: 'String', AllowedPattern: '[a-z]+' } } },
      { parameters: { P: 'c9' } },
    ],
    [
      { Ref: 'P' },
      'parameter P is "x", which is not a number | give another value',
      { Parameters: { P: { Type: 'Number' } } },
      { parameters: { P: 'x' } },
    ],
    [
      { Ref: 'P' },
      'parameter P is "9", more than 5 | give another value',
      { Parameters: { P: { Type: 'Number', MaxValue: 5 } } },
      { parameters: { P: '9' } },
    ],
    [
      { Ref: 'P' },
      'parameter P is "ab", less than 3 | give another value',
      { Parameters: { P: { Type: 'String', MinLength: 3 } } },
      { parameters: { P: 'ab' } },
    ],
    [
      { Ref: 'P' },
      'parameter P has its value in AWS Systems Manager | give its value, not its name, with --parameter P=VALUE',
      { Parameters: { P: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/a' } } },
    ],
    [
      { Ref: 'P' },
      'parameter P is NoEcho, and a manifest would hold its value in plain text | declare the secret by its location with --secret, or take NoEcho away',
      { Parameters: { P: { Type: 'String', NoEcho: true } } },
      { parameters: { P: 'x' } },
    ],
    [
      'x',
      'the template has no parameter "Stge" | did you mean Stage?',
      { Parameters: { Stage: { Type: 'String', Default: 'a' } } },
      { parameters: { Stge: 'b' } },
    ],
    [
      'x',
      '"Bpp" does not name a resource that takes --resource-name | name a resource of the template',
      {},
      { names: { Bpp: 'b' } },
    ],
    ['x', 'the template names App itself | leave the option out', {}, { names: { App: 'b' } }],
    [
      'x',
      '"App" does not name a resource that takes --secret | name a resource of the template',
      {},
      { secrets: { App: 'file:a' } },
    ],
  ])('%j is refused', (expression, expected, more = {}, options = {}) => {
    expect(problemOf(expression, more, options)).toBe(expected);
  });

  test('a reference to a resource whose condition does not hold is refused', () => {
    const template = stack(
      { App: role({ Description: { Ref: 'Other' } }), Other: role({ RoleName: 'o' }, { Condition: 'No' }) },
      { Conditions: { No: { 'Fn::Equals': ['a', 'b'] } } },
    );
    expect(problemsOf(template)[0]).toContain('Other is referred to, but its condition No does not hold');
  });
});

describe('types', () => {
  test('a role with everything', () => {
    const properties = {
      Path: '/ci/',
      Description: 'text',
      MaxSessionDuration: '7200',
      PermissionsBoundary: { Ref: 'Boundary' },
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
      Policies: [{ PolicyName: 'p', PolicyDocument: READ }],
      Tags: [{ Key: 'team', Value: { Ref: 'AWS::AccountId' } }],
    };
    const boundary = {
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: { ManagedPolicyName: 'b', Description: 'd', Path: '/x/', PolicyDocument: READ },
    };
    const [app, policy] = entitiesOf(stack({ App: role(properties), Boundary: boundary }));
    expect(app?.spec).toEqual({
      roleName: 'app',
      path: '/ci/',
      description: 'text',
      assumeRolePolicyDocument: TRUST,
      maxSessionDuration: 7200,
      permissionsBoundary: '{{arn Policy/b}}',
      managedPolicyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
      inlinePolicies: { p: READ },
      tags: { team: ACCOUNT },
    });
    expect(policy?.spec).toEqual({ policyName: 'b', description: 'd', path: '/x/', policyDocument: READ });
  });

  test('policies and attachments go to what they are attached to, and members to their groups', () => {
    const entities = entitiesOf(
      stack({
        App: role(),
        Ann: { Type: 'AWS::IAM::User', Properties: { UserName: 'ann', Groups: [{ Ref: 'Ops' }] } },
        Bob: { Type: 'AWS::IAM::User', Properties: { UserName: 'bob' } },
        Ops: { Type: 'AWS::IAM::Group', Properties: { GroupName: 'ops' } },
        Inline: {
          Type: 'AWS::IAM::Policy',
          Properties: {
            PolicyName: 'i',
            PolicyDocument: READ,
            Roles: [{ Ref: 'App' }],
            Users: ['ann'],
            Groups: ['ops'],
          },
        },
        RoleOnly: {
          Type: 'AWS::IAM::RolePolicy',
          Properties: { PolicyName: 'r', PolicyDocument: READ, RoleName: { Ref: 'App' } },
        },
        UserOnly: {
          Type: 'AWS::IAM::UserPolicy',
          Properties: { PolicyName: 'u', PolicyDocument: READ, UserName: { Ref: 'Bob' } },
        },
        GroupOnly: {
          Type: 'AWS::IAM::GroupPolicy',
          Properties: { PolicyName: 'g', PolicyDocument: READ, GroupName: { Ref: 'Ops' } },
        },
        Managed: {
          Type: 'AWS::IAM::ManagedPolicy',
          Properties: {
            ManagedPolicyName: 'm',
            PolicyDocument: READ,
            Roles: [{ Ref: 'App' }],
            Users: [{ Ref: 'Bob' }],
            Groups: [{ Ref: 'Ops' }],
          },
        },
        Members: {
          Type: 'AWS::IAM::UserToGroupAddition',
          Properties: { GroupName: { Ref: 'Ops' }, Users: [{ Ref: 'Bob' }] },
        },
      }),
    );
    expect(Object.fromEntries(entities.map(({ kind, name, spec }) => [`${kind}/${name}`, spec]))).toEqual({
      'Role/app': {
        roleName: 'app',
        assumeRolePolicyDocument: TRUST,
        inlinePolicies: { i: READ, r: READ },
        managedPolicyArns: ['{{arn Policy/m}}'],
      },
      'User/ann': { userName: 'ann', inlinePolicies: { i: READ } },
      'User/bob': { userName: 'bob', inlinePolicies: { u: READ }, managedPolicyArns: ['{{arn Policy/m}}'] },
      'Group/ops': {
        groupName: 'ops',
        inlinePolicies: { i: READ, g: READ },
        managedPolicyArns: ['{{arn Policy/m}}'],
        users: ['ann', 'bob'],
      },
      'Policy/m': { policyName: 'm', policyDocument: READ },
    });
  });

  test('the other types', () => {
    const metadata = `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${'x'.repeat(1000)}</EntityDescriptor>`;
    const entities = entitiesOf(
      stack(
        {
          App: role({
            AssumeRolePolicyDocument: {
              Version: '2012-10-17',
              Statement: {
                Effect: 'Allow',
                Action: 'sts:AssumeRoleWithWebIdentity',
                Principal: { Federated: { Ref: 'Oidc' } },
                Condition: { StringEquals: { 'gitlab.example.com:aud': 'x' } },
              },
            },
          }),
          Ann: {
            Type: 'AWS::IAM::User',
            Properties: { UserName: 'ann', LoginProfile: { Password: 'unseen-Value-9', PasswordResetRequired: true } },
          },
          Profile: {
            Type: 'AWS::IAM::InstanceProfile',
            Properties: { InstanceProfileName: 'ip', Path: '/', Roles: [{ Ref: 'App' }] },
          },
          Oidc: {
            Type: 'AWS::IAM::OIDCProvider',
            Properties: { Url: 'https://gitlab.example.com', ClientIdList: ['x'] },
          },
          Saml: { Type: 'AWS::IAM::SAMLProvider', Properties: { Name: 'idp', SamlMetadataDocument: metadata } },
          Certificate: {
            Type: 'AWS::IAM::ServerCertificate',
            Properties: { ServerCertificateName: 'cert', CertificateBody: CERTIFICATE, PrivateKey: { Ref: 'Key' } },
          },
          Linked: {
            Type: 'AWS::IAM::ServiceLinkedRole',
            Properties: { AWSServiceName: 'autoscaling.amazonaws.com', Description: 'd' },
          },
          AnnKey: {
            Type: 'AWS::IAM::AccessKey',
            Properties: { UserName: { Ref: 'Ann' }, Status: 'Active', Serial: 1 },
          },
          Device: {
            Type: 'AWS::IAM::VirtualMFADevice',
            Properties: { VirtualMfaDeviceName: 'phone', Path: '/p/', Users: [{ Ref: 'Ann' }] },
          },
        },
        { Parameters: { Key: { Type: 'String', NoEcho: true } } },
      ),
      {
        secrets: {
          Ann: 'file:ann',
          Certificate: 'secretsManager:tls/key',
          AnnKey: 'secretsManager:ann',
          Device: 'file:seed',
        },
      },
    );
    expect(Object.fromEntries(entities.slice(1).map(({ kind, spec }) => [kind, spec]))).toEqual({
      User: { userName: 'ann' },
      LoginProfile: { userName: 'ann', secret: { file: 'ann' }, passwordResetRequired: true },
      InstanceProfile: { instanceProfileName: 'ip', path: '/', roles: ['app'] },
      OpenIDConnectProvider: { url: 'https://gitlab.example.com', clientIdList: ['x'] },
      SAMLProvider: { name: 'idp', samlMetadataDocument: metadata },
      ServerCertificate: {
        serverCertificateName: 'cert',
        certificateBody: CERTIFICATE,
        privateKey: { secretsManager: 'tls/key' },
      },
      ServiceLinkedRole: { awsServiceName: 'autoscaling.amazonaws.com', description: 'd' },
      AccessKey: { userName: 'ann', status: 'Active', secret: { secretsManager: 'ann' } },
      VirtualMFADevice: { virtualMfaDeviceName: 'phone', path: '/p/', userName: 'ann', secret: { file: 'seed' } },
    });
    expect(entities[0]?.dependsOn).toEqual(['OpenIDConnectProvider/gitlab.example.com']);
  });

  test('the attributes that are ARNs', () => {
    const arns = [
      ['Group', 'Arn'],
      ['Profile', 'Arn'],
      ['User', 'Arn'],
      ['Device', 'SerialNumber'],
    ].map((parts) => ({ 'Fn::GetAtt': parts }));
    const document = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: 'iam:*', Resource: arns } };
    const [app] = entitiesOf(
      stack({
        App: role({ Policies: [{ PolicyName: 'p', PolicyDocument: document }] }),
        Group: { Type: 'AWS::IAM::Group', Properties: { GroupName: 'g' } },
        User: { Type: 'AWS::IAM::User', Properties: { UserName: 'u' } },
        Profile: {
          Type: 'AWS::IAM::InstanceProfile',
          Properties: { InstanceProfileName: 'ip', Roles: [{ Ref: 'App' }] },
        },
        Device: { Type: 'AWS::IAM::VirtualMFADevice', Properties: { VirtualMfaDeviceName: 'd', Path: '/p/' } },
      }),
      { secrets: { Device: 'file:seed' } },
    );
    // The instance profile waits for the role.
    expect(app?.spec['inlinePolicies']).toMatchObject({
      p: {
        Statement: {
          Resource: [
            '{{arn Group/g}}',
            `arn:aws:iam::${ACCOUNT}:instance-profile/ip`,
            '{{arn User/u}}',
            '{{arn VirtualMFADevice/p/d}}',
          ],
        },
      },
    });
  });

  test('a resource whose condition does not hold is no entity', () => {
    const template = stack(
      { App: role(), Other: role({ RoleName: 'o', Description: { Ref: 'AWS::Region' } }, { Condition: 'No' }) },
      { Conditions: { No: { 'Fn::Equals': ['a', 'b'] } } },
    );
    expect(entitiesOf(template).map(({ name }) => name)).toEqual(['app']);
  });

  test('a name that CloudFormation would make up is asked for, and taken', () => {
    const template = stack({ App: role({ RoleName: { Ref: 'AWS::NoValue' } }) });
    expect(problemsOf(template)).toEqual([
      '3:5 App has no RoleName: CloudFormation makes one up, with a random part | give it with --resource-name App=NAME',
    ]);
    expect(specOf(template, { names: { App: 'given' } })['roleName']).toBe('given');
  });

  test('the manifest is written as capture writes one, and shows where an entity comes from, and a DeletionPolicy', () => {
    const ManagedPolicyArns = ['arn:aws:iam::aws:policy/ReadOnlyAccess', 'arn:aws-cn:iam::aws:policy/ReadOnlyAccess'];
    const converted = convert(stack({ App: role({ ManagedPolicyArns }, { DeletionPolicy: 'Retain' }) }));
    expect(converted.ok && converted.manifest)
      .toBe(`# yaml-language-server: $schema=./node_modules/@iam-bootstrap/iam-bootstrap/schema/manifest.schema.json

# Converted from stack.yaml

version: 1
namespace: stack
environments:
  default: { account: '111111111111' }
entities:
  # App
  - kind: Role
    roleName: app
    assumeRolePolicyDocument:
      Version: '2012-10-17'
      Statement:
        - Effect: Allow
          Action: sts:AssumeRole
          Principal: { Service: ec2.amazonaws.com }
    managedPolicyArns:
      - arn:{{partition}}:iam::aws:policy/ReadOnlyAccess
      - arn:aws-cn:iam::aws:policy/ReadOnlyAccess
    protect: true
`);
  });
});

describe('bad input', () => {
  test.each<[string, string, string[]]>([
    [
      'a manifest',
      'version: 1',
      [
        '1:1 this is no CloudFormation template: it has no Resources | name a template, as in cdk.out/NAME.template.json',
      ],
    ],
    [
      'a tag that is not known',
      'Resources: { A: { Type: AWS::IAM::Group, Properties: { GroupName: !Foo x } } }',
      [
        '1:72 the function Fn::Foo is not known | write the value itself; known are Ref, Fn::GetAtt, Fn::Sub, Fn::Join, Fn::Split, Fn::Select, Fn::If, Fn::FindInMap, Fn::ImportValue',
      ],
    ],
    [
      'no resource of IAM',
      'Resources: { B: { Type: AWS::S3::Bucket } }',
      ['1:1 the template creates no IAM entity | name a template with AWS::IAM::Role'],
    ],
    [
      'a resource without a type',
      'Resources: { B: {} }',
      ['1:17 resource B has no Type | write its type, as in Type: AWS::IAM::Role'],
    ],
    [
      'a type that is not known',
      'Resources: { B: { Type: AWS::IAM::Rol } }',
      ['1:14 AWS::IAM::Rol is not a known type | did you mean AWS::IAM::Role?'],
    ],
    [
      'a property that is not known',
      'Resources:\n  B:\n    Type: AWS::IAM::Group\n    Properties: { GroupName: b, Pth: / }',
      ['4:33 AWS::IAM::Group has no property "Pth" | did you mean Path?'],
    ],
    [
      'a parameter that is no map',
      'Parameters: { P: 1 }\nResources: { B: { Type: AWS::IAM::Group, Properties: { GroupName: b } } }',
      ['1:15 parameter P is not a map | write Type, and Default if it has one'],
    ],
    [
      'a condition that is no name',
      'Resources: { B: { Type: AWS::IAM::Group, Condition: [a], Properties: { GroupName: b } } }',
      ['1:17 the Condition of B is not a name | write the name of a condition'],
    ],
    [
      'names that every object of JavaScript has',
      'Resources:\n  B:\n    Type: AWS::IAM::Group\n    Properties: { GroupName: !GetAtt C.Arn, constructor: / }\n  C: { Type: toString }',
      [
        '4:38 C (toString) becomes no entity | give the value with --parameter C.Arn=VALUE',
        '4:45 AWS::IAM::Group has no property "constructor" | remove it; known are GroupName, Path, ManagedPolicyArns, Policies',
      ],
    ],
    [
      'a dependency that is missing',
      'Resources:\n  B: { Type: AWS::IAM::Group, DependsOn: C, Properties: { GroupName: b } }',
      ['2:42 DependsOn names "C", which is missing | name a resource of the template; known are B'],
    ],
    [
      'a key that is written twice',
      'Resources: {}\nResources: {}',
      ['2:1 "Resources" appears twice in one map, first on line 1 | remove one of them'],
    ],
  ])('%s', (_, template, expected) => {
    expect(problemsOf(template)).toEqual(expected);
  });

  test.each(['AWS::LanguageExtensions', 'AWS::Serverless-2016-10-31', 'MyMacro'])(
    'the transform %s is refused by name',
    (name) => {
      const template = stack({ App: role() }, { Transform: ['AWS::Include', name].slice(1) });
      expect(problemsOf(template)[0]).toContain(
        `the transform ${name} cannot be applied: AWS runs it when a stack is made | convert the processed template`,
      );
    },
  );

  test('Fn::ForEach is refused', () => {
    expect(problemsOf(stack({ 'Fn::ForEach::Roles': [] }))[0]).toContain(
      'Fn::ForEach::Roles needs the transform AWS::LanguageExtensions',
    );
  });

  const MACRO = { Name: 'AWS::Include', Parameters: { Location: 's3://templates/roles.yaml' } };
  test.each<[string, object]>([
    ['of the template', { Resources: { App: role() }, 'Fn::Transform': MACRO }],
    ['of parameters', { Resources: { App: role() }, Parameters: { 'Fn::Transform': MACRO } }],
    ['of mappings', { Resources: { App: role() }, Mappings: { 'Fn::Transform': MACRO } }],
    ['of conditions', { Resources: { App: role() }, Conditions: { 'Fn::Transform': MACRO } }],
    ['of resources', { Resources: { App: role(), 'Fn::Transform': MACRO } }],
    ['of a resource', { Resources: { App: role({}, { 'Fn::Transform': MACRO }) } }],
    ['that is a resource', { Resources: { App: role(), More: { 'Fn::Transform': MACRO } } }],
    ['of properties', { Resources: { App: role({ 'Fn::Transform': MACRO }) } }],
  ])('a macro %s is refused by name', (_, template) => {
    expect(problemsOf(template)).toEqual([
      expect.stringContaining(
        'the transform AWS::Include cannot be applied: AWS runs it when a stack is made | convert the processed template',
      ),
    ]);
  });

  test('a policy for a role that the template does not declare', () => {
    const policy = {
      Type: 'AWS::IAM::Policy',
      Properties: { PolicyName: 'p', PolicyDocument: READ, Roles: ['other'] },
    };
    expect(problemsOf(stack({ App: role(), Policy: policy }))).toEqual([
      expect.stringContaining(
        'Policy belongs to the role "other", which the template does not declare | a manifest declares it with its role',
      ),
    ]);
  });

  test('a policy that belongs to nothing, and one whose name is taken', () => {
    const inline = (Properties: object): object => ({
      Type: 'AWS::IAM::Policy',
      Properties: { PolicyName: 'p', PolicyDocument: READ, ...Properties },
    });
    const problems = problemsOf(
      stack({ App: role(), None: inline({}), One: inline({ Roles: ['app'] }), Two: inline({ Roles: ['app'] }) }),
    );
    expect(problems.map((problem) => problem.replace(/^\d+:\d+ /, ''))).toEqual([
      'None names nothing that it belongs to | write Roles, Users, Groups',
      'App has two inline policies with the name "p" | rename one of them',
    ]);
  });

  test('secrets are asked for by their location, and never shown', () => {
    const template = stack({
      Ann: { Type: 'AWS::IAM::User', Properties: { UserName: 'ann', LoginProfile: { Password: 'unseen-Value-9' } } },
      Key: { Type: 'AWS::IAM::AccessKey', Properties: { UserName: 'ann' } },
    });
    const result = convert(template, { secrets: { Key: 'plain' } });
    expect(JSON.stringify(result)).not.toContain('unseen-Value-9');
    expect(problemsOf(template)).toEqual([
      expect.stringContaining(
        'Ann has a secret, and a manifest holds only its location | give it with --secret Ann=secretsManager:NAME',
      ),
      expect.stringContaining(
        'Key has a secret, and a manifest holds only its location | give it with --secret Key=secretsManager:NAME',
      ),
    ]);
  });

  test('all problems are listed at once, by their positions', () => {
    const template = stack({
      App: role({ Description: { Ref: 'AWS::Region' }, Path: { Ref: 'Missing' } }),
      Group: { Type: 'AWS::IAM::Group' },
    });
    const lines = problemsOf(template).map((problem) => Number(problem.split(':')[0]));
    expect(lines).toHaveLength(3);
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
  });
});
