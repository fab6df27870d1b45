import type { DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import { assess } from '../../../src/engine/decide.js';
import { digestChanges, isWithinPlan, linesBeyondPlan } from '../../../src/engine/planned-change.js';
import type { FoundChange, OwnPart } from '../../../src/engine/planned-change.js';
import type { Observed } from '../../../src/engine/comparison.js';
import { findKind } from '../../../src/kinds/index.js';
import { ROLE } from '../../support/activity.js';
import { desired } from '../../support/desired.js';
import { OWNED_TAGS } from '../../support/fake-account.js';

const ADMIN = 'arn:aws:iam::aws:policy/AdministratorAccess';
const READ = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const OTHERS: OwnPart = { made: false, hasWritten: false };

const role = desired(
  'Role',
  'deploy',
  { ...ROLE.spec, managedPolicyArns: [READ], inlinePolicies: { state: policy('s3:GetObject') } },
  {
    unmanaged: 'remove',
  },
);

function policy(...actions: readonly string[]): JsonObject {
  return { Version: '2012-10-17', Statement: [{ Sid: 'A', Effect: 'Allow', Action: actions, Resource: '*' }] };
}

function observed(state: JsonObject, tags: Readonly<Record<string, string>> = OWNED_TAGS): Observed {
  const arn = 'arn:aws:iam::111111111111:role/deploy';
  return { name: 'deploy', arn, createdAt: null, tags, state: { ...role.spec, path: '/', ...state } };
}

function change(found: Observed | undefined, entity: DesiredEntity = role): FoundChange {
  const kind = findKind('Role');
  if (kind === undefined) throw new Error('no Role');
  const context = { namespace: 'ci', partition: 'aws', intent: 'run' };
  const assessment = assess(kind, entity, entity.spec, found, context);
  return { rules: kind.properties, spec: entity.spec, observed: found, assessment, drift: assessment.decision.drift };
}

/** Returns the lines that a plan made from one state did not show of what a later state leads to. */
function beyond(before: FoundChange, after: FoundChange, own = OTHERS): string[] {
  const [lines = []] = digestChanges([before]);
  const planned = { action: before.assessment.decision.action, lines };
  return linesBeyondPlan(planned, after, own).map(({ path, summary }) => summary ?? path);
}

describe('a change goes beyond its plan', () => {
  const missing = change(undefined);
  const drifting = change(observed({ managedPolicyArns: [] }));
  const unowned = change(observed({}, {}));

  test.each<[string, FoundChange, FoundChange, string[]]>([
    ['by nothing where nothing has changed', drifting, drifting, []],
    ['by nothing where less is to be done', drifting, change(observed({})), []],
    [
      'by being another entity, created under the same name since',
      change({ ...observed({ managedPolicyArns: [] }), createdAt: '2026-11-01T08:00:00.000Z' }),
      change({ ...observed({ managedPolicyArns: [] }), createdAt: '2026-11-28T22:00:00.000Z' }),
      ['was created at 2026-11-28T22:00:00.000Z'],
    ],
    [
      'by an attachment that it would take away',
      drifting,
      change(observed({ managedPolicyArns: [ADMIN] })),
      [`- ${ADMIN}`],
    ],
    [
      'by a declared property that has changed as well',
      drifting,
      change(observed({ managedPolicyArns: [], maxSessionDuration: 7200 }), {
        ...role,
        spec: { ...role.spec, maxSessionDuration: 3600 },
      }),
      ['maxSessionDuration'],
    ],
    [
      'by what an adoption would take over',
      missing,
      change(observed({ managedPolicyArns: [READ, ADMIN] }, {})),
      [`unmanaged: managedPolicyArns: ${ADMIN}`],
    ],
    [
      'by what a kept policy says now',
      change(observed({ inlinePolicies: { state: policy('s3:GetObject'), own: policy('s3:PutObject') } }, {})),
      change(observed({ inlinePolicies: { state: policy('s3:GetObject'), own: policy('*') } }, {})),
      ['unmanaged: inlinePolicies: own'],
    ],
    ['by nothing where what it keeps is the same', unowned, unowned, []],
    [
      'by an owner that has appeared',
      unowned,
      change(observed({}, { 'iam-bootstrap:namespace': 'other' }), { ...role, adopt: 'foreign' }),
      ['is taken over from iam-bootstrap namespace other'],
    ],
  ])('%s', (_title, before, after, lines) => {
    expect(beyond(before, after)).toEqual(lines);
  });

  test('by the part of a long value that a report cuts off', () => {
    const long = (end: string): FoundChange =>
      change(observed({ description: 'x'.repeat(900) + end }), { ...role, spec: { ...role.spec, description: '' } });
    expect(beyond(long('a'), long('a'))).toEqual([]);
    expect(beyond(long('a'), long('b'))).toEqual(['description']);
  });

  test('by nothing where a document that this run has begun to write differs in another way', () => {
    const wide = change(observed({ inlinePolicies: { state: policy('s3:PutObject') } }));
    const common = change(observed({ inlinePolicies: { state: policy('s3:ListBucket') } }));
    expect(beyond(wide, common)).not.toEqual([]);
    expect(beyond(wide, common, { made: false, hasWritten: true })).toEqual([]);
    expect(beyond(drifting, common, { made: false, hasWritten: true })).not.toEqual([]);
  });

  test('by nothing where a document that goes has been reduced by this run already', () => {
    const whole = change(observed({ inlinePolicies: { state: policy('s3:GetObject'), old: policy('*') } }));
    const reduced = change(observed({ inlinePolicies: { state: policy('s3:GetObject'), old: policy('s3:*') } }));
    expect(beyond(whole, reduced)).toEqual(['- old']);
    expect(beyond(whole, reduced, { made: false, hasWritten: true })).toEqual([]);
  });

  test('by a loss, but not by a gain, where this run has created the entity', () => {
    const own = { made: true, hasWritten: true };
    expect(beyond(missing, drifting, own)).toEqual([]);
    expect(beyond(missing, change(observed({ managedPolicyArns: [READ, ADMIN] })), own)).toEqual([`- ${ADMIN}`]);
  });

  test('in a plan of very many lines by any other line, since each entity has one digest', () => {
    const spec = { ...role.spec, description: '' };
    const one = change(observed({ managedPolicyArns: [ADMIN], description: 'x' }), { ...role, spec });
    const many = Array.from({ length: 30_001 }, () => one);
    const [lines = []] = digestChanges(many);
    expect(lines).toHaveLength(1);
    const planned = { action: 'update', lines } as const;
    expect(linesBeyondPlan(planned, one, OTHERS)).toEqual([]);
    expect(linesBeyondPlan(planned, drifting, OTHERS)).not.toEqual([]);
  });
});

test('an action is within its plan where it does no more', () => {
  const actions = ['create', 'adopt', 'update', 'replace', 'release', 'delete', 'no-op', 'refuse'] as const;
  const table = actions.map((planned) => [
    planned,
    actions.filter((action) => isWithinPlan({ action: planned, lines: [] }, action)).join(' '),
  ]);
  expect(Object.fromEntries(table)).toEqual({
    create: 'create no-op refuse',
    adopt: 'adopt update no-op refuse',
    update: 'update no-op refuse',
    replace: 'create update replace no-op refuse',
    release: 'release no-op refuse',
    delete: 'delete no-op refuse',
    'no-op': 'no-op refuse',
    refuse: 'no-op refuse',
  });
});
