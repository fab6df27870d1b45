import { createHash } from 'node:crypto';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Outcome } from '../../src/contract/report.js';
import { allowing, role, trusting } from './manifests-of.js';

/**
 * What an account of a few entities must look like after a run, and what the run's report may say: the ownership table
 * and the rules of leaving, told once more and without a line of the engine's.
 */

/** Entities by `Kind/name`. */
export const DEPLOY = 'Role/deploy';
export const COMMON = 'Role/common';
export const READ = 'Policy/read';
export const ROBOT = 'User/robot';
export const KEY = 'AccessKey/robot';
export const PEOPLE = 'Group/people';
export const MACHINE = 'InstanceProfile/machine';
export const TOKENS = 'OpenIDConnectProvider/tokens.example.com';
export const ENTITIES = [DEPLOY, COMMON, READ, ROBOT, KEY, PEOPLE, MACHINE, TOKENS] as const;

/** The namespaces that write to the account. */
type Namespace = 'ci' | 'other';

/** A property: one value, a set, or documents by name, each told by the one action that it allows. */
type Property = string | readonly string[] | Readonly<Record<string, string>>;

/** One entity, as far as the model cares. */
export interface Thing {
  /** Without the intent, which is of the run that wrote it. */
  readonly tags: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, Property>>;
}

/** What an account has; entities that do not exist are not in it. */
export type Account = Readonly<Record<string, Thing>>;

/** What a manifest says of one entity. */
interface Wanted {
  readonly absent?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  readonly properties?: Readonly<Record<string, Property>>;
  /** `unmanaged: remove`. Default: false. */
  readonly removes?: boolean;
}

/** Entities by `Kind/name`, in the order of the manifest. */
type Wants = Readonly<Record<string, Wanted>>;

/** Stands for the ARN of {@link READ}. */
export const ARN_OF_READ = 'the policy';

const ONE: Wants = {
  [READ]: { properties: { policyDocument: 's3:GetObject' } },
  [DEPLOY]: {
    tags: { team: 'platform' },
    properties: { description: 'one', inlinePolicies: { own: 'sqs:SendMessage' }, managedPolicyArns: [ARN_OF_READ] },
  },
  [ROBOT]: { tags: { team: 'platform' } },
  [KEY]: { properties: { status: 'Active' } },
  [PEOPLE]: { properties: { users: ['robot'], inlinePolicies: { list: 's3:ListAllMyBuckets' } } },
  [MACHINE]: { properties: { roles: ['deploy'] } },
  [TOKENS]: { properties: { clientIdList: ['ours', 'common'] } },
};

/** The manifests that runs apply. Each belongs to the namespace `ci`, those that are told from the others to `other`. */
export const MANIFESTS = {
  /** Everything. */
  whole: ONE,
  /** Everything, each with a property changed. */
  changed: {
    ...ONE,
    [READ]: { properties: { policyDocument: 's3:PutObject' } },
    [DEPLOY]: {
      tags: { team: 'security' },
      properties: {
        description: 'two',
        inlinePolicies: { own: 'sqs:ReceiveMessage' },
        managedPolicyArns: [ARN_OF_READ],
      },
    },
    [KEY]: { properties: { status: 'Inactive' } },
    [PEOPLE]: { properties: { users: ['robot'], inlinePolicies: { list: 'iam:ListUsers' } } },
    [TOKENS]: { properties: { clientIdList: ['ours', 'later'] } },
  },
  /** Everything, and what is unmanaged on the role and the user goes. */
  tidy: {
    ...ONE,
    [DEPLOY]: { ...ONE[DEPLOY], removes: true },
    [ROBOT]: { ...ONE[ROBOT], removes: true },
  },
  /** Some of it, with fewer properties; the rest is unmanaged. */
  part: {
    [READ]: { properties: { policyDocument: 's3:GetObject' } },
    [DEPLOY]: { properties: { description: 'one', managedPolicyArns: [ARN_OF_READ] } },
    [ROBOT]: {},
  },
  /** Nobody has access any more. */
  closed: {
    [READ]: { properties: { policyDocument: 's3:GetObject' } },
    [DEPLOY]: { properties: { description: 'one', managedPolicyArns: [ARN_OF_READ] } },
    [ROBOT]: {},
    [KEY]: { absent: true },
    [PEOPLE]: { absent: true },
    [MACHINE]: { absent: true },
  },
  /** Nothing is to be left. */
  nothing: Object.fromEntries(Object.keys(ONE).map((id) => [id, { absent: true }])),
  /** What the other namespace wants, too. */
  contested: {
    [COMMON]: { properties: { description: 'of ci' } },
    [TOKENS]: { properties: { clientIdList: ['ours', 'common'] } },
    [READ]: { properties: { policyDocument: 's3:GetObject' } },
  },
  /** What this namespace wants, too, as the other one has it. */
  'of the others': {
    [COMMON]: { properties: { description: 'of others' } },
    [TOKENS]: { properties: { clientIdList: ['theirs', 'common'] } },
  },
  /** The other namespace goes. */
  'none of the others': { [COMMON]: { absent: true }, [TOKENS]: { absent: true } },
} as const satisfies Record<string, Wants>;
export type ManifestName = keyof typeof MANIFESTS;

