import {
  TemplateEvaluator,
  type EvaluatedStack,
  type Json,
  type JsonMap,
  type LongResource,
  type LongTemplate,
} from './cloudformation-evaluator.js';
import { CERTIFICATE } from './kind-fixtures/certificates.js';
import { metadataOf } from './kind-fixtures/saml-provider.js';

/** Templates that are drawn at random, with the stack that each is for. */

const ACCOUNT = '111111111111';
/** Texts of names, which other readers of YAML take for numbers, booleans or nothing. */
const WORDS = ['dev', 'Prod', 'no', 'on', 'true', 'null', '012345670123', '1e3', '0x1F', ACCOUNT];
/** Texts that a manifest, YAML or `Fn::Sub` reads as more than text. */
const TRICKY = [
  '$',
  '$$',
  '{',
  '{{',
  '}}',
  '{{account}}',
  "{{'{{'}}",
  '$file',
  '#',
  ' ',
  ': ',
  'é',
  '"',
  "'",
  '\\',
  '!Ref x',
  '*',
  '&a',
  '\n',
  '\t',
];
const NO_VALUE = { Ref: 'AWS::NoValue' };
const KINDS = ['Role', 'User', 'Group', 'Policy', 'Profile'] as const;

/** Draws numbers from a seed. */
export class Draw {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
    this.below(2);
  }

  /** Returns a whole number below a limit. */
  below(limit: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.state / 2 ** 32) * limit);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Calls a function a number of times below a limit. */
  some<T>(limit: number, draw: (index: number) => T): T[] {
    return Array.from({ length: this.below(limit) }, (_, index) => draw(index));
  }

  shuffled<T>(list: readonly T[]): T[] {
    return list
      .map((member) => ({ member, rank: this.below(1e6) }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ member }) => member);
  }
}

/** A drawn template and its stack. */
export interface DrawnTemplate {
  readonly template: LongTemplate;
  readonly stack: EvaluatedStack;
}

/** Draws a template. */
export function drawTemplate(seed: number): DrawnTemplate {
  return new TemplateDraw(new Draw(seed)).template();
}

/** Returns a template whose resources are in another order. */
export function withOtherOrder(template: LongTemplate, seed: number): LongTemplate {
  return { ...template, Resources: Object.fromEntries(new Draw(seed).shuffled(Object.entries(template.Resources))) };
}

class TemplateDraw {
  private readonly conditions: string[] = [];
  private readonly resources: Record<string, LongResource> = {};
  private readonly nameless: string[] = [];

  constructor(private readonly draw: Draw) {}

  template(): DrawnTemplate {
    const { draw } = this;
    const Parameters = {
      PWord: { Type: 'String', Default: draw.pick(WORDS), AllowedValues: WORDS },
      PText: { Type: 'String', Default: `${draw.pick(TRICKY)}a${draw.pick(TRICKY)}` },
      PList: { Type: 'CommaDelimitedList', Default: draw.pick(['a,b', 'x', 'c , d,e']) },
      PIndex: { Type: 'Number', Default: draw.pick([0, 1, '1']) },
      PDuration: { Type: 'Number', Default: 7200, MinValue: 3600, MaxValue: 43200 },
    };
    const keys = [...WORDS, 'us-east-1'];
    const M = Object.fromEntries(keys.map((key) => [key, { Word: draw.pick(WORDS), List: ['m', draw.pick(WORDS)] }]));
    const Conditions: Record<string, Json> = {};
    for (let index = 0; index < 4; index++) {
      Conditions[`C${String(index)}`] = this.condition(2);
      this.conditions.push(`C${String(index)}`);
    }
    this.entities();
    this.beside();
    const template = { Parameters, Mappings: { M }, Conditions, Resources: this.resources };
    return { template: withOtherOrder(template, draw.below(1e6)), stack: this.stack(template) };
  }

