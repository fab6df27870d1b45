import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFleetRequest } from '../../../../src/client/fleet-request.js';
import { loadRequest, validate, type RequestOptions } from '../../../../src/client/request.js';
import { positionText, type Problem } from '../../../../src/engine/manifest/problem.js';

/** CloudFormation templates in the place of manifests. */

const ACCOUNT = '111111111111';
const TRUST = `{ Version: "2012-10-17", Statement: [{ Effect: Allow, Action: sts:AssumeRole, Principal: { Service: ec2.amazonaws.com } }] }`;
const role = (name: string): string =>
  `{ Type: AWS::IAM::Role, Properties: { RoleName: ${name}, AssumeRolePolicyDocument: ${TRUST} } }`;
const GROUP = '{ Type: AWS::IAM::Group, Properties: { GroupName: operators } }';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'template-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function load(files: Readonly<Record<string, string>>, options: RequestOptions = {}) {
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
  return loadRequest(Object.keys(files), { cwd: folder, template: { account: ACCOUNT }, ...options });
}

const texts = (problems: readonly Problem[]): string[] =>
  problems.map(({ path, ...problem }) => {
    const place = problem.line === 0 ? `${positionText(problem)} ${path}` : positionText(problem);
    return `${place}: ${problem.message} | ${problem.remedy}`;
  });

async function problemsOf(files: Readonly<Record<string, string>>, options?: RequestOptions): Promise<string[]> {
  const loaded = await load(files, options);
  return loaded.ok ? [] : texts(loaded.problems);
}

test('a template is a manifest of one environment, with the account and the values that are given', async () => {
  const template = {
    Parameters: { Stage: { Type: 'String' } },
    Resources: {
      Deploy: {
        Type: 'AWS::IAM::Role',
        Properties: {
          RoleName: { 'Fn::Sub': '${Stage}-deploy' },
          AssumeRolePolicyDocument: {
            Version: '2012-10-17',
            Statement: { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: { Ref: 'AWS::AccountId' } } },
          },
          Policies: [
            {
              PolicyName: 'own',
              PolicyDocument: {
                Version: '2012-10-17',
                Statement: { Effect: 'Allow', Action: 's3:*', Resource: { 'Fn::GetAtt': ['Bucket', 'Arn'] } },
              },
            },
          ],
        },
      },
      Bucket: { Type: 'AWS::S3::Bucket' },
    },
  };
  const assumeRole = `arn:aws-cn:iam::${ACCOUNT}:role/bootstrap`;
  const parameters = { Stage: 'prod', 'Bucket.Arn': 'arn:aws:s3:::assets' };
  const loaded = await load(
    { 'My.Roles.template.json': JSON.stringify(template) },
    { template: { account: ACCOUNT, region: 'cn-north-1', assumeRole, parameters } },
  );
  expect(loaded).toMatchObject({
    ok: true,
    request: {
      namespace: 'my-roles',
      environment: 'default',
      target: { account: ACCOUNT, partition: 'aws-cn', assumeRole },
      manifest: 'My.Roles.template.json',
      entities: [
        {
          kind: 'Role',
          name: 'prod-deploy',
          spec: {
            assumeRolePolicyDocument: { Statement: { Principal: { AWS: ACCOUNT } } },
            inlinePolicies: { own: { Statement: { Resource: 'arn:aws:s3:::assets' } } },
          },
        },
      ],
    },
  });
});

test('a policy that names a user with a login profile refers to the user', async () => {
  const user = '{ Type: AWS::IAM::User, Properties: { UserName: ann, LoginProfile: { Password: x } } }';
  const statement = '{ Effect: Allow, Action: iam:GetUser, Resource: !GetAtt A.Arn }';
  const document = `{ Version: "2012-10-17", Statement: ${statement} }`;
  const policy = `{ Type: AWS::IAM::ManagedPolicy, Properties: { ManagedPolicyName: p, PolicyDocument: ${document} } }`;
  const template = { account: ACCOUNT, secrets: { A: 'file:ann' } };
  expect(await load({ 's.yaml': `Resources: { A: ${user}, B: ${policy} }` }, { template })).toMatchObject({
    request: { entities: [{}, {}, { spec: { policyDocument: { Statement: { Resource: '{{arn User/ann}}' } } } }] },
  });
});

