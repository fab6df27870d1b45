import { iamFailure } from './failure.js';
import { arnIn, devicesOf, find, findPolicy, groupsOf, usersOf } from './reads.js';
import { isAwsPolicy, keyOf, newEntity, text } from './state.js';
import type { IamEntity, IamState, Input } from './state.js';

/** The account after a write, and what AWS replies. */
interface Written {
  readonly state: IamState;
  readonly output?: unknown;
}

/** A moment of the account: the state, the time and the number of the next incarnation. */
interface Moment {
  readonly state: IamState;
  readonly at: number;
  readonly incarnation: number;
}

type Write = (moment: Moment, input: Input) => Written;

/** Versions that IAM stores of one policy. */
const MAX_VERSIONS = 5;

/** Carries out a write, or throws as AWS does and changes nothing. */
export function write(moment: Moment, operation: string, input: Input): Written {
  const known = WRITES[operation];
  if (known === undefined) throw new TypeError(`the simulated IAM has no write ${operation}`);
  return known(moment, input);
}

function put(state: IamState, entity: IamEntity): Written {
  return { state: new Map(state).set(keyOf(entity.kind, entity.name), entity) };
}

function remove(state: IamState, { kind, name }: IamEntity): Written {
  const rest = new Map(state);
  rest.delete(keyOf(kind, name));
  return { state: rest };
}

function tagsOf(input: Input): Record<string, string> {
  const tags = (input['Tags'] ?? []) as readonly { readonly Key: string; readonly Value: string }[];
  return Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value]));
}

function without<T>(record: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => !names.includes(name)));
}

function conflict(message: string): Error {
  return iamFailure('DeleteConflict', `Cannot delete entity, must ${message} first.`);
}

/** Creates an entity whose name is free. */
function create(
  { state, at, incarnation }: Moment,
  kind: string,
  name: string,
  arn: string,
  more: Partial<IamEntity>,
): Written {
  if (state.has(keyOf(kind, name)))
    throw iamFailure('EntityAlreadyExists', `${kind} with name ${name} already exists.`);
  return put(state, newEntity({ kind, name, arn, incarnation, createdAt: at, ...more }));
}

/** Returns a write that changes one entity, which must exist. */
function change(
  locate: (state: IamState, input: Input) => IamEntity,
  change: (entity: IamEntity, input: Input, moment: Moment) => Partial<IamEntity>,
): Write {
  return (moment, input) => {
    const entity = locate(moment.state, input);
    return put(moment.state, { ...entity, ...change(entity, input, moment) });
  };
}

const named =
  (kind: string) =>
  (state: IamState, input: Input): IamEntity =>
    find(state, kind, text(input, `${kind}Name`));
const byPolicyArn = (state: IamState, input: Input): IamEntity => findPolicy(state, text(input, 'PolicyArn'));
const byArn =
  (kind: string, member: string) =>
  (state: IamState, input: Input): IamEntity => {
    const arn = text(input, member);
    return find(state, kind, arn.slice(arn.indexOf('/') + 1));
  };

function tagging(
  entity: string,
  locate: (state: IamState, input: Input) => IamEntity,
): Readonly<Record<string, Write>> {
  return {
    [`Tag${entity}`]: change(locate, ({ tags }, input) => ({ tags: { ...tags, ...tagsOf(input) } })),
    [`Untag${entity}`]: change(locate, ({ tags }, input) => ({
      tags: without(tags, input['TagKeys'] as readonly string[]),
    })),
  };
}

/** The writes that roles, users and groups have in common. */
function principalWrites(kind: 'Role' | 'User' | 'Group'): Readonly<Record<string, Write>> {
  const locate = named(kind);
  return {
    [`Put${kind}Policy`]: change(locate, ({ inline }, input) => ({
      inline: { ...inline, [text(input, 'PolicyName')]: text(input, 'PolicyDocument') },
    })),
    [`Delete${kind}Policy`]: change(locate, ({ inline }, input) => {
      const name = text(input, 'PolicyName');
      if (!Object.hasOwn(inline, name)) throw iamFailure('NoSuchEntity', `no policy ${name}`);
      return { inline: without(inline, [name]) };
    }),
    [`Attach${kind}Policy`]: change(locate, ({ attached }, input, { state }) => {
      const arn = text(input, 'PolicyArn');
      if (!isAwsPolicy(arn)) findPolicy(state, arn);
      if (attached.length >= 10) throw iamFailure('LimitExceeded', `Cannot exceed quota for PoliciesPer${kind}: 10`);
      return { attached: attached.includes(arn) ? attached : [...attached, arn] };
    }),
    [`Detach${kind}Policy`]: change(locate, ({ attached }, input) => {
      const arn = text(input, 'PolicyArn');
      if (!attached.includes(arn)) throw iamFailure('NoSuchEntity', `Policy ${arn} was not found.`);
      return { attached: attached.filter((one) => one !== arn) };
    }),
    [`Put${kind}PermissionsBoundary`]: change(locate, (_entity, input) => ({
      boundary: text(input, 'PermissionsBoundary'),
    })),
    [`Delete${kind}PermissionsBoundary`]: change(locate, () => ({ boundary: null })),
  };
}

