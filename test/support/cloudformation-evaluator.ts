/**
 * The entities that CloudFormation makes of a template, by a plain reading of AWS's documentation. The template is valid, in
 * the long form of JSON.
 */

export type Json = string | number | boolean | readonly Json[] | JsonMap;
export interface JsonMap {
  readonly [key: string]: Json;
}

/** A template in its long form. */
export interface LongTemplate {
  readonly Parameters: Readonly<Record<string, JsonMap>>;
  readonly Mappings: Readonly<Record<string, JsonMap>>;
  readonly Conditions: Readonly<Record<string, Json>>;
  readonly Resources: Readonly<Record<string, LongResource>>;
}

/** A resource in its long form. */
export interface LongResource {
  readonly Type: string;
  readonly Properties: JsonMap;
  readonly Condition?: string;
  readonly DependsOn?: string | readonly string[];
  readonly DeletionPolicy?: string;
}

/** The stack of a template. */
export interface EvaluatedStack {
  readonly account: string;
  readonly partition: string;
  readonly region: string;
  readonly stackName: string;
  readonly urlSuffix: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly names: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** An entity as a template makes it. */
export interface Expected {
  readonly kind: string;
  readonly protect: boolean;
  readonly spec: Record<string, unknown>;
  /** The name by which other entities refer to it, and its ARN. */
  readonly reference: string | null;
  readonly arn: string;
}

const NOTHING = Symbol('AWS::NoValue');

/** Properties with their names in a manifest, beside those that need more than a new name. */
const COPIED: Readonly<Record<string, string>> = {
  RoleName: 'roleName',
  UserName: 'userName',
  GroupName: 'groupName',
  ManagedPolicyName: 'policyName',
  InstanceProfileName: 'instanceProfileName',
  ServerCertificateName: 'serverCertificateName',
  VirtualMfaDeviceName: 'virtualMfaDeviceName',
  Name: 'name',
  Url: 'url',
  Path: 'path',
  Description: 'description',
  AssumeRolePolicyDocument: 'assumeRolePolicyDocument',
  PolicyDocument: 'policyDocument',
  PermissionsBoundary: 'permissionsBoundary',
  ManagedPolicyArns: 'managedPolicyArns',
  ClientIdList: 'clientIdList',
  ThumbprintList: 'thumbprintList',
  SamlMetadataDocument: 'samlMetadataDocument',
  CertificateBody: 'certificateBody',
  Status: 'status',
  AWSServiceName: 'awsServiceName',
  CustomSuffix: 'customSuffix',
};

/** For each type: the kind, the property with the name, the first part of the ARN, and the secret that the entity has. */
const TYPES: Readonly<Record<string, readonly [kind: string, name: string, prefix: string, secret?: string]>> = {
  'AWS::IAM::Role': ['Role', 'RoleName', 'role'],
  'AWS::IAM::User': ['User', 'UserName', 'user'],
  'AWS::IAM::Group': ['Group', 'GroupName', 'group'],
  'AWS::IAM::ManagedPolicy': ['Policy', 'ManagedPolicyName', 'policy'],
  'AWS::IAM::InstanceProfile': ['InstanceProfile', 'InstanceProfileName', 'instance-profile'],
  'AWS::IAM::OIDCProvider': ['OpenIDConnectProvider', 'Url', 'oidc-provider'],
  'AWS::IAM::SAMLProvider': ['SAMLProvider', 'Name', 'saml-provider'],
  'AWS::IAM::ServerCertificate': ['ServerCertificate', 'ServerCertificateName', 'server-certificate', 'privateKey'],
  'AWS::IAM::VirtualMFADevice': ['VirtualMFADevice', 'VirtualMfaDeviceName', 'mfa', 'secret'],
  'AWS::IAM::AccessKey': ['AccessKey', '', '', 'secret'],
  'AWS::IAM::ServiceLinkedRole': ['ServiceLinkedRole', '', ''],
};

/** Types whose `Ref` is their ARN. */
const REF_IS_ARN = [
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::OIDCProvider',
  'AWS::IAM::SAMLProvider',
  'AWS::IAM::VirtualMFADevice',
];

const isMap = (value: unknown): value is JsonMap =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const textOf = (value: unknown): string => String(value);
const texts = (value: unknown): string[] => (value as readonly unknown[]).map(textOf);

/** Evaluates a template for a stack. */
export class TemplateEvaluator {
  constructor(
    private readonly template: LongTemplate,
    private readonly stack: EvaluatedStack,
  ) {}

