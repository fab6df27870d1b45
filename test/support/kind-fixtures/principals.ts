import type { JsonObject } from '../../../src/contract/entity.js';
import type { Write } from '../../../src/kinds/kind.js';
import { CERTIFICATE, SSH_KEY } from './certificates.js';
import { ACCOUNT, document, write } from './fixture.js';
import type { KindFixture, PropertyFixture } from './fixture.js';

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
  write('CreatePolicy', { PolicyName, PolicyDocument: JSON.stringify(READ) }),
);
const policyArn = (name: string): string => `arn:aws:iam::${ACCOUNT}:policy/${name}`;

const TAGS = { team: 'platform', stage: 'test' };
const TAGS_REVERSED = { stage: 'test', team: 'platform' };
const EXTRA_TAG = { Tags: [{ Key: 'extra', Value: 'by hand' }] };

const POLICIES_OF_PRINCIPAL = {
  inlinePolicies: { read: READ, write: WRITE },
  managedPolicyArns: [policyArn('law-a'), policyArn('law-b')],
};
const POLICIES_REWRITTEN = {
  inlinePolicies: { write: WRITE_REWRITTEN, read: READ_REWRITTEN },
  managedPolicyArns: [policyArn('law-b'), policyArn('law-a')],
};

const ROLE: JsonObject = {
  roleName: 'law',
  path: '/law/',
  description: 'A role',
  assumeRolePolicyDocument: TRUST,
  maxSessionDuration: 7200,
  permissionsBoundary: policyArn('law-boundary'),
  ...POLICIES_OF_PRINCIPAL,
  tags: TAGS,
};

/** The inline and the managed policies of a principal. */
function policiesOf(kind: 'Role' | 'User' | 'Group'): Readonly<Record<string, PropertyFixture>> {
  const name = { [`${kind}Name`]: 'law' };
  return {
    inlinePolicies: {
      changed: { read: OTHER, write: WRITE },
      manualWrites: [
        write(`Put${kind}Policy`, { ...name, PolicyName: 'read', PolicyDocument: JSON.stringify(OTHER) }),
        write(`Delete${kind}Policy`, { ...name, PolicyName: 'write' }),
      ],
      paths: ['inlinePolicies.read.Statement', 'inlinePolicies.write'],
      operations: [`Put${kind}Policy`],
    },
    managedPolicyArns: {
      changed: [policyArn('law-a'), policyArn('law-b'), policyArn('law-c')],
      manualWrites: [write(`Detach${kind}Policy`, { ...name, PolicyArn: policyArn('law-a') })],
      paths: ['managedPolicyArns'],
      operations: [`Attach${kind}Policy`],
    },
  };
}

/** Adds an inline and a managed policy that are not declared. */
function morePolicies(kind: 'Role' | 'User' | 'Group'): Write[] {
  const name = { [`${kind}Name`]: 'law' };
  return [
    write(`Put${kind}Policy`, { ...name, PolicyName: 'extra', PolicyDocument: JSON.stringify(OTHER) }),
    write(`Attach${kind}Policy`, { ...name, PolicyArn: policyArn('law-c') }),
  ];
}

function boundaryOf(kind: 'Role' | 'User'): PropertyFixture {
  const PermissionsBoundary = policyArn('law-other-boundary');
  return {
    changed: null,
    manualWrites: [write(`Put${kind}PermissionsBoundary`, { [`${kind}Name`]: 'law', PermissionsBoundary })],
    paths: ['permissionsBoundary'],
    operations: [`Put${kind}PermissionsBoundary`, `Delete${kind}PermissionsBoundary`],
  };
}

function pathOf(kind: 'User' | 'Group'): PropertyFixture {
  return {
    changed: '/other/',
    manualWrites: [write(`Update${kind}`, { [`${kind}Name`]: 'law', NewPath: '/by-hand/' })],
    paths: ['path'],
    operations: [`Update${kind}`],
  };
}