test.each([
  ['AWSTemplateFormatVersion', `AWSTemplateFormatVersion: 2010-09-09\nResources: { A: ${GROUP} }\n`],
  ['resources of AWS', `Resources: { A: ${GROUP}, B: { Type: Custom::B } }\n`],
])('a template is known by %s, whatever its file is called', async (_, text) => {
  expect(await load({ 'iam.yaml': text })).toMatchObject({ ok: true, request: { namespace: 'iam' } });
});

test('standard input can be a template, which needs a namespace', async () => {
  const standardInput = (): Promise<string> => Promise.resolve(`Resources: { A: ${GROUP} }`);
  const load = (namespace?: string) =>
    loadRequest(['-'], { standardInput, environment: 'prod', template: { account: ACCOUNT, namespace } });
  expect(await load('ci')).toMatchObject({ ok: true, request: { namespace: 'ci', environment: 'prod' } });
  expect(await load('Not A Name')).toMatchObject({ ok: false, problems: [{ path: '--namespace Not A Name' }] });
  expect(await load()).toMatchObject({ ok: false, problems: [{ message: 'its name gives no namespace' }] });
});

describe('problems', () => {
  test('of IAM have their places in the template, also behind parameters, mappings and policies beside an entity', async () => {
    const long = 'x'.repeat(65);
    const template = `Parameters: { Name: { Type: String, Default: "not allowed!" } }
Mappings: { Paths: { a: { path: no-slash } } }
Resources:
  Build:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Ref Name
      Path: !FindInMap [Paths, a, path]
      AssumeRolePolicyDocument: ${TRUST}
  Deploy:
    Type: AWS::IAM::Role
    Properties:
      RoleName: ${long}
      MaxSessionDuration: 1
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Permit
            Action: sts:AssumeRole
            Principal: { Service: ec2.amazonaws.com }
      ManagedPolicyArns: [not-an-arn]
  Huge:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: huge
      Roles: [!Ref Deploy]
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{ Effect: Allow, Action: "s3:*", Resource: "arn:aws:s3:::${'y'.repeat(10_300)}" }]
`;
    const found = await problemsOf({ 's.yaml': template });
    expect(found.map((line) => /^s\.yaml:\d+:\d+/.exec(line)?.[0])).toEqual([
      's.yaml:2:33',
      's.yaml:7:22',
      's.yaml:13:17',
      's.yaml:14:27',
      's.yaml:18:21',
      's.yaml:21:27',
      's.yaml:25:19',
    ]);
    expect(found[2]).toContain('roleName');
    expect(found[6]).toContain('10240');
  });

  test('of the template are the only ones: manifests beside it may refer to what it declares', async () => {
    const more = `version: 1
namespace: s
environments: { default: { account: "${ACCOUNT}" } }
entities:
  - { kind: Role, roleName: second, assumeRolePolicyDocument: ${TRUST}, managedPolicyArns: ["{{arn Policy/read}}"] }
`;
    const template = `Resources: { A: ${role('!Ref Missing')} }`;
    expect(await problemsOf({ 's.yaml': template, 'more.yaml': more })).toEqual([
      's.yaml:1:70: "Missing" is no parameter or resource of the template | declare it; known are A',
    ]);
  });

  test('of a template that cannot be read are not those of a manifest', async () => {
    const template = `Resources:\n  A: !Foo { Type: AWS::IAM::Role }\n  A: { Type: !Ref B }\n`;
    expect(await problemsOf({ 's.yaml': template })).toEqual([
      's.yaml:3:3: "A" appears twice in one map, first on line 2 | remove one of them',
    ]);
  });

  test.each([
    [
      'no account',
      { template: {} },
      's.yaml:1:1: this is a CloudFormation template, which does not name its account | give it with --account ID',
    ],
    [
      'a command that takes none',
      { template: undefined },
      's.yaml:1:1: this is a CloudFormation template, which does not name its account | write it as a manifest with `iam-bootstrap convert`, and give that',
    ],
  ])('%s', async (_, options, problem) => {
    expect(await problemsOf({ 's.yaml': `Resources: { A: ${GROUP} }` }, options)).toEqual([problem]);
  });

  test('a file name in a document is refused: the manifest would take the content of the file', async () => {
    const policy = `{ Type: AWS::IAM::ManagedPolicy, Properties: { ManagedPolicyName: p, PolicyDocument: { $file: /etc/passwd } } }`;
    expect(await problemsOf({ 's.yaml': `Resources: { A: ${policy} }` })).toEqual([
      's.yaml:1:104: "$file" cannot be the name of a property here | remove it',
    ]);
  });
});

