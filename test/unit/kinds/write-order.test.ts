import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/contract/entity.js';
import { compare } from '../../../src/engine/compare.js';
import { orderByEffect } from '../../../src/engine/write-order.js';
import { group } from '../../../src/kinds/group.js';
import type { Kind, Observed, Write } from '../../../src/kinds/kind.js';
import { role } from '../../../src/kinds/role.js';
import { MAX_INLINE_LENGTH } from '../../../src/kinds/shared/inline-policies.js';
import type { Principal } from '../../../src/kinds/shared/principals.js';
import { user } from '../../../src/kinds/user.js';

/**
 * Never wider on the way: after each write, an entity permits nothing that it permits neither before nor after all of
 * them. The evaluator below is an independent one, for a world of three principals and three actions.
 */

const ACTIONS = ['s3:GetObject', 's3:PutObject', 'iam:CreateUser'];
const PRINCIPALS = ['111111111111', '222222222222', '333333333333'].map((id) => `arn:aws:iam::${id}:root`);
const TARGET = { account: '444444444444', partition: 'aws' };

/** What each managed policy allows and denies. */
const MANAGED: Readonly<Record<string, { readonly allow: readonly string[]; readonly deny: readonly string[] }>> = {
  'arn:aws:iam::aws:policy/AdministratorAccess': { allow: ACTIONS, deny: [] },
  'arn:aws:iam::444444444444:policy/read': { allow: ['s3:GetObject'], deny: [] },
  'arn:aws:iam::444444444444:policy/users': { allow: ['iam:CreateUser'], deny: [] },
  'arn:aws:iam::444444444444:policy/deny-users': { allow: [], deny: ['iam:CreateUser'] },
  'arn:aws:iam::aws:policy/AWSDenyAll': { allow: [], deny: ACTIONS },
};
const BOUNDARIES = Object.keys(MANAGED).slice(0, 3);

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: readonly string[];
  readonly Principal?: { readonly AWS: readonly string[] };
}

/** IAM does not distinguish the case of actions. */
function covers(written: string, action: string): boolean {
  const [pattern, name] = [written.toLowerCase(), action.toLowerCase()];
  return pattern === '*' || pattern === name || (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1)));
}

/** The state that AWS keeps of an entity. */
interface State {
  trust: Json;
  boundary: string | null;
  inline: Record<string, Json>;
  attached: string[];
  users: string[];
}

function statementsOf(document: Json): readonly Statement[] {
  return (document as unknown as { readonly Statement: readonly Statement[] }).Statement;
}

function trusted({ trust, users }: State, kind: Kind): readonly string[] {
  if (kind.name === 'User') return ['self'];
  if (kind.name === 'Group') return users;
  const applies = (effect: string, principal: string): boolean =>
    statementsOf(trust).some(({ Effect, Principal }) => {
      const list = [Principal?.AWS ?? []].flat();
      return Effect === effect && (list.includes(principal) || list.includes('*'));
    });
  return PRINCIPALS.filter((principal) => applies('Allow', principal) && !applies('Deny', principal));
}

function allowed({ boundary, inline, attached }: State, kind: Kind): readonly string[] {
  const applies = (effect: 'Allow' | 'Deny', action: string): boolean =>
    Object.values(inline).some((document) =>
      statementsOf(document).some(
        ({ Effect, Action = [] }) => Effect === effect && [Action].flat().some((pattern) => covers(pattern, action)),
      ),
    ) || attached.some((arn) => MANAGED[arn]?.[effect === 'Allow' ? 'allow' : 'deny'].includes(action));
  const isWithin = (action: string): boolean =>
    boundary === null || kind.name === 'Group' || MANAGED[boundary]?.allow.includes(action) === true;
  return ACTIONS.filter((action) => applies('Allow', action) && !applies('Deny', action) && isWithin(action));
}

