import fc from 'fast-check';
import { covers, literalOf, overlap, patternOf } from '../../../src/guardrails/patterns.js';

const LETTERS = ['a', 'b', ':'];

/** All texts of up to four characters. */
const TEXTS = [0, 1, 2, 3].reduce<string[][]>(
  (all) => [...all, (all.at(-1) ?? []).flatMap((text) => LETTERS.map((letter) => text + letter))],
  [['']],
);
const ALL = TEXTS.flat();

function matches(pattern: string, text: string): boolean {
  return new RegExp(`^${pattern.replace(/[*]/g, '.*').replace(/[?]/g, '.')}$`, 's').test(text);
}

const pattern = fc.array(fc.constantFrom(...LETTERS, '*', '?'), { maxLength: 4 }).map((parts) => parts.join(''));

test('a pattern matches the texts that its regular expression matches', () => {
  fc.assert(
    fc.property(pattern, fc.constantFrom(...ALL), (one, text) => {
      expect(covers(patternOf(one), literalOf(text))).toBe(matches(one, text));
    }),
  );
});

test('two patterns overlap where some text matches both, and only there', () => {
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      // Four characters are enough for two patterns of up to four parts without more than that many fixed ones.
      const isFound = ALL.some((text) => matches(a, text) && matches(b, text));
      if (isFound) expect(overlap(patternOf(a), patternOf(b))).toBe(true);
      const fixed = [a, b].map((one) => one.replace(/\*/g, '').length).reduce((sum, length) => sum + length);
      if (fixed <= 4) expect(overlap(patternOf(a), patternOf(b))).toBe(isFound);
    }),
    { numRuns: 1_000 },
  );
});

test('a pattern covers another one only where it matches all of its texts', () => {
  fc.assert(
    fc.property(pattern, pattern, (outer, inner) => {
      if (!covers(patternOf(outer), patternOf(inner))) return;
      for (const text of ALL) expect(!matches(inner, text) || matches(outer, text)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['iam:*', 'iam:createuser', true],
  ['iam:*', 'iam:*user*', true],
  ['*', 'iam:*user*', true],
  ['iam:createuser', 'iam:*', false],
  ['iam:a?c', 'iam:a*c', false],
])('%s covers %s: %s', (outer, inner, expected) => {
  expect(covers(patternOf(outer), patternOf(inner))).toBe(expected);
});

test('what is too long to compare is taken for a match where that refuses, and for none where that allows', () => {
  const long = patternOf(`${'a'.repeat(5_000)}*`);
  expect(overlap(long, patternOf('b'))).toBe(true);
  expect(covers(patternOf('*'), long)).toBe(false);
});

test('a hostile pattern is compared in milliseconds', () => {
  const hostile = patternOf(`${'*a'.repeat(400)}b`);
  const start = performance.now();
  covers(hostile, literalOf('a'.repeat(900)));
  overlap(hostile, patternOf(`${'a*'.repeat(400)}c`));
  expect(performance.now() - start).toBeLessThan(2_000);
});
