import { leftOutProblem } from '../../../src/client/drift.js';

const FLEET = { id: 'all', account: null, lastAt: '2026-03-04T05:00:00.000Z' };

/** Minutes after the start of the fleet's last run. */
function after(minutes: number): number {
  return Date.parse(FLEET.lastAt) + minutes * 60_000;
}

test('an account that the run of its fleet has not looked at for two hours is named as left out', () => {
  const before = { lookedAt: '2026-03-04T04:00:01.000Z' };
  expect(leftOutProblem(before, [FLEET], after(120))).toBeNull();
  expect(leftOutProblem(before, [FLEET], after(121))).toBe(
    'the run of 2026-03-04T05:00:00.000Z has not looked at it: see `iam-bootstrap schedule describe all`',
  );
  expect(leftOutProblem({ lookedAt: '2026-03-04T05:00:02.000Z' }, [FLEET], after(121))).toBeNull();
});

test('an account with a schedule of its own is not left out by the fleet', () => {
  const own = { id: 'own', account: '111111111111', lastAt: FLEET.lastAt };
  expect(leftOutProblem({ lookedAt: '2026-03-04T04:00:01.000Z' }, [FLEET, own], after(121))).toBeNull();
});
