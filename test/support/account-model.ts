import { createHash } from 'node:crypto';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Outcome } from '../../src/contract/report.js';
import { allowing, role, trusting } from './manifests-of.js';

/**
 * Predicts the state of a small account after a run, and what the run's report may say: the ownership table and the
 * rules of release and destroy, written again without code of the engine.
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

/** A property: a value, a set, or documents by name, each represented by the action that it allows. */
type Property = string | readonly string[] | Readonly<Record<string, string>>;

/** The modelled state of an entity. */
export interface EntityState {
  /** Tags, without the intent, which belongs to a run. */
  readonly tags: Readonly<Record<string, string>>;
  readonly properties: Readonly<Record<string, Property>>;
}

/** The entities that exist in an account. */
export type AccountState = Readonly<Record<string, EntityState>>;

/** The declaration of one entity. */
interface Wanted {
  readonly absent?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
  readonly properties?: Readonly<Record<string, Property>>;
  /** `unmanaged: remove`. Default: false. */
  readonly removes?: boolean;
}

/** Entities by `Kind/name`, in the order of the manifest. */
type Wants = Readonly<Record<string, Wanted>>;

/** Placeholder for the ARN of {@link READ}. */
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

/** The manifests that runs apply, of the namespaces `ci` and `other`. */
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
  /** Everything. Unmanaged properties of the role and the user are removed. */
  tidy: { ...ONE, [DEPLOY]: { ...ONE[DEPLOY], removes: true }, [ROBOT]: { ...ONE[ROBOT], removes: true } },
  /** Some of it, with fewer properties; the rest is unmanaged. */
  part: {
    [READ]: { properties: { policyDocument: 's3:GetObject' } },
    [DEPLOY]: { properties: { description: 'one', managedPolicyArns: [ARN_OF_READ] } },
    [ROBOT]: {},
  },
  /** All access is removed. */
  closed: {
    [READ]: { properties: { policyDocument: 's3:GetObject' } },
    [DEPLOY]: { properties: { description: 'one', managedPolicyArns: [ARN_OF_READ] } },
    [ROBOT]: {},
    [KEY]: { absent: true },
    [PEOPLE]: { absent: true },
    [MACHINE]: { absent: true },
  },
  /** Everything is absent. */
  nothing: Object.fromEntries(Object.keys(ONE).map((id) => [id, { absent: true }])),
  /** Entities that the other namespace declares too. */
  contested: {
    [COMMON]: { properties: { description: 'of ci' } },
    [TOKENS]: { properties: { clientIdList: ['ours', 'common'] } },
    [READ]: { properties: { policyDocument: 's3:GetObject' } },
  },
  /** Entities that this namespace declares too, as the other one declares them. */
  'of the others': {
    [COMMON]: { properties: { description: 'of others' } },
    [TOKENS]: { properties: { clientIdList: ['theirs', 'common'] } },
  },
  /** The other namespace removes its entities. */
  'none of the others': { [COMMON]: { absent: true }, [TOKENS]: { absent: true } },
} as const satisfies Record<string, Wants>;
export type ManifestName = keyof typeof MANIFESTS;

/** The specification of a run. */
export interface RunSpec {
  readonly command: 'apply' | 'release' | 'destroy';
  readonly manifest: ManifestName;
  readonly keepGoing?: boolean;
}

/** Returns the namespace of a manifest. */
export function namespaceOf({ manifest }: RunSpec): Namespace {
  return manifest.endsWith('the others') ? 'other' : 'ci';
}

/** Returns what a manifest declares. */
export function declaredBy({ manifest }: RunSpec): Wants {
  return MANIFESTS[manifest];
}