test('a dynamic reference is asked for, also where a function composes it, and a secret is refused', async () => {
  const group = (name: string): string =>
    `Resources: { A: { Type: AWS::IAM::Group, Properties: { GroupName: ${name} } } }`;
  const ask = (name: string): string =>
    `s.yaml:1:67: {{resolve:ssm:${name}}} is known to AWS only | give it with --parameter 'resolve:ssm:${name}=VALUE'`;
  expect(await problemsOf({ 's.yaml': group('"ops-{{resolve:ssm:/ops/name:1}}"') })).toEqual([ask('/ops/name:1')]);
  const composed = group('!Sub "ops-{{resolve:ssm:/${AWS::AccountId}/name}}"');
  expect(await problemsOf({ 's.yaml': composed })).toEqual([ask(`/${ACCOUNT}/name`).replace(':67:', ':72:')]);
  const parameter = `Parameters: { P: { Type: String, Default: "{{resolve:ssm:x}}" } }\n${group('!Ref P')}`;
  expect(await problemsOf({ 's.yaml': parameter })).toEqual([ask('x').replace(':1:67:', ':2:72:')]);
  expect(await problemsOf({ 's.yaml': group('"{{resolve:secretsmanager:x:SecretString:y}}"') })).toEqual([
    's.yaml:1:67: {{resolve:secretsmanager:x:SecretString:y}} is a secret, and a manifest would hold its value in plain text | write the value of the property without it',
  ]);
  const parameters = { 'resolve:ssm:/ops/name:1': 'eu' };
  expect(
    await load(
      { 's.yaml': group('"ops-{{resolve:ssm:/ops/name:1}}"') },
      { template: { account: ACCOUNT, parameters } },
    ),
  ).toMatchObject({ ok: true, request: { entities: [{ name: 'ops-eu' }] } });
});

