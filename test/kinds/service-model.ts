import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Json, JsonObject } from '../../src/contract/entity.js';
import type { Kind } from '../../src/kinds/kind.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import { findPython } from '../support/sandbox.js';
import { desiredOf } from './kind-harness.js';

interface Reference {
  readonly shape: string;
}

/** What AWS's model says of a value. */
interface Shape {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, Reference>>;
  readonly member?: Reference;
  readonly key?: Reference;
  readonly value?: Reference;
  readonly error?: { readonly code: string };
  readonly exception?: boolean;
}

interface Model {
  readonly operations: Readonly<Record<string, { readonly input?: Reference; readonly errors?: readonly Reference[] }>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

/** AWS's own description of IAM, from which its SDKs are made. The one that comes with the sandbox. */
export class ServiceModel {
  private constructor(private readonly model: Model) {}

  static async load(): Promise<ServiceModel> {
    const program =
      "import json; from botocore.loaders import Loader; print(json.dumps(Loader().load_service_model('iam', 'service-2')))";
    const { stdout } = await promisify(execFile)(await findPython(), ['-c', program], { maxBuffer: 64_000_000 });
    return new ServiceModel(JSON.parse(stdout) as Model);
  }

  hasOperation(name: string): boolean {
    return Object.hasOwn(this.model.operations, name);
  }

  /** The input of an operation; one without members where it takes none. */
  input(operation: string): Shape {
    const reference = this.model.operations[operation]?.input;
    return reference === undefined ? { type: 'structure' } : this.shape(reference);
  }

  /** Codes of the errors that an operation declares, as `AwsError.code` has them. */
  errors(operation: string): string[] {
    return (this.model.operations[operation]?.errors ?? []).map((error) => codeOf(error.shape, this.shape(error)));
  }

  /** Codes of all errors that IAM has. */
  allErrors(): string[] {
    const errors = Object.entries(this.model.shapes).filter(([, shape]) => shape.exception === true);
    return [...new Set(errors.map(([name, shape]) => codeOf(name, shape)))];
  }

  shape(reference: Reference | undefined): Shape {
    const shape = this.model.shapes[reference?.shape ?? ''];
    if (shape === undefined) throw new Error(`the model has no shape ${String(reference?.shape)}`);
    return shape;
  }

  /** The shape of `CreateRole.RoleName`. */
  member(path: string): Shape {
    const [operation = '', name = ''] = path.split('.');
    const reference = this.input(operation).members?.[name];
    if (reference === undefined) throw new Error(`the model has no ${path}`);
    return this.shape(reference);
  }

