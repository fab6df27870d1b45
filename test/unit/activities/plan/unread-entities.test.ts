import fc from 'fast-check';
import { failDependents } from '../../../../src/activities/plan/unread-entities.js';
import { isWrite } from '../../../../src/contract/actions.js';
import type { DecisionAction } from '../../../../src/contract/report.js';
import type { AssessedEntity } from '../../../../src/activities/plan/assessed-entity.js';
import { findKind } from '../../../../src/kinds/index.js';
import { desired } from '../../../support/desired.js';

interface Node {
  readonly action: DecisionAction;
  readonly after: readonly number[];
  readonly isUnread?: boolean;
}

const CALL = { operation: 'ListGroups', code: 'AccessDenied', requestId: 'r' };

function assessed(nodes: readonly Node[]): readonly AssessedEntity[] {
  const kind = findKind('Group');
  if (kind === undefined) throw new RangeError('no kind Group');
  return nodes.map(({ action, after, isUnread = false }, index): AssessedEntity => {
    const name = `g${String(index)}`;
    const unread = isUnread ? { unread: CALL } : {};
    const decision = { action, drift: [], unmanaged: [], reason: null, remedy: null, ...unread };
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
  expect(decisions[2]).toMatchObject({ reason: 'waits for Group/g1, which could not be read', unread: CALL });
});

const node = (index: number): fc.Arbitrary<Node> =>
  fc.record({
    action: fc.constantFrom<DecisionAction>('create', 'update', 'delete', 'no-op'),
    after: index === 0 ? fc.constant([]) : fc.uniqueArray(fc.nat(index - 1), { maxLength: 3 }),
    isUnread: fc.boolean(),
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
      const actions = failDependents(assessed(all)).map(({ planned }) => planned.decision.action);
      expect(actions).toEqual(all.map(({ action }, index) => (isFailed(index) ? 'refuse' : action)));
    }),
  );
});