/** Returns the entities of a manifest as a user writes them. */
export function entitiesOf(asked: RunSpec, account: string): JsonObject[] {
  return Object.entries(declaredBy(asked)).map(([id, wanted]) => {
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

/** Returns the secret location of the access key of {@link ROBOT}, in the folder of secrets. */
export function secretFile(account: string): string {
  return `${account}/robot.json`;
}

const NAMESPACE = 'iam-bootstrap:namespace';
const ORIGIN = 'iam-bootstrap:origin';
const SHARED_BY = 'iam-bootstrap:shared-by:';
const SHARED_BEFORE = 'iam-bootstrap:shared-before';
const CREATED_BY = 'iam-bootstrap:created-by';
/** The ownership tag of another tool. */
export const TOOL = 'pulumi:stack';

/** Kinds without tags. */
function isMute(id: string): boolean {
  return id === PEOPLE || id === KEY;
}

/** Returns the owner of an entity from the view of a namespace. */
function ownerOf(id: string, { tags }: EntityState, namespace: Namespace): 'ours' | 'unowned' | 'foreign' {
  if (isMute(id)) return 'unowned';
  if (tags[NAMESPACE] === namespace || Object.hasOwn(tags, SHARED_BY + namespace)) return 'ours';
  return tags[NAMESPACE] !== undefined || tags[TOOL] !== undefined ? 'foreign' : 'unowned';
}

function sharersBeside({ tags }: EntityState, namespace: Namespace): string[] {
  return Object.keys(tags).filter((tag) => tag.startsWith(SHARED_BY) && tag !== SHARED_BY + namespace);
}

function isMark(tag: string): boolean {
  return tag.startsWith('iam-bootstrap:');
}

/** Returns a client ID in the form of an ownership tag. */
function claimOf(clientId: string): string {
  return createHash('sha256').update(clientId).digest('hex').slice(0, 8);
}

function listOf(claims: readonly string[]): string {
  return claims.length === 0 ? '-' : [...new Set(claims)].sort().join(' ');
}

function claimsIn(thing: EntityState | undefined, tag: string): readonly string[] {
  return (thing?.tags[tag] ?? '').split(' ').filter((claim) => claim !== '' && claim !== '-');
}

function clientIdsOf(thing: Pick<Wanted, 'properties'> | undefined): readonly string[] {
  return (thing?.properties?.['clientIdList'] ?? []) as readonly string[];
}

function marksOf(id: string, namespace: Namespace, wanted: Wanted, thing?: EntityState): Record<string, string> {
  if (isMute(id)) return {};
  if (id !== TOKENS) return { [NAMESPACE]: namespace };
  const declared = clientIdsOf(wanted).map(claimOf);
  const present = clientIdsOf(thing).map(claimOf);
  const mine = SHARED_BY + namespace;
  const stays = claimsIn(thing, mine).filter((claim) => present.includes(claim));
  const claim = { [mine]: listOf([...declared, ...stays]) };
  if (thing === undefined) return { ...claim, [CREATED_BY]: namespace };
  const claimed = Object.keys(thing.tags)
    .filter((tag) => tag.startsWith(SHARED_BY))
    .map((tag) => claimsIn(thing, tag));
  const found = declared.filter((one) => present.includes(one) && !claimed.some((claims) => claims.includes(one)));
  const before = claimed.length === 0 ? present : [...claimsIn(thing, SHARED_BEFORE), ...found];
  return before.length === 0 ? claim : { ...claim, [SHARED_BEFORE]: listOf(before) };
}

/** Returns an entity after its release by a namespace. The last namespace removes all ownership tags. */
function givenUp(thing: EntityState, namespace: Namespace): EntityState {
  const last = sharersBeside(thing, namespace).length === 0;
  const mine = [NAMESPACE, SHARED_BY + namespace];
  return { ...thing, tags: without(thing.tags, (tag) => (last ? isMark(tag) : mine.includes(tag))) };
}

/** Returns a provider without the share of a namespace: its ownership tag, and the client IDs that only it claimed. */
function withdrawn(thing: EntityState, namespace: Namespace): EntityState {
  const kept = [SHARED_BEFORE, ...sharersBeside(thing, namespace)].flatMap((tag) => claimsIn(thing, tag));
  const mine = claimsIn(thing, SHARED_BY + namespace);
  const goes = (clientId: string): boolean => mine.includes(claimOf(clientId)) && !kept.includes(claimOf(clientId));
  const clientIdList = clientIdsOf(thing).filter((one) => !goes(one));
  return { ...givenUp(thing, namespace), properties: { ...thing.properties, clientIdList } };
}

function without(
  tags: Readonly<Record<string, string>>,
  goes: (tag: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(tags).filter(([tag]) => !goes(tag)));
}

/** The expected outcome of one entity. */
export interface Expectation {
  readonly outcome: Outcome;
  /** The state afterwards; undefined if it does not exist. */
  readonly next: EntityState | undefined;
}

/** Returns the expected outcome of an entity if no other entity prevents it. */
export function expectationFor(
  id: string,
  thing: EntityState | undefined,
  wanted: Wanted,
  asked: RunSpec,
): Expectation {
  if (asked.command !== 'apply') return fateOfLeaving(id, thing, asked);
  const namespace = namespaceOf(asked);
  const goes = wanted.absent === true;
  if (thing === undefined) return goes ? { outcome: 'unchanged', next: undefined } : made(id, wanted, namespace);
  if (goes && id === TOKENS) return fateOfShared(thing, namespace);
  const owner = ownerOf(id, thing, namespace);
  if (owner === 'foreign') return { outcome: 'refused', next: thing };
  if (goes) return { outcome: 'deleted', next: undefined };
  const known = owner === 'ours';
  const origin = thing.tags[ORIGIN] ?? 'adopted';
  const marks = marksOf(id, namespace, wanted, thing);
  const adoption = known || isMute(id) ? {} : { [ORIGIN]: id === TOKENS ? origin : 'adopted' };
  const next: EntityState = {
    tags: { ...tagsAfter(thing, wanted, known), ...marks, ...adoption },
    properties: propertiesAfter(thing, wanted, known),
  };
  if (!known && !isMute(id)) return { outcome: 'adopted', next };
  return { outcome: isEqual(thing, next) ? 'unchanged' : 'updated', next };
}

function made(id: string, wanted: Wanted, namespace: Namespace): Expectation {
  const origin = isMute(id) ? {} : { [ORIGIN]: 'created' };
  const tags = { ...wanted.tags, ...marksOf(id, namespace, wanted), ...origin };
  return { outcome: 'created', next: { tags, properties: { ...BLANK[id.split('/')[0] ?? ''], ...wanted.properties } } };
}

/** Properties of a new entity that are not declared. */
const BLANK: Readonly<Record<string, Readonly<Record<string, Property>>>> = {
  Role: { description: '', inlinePolicies: {}, managedPolicyArns: [] },
  Policy: {},
  User: { keys: [] },
  Group: { inlinePolicies: {}, users: [] },
  AccessKey: { status: 'Active' },
  InstanceProfile: { roles: [] },
  OpenIDConnectProvider: { clientIdList: [] },
};

function fateOfShared(thing: EntityState, namespace: Namespace): Expectation {
  if (ownerOf(TOKENS, thing, namespace) !== 'ours') return { outcome: 'unchanged', next: thing };
  const isLast = sharersBeside(thing, namespace).length === 0;
  if (isLast && thing.tags[CREATED_BY] === namespace) return { outcome: 'deleted', next: undefined };
  return { outcome: 'released', next: withdrawn(thing, namespace) };
}

function fateOfLeaving(id: string, thing: EntityState | undefined, asked: RunSpec): Expectation {
  const namespace = namespaceOf(asked);
  if (thing === undefined || ownerOf(id, thing, namespace) !== 'ours') return { outcome: 'unchanged', next: thing };
  if (asked.command !== 'release' && id === TOKENS) return fateOfShared(thing, namespace);
  if (asked.command === 'release' || thing.tags[ORIGIN] === 'adopted') {
    return { outcome: 'released', next: givenUp(thing, namespace) };
  }
  return { outcome: 'deleted', next: undefined };
}

function tagsAfter({ tags }: EntityState, wanted: Wanted, known: boolean): Readonly<Record<string, string>> {
  const { tags: declared } = wanted;
  if (declared === undefined) return tags;
  const kept = wanted.removes === true && known ? without(tags, (tag) => !isMark(tag)) : tags;
  return { ...kept, ...declared };
}

function propertiesAfter({ properties }: EntityState, wanted: Wanted, known: boolean): EntityState['properties'] {
  const removes = wanted.removes === true && known;
  const after = Object.entries(wanted.properties ?? {}).map(([property, value]) => {
    const seen = properties[property];
    if (removes || typeof value === 'string' || seen === undefined) return [property, value];
    if (isSet(value)) return [property, [...new Set([...(seen as readonly string[]), ...value])]];
    return [property, { ...(seen as Record<string, string>), ...value }];
  });
  return { ...properties, ...(Object.fromEntries(after) as EntityState['properties']) };
}

function isSet(property: Property): property is readonly string[] {
  return Array.isArray(property);
}

/** Reports whether two states are equal, in any order of lists. */
export function isEqual(a: EntityState | undefined, b: EntityState | undefined): boolean {
  return canonical(a) === canonical(b);
}

/** Returns a text that is equal for equal values. */
export function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_name, part: unknown) => {
    if (Array.isArray(part)) return [...(part as readonly unknown[])].sort();
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)));
  });
}