  /** Returns the entities that the template makes. */
  entities(): readonly Expected[] {
    const made = new Map<string, Expected>();
    const active = Object.entries(this.template.Resources).filter(([, one]) => this.isCreated(one));
    const logins: Expected[] = [];
    for (const [id, resource] of active) {
      const entity = this.entity(id, resource);
      if (entity !== undefined) made.set(id, entity);
      const login = this.login(id, resource);
      if (login !== undefined) logins.push(login);
    }
    const entities = [...made.values(), ...logins];
    for (const [id, resource] of active) this.attach(id, resource, entities, made.get(id));
    return entities;
  }

  /** Returns whether a condition of the template holds. */
  holds(condition: Json): boolean {
    if (typeof condition === 'string') return this.holds(this.template.Conditions[condition] ?? '');
    const [[name, value] = ['', '']] = Object.entries(condition as JsonMap);
    if (name === 'Condition') return this.holds(value);
    const members = value as readonly Json[];
    if (name === 'Fn::Not') return !this.holds(members[0] ?? '');
    if (name === 'Fn::And') return members.every((one) => this.holds(one));
    if (name === 'Fn::Or') return members.some((one) => this.holds(one));
    const [left, right] = members.map((one) => JSON.stringify(asTexts(this.value(one))));
    return left === right;
  }

  /** Returns the value of an expression. */
  value(expression: Json): unknown {
    if (Array.isArray(expression)) {
      return (expression as readonly Json[]).map((one) => this.value(one)).filter((one) => one !== NOTHING);
    }
    if (!isMap(expression)) return expression;
    const members = Object.entries(expression);
    const [[name, argument] = ['', '']] = members;
    if (members.length === 1 && (name === 'Ref' || name.startsWith('Fn::'))) return this.call(name, argument);
    const values = members.map(([key, member]) => [key, this.value(member)] as const);
    return Object.fromEntries(values.filter(([, member]) => member !== NOTHING));
  }

  private isCreated({ Condition }: LongResource): boolean {
    return Condition === undefined || this.holds(Condition);
  }

  private call(name: string, argument: Json): unknown {
    const list = (): readonly Json[] => argument as readonly Json[];
    switch (name) {
      case 'Ref':
        return this.ref(argument as string);
      case 'Fn::GetAtt':
        return this.arn(
          Array.isArray(argument) ? (argument as readonly string[])[0] : (argument as string).split('.')[0],
        );
      case 'Fn::Sub':
        return this.sub(argument);
      case 'Fn::Join':
        return texts(this.value(list()[1] ?? '')).join(textOf(list()[0]));
      case 'Fn::Split':
        return textOf(this.value(list()[1] ?? '')).split(textOf(list()[0]));
      case 'Fn::Select':
        return (this.value(list()[1] ?? '') as readonly unknown[])[Number(this.value(list()[0] ?? ''))];
      case 'Fn::If':
        return this.value(list()[this.holds(list()[0] ?? '') ? 1 : 2] ?? '');
      case 'Fn::FindInMap':
        return this.findInMap(list());
      case 'Fn::ImportValue':
        return this.stack.parameters[textOf(this.value(argument))];
      default:
        throw new Error(`the evaluator does not know ${name}`);
    }
  }

