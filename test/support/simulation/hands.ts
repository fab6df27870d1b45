import { allowing, policyArn, trusting } from './manifests.js';
import { ACCOUNT } from './iam/state.js';
import type { IamState, Input } from './iam/state.js';

type HandWrite = readonly [operation: string, input: Input];

const ROLE = { RoleName: 'deploy' };
const USER = { UserName: 'robot' };
const PROFILE = { InstanceProfileName: 'machine' };
const PROVIDER = { OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example` };
const POLICY = { PolicyArn: policyArn('read') };
const DEVICE = { SerialNumber: `arn:aws:iam::${ACCOUNT}:mfa/robot` };
const FOREIGN_TAGS = { Tags: [{ Key: 'pulumi:stack', Value: 'other' }] };

const trust = (...accounts: string[]): Input => ({ AssumeRolePolicyDocument: JSON.stringify(trusting(accounts)) });

function emptied(state: IamState, kind: 'Role' | 'User', name: string): HandWrite[] {
  const entity = state.get(`${kind}/${name}`);
  const key = { [`${kind}Name`]: name };
  return [
    ...(entity?.attached ?? []).map((arn): HandWrite => [`Detach${kind}Policy`, { ...key, PolicyArn: arn }]),
    ...Object.keys(entity?.inline ?? {}).map((policy): HandWrite => [
      `Delete${kind}Policy`,
      { ...key, PolicyName: policy },
    ]),
  ];
}

function deletedRole(state: IamState): HandWrite[] {
  const isInProfile = state.get('InstanceProfile/machine')?.members.includes('deploy') === true;
  return [
    ...emptied(state, 'Role', 'deploy'),
    ...(isInProfile ? [['RemoveRoleFromInstanceProfile', { ...PROFILE, ...ROLE }] as const] : []),
    ['DeleteRole', ROLE],
  ];
}

/** What people and other tools do to the account, by name: the writes depend on what is there. */
const HANDS = {
  'create Role/deploy with AdministratorAccess': () => [
    ['CreateRole', { ...ROLE, ...trust('999999999999') }],
    ['AttachRolePolicy', { ...ROLE, PolicyArn: policyArn('AdministratorAccess') }],
  ],
  'create Role/deploy of another tool': () => [['CreateRole', { ...ROLE, ...trust('999999999999'), ...FOREIGN_TAGS }]],
  'attach AdministratorAccess to Role/deploy': () => [
    ['AttachRolePolicy', { ...ROLE, PolicyArn: policyArn('AdministratorAccess') }],
  ],
  'attach PowerUserAccess to Role/deploy': () => [
    ['AttachRolePolicy', { ...ROLE, PolicyArn: policyArn('PowerUserAccess') }],
  ],
  'detach everything from Role/deploy': (state: IamState) => emptied(state, 'Role', 'deploy'),
  'let Role/deploy trust another account': () => [
    ['UpdateAssumeRolePolicy', { ...ROLE, PolicyDocument: JSON.stringify(trusting(['999999999999'])) }],
  ],
  'remove the boundary of Role/deploy': () => [['DeleteRolePermissionsBoundary', ROLE]],
  'bound Role/deploy by ReadOnlyAccess': () => [
    ['PutRolePermissionsBoundary', { ...ROLE, PermissionsBoundary: policyArn('ReadOnlyAccess') }],
  ],
  'add an inline policy to Role/deploy': () => [
    [
      'PutRolePolicy',
      { ...ROLE, PolicyName: 'by-hand', PolicyDocument: JSON.stringify(allowing(['ec2:RunInstances'])) },
    ],
  ],
  'tag Role/deploy as of another tool': () => [['TagRole', { ...ROLE, ...FOREIGN_TAGS }]],
  'remove the tags of Role/deploy': (state: IamState) => [
    ['UntagRole', { ...ROLE, TagKeys: Object.keys(state.get('Role/deploy')?.tags ?? {}) }],
  ],
  'delete Role/deploy': deletedRole,
  'delete Role/deploy and create it anew': (state: IamState) => [
    ...deletedRole(state),
    ['CreateRole', { ...ROLE, ...trust('999999999999') }],
  ],
  'delete Role/deploy, and another tool creates it': (state: IamState) => [
    ...deletedRole(state),
    ['CreateRole', { ...ROLE, ...trust('999999999999'), ...FOREIGN_TAGS }],
  ],
  'create Role/stranger': () => [['CreateRole', { RoleName: 'stranger', ...trust('999999999999') }]],
  'put Role/stranger into InstanceProfile/machine': (state: IamState) => [
    ['CreateRole', { RoleName: 'stranger', ...trust('999999999999') }],
    ...(state.get('InstanceProfile/machine')?.members ?? []).map((RoleName): HandWrite => [
      'RemoveRoleFromInstanceProfile',
      { ...PROFILE, RoleName },
    ]),
    ['AddRoleToInstanceProfile', { ...PROFILE, RoleName: 'stranger' }],
  ],
  'empty InstanceProfile/machine': (state: IamState) =>
    (state.get('InstanceProfile/machine')?.members ?? []).map((RoleName): HandWrite => [
      'RemoveRoleFromInstanceProfile',
      { ...PROFILE, RoleName },
    ]),
  'delete InstanceProfile/machine and create it elsewhere': (state: IamState) => [
    ...(state.get('InstanceProfile/machine')?.members ?? []).map((RoleName): HandWrite => [
      'RemoveRoleFromInstanceProfile',
      { ...PROFILE, RoleName },
    ]),
    ['DeleteInstanceProfile', PROFILE],
    ['CreateInstanceProfile', { ...PROFILE, Path: '/elsewhere/', Tags: tagsOf(state, 'InstanceProfile/machine') }],
  ],
  'create the provider': () => [
    ['CreateOpenIDConnectProvider', { Url: 'https://tokens.example', ClientIDList: ['by-hand'] }],
  ],
  'create the provider of another tool': () => [
    ['CreateOpenIDConnectProvider', { Url: 'https://tokens.example', ClientIDList: ['other'], ...FOREIGN_TAGS }],
  ],
  'delete the provider': () => [['DeleteOpenIDConnectProvider', PROVIDER]],
  'add a client ID': () => [['AddClientIDToOpenIDConnectProvider', { ...PROVIDER, ClientID: 'by-hand' }]],
  'remove a client ID': () => [['RemoveClientIDFromOpenIDConnectProvider', { ...PROVIDER, ClientID: 'sts' }]],
  'let Role/stranger trust the provider': () => [
    ['CreateRole', { RoleName: 'stranger', ...trust('999999999999') }],
    ['UpdateAssumeRolePolicy', { RoleName: 'stranger', PolicyDocument: JSON.stringify(TRUSTING_PROVIDER) }],
  ],
  'fill Policy/read with versions': (state: IamState) =>
    Array.from({ length: 5 - (state.get('Policy/read')?.versions.length ?? 5) }, (_none, index): HandWrite => [
      'CreatePolicyVersion',
      { ...POLICY, PolicyDocument: JSON.stringify(allowing([`ec2:Describe${String(index)}`])) },
    ]),
  'add a version to Policy/read': () => [
    ['CreatePolicyVersion', { ...POLICY, PolicyDocument: JSON.stringify(allowing(['ec2:DescribeVpcs'])) }],
  ],
  'create Policy/read': () => [
    ['CreatePolicy', { PolicyName: 'read', PolicyDocument: JSON.stringify(allowing(['s3:ListBucket'])) }],
  ],
  'create User/robot': () => [['CreateUser', USER]],
  'attach AdministratorAccess to User/robot': () => [
    ['AttachUserPolicy', { ...USER, PolicyArn: policyArn('AdministratorAccess') }],
  ],
  'give the device to User/robot': () => [['EnableMFADevice', { ...USER, ...DEVICE }]],
  'create Group/people': () => [['CreateGroup', { GroupName: 'people' }]],
  'add User/robot to Group/people': () => [['AddUserToGroup', { GroupName: 'people', ...USER }]],
  'delete Group/people': (state: IamState) => [
    ...(state.get('Group/people')?.members ?? []).map((UserName): HandWrite => [
      'RemoveUserFromGroup',
      { GroupName: 'people', UserName },
    ]),
    ['DeleteGroup', { GroupName: 'people' }],
  ],
  'set the password policy': () => [['UpdateAccountPasswordPolicy', { MinimumPasswordLength: 20 }]],
  'delete the password policy': () => [['DeleteAccountPasswordPolicy', {}]],
} as const satisfies Readonly<Record<string, (state: IamState) => readonly HandWrite[]>>;

const TRUSTING_PROVIDER = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { Federated: PROVIDER.OpenIDConnectProviderArn },
      Action: 'sts:AssumeRoleWithWebIdentity',
    },
  ],
};

/** Names of all writes by hand. */
export const HAND_NAMES = Object.keys(HANDS);

function tagsOf(state: IamState, key: string): { Key: string; Value: string }[] {
  return Object.entries(state.get(key)?.tags ?? {}).map(([Key, Value]) => ({ Key, Value }));
}

/** Returns the writes of a hand. */
export function handWrites(name: string, state: IamState): readonly HandWrite[] {
  const hand = (HANDS as Readonly<Record<string, (state: IamState) => readonly HandWrite[]>>)[name];
  if (hand === undefined) throw new Error(`no hand "${name}"`);
  return hand(state);
}