/** Every pair of a principal and an action that the entity permits. */
function permits(state: State, kind: Kind): readonly string[] {
  return trusted(state, kind).flatMap((principal) => allowed(state, kind).map((action) => `${principal} ${action}`));
}

/** Carries out one write, as IAM does. */
function apply(state: State, { operation, input }: Write): State {
  const next: State = { ...state, inline: { ...state.inline }, attached: [...state.attached], users: [...state.users] };
  const text = (member: string): string => String(input[member]);
  const document = (): Json => JSON.parse(text('PolicyDocument')) as Json;
  const without = (list: readonly string[], member: string): string[] => list.filter((other) => other !== member);
  switch (operation.replace(/Role|User(?!ToGroup|FromGroup)|Group(?=Policy|$)/, '')) {
    case 'UpdateAssumePolicy':
      next.trust = document();
      break;
    case 'PutPolicy':
      next.inline[text('PolicyName')] = document();
      break;
    case 'DeletePolicy':
      Reflect.deleteProperty(next.inline, text('PolicyName'));
      break;
    case 'AttachPolicy':
      next.attached.push(text('PolicyArn'));
      break;
    case 'DetachPolicy':
      next.attached = without(next.attached, text('PolicyArn'));
      break;
    case 'PutPermissionsBoundary':
      next.boundary = text('PermissionsBoundary');
      break;
    case 'DeletePermissionsBoundary':
      next.boundary = null;
      break;
    case 'AddUserTo':
      next.users.push(text('UserName'));
      break;
    case 'RemoveUserFrom':
      next.users = without(next.users, text('UserName'));
      break;
    case 'Delete':
      return { ...next, inline: {}, attached: [] };
    default:
      throw new Error(`the model does not know ${operation}`);
  }
  return next;
}

const inlineStatement = fc.record({
  Effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
  Action: fc.subarray([...ACTIONS, 's3:*', '*'], { minLength: 1, maxLength: 2 }),
});
const inlineDocument = fc.array(inlineStatement, { minLength: 1, maxLength: 2 }).map((Statement): Json => ({
  Version: '2012-10-17',
  Statement: Statement.map((statement) => ({ ...statement, Resource: '*' })),
}));
const trustStatement = fc.record({
  Effect: fc.constantFrom('Allow' as const, 'Allow' as const, 'Deny' as const),
  Principal: fc.record({ AWS: fc.subarray([...PRINCIPALS, '*'], { minLength: 1, maxLength: 2 }) }),
});
const trustDocument = fc.array(trustStatement, { minLength: 1, maxLength: 2 }).map((Statement): Json => ({
  Version: '2012-10-17',
  Statement: Statement.map((statement) => ({ ...statement, Action: 'sts:AssumeRole' })),
}));
const anyState = fc.record({
  trust: trustDocument,
  boundary: fc.option(fc.constantFrom(...BOUNDARIES)),
  inline: fc.dictionary(fc.constantFrom('one', 'two', 'three'), inlineDocument, { noNullPrototype: true }),
  attached: fc.subarray(Object.keys(MANAGED)),
  users: fc.subarray(['ann', 'ben', 'eve']),
});

function specOf(kind: Kind, state: State): JsonObject {
  return {
    [kind.keyProperties[0] ?? '']: 'x',
    inlinePolicies: state.inline,
    managedPolicyArns: state.attached,
    ...(kind.name === 'Group' ? { users: state.users } : { permissionsBoundary: state.boundary }),
    ...(kind.name === 'Role' ? { assumeRolePolicyDocument: state.trust } : {}),
  };
}

function observedOf(kind: Kind, before: State): Observed {
  const state = specOf(kind, before);
  return { name: 'x', arn: kind.arnOf(state, TARGET), createdAt: null, tags: {}, state };
}

function updateWrites(kind: Kind, before: State, after: State, removes: boolean): readonly Write[] {
  const [observed, spec] = [observedOf(kind, before), specOf(kind, after)];
  const rules = kind.properties;
  const { changes } = compare(spec, observed, {
    rules,
    partition: 'aws',
    removesUnmanaged: () => removes,
    shared: false,
  });
  return kind.update({ name: 'x', spec, tags: {}, target: TARGET }, observed, changes);
}