  private stack(template: LongTemplate): EvaluatedStack {
    const { draw } = this;
    const written = JSON.stringify(template);
    const external = Object.entries({ 'Bucket.Arn': 'arn:aws:s3:::assets', Bucket: 'assets', 'Shared-Word': 'shared' });
    const used = external.filter(([name]) =>
      [`"${name}"`, `\${${name}}`, JSON.stringify(name.split('.'))].some((form) =>
        written.replace('"Bucket":{', '').includes(form),
      ),
    );
    const stack = {
      account: ACCOUNT,
      partition: 'aws',
      region: 'us-east-1',
      stackName: 'web',
      urlSuffix: 'amazonaws.com',
      parameters: { ...Object.fromEntries(used), ...(draw.chance(50) ? { PWord: draw.pick(WORDS) } : {}) },
      names: {},
      secrets: {},
    };
    const evaluator = new TemplateEvaluator(template, stack);
    const isMade = (id: string): boolean => {
      const { Condition } = this.resources[id] ?? {};
      return Condition === undefined || evaluator.holds(Condition);
    };
    const names = this.nameless.filter((id) => {
      const name = Object.entries(this.resources[id]?.Properties ?? {}).find(([property]) =>
        property.endsWith('Name'),
      )?.[1];
      return isMade(id) && (name === undefined || typeof evaluator.value(name) !== 'string');
    });
    const secrets = Object.entries(this.resources).flatMap(([id, { Type, Properties }]) => {
      const profile = Properties['LoginProfile'];
      const hasLogin = profile !== undefined && typeof evaluator.value(profile) === 'object';
      return isMade(id) && (hasLogin || /ServerCertificate|VirtualMFADevice|AccessKey/.test(Type)) ? [id] : [];
    });
    return {
      ...stack,
      names: Object.fromEntries(names.map((id) => [id, `given-${id}`])),
      secrets: Object.fromEntries(
        secrets.map((id) => [id, draw.chance(50) ? `file:${id}` : `secretsManager:at/${id}`]),
      ),
    };
  }

  /** A condition, which uses those before it. */
  private condition(depth: number): Json {
    const { draw } = this;
    const form = draw.below(depth > 0 ? 5 : 2);
    if (form === 0 && this.conditions.length > 0) return { Condition: draw.pick(this.conditions) };
    const inner = (): Json => this.condition(depth - 1);
    if (form === 2) return { 'Fn::Not': [inner()] };
    if (form > 2) return { [form === 3 ? 'Fn::And' : 'Fn::Or']: [inner(), inner(), ...draw.some(3, inner)] };
    return { 'Fn::Equals': [this.word(1), this.word(1)] };
  }

  private conditional(then: Json, otherwise: Json): Json {
    return this.conditions.length === 0 ? then : { 'Fn::If': [this.draw.pick(this.conditions), then, otherwise] };
  }

  /** An expression whose value is a word. */
  private word(depth: number): Json {
    const { draw } = this;
    const literal = (): string => draw.pick(WORDS);
    const inner = (): Json => this.word(depth - 1);
    switch (draw.below(depth > 0 ? 10 : 3)) {
      case 0:
        return { Ref: 'PWord' };
      case 1:
        return { Ref: draw.pick(['AWS::AccountId', 'AWS::Partition', 'AWS::Region', 'AWS::StackName']) };
      case 2:
        return literal();
      case 3:
        return { 'Fn::Join': [draw.pick(['', '-']), [inner(), ...(draw.chance(30) ? [NO_VALUE] : []), literal()]] };
      case 4:
        return { 'Fn::Select': [draw.pick([1, '1', 0, { Ref: 'PIndex' }]), [inner(), literal()]] };
      case 5:
        return {
          'Fn::Select': [draw.pick([0, '1']), { 'Fn::Split': ['-', { 'Fn::Join': ['-', [literal(), inner()]] }] }],
        };
      case 6:
        return this.conditional(inner(), inner());
      case 7: {
        const key = draw.pick<Json>([literal(), { Ref: 'AWS::Region' }, { Ref: 'AWS::AccountId' }, { Ref: 'PWord' }]);
        return { 'Fn::FindInMap': ['M', key, 'Word'] };
      }
      case 8:
        return { 'Fn::Sub': `\${PWord}-${literal()}` };
      default:
        return { 'Fn::Sub': ['${AWS::Region}${own}', { own: inner() }] };
    }
  }