/** What is asked of a run. */
export interface Asked {
  readonly command: 'apply' | 'release' | 'destroy';
  readonly manifest: ManifestName;
  readonly keepGoing?: boolean;
}

/** Whose a manifest is. */
export function namespaceOf({ manifest }: Asked): Namespace {
  return manifest.endsWith('the others') ? 'other' : 'ci';
}

/** What a manifest says of each entity. */
export function wantsOf({ manifest }: Asked): Wants {
  return MANIFESTS[manifest];
}

/** A manifest's entities as a user writes them. */
export function entitiesOf(asked: Asked, account: string): JsonObject[] {
  return Object.entries(wantsOf(asked)).map(([id, wanted]) => {
    const { kind, key, rest } = written(id, wanted, account);
    if (wanted.absent === true) return { kind, ...key, state: 'absent', ...(id === TOKENS ? { shared: true } : {}) };
    return {
      ...rest,
      kind,
      ...key,
      ...(wanted.tags === undefined ? {} : { tags: wanted.tags }),
      ...(wanted.removes === true ? { unmanaged: 'remove' } : {}),
    };
  });
}

function written(
  id: string,
  { properties = {} }: Wanted,
  account: string,
): { readonly kind: string; readonly key: JsonObject; readonly rest: JsonObject } {
  const [kind = '', name = ''] = id.split('/');
  const rest = Object.fromEntries(
    Object.entries(properties).map(([property, value]) => {
      if (property === 'managedPolicyArns') return [property, ['{{arn Policy/read}}']];
      if (property === 'policyDocument') return [property, allowing(value as string)];
      if (property !== 'inlinePolicies') return [property, value];
      return [property, Object.fromEntries(Object.entries(value).map(([one, action]) => [one, allowing(action)]))];
    }),
  ) as JsonObject;
  switch (kind) {
    case 'Role':
      return { kind, key: { roleName: name }, rest: { ...role(name), assumeRolePolicyDocument: trusting(), ...rest } };
    case 'Policy':
      return { kind, key: { policyName: name }, rest };
    case 'User':
      return { kind, key: { userName: name }, rest };
    case 'Group':
      return { kind, key: { groupName: name }, rest };
    case 'AccessKey':
      return { kind, key: { userName: name, secret: { file: secretFile(account) } }, rest };
    case 'InstanceProfile':
      return { kind, key: { instanceProfileName: name }, rest };
    default:
      return { kind, key: { url: `https://${name}` }, rest: { ...rest, shared: true } };
  }
}

/** Where the access key of {@link ROBOT} is stored, in the folder of secrets. */
export function secretFile(account: string): string {
  return `${account}/robot.json`;
}

// ------------------------------------------------------------------------------------------------------- ownership

const NAMESPACE = 'iam-bootstrap:namespace';
const ORIGIN = 'iam-bootstrap:origin';
const SHARED_BY = 'iam-bootstrap:shared-by:';
/** Left by another tool. */
export const TOOL = 'pulumi:stack';

/** Kinds that show nobody's marks. */
function isMute(id: string): boolean {
  return id === PEOPLE || id === KEY;
}

/** Who owns an entity, to the eyes of a namespace. */
function ownerOf(id: string, { tags }: Thing, namespace: Namespace): 'ours' | 'unowned' | 'foreign' {
  if (isMute(id)) return 'unowned';
  if (tags[NAMESPACE] === namespace || Object.hasOwn(tags, SHARED_BY + namespace)) return 'ours';
  return tags[NAMESPACE] !== undefined || tags[TOOL] !== undefined ? 'foreign' : 'unowned';
}

function sharersBeside({ tags }: Thing, namespace: Namespace): string[] {
  return Object.keys(tags).filter((tag) => tag.startsWith(SHARED_BY) && tag !== SHARED_BY + namespace);
}

function isMark(tag: string): boolean {
  return tag.startsWith('iam-bootstrap:');
}

/** A client ID as a mark tells it. */
function claimOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('hex').slice(0, 8);
}

function marksOf(id: string, namespace: Namespace, wanted: Wanted): Record<string, string> {
  if (isMute(id)) return {};
  if (id !== TOKENS) return { [NAMESPACE]: namespace };
  const clientIds = (wanted.properties?.['clientIdList'] ?? []) as readonly string[];
  return { [SHARED_BY + namespace]: clientIds.map(claimOf).sort().join(' ') };
}