/** Applies the writes in order, and returns the first state that permits too much with the writes up to it. */
function firstExcess(kind: Kind, before: State, writes: readonly Write[]): unknown {
  const states = [before];
  for (const write of writes) states.push(apply(states.at(-1) ?? before, write));
  const bounds = new Set([before, states.at(-1) ?? before].flatMap((state) => permits(state, kind)));
  const index = states.findIndex((state) => permits(state, kind).some((pair) => !bounds.has(pair)));
  if (index === -1) return null;
  return { sent: writes.slice(0, index), permits: permits(states[index] ?? before, kind), bounds: [...bounds] };
}

const RUNS = { numRuns: 300 };

/** States whose inline policies take much of the room that there is, with actions that nothing else knows. */
function fullState(limit: number): fc.Arbitrary<State> {
  const statement = fc
    .tuple(inlineStatement, fc.constantFrom(0, 0.1, 0.2, 0.3, 0.45, 0.6, 0.8))
    .map(([{ Effect, Action }, share]): Json => ({
      Effect,
      Action: share === 0 ? Action : [...Action, `pad:${'x'.repeat(Math.round(share * limit) - 80)}`],
      Resource: '*',
    }));
  const document = fc
    .array(statement, { minLength: 1, maxLength: 3 })
    .map((Statement): Json => ({ Version: '2012-10-17', Statement }));
  const inline = fc.dictionary(fc.constantFrom('one', 'two', 'three', 'four'), document, { noNullPrototype: true });
  return fc
    .tuple(anyState, inline)
    .map(([state, documents]) => ({ ...state, inline: documents }))
    .filter((state) => inlineSize(state) <= limit);
}

/** Returns the other state, with the inline policies of the first under names of their own. */
function renamed({ inline }: State, other: State): State {
  const documents = Object.entries(inline).map(([name, document]) => [`new-${name}`, document] as const);
  return { ...other, inline: Object.fromEntries(documents) };
}

function inlineSize({ inline }: State): number {
  return Object.values(inline).reduce<number>((sum, document) => sum + JSON.stringify(document).length, 0);
}

/** Returns the total size of the inline policies before the first write, and after each. */
function inlineSizes(before: State, writes: readonly Write[]): readonly number[] {
  const states = [before];
  for (const write of writes) states.push(apply(states.at(-1) ?? before, write));
  return states.map(inlineSize);
}

/** An order is promised where all denials fit at once, beside what does not change. */
function hasOrder(before: State, after: State, limit: number): boolean {
  const parts = [before, after].flatMap(({ inline }) => Object.entries(inline));
  const size = parts.reduce((sum, [name, document]) => {
    const isChanged = JSON.stringify(before.inline[name]) !== JSON.stringify(after.inline[name]);
    const Statement = statementsOf(document).filter(({ Effect }) => Effect === 'Deny' || !isChanged);
    return sum + (Statement.length === 0 ? 0 : JSON.stringify({ Version: '2012-10-17', Statement }).length + 20);
  }, 0);
  return size <= limit;
}

