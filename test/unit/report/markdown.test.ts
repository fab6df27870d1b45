import { code, link, plain } from '../../../src/report/markdown.js';

test('markup of others is text, and stays in its line and its cell', () => {
  expect(plain('a|b `c <d> [e](f) *g* _h_ ~i~ &lt; $j$\nk')).toBe(
    'a\\|b \\`c \\<d\\> \\[e\\](f) \\*g\\* \\_h\\_ \\~i\\~ \\&lt; \\$j\\$ k',
  );
});

test.each([
  ['# a', '\\# a'],
  ['- a', '\\- a'],
  ['12. a', '12\\. a'],
  [': a', '\\: a'],
])('the beginning of a line starts nothing: %s', (text, expected) => {
  expect(plain(text)).toBe(expected);
});

test('names with underscores are readable where Markdown is not rendered', () => {
  expect(plain('Role/my_role_1')).toBe('Role/my_role_1');
});

test.each([
  ['take it over with --adopt foreign:Role/x', 'take it over with `--adopt foreign:Role/x`'],
  ['--allow-older', '`--allow-older`'],
  ['run `iam-bootstrap doctor`; then', 'run `iam-bootstrap doctor`; then'],
  ['a `--b` c', 'a `--b` c'],
  ['a -- b--c ---', 'a -- b--c ---'],
])('commands are code, so that they can be copied: %s', (text, expected) => {
  expect(plain(text)).toBe(expected);
});

test.each([
  ['see https://a.example/b_c, or', 'see `https://a.example/b_c`, or'],
  ['(www.a.com)', '(`www.a.com`)'],
  ['by @octocat', 'by `@octocat`'],
  ['"a@b.com".', '"`a@b.com`".'],
  ['https://a.example/`b|c', "`https://a.example/'b`\\|`c`"],
  ['https://a`b`', '`https://a` `b`'],
])(
  'addresses and mentions are code, because no escape keeps readers from making links of them: %s',
  (text, expected) => {
    expect(plain(text)).toBe(expected);
  },
);

test('characters that reorder or hide text are shown as replaced', () => {
  expect(plain('a\u202eb\u200bc\u0000d\u{e0041}e\ud800f')).toBe('a\ufffdb\ufffdc d\ufffde\ufffdf');
  expect(plain('\u26a0\ufe0f')).toBe('\u26a0\ufe0f');
});

test('code keeps back-quotes and bars from ending it', () => {
  expect(code('a`b|c')).toBe("`a'b`\\|`c`");
});

test('a long text is cut, and says so', () => {
  expect(plain('a'.repeat(20_000))).toMatch(/^a{10000}… \(10000 more characters\)$/);
});

test('a long text without an end costs little', () => {
  const startedAt = process.cpuUsage().user;
  for (const text of ['a', '@', ')', '`', '--a', '_', '://'].map((one) => one.repeat(1_000_000))) plain(text);
  expect(process.cpuUsage().user - startedAt).toBeLessThan(2_000_000);
});

test('a link goes nowhere but to its address, and only to the web', () => {
  expect(link('Run', 'https://ui/a%2Fb(c)>d')).toBe('[Run](https://ui/a%2Fb%28c%29%3Ed)');
  expect(link('Run', 'javascript:alert(1)')).toBe('Run: `javascript:alert(1)`');
});