  /** An expression whose value is any text, which may name entities. */
  private text(depth: number, others: readonly string[]): Json {
    const { draw } = this;
    const inner = (): Json => this.text(depth - 1, others);
    switch (draw.below(depth > 0 ? 10 : 2)) {
      case 0:
        return `${draw.pick(TRICKY)}${draw.pick(TRICKY)}x${draw.pick(TRICKY)}`;
      case 1:
        return { Ref: 'PText' };
      case 2:
        return this.word(depth);
      case 3:
        return { 'Fn::Join': [draw.pick(['', ...TRICKY]), [inner(), ...(draw.chance(30) ? [NO_VALUE] : []), inner()]] };
      case 4:
        return this.conditional(inner(), inner());
      case 5:
        return this.sub(others);
      case 6:
        return draw.pick<Json>([
          { Ref: 'Bucket' },
          { 'Fn::GetAtt': ['Bucket', 'Arn'] },
          { 'Fn::ImportValue': 'Shared-Word' },
        ]);
      case 7:
        return { 'Fn::Select': [0, { 'Fn::Split': [draw.pick(TRICKY), inner()] }] };
      default:
        return others.length === 0 ? inner() : this.reference(draw.pick(others));
    }
  }

  private sub(others: readonly string[]): Json {
    const { draw } = this;
    let text = '';
    for (let parts = 1 + draw.below(4); parts > 0; parts--) {
      const always = others.filter((id) => this.resources[id]?.Condition === undefined);
      const names = ['PWord', 'PText', 'AWS::AccountId', 'AWS::Partition', '!aws:username', ...always];
      text += `\${${draw.pick(names)}}`;
      // What begins with a brace would open a variable.
      const plain = draw.pick(TRICKY);
      text += text.endsWith('$') && plain.startsWith('{') ? '' : plain;
    }
    return { 'Fn::Sub': draw.chance(50) ? text : `${draw.pick(['$', '{', 'a'])}${text}` };
  }

  /** The name or the ARN of a resource, or another text where there is none. */
  private reference(id: string): Json {
    const { Type = '', Condition } = this.resources[id] ?? {};
    const attribute = Type.endsWith('ManagedPolicy')
      ? 'PolicyArn'
      : Type.endsWith('MFADevice')
        ? 'SerialNumber'
        : 'Arn';
    const given = this.draw.pick<Json>([
      { Ref: id },
      { 'Fn::GetAtt': [id, attribute] },
      { 'Fn::GetAtt': `${id}.${attribute}` },
    ]);
    return Condition === undefined ? given : { 'Fn::If': [Condition, given, 'none'] };
  }

  /** A reference for a list, from which it is removed with what it refers to. */
  private item(id: string, expression: Json): Json {
    const { Condition } = this.resources[id] ?? {};
    return Condition === undefined ? expression : { 'Fn::If': [Condition, expression, NO_VALUE] };
  }

  private document(others: readonly string[]): JsonMap {
    const { draw } = this;
    const statement = (index: number): JsonMap => ({
      Sid: `S${String(index)}`,
      Effect: 'Allow',
      Action: draw.pick<Json>(['s3:GetObject', ['s3:GetObject', 's3:PutObject']]),
      Resource: draw.pick<Json>([
        '*',
        [{ 'Fn::Sub': 'arn:${AWS::Partition}:s3:::${PWord}/*' }, this.conditional('arn:aws:s3:::b', NO_VALUE)],
        ...others.map((id) => this.item(id, { 'Fn::GetAtt': [id, this.arnAttribute(id)] })).map((one) => ['*', one]),
      ]),
      Condition: this.conditional(
        { StringEquals: { 'aws:PrincipalTag/team': this.text(2, others), 's3:prefix': [this.text(1, others), 'x'] } },
        NO_VALUE,
      ),
    });
    const more = draw.some(2, (index) => this.conditional(statement(index + 1), NO_VALUE));
    return { Version: '2012-10-17', Statement: [statement(0), ...more] };
  }

  private arnAttribute(id: string): string {
    return this.resources[id]?.Type.endsWith('ManagedPolicy') === true ? 'PolicyArn' : 'Arn';
  }