describe.each([role, user, group].map((kind) => [kind.name, kind] as const))('%s', (_name, kind) => {
  test('an update permits at no moment more than before and after', () => {
    fc.assert(
      fc.property(anyState, anyState, fc.boolean(), (before, after, removes) => {
        const writes = updateWrites(kind, before, after, removes);
        expect(firstExcess(kind, before, orderByEffect(writes))).toBeNull();
      }),
      RUNS,
    );
  });

  test('an update arrives at what is declared', () => {
    fc.assert(
      fc.property(anyState, anyState, (before, after) => {
        const writes = orderByEffect(updateWrites(kind, before, after, true));
        const reached = writes.reduce(apply, before);
        expect([...permits(reached, kind)].sort()).toEqual([...permits(after, kind)].sort());
      }),
      RUNS,
    );
  });

  test('an update never exceeds the limit of inline policies where both ends keep it, and permits no more on the way', () => {
    const limit = MAX_INLINE_LENGTH[kind.name as Principal];
    const anyFull = fullState(limit);
    fc.assert(
      fc.property(anyFull, anyFull, fc.boolean(), (before, other, renames) => {
        const after = renames ? renamed(before, other) : other;
        const writes = orderByEffect(updateWrites(kind, before, after, true));
        const sizes = inlineSizes(before, writes);
        expect(firstExcess(kind, before, writes)).toBeNull();
        expect([...permits(writes.reduce(apply, before), kind)].sort()).toEqual([...permits(after, kind)].sort());
        if (hasOrder(before, after, limit)) expect(Math.max(...sizes)).toBeLessThanOrEqual(limit);
      }),
      { numRuns: 150 },
    );
  });

  test('a deletion permits at no moment more than before', async () => {
    await fc.assert(
      fc.asyncProperty(anyState, async (before) => {
        const reader = { pages: () => [], list: () => Promise.resolve([]), find: () => Promise.resolve(undefined) };
        const writes = await kind.delete(reader as never, observedOf(kind, before));
        expect(firstExcess(kind, before, orderByEffect(writes))).toBeNull();
        expect(orderByEffect(writes).at(-1)?.operation).toBe(`Delete${kind.name}`);
      }),
      RUNS,
    );
  });
});

/** Returns a document of so many characters, with as many statements as effects. */
function documentOf(size: number, ...effects: readonly ('Allow' | 'Deny')[]): Json {
  const withPad = (length: number): Json => ({
    Version: '2012-10-17',
    Statement: effects.map((Effect, index) => ({
      Effect,
      Action: ['s3:GetObject', `pad:${String(index)}${'x'.repeat(length)}`],
      Resource: '*',
    })),
  });
  const empty = JSON.stringify(withPad(0)).length;
  return withPad(Math.floor((size - empty) / effects.length));
}

/** Returns the writes of inline policies as `name: what it has`, and `name: -` for a deletion. */
function inlineWriting(before: Record<string, Json>, after: Record<string, Json>): readonly string[] {
  const base: State = { trust: trusting(0), boundary: null, inline: {}, attached: [], users: [] };
  const writes = orderByEffect(updateWrites(role, { ...base, inline: before }, { ...base, inline: after }, true));
  expect(firstExcess(role, { ...base, inline: before }, writes)).toBeNull();
  return writes.map(({ input }) => {
    const document = input['PolicyDocument'];
    const effects = typeof document === 'string' ? statementsOf(JSON.parse(document) as Json) : [];
    return `${String(input['PolicyName'])}: ${effects.map(({ Effect }) => Effect).join(' ') || '-'}`;
  });
}

