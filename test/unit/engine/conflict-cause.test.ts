import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Confirmation, Outcome } from '../../../src/contract/report.js';
import {
  determineCause,
  determineForeignCause,
  remedyForCause,
  REPLICATION_WINDOW_MS,
} from '../../../src/engine/conflict-cause.js';
import type { Creation, RunCase } from '../../../src/engine/conflict-cause.js';
import { CONFLICT_CODES, describeConflictCode } from '../../../src/engine/conflict-codes.js';
import { OTHER_CASE } from '../../../src/engine/decision-rules.js';

const INVENTORY_AT = Date.parse('2026-01-01T12:00:00.000Z');
const HOUR = 3_600_000;

/** A run that found an entity of another owner, unless `more` changes it. */
function runCase(more: Partial<RunCase> = {}): RunCase {
  return {
    name: 'deploy',
    runId: 'own',
    inventoryStartedAt: INVENTORY_AT,
    outcome: 'refused',
    confirmedBy: null,
    conflict: false,
    isAbsentInInventory: false,
    otherPath: null,
    reason: 'owned by iam-bootstrap namespace "other"',
    elsewhere: false,
    creations: [],
    ownedAt: null,
    ...more,
  };
}

function creation(at: number, more: Partial<Creation> = {}): Creation {
  return { at, runId: null, principal: null, caller: 'arn:aws:iam::111111111111:user/alice', requestId: null, ...more };
}

const met = { conflict: true, isAbsentInInventory: true };

test.each<[string, Partial<RunCase>, string, string]>([
  ['what was there long before', { creations: [creation(INVENTORY_AT - HOUR)] }, 'existed-before', 'proven'],
  ['what was there, made by nobody knows whom', {}, 'existed-before', 'proven'],
  [
    'what appeared after the inventory',
    { ...met, creations: [creation(INVENTORY_AT + 500)] },
    'parallel-writer',
    'proven',
  ],
  ['what appeared, by whom is not known', met, 'parallel-writer', 'inferred'],
  [
    'what a replica did not show yet',
    { ...met, creations: [creation(INVENTORY_AT - 60_000)] },
    'parallel-writer',
    'inferred',
  ],
  [
    'what a waiting run found in place of nothing',
    { isAbsentInInventory: true, creations: [creation(INVENTORY_AT + 1)] },
    'parallel-writer',
    'proven',
  ],
  ['its own mark', { outcome: 'created', confirmedBy: 'intent-tag' }, 'lost-reply', 'proven'],
  [
    'its own work, by the record alone',
    { outcome: 'created', confirmedBy: 'recorded-attempt' },
    'lost-reply',
    'inferred',
  ],
  ['its own mark, by a repeat', { ...met, outcome: 'created', confirmedBy: 'intent-tag' }, 'replayed-retry', 'proven'],
  [
    'its own Create in CloudTrail',
    { ...met, outcome: 'adopted', creations: [creation(INVENTORY_AT + 1, { runId: 'own' })] },
    'replayed-retry',
    'proven',
  ],
  [
    'what was its own before, and lost its marks',
    { outcome: 'adopted', ownedAt: INVENTORY_AT - HOUR, creations: [creation(INVENTORY_AT - 2 * HOUR)] },
    'state-rolled-back',
    'inferred',
  ],
  [
    'what was its own before, and was created again by another caller',
    { outcome: 'adopted', ownedAt: INVENTORY_AT - 2 * HOUR, creations: [creation(INVENTORY_AT - HOUR)] },
    'existed-before',
    'proven',
  ],
  ['another path', { otherPath: '/ops/' }, 'path-or-case-collision', 'proven'],
  ['another case', { reason: `${OTHER_CASE}: Role/Deploy` }, 'path-or-case-collision', 'proven'],
  [
    'a name of another account',
    { ...met, elsewhere: true, reason: 'the alias is taken by another AWS account' },
    'other-account',
    'proven',
  ],
  ['nothing', { outcome: 'created', confirmedBy: 'reply' }, 'none', 'proven'],
])('a run that met %s', (_what, more, cause, certainty) => {
  expect(determineCause(runCase(more))).toMatchObject({ cause, certainty });
});

test('the newest Create is the one that made what is there', () => {
  const creations = [creation(INVENTORY_AT - HOUR, { caller: 'bob' }), creation(INVENTORY_AT - 2 * HOUR)];
  expect(determineCause(runCase({ creations })).headline).toContain('bob created it at 2026-01-01T11:00:00.000Z');
});