  private findInMap(path: readonly Json[]): unknown {
    const [map = '', top = '', second = ''] = path.map((one) => textOf(this.value(one)));
    return (this.template.Mappings[map]?.[top] as JsonMap | undefined)?.[second];
  }

  private ref(name: string): unknown {
    const { account, partition, region, stackName, urlSuffix } = this.stack;
    const pseudo: Readonly<Record<string, unknown>> = {
      'AWS::AccountId': account,
      'AWS::Partition': partition,
      'AWS::Region': region,
      'AWS::StackName': stackName,
      'AWS::URLSuffix': urlSuffix,
      'AWS::NoValue': NOTHING,
    };
    if (Object.hasOwn(pseudo, name)) return pseudo[name];
    const parameter = this.template.Parameters[name];
    if (parameter !== undefined) {
      const given = textOf(this.stack.parameters[name] ?? parameter['Default']);
      return parameter['Type'] === 'CommaDelimitedList' ? given.split(',').map((one) => one.trim()) : given;
    }
    const { Type = '' } = this.template.Resources[name] ?? {};
    if (TYPES[Type] === undefined) return this.stack.parameters[name];
    return REF_IS_ARN.includes(Type) ? this.arn(name) : this.name(name);
  }

  /** `${Name}`, `${LogicalId.Attribute}` and `${!Literal}`. */
  private sub(argument: Json): string {
    const parts = Array.isArray(argument) ? (argument as readonly Json[]) : [argument];
    const own = (parts[1] ?? {}) as JsonMap;
    return textOf(parts[0]).replace(/\$\{([^}]*)\}/g, (_, inside: string) => {
      if (inside.startsWith('!')) return `\${${inside.slice(1)}}`;
      const variable = own[inside];
      if (variable !== undefined) return textOf(this.value(variable));
      return textOf(inside.includes('.') ? this.arn(inside.split('.')[0]) : this.ref(inside));
    });
  }

  private name(id: string): string {
    const { Type, Properties } = this.template.Resources[id] ?? { Type: '', Properties: {} };
    const written = Properties[TYPES[Type]?.[1] ?? ''];
    const name = written === undefined ? NOTHING : this.value(written);
    return name === NOTHING ? (this.stack.names[id] ?? '') : textOf(name);
  }

  private arn(id = ''): string {
    const { account, partition, parameters } = this.stack;
    const given = parameters[`${id}.Arn`];
    if (given !== undefined) return given;
    return `arn:${partition}:iam::${account}:${TYPES[this.template.Resources[id]?.Type ?? '']?.[2] ?? ''}${this.pathAndName(id)}`;
  }

  /** The end of the ARN. Providers have no path. */
  private pathAndName(id: string): string {
    const { Path } = this.template.Resources[id]?.Properties ?? {};
    const path = Path === undefined ? NOTHING : this.value(Path);
    return `${path === NOTHING ? '/' : textOf(path)}${this.name(id).replace(/^https:\/\//, '')}`;
  }