describe('several files', () => {
  const manifest = (environments: string): string => `version: 1
namespace: platform
environments: ${environments}
entities:
  - kind: Policy
    policyName: pass
    policyDocument: { Version: "2012-10-17", Statement: { Effect: Allow, Action: iam:PassRole, Resource: "{{arn Role/a}}" } }
`;

  test('a template beside a manifest of the same namespace and environment, which refers to its entities', async () => {
    const files = {
      's.yaml': `Resources: { A: ${role('a')} }`,
      'm.yaml': manifest(`{ prod: { account: "${ACCOUNT}" } }`),
    };
    const template = { account: ACCOUNT, namespace: 'platform' };
    expect(await load(files, { environment: 'prod', template })).toMatchObject({
      ok: true,
      request: {
        entities: [
          { name: 'a' },
          { name: 'pass', spec: { policyDocument: { Statement: { Resource: '{{arn Role/a}}' } } } },
        ],
      },
    });
    expect(await problemsOf(files, { template })).toEqual([
      's.yaml:1:1: there are 2 environments: default, prod | choose one with --environment',
      'm.yaml:3:1: environment default of s.yaml is not declared here | declare the same environments in every manifest that is applied together',
      'm.yaml:3:17: environment prod is not declared in s.yaml | declare the same environments in every manifest that is applied together',
    ]);
  });

  test('several templates share the options; one that none of them takes is refused', async () => {
    const files = {
      'a.yaml': `Parameters: { Stage: { Type: String } }\nResources: { A: ${role('!Ref Stage')} }`,
      'b.yaml': `Resources: { B: { Type: AWS::IAM::Group } }`,
    };
    const template = { account: ACCOUNT, namespace: 'ci', parameters: { Stage: 'dev' }, names: { B: 'operators' } };
    expect(await load(files, { template })).toMatchObject({
      ok: true,
      request: {
        entities: [
          { kind: 'Role', name: 'dev' },
          { kind: 'Group', name: 'operators' },
        ],
      },
    });
    const wrong = { ...template, parameters: { Stage: 'dev', Other: 'x' }, secrets: { B: 'file:x' } };
    expect(await problemsOf(files, { template: wrong })).toEqual([
      '(command line) --parameter Other: the template has no parameter "Other" | name a parameter of the template; known are Stage',
      '(command line) --secret B: "B" does not name a resource that takes --secret | name a resource of the template',
    ]);
  });

  test('options of a stack without a template are refused', async () => {
    const template = { account: ACCOUNT, region: 'us-east-1', parameters: { Stage: 'dev' }, names: { A: 'x' } };
    const files = { 'm.yaml': manifest(`{ prod: { account: "${ACCOUNT}" } }`).replace('{{arn Role/a}}', '*') };
    const why = 'only a CloudFormation template takes this option, and none is given';
    expect(await problemsOf(files, { template })).toEqual([
      `(command line) --account ${ACCOUNT}: ${why} | leave the option out, or name a template with -f`,
      `(command line) --region us-east-1: ${why} | leave the option out, or name a template with -f`,
      `(command line) --parameter Stage: ${why} | set a variable of a manifest with --var Stage=VALUE`,
      `(command line) --resource-name A: ${why} | leave the option out, or name a template with -f`,
    ]);
    expect(await load(files, { template: {} })).toMatchObject({ ok: true });
  });

  test('a file with empty Resources is a template where an option is given that only templates take', async () => {
    const problem = 's.yaml:1:1: the template creates no IAM entity | name a template with AWS::IAM::Role';
    for (const template of [{ account: ACCOUNT }, { account: ACCOUNT, stackName: 's' }])
      expect(await problemsOf({ 's.yaml': 'Resources: {}' }, { template })).toEqual([problem]);
    expect(await problemsOf({ 's.yaml': 'Resources: {}' }, { template: {} })).toEqual([
      expect.stringMatching(/^s\.yaml:1:1: this is a CloudFormation template, not a manifest/) as string,
    ]);
  });

  test('--var is refused for templates alone, with the option that they take', async () => {
    const stage = (value: string): string =>
      `Parameters: { Stage: { Type: String${value} } }\nResources: { A: ${role('!Ref Stage')} }`;
    const refused =
      '(command line) --var Stage: a CloudFormation template has parameters, and no variables | give a parameter with --parameter Stage=VALUE';
    const variables = { Stage: 'dev' };
    expect(await problemsOf({ 's.yaml': stage(', Default: prod') }, { variables })).toEqual([refused]);
    expect(await problemsOf({ 's.yaml': stage('') }, { variables })).toEqual([
      refused,
      's.yaml:1:15: parameter Stage has no value | give it with --parameter Stage=VALUE',
    ]);
  });

  test('a file that is given again is read once', async () => {
    await writeFile(join(folder, 's.yaml'), `Resources: { A: ${role('a')} }`);
    const loaded = await loadRequest(['s.yaml', './s.yaml', 's.yaml'], { cwd: folder, template: { account: ACCOUNT } });
    expect(loaded.ok ? [] : texts(loaded.problems)).toEqual([
      '(command line) -f ./s.yaml: the file is given more than once, also as s.yaml | name it once',
      '(command line) -f s.yaml: the file is given more than once | name it once',
    ]);
    expect(loaded.warnings).toHaveLength(1);
  });

  test('the problems of all files are sorted by their places', async () => {
    const files = {
      'a.yaml': 'Resources:\n  A: { Type: AWS::IAM::Group, Propertis: {} }\nParamters: {}\n',
      'b.yaml': `Resources: { B: { Type: AWS::IAM::Group, Properties: { GroupName: b, Pth: / } } }`,
    };
    const template = { account: ACCOUNT, namespace: 'ci', parameters: { Stge: 'x' } };
    const places = (await problemsOf(files, { template })).map((text) => /^\S+/.exec(text)?.[0]);
    expect(places).toEqual(['(command', 'a.yaml:2:3:', 'a.yaml:2:31:', 'a.yaml:3:1:', 'b.yaml:1:70:']);
  });

  test('a fleet takes no template', async () => {
    await load({ 's.yaml': `Resources: { A: ${GROUP} }` });
    const loaded = await loadFleetRequest(['s.yaml'], { cwd: folder, fleet: 'all', template: {} });
    expect(loaded.ok ? [] : texts(loaded.problems)).toEqual([
      's.yaml:1:1: this is a CloudFormation template, whose values are those of one stack, and a fleet has many accounts | write it as a manifest with `iam-bootstrap convert`, and declare the fleet there',
    ]);
  });
});

