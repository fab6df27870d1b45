import fc from 'fast-check';
import { acceptUnits } from '../../../../../src/client/capture/update/accept-units.js';

/** Changes as numbers, those that are wrong by themselves, and pairs that cannot be made together. */
const scene = fc
  .record({ count: fc.integer({ min: 0, max: 24 }), seed: fc.array(fc.nat(23), { maxLength: 16 }) })
  .chain(({ count, seed }) =>
    fc.record({
      units: fc.constant(Array.from({ length: count }, (_, index) => index)),
      wrong: fc.constant(new Set(seed)),
      pairs: fc.array(fc.tuple(fc.nat(23), fc.nat(23)), { maxLength: 4 }),
      /** How many of the wrong ones show by themselves. */
      shown: fc.nat(24),
    }),
  );

function run(
  units: readonly number[],
  blamedIn: (made: readonly number[]) => readonly number[],
  isRight: (made: readonly number[]) => boolean,
) {
  const rejected = new Map<number, string>();
  let evaluations = 0;
  const kept = acceptUnits(units, [], {
    faultOf: (made) => {
      evaluations++;
      if (isRight(made)) return undefined;
      return { reason: 'wrong', blamed: new Map(blamedIn(made).map((unit) => [unit, `wrong ${String(unit)}`])) };
    },
    reject: (unit, reason) => rejected.set(unit, reason),
  });
  return { kept, rejected, evaluations };
}

it('keeps a right set of changes, and rejects each of the others once', () => {
  fc.assert(
    fc.property(scene, ({ units, wrong, pairs, shown }) => {
      const isRight = (made: readonly number[]): boolean =>
        !made.some((unit) => wrong.has(unit)) &&
        !pairs.some(([a, b]) => a !== b && made.includes(a) && made.includes(b));
      const blamedIn = (made: readonly number[]) => made.filter((unit) => wrong.has(unit) && unit < shown);
      const { kept, rejected } = run(units, blamedIn, isRight);
      expect(isRight(kept)).toBe(true);
      expect([...kept, ...rejected.keys()].sort((a, b) => a - b)).toEqual(units);
      // None more can be made.
      for (const unit of rejected.keys()) expect(isRight([...kept, unit])).toBe(false);
    }),
  );
});

it('accepts a change again that was blamed for another one', () => {
  const blamedIn = (made: readonly number[]) => (made.includes(1) ? made.filter((unit) => unit === 2) : []);
  const { kept, rejected } = run([0, 1, 2, 3], blamedIn, (made) => !made.includes(1));
  expect([...kept].sort()).toEqual([0, 2, 3]);
  expect([...rejected]).toEqual([[1, 'wrong']]);
});

it('needs three evaluations for any number of changes that are to blame', () => {
  const units = Array.from({ length: 500 }, (_, index) => index);
  const isWrong = (unit: number): boolean => unit % 3 === 0;
  const { kept, rejected, evaluations } = run(
    units,
    (made) => made.filter(isWrong),
    (made) => !made.some(isWrong),
  );
  expect(evaluations).toBe(3);
  expect(kept).toEqual(units.filter((unit) => !isWrong(unit)));
  expect(rejected.get(3)).toBe('wrong 3');
});

it('halves the changes where none is to blame', () => {
  const units = Array.from({ length: 256 }, (_, index) => index);
  const { kept, evaluations } = run(
    units,
    () => [],
    (made) => !made.includes(99),
  );
  expect(kept).toHaveLength(255);
  expect(evaluations).toBeLessThan(20);
});
