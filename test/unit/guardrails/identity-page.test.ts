import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseGuardrails } from '../../../src/guardrails/parse.js';
import { KINDS } from '../../../src/kinds/index.js';

const PAGE = readFileSync(join(__dirname, '../../../docs/identity.md'), 'utf8');

/** The guardrails on the page, by the heading above them. */
const FILES = [...PAGE.matchAll(/```yaml\n(# guardrails\.yaml\n[\s\S]*?)```/g)].map(({ 1: text = '', index }) => {
  const heading = /\n#+ ([^\n]+)\n(?:(?!\n#+ )[\s\S])*$/.exec(`\n${PAGE.slice(0, index)}`)?.[1] ?? '';
  return [heading, text] as const;
});

test('the page has guardrails for each CI service', () => {
  expect(FILES.map(([heading]) => heading)).toEqual(['GitHub Actions', 'GitLab', 'Buildkite', 'CircleCI', 'Jenkins']);
});

test.each(FILES)('the guardrails of "%s" are valid', (_heading, text) => {
  const parsed = parseGuardrails('guardrails.yaml', text, { kinds: KINDS.map(({ name }) => name) });
  expect(parsed.ok ? [] : parsed.problems).toEqual([]);
});