/** Pairs of entities. One waits for the other. */
const LINKS: readonly (readonly [string, string])[] = [
  [DEPLOY, READ],
  [KEY, ROBOT],
  [PEOPLE, ROBOT],
  [MACHINE, DEPLOY],
];

/** The possible outcomes of each entity. The first one is expected without a concurrent run. */
type Forecast = ReadonlyMap<string, readonly Expectation[]>;

/** Predicts the result of a run from the state of the account. */
export function forecast(account: AccountState, asked: RunSpec): Forecast {
  const wants = Object.entries(declaredBy(asked));
  const fates = new Map(wants.map(([id, wanted]) => [id, expectationFor(id, account[id], wanted, asked)]));
  // An entity with a remaining dependent is refused, and remains a dependent itself.
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
      const skipped: Expectation = { outcome: 'skipped', next: account[id] };
      if (asked.keepGoing !== true) return [id, [skipped]];
      return [id, linked.has(id) ? [fate, skipped] : [fate]];
    }),
  );
}

const HOLDERS: readonly (readonly [string, string, (holder: EntityState) => boolean])[] = [
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

/** Removes the keys and memberships of deleted users. */
export function afterDeletions(account: AccountState): AccountState {
  if (account[ROBOT] !== undefined) return account;
  const rest = Object.fromEntries(Object.entries(account).filter(([id]) => id !== KEY));
  const people = rest[PEOPLE];
  if (people === undefined) return rest;
  const users = (people.properties['users'] as readonly string[]).filter((name) => name !== 'robot');
  return { ...rest, [PEOPLE]: { ...people, properties: { ...people.properties, users } } };
}
