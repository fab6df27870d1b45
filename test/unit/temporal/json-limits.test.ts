import { MAX_JSON_DEPTH, MAX_JSON_VALUES, requireModestJson } from '../../../src/temporal/json-limits.js';

function check(text: string): void {
  requireModestJson(Buffer.from(text));
}

test('counts values outside of strings only', () => {
  expect(() => {
    check(`["${'[,{'.repeat(MAX_JSON_VALUES)}"]`);
    check(`["a\\"${'[,{'.repeat(MAX_JSON_VALUES)}\\\\", 1]`);
    check(`[${'0,'.repeat(MAX_JSON_VALUES - 1)}0]`);
  }).not.toThrow();
  expect(() => {
    check(`["a\\\\", ${'0,'.repeat(MAX_JSON_VALUES)}0]`);
  }).toThrow('it holds more than 2,000,000 values');
});

test('refuses what is deeper than any code can follow, and accepts the depth below', () => {
  const nested = (depth: number): string => '[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2);
  expect(() => {
    check(nested(MAX_JSON_DEPTH));
    check(`[${'[],'.repeat(MAX_JSON_DEPTH)}1]`);
  }).not.toThrow();
  expect(() => {
    check(nested(MAX_JSON_DEPTH + 2));
  }).toThrow('within more than 500 lists and objects');
});
