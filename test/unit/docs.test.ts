import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '../..');

/** Paths of the repository's files that Git knows, new ones included. */
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
  .toString()
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));

const PAGES = FILES.filter((path) => path.endsWith('.md'));

/** Returns the targets of a page's links and pictures within the repository, relative to its root. */
function targetsOf(page: string, text: string): string[] {
  const prose = text.replace(/`[^`\n]*`/g, (code, at: number) => (text[at - 1] === '[' ? 'code' : ''));
  const links = [...prose.matchAll(/\]\(([^)\s#]+)[^)]*\)|(?:src|srcset)="([^"]+)"/g)].map(
    ([, link, picture]) => link ?? picture ?? '',
  );
  return links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => join(dirname(page), link));
}

/** Returns the paths of source files that a page quotes as code. */
function quotedPathsOf(text: string): string[] {
  const paths = text.matchAll(
    /\b(?:src|test|scripts|bench|sandbox|docs)\/[a-z0-9_./-]+\.(?:tsx?|mjs|cjs|sh|md|py|json|png)\b/g,
  );
  return [...paths].filter(({ index }) => !/[\w/.-]/.test(text[index - 1] ?? '')).map(([path]) => path);
}

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');

  test('links to files that exist', () => {
    expect(targetsOf(page, text).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('names source files that exist', () => {
    expect(quotedPathsOf(text).filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

test('every picture is shown on a page', () => {
  const shown = new Set(PAGES.flatMap((page) => targetsOf(page, readFileSync(join(ROOT, page), 'utf8'))));
  expect(FILES.filter((path) => path.startsWith('docs/images/') && !shown.has(path))).toEqual([]);
});

describe('docs/network.md', () => {
  const rows = readFileSync(join(ROOT, 'docs/network.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| (?!-|source|setting)/.test(line));

  test('has a row for each source of credentials and each setting', () => {
    expect(rows.length).toBeGreaterThan(30);
  });

  test.each(rows.map((row) => [row.split('|')[1]?.trim() ?? '', row.split('|').at(-2)?.trim() ?? '']))(
    '%s names a test that exists',
    (_setting, cell) => {
      const [, path = '', title = ''] = /^\[[\w-]+\]\(\.\.\/(\S+)\): (.+)$/.exec(cell) ?? [];
      const titles = readFileSync(join(ROOT, path), 'utf8').replace(/\s+/g, ' ');
      expect(titles).toContain(title);
    },
  );
});
