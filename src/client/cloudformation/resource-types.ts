/** The rule by which a property of a resource becomes one of an entity. */
export interface PropertyRule {
  readonly as:
    | 'text'
    | 'texts'
    | 'number'
    | 'boolean'
    | 'tags'
    /** A policy that IAM keeps without looking up the ARNs in it. */
    | 'document'
    /** A policy whose principals have to exist. */
    | 'trust'
    | 'policies'
    /** The first of a list of one. */
    | 'first'
    /** A value that a manifest names by its location. */
    | 'secret'
    | 'login'
    /** Names of entities that it is attached to, or groups it is in. */
    | 'attached'
    | 'member'
    | 'ignored';
  /** The property of the entity, or the kind that it is attached to. */
  readonly to: string;
}

/** A type of resource that becomes an entity. */
export interface EntityType {
  readonly kind: string;
  /** The property that holds the name, and the result of `Ref`. A kind that is named by others has none. */
  readonly name: { readonly property: string; readonly isGenerated: boolean } | null;
  readonly ref: 'name' | 'arn' | null;
  /** Attributes that are the ARN. */
  readonly arnAttributes: readonly string[];
  /** The part of the ARN before the name, where it is known. */
  readonly arnPrefix: string;
  /** Takes the location of a secret, by `--secret`, as this property. */
  readonly secret?: string;
  readonly properties: Readonly<Record<string, PropertyRule>>;
}

const text = (to: string): PropertyRule => ({ as: 'text', to });
const texts = (to: string): PropertyRule => ({ as: 'texts', to });
const tags: PropertyRule = { as: 'tags', to: 'tags' };
const path = text('path');
const ignored: PropertyRule = { as: 'ignored', to: '' };
const document: PropertyRule = { as: 'document', to: 'policyDocument' };
const permissions = {
  ManagedPolicyArns: texts('managedPolicyArns'),
  Policies: { as: 'policies', to: 'inlinePolicies' },
} as const;
const attached = {
  Roles: { as: 'attached', to: 'Role' },
  Users: { as: 'attached', to: 'User' },
  Groups: { as: 'attached', to: 'Group' },
} as const;

/** The types that become entities. */
const ENTITY_TYPES: Readonly<Record<string, EntityType>> = {
  'AWS::IAM::Role': {
    kind: 'Role',
    name: { property: 'RoleName', isGenerated: true },
    ref: 'name',
    arnAttributes: ['Arn'],
    arnPrefix: 'role',
    properties: {
      RoleName: text('roleName'),
      Path: path,
      Description: text('description'),
      AssumeRolePolicyDocument: { as: 'trust', to: 'assumeRolePolicyDocument' },
      MaxSessionDuration: { as: 'number', to: 'maxSessionDuration' },
      PermissionsBoundary: text('permissionsBoundary'),
      ...permissions,
      Tags: tags,
    },
  },
  'AWS::IAM::ManagedPolicy': {
    kind: 'Policy',
    name: { property: 'ManagedPolicyName', isGenerated: true },
    ref: 'arn',
    arnAttributes: ['PolicyArn'],
    arnPrefix: 'policy',
    properties: {
      ManagedPolicyName: text('policyName'),
      Path: path,
      Description: text('description'),
      PolicyDocument: document,
      ...attached,
      Tags: tags,
    },
  },
  'AWS::IAM::User': {
    kind: 'User',
    name: { property: 'UserName', isGenerated: true },
    ref: 'name',
    arnAttributes: ['Arn'],
    arnPrefix: 'user',
    properties: {
      UserName: text('userName'),
      Path: path,
      PermissionsBoundary: text('permissionsBoundary'),
      ...permissions,
      Groups: { as: 'member', to: 'Group' },
      LoginProfile: { as: 'login', to: 'LoginProfile' },
      Tags: tags,
    },
  },
  'AWS::IAM::Group': {
    kind: 'Group',
    name: { property: 'GroupName', isGenerated: true },
    ref: 'name',
    arnAttributes: ['Arn'],
    arnPrefix: 'group',
    properties: { GroupName: text('groupName'), Path: path, ...permissions },
  },
  'AWS::IAM::InstanceProfile': {
    kind: 'InstanceProfile',
    name: { property: 'InstanceProfileName', isGenerated: true },
    ref: 'name',
    arnAttributes: ['Arn'],
    arnPrefix: 'instance-profile',
    properties: { InstanceProfileName: text('instanceProfileName'), Path: path, Roles: texts('roles'), Tags: tags },
  },
  'AWS::IAM::OIDCProvider': {
    kind: 'OpenIDConnectProvider',
    name: { property: 'Url', isGenerated: false },
    ref: 'arn',
    arnAttributes: ['Arn'],
    arnPrefix: 'oidc-provider',
    properties: {
      Url: text('url'),
      ClientIdList: texts('clientIdList'),
      ThumbprintList: texts('thumbprintList'),
      Tags: tags,
    },
  },
  'AWS::IAM::SAMLProvider': {
    kind: 'SAMLProvider',
    name: { property: 'Name', isGenerated: true },
    ref: 'arn',
    arnAttributes: ['Arn'],
    arnPrefix: 'saml-provider',
    properties: {
      Name: text('name'),
      SamlMetadataDocument: text('samlMetadataDocument'),
      AssertionEncryptionMode: text('assertionEncryptionMode'),
      AddPrivateKey: { as: 'secret', to: 'privateKey' },
      RemovePrivateKey: ignored,
      PrivateKeyList: ignored,
      Tags: tags,
    },
  },
  'AWS::IAM::ServerCertificate': {
    kind: 'ServerCertificate',
    name: { property: 'ServerCertificateName', isGenerated: true },
    ref: 'name',
    arnAttributes: ['Arn'],
    arnPrefix: 'server-certificate',
    secret: 'privateKey',
    properties: {
      ServerCertificateName: text('serverCertificateName'),
      Path: path,
      CertificateBody: text('certificateBody'),
      CertificateChain: text('certificateChain'),
      PrivateKey: { as: 'secret', to: 'privateKey' },
      Tags: tags,
    },
  },
  'AWS::IAM::VirtualMFADevice': {
    kind: 'VirtualMFADevice',
    name: { property: 'VirtualMfaDeviceName', isGenerated: true },
    ref: 'arn',
    arnAttributes: ['SerialNumber'],
    arnPrefix: 'mfa',
    secret: 'secret',
    properties: {
      VirtualMfaDeviceName: text('virtualMfaDeviceName'),
      Path: path,
      Users: { as: 'first', to: 'userName' },
      Tags: tags,
    },
  },
  'AWS::IAM::AccessKey': {
    kind: 'AccessKey',
    name: null,
    ref: null,
    arnAttributes: [],
    arnPrefix: '',
    secret: 'secret',
    properties: { UserName: text('userName'), Status: text('status'), Serial: ignored },
  },
  'AWS::IAM::ServiceLinkedRole': {
    kind: 'ServiceLinkedRole',
    name: null,
    ref: null,
    arnAttributes: [],
    arnPrefix: '',
    properties: {
      AWSServiceName: text('awsServiceName'),
      CustomSuffix: text('customSuffix'),
      Description: text('description'),
    },
  },
};

