/** One stored version of a managed policy. */
export interface PolicyVersion {
  readonly id: string;
  readonly document: string;
  readonly isDefault: boolean;
  readonly createdAt: number;
}

/** One entity of the simulated account. Fields that its kind does not have are empty. */
export interface IamEntity {
  readonly kind: string;
  readonly name: string;
  readonly path: string;
  readonly arn: string;
  /** Tells an entity from an earlier one of the same name. */
  readonly incarnation: number;
  readonly createdAt: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly description: string;
  readonly maxSessionDuration: number;
  readonly trust: string;
  readonly boundary: string | null;
  readonly inline: Readonly<Record<string, string>>;
  readonly attached: readonly string[];
  /** Roles of an instance profile, users of a group, the user of an MFA device. */
  readonly members: readonly string[];
  readonly clientIds: readonly string[];
  readonly thumbprints: readonly string[];
  readonly versions: readonly PolicyVersion[];
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The content of an account, by {@link keyOf}. It never changes: a write makes a new one. */
export type IamState = ReadonlyMap<string, IamEntity>;

/** Input of an operation, in the SDK's spelling. */
export type Input = Readonly<Record<string, unknown>>;

export const ACCOUNT = '111111111111';

const ACTIONS_OF_AWS_POLICIES: Readonly<Record<string, readonly string[]>> = {
  'arn:aws:iam::aws:policy/AdministratorAccess': ['*'],
  'arn:aws:iam::aws:policy/ReadOnlyAccess': ['s3:GetObject'],
  'arn:aws:iam::aws:policy/PowerUserAccess': ['s3:GetObject', 's3:PutObject'],
};

/** Reports a policy that AWS manages and that exists. */
export function isAwsPolicy(arn: string): boolean {
  return Object.hasOwn(ACTIONS_OF_AWS_POLICIES, arn);
}

/** Returns the actions that a policy of AWS allows. */
export function actionsOfAwsPolicy(arn: string): readonly string[] {
  return ACTIONS_OF_AWS_POLICIES[arn] ?? [];
}

/** Returns the key of an entity: IAM ignores case in names. */
export function keyOf(kind: string, name: string): string {
  return `${kind}/${name.toLowerCase()}`;
}

const BLANK = {
  path: '/',
  tags: {},
  description: '',
  maxSessionDuration: 3600,
  trust: '',
  boundary: null,
  inline: {},
  attached: [],
  members: [],
  clientIds: [],
  thumbprints: [],
  versions: [],
  settings: {},
} as const satisfies Partial<IamEntity>;

/** Returns a new entity; what is not given is empty. */
export function newEntity(
  given: Pick<IamEntity, 'kind' | 'name' | 'arn' | 'incarnation' | 'createdAt'> & Partial<IamEntity>,
): IamEntity {
  return { ...BLANK, ...given };
}

/** Returns a text of the input. */
export function text(input: Input, member: string): string {
  const value = input[member];
  return typeof value === 'string' ? value : '';
}

/** Returns the name in an ARN of a policy, or the last part of any other path. */
export function nameOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** Returns the key of the entity that a call is about; null where it is about many. */
export function keyOfCall(operation: string, input: Input): string | null {
  if (operation.includes('PasswordPolicy')) return keyOf('AccountPasswordPolicy', 'account');
  if (operation === 'ListInstanceProfilesForRole') return null;
  for (const [member, kind] of KIND_OF_MEMBER) {
    if (typeof input[member] !== 'string') continue;
    // Of Attach, Detach and boundaries, the entity is the principal; it comes first in the list.
    return keyOf(kind, nameInMember(member, text(input, member), input));
  }
  return null;
}

const KIND_OF_MEMBER = [
  ['InstanceProfileName', 'InstanceProfile'],
  ['GroupName', 'Group'],
  ['SerialNumber', 'VirtualMFADevice'],
  ['VirtualMFADeviceName', 'VirtualMFADevice'],
  ['RoleName', 'Role'],
  ['UserName', 'User'],
  ['OpenIDConnectProviderArn', 'OpenIDConnectProvider'],
  ['Url', 'OpenIDConnectProvider'],
  ['PolicyArn', 'Policy'],
  ['PolicyName', 'Policy'],
] as const;

function nameInMember(member: (typeof KIND_OF_MEMBER)[number][0], value: string, input: Input): string {
  switch (member) {
    case 'SerialNumber':
    case 'OpenIDConnectProviderArn':
      return value.slice(value.indexOf('/') + 1);
    case 'VirtualMFADeviceName':
      return `${(text(input, 'Path') || '/').slice(1)}${value}`;
    case 'Url':
      return value.replace('https://', '');
    case 'PolicyArn':
      return nameOfArn(value);
    default:
      return value;
  }
}
