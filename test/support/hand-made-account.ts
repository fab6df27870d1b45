import type { IAM } from '@aws-sdk/client-iam';

/** The issuer of GitHub's tokens. */
const GITHUB = 'token.actions.githubusercontent.com';

function documentOf(...statements: readonly object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: statements });
}

const TAGS = [{ Key: 'team', Value: 'platform' }];
const EC2 = documentOf({ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' });

/**
 * Fills an account as people do it over the years: entities that name each other, one of Terraform, a user with keys, and
 * a role with texts that are hard to write. Nothing of it shows this tool as its owner.
 */
export async function makeAccountByHand(iam: IAM, account: string): Promise<void> {
  const arn = (resource: string): string => `arn:aws:iam::${account}:${resource}`;
  await iam.createOpenIDConnectProvider({ Url: `https://${GITHUB}`, ClientIDList: ['sts.amazonaws.com'], Tags: TAGS });
  await iam.createPolicy({
    PolicyName: 'read-assets',
    Path: '/ci/',
    Description: 'Reads the assets',
    Tags: TAGS,
    PolicyDocument: documentOf({
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:ListBucket'],
      Resource: [`arn:aws:s3:::assets-${account}`, `arn:aws:s3:::assets-${account}/*`],
    }),
  });
  await iam.createPolicy({
    PolicyName: 'boundary',
    Tags: TAGS,
    PolicyDocument: documentOf({ Effect: 'Allow', Action: 's3:*', Resource: '*' }),
  });
  await iam.createRole({
    RoleName: 'deploy',
    Path: '/ci/',
    MaxSessionDuration: 7200,
    PermissionsBoundary: arn('policy/boundary'),
    Tags: TAGS,
    AssumeRolePolicyDocument: documentOf({
      Effect: 'Allow',
      Principal: { Federated: arn(`oidc-provider/${GITHUB}`) },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: {
          [`${GITHUB}:aud`]: 'sts.amazonaws.com',
          [`${GITHUB}:sub`]: 'repo:acme@583231/infra@1296269:environment:prod',
        },
      },
    }),
  });
  await iam.attachRolePolicy({ RoleName: 'deploy', PolicyArn: arn('policy/ci/read-assets') });
  await iam.putRolePolicy({
    RoleName: 'deploy',
    PolicyName: 'pass-app',
    PolicyDocument: documentOf({ Effect: 'Allow', Action: 'iam:PassRole', Resource: arn('role/app') }),
  });
  for (const RoleName of ['app', 'batch']) {
    await iam.createRole({
      RoleName,
      AssumeRolePolicyDocument: EC2,
      Tags: TAGS,
      Description: 'It\'s "odd": {{x}} # yes',
    });
  }
  await iam.attachRolePolicy({ RoleName: 'batch', PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' });
  await iam.putRolePolicy({
    RoleName: 'app',
    PolicyName: 'state',
    PolicyDocument: documentOf({
      Effect: 'Allow',
      Action: 's3:GetObject',
      Resource: 'arn:aws:s3:::{{bucket}}/${aws:username}/*',
    }),
  });
  // The two name each other.
  await iam.updateAssumeRolePolicy({
    RoleName: 'batch',
    PolicyDocument: documentOf({ Effect: 'Allow', Principal: { AWS: arn('role/app') }, Action: 'sts:AssumeRole' }),
  });
  await iam.putRolePolicy({
    RoleName: 'app',
    PolicyName: 'assume-batch',
    PolicyDocument: documentOf({ Effect: 'Allow', Action: 'sts:AssumeRole', Resource: arn('role/batch') }),
  });
  await iam.createRole({
    RoleName: 'network',
    AssumeRolePolicyDocument: EC2,
    Tags: [{ Key: 'ManagedBy', Value: 'terraform' }],
  });
  await iam.createInstanceProfile({ InstanceProfileName: 'app', Tags: TAGS });
  await iam.addRoleToInstanceProfile({ InstanceProfileName: 'app', RoleName: 'app' });
  await iam.createUser({ UserName: 'ann', Tags: TAGS });
  await iam.createLoginProfile({ UserName: 'ann', Password: 'By-hand-1-by-hand-1!', PasswordResetRequired: true });
  await iam.createAccessKey({ UserName: 'ann' });
  await iam.createGroup({ GroupName: 'people' });
  await iam.attachGroupPolicy({ GroupName: 'people', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' });
  await iam.addUserToGroup({ GroupName: 'people', UserName: 'ann' });
  await iam.createAccountAlias({ AccountAlias: 'acme-dev' });
  await iam.updateAccountPasswordPolicy({ MinimumPasswordLength: 16, RequireNumbers: true });
}
