import fc from 'fast-check';
import type { AdoptPolicy, DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import { assess, type KindRules } from '../../../src/engine/decide.js';
import { OwnershipTag } from '../../../src/engine/ownership.js';
import { blockedByOldName, formerMatcher, referringAfter, referringBefore } from '../../../src/engine/renames.js';
import { KINDS } from '../../../src/kinds/index.js';
import { desired } from '../../support/desired.js';

const CONTEXT = { namespace: 'ci', partition: 'aws', intent: 'run-1' };
const TARGET = { account: '111111111111', partition: 'aws' };
const RULES: KindRules = {
  ownable: true,
  keyProperties: ['userName'],
  renaming: 'call',
  properties: { path: { type: 'value', default: '/' } },
};
const TAGS = {
  ours: { [OwnershipTag.Namespace]: 'ci', [OwnershipTag.Origin]: 'created', [OwnershipTag.Intent]: 'run-0' },
  unowned: {},
  foreign: { [OwnershipTag.Namespace]: 'other' },
} as const;

function assessUser(more: Partial<DesiredEntity>, name: string, owner: keyof typeof TAGS, spec: JsonObject = {}) {
  const entity = desired('User', 'new', { userName: 'new', ...spec }, { renamedFrom: 'old', ...more });
  const observed = {
    name,
    arn: `arn:aws:iam::111111111111:user/${name}`,
    createdAt: null,
    tags: TAGS[owner],
    state: { path: '/' },
  };
  return assess(RULES, entity, entity.spec, observed, CONTEXT);
}

const LINE = { path: 'userName', observed: 'old', desired: 'new' };

test.each<[AdoptPolicy, keyof typeof TAGS, string, string]>([
  ['own', 'ours', 'update', 'is renamed from old'],
  ['own', 'unowned', 'refuse', 'exists and has no owner'],
  ['unowned', 'ours', 'update', 'is renamed from old'],
  ['unowned', 'unowned', 'adopt', 'is renamed from old; exists and has no owner'],
  ['unowned', 'foreign', 'refuse', 'owned by iam-bootstrap namespace "other"'],
  ['foreign', 'foreign', 'adopt', 'is renamed from old; is taken over from iam-bootstrap namespace "other"'],
])('with adopt: %s, one that is %s under its old name: %s', (adopt, owner, action, reason) => {
  const { decision, changes } = assessUser({ adopt }, 'old', owner);
  expect(decision).toMatchObject({ action, drift: [LINE], reason: expect.stringContaining(reason) as string });
  if (action !== 'refuse') expect(changes['userName']).toEqual({ desired: 'new', put: [], remove: [] });
});

test('one that has its new name is not renamed, and one that is only observed neither', () => {
  expect(assessUser({}, 'new', 'ours')).toMatchObject({ decision: { action: 'no-op', drift: [] }, changes: {} });
  expect(assessUser({ observe: true }, 'old', 'ours').decision).toMatchObject({ action: 'no-op', drift: [LINE] });
});

test('an old name in another case is refused, and so is one that exists beside the new one', () => {
  expect(assessUser({}, 'Old', 'ours').decision).toMatchObject({ action: 'refuse', remedy: 'write renamedFrom: Old' });
  const observed = { name: 'new', arn: 'arn', createdAt: null, tags: TAGS.ours, state: {} };
  const blocked = blockedByOldName('User', observed, { name: 'old', arn: 'arn:old' });
  expect(
    assess(RULES, desired('User', 'new', {}, { renamedFrom: 'old' }), {}, blocked, CONTEXT).decision,
  ).toMatchObject({
    action: 'refuse',
    reason: 'cannot be renamed from User/old, which exists beside it (arn:old)',
  });
});

const NAMES = fc.constantFrom('ann', 'Ann', 'bob', 'carl');
const RENAMED = [{ old: 'old', name: 'new' }];

test.each(
  KINDS.filter(({ isDeletedWithReference }) => isDeletedWithReference).map((kind) => [kind.name, kind] as const),
)('what belongs to a user is read by the old name of it, and shown by the new one: %s', (_name, kind) => {
  const spec: JsonObject = { userName: 'new', serviceName: 'codecommit.amazonaws.com', secret: { file: 'new' } };
  const entity = { ...desired(kind.name, '', spec), name: kind.nameOf(spec) };
  const before = referringBefore(kind, entity, RENAMED);
  expect(before.spec).toEqual({ ...spec, userName: 'old' });
  const observed = {
    name: before.name,
    arn: kind.arnOf(before.spec, TARGET),
    createdAt: null,
    tags: {},
    state: {},
    facts: { UserName: 'old', AccessKeyId: 'AKIAOLD' },
  };
  expect(referringAfter(kind, entity, observed, { names: RENAMED, target: TARGET })).toMatchObject({
    name: entity.name,
    arn: kind.arnOf(spec, TARGET),
    facts: { UserName: 'new', AccessKeyId: 'AKIAOLD' },
  });
});

test('members that are renamed are exchanged, and no others', () => {
  const group = KINDS.find(({ name }) => name === 'Group');
  if (group === undefined) throw new Error('there is no such kind');
  fc.assert(
    fc.property(fc.array(NAMES), fc.array(NAMES), (declared, members) => {
      const entity = desired('Group', 'new', { groupName: 'new', users: [...declared, 'new'] });
      expect(referringBefore(group, entity, RENAMED)).toEqual({
        ...entity,
        spec: { groupName: 'new', users: [...declared, 'old'] },
      });
      const observed = { name: 'new', arn: 'arn', createdAt: null, tags: {}, state: { users: [...members, 'OLD'] } };
      expect(referringAfter(group, entity, observed, { names: RENAMED, target: TARGET })).toEqual({
        ...observed,
        state: { users: [...members, 'new'] },
      });
    }),
  );
});

test.each<[string, boolean]>([
  ['arn:aws:iam::111111111111:policy/old', true],
  ['arn:aws:iam::111111111111:policy/some/path/Old', true],
  ['arn:aws:iam::aws:policy/old', false],
  ['arn:aws:iam::111111111111:policy/very-old', false],
  ['arn:aws:iam::111111111111:role/old', false],
  ['OLD', true],
  ['older', false],
])('of a policy that was named old, %s is a former reference: %s', (member, isFormer) => {
  expect(formerMatcher({ formerReferences: ['Policy/old'] })(member)).toBe(isFormer);
  expect(formerMatcher({})(member)).toBe(false);
});