function assertEmpty({ attached, inline }: IamEntity): void {
  if (attached.length > 0) throw conflict('detach all policies');
  if (Object.keys(inline).length > 0) throw conflict('delete policies');
}

const ROLE_WRITES: Readonly<Record<string, Write>> = {
  ...principalWrites('Role'),
  ...tagging('Role', named('Role')),
  CreateRole: (moment, input) => {
    const [name, path] = [text(input, 'RoleName'), text(input, 'Path') || '/'];
    return create(moment, 'Role', name, arnIn('role', path, name), {
      path,
      tags: tagsOf(input),
      description: text(input, 'Description'),
      maxSessionDuration: (input['MaxSessionDuration'] as number | undefined) ?? 3600,
      trust: text(input, 'AssumeRolePolicyDocument'),
      boundary: text(input, 'PermissionsBoundary') || null,
    });
  },
  UpdateAssumeRolePolicy: change(named('Role'), (_role, input) => ({ trust: text(input, 'PolicyDocument') })),
  UpdateRole: change(named('Role'), (_role, input) => ({
    description: text(input, 'Description'),
    maxSessionDuration: input['MaxSessionDuration'] as number,
  })),
  DeleteRole: ({ state }, input) => {
    const role = named('Role')(state, input);
    assertEmpty(role);
    const isUsed = [...state.values()].some(
      ({ kind, members }) => kind === 'InstanceProfile' && members.includes(role.name),
    );
    if (isUsed) throw conflict('remove roles from instance profile');
    return remove(state, role);
  },
};

const USER_WRITES: Readonly<Record<string, Write>> = {
  ...principalWrites('User'),
  ...tagging('User', named('User')),
  CreateUser: (moment, input) => {
    const [name, path] = [text(input, 'UserName'), text(input, 'Path') || '/'];
    return create(moment, 'User', name, arnIn('user', path, name), {
      path,
      tags: tagsOf(input),
      boundary: text(input, 'PermissionsBoundary') || null,
    });
  },
  DeleteUser: ({ state }, input) => {
    const user = named('User')(state, input);
    assertEmpty(user);
    if (groupsOf(state, user.name).length > 0) throw conflict('remove users from group');
    if (devicesOf(state, user.name).length > 0) throw conflict('delete MFA devices');
    return remove(state, user);
  },
};

const GROUP_WRITES: Readonly<Record<string, Write>> = {
  ...principalWrites('Group'),
  CreateGroup: (moment, input) => {
    const [name, path] = [text(input, 'GroupName'), text(input, 'Path') || '/'];
    return create(moment, 'Group', name, arnIn('group', path, name), { path });
  },
  AddUserToGroup: change(named('Group'), ({ members }, input, { state }) => {
    const { name } = find(state, 'User', text(input, 'UserName'));
    return { members: members.includes(name) ? members : [...members, name] };
  }),
  RemoveUserFromGroup: change(named('Group'), ({ members }, input) => ({
    members: members.filter((name) => name !== input['UserName']),
  })),
  DeleteGroup: ({ state }, input) => {
    const group = named('Group')(state, input);
    assertEmpty(group);
    if (group.members.length > 0) throw conflict('remove users from group');
    return remove(state, group);
  },
};

const POLICY_WRITES: Readonly<Record<string, Write>> = {
  ...tagging('Policy', byPolicyArn),
  CreatePolicy: (moment, input) => {
    const [name, path] = [text(input, 'PolicyName'), text(input, 'Path') || '/'];
    const version = { id: 'v1', document: text(input, 'PolicyDocument'), isDefault: true, createdAt: moment.at };
    return create(moment, 'Policy', name, arnIn('policy', path, name), {
      path,
      tags: tagsOf(input),
      description: text(input, 'Description'),
      versions: [version],
    });
  },
  CreatePolicyVersion: change(byPolicyArn, ({ versions }, input, { at }) => {
    if (versions.length >= MAX_VERSIONS) {
      throw iamFailure('LimitExceeded', 'A managed policy can have up to 5 versions.');
    }
    const numbers = versions.map(({ id }) => Number(id.slice(1)));
    const isDefault = input['SetAsDefault'] === true;
    const version = { id: `v${String(Math.max(...numbers) + 1)}`, document: text(input, 'PolicyDocument') };
    const others = versions.map((one) => ({ ...one, isDefault: one.isDefault && !isDefault }));
    return { versions: [...others, { ...version, isDefault, createdAt: at }] };
  }),
  SetDefaultPolicyVersion: change(byPolicyArn, ({ versions }, input) => {
    if (!versions.some(({ id }) => id === input['VersionId'])) throw iamFailure('NoSuchEntity', 'no such version');
    return { versions: versions.map((one) => ({ ...one, isDefault: one.id === input['VersionId'] })) };
  }),
  DeletePolicyVersion: change(byPolicyArn, ({ versions }, input) => {
    const version = versions.find(({ id }) => id === input['VersionId']);
    if (version === undefined) throw iamFailure('NoSuchEntity', 'no such version');
    if (version.isDefault) throw iamFailure('DeleteConflict', 'Cannot delete the default version of a policy.');
    return { versions: versions.filter((one) => one !== version) };
  }),
  DeletePolicy: ({ state }, input) => {
    const policy = byPolicyArn(state, input);
    const isUsed = usersOf(state, policy.arn, 'attached').length + usersOf(state, policy.arn, 'boundary').length > 0;
    if (isUsed) throw conflict('detach the policy from all entities');
    if (policy.versions.length > 1) throw conflict('delete all versions but the default one');
    return remove(state, policy);
  },
};

