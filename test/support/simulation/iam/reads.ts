import { ACCOUNT, keyOf, nameOfArn, text } from './state.js';
import type { IamEntity, IamState, Input } from './state.js';
import { iamFailure } from './failure.js';

type Read = (state: IamState, input: Input) => unknown;

/** Carries out a read. */
export function read(state: IamState, operation: string, input: Input): unknown {
  const known = READS[operation];
  if (known === undefined) throw new TypeError(`the simulated IAM has no read ${operation}`);
  return known(state, input);
}

/** Reports whether an operation reads. */
export function isRead(operation: string): boolean {
  return Object.hasOwn(READS, operation);
}

/** Returns an entity that must exist. */
export function find(state: IamState, kind: string, name: string): IamEntity {
  const entity = state.get(keyOf(kind, name));
  // A name in another case answers to no call that names it.
  if (entity?.name !== name) throw iamFailure('NoSuchEntity', `${kind} ${name} does not exist`);
  return entity;
}

function all(state: IamState, kind: string): IamEntity[] {
  return [...state.values()].filter((entity) => entity.kind === kind);
}

function tagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function detail(entity: IamEntity): Record<string, unknown> {
  return {
    Path: entity.path,
    [`${entity.kind}Name`]: entity.name,
    Arn: entity.arn,
    CreateDate: new Date(entity.createdAt),
    ...(Object.keys(entity.tags).length > 0 ? { Tags: tagList(entity.tags) } : {}),
    ...(entity.boundary === null ? {} : { PermissionsBoundary: { PermissionsBoundaryArn: entity.boundary } }),
    ...(entity.trust === '' ? {} : { AssumeRolePolicyDocument: encodeURIComponent(entity.trust) }),
  };
}

function scalars(entity: IamEntity): Record<string, unknown> {
  return { Description: entity.description, MaxSessionDuration: entity.maxSessionDuration };
}

function attachedList({ attached }: IamEntity): unknown[] {
  return attached.map((PolicyArn) => ({ PolicyArn, PolicyName: nameOfArn(PolicyArn) }));
}

function inlineList({ inline }: IamEntity): unknown[] {
  return Object.entries(inline).map(([PolicyName, document]) => ({
    PolicyName,
    PolicyDocument: encodeURIComponent(document),
  }));
}

function versionList({ versions }: IamEntity): unknown[] {
  return versions.map((version) => ({
    VersionId: version.id,
    IsDefaultVersion: version.isDefault,
    CreateDate: new Date(version.createdAt),
    Document: encodeURIComponent(version.document),
  }));
}

function profileOf(state: IamState, entity: IamEntity): unknown {
  const roles = entity.members.flatMap((name) => state.get(keyOf('Role', name)) ?? []);
  return { ...detail(entity), Roles: roles.map(detail) };
}

/** Returns a customer managed policy by its ARN. */
export function findPolicy(state: IamState, arn: string): IamEntity {
  const entity = state.get(keyOf('Policy', nameOfArn(arn)));
  if (entity?.arn !== arn) throw iamFailure('NoSuchEntity', `Policy ${arn} does not exist`);
  return entity;
}

/** Returns the user that has a group or a device. */
export function groupsOf(state: IamState, userName: string): IamEntity[] {
  return all(state, 'Group').filter(({ members }) => members.includes(userName));
}

/** Returns the MFA devices of a user. */
export function devicesOf(state: IamState, userName: string): IamEntity[] {
  return all(state, 'VirtualMFADevice').filter(({ members }) => members.includes(userName));
}

/** Returns the roles, users and groups that use a policy, and how. */
export function usersOf(state: IamState, arn: string, usage: 'attached' | 'boundary'): IamEntity[] {
  return [...state.values()].filter((entity) =>
    usage === 'attached' ? entity.attached.includes(arn) : entity.boundary === arn,
  );
}

const nameOf = (kind: string) => (input: Input) => text(input, `${kind}Name`);

