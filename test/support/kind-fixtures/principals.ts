import type { JsonObject } from '../../../src/contract/entity.js';
import { ACCOUNT, document, step } from './fixture.js';
import type { KindFixture } from './fixture.js';

const READ = document({ Sid: 'Read', Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: '*' });
const READ_REWRITTEN: JsonObject = {
  Statement: { Resource: ['*'], Effect: 'Allow', Action: ['S3:ListBucket', 's3:getobject'] },
  Version: '2012-10-17',
};
const WRITE = document(
  { Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::bucket/100%25 sure/*' },
  { Effect: 'Deny', Action: 's3:DeleteObject', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': false } } },
);
const WRITE_REWRITTEN = document(
  {
    Effect: 'Deny',
    Action: ['s3:DeleteObject'],
    Resource: '*',
    Condition: { Bool: { 'aws:securetransport': ['false'] } },
  },
  { Effect: 'Allow', Action: ['s3:PutObject'], Resource: ['arn:aws:s3:::bucket/100%25 sure/*'] },
);
const OTHER = document({ Sid: 'Other', Effect: 'Allow', Action: 'sqs:SendMessage', Resource: '*' });

const TRUST = document({
  Effect: 'Allow',
  Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
  Action: 'sts:AssumeRole',
});
const TRUST_REWRITTEN: JsonObject = {
  Version: '2012-10-17',
  Statement: { Action: ['sts:assumerole'], Principal: { AWS: [ACCOUNT] }, Effect: 'Allow' },
};
const OTHER_TRUST = document({
  Effect: 'Allow',
  Principal: { Service: 'ec2.amazonaws.com' },
  Action: 'sts:AssumeRole',
});

/** Managed policies to attach and to bound with. */
const POLICIES = ['law-a', 'law-b', 'law-c', 'law-boundary', 'law-other-boundary'];
const MAKE_POLICIES = POLICIES.map((PolicyName) =>
  step('CreatePolicy', { PolicyName, PolicyDocument: JSON.stringify(READ) }),
);
const policyArn = (name: string): string => `arn:aws:iam::${ACCOUNT}:policy/${name}`;

const TAGS = { team: 'platform', stage: 'test' };
const TAGS_REVERSED = { stage: 'test', team: 'platform' };
const EXTRA_TAG = { Tags: [{ Key: 'extra', Value: 'by hand' }] };

const CERTIFICATE = [
  '-----BEGIN CERTIFICATE-----',
  'MIIBezCCASGgAwIBAgIUWBf5LKDoXRDWW8DSl8qP+JJFfxYwCgYIKoZIzj0EAwIw',
  'EjEQMA4GA1UEAwwHZXhhbXBsZTAgFw0yNjExMjMxMDI4MTBaGA8yMTI2MTAzMDEw',
  'MjgxMFowEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEH',
  'A0IABJrlkp6aWCpqJ85HWy9apogJXem/6AUy3xlnmkbTmCBI8cVSnDBNAKssY7fK',
  'CloIi7Aa6Rkav+C66MM9cuhFGVKjUzBRMB0GA1UdDgQWBBT9OzcLLppVzaSk0wJE',
  'qTm1qhW/FTAfBgNVHSMEGDAWgBT9OzcLLppVzaSk0wJEqTm1qhW/FTAPBgNVHRMB',
  'Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIBOrHXo014PtArZa1Wb4yl/Ums4C',
  'YRi1M6g1rby8ZkQ3AiEAiVRkXSBlozdJcyd6a/YCwMc3POiGctMZBStOnn3m9so=',
  '-----END CERTIFICATE-----',
].join('\n');

const SSH_KEY = [
  'AAAAB3NzaC1yc2EAAAADAQABAAABAQDMBh87uLze+Kx0jaqHKrcqFPxBUl3GQprMOMlqAj/JruRBWcx7uzbCzf0QJKpNnPcY7pd0',
  'rrjRqd71IbykhqMjdVXsg407k4r2aBLfS6MV3FyUT/F+sMj42t1on4VQQ7jc+MTHMoFlPN92c3u8jkMPELVSUNPi6d2SxqEKXT2D',
  'oQ1qN5wqICq9F55k27YWFLeKy1jsVrn96+osOswPq5AxWCf+MXX0tZYrZ5UAqsQilByxGrYg0f5JL+vG+5mUSaBydVKsSAocDEtD',
  'DBcb6KBelpvm0qOSP53mel9p0WkAsOFZ+O6MZlqaK4wL0BvF28o3sclrK2JsmlG/eIAqB05r',
].join('');

const OIDC = 'tokens.example.com/law';
const OIDC_KEY = { OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/${OIDC}` };

/** Roles, users, groups, policies, instance profiles, OpenID Connect providers. */
export const PRINCIPALS: Readonly<Record<string, KindFixture>> = {
  Role: {
    prerequisites: MAKE_POLICIES,
    minimal: { roleName: 'law', assumeRolePolicyDocument: TRUST },
    full: {
      roleName: 'law',
      path: '/law/',
      description: 'A role',
      assumeRolePolicyDocument: TRUST,
      maxSessionDuration: 7200,
      permissionsBoundary: policyArn('law-boundary'),
      inlinePolicies: { read: READ, write: WRITE },
      managedPolicyArns: [policyArn('law-a'), policyArn('law-b')],
      tags: TAGS,
    },
    equivalent: {
      roleName: 'law',
      path: '/law/',
      description: 'A role',
      assumeRolePolicyDocument: TRUST_REWRITTEN,
      maxSessionDuration: 7200,
      permissionsBoundary: policyArn('law-boundary'),
      inlinePolicies: { write: WRITE_REWRITTEN, read: READ_REWRITTEN },
      managedPolicyArns: [policyArn('law-b'), policyArn('law-a')],
      tags: TAGS_REVERSED,
    },
    otherCase: { roleName: 'LAW', assumeRolePolicyDocument: TRUST },
    sibling: { roleName: 'law-2', assumeRolePolicyDocument: TRUST },
    properties: {
      path: { changed: '/other/', immutable: true },
      description: {
        changed: 'Another role',
        byHand: [step('UpdateRole', { RoleName: 'law', Description: 'by hand', MaxSessionDuration: 7200 })],
        paths: ['description'],
        operations: ['UpdateRole'],
      },
      assumeRolePolicyDocument: {
        changed: OTHER_TRUST,
        byHand: [step('UpdateAssumeRolePolicy', { RoleName: 'law', PolicyDocument: JSON.stringify(OTHER_TRUST) })],
        paths: ['assumeRolePolicyDocument.Statement'],
        operations: ['UpdateAssumeRolePolicy'],
      },
      maxSessionDuration: {
        changed: 3600,
        byHand: [step('UpdateRole', { RoleName: 'law', Description: 'A role', MaxSessionDuration: 10_800 })],
        paths: ['maxSessionDuration'],
        operations: ['UpdateRole'],
      },
      permissionsBoundary: {
        changed: null,
        byHand: [
          step('PutRolePermissionsBoundary', {
            RoleName: 'law',
            PermissionsBoundary: policyArn('law-other-boundary'),
          }),
        ],
        paths: ['permissionsBoundary'],
        operations: ['PutRolePermissionsBoundary', 'DeleteRolePermissionsBoundary'],
      },
      inlinePolicies: {
        changed: { read: OTHER, write: WRITE },
        byHand: [
          step('PutRolePolicy', { RoleName: 'law', PolicyName: 'read', PolicyDocument: JSON.stringify(OTHER) }),
          step('DeleteRolePolicy', { RoleName: 'law', PolicyName: 'write' }),
        ],
        paths: ['inlinePolicies.read.Statement', 'inlinePolicies.write'],
        operations: ['PutRolePolicy'],
      },
      managedPolicyArns: {
        changed: [policyArn('law-a'), policyArn('law-b'), policyArn('law-c')],
        byHand: [step('DetachRolePolicy', { RoleName: 'law', PolicyArn: policyArn('law-a') })],
        paths: ['managedPolicyArns'],
        operations: ['AttachRolePolicy'],
      },
    },
    unmanaged: {
      byHand: [
        step('PutRolePolicy', { RoleName: 'law', PolicyName: 'extra', PolicyDocument: JSON.stringify(OTHER) }),
        step('AttachRolePolicy', { RoleName: 'law', PolicyArn: policyArn('law-c') }),
        step('TagRole', { RoleName: 'law', ...EXTRA_TAG }),
      ],
      lines: ['inlinePolicies: extra', `managedPolicyArns: ${policyArn('law-c')}`, 'tags: extra'],
      operations: ['DeleteRolePolicy', 'DetachRolePolicy', 'UntagRole'],
    },
    held: [],
    holders: {
      byHand: [
        step('CreateInstanceProfile', { InstanceProfileName: 'law-profile' }),
        step('AddRoleToInstanceProfile', { InstanceProfileName: 'law-profile', RoleName: 'law' }),
      ],
      names: ['InstanceProfile/law-profile'],
    },
    invalid: {
      'a name with a slash': { roleName: 'a/b', assumeRolePolicyDocument: TRUST },
      'a name that is too long': { roleName: 'x'.repeat(65), assumeRolePolicyDocument: TRUST },
      'no trust policy': { roleName: 'law' },
      'a path without its slashes': { roleName: 'law', path: 'ci', assumeRolePolicyDocument: TRUST },
      'a session that is too short': { roleName: 'law', maxSessionDuration: 60, assumeRolePolicyDocument: TRUST },
      'a dash that IAM does not take in a description': {
        roleName: 'law',
        description: 'deploys \u2013 and more',
        assumeRolePolicyDocument: TRUST,
      },
    },
  },

  Policy: {
    prerequisites: [],
    minimal: { policyName: 'law', policyDocument: READ },
    full: { policyName: 'law', path: '/law/', description: 'A policy', policyDocument: WRITE, tags: TAGS },
    equivalent: {
      policyName: 'law',
      path: '/law/',
      description: 'A policy',
      policyDocument: WRITE_REWRITTEN,
      tags: TAGS_REVERSED,
    },
    otherCase: { policyName: 'LAW', policyDocument: READ },
    sibling: { policyName: 'law-2', policyDocument: READ },
    properties: {
      path: { changed: '/other/', immutable: true },
      description: { changed: 'Another policy', immutable: true },
      policyDocument: {
        changed: READ,
        byHand: [
          step('CreatePolicyVersion', {
            PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/law/law`,
            PolicyDocument: JSON.stringify(OTHER),
            SetAsDefault: true,
          }),
        ],
        paths: ['policyDocument.Statement'],
        operations: ['CreatePolicyVersion', 'SetDefaultPolicyVersion'],
      },
    },
    unmanaged: {
      byHand: [step('TagPolicy', { PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/law/law`, ...EXTRA_TAG })],
      lines: ['tags: extra'],
      operations: ['UntagPolicy'],
    },
    held: [READ, OTHER].map((version) =>
      step('CreatePolicyVersion', {
        PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/law/law`,
        PolicyDocument: JSON.stringify(version),
        SetAsDefault: true,
      }),
    ),
    holders: {
      byHand: [
        step('CreateRole', { RoleName: 'law-role', AssumeRolePolicyDocument: JSON.stringify(TRUST) }),
        step('CreateUser', { UserName: 'law-user' }),
        step('CreateGroup', { GroupName: 'law-group' }),
        step('AttachRolePolicy', { RoleName: 'law-role', PolicyArn: policyArn('law/law') }),
        step('AttachUserPolicy', { UserName: 'law-user', PolicyArn: policyArn('law/law') }),
        step('AttachGroupPolicy', { GroupName: 'law-group', PolicyArn: policyArn('law/law') }),
      ],
      names: ['Role/law-role', 'User/law-user', 'Group/law-group'],
    },
    invalid: {
      'a name that is too long': { policyName: 'x'.repeat(129), policyDocument: READ },
      'a path with characters that only policies refuse': { policyName: 'law', path: '/a:b/', policyDocument: READ },
      'no document': { policyName: 'law' },
      'a principal, which only a trust policy names': { policyName: 'law', policyDocument: TRUST },
    },
  },

  User: {
    prerequisites: MAKE_POLICIES,
    minimal: { userName: 'law' },
    full: {
      userName: 'law',
      path: '/law/',
      permissionsBoundary: policyArn('law-boundary'),
      inlinePolicies: { read: READ, write: WRITE },
      managedPolicyArns: [policyArn('law-a'), policyArn('law-b')],
      tags: TAGS,
    },
    equivalent: {
      userName: 'law',
      path: '/law/',
      permissionsBoundary: policyArn('law-boundary'),
      inlinePolicies: { write: WRITE_REWRITTEN, read: READ_REWRITTEN },
      managedPolicyArns: [policyArn('law-b'), policyArn('law-a')],
      tags: TAGS_REVERSED,
    },
    otherCase: { userName: 'LAW' },
    sibling: { userName: 'law-2' },
    properties: {
      path: {
        changed: '/other/',
        byHand: [step('UpdateUser', { UserName: 'law', NewPath: '/by-hand/' })],
        paths: ['path'],
        operations: ['UpdateUser'],
      },
      permissionsBoundary: {
        changed: null,
        byHand: [
          step('PutUserPermissionsBoundary', {
            UserName: 'law',
            PermissionsBoundary: policyArn('law-other-boundary'),
          }),
        ],
        paths: ['permissionsBoundary'],
        operations: ['PutUserPermissionsBoundary', 'DeleteUserPermissionsBoundary'],
      },
      inlinePolicies: {
        changed: { read: OTHER, write: WRITE },
        byHand: [
          step('PutUserPolicy', { UserName: 'law', PolicyName: 'read', PolicyDocument: JSON.stringify(OTHER) }),
          step('DeleteUserPolicy', { UserName: 'law', PolicyName: 'write' }),
        ],
        paths: ['inlinePolicies.read.Statement', 'inlinePolicies.write'],
        operations: ['PutUserPolicy'],
      },
      managedPolicyArns: {
        changed: [policyArn('law-a'), policyArn('law-b'), policyArn('law-c')],
        byHand: [step('DetachUserPolicy', { UserName: 'law', PolicyArn: policyArn('law-a') })],
        paths: ['managedPolicyArns'],
        operations: ['AttachUserPolicy'],
      },
    },
    unmanaged: {
      byHand: [
        step('PutUserPolicy', { UserName: 'law', PolicyName: 'extra', PolicyDocument: JSON.stringify(OTHER) }),
        step('AttachUserPolicy', { UserName: 'law', PolicyArn: policyArn('law-c') }),
        step('TagUser', { UserName: 'law', ...EXTRA_TAG }),
      ],
      lines: ['inlinePolicies: extra', `managedPolicyArns: ${policyArn('law-c')}`, 'tags: extra'],
      operations: ['DeleteUserPolicy', 'DetachUserPolicy', 'UntagUser'],
    },
    held: [
      step('CreateLoginProfile', { UserName: 'law', Password: 'Not-a-secret-7!' }),
      step('CreateAccessKey', { UserName: 'law' }),
      step('CreateAccessKey', { UserName: 'law' }),
      step('UploadSigningCertificate', { UserName: 'law', CertificateBody: CERTIFICATE }),
      ...['codecommit.amazonaws.com', 'cassandra.amazonaws.com'].map((ServiceName) =>
        step('CreateServiceSpecificCredential', { UserName: 'law', ServiceName }),
      ),
      step('UploadSSHPublicKey', { UserName: 'law', SSHPublicKeyBody: `ssh-rsa ${SSH_KEY}` }),
      ...['law-phone', 'law-tablet'].flatMap((VirtualMFADeviceName) => [
        step('CreateVirtualMFADevice', { VirtualMFADeviceName }),
        step('EnableMFADevice', {
          UserName: 'law',
          SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/${VirtualMFADeviceName}`,
          AuthenticationCode1: '123456',
          AuthenticationCode2: '654321',
        }),
      ]),
      ...['law-admins', 'law-readers'].flatMap((GroupName) => [
        step('CreateGroup', { GroupName }),
        step('AddUserToGroup', { GroupName, UserName: 'law' }),
      ]),
    ],
    invalid: {
      'a name that is too long': { userName: 'x'.repeat(65) },
      'a boundary that is no ARN': { userName: 'law', permissionsBoundary: 'law-boundary' },
      'groups, which the group declares': { userName: 'law', groups: ['law'] },
    },
  },

  Group: {
    prerequisites: [...MAKE_POLICIES, ...['ann', 'ben', 'cid'].map((UserName) => step('CreateUser', { UserName }))],
    minimal: { groupName: 'law' },
    full: {
      groupName: 'law',
      path: '/law/',
      inlinePolicies: { read: READ, write: WRITE },
      managedPolicyArns: [policyArn('law-a'), policyArn('law-b')],
      users: ['ann', 'ben'],
    },
    equivalent: {
      groupName: 'law',
      path: '/law/',
      inlinePolicies: { write: WRITE_REWRITTEN, read: READ_REWRITTEN },
      managedPolicyArns: [policyArn('law-b'), policyArn('law-a')],
      users: ['Ben', 'ANN'],
    },
    otherCase: { groupName: 'LAW' },
    sibling: { groupName: 'law-2' },
    properties: {
      path: {
        changed: '/other/',
        byHand: [step('UpdateGroup', { GroupName: 'law', NewPath: '/by-hand/' })],
        paths: ['path'],
        operations: ['UpdateGroup'],
      },
      inlinePolicies: {
        changed: { read: OTHER, write: WRITE },
        byHand: [
          step('PutGroupPolicy', { GroupName: 'law', PolicyName: 'read', PolicyDocument: JSON.stringify(OTHER) }),
          step('DeleteGroupPolicy', { GroupName: 'law', PolicyName: 'write' }),
        ],
        paths: ['inlinePolicies.read.Statement', 'inlinePolicies.write'],
        operations: ['PutGroupPolicy'],
      },
      managedPolicyArns: {
        changed: [policyArn('law-a'), policyArn('law-b'), policyArn('law-c')],
        byHand: [step('DetachGroupPolicy', { GroupName: 'law', PolicyArn: policyArn('law-a') })],
        paths: ['managedPolicyArns'],
        operations: ['AttachGroupPolicy'],
      },
      users: {
        changed: ['ann', 'ben', 'cid'],
        byHand: [step('RemoveUserFromGroup', { GroupName: 'law', UserName: 'ben' })],
        paths: ['users'],
        operations: ['AddUserToGroup'],
      },
    },
    unmanaged: {
      byHand: [
        step('PutGroupPolicy', { GroupName: 'law', PolicyName: 'extra', PolicyDocument: JSON.stringify(OTHER) }),
        step('AttachGroupPolicy', { GroupName: 'law', PolicyArn: policyArn('law-c') }),
        step('AddUserToGroup', { GroupName: 'law', UserName: 'cid' }),
      ],
      lines: ['inlinePolicies: extra', `managedPolicyArns: ${policyArn('law-c')}`, 'users: cid'],
      operations: ['DeleteGroupPolicy', 'DetachGroupPolicy', 'RemoveUserFromGroup'],
    },
    held: [step('AddUserToGroup', { GroupName: 'law', UserName: 'cid' })],
    invalid: {
      'tags, which groups cannot carry': { groupName: 'law', tags: { team: 'platform' } },
      'a member whose name no user can have': { groupName: 'law', users: ['a/b'] },
    },
  },

  InstanceProfile: {
    prerequisites: ['law-web', 'law-db'].map((RoleName) =>
      step('CreateRole', { RoleName, AssumeRolePolicyDocument: JSON.stringify(OTHER_TRUST) }),
    ),
    minimal: { instanceProfileName: 'law' },
    full: { instanceProfileName: 'law', path: '/law/', roles: ['law-web'], tags: TAGS },
    equivalent: { instanceProfileName: 'law', path: '/law/', roles: ['LAW-web'], tags: TAGS_REVERSED },
    otherCase: { instanceProfileName: 'LAW' },
    sibling: { instanceProfileName: 'law-2' },
    properties: {
      path: { changed: '/other/', immutable: true },
      roles: {
        // Another role in place of the one that is there: refused, unless what is unmanaged is to go.
        changed: ['law-db'],
        immutable: true,
        byHand: [step('RemoveRoleFromInstanceProfile', { InstanceProfileName: 'law', RoleName: 'law-web' })],
        paths: ['roles'],
        operations: ['AddRoleToInstanceProfile'],
      },
    },
    unmanaged: {
      byHand: [step('TagInstanceProfile', { InstanceProfileName: 'law', ...EXTRA_TAG })],
      lines: ['tags: extra'],
      operations: ['UntagInstanceProfile'],
    },
    held: [],
    invalid: {
      'two roles': { instanceProfileName: 'law', roles: ['law-web', 'law-db'] },
      'a role by its ARN': { instanceProfileName: 'law', roles: [`arn:aws:iam::${ACCOUNT}:role/law-web`] },
    },
  },

  OpenIDConnectProvider: {
    prerequisites: [],
    minimal: { url: `https://${OIDC}` },
    full: {
      url: `https://${OIDC}`,
      clientIdList: ['sts.amazonaws.com', 'law'],
      thumbprintList: ['a'.repeat(40), 'b'.repeat(40)],
      tags: TAGS,
    },
    equivalent: {
      url: `https://Tokens.Example.com/law`,
      clientIdList: ['law', 'sts.amazonaws.com'],
      thumbprintList: ['B'.repeat(40), 'A'.repeat(40)],
      tags: TAGS_REVERSED,
    },
    otherCase: { url: `https://TOKENS.example.com/law` },
    sibling: { url: 'https://tokens.example.com/law-2' },
    properties: {
      clientIdList: {
        changed: ['sts.amazonaws.com', 'law', 'another'],
        byHand: [step('RemoveClientIDFromOpenIDConnectProvider', { ...OIDC_KEY, ClientID: 'law' })],
        paths: ['clientIdList'],
        operations: ['AddClientIDToOpenIDConnectProvider'],
      },
      thumbprintList: {
        changed: ['a'.repeat(40), 'c'.repeat(40)],
        byHand: [step('UpdateOpenIDConnectProviderThumbprint', { ...OIDC_KEY, ThumbprintList: ['a'.repeat(40)] })],
        paths: ['thumbprintList'],
        operations: ['UpdateOpenIDConnectProviderThumbprint'],
      },
    },
    unmanaged: {
      byHand: [
        step('AddClientIDToOpenIDConnectProvider', { ...OIDC_KEY, ClientID: 'extra' }),
        step('TagOpenIDConnectProvider', { ...OIDC_KEY, ...EXTRA_TAG }),
      ],
      lines: ['clientIdList: extra', 'tags: extra'],
      operations: ['RemoveClientIDFromOpenIDConnectProvider', 'UntagOpenIDConnectProvider'],
    },
    held: [],
    invalid: {
      'a URL without a scheme': { url: OIDC },
      'a URL that is not encrypted': { url: `http://${OIDC}` },
      'a URL with a port': { url: 'https://tokens.example.com:8443/law' },
      'a URL with a query': { url: `https://${OIDC}?a=b` },
      'a thumbprint that is too short': { url: `https://${OIDC}`, thumbprintList: ['abc'] },
    },
  },
};
