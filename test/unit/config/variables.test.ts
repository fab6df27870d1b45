import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ENVIRONMENT_VARIABLES } from '../../../src/config/variables.js';

const SOURCES = resolve(__dirname, '../../../src');
const LISTED = new Set(ENVIRONMENT_VARIABLES.flatMap(({ names }) => names));

/** Names of variables in a source file: those of the known families anywhere, and every one that is read. */
function variablesIn(text: string): string[] {
  const families = text.matchAll(/\b((?:IAM_BOOTSTRAP|TEMPORAL|AWS|GITHUB)_[A-Z_]*[A-Z])\b(?=['=])/g);
  const reads = [...text.matchAll(/\b(?:environment|env)\[([^\]]*)\]|\bread\(([^)]*)\)/g)].flatMap(([match]) => [
    ...match.matchAll(/'([A-Z][A-Z0-9_]*)'/g),
  ]);
  return [...families, ...reads].map(([, name = '']) => name);
}

test('every environment variable that src/ reads is in the table', () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && file !== join('config', 'variables.ts'),
  );
  const found = files.flatMap((file) => variablesIn(readFileSync(join(SOURCES, file), 'utf8')));
  expect(new Set(found).size).toBeGreaterThan(50);
  expect([...new Set(found)].filter((name) => !LISTED.has(name))).toEqual([]);
});

test('the test finds a variable that is not in the table', () => {
  expect(variablesIn(`process.env['IAM_BOOTSTRAP_NEW']`)).toContain('IAM_BOOTSTRAP_NEW');
  expect(variablesIn(`const x = environment['OTHER'];`)).toContain('OTHER');
});
