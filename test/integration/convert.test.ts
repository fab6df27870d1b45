import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { useWorld, iam, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** CloudFormation templates are manifests, and become manifests that plan and apply like others. */

jest.setTimeout(300_000);
useWorld();

const TEMPLATE = `
Parameters: { Stage: { Type: String, Default: dev } }
Resources:
  Deploy:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub '\${Stage}-deploy-\${AWS::Region}'
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: sts:AssumeRole, Principal: { AWS: !Ref AWS::AccountId } }
  Read:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      PolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: s3:GetObject, Resource: !Sub '\${Bucket.Arn}/*' }
      Roles: [!Ref Deploy]
  PassItself:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: pass
      PolicyDocument:
        Version: 2012-10-17
        Statement: { Effect: Allow, Action: iam:PassRole, Resource: !GetAtt Deploy.Arn }
      Roles: [!Ref Deploy]
  Ann: { Type: AWS::IAM::User, Properties: { UserName: ann, Groups: [!Ref Operators] } }
  Operators: { Type: AWS::IAM::Group, Properties: { GroupName: operators } }
  Bucket: { Type: AWS::S3::Bucket }
`;

test('a converted template is applied, and the next plan shows no changes', async () => {
  const template = join(world.directory, 'roles.template.yaml');
  const manifest = join(world.directory, 'roles.yaml');
  await writeFile(template, TEMPLATE);
  const refused = await world.cli(['convert', template, '--account', ACCOUNT, '--output', manifest]);
  expect(refused.code).toBe(64);
  expect(refused.stderr).toContain(`error: ${template}:7:22: AWS::Region has no value`);
  expect(refused.stderr).toContain('remedy: give it with --resource-name Read=NAME');
  expect(refused.stderr).toContain('remedy: give the value with --parameter Bucket.Arn=VALUE');
  expect(refused.stderr).toContain('3 problems. Nothing was sent to Temporal or AWS.');

  const options = ['--region', 'us-east-1', '--parameter', 'Stage=prod', '--resource-name', 'Read=read-assets'];
  const given = [...options, '--parameter', 'Bucket.Arn=arn:aws:s3:::assets', '--output', manifest];
  const convert = ['convert', template, '--account', ACCOUNT, ...given];
  const converted = await world.cli(convert);
  expect(converted).toMatchObject({ code: 0, stdout: '' });
  expect(converted.stderr).toBe(
    'Converted 4 entities: 1 Role, 1 Policy, 1 User, 1 Group.\nLeft out 1 resource of other services: 1 AWS::S3::Bucket.\n',
  );
  const written = await readFile(manifest, 'utf8');
  expect(written).toContain('namespace: roles\n');
  const printed = await world.cli([...convert.slice(0, -1), '-']);
  expect(printed).toMatchObject({ code: 0, stdout: written });
  const nowhere = await world.cli([...convert.slice(0, -1), join(world.directory, 'none/roles.yaml')]);
  expect(nowhere.code).toBe(64);
  expect(nowhere.stderr).toContain(`cannot be written: there is no folder ${join(world.directory, 'none')}`);

  // It may have been edited.
  const again = await world.cli(convert);
  expect(again).toMatchObject({ code: 64, stdout: '' });
  expect(again.stderr).toContain(`--output ${manifest} exists`);

  expect(await world.cli(['apply', '-f', manifest])).toMatchObject({ code: 0 });
  const RoleName = 'prod-deploy-us-east-1';
  const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName });
  expect(AttachedPolicies.map(({ PolicyArn }) => PolicyArn)).toEqual([`arn:aws:iam::${ACCOUNT}:policy/read-assets`]);
  const { PolicyDocument = '' } = await iam.getRolePolicy({ RoleName, PolicyName: 'pass' });
  expect(JSON.parse(decodeURIComponent(PolicyDocument))).toMatchObject({
    Statement: { Resource: `arn:aws:iam::${ACCOUNT}:role/${RoleName}` },
  });
  const { Users = [] } = await iam.getGroup({ GroupName: 'operators' });
  expect(Users.map(({ UserName }) => UserName)).toEqual(['ann']);

  const plan = await world.cli(['plan', '-f', manifest, '--detailed-exitcode']);
  expect(plan.stdout).toContain('No changes');
  expect(plan.code).toBe(0);
});

test('what the CDK synthesizes is a manifest as it is, roles that grant each other rights included', async () => {
  // Written by aws-cdk-lib 2.276.0.
  const template = join(__dirname, '../unit/client/cloudformation/templates/cdk-roles.json');
  const refused = await world.cli(['apply', '-f', template, '--account', ACCOUNT]);
  expect(refused).toMatchObject({ code: 64, stdout: '' });
  expect(refused.stderr).toContain(`error: ${template}:180:5: C375D67C5 has no RoleName`);
  const options = ['-f', template, '--account', ACCOUNT, '--resource-name', 'C375D67C5=ci'];
  const first = await world.cli(['plan', ...options]);
  expect(first.stdout).toContain(`To apply: iam-bootstrap apply ${options.join(' ')}`);
  expect(await world.cli(['apply', ...options])).toMatchObject({ code: 0 });
  const documents = await Promise.all(
    [
      { RoleName: 'a', PolicyName: 'ADefaultPolicyB68120EA' },
      { RoleName: 'b', PolicyName: 'BDefaultPolicy956173E4' },
    ].map(async (policy) => {
      const { PolicyDocument = '' } = await iam.getRolePolicy(policy);
      return JSON.parse(decodeURIComponent(PolicyDocument)) as unknown;
    }),
  );
  expect(documents).toMatchObject([
    { Statement: [{ Action: 'sts:AssumeRole', Resource: `arn:aws:iam::${ACCOUNT}:role/x/b` }] },
    { Statement: [{ Action: 'iam:PassRole', Resource: `arn:aws:iam::${ACCOUNT}:role/a` }] },
  ]);
  const plan = await world.cli(['plan', ...options, '--detailed-exitcode']);
  expect(plan.stdout).toContain('No changes');
  expect(plan.code).toBe(0);
});

test.each([
  [['missing.yaml', '--account', ACCOUNT], 'template missing.yaml cannot be read: there is no such file'],
  [['x.yaml'], 'no account is named'],
  [['-', '--account', ACCOUNT], 'its name gives no namespace'],
  [['x.yaml', '--account', ACCOUNT, '--parameter', 'x'], 'Expected name=value.'],
  [['x.yaml', '--account', ACCOUNT, '--environment', 'a b'], '--environment a b is not a name'],
])('convert %j is refused', async (args, message) => {
  const { code, stderr } = await world.cli(['convert', ...args]);
  expect(code).toBe(64);
  expect(stderr).toContain(message);
});
