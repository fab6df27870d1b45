import { harmOf } from './documents.js';

/** Begins the message of a call that the gateway does not send. */
export const REFUSED = 'the acceptance run does not send this';

/** Names that belong together: those that begin with a text, in any case. */
export interface NameScope {
  /** Begins every name, in lower case. For a run: the prefix with the ID of the run. */
  readonly start: string;
  /** Decides by the rest of a name, in lower case. Default: any. */
  readonly rest?: (rest: string) => boolean;
}

/** The writes that a run may send. */
export interface WriteScope extends NameScope {
  readonly account: string;
  readonly partition: string;
  /** True where the settings that an account has once may be written. */
  readonly accountSettings: boolean;
  /** True where nothing may be made, only taken away. */
  readonly deletesOnly?: boolean;
}

/** Reports whether a name belongs to a scope. */
export function isInScope(name: string, { start, rest }: NameScope): boolean {
  const folded = name.toLowerCase();
  return folded.startsWith(start) && (rest === undefined || rest(folded.slice(start.length)));
}

type Params = Readonly<Record<string, string>>;

/** Returns the names of the entities that a write changes; undefined members were not sent. */
type Subjects = (params: Params) => readonly (string | undefined)[];

const named =
  (...members: readonly string[]): Subjects =>
  (params) =>
    members.map((member) => params[member]);
/** The name at the end of an ARN, whatever its path. */
const arn =
  (member: string): Subjects =>
  (params) => [params[member]?.slice(params[member].lastIndexOf('/') + 1)];
/** The last segment of the URL of an identity provider. */
const url: Subjects = ({ Url }) => [Url?.slice(Url.lastIndexOf('/') + 1)];
/** Service-linked roles have the names that AWS gives them, with the suffix at the end. */
const linkedRole: Subjects = ({ CustomSuffix }) => [CustomSuffix];
const linkedRoleName: Subjects = ({ RoleName }) => [RoleName?.slice(RoleName.indexOf('_') + 1)];
const role: Subjects = ({ RoleName }) => [
  RoleName !== undefined && /^AWSServiceRoleFor\w+?_/.test(RoleName)
    ? RoleName.slice(RoleName.indexOf('_') + 1)
    : RoleName,
];
const user = named('UserName');
const group = named('GroupName');
const profile = named('InstanceProfileName');
const policy = arn('PolicyArn');
const oidc = arn('OpenIDConnectProviderArn');
const saml = arn('SAMLProviderArn');
const certificate = named('ServerCertificateName');
const device = arn('SerialNumber');
const both =
  (...all: readonly Subjects[]): Subjects =>
  (params) =>
    all.flatMap((one) => one(params));
/** A new name counts where it is sent. */
const renamed =
  (subjects: Subjects, member: string): Subjects =>
  (params) => [...subjects(params), ...(params[member] === undefined ? [] : [params[member]])];

/** Every write that a run may send, with the entities that it changes. A write that is missing here is refused. */
const SUBJECTS: Readonly<Record<string, Subjects>> = {
  ...of(role, 'CreateRole', 'DeleteRole', 'UpdateRole', 'UpdateRoleDescription', 'UpdateAssumeRolePolicy'),
  ...of(role, 'TagRole', 'UntagRole', 'PutRolePolicy', 'DeleteRolePolicy', 'AttachRolePolicy', 'DetachRolePolicy'),
  ...of(role, 'PutRolePermissionsBoundary', 'DeleteRolePermissionsBoundary'),
  CreateServiceLinkedRole: linkedRole,
  DeleteServiceLinkedRole: linkedRoleName,
  ...of(user, 'CreateUser', 'DeleteUser', 'TagUser', 'UntagUser'),
  UpdateUser: renamed(user, 'NewUserName'),
  ...of(user, 'PutUserPolicy', 'DeleteUserPolicy', 'AttachUserPolicy', 'DetachUserPolicy'),
  ...of(user, 'PutUserPermissionsBoundary', 'DeleteUserPermissionsBoundary'),
  ...of(user, 'CreateLoginProfile', 'UpdateLoginProfile', 'DeleteLoginProfile'),
  ...of(user, 'CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey'),
  ...of(user, 'UploadSigningCertificate', 'UpdateSigningCertificate', 'DeleteSigningCertificate'),
  ...of(user, 'UploadSSHPublicKey', 'UpdateSSHPublicKey', 'DeleteSSHPublicKey'),
  ...of(user, 'CreateServiceSpecificCredential', 'UpdateServiceSpecificCredential'),
  ...of(user, 'ResetServiceSpecificCredential', 'DeleteServiceSpecificCredential'),
  ...of(both(user, device), 'EnableMFADevice', 'DeactivateMFADevice'),
  ...of(group, 'CreateGroup', 'DeleteGroup', 'PutGroupPolicy', 'DeleteGroupPolicy'),
  ...of(group, 'AttachGroupPolicy', 'DetachGroupPolicy'),
  ...of(both(group, user), 'AddUserToGroup', 'RemoveUserFromGroup'),
  UpdateGroup: renamed(group, 'NewGroupName'),
  CreatePolicy: named('PolicyName'),
  ...of(policy, 'DeletePolicy', 'CreatePolicyVersion', 'SetDefaultPolicyVersion', 'DeletePolicyVersion'),
  ...of(policy, 'TagPolicy', 'UntagPolicy'),
  ...of(profile, 'CreateInstanceProfile', 'DeleteInstanceProfile', 'TagInstanceProfile', 'UntagInstanceProfile'),
  ...of(both(profile, role), 'AddRoleToInstanceProfile', 'RemoveRoleFromInstanceProfile'),
  CreateOpenIDConnectProvider: url,
  ...of(oidc, 'DeleteOpenIDConnectProvider', 'UpdateOpenIDConnectProviderThumbprint'),
  ...of(oidc, 'AddClientIDToOpenIDConnectProvider', 'RemoveClientIDFromOpenIDConnectProvider'),
  ...of(oidc, 'TagOpenIDConnectProvider', 'UntagOpenIDConnectProvider'),
  CreateSAMLProvider: named('Name'),
  ...of(saml, 'UpdateSAMLProvider', 'DeleteSAMLProvider', 'TagSAMLProvider', 'UntagSAMLProvider'),
  ...of(certificate, 'UploadServerCertificate', 'DeleteServerCertificate'),
  ...of(certificate, 'TagServerCertificate', 'UntagServerCertificate'),
  UpdateServerCertificate: renamed(certificate, 'NewServerCertificateName'),
  CreateVirtualMFADevice: named('VirtualMFADeviceName'),
  ...of(device, 'DeleteVirtualMFADevice', 'TagMFADevice', 'UntagMFADevice'),
};

