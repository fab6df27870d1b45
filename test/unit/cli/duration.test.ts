import fc from 'fast-check';
import { durationMs } from '../../../src/cli/options.js';
import { agoText, durationText } from '../../../src/report/words.js';

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
  [3_600_000, '1 h 0 min'],
  [7_500_000, '2 h 5 min'],
  [273_600_000, '3 d 4 h'],
])('%i milliseconds read %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test('no text has sixty seconds', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10_000_000 }), (ms) => {
      expect(durationText(ms)).toMatch(/^(\d\d?(\.\d)? s|[1-5]?\d min [1-5]?\d s|\d+ h [1-5]?\d min)$/);
      expect(durationText(ms)).not.toMatch(/\b60 s/);
    }),
  );
});

test.each([
  [-5, 'just now'],
  [999, 'just now'],
  [1_000, '1 second ago'],
  [59_999, '59 seconds ago'],
  [125_000, '2 minutes ago'],
  [3_700_000, '1 hour ago'],
  [200_000_000, '2 days ago'],
])('%i milliseconds before now read %s', (ms, text) => {
  expect(agoText(ms)).toBe(text);
});
