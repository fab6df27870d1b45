import { orderMemberships } from '../../../../src/activities/plan/order-memberships.js';
import type { AssessedEntity } from '../../../../src/activities/plan/assessed-entity.js';
import { Reader } from '../../../../src/aws/reader.js';
import type { JsonObject } from '../../../../src/contract/entity.js';
import { assess } from '../../../../src/engine/decide.js';
import { group } from '../../../../src/kinds/group.js';
import { desired } from '../../../support/desired.js';
import { FakeAccount } from '../../../support/fake-account.js';

const NINE = Array.from({ length: 9 }, (_, n) => `other-${String(n)}`);

/** Users that the account was asked about. */
let asked: string[];

/** Returns the plan of groups, after their memberships have been ordered: `name after names`, or the reason of a refusal. */
async function planOf(
  memberships: Readonly<Record<string, readonly string[]>>,
  ...groups: readonly AssessedEntity[]
): Promise<readonly string[]> {
  const account = new FakeAccount();
  const { clients } = account;
  clients.reader = new Reader((operation, input) => {
    expect(operation).toBe('ListGroupsForUser');
    const { UserName = '' } = input as { readonly UserName?: string };
    asked.push(UserName);
    const names = memberships[UserName.toLowerCase()] ?? [];
    return Promise.resolve({ Groups: names.map((GroupName) => ({ GroupName })) } as never);
  });
  const ordered = await orderMemberships(account, groups);
  return ordered.map(({ entity, planned: { decision, after } }) =>
    decision.action === 'refuse'
      ? `${entity.name}: ${decision.reason ?? ''}`
      : [entity.name, ...after.map((index) => ordered[index]?.entity.name ?? '')].join(' after '),
  );
}

/** Returns a group that has some members, or null for one that does not exist, and is to have others. */
function planned(name: string, before: readonly string[] | null, after: readonly string[] | null): AssessedEntity {
  const spec: JsonObject = { groupName: name, ...(after && { users: after }) };
  const entity = desired('Group', name, spec, {
    state: after === null ? 'absent' : 'present',
    unmanaged: 'remove',
    unmanagedAtAdoption: true,
  });
  const observed =
    before === null
      ? undefined
      : {
          name,
          arn: `arn:aws:iam::111111111111:group/${name}`,
          createdAt: null,
          tags: {},
          state: { path: '/', users: before },
        };
  const context = { namespace: 'ci', partition: 'aws', intent: 'run', claimedBy: 'ci' };
  const assessment = assess(group, entity, spec, observed, context);
  const { decision } = assessment;
  return {
    entity,
    kind: group,
    spec,
    observed,
    assessment,
    planned: { kind: 'Group', name, arn: '', decision, workflowId: '', after: [] },
  };
}

beforeEach(() => {
  asked = [];
});

test('a group that a user in ten groups joins waits for the one that the user leaves, whatever the case of names', async () => {
  const all = [planned('b', [], ['Ann']), planned('a', ['ann'], [])];
  expect(await planOf({ ann: ['A', ...NINE] }, ...all)).toEqual(['b after a', 'a']);
});

test('it waits for one that is deleted, and not for one that the user is not in', async () => {
  const all = [planned('b', null, ['ann']), planned('a', [], null), planned('c', [], null)];
  expect(await planOf({ ann: ['a', ...NINE] }, ...all)).toEqual(['b after a', 'a', 'c']);
});

test('no group waits where the user has room for all', async () => {
  const all = [planned('b', [], ['ann']), planned('a', ['ann'], [])];
  expect(await planOf({ ann: ['a', ...NINE.slice(1)] }, ...all)).toEqual(['b', 'a']);
});

test('groups that have no room even then are refused', async () => {
  const all = [planned('b', [], ['ann']), planned('c', null, ['ann']), planned('a', ['ann'], [])];
  const reason =
    'ann is in 10 groups, and this run adds it to 2 and removes it from 1: AWS allows 10 (GroupsPerUserQuota)';
  expect(await planOf({ ann: ['a', ...NINE] }, ...all)).toEqual([`b: ${reason}`, `c: ${reason}`, 'a']);
});

test('a group that may have room once another one can be read fails, and is not refused for its limit', async () => {
  const unread = { operation: 'GetGroup', code: 'AccessDenied', requestId: 'r' };
  const left = planned('a', [], []);
  const decision = { ...left.planned.decision, action: 'refuse' as const, unread };
  const a = { ...left, planned: { ...left.planned, decision } };
  const plans = [[a], [a, planned('c', ['ann'], [])], [{ ...a, spec: { users: ['Ann'] } }, planned('c', ['ann'], [])]];
  const told = [];
  for (const more of plans) {
    const all = [planned('b', [], ['ann']), planned('d', [], ['ann']), ...more];
    told.push((await planOf({ ann: ['a', 'c', ...NINE.slice(1)] }, ...all))[0]);
  }
  const waits = 'b: waits for Group/a, which could not be read';
  expect(told).toEqual([waits, waits, expect.stringContaining('AWS allows 10')]);
});

test('only users that join and leave in one run are looked up', async () => {
  const all = [planned('b', [], ['ann', 'ben']), planned('a', ['ann', 'eve'], [])];
  await planOf({ ann: ['a'] }, ...all);
  expect(asked).toEqual(['ann']);
  asked = [];
  await planOf({}, planned('b', [], ['ann']), planned('c', null, ['ben']));
  expect(asked).toEqual([]);
});
