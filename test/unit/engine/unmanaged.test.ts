import type { DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import type { Observed } from '../../../src/engine/comparison.js';
import { assess, type Assessment, type KindRules } from '../../../src/engine/decide.js';
import { OwnershipTag } from '../../../src/engine/ownership.js';
import { UNMANAGED_TAG } from '../../../src/engine/unmanaged.js';

const RULES: KindRules = {
  ownable: true,
  properties: {
    description: { type: 'value', default: '' },
    documents: { type: 'documents' },
    members: { type: 'set' },
    thumbprints: { type: 'set', setByAws: true },
  },
};
const UNTAGGED: KindRules = { ...RULES, ownable: false };
const CONTEXT = { namespace: 'ci', partition: 'aws', intent: 'run-1' };
const ADMIN = 'arn:aws:iam::aws:policy/AdministratorAccess';
const READ = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const ENTITY: DesiredEntity = {
  kind: 'Thing',
  name: 'x',
  state: 'present',
  adopt: 'unowned',
  observe: false,
  shared: false,
  unmanaged: 'keep',
  spec: {},
  dependsOn: [],
};

const allowing = (Action: string, Effect = 'Allow'): JsonObject => ({ Statement: [{ Effect, Action, Resource: '*' }] });

function observed(state: JsonObject, more: Partial<Observed> = {}): Observed {
  return { name: 'x', arn: 'arn:aws:iam::111111111111:thing/x', createdAt: null, tags: {}, state, ...more };
}

function decide(seen: Observed, spec: JsonObject = {}, { rules = RULES, intent = 'run-1' } = {}): Assessment {
  return assess(rules, ENTITY, spec, seen, { ...CONTEXT, intent });
}

/** The entity as the adoption has left it, with something done to it afterwards. */
function adopted(seen: Observed, spec: JsonObject = {}, change: Partial<Observed> = {}): Observed {
  const { decision, tags } = decide(seen, spec);
  expect(decision.action).toBe('adopt');
  return { ...seen, ...change, tags: { ...seen.tags, ...tags, ...change.tags } };
}

describe('an adoption', () => {
  test('lists all that is held, in properties that the manifest leaves out as well; an administrator comes first', () => {
    const seen = observed(
      {
        description: 'by hand',
        documents: { harmless: allowing('s3:GetObject'), all: allowing('*'), denied: allowing('*', 'Deny') },
        members: [READ, ADMIN],
        thumbprints: ['aa'],
      },
      { tags: { team: 'a' }, holdings: [{ kind: 'AccessKey', label: 'accessKeys', id: 'AKIA1' }] },
    );
    expect(decide(seen).decision.unmanaged).toEqual([
      'documents: all',
      `members: ${ADMIN}`,
      'description: "by hand"',
      'documents: harmless',
      'documents: denied',
      `members: ${READ}`,
      'tags: team',
      'accessKeys: AKIA1',
    ]);
  });

  test('lists nothing that is declared, and nothing of what it removes', () => {
    const seen = observed({ description: 'd', members: ['a', 'b'] });
    const spec = { description: 'd', members: ['a'] };
    const entity = { ...ENTITY, unmanaged: 'remove', unmanagedAtAdoption: true } as const;
    expect(assess(RULES, entity, spec, seen, CONTEXT).decision).toMatchObject({ action: 'adopt', unmanaged: [] });
    expect(decide(seen, spec).decision.unmanaged).toEqual(['members: b']);
  });

  test('lists the same in a repeated attempt, which finds the tags of the first', () => {
    const seen = observed({ members: ['a'] });
    const { decision } = decide(adopted(seen));
    expect(decision).toMatchObject({ action: 'no-op', unmanaged: ['members: a'] });
  });

  test('counts the lines beyond a hundred, and then records no more than that there were many', () => {
    const seen = observed({ members: Array.from({ length: 150 }, (_, index) => `m${String(index)}`) });
    const { decision, tags } = decide(seen);
    expect(decision.unmanaged).toHaveLength(101);
    expect(decision.unmanaged.at(-1)).toBe('50 more');
    expect(tags[UNMANAGED_TAG]).toBe('many');
  });

  test('records as much as a tag may have, in the characters of a tag', () => {
    const { tags } = decide(observed({ members: Array.from({ length: 42 }, (_, index) => String(index)) }));
    expect(tags[UNMANAGED_TAG]).toMatch(/^[\w-]{252}$/);
  });

  test('leaves the record out where the entity has no room for another tag', () => {
    const full = Object.fromEntries(Array.from({ length: 47 }, (_, index) => [`t${String(index)}`, '']));
    const { decision, tags } = decide(observed({}, { tags: full }));
    expect(decision.action).toBe('adopt');
    expect(Object.keys(tags)).toEqual([OwnershipTag.Namespace, OwnershipTag.Origin, OwnershipTag.Intent]);
  });
});

describe('a later run of an adopted entity', () => {
  const before = observed({ documents: { old: allowing('s3:GetObject') }, members: [READ] }, { tags: { team: 'a' } });
  const later = { intent: 'run-2' };

  test('lists nothing of what was there, in properties that the manifest leaves out', () => {
    expect(decide(adopted(before), {}, later).decision).toMatchObject({ action: 'no-op', unmanaged: [] });
  });

  test('lists what is new since: a member, a changed document, a tag, a membership', () => {
    const state = { documents: { old: allowing('*') }, members: [READ, ADMIN] };
    const holdings = [{ kind: 'Group', label: 'groups', id: 'admins' }];
    const { decision } = decide(adopted(before, {}, { state, holdings, tags: { more: 'b' } }), {}, later);
    expect(decision.unmanaged).toEqual([
      'documents: old (since its adoption)',
      `members: ${ADMIN} (since its adoption)`,
      'tags: more (since its adoption)',
      'groups: admins (since its adoption)',
    ]);
  });

  test('always lists what is beside declared content, and marks what is new', () => {
    const spec = { members: ['own'] };
    const seen = adopted(before, spec, { state: { ...before.state, members: ['own', READ, ADMIN] } });
    expect(decide(seen, spec, later).decision.unmanaged).toEqual([
      `members: ${ADMIN} (since its adoption)`,
      `members: ${READ}`,
    ]);
  });

  test.each([['many'], [undefined]])('lists all that the read shows where the record is %p', (record) => {
    const tags = Object.entries({ ...adopted(before).tags, [UNMANAGED_TAG]: record ?? '' });
    const recorded = tags.filter(([tag]) => tag !== UNMANAGED_TAG || record !== undefined);
    const seen = { ...before, tags: Object.fromEntries(recorded) };
    const { unmanaged } = decide(seen, {}, later).decision;
    expect(unmanaged).toEqual(['documents: old', `members: ${READ}`, 'tags: team']);
  });
});

test('what was created here has no adoption: what others have added is listed without a mark, memberships are not', () => {
  const tags = { [OwnershipTag.Namespace]: 'ci', [OwnershipTag.Origin]: 'created' };
  const holdings = [{ kind: 'Group', label: 'groups', id: 'admins' }];
  const { decision } = decide(observed({ members: [ADMIN] }, { tags, holdings }));
  expect(decision).toMatchObject({ action: 'no-op', unmanaged: [`members: ${ADMIN}`] });
});

test('an entity without tags is listed by what was read', () => {
  const seen = observed({ members: [READ], documents: { all: allowing('iam:*') } });
  for (const holdings of [undefined, []]) {
    const read = holdings === undefined ? seen : { ...seen, holdings };
    const { decision, tags } = decide(read, {}, { rules: UNTAGGED });
    expect(decision.unmanaged).toEqual(['documents: all', `members: ${READ}`]);
    expect(tags).toEqual({});
  }
});