  private trust(others: readonly string[]): JsonMap {
    const { draw } = this;
    const roles = others.filter((id) => /^(Role|User)/.test(id) && this.resources[id]?.Condition === undefined);
    const principals = [{ Service: 'ec2.amazonaws.com' }, { AWS: { Ref: 'AWS::AccountId' } }] as readonly JsonMap[];
    const named = roles.map((id) => ({ AWS: [{ 'Fn::GetAtt': [id, 'Arn'] }] }));
    const Condition = { StringEquals: { 'sts:ExternalId': this.text(2, []) } };
    const statement = { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: draw.pick([...principals, ...named]) };
    return { Version: '2012-10-17', Statement: draw.chance(50) ? statement : [{ ...statement, Condition }] };
  }

  /** Adds entities. Each refers to those before it only: CloudFormation takes no circles. */
  private entities(): void {
    const { draw } = this;
    this.resources['Bucket'] = { Type: 'AWS::S3::Bucket', Properties: {} };
    for (const kind of KINDS) this.entity(kind, 0, false);
    for (let index = 1; index < 4; index++) {
      for (const kind of draw.shuffled(KINDS)) if (draw.chance(60)) this.entity(kind, index, draw.chance(40));
    }
    this.single('Oidc', 'AWS::IAM::OIDCProvider', {
      Url: { 'Fn::Join': ['', ['https://', 'oidc.example.com/', this.word(0)]] },
      ClientIdList: [this.word(1), this.conditional('second', NO_VALUE)],
      ThumbprintList: ['a'.repeat(40)],
    });
    this.single('Saml', 'AWS::IAM::SAMLProvider', { Name: this.word(1), SamlMetadataDocument: metadataOf('corp') });
    this.single('Certificate', 'AWS::IAM::ServerCertificate', {
      ServerCertificateName: this.word(1),
      Path: '/cloudfront/',
      CertificateBody: CERTIFICATE,
      PrivateKey: 'unseen',
    });
    this.single('Mfa', 'AWS::IAM::VirtualMFADevice', {
      VirtualMfaDeviceName: this.word(1),
      Users: [{ Ref: 'User0' }],
      ...(draw.chance(50) ? { Path: '/devices/' } : {}),
    });
    this.single('Key', 'AWS::IAM::AccessKey', {
      UserName: { Ref: 'User0' },
      Status: draw.pick(['Active', 'Inactive']),
    });
    this.single('Linked', 'AWS::IAM::ServiceLinkedRole', {
      AWSServiceName: 'autoscaling.amazonaws.com',
      CustomSuffix: this.word(0),
      Description: this.text(1, []),
    });
  }

  private single(id: string, Type: string, Properties: JsonMap): void {
    if (this.draw.chance(60)) this.resources[id] = { Type, Properties, ...this.attributes(this.draw.chance(30)) };
  }

  private attributes(isConditional: boolean): Partial<LongResource> {
    const { draw } = this;
    const ids = Object.keys(this.resources);
    return {
      ...(isConditional ? { Condition: draw.pick(this.conditions) } : {}),
      ...(draw.chance(20) ? { DependsOn: draw.chance(50) ? draw.pick(ids) : [draw.pick(ids)] } : {}),
      ...(draw.chance(20) ? { DeletionPolicy: draw.pick(['Delete', 'Retain', 'RetainExceptOnCreate']) } : {}),
    };
  }

  private entity(kind: (typeof KINDS)[number], index: number, isConditional: boolean): void {
    const { draw } = this;
    const id = `${kind}${String(index)}`;
    const others = Object.keys(this.resources).filter((other) => /^(Role|User|Group|Policy)\d/.test(other));
    const base = { ...this.name(id, kind), ...(draw.chance(40) ? { Path: this.path() } : {}) };
    const [Type, more] = this.properties(kind, others);
    this.resources[id] = { Type, Properties: { ...base, ...more }, ...this.attributes(isConditional) };
  }

  private name(id: string, kind: string): JsonMap {
    const property = { Policy: 'ManagedPolicyName', Profile: 'InstanceProfileName' }[kind] ?? `${kind}Name`;
    const written = { 'Fn::Join': ['-', [id.toLowerCase(), this.word(1)]] };
    const form = this.draw.below(6);
    if (form < 2) this.nameless.push(id);
    if (form === 0) return {};
    return { [property]: form === 1 ? this.conditional(written, NO_VALUE) : written };
  }

  private path(): Json {
    return this.draw.pick<Json>(['/', '/a/b/', { 'Fn::Sub': '/${PWord}/' }, this.conditional('/c/', NO_VALUE)]);
  }

