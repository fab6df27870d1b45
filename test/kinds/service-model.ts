import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Json, JsonObject } from '../../src/contract/entity.js';
import type { Kind } from '../../src/kinds/kind.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import { findPython } from '../support/sandbox.js';
import { desiredOf } from './bench.js';

/** What AWS's model says of a value. */
export interface Shape {
  readonly type: 'string' | 'integer' | 'boolean' | 'list' | 'map' | 'structure' | 'timestamp' | 'long';
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly required?: readonly string[];
  readonly members?: Readonly<Record<string, { readonly shape: string }>>;
  readonly member?: { readonly shape: string };
  readonly key?: { readonly shape: string };
  readonly value?: { readonly shape: string };
  readonly error?: { readonly code: string };
  readonly exception?: boolean;
}

interface Model {
  readonly operations: Readonly<
    Record<string, { readonly input?: { readonly shape: string }; readonly errors?: readonly { shape: string }[] }>
  >;
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
    const name = this.model.operations[operation]?.input?.shape;
    return name === undefined ? { type: 'structure', members: {} } : this.shape(name);
  }

  /** Codes of the errors that an operation declares, as `AwsError.code` has them. */
  errors(operation: string): string[] {
    return (this.model.operations[operation]?.errors ?? []).map(({ shape }) => codeOf(shape, this.shape(shape)));
  }

  /** Codes of all errors that IAM has. */
  allErrors(): string[] {
    const errors = Object.entries(this.model.shapes).filter(([, shape]) => shape.exception === true);
    return [...new Set(errors.map(([name, shape]) => codeOf(name, shape)))];
  }

  shape(name: string | undefined): Shape {
    const shape = this.model.shapes[name ?? ''];
    if (shape === undefined) throw new Error(`the model has no shape ${String(name)}`);
    return shape;
  }

  /** The shape of `CreateRole.RoleName`; undefined where the operation's input has no such member. */
  member(path: string): Shape | undefined {
    const [operation = '', name = ''] = path.split('.');
    const member = this.input(operation).members?.[name];
    return member && this.shape(member.shape);
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
  return (member.match(/[A-Z]+(?![a-z])|[A-Z][a-z\d]*/g) ?? [member])
    .map((word, index) => (index === 0 ? '' : word.charAt(0)) + word.slice(index === 0 ? 0 : 1).toLowerCase())
    .map((word, index) => (index === 0 ? word.toLowerCase() : word))
    .join('');
}

/** Whether the model takes a text or a number. */
function admits({ min = 0, max = Infinity, pattern, enum: values }: Shape, value: Json): boolean {
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
  'AccountAlias.accountAliases': { item: 'CreateAccountAlias.AccountAlias', because: 'a list, as ListAccountAliases' },
  ...Object.fromEntries(
    ['AccessKey', 'LoginProfile', 'ServiceSpecificCredential'].map((kind) => [
      `${kind}.secret`,
      { because: 'where the secret is kept, of which AWS knows nothing' },
    ]),
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

/** The operation that creates an entity of the kind. */
export function createOf(kind: Kind, fixture: KindFixture): string {
  return kind.create(desiredOf(kind, fixture.minimal)).operation;
}

/** Values on both sides of every bound that the model sets for a property. */
export function samplesOf(model: ServiceModel, kind: Kind, fixture: KindFixture, property: string): Sample[] {
  const base = fixture.full[property];
  const composed = COMPOSED[`${kind.name}.${property}`];
  const samples = (part: Omit<Part, 'property'>): Sample[] => samplesOfPart({ property, ...part });
  const ofMember = (path: string | undefined): Shape | undefined => {
    if (path === undefined) return undefined;
    const shape = model.member(path);
    if (shape === undefined) throw new Error(`the model has no ${path}`);
    return shape;
  };
  const ofItems = (shape: Shape | undefined): Sample[] => {
    const [first = ''] = base as readonly Json[];
    return shape === undefined ? [] : samples({ shape, base: first, wrap: (item) => [item], at: () => [0] });
  };
  const ofEntries = (key: Shape | undefined, value: Shape | undefined): Sample[] => {
    const [name, content] = Object.entries(base as JsonObject)[0] ?? ['', ''];
    return [
      ...(key === undefined
        ? []
        : samples({
            shape: key,
            base: name,
            wrap: (text) => ({ [String(text)]: content }),
            at: (text) => [String(text)],
            isKey: true,
          })),
      ...(value === undefined
        ? []
        : samples({ shape: value, base: content, wrap: (one) => ({ [name]: one }), at: () => [name] })),
    ];
  };

  if (composed !== undefined) {
    return [...ofItems(ofMember(composed.item)), ...ofEntriesOf(composed, ofMember, ofEntries)];
  }
  const shape = ofMember(model.memberOf(kind, createOf(kind, fixture), property));
  if (shape === undefined || base === undefined) return [];
  if (shape.type === 'map') return ofEntries(model.shape(shape.key?.shape), model.shape(shape.value?.shape));
  if (shape.type !== 'list') return samples({ shape, base, wrap: (value) => value, at: () => [] });
  const item = model.shape(shape.member?.shape);
  if (item.type !== 'structure') return ofItems(item);
  // Tags: a map in the manifest.
  const { Key, Value } = item.members ?? {};
  const most = shape.max ?? 0;
  const many = [most, most + 1].map((count): Sample => {
    const value = Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${String(index)}`, 'value']));
    return { property, what: `${String(count)} members`, value, at: [], isKey: false, admitted: count <= most };
  });
  return [...ofEntries(model.shape(Key?.shape), model.shape(Value?.shape)), ...many];
}

function ofEntriesOf(
  { key, value }: Composition,
  ofMember: (path: string | undefined) => Shape | undefined,
  ofEntries: (key: Shape | undefined, value: Shape | undefined) => Sample[],
): Sample[] {
  return key === undefined && value === undefined ? [] : ofEntries(ofMember(key), ofMember(value));
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
  // A document, of which AWS takes the text.
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
      ofLength(base, length, { ...shape, min: 0, max: Infinity }),
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
  const more = Math.max(0, length - base.length);
  const candidates = [
    base.slice(0, length) + 'x'.repeat(more),
    base.slice(0, Math.max(0, Math.min(length, base.length) - 1)) +
      'x'.repeat(more) +
      base.slice(length === 0 ? base.length : -1),
    // The shortest ARN that AWS has.
    'arn:aws:iam::aws:a/bc'.slice(0, length),
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
