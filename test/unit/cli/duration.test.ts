import fc from 'fast-check';
import { durationMs } from '../../../src/cli/options.js';
import { durationText } from '../../../src/cli/render/words.js';

test.each([
  ['500ms', 500],
  ['90s', 90_000],
  ['30m', 1_800_000],
  ['2h', 7_200_000],
  ['0s', 0],
])('%s is %i milliseconds', (text, ms) => {
  expect(durationMs(text)).toBe(ms);
});

test.each([
  '',
  '90',
  's',
  '1d',
  '-1s',
  '1.5s',
  '1 s',
  '1s ',
  '1s\n',
  '1S',
  '1m30s',
  '٣s',
  'constructor',
  '1constructor',
])('%j is no duration', (text) => {
  expect(durationMs(text)).toBeUndefined();
});

test('every whole number of every unit is a duration', () => {
  const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  fc.assert(
    fc.property(fc.nat(), fc.constantFrom(...Object.entries(units)), (count, [unit, ms]) => {
      expect(durationMs(`${String(count)}${unit}`)).toBe(count * ms);
    }),
  );
});

test.each([
  [0, '0.0 s'],
  [420, '0.4 s'],
  [9_949, '9.9 s'],
  [10_000, '10 s'],
  [12_400, '12 s'],
  [59_400, '59 s'],
  [60_000, '1 min 0 s'],
  [59_600, '1 min 0 s'],
  [185_000, '3 min 5 s'],
])('%i milliseconds read %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test('no text has sixty seconds', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10_000_000 }), (ms) => {
      expect(durationText(ms)).toMatch(/^(\d\d?(\.\d)? s|\d+ min [1-5]?\d s)$/);
      expect(durationText(ms)).not.toMatch(/\b60 s/);
    }),
  );
});