test('validate checks a template as a manifest', async () => {
  await writeFile(join(folder, 's.yaml'), `Resources: { A: ${role('a/b')} }`);
  const checked = await validate(['s.yaml'], { cwd: folder, template: { account: ACCOUNT }, environment: 'prod' });
  expect(texts(checked.problems)).toEqual([expect.stringMatching(/^s\.yaml:1:65: roleName/) as string]);
});

describe('templates that would exhaust the process', () => {
  const conditions = (count: number, form: (next: string) => string): string => {
    const chain = Array.from({ length: count }, (_, index) => `C${String(index)}: ${form(`C${String(index + 1)}`)}`);
    return `Conditions:\n  ${[...chain, `C${String(count)}: !Equals [a, a]`].join('\n  ')}\n`;
  };
  const stack = `Resources: { A: { Type: AWS::IAM::Group, Condition: C0, Properties: { GroupName: operators } } }\n`;

  test.each([
    ['!Not', (next: string) => `!Not [{ Condition: ${next} }]`],
    ['Fn::If', (next: string) => `!Equals [!If [${next}, a, b], a]`],
    ['lists', (next: string) => `!Equals [${'['.repeat(60)}!If [${next}, a, b]${']'.repeat(60)}, a]`],
  ])('a long chain of conditions through %s is refused with its place', async (_, form) => {
    expect(await problemsOf({ 's.yaml': conditions(1_000, form) + stack })).toEqual([
      expect.stringMatching(
        /^s\.yaml:\d+:\d+: conditions, names and mappings refer to each other, more than 500 in a row \| write values out, or split the template$/,
      ) as string,
    ]);
  });

  test('a chain of a hundred conditions is evaluated', async () => {
    const template = conditions(100, (next) => `!Not [!Not [{ Condition: ${next} }]]`) + stack;
    expect(await load({ 's.yaml': template })).toMatchObject({ ok: true });
  });

  test('a mapping that finds itself is refused', async () => {
    const template = `Mappings: { M: { a: { b: !FindInMap [M, a, b] } } }\nResources: { A: { Type: AWS::IAM::Group, Properties: { GroupName: !FindInMap [M, a, b] } } }`;
    expect(await problemsOf({ 's.yaml': template })).toEqual([
      expect.stringContaining('more than 500 in a row') as string,
    ]);
  });

  test('values and texts that repeat each other are limited', async () => {
    const twice = (next: string): string => `[!FindInMap [M, ${next}, v], !FindInMap [M, ${next}, v]]`;
    const values = Array.from(
      { length: 40 },
      (_, index) => `k${String(index)}: { v: ${twice(`k${String(index + 1)}`)} }`,
    );
    const mappings = `Mappings: { M: { ${values.join(', ')}, k40: { v: x } } }\n`;
    const group = (name: string): string =>
      `Resources: { A: { Type: AWS::IAM::Group, Properties: { GroupName: ${name} } } }\n`;
    const many = await problemsOf({ 's.yaml': mappings + group('!FindInMap [M, k0, v]') });
    expect(many).toEqual([
      expect.stringContaining('the functions of the template give more than 500000 values in all') as string,
    ]);
    const text = `Parameters: { P: { Type: String, Default: ${'x'.repeat(100_000)} } }\n`;
    const long = await problemsOf({ 's.yaml': text + group(`!Sub "${'${P}'.repeat(10_000)}"`) });
    expect(long).toEqual([
      expect.stringContaining('the functions of the template give more than 20000000 characters in all') as string,
    ]);
  });
});

