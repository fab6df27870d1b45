import { defineBootstrap } from '@iam-bootstrap/iam-bootstrap';

// Captured from account 111111111111. Read it, then run: iam-bootstrap plan -f iam/bootstrap.ts
export default defineBootstrap({
  version: 1,
  namespace: 'estate',
  environments: {
    dev: { account: '111111111111' },
  },
  defaults: {
    tags: { team: 'platform' },
  },
  entities: [
    // Account
    {
      kind: 'AccountAlias',
      accountAliases: ['acme-dev'],
    },

    { kind: 'AccountPasswordPolicy', minimumPasswordLength: 16 },

    // Identity providers
    {
      kind: 'OpenIDConnectProvider',
      url: 'https://token.actions.githubusercontent.com',
      clientIdList: ['sts.amazonaws.com'],
    },

    // Policies
    {
      kind: 'Policy',
      policyName: 'read-assets',
      path: '/ci/',
      policyDocument: { $file: 'policies/read-assets.json' },
    },

    // Roles
    {
      kind: 'Role',
      roleName: 'app',
      path: '/ci/',
      assumeRolePolicyDocument: { $file: 'policies/trust-ec2.json' },
    },

    // Not declared: the key "it's" is not allowed: use letters, digits, spaces and _.:/=+-@ only
    {
      kind: 'Role',
      roleName: 'batch',
      assumeRolePolicyDocument: { $file: 'policies/trust-ec2.json' },
      managedPolicyArns: ['arn:{{partition}}:iam::aws:policy/AdministratorAccess'],
      tags: { stage: 'old' },
    },

    {
      kind: 'Role',
      roleName: 'deploy',
      path: '/ci/',
      description: 'Deploys: "prod", then {{\'{{\'}}stage}}',
      trust: {
        github: {
          repository: 'acme/infra',
          repositoryId: '1296269',
          ownerId: '583231',
          environment: 'prod',
          provider: '{{arn OpenIDConnectProvider/token.actions.githubusercontent.com}}',
        },
      },
      maxSessionDuration: 7200,
      inlinePolicies: {
        pass: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Action: 'iam:PassRole', Resource: '{{arn Role/app}}' },
          ],
        },
      },
      managedPolicyArns: [
        '{{arn Policy/read-assets}}',
        'arn:{{partition}}:iam::aws:policy/ReadOnlyAccess',
      ],
    },

    {
      kind: 'Role',
      roleName: 'legacy',
      assumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: {
              AWS: ['AIDAEXAMPLEID1234567', '222222222222'],
            },
            Action: 'sts:AssumeRole',
          },
        ],
      },
      tags: { team: 'data' },
    },

    // Instance profiles
    {
      kind: 'InstanceProfile',
      instanceProfileName: 'app',
      path: '/ci/',
      roles: ['app'],
    },

    // Users
    { kind: 'User', userName: 'ann' },

    // AWS does not show `secret`: name where it is, or where it is to be stored
    {
      kind: 'LoginProfile',
      userName: 'ann',
      secret: { secretsManager: 'estate/login-profile/ann' },
    },

    // Groups
    {
      kind: 'Group',
      groupName: 'people',
      users: ['ann'],
    },
  ],
});