/** Writes of settings that an account has once. They can be undone, and are sent only where the user allows them. */
const ACCOUNT_SETTINGS: ReadonlySet<string> = new Set([
  'CreateAccountAlias',
  'DeleteAccountAlias',
  'UpdateAccountPasswordPolicy',
  'DeleteAccountPasswordPolicy',
  'SetSecurityTokenServicePreferences',
]);

function of(subjects: Subjects, ...actions: readonly string[]): Record<string, Subjects> {
  return Object.fromEntries(actions.map((action) => [action, subjects]));
}

/** Reports whether an action of IAM changes nothing. */
export function isRead(action: string): boolean {
  return /^(Get|List)[A-Z]\w*$/.test(action);
}

/** Writes that only take away. A setting of STS is set back. */
const TAKES_AWAY = /^(Delete|Detach|Remove|Deactivate|Untag)[A-Z]|^SetSecurityTokenServicePreferences$/;

/** Reports whether a write only takes away. */
export function takesAway(action: string): boolean {
  return TAKES_AWAY.test(action);
}

/** The reasons for which calls of each service are refused; null where a call may be sent. */
export function refusalOf(service: string, action: string, params: Params, scope: WriteScope): string | null {
  if (service === 'sts') return action === 'GetCallerIdentity' ? null : `${action} is no call of an acceptance run`;
  if (service === 'cloudtrail') return action === 'LookupEvents' ? null : `${action} is no call of an acceptance run`;
  if (service === 'tagging') return action === 'GetResources' ? null : `${action} is no call of an acceptance run`;
  if (service !== 'iam') return `${service} is no service of an acceptance run`;
  if (isRead(action)) return null;
  if (scope.deletesOnly === true && !takesAway(action)) return `${action} would make something, and this run ends`;
  if (ACCOUNT_SETTINGS.has(action)) {
    const { AccountAlias: alias } = params;
    if (alias !== undefined && !isInScope(alias, scope)) return outside(action, alias);
    if (expires(params)) return `${action} would let passwords expire`;
    // An alias of a run can go: nobody else has set it.
    const isOwn = action === 'DeleteAccountAlias' && alias !== undefined;
    return scope.accountSettings || isOwn ? null : `${action} changes a setting of the whole account`;
  }
  const subjects = SUBJECTS[action]?.(params);
  if (subjects === undefined) return `${action} is no call of an acceptance run`;
  const other = subjects.find((name) => name === undefined || !isInScope(name, scope));
  if (subjects.includes(undefined) || other !== undefined) return outside(action, other);
  const harm = harmOf(action, params, { ...scope, isOwn: (name) => isInScope(name, scope) });
  return harm === null ? null : `${action}: ${harm}`;
}

/** Reports a password policy by which a user of the account could be locked out. */
function expires({ MaxPasswordAge: age = '0', HardExpiry: isHard = 'false' }: Params): boolean {
  return age !== '0' || isHard !== 'false';
}

function outside(action: string, name: string | undefined): string {
  return `${action} ${name === undefined ? 'without a name' : `of ${name}`} is outside of the run's names`;
}
