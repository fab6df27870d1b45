// Puts the chapters that chaos tests have kept in a folder into docs/reliability.json; other chapters stay as they are.
// The long form is that of `npm run chaos`; `npm test` runs the short one, and keeps it where IAM_BOOTSTRAP_RECORDS is set.
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const record = new URL('../docs/reliability.json', import.meta.url);

const kept = await readFile(record, 'utf8').then(JSON.parse, () => ({ chapters: [] }));
const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
const fresh = await Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8'))));
const run = {
  date: new Date().toISOString().slice(0, 10),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  node: process.versions.node,
  cpus: availableParallelism(),
  form: process.env.IAM_BOOTSTRAP_CHAOS === 'long' ? 'long' : 'short',
};
const chapters = new Map(kept.chapters.map((chapter) => [chapter.id, chapter]));
for (const chapter of fresh) chapters.set(chapter.id, { ...chapter, run });
const sorted = [...chapters.values()].sort((a, b) => a.id.localeCompare(b.id));
await writeFile(record, `${JSON.stringify({ chapters: sorted }, null, 2)}\n`);
