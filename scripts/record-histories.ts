// Records the golden histories of this version under test/replay/histories, and its workflow bundle: runs integration
// tests, and keeps the fewest of their histories that show every sequence of steps that any of them shows.
// npm run build && npm run record:histories (about four minutes). Arguments: the test files to run, if not all below; the
// histories of other tests, and the bundle, then stay.
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Json } from '../src/contract/entity.js';
import { shapeOf, startOf } from '../test/support/history-shape.js';
import type { StoredHistory } from '../test/support/history-shape.js';

const ROOT = resolve(__dirname, '..');

/** Tests that play the scenes that test/replay/histories.test.ts asks for. */
const TESTS = [
  ...['approval', 'control', 'explain', 'fleet', 'lifecycle', 'race'],
  ...['refusals', 'schedules', 'verify'],
];

/** Histories of longer files repeat what shorter ones show. Those of a fleet have the requests of its accounts. */
const MAX_BYTES = 60_000;
const MAX_FLEET_BYTES = 100_000;

/** Names of processes, folders and machines. */
const PRIVATE: readonly (readonly [RegExp, string])[] = [
  [new RegExp(String.raw`\b\d+@${hostname()}`, 'g'), '1@worker'],
  [new RegExp(`${ROOT}/`, 'g'), ''],
  [new RegExp(String.raw`${tmpdir()}/iam-bootstrap-\w+`, 'g'), '/tmp/iam-bootstrap'],
];

interface Candidate {
  readonly name: string;
  readonly text: string;
  readonly shape: Set<string>;
}

async function main(): Promise<void> {
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const raw = await mkdtemp(join(tmpdir(), 'histories-'));
  const given = process.argv.slice(2);
  const names = given.length > 0 ? given : TESTS.map((name) => `test/integration/${name}.test.ts`);
  const env = { ...process.env, RECORD_HISTORIES: raw };
  const { status } = spawnSync('npx', ['jest', '--maxWorkers=2', ...names], { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) throw new Error('The tests failed, so nothing was recorded.');
  const recorded = fewest(await candidates(raw));
  await rm(raw, { recursive: true });
  const folder = join(ROOT, 'test/replay/histories', version);
  await mkdir(folder, { recursive: true });
  for (const file of await readdir(folder)) {
    if (given.length === 0 || given.some((name) => file.startsWith(`${testOf(name)}.`))) await rm(join(folder, file));
  }
  const numbers = new Map<string, number>();
  for (const { name, text } of recorded) {
    const number = (numbers.get(name) ?? 0) + 1;
    numbers.set(name, number);
    await writeFile(join(folder, `${name}-${String(number)}.json.gz`), gzipSync(text, { level: 9 }));
  }
  if (given.length > 0) {
    console.log(`${String(recorded.length)} histories: ${folder}`);
    return;
  }
  const bundle = await readFile(join(ROOT, 'dist/workflow-bundle.js'), 'utf8');
  const code = bundle.slice(0, bundle.lastIndexOf('//# sourceMappingURL'));
  await writeFile(join(folder, 'workflow-bundle.js.gz'), gzipSync(code, { level: 9 }));
  console.log(`${String(recorded.length)} histories and the workflow bundle: ${folder}`);
}

/** Reads the histories of runs that have ended, and of ledgers, which never end. */
async function candidates(raw: string): Promise<Candidate[]> {
  const read = (await readdir(raw)).map(async (file): Promise<Candidate[]> => {
    const text = withoutNames(await readFile(join(raw, file), 'utf8'));
    const stored = JSON.parse(text) as StoredHistory;
    const { type } = startOf(stored);
    const isOpen = !/EXECUTION_(COMPLETED|FAILED|CANCELED|CONTINUED)/.test(stored.events.at(-1)?.eventType ?? '');
    if (text.length > (type === 'fleet' ? MAX_FLEET_BYTES : MAX_BYTES) || (isOpen && type !== 'ledger')) return [];
    const test = file.slice(0, file.indexOf('.'));
    return [{ name: `${test}.${type}`, text, shape: await shapeOf(stored) }];
  });
  return (await Promise.all(read)).flat();
}

/** Returns the name of a test by the path of its file. */
function testOf(path: string): string {
  return basename(path, '.test.ts');
}

/** Returns few histories that together show all that the given ones show. */
function fewest(all: readonly Candidate[]): Candidate[] {
  const missing = new Set(all.flatMap(({ shape }) => [...shape]));
  const count = ({ shape }: Candidate): number => [...shape].filter((part) => missing.has(part)).length;
  const chosen: Candidate[] = [];
  while (missing.size > 0) {
    let best = all[0];
    for (const one of all) if (best === undefined || count(one) > count(best)) best = one;
    if (best === undefined) break;
    for (const part of best.shape) missing.delete(part);
    chosen.push(best);
  }
  return chosen.sort((a, b) => a.name.localeCompare(b.name));
}

/** Replaces names of processes, folders and machines, in payloads too. */
function withoutNames(text: string): string {
  const replace = (value: string): string =>
    PRIVATE.reduce((result, [pattern, replacement]) => result.replace(pattern, replacement), value);
  const clean = (key: string, value: Json): Json => {
    if (typeof value !== 'string') return value;
    if (key !== 'data') return replace(value);
    const payload = Buffer.from(value, 'base64');
    const original = payload.toString();
    // Compressed payloads are not text.
    const isText = Buffer.from(original).equals(payload);
    return isText ? Buffer.from(replace(original)).toString('base64') : value;
  };
  return JSON.stringify(JSON.parse(text, clean as (key: string, value: unknown) => unknown));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