const OIDC = 'tokens.example.com/law';
const OIDC_KEY = { OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/${OIDC}` };

/** Roles, users, groups, policies, instance profiles, OpenID Connect providers. */
export const PRINCIPALS: Readonly<Record<string, KindFixture>> = {
  Role: {
    prerequisites: MAKE_POLICIES,
    minimal: { roleName: 'law', assumeRolePolicyDocument: TRUST },
    full: ROLE,
    equivalent: {
      ...ROLE,
      assumeRolePolicyDocument: TRUST_REWRITTEN,
      ...POLICIES_REWRITTEN,
      tags: TAGS_REVERSED,
    },
    otherCase: { roleName: 'LAW', assumeRolePolicyDocument: TRUST },
    sibling: { roleName: 'law-2', assumeRolePolicyDocument: TRUST },
    properties: {
      path: { changed: '/other/', immutable: true },
      description: {
        changed: 'Another role',
        manualWrites: [write('UpdateRole', { RoleName: 'law', Description: 'by hand', MaxSessionDuration: 7200 })],
        paths: ['description'],
        operations: ['UpdateRole'],
      },
      assumeRolePolicyDocument: {
        changed: OTHER_TRUST,
        manualWrites: [
          write('UpdateAssumeRolePolicy', { RoleName: 'law', PolicyDocument: JSON.stringify(OTHER_TRUST) }),
        ],
        paths: ['assumeRolePolicyDocument.Statement'],
        operations: ['UpdateAssumeRolePolicy'],
      },
      maxSessionDuration: {
        changed: 3600,
        manualWrites: [write('UpdateRole', { RoleName: 'law', Description: 'A role', MaxSessionDuration: 10_800 })],
        paths: ['maxSessionDuration'],
        operations: ['UpdateRole'],
      },
      permissionsBoundary: boundaryOf('Role'),
      ...policiesOf('Role'),
    },
    unmanaged: {
      byHand: [...morePolicies('Role'), write('TagRole', { RoleName: 'law', ...EXTRA_TAG })],
      lines: ['inlinePolicies: extra', `managedPolicyArns: ${policyArn('law-c')}`, 'tags: extra'],
      operations: ['DeleteRolePolicy', 'DetachRolePolicy', 'UntagRole'],
    },
    deletionBlockers: [],
    dependents: {
      byHand: [
        write('CreateInstanceProfile', { InstanceProfileName: 'law-profile' }),
        write('AddRoleToInstanceProfile', { InstanceProfileName: 'law-profile', RoleName: 'law' }),
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
        manualWrites: [
          write('CreatePolicyVersion', {
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
      byHand: [write('TagPolicy', { PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/law/law`, ...EXTRA_TAG })],
      lines: ['tags: extra'],
      operations: ['UntagPolicy'],
    },
    deletionBlockers: [READ, OTHER].map((version) =>
      write('CreatePolicyVersion', {
        PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/law/law`,
        PolicyDocument: JSON.stringify(version),
        SetAsDefault: true,
      }),
    ),
    dependents: {
      byHand: [
        write('CreateRole', { RoleName: 'law-role', AssumeRolePolicyDocument: JSON.stringify(TRUST) }),
        write('CreateUser', { UserName: 'law-user' }),
        write('CreateGroup', { GroupName: 'law-group' }),
        write('AttachRolePolicy', { RoleName: 'law-role', PolicyArn: policyArn('law/law') }),
        write('AttachUserPolicy', { UserName: 'law-user', PolicyArn: policyArn('law/law') }),
        write('AttachGroupPolicy', { GroupName: 'law-group', PolicyArn: policyArn('law/law') }),
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
      ...POLICIES_OF_PRINCIPAL,
      tags: TAGS,
    },
    equivalent: {
      userName: 'law',
      path: '/law/',
      permissionsBoundary: policyArn('law-boundary'),
      ...POLICIES_REWRITTEN,
      tags: TAGS_REVERSED,
    },
    otherCase: { userName: 'LAW' },
    sibling: { userName: 'law-2' },
    properties: { path: pathOf('User'), permissionsBoundary: boundaryOf('User'), ...policiesOf('User') },
    unmanaged: {
      byHand: [...morePolicies('User'), write('TagUser', { UserName: 'law', ...EXTRA_TAG })],
      lines: ['inlinePolicies: extra', `managedPolicyArns: ${policyArn('law-c')}`, 'tags: extra'],
      operations: ['DeleteUserPolicy', 'DetachUserPolicy', 'UntagUser'],
    },
    deletionBlockers: [
      write('CreateLoginProfile', { UserName: 'law', Password: 'Not-a-secret-7!' }),
      write('CreateAccessKey', { UserName: 'law' }),
      write('CreateAccessKey', { UserName: 'law' }),
      write('UploadSigningCertificate', { UserName: 'law', CertificateBody: CERTIFICATE }),
      ...['codecommit.amazonaws.com', 'cassandra.amazonaws.com'].map((ServiceName) =>
        write('CreateServiceSpecificCredential', { UserName: 'law', ServiceName }),
      ),
      write('UploadSSHPublicKey', { UserName: 'law', SSHPublicKeyBody: SSH_KEY }),
      ...['law-phone', 'law-tablet'].flatMap((VirtualMFADeviceName) => [
        write('CreateVirtualMFADevice', { VirtualMFADeviceName }),
        write('EnableMFADevice', {
          UserName: 'law',
          SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/${VirtualMFADeviceName}`,
          AuthenticationCode1: '123456',
          AuthenticationCode2: '654321',
        }),
      ]),
      ...['law-admins', 'law-readers'].flatMap((GroupName) => [
        write('CreateGroup', { GroupName }),
        write('AddUserToGroup', { GroupName, UserName: 'law' }),
      ]),
    ],
    invalid: {
      'a name that is too long': { userName: 'x'.repeat(65) },
      'a boundary that is no ARN': { userName: 'law', permissionsBoundary: 'law-boundary' },
      'groups, which the group declares': { userName: 'law', groups: ['law'] },
    },
  },

  Group: {
    prerequisites: [...MAKE_POLICIES, ...['ann', 'ben', 'cid'].map((UserName) => write('CreateUser', { UserName }))],
    minimal: { groupName: 'law' },
    full: { groupName: 'law', path: '/law/', ...POLICIES_OF_PRINCIPAL, users: ['ann', 'ben'] },
    equivalent: { groupName: 'law', path: '/law/', ...POLICIES_REWRITTEN, users: ['Ben', 'ANN'] },
    otherCase: { groupName: 'LAW' },
    sibling: { groupName: 'law-2' },
    properties: {
      path: pathOf('Group'),
      ...policiesOf('Group'),
      users: {
        changed: ['ann', 'ben', 'cid'],
        manualWrites: [write('RemoveUserFromGroup', { GroupName: 'law', UserName: 'ben' })],
        paths: ['users'],
        operations: ['AddUserToGroup'],
      },
    },
    unmanaged: {
      byHand: [...morePolicies('Group'), write('AddUserToGroup', { GroupName: 'law', UserName: 'cid' })],
      lines: ['inlinePolicies: extra', `managedPolicyArns: ${policyArn('law-c')}`, 'users: cid'],
      operations: ['DeleteGroupPolicy', 'DetachGroupPolicy', 'RemoveUserFromGroup'],
    },
    deletionBlockers: [write('AddUserToGroup', { GroupName: 'law', UserName: 'cid' })],
    invalid: {
      'tags, which groups cannot carry': { groupName: 'law', tags: { team: 'platform' } },
      'a member whose name no user can have': { groupName: 'law', users: ['a/b'] },
    },
  },

  InstanceProfile: {
    prerequisites: ['law-web', 'law-db'].map((RoleName) =>
      write('CreateRole', { RoleName, AssumeRolePolicyDocument: JSON.stringify(OTHER_TRUST) }),
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
        manualWrites: [write('RemoveRoleFromInstanceProfile', { InstanceProfileName: 'law', RoleName: 'law-web' })],
        paths: ['roles'],
        operations: ['AddRoleToInstanceProfile'],
      },
    },
    unmanaged: {
      byHand: [write('TagInstanceProfile', { InstanceProfileName: 'law', ...EXTRA_TAG })],
      lines: ['tags: extra'],
      operations: ['UntagInstanceProfile'],
    },
    deletionBlockers: [],
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
        manualWrites: [write('RemoveClientIDFromOpenIDConnectProvider', { ...OIDC_KEY, ClientID: 'law' })],
        paths: ['clientIdList'],
        operations: ['AddClientIDToOpenIDConnectProvider'],
      },
      thumbprintList: {
        changed: ['a'.repeat(40), 'c'.repeat(40)],
        manualWrites: [
          write('UpdateOpenIDConnectProviderThumbprint', { ...OIDC_KEY, ThumbprintList: ['a'.repeat(40)] }),
        ],
        paths: ['thumbprintList'],
        operations: ['UpdateOpenIDConnectProviderThumbprint'],
      },
    },
    unmanaged: {
      byHand: [
        write('AddClientIDToOpenIDConnectProvider', { ...OIDC_KEY, ClientID: 'extra' }),
        write('TagOpenIDConnectProvider', { ...OIDC_KEY, ...EXTRA_TAG }),
      ],
      lines: ['clientIdList: extra', 'tags: extra'],
      operations: ['RemoveClientIDFromOpenIDConnectProvider', 'UntagOpenIDConnectProvider'],
    },
    deletionBlockers: [],
    invalid: {
      'a URL without a scheme': { url: OIDC },
      'a URL that is not encrypted': { url: `http://${OIDC}` },
      'a URL with a port': { url: 'https://tokens.example.com:8443/law' },
      'a URL with a query': { url: `https://${OIDC}?a=b` },
      'a thumbprint that is too short': { url: `https://${OIDC}`, thumbprintList: ['abc'] },
    },
  },
};
