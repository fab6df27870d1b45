import { plain } from '../../../src/report/markdown.js';

test('markup of others is text, and stays in its line and its cell', () => {
  expect(plain('a|b `c` <d> [e](f) *g*\nh')).toBe('a\\|b \\`c\\` \\<d\\> \\[e\\](f) \\*g\\* h');
});

test.each([
  ['take it over with --adopt foreign:Role/x', 'take it over with `--adopt foreign:Role/x`'],
  ['--allow-older', '`--allow-older`'],
  ['a `--b` c', 'a \\`--b\\` c'],
  ['a -- b--c ---', 'a -- b--c ---'],
])('options are code, so that they can be copied: %s', (text, expected) => {
  expect(plain(text)).toBe(expected);
});