describe('inline policies of a role, where old and new ones do not fit together', () => {
  const LARGE = 6_400;

  test('a policy that is renamed is deleted first', () => {
    const policy = documentOf(LARGE, 'Allow');
    expect(inlineWriting({ old: policy }, { new: policy })).toEqual(['old: -', 'new: Allow']);
  });

  test('a policy with denials that is renamed keeps them until the new one has them', () => {
    const policy = documentOf(LARGE, 'Allow', 'Deny');
    expect(inlineWriting({ old: policy }, { new: policy })).toEqual(['old: Deny', 'new: Allow Deny', 'old: -']);
    const small = documentOf(1_000, 'Allow', 'Deny');
    expect(inlineWriting({ old: small }, { new: small })).toEqual(['new: Allow Deny', 'old: -']);
  });

  test('one that shrinks is written before one that grows, and none is reduced for it', () => {
    const before = { grows: documentOf(2_000, 'Allow', 'Allow'), shrinks: documentOf(8_000, 'Allow', 'Allow') };
    const after = { grows: documentOf(8_000, 'Allow', 'Allow'), shrinks: documentOf(2_000, 'Allow', 'Allow') };
    expect(inlineWriting(before, after)).toEqual(['shrinks: Allow Allow', 'grows: Allow Allow']);
  });

  test('one that grows because it denies more comes before one that shrinks because it allows more, which is reduced', () => {
    const narrow = documentOf(2_000, 'Allow');
    const denying = {
      Version: '2012-10-17',
      Statement: [...statementsOf(narrow), ...statementsOf(documentOf(7_000, 'Deny'))],
    };
    const wide = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] };
    expect(
      inlineWriting(
        { grows: narrow, shrinks: documentOf(8_000, 'Allow') },
        { grows: denying as unknown as Json, shrinks: wide },
      ),
    ).toEqual(['shrinks: -', 'grows: Allow Deny', 'shrinks: Allow']);
  });

  test('denials that do not fit twice are moved statement by statement', () => {
    const denials = documentOf(LARGE, 'Deny', 'Deny', 'Deny');
    expect(inlineWriting({ old: denials }, { new: denials })).toEqual([
      'new: Deny',
      'old: Deny Deny',
      'new: Deny Deny',
      'old: Deny',
      'new: Deny Deny Deny',
      'old: -',
    ]);
  });
});

/** The operations of an update of a role, in order. */
function operations(before: Partial<State>, after: Partial<State>): readonly string[] {
  const base: State = { trust: trusting(0), boundary: null, inline: {}, attached: [], users: [] };
  const writes = updateWrites(role, { ...base, ...before }, { ...base, ...after }, true);
  return orderByEffect(writes).map(({ operation }) => operation);
}

function trusting(...principals: readonly number[]): Json {
  const AWS = principals.map((index) => PRINCIPALS[index] ?? '');
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
  };
}

function allowing(...Action: readonly string[]): Json {
  return { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action, Resource: '*' }] };
}

describe('the number of writes', () => {
  const [admin = '', read = ''] = Object.keys(MANAGED);

  test('trust that is exchanged needs one more write where something is granted', () => {
    expect(operations({ attached: [admin] }, { trust: trusting(1), attached: [read] })).toEqual([
      'DetachRolePolicy',
      'UpdateAssumeRolePolicy',
      'AttachRolePolicy',
      'UpdateAssumeRolePolicy',
    ]);
  });

  test.each<[string, Partial<State>, Partial<State>, readonly string[]]>([
    ['trust that is exchanged alone', {}, { trust: trusting(1) }, ['UpdateAssumeRolePolicy']],
    [
      'trust that grows beside a grant',
      {},
      { trust: trusting(0, 1), attached: [read] },
      ['AttachRolePolicy', 'UpdateAssumeRolePolicy'],
    ],
    [
      'trust that shrinks beside a grant',
      { trust: trusting(0, 1) },
      { trust: trusting(0), attached: [read] },
      ['UpdateAssumeRolePolicy', 'AttachRolePolicy'],
    ],
    [
      'trust that is exchanged beside a detachment',
      { attached: [admin] },
      { trust: trusting(1) },
      ['DetachRolePolicy', 'UpdateAssumeRolePolicy'],
    ],
    [
      'two documents that change',
      { inline: { one: allowing('s3:GetObject'), two: allowing('s3:PutObject') } },
      { inline: { one: allowing('s3:PutObject'), two: allowing('iam:CreateUser') } },
      ['PutRolePolicy', 'PutRolePolicy'],
    ],
    [
      'a boundary that is lifted, and an administrator policy that goes',
      { boundary: read, attached: [admin] },
      { trust: trusting(0, 1) },
      ['DetachRolePolicy', 'DeleteRolePermissionsBoundary', 'UpdateAssumeRolePolicy'],
    ],
  ])('%s needs no more', (_case, before, after, expected) => {
    expect(operations(before, after)).toEqual(expected);
  });
});