/** Returns an entity after its release by a namespace. The last namespace removes all ownership tags. */
function givenUp(thing: Thing, namespace: Namespace): Thing {
  const last = sharersBeside(thing, namespace).length === 0;
  const mine = [NAMESPACE, SHARED_BY + namespace];
  return { ...thing, tags: without(thing.tags, (tag) => (last ? isMark(tag) : mine.includes(tag))) };
}

/** A provider without the part of a namespace: its mark, and the client IDs that it alone has claimed. */
function withdrawn(thing: Thing, namespace: Namespace): Thing {
  const others = sharersBeside(thing, namespace).map((tag) => thing.tags[tag]?.split(' ') ?? []);
  const mine = thing.tags[SHARED_BY + namespace]?.split(' ') ?? [];
  const goes = (clientId: string): boolean =>
    mine.includes(claimOf(clientId)) && !others.some((claims) => claims.includes(claimOf(clientId)));
  const clientIdList = (thing.properties['clientIdList'] as readonly string[]).filter((one) => !goes(one));
  return {
    tags: without(thing.tags, (tag) => tag === SHARED_BY + namespace || tag === NAMESPACE),
    properties: { ...thing.properties, clientIdList },
  };
}

function without(
  tags: Readonly<Record<string, string>>,
  goes: (tag: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).filter(([tag]) => !goes(tag)));
}

// ------------------------------------------------------------------------------------------------------- decisions

/** What becomes of one entity. */
export interface Fate {
  readonly outcome: Outcome;
  /** Undefined where it does not exist afterwards. */
  readonly next: Thing | undefined;
}

/** What a run makes of one entity where no other one stands in the way. */
export function fateOf(id: string, thing: Thing | undefined, wanted: Wanted, asked: Asked): Fate {
  if (asked.command !== 'apply') return fateOfLeaving(id, thing, asked);
  const namespace = namespaceOf(asked);
  const goes = wanted.absent === true;
  if (thing === undefined) return goes ? { outcome: 'unchanged', next: undefined } : made(id, wanted, namespace);
  const owner = ownerOf(id, thing, namespace);
  if (owner === 'foreign') return { outcome: 'refused', next: thing };
  if (goes && id === TOKENS) return fateOfShared(thing, namespace);
  if (goes) return { outcome: 'deleted', next: undefined };
  const known = owner === 'ours';
  const origin = thing.tags[ORIGIN] ?? 'adopted';
  const marks = marksOf(id, namespace, wanted);
  const adoption = known || isMute(id) ? {} : { [ORIGIN]: id === TOKENS ? origin : 'adopted' };
  const next: Thing = {
    tags: { ...tagsAfter(thing, wanted, known), ...marks, ...adoption },
    properties: propertiesAfter(thing, wanted, known),
  };
  if (!known && !isMute(id)) return { outcome: 'adopted', next };
  return { outcome: isSame(thing, next) ? 'unchanged' : 'updated', next };
}

function made(id: string, wanted: Wanted, namespace: Namespace): Fate {
  const origin = isMute(id) ? {} : { [ORIGIN]: 'created' };
  const tags = { ...wanted.tags, ...marksOf(id, namespace, wanted), ...origin };
  return { outcome: 'created', next: { tags, properties: { ...BLANK[id.split('/')[0] ?? ''], ...wanted.properties } } };
}

/** Properties of what has just been made, where nothing is said of them. */
const BLANK: Readonly<Record<string, Readonly<Record<string, Property>>>> = {
  Role: { description: '', inlinePolicies: {}, managedPolicyArns: [] },
  Policy: {},
  User: { keys: [] },
  Group: { inlinePolicies: {}, users: [] },
  AccessKey: { status: 'Active' },
  InstanceProfile: { roles: [] },
  OpenIDConnectProvider: { clientIdList: [] },
};

function fateOfShared(thing: Thing, namespace: Namespace): Fate {
  if (ownerOf(TOKENS, thing, namespace) !== 'ours') return { outcome: 'unchanged', next: thing };
  if (thing.tags[ORIGIN] === 'adopted') return { outcome: 'released', next: givenUp(thing, namespace) };
  const alone = sharersBeside(thing, namespace).length === 0;
  return { outcome: 'deleted', next: alone ? undefined : withdrawn(thing, namespace) };
}

