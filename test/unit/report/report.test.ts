import fc from 'fast-check';
import { ExitCode } from '../../../src/contract/failures.js';
import type { Conflict, Outcome, ReportResult } from '../../../src/contract/report.js';
import { addCalls, exitCodeOf, resultOf, summarize } from '../../../src/report/build.js';

const OUTCOMES: readonly Outcome[] = [
  'created',
  'adopted',
  'updated',
  'replaced',
  'released',
  'deleted',
  'unchanged',
  'refused',
  'failed',
  'cancelled',
  'skipped',
  'pending',
];

const CONFLICT: Conflict = {
  operation: 'CreateRole',
  code: 'EntityAlreadyExists',
  requestId: null,
  resolvedAs: 'adopted',
};

const outcomes = fc.array(fc.constantFrom(...OUTCOMES), { maxLength: 30 });

function ended(...all: readonly Outcome[]): { outcome: Outcome; conflicts: Conflict[] }[] {
  return all.map((outcome) => ({ outcome, conflicts: [] }));
}

describe('the summary of a report', () => {
  test('of nothing has a zero for every outcome, so that readers need not look for missing keys', () => {
    expect(summarize([])).toEqual(Object.fromEntries([...OUTCOMES, 'conflicts'].map((word) => [word, 0])));
  });

  test('counts each outcome', () => {
    const { created, unchanged, failed } = summarize(ended('created', 'created', 'unchanged', 'failed'));
    expect({ created, unchanged, failed }).toEqual({ created: 2, unchanged: 1, failed: 1 });
  });

  test('counts conflicts and not the entities that met them', () => {
    const { conflicts, adopted } = summarize([
      { outcome: 'adopted', conflicts: [CONFLICT, CONFLICT] },
      { outcome: 'created', conflicts: [CONFLICT] },
    ]);
    expect({ conflicts, adopted }).toEqual({ conflicts: 3, adopted: 1 });
  });

  test('adds up to the number of entities', () => {
    fc.assert(
      fc.property(outcomes, (all) => {
        const { conflicts, ...counts } = summarize(ended(...all));
        expect(conflicts).toBe(0);
        expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(all.length);
      }),
    );
  });
});

describe('the result of a report', () => {
  test.each<[ReportResult, readonly Outcome[]]>([
    ['converged', []],
    ['converged', ['unchanged']],
    ['converged', ['created', 'adopted', 'updated', 'deleted', 'unchanged']],
    ['pending', ['unchanged', 'pending']],
    ['pending', ['created', 'pending']],
    ['refused', ['created', 'pending', 'refused']],
    ['refused', ['refused', 'skipped']],
    ['failed', ['refused', 'failed']],
    ['failed', ['failed', 'skipped', 'pending']],
    ['failed', ['created', 'skipped']],
    ['cancelled', ['created', 'cancelled', 'skipped']],
    ['failed', ['cancelled', 'failed']],
  ])('is %s of %j', (result, all) => {
    expect(resultOf(ended(...all))).toBe(result);
  });

  test('does not depend on the order of the entities', () => {
    const shuffled = outcomes.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );
    fc.assert(
      fc.property(shuffled, ([all, another]) => {
        expect(resultOf(ended(...another))).toBe(resultOf(ended(...all)));
      }),
    );
  });

  test('is never converged where an entity did not converge', () => {
    const bad = fc.constantFrom<Outcome>('refused', 'failed', 'cancelled', 'skipped', 'pending');
    fc.assert(
      fc.property(outcomes, bad, (all, one) => {
        expect(resultOf(ended(...all, one))).not.toBe('converged');
      }),
    );
  });
});

describe('the exit code of a result', () => {
  test.each<[ReportResult, ExitCode, ExitCode]>([
    ['converged', ExitCode.Converged, ExitCode.Converged],
    ['pending', ExitCode.Converged, ExitCode.Pending],
    ['refused', ExitCode.Refused, ExitCode.Refused],
    ['failed', ExitCode.Failed, ExitCode.Failed],
    ['cancelled', ExitCode.Failed, ExitCode.Failed],
    ['busy', ExitCode.Busy, ExitCode.Busy],
  ])('of %s is %i, and %i in detail', (result, plain, detailed) => {
    expect(exitCodeOf(result, { detailed: false })).toBe(plain);
    expect(exitCodeOf(result, { detailed: true })).toBe(detailed);
  });
});

describe('call counts', () => {
  test('add up by operation', () => {
    expect(addCalls({ GetRole: 2, ListRoles: 1 }, { GetRole: 3, CreateRole: 1 })).toEqual({
      GetRole: 5,
      ListRoles: 1,
      CreateRole: 1,
    });
  });

  test('leave what they add as it was', () => {
    const total = { GetRole: 1 };
    const more = { GetRole: 1 };
    addCalls(total, more);
    expect([total, more]).toEqual([{ GetRole: 1 }, { GetRole: 1 }]);
  });
});