const PROFILE_WRITES: Readonly<Record<string, Write>> = {
  ...tagging('InstanceProfile', named('InstanceProfile')),
  CreateInstanceProfile: (moment, input) => {
    const [name, path] = [text(input, 'InstanceProfileName'), text(input, 'Path') || '/'];
    const arn = arnIn('instance-profile', path, name);
    return create(moment, 'InstanceProfile', name, arn, { path, tags: tagsOf(input) });
  },
  AddRoleToInstanceProfile: change(named('InstanceProfile'), ({ members }, input, { state }) => {
    const { name } = find(state, 'Role', text(input, 'RoleName'));
    if (members.length > 0) {
      throw iamFailure('LimitExceeded', 'Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1');
    }
    return { members: [name] };
  }),
  RemoveRoleFromInstanceProfile: change(named('InstanceProfile'), ({ members }, input) => {
    if (!members.includes(text(input, 'RoleName'))) throw iamFailure('NoSuchEntity', 'no such role in the profile');
    return { members: [] };
  }),
  DeleteInstanceProfile: ({ state }, input) => {
    const profile = named('InstanceProfile')(state, input);
    if (profile.members.length > 0) throw conflict('remove roles from instance profile');
    return remove(state, profile);
  },
};

const byProviderArn = byArn('OpenIDConnectProvider', 'OpenIDConnectProviderArn');

const PROVIDER_WRITES: Readonly<Record<string, Write>> = {
  ...tagging('OpenIDConnectProvider', byProviderArn),
  CreateOpenIDConnectProvider: (moment, input) => {
    const name = text(input, 'Url').replace('https://', '');
    return create(moment, 'OpenIDConnectProvider', name, arnIn('oidc-provider', '/', name), {
      tags: tagsOf(input),
      clientIds: (input['ClientIDList'] ?? []) as readonly string[],
      thumbprints: (input['ThumbprintList'] ?? []) as readonly string[],
    });
  },
  AddClientIDToOpenIDConnectProvider: change(byProviderArn, ({ clientIds }, input) => ({
    clientIds: [...new Set([...clientIds, text(input, 'ClientID')])],
  })),
  RemoveClientIDFromOpenIDConnectProvider: change(byProviderArn, ({ clientIds }, input) => ({
    clientIds: clientIds.filter((id) => id !== input['ClientID']),
  })),
  UpdateOpenIDConnectProviderThumbprint: change(byProviderArn, (_provider, input) => ({
    thumbprints: input['ThumbprintList'] as readonly string[],
  })),
  DeleteOpenIDConnectProvider: ({ state }, input) => remove(state, byProviderArn(state, input)),
};

const bySerial = byArn('VirtualMFADevice', 'SerialNumber');

const OTHER_WRITES: Readonly<Record<string, Write>> = {
  ...tagging('MFADevice', bySerial),
  CreateVirtualMFADevice: (moment, input) => {
    const path = text(input, 'Path') || '/';
    const name = `${path.slice(1)}${text(input, 'VirtualMFADeviceName')}`;
    const arn = arnIn('mfa', '/', name);
    const { state } = create(moment, 'VirtualMFADevice', name, arn, { tags: tagsOf(input) });
    return { state, output: { VirtualMFADevice: { SerialNumber: arn, Base32StringSeed: new Uint8Array([65]) } } };
  },
  EnableMFADevice: change(bySerial, (_device, input) => ({ members: [text(input, 'UserName')] })),
  DeactivateMFADevice: change(bySerial, () => ({ members: [] })),
  DeleteVirtualMFADevice: ({ state }, input) => {
    const device = bySerial(state, input);
    if (device.members.length > 0) throw iamFailure('DeleteConflict', 'The device is assigned to a user.');
    return remove(state, device);
  },
  UpdateAccountPasswordPolicy: ({ state, at, incarnation }, settings) =>
    put(
      state,
      newEntity({
        kind: 'AccountPasswordPolicy',
        name: 'account',
        arn: arnIn('root', '', ''),
        incarnation: state.get(keyOf('AccountPasswordPolicy', 'account'))?.incarnation ?? incarnation,
        createdAt: at,
        settings,
      }),
    ),
  DeleteAccountPasswordPolicy: ({ state }) => remove(state, find(state, 'AccountPasswordPolicy', 'account')),
};

const WRITES: Readonly<Record<string, Write>> = {
  ...ROLE_WRITES,
  ...USER_WRITES,
  ...GROUP_WRITES,
  ...POLICY_WRITES,
  ...PROFILE_WRITES,
  ...PROVIDER_WRITES,
  ...OTHER_WRITES,
};