function principalReads(kind: 'Role' | 'User' | 'Group'): Readonly<Record<string, Read>> {
  const name = nameOf(kind);
  return {
    [`List${kind}Policies`]: (state, input) => ({ PolicyNames: Object.keys(find(state, kind, name(input)).inline) }),
    [`Get${kind}Policy`]: (state, input) => {
      const document = find(state, kind, name(input)).inline[text(input, 'PolicyName')];
      if (document === undefined) throw iamFailure('NoSuchEntity', `no policy ${text(input, 'PolicyName')}`);
      return { PolicyDocument: encodeURIComponent(document) };
    },
    [`ListAttached${kind}Policies`]: (state, input) => ({
      AttachedPolicies: attachedList(find(state, kind, name(input))),
    }),
  };
}

const nothing =
  (member: string): Read =>
  (state, input) => {
    find(state, 'User', text(input, 'UserName'));
    return { [member]: [] };
  };

const READS: Readonly<Record<string, Read>> = {
  ...principalReads('Role'),
  ...principalReads('User'),
  ...principalReads('Group'),
  GetAccountSummary: (state) => ({
    SummaryMap: {
      Roles: all(state, 'Role').length,
      RolesQuota: 1000,
      Policies: all(state, 'Policy').length,
      PoliciesQuota: 1500,
      AttachedPoliciesPerRoleQuota: 10,
      AttachedPoliciesPerUserQuota: 10,
    },
  }),
  GetAccountAuthorizationDetails: (state) => ({
    RoleDetailList: all(state, 'Role').map((role) => ({
      ...detail(role),
      RolePolicyList: inlineList(role),
      AttachedManagedPolicies: attachedList(role),
      InstanceProfileList: all(state, 'InstanceProfile')
        .filter(({ members }) => members.includes(role.name))
        .map((profile) => profileOf(state, profile)),
    })),
    UserDetailList: all(state, 'User').map((user) => ({
      ...detail(user),
      UserPolicyList: inlineList(user),
      AttachedManagedPolicies: attachedList(user),
      GroupList: groupsOf(state, user.name).map((group) => group.name),
    })),
    GroupDetailList: all(state, 'Group').map((group) => ({
      ...detail(group),
      GroupPolicyList: inlineList(group),
      AttachedManagedPolicies: attachedList(group),
    })),
    // The details show no tags of policies.
    Policies: all(state, 'Policy').map((policy) => {
      const shown = detail({ ...policy, tags: {} });
      return { ...shown, PolicyVersionList: versionList(policy) };
    }),
    IsTruncated: false,
  }),
  ListRoles: (state) => ({ Roles: all(state, 'Role').map((role) => ({ ...detail(role), ...scalars(role) })) }),
  GetRole: (state, input) => {
    const role = find(state, 'Role', text(input, 'RoleName'));
    return { Role: { ...detail(role), ...scalars(role) } };
  },
  ListRoleTags: (state, input) => ({ Tags: tagList(find(state, 'Role', text(input, 'RoleName')).tags) }),
  ListInstanceProfilesForRole: (state, input) => {
    const role = find(state, 'Role', text(input, 'RoleName'));
    const profiles = all(state, 'InstanceProfile').filter(({ members }) => members.includes(role.name));
    return { InstanceProfiles: profiles.map((profile) => profileOf(state, profile)) };
  },
  GetUser: (state, input) => ({ User: detail(find(state, 'User', text(input, 'UserName'))) }),
  ListUsers: (state) => ({ Users: all(state, 'User').map(detail) }),
  ListUserTags: (state, input) => ({ Tags: tagList(find(state, 'User', text(input, 'UserName')).tags) }),
  ListGroupsForUser: (state, input) => ({ Groups: groupsOf(state, text(input, 'UserName')).map(detail) }),
  ListMFADevices: (state, input) => ({
    MFADevices: devicesOf(state, text(input, 'UserName')).map(({ arn }) => ({ SerialNumber: arn })),
  }),
  GetLoginProfile: (_state, input) => {
    throw iamFailure('NoSuchEntity', `${text(input, 'UserName')} has no login profile`);
  },
  ListAccessKeys: nothing('AccessKeyMetadata'),
  ListSigningCertificates: nothing('Certificates'),
  ListSSHPublicKeys: nothing('SSHPublicKeys'),
  ListServiceSpecificCredentials: nothing('ServiceSpecificCredentials'),
  GetGroup: (state, input) => {
    const group = find(state, 'Group', text(input, 'GroupName'));
    const users = group.members.flatMap((name) => state.get(keyOf('User', name)) ?? []);
    return { Group: detail(group), Users: users.map(detail), IsTruncated: false };
  },
  ListPolicies: (state) => ({ Policies: all(state, 'Policy').map(detail) }),
  GetPolicy: (state, input) => ({ Policy: detail(findPolicy(state, text(input, 'PolicyArn'))) }),
  ListPolicyTags: (state, input) => ({ Tags: tagList(findPolicy(state, text(input, 'PolicyArn')).tags) }),
  ListPolicyVersions: (state, input) => ({ Versions: versionList(findPolicy(state, text(input, 'PolicyArn'))) }),
  GetPolicyVersion: (state, input) => {
    const version = versionList(findPolicy(state, text(input, 'PolicyArn'))).find(
      (one) => (one as { VersionId: string }).VersionId === input['VersionId'],
    );
    if (version === undefined) throw iamFailure('NoSuchEntity', `no version ${text(input, 'VersionId')}`);
    return { PolicyVersion: version };
  },
  ListEntitiesForPolicy: (state, input) => {
    const usage = input['PolicyUsageFilter'] === 'PermissionsBoundary' ? 'boundary' : 'attached';
    const users = usersOf(state, text(input, 'PolicyArn'), usage);
    const named = (kind: string): unknown[] => users.filter((user) => user.kind === kind).map(detail);
    return { PolicyRoles: named('Role'), PolicyUsers: named('User'), PolicyGroups: named('Group') };
  },
  ListInstanceProfiles: (state) => ({
    InstanceProfiles: all(state, 'InstanceProfile').map((profile) => profileOf(state, profile)),
  }),
  GetInstanceProfile: (state, input) => ({
    InstanceProfile: profileOf(state, find(state, 'InstanceProfile', text(input, 'InstanceProfileName'))),
  }),
  ListOpenIDConnectProviders: (state) => ({
    OpenIDConnectProviderList: all(state, 'OpenIDConnectProvider').map(({ arn }) => ({ Arn: arn })),
  }),
  GetOpenIDConnectProvider: (state, input) => {
    const arn = text(input, 'OpenIDConnectProviderArn');
    const provider = find(state, 'OpenIDConnectProvider', arn.slice(arn.indexOf('/') + 1));
    return {
      Url: provider.name,
      ClientIDList: [...provider.clientIds],
      ThumbprintList: [...provider.thumbprints],
      CreateDate: new Date(provider.createdAt),
      Tags: tagList(provider.tags),
    };
  },
  ListSAMLProviders: () => ({ SAMLProviderList: [] }),
  ListVirtualMFADevices: (state, input) => ({
    VirtualMFADevices: all(state, 'VirtualMFADevice')
      .filter(({ members }) => input['AssignmentStatus'] !== 'Assigned' || members.length > 0)
      .map(({ arn, members: [user] }) => ({
        SerialNumber: arn,
        ...(user === undefined ? {} : { User: { UserName: user } }),
      })),
  }),
  ListMFADeviceTags: (state, input) => {
    const serial = text(input, 'SerialNumber');
    return { Tags: tagList(find(state, 'VirtualMFADevice', serial.slice(serial.indexOf('/') + 1)).tags) };
  },
  GetAccountPasswordPolicy: (state) => ({
    PasswordPolicy: find(state, 'AccountPasswordPolicy', 'account').settings,
  }),
  ListAccountAliases: (state) => ({ AccountAliases: all(state, 'AccountAlias').map(({ name }) => name) }),
};

/** Returns the ARN of an entity of the account. */
export function arnIn(type: string, path: string, name: string): string {
  return `arn:aws:iam::${ACCOUNT}:${type}${path}${name}`;
}