function fateOfLeaving(id: string, thing: Thing | undefined, asked: Asked): Fate {
  const namespace = namespaceOf(asked);
  if (thing === undefined || ownerOf(id, thing, namespace) !== 'ours') return { outcome: 'unchanged', next: thing };
  if (asked.command === 'release' || thing.tags[ORIGIN] === 'adopted') {
    return { outcome: 'released', next: givenUp(thing, namespace) };
  }
  const alone = sharersBeside(thing, namespace).length === 0;
  return { outcome: 'deleted', next: alone ? undefined : withdrawn(thing, namespace) };
}

function tagsAfter({ tags }: Thing, wanted: Wanted, known: boolean): Readonly<Record<string, string>> {
  const { tags: declared } = wanted;
  if (declared === undefined) return tags;
  const kept = wanted.removes === true && known ? without(tags, (tag) => !isMark(tag)) : tags;
  return { ...kept, ...declared };
}

function propertiesAfter({ properties }: Thing, wanted: Wanted, known: boolean): Thing['properties'] {
  const removes = wanted.removes === true && known;
  const after = Object.entries(wanted.properties ?? {}).map(([property, value]) => {
    const seen = properties[property];
    if (removes || typeof value === 'string' || seen === undefined) return [property, value];
    if (isSet(value)) return [property, [...new Set([...(seen as readonly string[]), ...value])]];
    return [property, { ...(seen as Record<string, string>), ...value }];
  });
  return { ...properties, ...(Object.fromEntries(after) as Thing['properties']) };
}

function isSet(property: Property): property is readonly string[] {
  return Array.isArray(property);
}

/** Whether two entities are the same, in whatever order AWS lists what they have. */
export function isSame(a: Thing | undefined, b: Thing | undefined): boolean {
  return canonical(a) === canonical(b);
}

/** A text that is the same for what is the same. */
export function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_name, part: unknown) => {
    if (Array.isArray(part)) return [...(part as readonly unknown[])].sort();
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}

// ------------------------------------------------------------------------------------------------------------ runs

/** Pairs of entities. One waits for the other. */
const LINKS: readonly (readonly [string, string])[] = [
  [DEPLOY, READ],
  [KEY, ROBOT],
  [PEOPLE, ROBOT],
  [MACHINE, DEPLOY],
];

/** What a run may come to, entity by entity: the first is what it comes to where it is alone. */
type Forecast = ReadonlyMap<string, readonly Fate[]>;

/** What a run must come to, from what the account has. */
export function forecast(account: Account, asked: Asked): Forecast {
  const wants = Object.entries(wantsOf(asked));
  const fates = new Map(wants.map(([id, wanted]) => [id, fateOf(id, account[id], wanted, asked)]));
  // What is held on to by something that does not go is refused, and holds on in its turn.
  for (let refused = true; refused;) {
    refused = false;
    for (const [id, holder, isHeld] of HOLDERS) {
      const held = account[holder];
      if (fates.get(id)?.outcome !== 'deleted' || held === undefined || !isHeld(held)) continue;
      if (fates.get(holder)?.outcome === 'deleted') continue;
      fates.set(id, { outcome: 'refused', next: account[id] });
      refused = true;
    }
  }
  const stuck = new Set([...fates].filter(([, { outcome }]) => outcome === 'refused').map(([id]) => id));
  if (stuck.size === 0) return new Map([...fates].map(([id, fate]) => [id, [fate]]));
  const linked = withLinked(stuck);
  return new Map(
    [...fates].map(([id, fate]) => {
      if (fate.outcome === 'unchanged' || fate.outcome === 'refused') return [id, [fate]];
      const skipped: Fate = { outcome: 'skipped', next: account[id] };
      if (asked.keepGoing !== true) return [id, [skipped]];
      return [id, linked.has(id) ? [fate, skipped] : [fate]];
    }),
  );
}

const HOLDERS: readonly (readonly [string, string, (holder: Thing) => boolean])[] = [
  [DEPLOY, MACHINE, ({ properties }) => (properties['roles'] as readonly string[]).includes('deploy')],
  [READ, DEPLOY, ({ properties }) => (properties['managedPolicyArns'] as readonly string[]).includes(ARN_OF_READ)],
];

function withLinked(ids: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set(ids);
  for (let size = -1; size < all.size;) {
    size = all.size;
    for (const [a, b] of LINKS) if (all.has(a) || all.has(b)) all.add(a).add(b);
  }
  return all;
}

/** What else is gone where some are: a user takes its keys and its memberships with it. */
export function afterDeletions(account: Account): Account {
  if (account[ROBOT] !== undefined) return account;
  const rest = Object.fromEntries(Object.entries(account).filter(([id]) => id !== KEY));
  const people = rest[PEOPLE];
  if (people === undefined) return rest;
  const users = (people.properties['users'] as readonly string[]).filter((name) => name !== 'robot');
  return { ...rest, [PEOPLE]: { ...people, properties: { ...people.properties, users } } };
}