  private entity(id: string, resource: LongResource): Expected | undefined {
    const [kind, nameProperty, , secret] = TYPES[resource.Type] ?? [];
    if (kind === undefined) return undefined;
    const spec: Record<string, unknown> = {};
    for (const [property, expression] of Object.entries(resource.Properties)) {
      const value = this.value(expression);
      if (value !== NOTHING) Object.assign(spec, converted(property, value, kind));
    }
    if (nameProperty) spec[COPIED[nameProperty] ?? ''] = this.name(id);
    if (secret !== undefined) spec[secret] = this.secret(id);
    const name = kind === 'VirtualMFADevice' ? this.pathAndName(id).slice(1) : this.name(id).replace(/^https:\/\//, '');
    const reference = nameProperty ? `${kind}/${name}` : null;
    return { kind, protect: isRetained(resource), spec, reference, arn: this.arn(id) };
  }

  private login(id: string, resource: LongResource): Expected | undefined {
    const { LoginProfile } = resource.Properties;
    const profile = LoginProfile === undefined ? NOTHING : this.value(LoginProfile);
    if (!isMap(profile)) return undefined;
    const reset = profile['PasswordResetRequired'];
    const spec = {
      userName: this.name(id),
      secret: this.secret(id),
      ...(reset === undefined ? {} : { passwordResetRequired: textOf(reset) === 'true' }),
    };
    return { kind: 'LoginProfile', protect: isRetained(resource), spec, reference: null, arn: '' };
  }

  private secret(id: string): object {
    const [, store = '', location = ''] = /^(\w+):(.*)$/.exec(this.stack.secrets[id] ?? '') ?? [];
    return { [store]: location };
  }

  /** Gives to entities what a resource attaches to them. */
  private attach(id: string, { Type, Properties }: LongResource, entities: readonly Expected[], own?: Expected): void {
    const named = (property: string): string[] => {
      const value = Properties[property] === undefined ? [] : this.value(Properties[property]);
      return value === NOTHING ? [] : texts(Array.isArray(value) ? value : [value]);
    };
    const find = (kind: string, name: string): Record<string, unknown> =>
      entities.find(({ kind: other, reference }) => other === kind && reference === `${kind}/${name}`)?.spec ?? {};
    const policies = ['Role', 'User', 'Group'].map((kind) => [kind, `${kind}s`, `${kind}Name`] as const);
    for (const [kind, list, single] of policies) {
      if (own?.kind === 'Policy') for (const name of named(list)) addTo(find(kind, name), 'managedPolicyArns', own.arn);
      const isBeside = Type === 'AWS::IAM::Policy' || Type === `AWS::IAM::${kind}Policy`;
      for (const name of isBeside ? named(Type === 'AWS::IAM::Policy' ? list : single) : []) {
        const spec = find(kind, name);
        const [policy = ''] = named('PolicyName');
        spec['inlinePolicies'] = {
          ...(spec['inlinePolicies'] as object),
          [policy]: this.value(Properties['PolicyDocument'] ?? ''),
        };
      }
    }
    if (own?.kind === 'User') for (const group of named('Groups')) addTo(find('Group', group), 'users', this.name(id));
    if (Type !== 'AWS::IAM::UserToGroupAddition') return;
    for (const user of named('Users')) addTo(find('Group', named('GroupName')[0] ?? ''), 'users', user);
  }
}

function isRetained({ DeletionPolicy = '' }: LongResource): boolean {
  return DeletionPolicy.startsWith('Retain');
}

/** Returns a property of a resource as a manifest has it. */
function converted(property: string, value: unknown, kind: string): object {
  if (property === 'MaxSessionDuration') return { maxSessionDuration: Number(value) };
  if (property === 'Tags') return { tags: pairs(value, 'Key', 'Value', textOf) };
  if (property === 'Policies') return { inlinePolicies: pairs(value, 'PolicyName', 'PolicyDocument', (one) => one) };
  if (property === 'Users' && kind === 'VirtualMFADevice') return { userName: texts(value)[0] };
  if (property === 'Roles' && kind === 'InstanceProfile') return { roles: texts(value) };
  const to = COPIED[property];
  if (to === undefined) return {};
  return { [to]: typeof value === 'number' || typeof value === 'boolean' ? textOf(value) : value };
}

function pairs(value: unknown, key: string, member: string, convert: (one: unknown) => unknown): object {
  return Object.fromEntries(
    (value as readonly Record<string, unknown>[]).map((one) => [textOf(one[key]), convert(one[member])]),
  );
}

function addTo(spec: Record<string, unknown>, property: string, text: string): void {
  const list = (spec[property] ?? []) as readonly string[];
  if (!list.includes(text)) spec[property] = [...list, text];
}

/** `Fn::Equals` compares texts. */
function asTexts(value: unknown): unknown {
  return Array.isArray(value) ? texts(value) : textOf(value);
}