describe('warnings', () => {
  const STACK =
    'a stack may still own these entities: CloudFormation tags few IAM entities, so a plan cannot detect it';
  const warningsOf = async (others: string): Promise<readonly (readonly string[])[]> => {
    const loaded = await load({ 's.yaml': `Resources: { A: ${role('a')}, B: ${GROUP} ${others} }` });
    return loaded.warnings.map(({ message, remedy }) => [message, remedy]);
  };

  test('say once that a stack may own the entities', async () => {
    const remedy =
      'if one does, set DeletionPolicy: Retain on these resources in its template and deploy it; then delete the resources, not the stack, from its template and deploy it again';
    expect(await warningsOf('')).toEqual([[STACK, remedy]]);
    const checked = await validate(['s.yaml'], { cwd: folder, template: { account: ACCOUNT } });
    expect(checked).toMatchObject({ ok: true, warnings: [{ message: STACK }] });
  });

  test('count the resources that are left out', async () => {
    const others = ', C: { Type: AWS::S3::Bucket }, D: { Type: AWS::S3::Bucket }';
    expect(await warningsOf(others)).toEqual([
      [STACK, expect.any(String)],
      ['resources of other services are left out: 2 AWS::S3::Bucket', 'make them with their own tool'],
    ]);
  });

  test.each([
    ['AWS::CloudFormation::Stack', 'give the template of E, F with -f, too'],
    ['AWS::CloudFormation::StackSet', 'give the template of E, F with -f, too'],
    ['AWS::ServiceCatalog::CloudFormationProvisionedProduct', 'give the template of E, F with -f, too'],
    ['My::Own::Roles::MODULE', expect.stringContaining('convert the processed template') as string],
    ['AWS::Serverless::Function', expect.stringContaining('convert the processed template') as string],
    ['AWS::CloudFormation::CustomResource', 'declare in a manifest what E, F makes of IAM'],
    ['Custom::Role', 'declare in a manifest what E, F makes of IAM'],
    ['Acme::Identity::Role', 'declare in a manifest what E, F makes of IAM'],
    ['AWS::SSO::PermissionSet', 'leave these roles to IAM Identity Center'],
  ])('name each %s, which can make IAM entities of its own', async (type, remedy) => {
    const warnings = await warningsOf(`, E: { Type: ${type} }, F: { Type: ${type} }`);
    expect(warnings).toEqual([
      [`E, F (${type}) can make IAM entities, which nothing here looks at`, remedy],
      [STACK, expect.any(String)],
      [`resources of other services are left out: 2 ${type}`, 'make them with their own tool'],
    ]);
  });

  test.each(['AWS::CloudFormation::WaitCondition', 'AWS::CloudFormation::Macro', 'Alexa::ASK::Skill'])(
    'do not name a %s, which makes none',
    async (type) => {
      expect(await warningsOf(`, E: { Type: ${type} }`)).toHaveLength(2);
    },
  );

  test('have the places of what they are about', async () => {
    const loaded = await load({ 's.yaml': `Resources:\n  A: ${GROUP}\n  E: { Type: Custom::Role }\n` });
    expect(loaded.warnings.map(({ line, column, path }) => [line, column, path])).toContainEqual([3, 3, 'Resources.E']);
  });
});

test('a template of nested stacks alone is refused with the way to their entities', async () => {
  const text = 'Resources: { Roles: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: x } } }';
  expect(await problemsOf({ 's.yaml': text })).toEqual([
    's.yaml:1:1: the template creates no IAM entity itself; Roles (AWS::CloudFormation::Stack) can make IAM entities, which nothing here looks at | give the template of Roles with -f, too',
  ]);
});

test('a file that ends in .template, with a byte order mark, is a template', async () => {
  const files = {
    'roles.template': `\uFEFF{"Resources": {"A": {"Type": "AWS::IAM::Group", "Properties": {"GroupName": "a"}}}}`,
  };
  expect(await load(files)).toMatchObject({ ok: true, request: { namespace: 'roles' } });
});