  /** The member that a property is named after: of the kind's Create, or of another write that does not take away. */
  memberOf(kind: Kind, create: string, property: string): string | undefined {
    const others = kind.actions.write.map((action) => action.replace(/^iam:/, ''));
    const operations = [create, ...others.filter((name) => !/^(Delete|Remove|Detach|Untag|Disable)/.test(name))];
    for (const operation of operations) {
      const name = Object.keys(this.input(operation).members ?? {}).find((one) => camelCase(one) === property);
      if (name !== undefined) return `${operation}.${name}`;
    }
    return undefined;
  }
}

function codeOf(name: string, { error }: Shape): string {
  return (error?.code ?? name).replace(/Exception$/, '');
}

/** `AWSServiceName` as a manifest writes it: `awsServiceName`. */
export function camelCase(member: string): string {
  const words = (member.match(/[A-Z]+(?![a-z])|[A-Z][a-z\d]*/g) ?? [member]).map((word) => word.toLowerCase());
  return words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
}

/** Whether the model takes a text or a number. */
function admits({ min = 0, max = Number.POSITIVE_INFINITY, pattern, enum: values }: Shape, value: Json): boolean {
  if (typeof value === 'number') return value >= min && value <= max;
  if (typeof value !== 'string') return true;
  if (value.length < min || value.length > max) return false;
  if (values !== undefined && !values.includes(value)) return false;
  // AWS matches the whole text, whether or not the pattern says so.
  return pattern === undefined || new RegExp(`^(?:${pattern})$`, 'u').test(value);
}

/** Which members the parts of a property go to, where it is named after none. */
interface Composition {
  /** Of each member of a list, or each key and value of a map. */
  readonly item?: string;
  readonly key?: string;
  readonly value?: string;
  readonly because: string;
}

const POLICY_HOLDERS = ['Role', 'User', 'Group'];

/** Properties that are named after no member of an operation's input, by `Kind.property`. */
export const COMPOSED: Readonly<Record<string, Composition>> = {
  ...Object.fromEntries(
    POLICY_HOLDERS.flatMap((kind): [string, Composition][] => [
      [
        `${kind}.inlinePolicies`,
        {
          key: `Put${kind}Policy.PolicyName`,
          value: `Put${kind}Policy.PolicyDocument`,
          because: 'AWS takes one in each call',
        },
      ],
      [
        `${kind}.managedPolicyArns`,
        { item: `Attach${kind}Policy.PolicyArn`, because: 'AWS attaches one in each call' },
      ],
    ]),
  ),
  'Group.users': { item: 'AddUserToGroup.UserName', because: 'AWS adds one in each call' },
  'InstanceProfile.roles': { item: 'AddRoleToInstanceProfile.RoleName', because: 'AWS adds one in each call' },
  ...Object.fromEntries(
    ['rootCredentialsManagement', 'rootSessions'].map((feature) => [
      `OrganizationsRootAccess.${feature}`,
      { because: 'AWS has an operation to enable each feature, without input' },
    ]),
  ),
  'AccessKey.rotate': { because: 'a rule of this tool for the age of keys' },
  'LoginProfile.reset': { because: 'asks for a write, and is stored with the secret' },
  'ServiceSpecificCredential.reset': { because: 'asks for a write, and is stored with the secret' },
  'SAMLProvider.oldPrivateKeys': {
    key: 'UpdateSAMLProvider.RemovePrivateKey',
    because: 'AWS removes one in each call',
  },
  'AccountAlias.accountAliases': { item: 'CreateAccountAlias.AccountAlias', because: 'a list, as ListAccountAliases' },
  ...Object.fromEntries(
    [
      ...['AccessKey', 'LoginProfile', 'ServiceSpecificCredential', 'VirtualMFADevice'].map((kind) => `${kind}.secret`),
      ...['SAMLProvider', 'ServerCertificate'].map((kind) => `${kind}.privateKey`),
    ].map((property) => [property, { because: 'a secret location, which AWS does not know' }]),
  ),
};

/** A value for a property, on one side of one of the model's bounds. */
export interface Sample {
  readonly property: string;
  /** For people: `65 characters`. */
  readonly what: string;
  /** The property's whole value. */
  readonly value: Json;
  /** Where in it the bound is tried; ends with the key itself where that is what is tried. */
  readonly at: readonly (string | number)[];
  readonly isKey: boolean;
  /** Whether the model takes it. */
  readonly admitted: boolean;
}

/** The specs that the laws try a kind with. */
export function fixtureOf(kind: Kind): KindFixture {
  const fixture = KIND_FIXTURES[kind.name];
  if (fixture === undefined) throw new Error(`${kind.name} has no fixture in test/support/kind-fixtures`);
  return fixture;
}

/** The operation that creates an entity of the kind. */
export function createOf(kind: Kind): string {
  return kind.create(desiredOf(kind, fixtureOf(kind).minimal)).operation;
}

/** Values on both sides of every bound that the model sets for a property. */
export function samplesOf(model: ServiceModel, kind: Kind, property: string): Sample[] {
  const sound = fixtureOf(kind).full[property];
  const composed = COMPOSED[`${kind.name}.${property}`];
  const ofItems = (shape: Shape): Sample[] => {
    const [base = ''] = sound as readonly Json[];
    return samplesOfPart({ property, shape, base, wrap: (item) => [item], at: () => [0] });
  };
  const ofKeys = (shape: Shape): Sample[] => {
    const [[base, content] = ['', '']] = Object.entries(sound as JsonObject);
    const wrap = (key: Json): Json => ({ [key as string]: content });
    return samplesOfPart({ property, shape, base, wrap, at: (key) => [key as string], isKey: true });
  };
  const ofValues = (shape: Shape): Sample[] => {
    const [[key, base] = ['', '']] = Object.entries(sound as JsonObject);
    return samplesOfPart({ property, shape, base, wrap: (value) => ({ [key]: value }), at: () => [key] });
  };

  if (composed !== undefined) {
    const { item, key, value } = composed;
    return [
      ...(item === undefined ? [] : ofItems(model.member(item))),
      ...(key === undefined ? [] : ofKeys(model.member(key))),
      ...(value === undefined ? [] : ofValues(model.member(value))),
    ];
  }
  const member = model.memberOf(kind, createOf(kind), property);
  if (member === undefined || sound === undefined) return [];
  const shape = model.member(member);
  if (shape.type === 'map') return [...ofKeys(model.shape(shape.key)), ...ofValues(model.shape(shape.value))];
  if (shape.type !== 'list')
    return samplesOfPart({ property, shape, base: sound, wrap: (value) => value, at: () => [] });
  const item = model.shape(shape.member);
  if (item.type !== 'structure') return ofItems(item);
  // Tags, which the manifest writes as a map.
  const { Key, Value } = item.members ?? {};
  return [...ofKeys(model.shape(Key)), ...ofValues(model.shape(Value)), ...crowds(property, shape)];
}

/** As many tags as AWS allows, and one more. */
function crowds(property: string, { max = 0 }: Shape): Sample[] {
  return [max, max + 1].map((count) => ({
    property,
    what: `${String(count)} members`,
    value: Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${String(index)}`, 'value'])),
    at: [],
    isKey: false,
    admitted: count <= max,
  }));
}

/** A part of a property that goes to one member. */
interface Part {
  readonly property: string;
  readonly shape: Shape;
  /** A sound value of it. */
  readonly base: Json;
  /** The property's whole value with this part in it. */
  readonly wrap: (part: Json) => Json;
  readonly at: (part: Json) => readonly (string | number)[];
  readonly isKey?: boolean;
}

function samplesOfPart({ property, shape, base, wrap, at, isKey = false }: Part): Sample[] {
  const sample = ([what, part]: readonly [string, Json], admitted: boolean): Sample => ({
    property,
    what,
    value: wrap(part),
    at: at(part),
    isKey,
    admitted,
  });
  // AWS takes a document as text.
  if (typeof base === 'object') {
    return documents(shape, base as JsonObject).map((one) => sample(one, admits(shape, JSON.stringify(one[1]))));
  }
  const parts = shape.type === 'string' ? texts(shape, String(base)) : numbers(shape);
  return parts.map((one) => sample(one, admits(shape, one[1])));
}

function numbers({ type, min, max }: Shape): [string, Json][] {
  if (type !== 'integer') return [];
  const values = [...(min === undefined ? [] : [min - 1, min]), ...(max === undefined ? [] : [max, max + 1])];
  return values.map((value) => [String(value), value]);
}

/** Characters that some of IAM's patterns take and others do not. */
const CHARACTERS = ['A', '_', '-', '--', '.', ' ', '/', ':', '!', '{', '\n', '\u0000', 'é', '\u2013'];

function texts(shape: Shape, base: string): [string, string][] {
  const { min = 0, max, pattern, enum: values } = shape;
  const lengths = [...(min > 0 ? [min - 1, min] : []), ...(max === undefined ? [] : [max, max + 1])];
  const middle = Math.floor(base.length / 2);
  return [
    ...[...new Set(lengths)].map((length): [string, string] => [
      `${String(length)} characters`,
      ofLength(base, length, { ...shape, min: 0, max: Number.POSITIVE_INFINITY }),
    ]),
    ...(pattern === undefined ? [] : CHARACTERS).flatMap((character): [string, string][] => [
      [`${JSON.stringify(character)} inside`, base.slice(0, middle) + character + base.slice(middle)],
      [`${JSON.stringify(character)} at the end`, base + character],
    ]),
    ...(values === undefined ? [] : [...values, 'Nonsense']).map((value): [string, string] => [`"${value}"`, value]),
  ];
}

/** A text that differs from a sound one in nothing but its length. */
function ofLength(base: string, length: number, shape: Shape): string {
  // Certificates and keys stay what they are with empty lines after them.
  const more = (/^(-----BEGIN|ssh-rsa) /.test(base) ? '\n' : 'x').repeat(Math.max(0, length - base.length));
  const candidates = [
    // Shorter than an account's ID in an ARN allows.
    ...(base.startsWith('arn:') ? ['arn:aws:iam::aws:a/b'.slice(0, length)] : []),
    base.slice(0, length) + more,
    // A path ends in a slash.
    base.slice(0, -1) + more + base.slice(-1),
    'x'.repeat(length),
    '/'.repeat(length),
  ].filter((text) => text.length === length);
  return candidates.find((text) => admits(shape, text)) ?? 'x'.repeat(length);
}

/** Documents with a text in them that IAM takes, or not. */
function documents({ max = 0 }: Shape, base: JsonObject): [string, JsonObject][] {
  const [first, ...others] = base['Statement'] as readonly JsonObject[];
  const holding = (text: string): JsonObject => {
    const condition = {
      ...(first?.['Condition'] as JsonObject | undefined),
      StringLike: { 'aws:PrincipalTag/law': text },
    };
    return { ...base, Statement: [{ ...first, Condition: condition }, ...others] };
  };
  const room = max - JSON.stringify(holding('')).length;
  return [
    ['as it is', base],
    ['"ÿ" inside', holding('ÿ')],
    ['"\u2013" inside', holding('\u2013')],
    [`${String(max)} characters`, holding('x'.repeat(room))],
    [`${String(max + 1)} characters`, holding('x'.repeat(room + 1))],
  ];
}
