import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { AdoptPolicy, DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import type { DecisionAction } from '../../../src/contract/report.js';
import type { Observed } from '../../../src/engine/comparison.js';
import { assess } from '../../../src/engine/decide.js';
import type { Assessment, KindRules } from '../../../src/engine/decide.js';
import { OwnershipTag, sharedByTag, SharingTag } from '../../../src/engine/ownership.js';
import { UNMANAGED_TAG } from '../../../src/engine/unmanaged.js';

const NAMESPACE = 'ci-platform';
const CONTEXT = { namespace: NAMESPACE, partition: 'aws', intent: 'run-1' };
const ARN = 'arn:aws:iam::111111111111:thing/x';

const OWNABLE: KindRules = {
  ownable: true,
  properties: {
    path: { type: 'value', default: '/', immutable: true },
    description: { type: 'value', default: '' },
    members: { type: 'set' },
    thumbprints: { type: 'set', authoritative: true },
    documents: { type: 'documents' },
  },
};
const UNOWNABLE: KindRules = { ...OWNABLE, ownable: false };
const SHARABLE: KindRules = { ...OWNABLE, share: { members: 'members' } };

type Wish = AdoptPolicy | 'observe';
type Owner = 'ours' | 'unowned' | 'foreign';

const TAGS: Readonly<Record<Owner, Readonly<Record<string, string>>>> = {
  ours: { [OwnershipTag.Namespace]: NAMESPACE, [OwnershipTag.Origin]: 'created', [OwnershipTag.Intent]: 'run-0' },
  unowned: { team: 'platform' },
  foreign: { [OwnershipTag.Namespace]: 'another-team' },
};

const DRIFTING: JsonObject = { description: 'declared' };
const SAME: JsonObject = { description: 'observed' };

function desired(wish: Wish, more: Partial<DesiredEntity> = {}): DesiredEntity {
  return {
    kind: 'Thing',
    name: 'x',
    state: 'present',
    adopt: wish === 'observe' ? 'unowned' : wish,
    observe: wish === 'observe',
    shared: false,
    unmanaged: 'keep',
    spec: {},
    dependsOn: [],
    ...more,
  };
}

function observed(tags: Readonly<Record<string, string>>, more: Partial<Observed> = {}): Observed {
  return { name: 'x', arn: ARN, createdAt: null, tags, state: { path: '/', description: 'observed' }, ...more };
}

/** Members as a sharing tag lists them. */
function digests(...members: readonly string[]): string {
  return members
    .map((member) => createHash('sha256').update(member).digest('hex').slice(0, 8))
    .sort()
    .join(' ');
}

function decide(
  rules: KindRules,
  entity: DesiredEntity,
  spec: JsonObject,
  seen: Observed | undefined,
): Assessment['decision'] {
  return assess(rules, entity, spec, seen, CONTEXT).decision;
}

describe('an entity that exists', () => {
  describe.each<
    [Owner, Wish, { same: DecisionAction; drifting: DecisionAction; absent: DecisionAction }, RegExp | null]
  >([
    ['ours', 'own', { same: 'no-op', drifting: 'update', absent: 'delete' }, null],
    ['ours', 'unowned', { same: 'no-op', drifting: 'update', absent: 'delete' }, null],
    ['ours', 'foreign', { same: 'no-op', drifting: 'update', absent: 'delete' }, null],
    ['ours', 'observe', { same: 'no-op', drifting: 'no-op', absent: 'no-op' }, /with observe: true/],
    ['unowned', 'own', { same: 'refuse', drifting: 'refuse', absent: 'refuse' }, /has no owner, and adopt: own/],
    ['unowned', 'unowned', { same: 'adopt', drifting: 'adopt', absent: 'delete' }, /has no owner/],
    ['unowned', 'foreign', { same: 'adopt', drifting: 'adopt', absent: 'delete' }, /has no owner/],
    ['unowned', 'observe', { same: 'no-op', drifting: 'no-op', absent: 'no-op' }, /with observe: true/],
    ['foreign', 'own', { same: 'refuse', drifting: 'refuse', absent: 'refuse' }, /owned by .*"another-team"/],
    ['foreign', 'unowned', { same: 'refuse', drifting: 'refuse', absent: 'refuse' }, /owned by .*"another-team"/],
    ['foreign', 'foreign', { same: 'adopt', drifting: 'adopt', absent: 'delete' }, /taken over from .*"another-team"/],
    ['foreign', 'observe', { same: 'no-op', drifting: 'no-op', absent: 'no-op' }, /with observe: true/],
  ])('and is %s, with %s', (owner, wish, expected, reason) => {
    const seen = observed(TAGS[owner]);

    test(`is ${expected.same} where it is as declared`, () => {
      const found = decide(OWNABLE, desired(wish), SAME, seen);
      expect(found).toMatchObject({ action: expected.same, drift: [] });
      if (reason === null) expect(found.reason).toBeNull();
      else expect(found.reason).toMatch(reason);
    });

    test(`is ${expected.drifting} where it differs, and the difference is told in any case`, () => {
      const found = decide(OWNABLE, desired(wish), DRIFTING, seen);
      expect(found).toMatchObject({
        action: expected.drifting,
        drift: [{ path: 'description', observed: 'observed', desired: 'declared' }],
      });
    });

    test(`is ${expected.absent} where it is to be absent`, () => {
      const found = decide(OWNABLE, desired(wish, { state: 'absent' }), {}, seen);
      expect(found.action).toBe(expected.absent);
      if (expected.absent !== 'no-op' && reason !== null) expect(found.reason).toMatch(reason);
      if (wish === 'observe') expect(found.drift).toMatchObject([{ observed: 'present', desired: 'absent' }]);
    });

    test('is never refused without a remedy', () => {
      for (const state of ['present', 'absent'] as const) {
        const found = decide(OWNABLE, desired(wish, { state }), DRIFTING, seen);
        expect(found.remedy !== null).toBe(found.action === 'refuse');
      }
    });
  });

  test('and is foreign, is refused with the override to type', () => {
    const { remedy } = decide(OWNABLE, desired('unowned'), SAME, observed(TAGS.foreign));
    expect(remedy).toContain('--adopt foreign:Thing/x');
  });

  test('and is unowned, is refused with the setting to change', () => {
    const { remedy } = decide(OWNABLE, desired('own'), SAME, observed({}));
    expect(remedy).toContain('adopt: unowned on Thing/x');
  });

  test.each([
    ['a CloudFormation stack', { 'aws:cloudformation:stack-name': 'base' }, 'CloudFormation stack "base"'],
    ['a Pulumi stack', { 'pulumi:stack': 'dev' }, 'Pulumi stack "dev"'],
  ])('and belongs to %s, is refused with its owner', (_title, tags, owner) => {
    expect(decide(OWNABLE, desired('unowned'), SAME, observed(tags))).toMatchObject({
      action: 'refuse',
      reason: expect.stringContaining(owner) as string,
    });
  });

  test.each([
    { 'aws:cloudformation:stack-name': 'base' },
    { 'managed-by': 'CloudFormation' },
    { 'created-by': 'aws-cdk' },
  ])(
    'and has the tag %j of a stack, is refused with the way to take it out of the stack without deleting it',
    (tags) => {
      const { remedy } = decide(OWNABLE, desired('unowned'), SAME, observed(tags));
      expect(remedy).toBe(
        'choose another name, or deploy the stack with DeletionPolicy: Retain on it, then with a template without it (do not delete the stack), and take it over with --adopt foreign:Thing/x',
      );
      const absent = decide(OWNABLE, desired('unowned', { state: 'absent' }), SAME, observed(tags));
      expect(absent.remedy).toContain('have its owner delete it');
      expect(decide(OWNABLE, desired('unowned'), SAME, observed({ 'pulumi:stack': 'dev' })).remedy).not.toContain(
        'Retain',
      );
    },
  );

  test('and was taken over from a stack, stays ours, though the tags of the stack stay on it', () => {
    const tags = { 'aws:cloudformation:stack-name': 'base', ...TAGS.ours, [OwnershipTag.Origin]: 'adopted' };
    expect(decide(OWNABLE, desired('own'), DRIFTING, observed(tags)).action).toBe('update');
  });

  test('and lies under a path that AWS keeps for itself, is refused', () => {
    const seen = observed({}, { arn: 'arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/x' });
    expect(decide(OWNABLE, desired('unowned'), SAME, seen)).toMatchObject({
      action: 'refuse',
      reason: 'owned by AWS (path /aws-service-role/)',
    });
  });
});

describe('an entity that exists, of a kind without tags', () => {
  test.each<[Wish, { same: DecisionAction; drifting: DecisionAction; absent: DecisionAction }, RegExp]>([
    ['own', { same: 'refuse', drifting: 'refuse', absent: 'refuse' }, /cannot have tags that would show/],
    ['unowned', { same: 'no-op', drifting: 'update', absent: 'delete' }, /ownership cannot be proven/],
    ['foreign', { same: 'no-op', drifting: 'update', absent: 'delete' }, /ownership cannot be proven/],
    ['observe', { same: 'no-op', drifting: 'no-op', absent: 'no-op' }, /with observe: true/],
  ])('counts as unowned, with %s, and says that nothing can be proven', (wish, expected, reason) => {
    const seen = observed({});
    const same = decide(UNOWNABLE, desired(wish), SAME, seen);
    const drifting = decide(UNOWNABLE, desired(wish), DRIFTING, seen);
    const absent = decide(UNOWNABLE, desired(wish, { state: 'absent' }), {}, seen);
    expect([same.action, drifting.action, absent.action]).toEqual([expected.same, expected.drifting, expected.absent]);
    for (const { reason: given } of [same, drifting, absent]) expect(given).toMatch(reason);
  });

  test('gets no marks', () => {
    const { tags, changes } = assess(UNOWNABLE, desired('unowned'), DRIFTING, observed({}), CONTEXT);
    expect(tags).toEqual({});
    expect(Object.keys(changes)).toEqual(['description']);
  });
});

describe('an entity that does not exist', () => {
  const wishes: Wish[] = ['own', 'unowned', 'foreign', 'observe'];

  test.each([
    ['is created', { action: 'create', drift: [], reason: null }, ['own', 'unowned', 'foreign']],
    [
      'is reported where it is only observed',
      { action: 'no-op', drift: [{ observed: 'absent', desired: 'present' }] },
      ['observe'],
    ],
  ])('%s', (_title, expected, of) => {
    for (const wish of of as Wish[]) {
      for (const rules of [OWNABLE, UNOWNABLE]) {
        expect(decide(rules, desired(wish), DRIFTING, undefined)).toMatchObject(expected);
      }
    }
  });

  test.each(wishes)('is as it should be where it is to be absent, with %s', (wish) => {
    expect(decide(OWNABLE, desired(wish, { state: 'absent' }), {}, undefined)).toEqual({
      action: 'no-op',
      drift: [],
      unmanaged: [],
      reason: null,
      remedy: null,
    });
  });
});

describe('what AWS cannot change', () => {
  const seen = observed(TAGS.ours, { state: { path: '/old/', description: 'observed' } });

  test('is refused with both sides, and with what a person can do', () => {
    const found = decide(OWNABLE, desired('unowned'), { path: '/new/' }, seen);
    expect(found).toMatchObject({
      action: 'refuse',
      drift: [{ path: 'path', observed: '/old/', desired: '/new/', immutable: true }],
      reason: 'path is "/old/" and is declared as "/new/"; AWS cannot change this on an existing Thing',
    });
    expect(found.remedy).toContain(ARN);
  });

  test('is refused beside what it can change, and both are told', () => {
    const { action, drift } = decide(OWNABLE, desired('unowned'), { path: '/new/', ...DRIFTING }, seen);
    expect(action).toBe('refuse');
    expect(drift.map(({ path }) => path)).toEqual(['path', 'description']);
  });

  test('is no matter where it is not declared', () => {
    expect(decide(OWNABLE, desired('unowned'), SAME, seen).action).toBe('no-op');
  });

  test('is no matter where the entity is to be absent', () => {
    expect(decide(OWNABLE, desired('unowned', { state: 'absent' }), { path: '/new/' }, seen).action).toBe('delete');
  });

  test('is not written where it is only observed', () => {
    expect(decide(OWNABLE, desired('observe'), { path: '/new/' }, seen).action).toBe('no-op');
  });

  test("does not hide whose it is: a foreign entity's refusal names the owner", () => {
    const foreign = { ...seen, tags: TAGS.foreign };
    expect(decide(OWNABLE, desired('unowned'), { path: '/new/' }, foreign).reason).toMatch(/^owned by/);
  });

  test('is refused where a set has no room for what is declared beside what is not', () => {
    const rules: KindRules = { ownable: true, properties: { roles: { type: 'set', limit: 1 } } };
    const full = observed(TAGS.ours, { state: { roles: ['old'] } });
    const keep = decide(rules, desired('unowned'), { roles: ['new'] }, full);
    expect(keep).toMatchObject({ action: 'refuse', unmanaged: ['roles: old'] });
    const remove = decide(rules, desired('unowned', { unmanaged: 'remove' }), { roles: ['new'] }, full);
    expect(remove.action).toBe('update');
  });
});

describe('a difference that is cosmetic', () => {
  const ofSid = (Sid: string): JsonObject => ({
    documents: { a: { Version: '2012-10-17', Statement: [{ Sid, Effect: 'Allow', Action: 's3:*', Resource: '*' }] } },
  });
  const cosmetic = ['documents.a: Sid "Old" -> "New"'];

  test.each<[Wish, Owner, DecisionAction]>([
    ['own', 'ours', 'no-op'],
    ['unowned', 'unowned', 'adopt'],
    ['observe', 'foreign', 'no-op'],
    ['own', 'foreign', 'refuse'],
  ])('with %s, of an entity that is %s, is shown in the decision: %s', (wish, owner, action) => {
    const entity = observed(TAGS[owner], { state: ofSid('Old') });
    const { decision, changes } = assess(OWNABLE, desired(wish), ofSid('New'), entity, CONTEXT);
    expect(decision).toMatchObject({ action, cosmetic, drift: [] });
    expect(Object.keys(changes)).not.toContain('documents');
  });
});

describe('a name that is taken in another case', () => {
  test.each<[Owner, AdoptPolicy]>([
    ['ours', 'unowned'],
    ['unowned', 'unowned'],
    ['foreign', 'foreign'],
  ])('is refused with every owner (%s, adopt: %s)', (owner, adopt) => {
    const seen = observed(TAGS[owner], { name: 'X', arn: `${ARN}X` });
    for (const rules of [OWNABLE, UNOWNABLE]) {
      const { action, reason, remedy } = decide(rules, desired(adopt), SAME, seen);
      expect(action).toBe('refuse');
      expect(reason).toContain('taken in another case: Thing/X');
      expect(remedy).toContain('write the name as X');
    }
  });

  test('is not deleted either: the declared name is not that of what is there', () => {
    const seen = observed(TAGS.ours, { name: 'X' });
    expect(decide(OWNABLE, desired('unowned', { state: 'absent' }), {}, seen).action).toBe('refuse');
  });

  test('is only told where it is observed', () => {
    expect(decide(OWNABLE, desired('observe'), SAME, observed(TAGS.ours, { name: 'X' })).action).toBe('no-op');
  });
});

describe('what an adoption writes', () => {
  test('is the marks, beside what differs', () => {
    const { changes, tags } = assess(OWNABLE, desired('unowned'), DRIFTING, observed({}), CONTEXT);
    expect(Object.keys(changes).sort()).toEqual(['description', 'tags']);
    expect(tags).toEqual({
      [OwnershipTag.Namespace]: NAMESPACE,
      [OwnershipTag.Origin]: 'adopted',
      [OwnershipTag.Intent]: 'run-1',
      [UNMANAGED_TAG]: 'none',
    });
    expect(changes['tags']).toMatchObject({ put: Object.keys(tags), remove: [] });
  });

  test('keeps on record whom it was taken from', () => {
    const { tags } = assess(OWNABLE, desired('foreign'), SAME, observed(TAGS.foreign), CONTEXT);
    expect(tags[OwnershipTag.PreviousOwner]).toBe('iam-bootstrap namespace another-team');
  });

  test('puts the declared tags that differ, and those only', () => {
    const spec = { tags: { team: 'platform', stage: 'prod' } };
    const { changes, tags } = assess(OWNABLE, desired('unowned'), spec, observed({ team: 'platform' }), CONTEXT);
    expect(changes['tags']?.put).toEqual([
      'stage',
      OwnershipTag.Namespace,
      OwnershipTag.Origin,
      OwnershipTag.Intent,
      UNMANAGED_TAG,
    ]);
    expect(tags).toMatchObject({ team: 'platform', stage: 'prod' });
  });

  test.each<[Owner, AdoptPolicy]>([
    ['unowned', 'unowned'],
    ['foreign', 'foreign'],
  ])('takes nothing away, even with unmanaged: remove (%s)', (owner, adopt) => {
    const seen = observed(
      { ...TAGS[owner], extra: 'tag' },
      { state: { path: '/', members: ['a', 'b'], documents: { extra: {} } } },
    );
    const spec = { members: ['a', 'c'], documents: {}, tags: {} };
    const { decision, changes } = assess(OWNABLE, desired(adopt, { unmanaged: 'remove' }), spec, seen, CONTEXT);
    expect(decision.action).toBe('adopt');
    expect(decision.unmanaged).toEqual(expect.arrayContaining(['members: b', 'documents: extra', 'tags: extra']));
    expect(changes['members']).toMatchObject({ put: ['c'], remove: [] });
    expect(Object.values(changes).flatMap(({ remove }) => remove)).toEqual([]);
  });

  test('is followed by what unmanaged: remove asks for, once it is ours', () => {
    const seen = observed(
      { ...TAGS.ours, extra: 'tag' },
      { state: { path: '/', members: ['a', 'b'], documents: { extra: {} } } },
    );
    const spec = { members: ['a'], documents: {}, tags: {} };
    const { decision, changes } = assess(OWNABLE, desired('own', { unmanaged: 'remove' }), spec, seen, CONTEXT);
    expect(decision.action).toBe('update');
    expect(changes['members']?.remove).toEqual(['b']);
    expect(changes['documents']?.remove).toEqual(['extra']);
    expect(changes['tags']?.remove).toEqual(['extra']);
  });
});

describe('what is not declared', () => {
  test('is told and kept', () => {
    const seen = observed({ ...TAGS.ours, extra: 'tag' }, { state: { members: ['a', 'b'] } });
    const found = assess(OWNABLE, desired('own'), { members: ['a'], tags: {} }, seen, CONTEXT);
    expect(found.decision).toMatchObject({ action: 'no-op', unmanaged: ['members: b', 'tags: extra'] });
    expect(found.changes).toEqual({});
  });

  test('is told and kept in a property that is not managed, whatever unmanaged says', () => {
    const seen = observed({ ...TAGS.ours, extra: 'tag' }, { state: { members: ['a', 'b'] } });
    const found = decide(OWNABLE, desired('own', { unmanaged: 'remove' }), {}, seen);
    const unmanaged = ['members: a', 'members: b', 'tags: extra'];
    expect(found).toMatchObject({ action: 'no-op', unmanaged, drift: [], reason: null });
  });

  test('is never our marks, nor a tag of AWS', () => {
    const tags = { ...TAGS.ours, [OwnershipTag.PreviousOwner]: 'x', 'aws:servicecatalog:x': 'y' };
    const found = decide(OWNABLE, desired('own', { unmanaged: 'remove' }), { ...SAME, tags: {} }, observed(tags));
    expect(found).toMatchObject({ action: 'no-op', unmanaged: [], drift: [] });
  });
});

describe('an entity that others share', () => {
  const shared = { shared: true } as const;
  const OURS = { [sharedByTag(NAMESPACE)]: '-' };
  const THEIRS = { [sharedByTag('other')]: '-' };
  const OWNED_BY_OTHER = { [OwnershipTag.Namespace]: 'owner', [sharedByTag('owner')]: '-' };
  const members = (tags: Readonly<Record<string, string>>, ...all: readonly string[]): Observed =>
    observed(tags, { state: { members: all } });

  test.each([
    ['share', 'unowned', { ...THEIRS, [OwnershipTag.Origin]: 'created' }],
    ['own', 'foreign', { ...OWNED_BY_OTHER, [OwnershipTag.Origin]: 'created' }],
  ] as const)('that others %s is joined: our tag is added, and theirs stay', (_case, wish, tags) => {
    const seen = members(tags, 'theirs');
    const found = assess(SHARABLE, desired(wish, shared), { members: [] }, seen, CONTEXT);
    expect(found.decision.action).toBe('adopt');
    expect(found.tags).toEqual(OURS);
    expect(found.changes['tags']).toMatchObject({ put: [sharedByTag(NAMESPACE)], remove: [] });
  });

  test('keeps what others have added, even with unmanaged: remove', () => {
    const seen = members({ ...OURS, ...THEIRS }, 'ours', 'theirs');
    const entity = desired('unowned', { ...shared, unmanaged: 'remove' });
    const { decision, changes } = assess(SHARABLE, entity, { members: ['ours', 'new'] }, seen, CONTEXT);
    expect(decision).toMatchObject({ action: 'update', unmanaged: [] });
    expect(changes['members']).toMatchObject({ put: ['new'], remove: [] });
  });

  test('goes on to be converged by its owner without shared: true, which then only adds', () => {
    const seen = members({ ...TAGS.ours, ...OURS, ...THEIRS }, 'theirs');
    const entity = desired('unowned', { unmanaged: 'remove' });
    const { decision, changes } = assess(SHARABLE, entity, { members: ['new'] }, seen, CONTEXT);
    expect(decision.action).toBe('update');
    expect(changes['members']).toMatchObject({ put: ['new'], remove: [] });
    expect(changes['tags']).toMatchObject({ put: [sharedByTag(NAMESPACE)], remove: [] });
    const authoritative = assess(
      SHARABLE,
      entity,
      { thumbprints: ['b'] },
      observed({ ...TAGS.ours, ...OURS, ...THEIRS }, { state: { thumbprints: ['a'] } }),
      CONTEXT,
    );
    expect(authoritative.changes['thumbprints']).toMatchObject({ put: ['b'], remove: [] });
  });

  test.each<[string, Readonly<Record<string, string>>, DecisionAction]>([
    ['others share it', { ...OURS, ...THEIRS, [SharingTag.CreatedBy]: NAMESPACE }, 'release'],
    ['another namespace owns it', { ...OURS, ...OWNED_BY_OTHER, [OwnershipTag.Origin]: 'created' }, 'release'],
    ['we own it, and others share it', { ...TAGS.ours, ...OURS, ...THEIRS }, 'release'],
    ['we created it and are the last', { ...OURS, [SharingTag.CreatedBy]: NAMESPACE }, 'delete'],
    ['another namespace created it and we are the last', { ...OURS, [SharingTag.CreatedBy]: 'other' }, 'release'],
    ['it was there before and we are the last', { ...OURS, [OwnershipTag.Origin]: 'adopted' }, 'release'],
    ['we have no part in it, and others share it', THEIRS, 'no-op'],
    ['we have no part in it, and another namespace owns it', OWNED_BY_OTHER, 'no-op'],
    ['nobody shares it', { team: 'x' }, 'no-op'],
  ])('that is to be absent with shared: true, where %s', (_case, tags, action) => {
    for (const wish of ['own', 'unowned', 'foreign'] as const) {
      const entity = desired(wish, { ...shared, state: 'absent' });
      expect(decide(SHARABLE, entity, {}, observed(tags)).action).toBe(action);
    }
  });

  test('is not deleted by a manifest without shared: true, whatever it may adopt; the sharers are named', () => {
    for (const wish of ['own', 'unowned', 'foreign'] as const) {
      for (const tags of [
        { ...OURS, ...THEIRS },
        THEIRS,
        { ...TAGS.ours, ...THEIRS },
        { [OwnershipTag.Namespace]: 'other' },
      ]) {
        const found = decide(SHARABLE, desired(wish, { state: 'absent' }), {}, observed(tags));
        expect(found).toMatchObject({
          action: 'refuse',
          reason: 'cannot be deleted: namespace "other" declares it too',
          remedy: expect.stringContaining('have namespace "other" leave it first') as string,
        });
      }
    }
  });

  test('is not taken from others by a manifest that forgets that it is shared, unless that is asked for', () => {
    const theirs = observed(THEIRS);
    expect(decide(SHARABLE, desired('unowned'), SAME, theirs)).toMatchObject({
      action: 'refuse',
      remedy: expect.stringContaining('--adopt foreign:Thing/x') as string,
    });
    expect(decide(SHARABLE, desired('foreign'), SAME, theirs).action).toBe('adopt');
  });

  test('is not taken from its owner by a sharer that omits shared: true, unless that is asked for, and recorded', () => {
    const seen = observed({ ...OURS, ...OWNED_BY_OTHER });
    const refused = decide(SHARABLE, desired('unowned'), SAME, seen);
    expect(refused).toMatchObject({ action: 'refuse', reason: 'owned by iam-bootstrap namespace "owner"' });
    expect(refused.remedy).toContain('share it with shared: true');
    const { decision, tags, changes } = assess(SHARABLE, desired('foreign'), SAME, seen, CONTEXT);
    expect(decision.action).toBe('adopt');
    expect(tags[OwnershipTag.PreviousOwner]).toBe('iam-bootstrap namespace owner');
    expect(changes['tags']?.remove).toEqual([sharedByTag('owner')]);
  });
});

describe('what is to be replaced', () => {
  const seen = (tags: Readonly<Record<string, string>>, state: JsonObject = {}): Observed =>
    observed(tags, { state: { path: '/old/', description: '', members: [], documents: {}, ...state } });
  const replacing = (more: Partial<DesiredEntity> = {}): DesiredEntity =>
    desired('unowned', { replace: true, ...more });
  const spec: JsonObject = { path: '/new/' };

  test('is, with both sides in the reason', () => {
    expect(decide(OWNABLE, replacing(), spec, seen(TAGS.ours))).toMatchObject({
      action: 'replace',
      drift: [{ path: 'path', observed: '/old/', desired: '/new/', immutable: true }],
      reason: 'path is "/old/" and is declared as "/new/": it is deleted and created again',
      remedy: null,
    });
  });

  test('is not where AWS can change what differs', () => {
    expect(decide(OWNABLE, replacing(), DRIFTING, observed(TAGS.ours)).action).toBe('update');
  });

  test('is created where it does not exist, and is left where it is as declared', () => {
    expect(decide(OWNABLE, replacing(), spec, undefined).action).toBe('create');
    expect(decide(OWNABLE, replacing(), { path: '/old/' }, seen(TAGS.ours)).action).toBe('no-op');
  });

  test.each<[Owner, AdoptPolicy, RegExp]>([
    ['unowned', 'unowned', /replace deletes only what this namespace owns, and this has no owner$/],
    ['foreign', 'unowned', /^owned by .*"another-team"$/],
    ['foreign', 'foreign', /replace deletes only what this namespace owns, and this is owned by .*"another-team"$/],
  ])('is refused where it is %s, with adopt: %s', (owner, adopt, reason) => {
    const found = decide(OWNABLE, replacing({ adopt }), spec, seen(TAGS[owner]));
    expect(found).toMatchObject({ action: 'refuse', reason: expect.stringMatching(reason) as string });
    expect(found.remedy).not.toBeNull();
  });

  test('is only reported where it is observed', () => {
    expect(decide(OWNABLE, replacing({ observe: true }), spec, seen(TAGS.ours)).action).toBe('no-op');
  });

  test('is refused where content would be lost that nobody declares, each thing by its name', () => {
    const full = seen(
      { ...TAGS.ours, extra: 'tag' },
      { description: 'by hand', members: ['a', 'b'], documents: { own: {}, extra: {} } },
    );
    const declared = { ...spec, members: ['a'], documents: { own: {} } };
    expect(decide(OWNABLE, replacing(), declared, full)).toMatchObject({
      action: 'refuse',
      reason: expect.stringMatching(
        /a replacement would lose what is unmanaged: description: "by hand", members: b, documents: extra, tags: extra$/,
      ) as string,
    });
    const some = decide(OWNABLE, replacing({ unmanaged: { members: 'remove', tags: 'remove' } }), declared, full);
    expect(some.reason).toMatch(/: description: "by hand", documents: extra$/);
    expect(decide(OWNABLE, replacing({ unmanaged: 'remove' }), declared, full).action).toBe('replace');
    expect(decide(OWNABLE, replacing({ unmanaged: { '*': 'remove' } }), declared, full).action).toBe('replace');
  });

  test('loses a member that had no place beside the declared one: that is what is asked for', () => {
    const rules: KindRules = {
      ownable: true,
      properties: { roles: { type: 'set', limit: 1 }, members: { type: 'set' } },
    };
    const there = observed(TAGS.ours, { state: { roles: ['old'], members: [] } });
    expect(decide(rules, replacing(), { roles: ['new'] }, there).action).toBe('replace');
    const more = observed(TAGS.ours, { state: { roles: ['old'], members: ['m'] } });
    expect(decide(rules, replacing(), { roles: ['new'] }, more)).toMatchObject({
      action: 'refuse',
      reason: expect.stringMatching(/lose what is unmanaged: members: m$/) as string,
    });
  });
});

describe('what is unmanaged and is to be removed', () => {
  const seen = (tags: Readonly<Record<string, string>>): Observed =>
    observed({ ...tags, extra: 'tag' }, { state: { members: ['a', 'b'], documents: { extra: {} } } });
  const spec: JsonObject = { members: ['a'], documents: {}, tags: {} };

  test('is, of the properties that are named; the others are told', () => {
    const entity = desired('own', { unmanaged: { members: 'remove', documents: 'keep' } });
    const { decision, changes } = assess(OWNABLE, entity, spec, seen(TAGS.ours), CONTEXT);
    expect(decision).toMatchObject({ action: 'update', unmanaged: ['documents: extra', 'tags: extra'], reason: null });
    expect(Object.values(changes).flatMap(({ remove }) => remove)).toEqual(['b']);
  });

  test('is, of those that are not named, where the defaults say so', () => {
    const entity = desired('own', { unmanaged: { documents: 'keep', '*': 'remove' } });
    const { decision, changes } = assess(OWNABLE, entity, spec, seen(TAGS.ours), CONTEXT);
    expect(decision.unmanaged).toEqual(['documents: extra']);
    expect(Object.values(changes).flatMap(({ remove }) => remove)).toEqual(['b', 'extra']);
  });

  test.each<[string, KindRules, Partial<DesiredEntity>, readonly string[], RegExp | null]>([
    [
      'stays at the first adoption',
      OWNABLE,
      {},
      [],
      /; a first adoption keeps what is unmanaged, unless --remove-unmanaged is given$/,
    ],
    [
      'goes at the first adoption where the flag is given',
      OWNABLE,
      { unmanagedAtAdoption: true },
      ['b', 'extra', 'extra'],
      /^exists and has no owner$/,
    ],
    [
      'stays of what carries no tags',
      UNOWNABLE,
      {},
      [],
      /; unmanaged: remove applies only with --remove-unmanaged, because nothing shows/,
    ],
    [
      'goes of what carries no tags where the flag is given',
      UNOWNABLE,
      { unmanagedAtAdoption: true },
      ['b', 'extra'],
      /^a Thing cannot have tags: ownership cannot be proven$/,
    ],
  ])('%s', (_title, rules, more, removed, reason) => {
    const entity = desired('unowned', { unmanaged: 'remove', ...more });
    const declared = rules.ownable ? spec : { members: ['a'], documents: {} };
    const { decision, changes } = assess(rules, entity, declared, seen({}), CONTEXT);
    expect(Object.values(changes).flatMap(({ remove }) => remove)).toEqual(removed);
    expect(decision.reason).toMatch(reason ?? /./);
  });

  test('needs no words where nothing is unmanaged, or nothing is to be removed', () => {
    const bare = observed({}, { state: { members: ['a'], documents: {} } });
    expect(decide(OWNABLE, desired('unowned', { unmanaged: 'remove' }), spec, bare).reason).toBe(
      'exists and has no owner',
    );
    expect(decide(OWNABLE, desired('unowned'), spec, seen({})).reason).toBe('exists and has no owner');
  });

  test('would make room for a declared member: the flag is among the ways out', () => {
    const rules: KindRules = { ownable: true, properties: { roles: { type: 'set', limit: 1 } } };
    const there = observed({}, { state: { roles: ['old'] } });
    const entity = desired('unowned', { unmanaged: 'remove' });
    expect(decide(rules, entity, { roles: ['new'] }, there)).toMatchObject({
      action: 'refuse',
      remedy: expect.stringMatching(/^give --remove-unmanaged/) as string,
    });
    expect(decide(rules, desired('unowned'), { roles: ['new'] }, there).remedy).not.toContain('--remove-unmanaged');
  });
});

describe('what a namespace leaves', () => {
  const adopted = { ...TAGS.ours, [OwnershipTag.Origin]: 'adopted' };
  const leaving = (state: 'released' | 'destroyed', more: Partial<DesiredEntity> = {}): DesiredEntity =>
    desired('unowned', { state, ...more });

  test.each<[string, Readonly<Record<string, string>>, DecisionAction, DecisionAction, DecisionAction]>([
    ['made here', TAGS.ours, 'release', 'delete', 'delete'],
    ['adopted', adopted, 'release', 'release', 'delete'],
    ['not owned by anybody', TAGS.unowned, 'no-op', 'no-op', 'no-op'],
    ["another owner's", TAGS.foreign, 'no-op', 'no-op', 'no-op'],
  ])(
    'and is %s: released %j, destroyed, and destroyed with what was adopted',
    (_title, tags, released, destroyed, all) => {
      const seen = observed(tags);
      const found = [
        decide(OWNABLE, leaving('released'), {}, seen),
        decide(OWNABLE, leaving('destroyed'), {}, seen),
        decide(OWNABLE, leaving('destroyed', { includeAdopted: true }), {}, seen),
      ];
      expect(found.map(({ action }) => action)).toEqual([released, destroyed, all]);
      for (const { action, reason } of found) if (action === 'no-op') expect(reason).toMatch(/^is left as it is: /);
    },
  );

  test('is recognised by its ownership tags, which are all removed; nothing else is compared', () => {
    const seen = observed({ ...adopted, team: 'platform', [OwnershipTag.PreviousOwner]: 'x' });
    const { decision, changes } = assess(
      OWNABLE,
      leaving('released'),
      { description: 'other', path: '/x/' },
      seen,
      CONTEXT,
    );
    const marks = [OwnershipTag.Namespace, OwnershipTag.Origin, OwnershipTag.Intent, OwnershipTag.PreviousOwner];
    expect(changes).toEqual({ tags: { desired: expect.anything() as unknown, put: [], remove: marks } });
    expect(decision.drift.map(({ path }) => path)).toEqual(marks.map((mark) => `tags.${mark}`));
    expect(decision.unmanaged).toEqual([]);
  });

  test('and cannot have tags: there is nothing to release, and only --include-adopted deletes it', () => {
    const seen = observed({});
    expect(decide(UNOWNABLE, leaving('released'), {}, seen)).toMatchObject({
      action: 'no-op',
      reason: 'has nothing to release: a Thing cannot have tags, so it has no ownership tags',
    });
    expect(decide(UNOWNABLE, leaving('destroyed'), {}, seen)).toMatchObject({
      action: 'no-op',
      reason: expect.stringMatching(/^is left as it is: .*; --include-adopted deletes it anyway$/) as string,
    });
    expect(decide(UNOWNABLE, leaving('destroyed', { includeAdopted: true }), {}, seen).action).toBe('delete');
  });

  test('as an orphan: a kind without tags is deleted only where AWS shows what was created here', () => {
    const createdAt = '2024-01-01T00:00:00.000Z';
    const decided = (orphan: NonNullable<DesiredEntity['orphan']>, seenAt: string | null) =>
      decide(UNOWNABLE, leaving('destroyed', { orphan }), {}, observed({}, { createdAt: seenAt }));
    expect(decided({ createdAt }, createdAt)).toMatchObject({ action: 'delete', reason: 'is not declared any more' });
    for (const [orphan, seenAt] of [
      [{ createdAt }, '2024-01-02T00:00:00.000Z'],
      [{ createdAt }, null],
      [{}, null],
    ] as const) {
      expect(decided(orphan, seenAt)).toMatchObject({
        action: 'no-op',
        reason: expect.stringMatching(/; declare it with state: absent to delete it anyway$/) as string,
      });
    }
  });

  test('and is named in another case: it is not the declared one', () => {
    for (const state of ['released', 'destroyed'] as const) {
      const found = decide(OWNABLE, leaving(state), {}, observed(TAGS.ours, { name: 'X' }));
      expect(found).toMatchObject({ action: 'no-op', reason: expect.stringContaining('named X') as string });
    }
  });

  test('and is not there, or only observed: nothing is to be done', () => {
    for (const state of ['released', 'destroyed'] as const) {
      expect(decide(OWNABLE, leaving(state), {}, undefined)).toMatchObject({ action: 'no-op', reason: null });
      expect(decide(OWNABLE, leaving(state, { observe: true }), {}, observed(TAGS.ours)).action).toBe('no-op');
    }
  });

  test.each<[string, string, DesiredEntity['state'], string[]]>([
    ['made here', NAMESPACE, 'released', []],
    ['made here', NAMESPACE, 'destroyed', ['ours']],
    ['adopted', 'other', 'released', []],
    ['adopted', 'other', 'destroyed', ['ours']],
    ['adopted', 'other', 'absent', ['ours']],
  ])('and is shared, %s by %s, %s: loses our tag and our members', (_title, creator, state, gone) => {
    const claims = { [sharedByTag(NAMESPACE)]: digests('common', 'ours'), [sharedByTag('other')]: digests('common') };
    const tags = { ...claims, [SharingTag.CreatedBy]: creator, [SharingTag.SharedBefore]: digests('before') };
    const seen = observed(tags, { state: { members: ['before', 'common', 'ours', 'by hand'] } });
    const entity = desired('unowned', { state, shared: true, includeAdopted: true });
    const { decision, changes } = assess(SHARABLE, entity, {}, seen, CONTEXT);
    expect(decision.action).toBe('release');
    expect(changes['members']?.remove ?? []).toEqual(gone);
    expect(changes['tags']?.remove).toEqual([sharedByTag(NAMESPACE)]);
    expect(decision.drift.map(({ path }) => path)).toEqual([
      ...gone.map(() => 'members'),
      `tags.${sharedByTag(NAMESPACE)}`,
    ]);
    if (state !== 'released') {
      expect(decision.reason).toBe('removes only this namespace\'s part: namespace "other" keeps it');
    }
  });

  test('and was shared, with nobody left but us: all ownership tags go with our part', () => {
    const tags = { [sharedByTag(NAMESPACE)]: digests('ours'), [OwnershipTag.Origin]: 'adopted', team: 'x' };
    const seen = observed(tags, { state: { members: ['before', 'ours'] } });
    const entity = desired('unowned', { state: 'absent', shared: true });
    const { decision, changes } = assess(SHARABLE, entity, {}, seen, CONTEXT);
    expect(decision).toMatchObject({
      action: 'release',
      reason: "was adopted, not created here: this namespace's part and its ownership tags are removed, and it is kept",
    });
    expect(changes['members']?.remove).toEqual(['ours']);
    expect(changes['tags']?.remove).toEqual([sharedByTag(NAMESPACE), OwnershipTag.Origin]);
  });

  test.each([
    ['ours', { [sharedByTag(NAMESPACE)]: '', [sharedByTag('other')]: '-' }, 'this namespace'],
    ['theirs', { [sharedByTag(NAMESPACE)]: digests('ours'), [sharedByTag('other')]: '' }, 'namespace "other"'],
  ])(
    'and is shared, where a tag does not show what is %s: all members stay, and the plan says so',
    (_case, tags, whose) => {
      const seen = observed(tags, { state: { members: ['ours', 'theirs'] } });
      const { decision, changes } = assess(SHARABLE, desired('own', { state: 'destroyed' }), {}, seen, CONTEXT);
      expect(Object.keys(changes)).toEqual(['tags']);
      expect(decision.reason).toContain(`members stays as it is: no tag shows which of it belongs to ${whose}`);
    },
  );
});

describe('every decision', () => {
  const owner = fc.constantFrom<Owner>('ours', 'unowned', 'foreign');
  const wish = fc.constantFrom<Wish>('own', 'unowned', 'foreign', 'observe');
  const spec = fc.record(
    {
      path: fc.constantFrom('/', '/a/'),
      description: fc.constantFrom('observed', 'declared'),
      members: fc.subarray(['a', 'b', 'c']),
      tags: fc.constantFrom({}, { team: 'platform' }, { team: 'other' }),
    },
    { requiredKeys: [] },
  );
  const entity = fc
    .tuple(
      wish,
      fc.record({ state: fc.constantFrom('present', 'absent'), unmanaged: fc.constantFrom('keep', 'remove') }),
    )
    .map(([one, more]) => desired(one, more));
  const seen = fc.option(
    fc
      .tuple(owner, fc.constantFrom('x', 'X'), fc.subarray(['a', 'b', 'c']))
      .map(([one, name, members]) =>
        observed(TAGS[one], { name, state: { path: '/', description: 'observed', members } }),
      ),
    { nil: undefined },
  );

  test('is a create exactly where nothing is there and something shall be', () => {
    fc.assert(
      fc.property(entity, spec, seen, (one, declared, there) => {
        const { action } = decide(OWNABLE, one, declared, there);
        expect(action === 'create').toBe(there === undefined && one.state === 'present' && !one.observe);
      }),
    );
  });

  test('writes nothing to what is only observed', () => {
    fc.assert(
      fc.property(entity, spec, seen, (one, declared, there) => {
        expect(decide(OWNABLE, { ...one, observe: true }, declared as JsonObject, there).action).toBe('no-op');
      }),
    );
  });

  test('leaves what is foreign alone unless it is asked for by name', () => {
    fc.assert(
      fc.property(entity, spec, seen, (one, declared, there) => {
        if (there?.tags !== TAGS.foreign || one.adopt === 'foreign') return;
        expect(['refuse', 'no-op']).toContain(decide(OWNABLE, one, declared as JsonObject, there).action);
      }),
    );
  });

  test('is no-op only where nothing that could be written differs', () => {
    fc.assert(
      fc.property(entity, spec, seen, (one, declared, there) => {
        if (one.observe) return;
        const { decision, changes } = assess(OWNABLE, one, declared, there, CONTEXT);
        if (decision.action === 'no-op') expect([decision.drift, changes]).toEqual([[], {}]);
        if (decision.action === 'update') expect(decision.drift).not.toEqual([]);
      }),
    );
  });

  test('says why where it refuses, and what to do', () => {
    fc.assert(
      fc.property(entity, spec, seen, (one, declared, there) => {
        const { action, reason, remedy } = decide(OWNABLE, one, declared, there);
        expect(action === 'refuse' && (reason === null || remedy === null)).toBe(false);
      }),
    );
  });
});

describe('the limit of tags', () => {
  const tagsOf = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`tag-${String(index)}`, '']));
  const adopt = (tags: Record<string, string>, more: Partial<DesiredEntity> = {}): Assessment =>
    assess(OWNABLE, desired('unowned', more), { description: 'declared' }, observed(tags), {
      ...CONTEXT,
      installation: 'installation-1',
    });

  test('an adoption takes ownership first, and leaves out the tag of the installation where there is no room', () => {
    expect(adopt(tagsOf(46))).toMatchObject({ decision: { action: 'adopt' }, takesOwnership: true });
    expect(adopt(tagsOf(46)).tags).toHaveProperty([OwnershipTag.Installation]);
    expect(adopt(tagsOf(47)).decision.action).toBe('adopt');
    expect(adopt(tagsOf(47)).tags).not.toHaveProperty([OwnershipTag.Installation]);
  });

  test('an entity without room for the ownership tags is refused, with a remedy that AWS allows', () => {
    expect(adopt(tagsOf(48)).decision).toMatchObject({
      action: 'refuse',
      reason: 'has 48 tags and would have 51, ownership tags included: AWS allows 50',
      remedy: 'remove at least 1 of its tags; AWS does not raise this limit',
    });
    expect(adopt({ ...tagsOf(47), 'aws:cloudformation:x': 'does not count' }).decision.action).toBe('adopt');
  });

  test('our entity is refused for tags that have no room, and not for other changes', () => {
    const ours = { ...TAGS.ours, ...tagsOf(47) };
    const spec = { description: 'declared', tags: { more: 'tags' } };
    expect(decide(OWNABLE, desired('unowned'), spec, observed(ours)).action).toBe('refuse');
    expect(decide(OWNABLE, desired('unowned'), DRIFTING, observed(ours)).action).toBe('update');
  });

  test('a sharer is refused as well', () => {
    const tags = { ...tagsOf(49), [sharedByTag('other')]: '' };
    const joining = desired('foreign', { shared: true });
    expect(decide(SHARABLE, joining, { members: ['a'] }, observed(tags)).action).toBe('refuse');
  });

  test('an interrupted takeover goes on to remove the tags of the owner that it has replaced', () => {
    const tags = {
      [OwnershipTag.Namespace]: NAMESPACE,
      [OwnershipTag.Origin]: 'adopted',
      [OwnershipTag.Intent]: 'run-1',
      [OwnershipTag.PreviousOwner]: 'iam-bootstrap namespace other',
      [sharedByTag(NAMESPACE)]: digests('a'),
      [sharedByTag('other')]: digests('b'),
      [sharedByTag('third')]: digests('b'),
      [SharingTag.CreatedBy]: 'other',
    };
    const left = (intent: string): readonly string[] | undefined =>
      assess(SHARABLE, desired('foreign'), { members: ['a'] }, observed(tags, { state: { members: ['a', 'b'] } }), {
        ...CONTEXT,
        intent,
      }).changes['tags']?.remove;
    expect(left('run-1')).toEqual([sharedByTag('other'), SharingTag.CreatedBy]);
    // A later run cannot tell them from those of a namespace that has joined since.
    expect(left('run-2')).toBeUndefined();
  });
});
