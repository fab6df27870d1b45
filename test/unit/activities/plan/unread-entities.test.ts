import fc from 'fast-check';
import { checkEntityCounts } from '../../../../src/activities/plan/check-quotas.js';
import { failDependents } from '../../../../src/activities/plan/unread-entities.js';
import { isWrite } from '../../../../src/contract/actions.js';
import type { DecisionAction, Drift } from '../../../../src/contract/report.js';
import type { AssessedEntity } from '../../../../src/activities/plan/assessed-entity.js';
import { findKind } from '../../../../src/kinds/index.js';
import { desired } from '../../../support/desired.js';

interface Node {
  readonly action: DecisionAction;
  readonly after: readonly number[];
  readonly isUnread?: boolean;
  readonly drift?: readonly Drift[];
}

const CALL = { operation: 'ListGroups', code: 'AccessDenied', requestId: 'r' };

function assessed(nodes: readonly Node[]): readonly AssessedEntity[] {
  const kind = findKind('Group');
  if (kind === undefined) throw new RangeError('no kind Group');
  return nodes.map(({ action, after, isUnread = false, drift = [] }, index): AssessedEntity => {
    const name = `g${String(index)}`;
    const unread = isUnread ? { unread: CALL } : {};
    const decision = { action, drift, unmanaged: [], reason: null, remedy: null, ...unread };
    return {
      entity: desired('Group', name, { groupName: name }),
      kind,
      spec: {},
      observed: undefined,
      assessment: { decision, changes: {}, tags: {} },
      planned: { kind: 'Group', name, arn: '', decision, workflowId: name, after },
    };
  });
}

test('what would be written after an unread entity fails with it, through others too, and nothing else does', () => {
  const decisions = failDependents(
    assessed([
      { action: 'refuse', after: [], isUnread: true },
      { action: 'create', after: [0] },
      { action: 'update', after: [1, 4] },
      { action: 'no-op', after: [0] },
      { action: 'create', after: [] },
    ]),
  ).map(({ planned }) => planned.decision);
  expect(decisions.map(({ action }) => action)).toEqual(['refuse', 'refuse', 'refuse', 'no-op', 'create']);
  expect(decisions[1]).toMatchObject({ reason: 'waits for Group/g0, which could not be read', unread: CALL });
  expect(decisions[2]).toMatchObject({ reason: 'waits for Group/g1, which cannot be written yet', unread: CALL });
});

test('what waits for an unread entity keeps the drift that was read, but for what names it by an ARN that may be another', () => {
  const lineOf = (path: string): Drift => ({ path, observed: null, desired: 'x' });
  const [first, second] = assessed([
    { action: 'refuse', after: [], isUnread: true },
    { action: 'update', after: [0], drift: [lineOf('managedPolicyArns'), lineOf('maxSessionDuration')] },
  ]);
  if (first === undefined || second === undefined) throw new RangeError('two were given');
  const failedWith = (policy: object, onlyArn = false) => {
    const unread = { ...first, entity: desired('Policy', 'g0', { ...policy }) };
    const spec = { managedPolicyArns: ['{{arn Policy/g0}}'], maxSessionDuration: 7_200 };
    const { decision } = second.planned;
    const drift = onlyArn ? decision.drift.slice(0, 1) : decision.drift;
    const planned = { ...second.planned, decision: { ...decision, drift } };
    const role = { ...second, entity: desired('Role', 'g1', spec), planned };
    const { drift: kept, unread: call } = failDependents([unread, role])[1]?.planned.decision ?? {};
    return [kept?.map(({ path }) => path), call?.waiting];
  };
  expect(failedWith({})).toEqual([['maxSessionDuration'], 'update']);
  expect(failedWith({ path: '/ci/' })).toEqual([['managedPolicyArns', 'maxSessionDuration'], 'update']);
  // Nothing certain is known of it then.
  expect(failedWith({}, true)).toEqual([[], undefined]);
});

test('what has no room but for the deletion of an unread entity waits for that, and is not refused by a quota', () => {
  const [first, second] = assessed([
    { action: 'refuse', after: [], isUnread: true },
    { action: 'create', after: [] },
  ]);
  if (first === undefined || second === undefined) throw new RangeError('two were given');
  const decide = (state: 'absent' | 'present', limit: number) => {
    const unread = { ...first, entity: { ...first.entity, state } };
    const counted = checkEntityCounts([unread, second], { Groups: 10, GroupsQuota: limit });
    return counted[1]?.planned.decision;
  };
  expect(decide('absent', 10)).toMatchObject({ action: 'refuse', unread: { ...CALL, waiting: 'create' } });
  expect(decide('absent', 11)).toMatchObject({ action: 'create' });
  for (const refused of [decide('present', 10), decide('absent', 9)]) {
    expect(refused?.action).toBe('refuse');
    expect(refused?.unread).toBeUndefined();
  }
});

const node = (index: number): fc.Arbitrary<Node> =>
  fc.record({
    action: fc.constantFrom<DecisionAction>('create', 'update', 'delete', 'no-op'),
    after: index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 3 }),
    isUnread: fc.boolean(),
    drift: fc.array(fc.record({ path: fc.string(), observed: fc.constant(null), desired: fc.string() })),
  });

test('nothing is written whose order leads through writes to an unread entity, and all other decisions stay', () => {
  const nodes = fc
    .integer({ min: 1, max: 12 })
    .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => node(index))))
    .map((all) => all.map((one): Node => (one.isUnread === true ? { ...one, action: 'refuse' } : one)));
  fc.assert(
    fc.property(nodes, (all) => {
      const isFailed = (index: number): boolean => {
        const { action, after, isUnread } = all[index] ?? { action: 'no-op', after: [] };
        return isUnread === true || (isWrite(action) && after.some(isFailed));
      };
      const decisions = failDependents(assessed(all)).map(({ planned }) => planned.decision);
      const actions = decisions.map(({ action }) => action);
      expect(actions).toEqual(all.map(({ action }, index) => (isFailed(index) ? 'refuse' : action)));
      // What was read stays known, and what waits for another is told from what could not be read.
      expect(decisions.map(({ drift }) => drift)).toEqual(all.map(({ drift }) => drift));
      expect(decisions.map(({ unread }) => unread?.waiting)).toEqual(
        all.map(({ action, isUnread }, index) => (isFailed(index) && isUnread !== true ? action : undefined)),
      );
    }),
  );
});