/** A type of resource that becomes a part of other entities. */
export interface PartType {
  /** The properties that name the entities it belongs to, with their kind. */
  readonly targets: Readonly<Record<string, string>>;
  readonly part: 'inline-policy' | 'membership';
  readonly properties: readonly string[];
}

const inlineOf = (property: string, kind: string): PartType => ({
  targets: { [property]: kind },
  part: 'inline-policy',
  properties: ['PolicyName', 'PolicyDocument'],
});

/** The types that become parts of other entities. */
const PART_TYPES: Readonly<Record<string, PartType>> = {
  'AWS::IAM::Policy': {
    targets: { Roles: 'Role', Users: 'User', Groups: 'Group' },
    part: 'inline-policy',
    properties: ['PolicyName', 'PolicyDocument'],
  },
  'AWS::IAM::RolePolicy': inlineOf('RoleName', 'Role'),
  'AWS::IAM::UserPolicy': inlineOf('UserName', 'User'),
  'AWS::IAM::GroupPolicy': inlineOf('GroupName', 'Group'),
  'AWS::IAM::UserToGroupAddition': { targets: { GroupName: 'Group' }, part: 'membership', properties: ['Users'] },
};

/** Returns the entity that a type of resource becomes. */
export function entityTypeOf(type: string): EntityType | undefined {
  return Object.hasOwn(ENTITY_TYPES, type) ? ENTITY_TYPES[type] : undefined;
}

/** Returns the part of other entities that a type of resource becomes. */
export function partTypeOf(type: string): PartType | undefined {
  return Object.hasOwn(PART_TYPES, type) ? PART_TYPES[type] : undefined;
}

/** Returns the properties that a type of resource can have. Undefined for a type that is not converted. */
export function propertiesOf(type: string): readonly string[] | undefined {
  const part = partTypeOf(type);
  if (part !== undefined) return [...part.properties, ...Object.keys(part.targets)];
  const entity = entityTypeOf(type);
  return entity && Object.keys(entity.properties);
}

/** Reports whether a resource takes the location of a secret, by its type and by its properties. */
export function takesSecret(type: string, properties: ReadonlyMap<string, unknown>): boolean {
  const entity = entityTypeOf(type);
  if (entity === undefined) return false;
  return entity.secret !== undefined || [...properties.keys()].some((name) => isSecretRule(entity.properties[name]));
}

function isSecretRule(rule: PropertyRule | undefined): boolean {
  return rule?.as === 'secret' || rule?.as === 'login';
}

/** Reports whether an attribute of a type of resource, or with null its `Ref`, follows from the template. */
export function isComputed(type: string, attribute: string | null): boolean {
  const entity = entityTypeOf(type);
  if (entity === undefined) return false;
  return attribute === null ? entity.ref !== null : entity.arnAttributes.includes(attribute);
}

/** Reports whether a type is, or seems meant to be, one of IAM. */
export function isIam(type: string): boolean {
  return /^\W*aws\W+iam\W/i.test(type);
}

/** The types that are converted. */
export const KNOWN_TYPES: readonly string[] = [...Object.keys(ENTITY_TYPES), ...Object.keys(PART_TYPES)];