test.each([
  [
    'another caller’s, long before',
    creation(INVENTORY_AT - HOUR, { principal: 'arn:aws:iam::1:user/bob' }),
    'existed-before',
  ],
  [
    'another caller’s, a moment before',
    creation(INVENTORY_AT - 1_000, { principal: 'arn:aws:iam::1:user/bob' }),
    'parallel-writer',
  ],
  [
    'its own, long before',
    creation(INVENTORY_AT - HOUR, { principal: 'arn:aws:sts::1:assumed-role/ci/monday' }),
    'state-rolled-back',
  ],
  [
    'its own, a moment before',
    creation(INVENTORY_AT - 1_000, { principal: 'arn:aws:sts::1:assumed-role/ci/monday' }),
    'replayed-retry',
  ],
  ['nobody’s that is known', null, 'existed-before'],
])('a Create of another caller that met %s', (_what, made, cause) => {
  const principal = 'arn:aws:sts::1:assumed-role/ci/tuesday';
  expect(determineForeignCause({ at: INVENTORY_AT, principal, creations: made === null ? [] : [made] }).cause).toBe(
    cause,
  );
});

const outcomes = fc.constantFrom<Outcome>(
  'created',
  'adopted',
  'updated',
  'replaced',
  'unchanged',
  'refused',
  'failed',
);
const times = fc.integer({ min: INVENTORY_AT - 10 * HOUR, max: INVENTORY_AT + HOUR });
const cases: fc.Arbitrary<RunCase> = fc
  .record({
    outcome: outcomes,
    confirmedBy: fc.constantFrom<Confirmation | null>(null, 'reply', 'intent-tag', 'recorded-attempt', 'unconfirmed'),
    conflict: fc.boolean(),
    isAbsentInInventory: fc.boolean(),
    otherPath: fc.constantFrom(null, '/ops/'),
    elsewhere: fc.boolean(),
    creations: fc.array(
      fc
        .record({ at: times, runId: fc.constantFrom(null, 'own', 'other'), caller: fc.constantFrom(null, 'bob') })
        .map((one) => creation(one.at, one)),
      { maxLength: 4 },
    ),
    ownedAt: fc.option(times),
  })
  .map(runCase);

test('nothing stood in the way exactly where nothing was met, whatever else is known', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const marked = one.confirmedBy === 'intent-tag' || one.confirmedBy === 'recorded-attempt';
      const found = one.conflict || one.outcome === 'adopted' || one.outcome === 'refused';
      expect(determineCause(one).cause === 'none').toBe(!marked && !found && !one.elsewhere);
    }),
  );
});

test('the order in which Creates are told makes no difference', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const distinct = new Set(one.creations.map(({ at }) => at)).size === one.creations.length;
      fc.pre(distinct);
      expect(determineCause({ ...one, creations: [...one.creations].reverse() })).toEqual(determineCause(one));
    }),
  );
});

test('nobody is called a parallel writer whose Create was shown to every replica before the look', () => {
  fc.assert(
    fc.property(
      cases,
      fc.integer({ min: INVENTORY_AT - 10 * HOUR, max: INVENTORY_AT - REPLICATION_WINDOW_MS - 1 }),
      (one, at) => {
        expect(determineCause({ ...one, creations: [creation(at)] }).cause).not.toBe('parallel-writer');
      },
    ),
  );
});

test('each cause has a remedy, and what is sound needs none', () => {
  fc.assert(
    fc.property(cases, (one) => {
      const { cause } = determineCause(one);
      expect(remedyForCause(cause, one.outcome)).not.toBe('');
      if (cause === 'none') expect(remedyForCause(cause, one.outcome)).toBe('nothing to do');
    }),
  );
});

describe('IAM’s codes for conflicts', () => {
  // The SDK is made from AWS's model, and keeps the code and the status of each error.
  const sdk = readFileSync(join(__dirname, '../../../node_modules/@aws-sdk/client-iam/dist-cjs/index.js'), 'utf8');
  const modelled = Object.fromEntries(
    [...sdk.matchAll(/_aQE\]: \[`(\w+)`, (\d+)\]/g)].map(([, code = '', status]) => [code, Number(status)]),
  );

  test('are all ten that the service model answers with 409, and none is a 412', () => {
    const conflicts = Object.keys(modelled).filter((code) => modelled[code] === 409);
    expect(conflicts).toHaveLength(10);
    expect(Object.keys(CONFLICT_CODES)).toEqual(expect.arrayContaining(conflicts));
    expect(Object.values(modelled)).not.toContain(412);
  });

  test('have the status of the model, and say whether to read again or to repeat', () => {
    for (const [code, { status, meaning }] of Object.entries(CONFLICT_CODES)) {
      expect([code, status]).toEqual([code, modelled[code]]);
      expect(meaning).toMatch(/read|repeat|wait|choose/i);
    }
  });

  test('are no others: what is not among them says so', () => {
    expect(describeConflictCode('AccessDenied')).toMatchObject({ status: null });
    expect(describeConflictCode('constructor')).toMatchObject({ status: null });
  });
});