  private properties(kind: (typeof KINDS)[number], others: readonly string[]): readonly [string, JsonMap] {
    const { draw } = this;
    const of = (prefix: string): string[] => others.filter((id) => id.startsWith(prefix));
    const refs = (prefix: string): Json[] =>
      of(prefix)
        .filter(() => draw.chance(50))
        .map((id) => this.item(id, { Ref: id }));
    const Tags = draw.some(3, (index) => ({ Key: `k${String(index)}`, Value: this.word(2) }));
    const attached = ['arn:aws:iam::aws:policy/ReadOnlyAccess', ...refs('Policy')];
    const permissions = {
      ...(draw.chance(50) ? { ManagedPolicyArns: attached } : {}),
      ...(draw.chance(50)
        ? { Policies: [this.conditional({ PolicyName: 'own', PolicyDocument: this.document(others) }, NO_VALUE)] }
        : {}),
    };
    switch (kind) {
      case 'Role':
        return [
          'AWS::IAM::Role',
          {
            AssumeRolePolicyDocument: this.trust(others),
            ...(draw.chance(50) ? { Description: this.text(2, others) } : {}),
            ...(draw.chance(50) ? { MaxSessionDuration: draw.pick<Json>([3600, '3600', { Ref: 'PDuration' }]) } : {}),
            ...(draw.chance(30) ? { PermissionsBoundary: 'arn:aws:iam::aws:policy/PowerUserAccess' } : {}),
            ...permissions,
            Tags,
          },
        ];
      case 'User':
        return ['AWS::IAM::User', { ...permissions, Tags, Groups: refs('Group'), ...this.loginProfile() }];
      case 'Group':
        return ['AWS::IAM::Group', permissions];
      case 'Profile':
        return ['AWS::IAM::InstanceProfile', { Roles: [{ Ref: 'Role0' }] }];
      case 'Policy':
        return [
          'AWS::IAM::ManagedPolicy',
          { PolicyDocument: this.document(others), Description: this.text(1, others), Tags, ...this.attachedTo(refs) },
        ];
    }
  }

  private attachedTo(refs: (prefix: string) => Json[]): JsonMap {
    return this.draw.chance(50) ? {} : { Roles: refs('Role'), Users: refs('User'), Groups: refs('Group') };
  }

  private loginProfile(): JsonMap {
    const { draw } = this;
    if (draw.chance(60)) return {};
    const profile = {
      Password: 'unseen',
      ...(draw.chance(60) ? { PasswordResetRequired: draw.pick<Json>([true, false, 'true', NO_VALUE]) } : {}),
    };
    return { LoginProfile: draw.chance(50) ? profile : this.conditional(profile, NO_VALUE) };
  }

  /** Adds what is attached to entities from beside. */
  private beside(): void {
    const { draw } = this;
    const all = Object.keys(this.resources).filter((id) => /^(Role|User|Group|Policy)\d/.test(id));
    const of = (prefix: string): Json[] =>
      all
        .filter((id) => id.startsWith(prefix) && !id.endsWith('0') && draw.chance(50))
        .map((id) => this.item(id, { Ref: id }));
    for (let index = 0; index < 3; index++) {
      const policy = { PolicyName: `beside-${String(index)}`, PolicyDocument: this.document(all) };
      const [Type, target] = draw.pick<readonly [string, JsonMap]>([
        ['AWS::IAM::Policy', { Roles: [{ Ref: 'Role0' }, ...of('Role')], Users: of('User'), Groups: of('Group') }],
        ['AWS::IAM::RolePolicy', { RoleName: { Ref: 'Role0' } }],
        ['AWS::IAM::UserPolicy', { UserName: { Ref: 'User0' } }],
        ['AWS::IAM::GroupPolicy', { GroupName: { Ref: 'Group0' } }],
      ]);
      this.resources[`Beside${String(index)}`] = {
        Type,
        Properties: { ...policy, ...target },
        ...this.attributes(draw.chance(30)),
      };
    }
    const Properties = { GroupName: { Ref: 'Group0' }, Users: [{ Ref: 'User0' }, ...of('User')] };
    this.resources['Members'] = { Type: 'AWS::IAM::UserToGroupAddition', Properties };
  }
}
