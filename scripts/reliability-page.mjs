// Writes the tables of docs/reliability.md from the results of chaos tests: node scripts/reliability-page.mjs FOLDER
// Chapters without a result in the folder stay unchanged.
import { execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const [folder] = process.argv.slice(2);
const page = new URL('../docs/reliability.md', import.meta.url);
const CHAPTER = /^<!-- chapter ([\w-]+) -->$/m;

const count = (trials, member) => trials.reduce((sum, trial) => sum + trial[member], 0);
const distinct = (trials, member) => new Set(trials.map((trial) => trial[member])).size;
const cell = (text) => String(text).replaceAll('|', '\\|');
const table = (heads, rows) =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');

/** Returns trials grouped by one of their members, in order of appearance. */
function groupBy(trials, member) {
  const groups = new Map();
  for (const trial of trials) groups.set(trial[member], [...(groups.get(trial[member]) ?? []), trial]);
  return [...groups];
}

/** Returns the text of a chapter. */
function chapterText({ id, title, what, command, trials, figures = [] }, run) {
  const failed = trials.filter(({ cases, survived }) => survived < cases);
  const places = groupBy(trials, 'at').map(([at, group]) => [at, count(group, 'cases'), count(group, 'survived')]);
  const faults = groupBy(trials, 'fault').map(([fault, group]) => [
    fault,
    distinct(group, 'at'),
    count(group, 'cases'),
    count(group, 'survived'),
  ]);
  const parts = [
    `<!-- chapter ${id} -->`,
    `## ${title}`,
    what,
    `\`\`\`sh\n${run.form === 'long' ? command : command.replace('IAM_BOOTSTRAP_CHAOS=long ', '')}\n\`\`\``,
    `The ${run.form} form, run on ${run.date}, commit \`${run.commit}\`, Node ${run.node}, ${run.cpus} cores.`,
    table(['fault', 'places', 'cases', 'survived'], faults),
  ];
  if (failed.length > 0) {
    const rows = failed.map(({ fault, at, cases, survived }) => [fault, at, cases, survived]);
    parts.push('Not survived:', table(['fault', 'at', 'cases', 'survived'], rows));
  }
  if (places.length > 1) {
    const rows = table(['at', 'cases', 'survived'], places);
    parts.push(`<details>\n<summary>By place: ${places.length}</summary>\n\n${rows}\n\n</details>`);
  }
  if (figures.length > 0) {
    const rows = figures.map((figure) => [figure.what, `${figure.value} ${figure.unit}`.trim()]);
    parts.push(table(['also measured', ''], rows));
  }
  return parts.join('\n\n');
}

/** Returns the row of a chapter in the table at the top, read from the text of the chapter. */
function summaryOf(text) {
  const rows = text
    .split('\n\n')
    .find((part) => /^\| fault +\| places/.test(part))
    .split('\n')
    .slice(2)
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  const sum = (column) => rows.reduce((total, row) => total + Number(row[column]), 0);
  const places = /<summary>By place: (\d+)/.exec(text)?.[1] ?? 1;
  return [/^## (.*)$/m.exec(text)[1], rows.length, Number(places), sum(2), sum(3)];
}

const run = {
  date: new Date().toISOString().slice(0, 10),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  node: process.versions.node,
  cpus: availableParallelism(),
  form: process.env.IAM_BOOTSTRAP_CHAOS === 'long' ? 'long' : 'short',
};
const [head, ...parts] = (await readFile(page, 'utf8')).split(CHAPTER);
const chapters = new Map();
for (let i = 0; i < parts.length; i += 2) chapters.set(parts[i], `<!-- chapter ${parts[i]} -->${parts[i + 1]}`);
for (const name of (await readdir(folder)).filter((file) => file.endsWith('.json'))) {
  const chapter = JSON.parse(await readFile(join(folder, name), 'utf8'));
  chapters.set(chapter.id, chapterText(chapter, run));
}
const texts = [...chapters].sort(([a], [b]) => a.localeCompare(b)).map(([, text]) => text.trim());
const rows = texts.map(summaryOf);
const total = ['total', '', '', ...[3, 4].map((column) => rows.reduce((sum, row) => sum + row[column], 0))];
const summary = table(['chapter', 'faults', 'places', 'cases', 'survived'], [...rows, total]);
const top = head.trim().replace(/^\| chapter [^]*?\n(?=\n)/m, () => `${summary}\n`);
const options = { ...(await resolveConfig(page.pathname)), parser: 'markdown' };
await writeFile(page, await format([top, ...texts].join('\n\n'), options));
