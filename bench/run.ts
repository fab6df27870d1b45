// Measures an apply against a bare SDK script, side by side in one run; see docs/performance.md, which it writes.
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as prettier from 'prettier';
import { BenchWorld } from './bench-world.js';
import type { Measured } from './bench-world.js';
import { seriesOf, spreadOf } from './figures.js';
import type { CaseName, Contender, Sample } from './figures.js';
import { renderPage } from './render.js';
import { msText, targetsOf } from './targets.js';
import type { Results } from './targets.js';
import { bareRoles } from './workload.js';

/** Times of a start are short, and are taken more often. */
const STARTS = 10;

const { values: options } = parseArgs({
  options: {
    repeats: { type: 'string', default: '3' },
    roles: { type: 'string', default: '50' },
    /** Declared by the run that only asks whether there is something to do. */
    'many-roles': { type: 'string', default: '1000' },
    /** Milliseconds that the proxy adds to each call, once for each comparison. */
    latencies: { type: 'string', default: '0,100' },
  },
});

const samples: Sample[] = [];

/** Keeps a sample, and shows it. */
function note(contender: Contender, name: CaseName, roles: number, latency: number, { ms, calls }: Measured): void {
  samples.push({ contender, name, roles, latency, ms, calls });
  console.log(`${`${String(roles)} roles, ${String(latency)} ms, ${name}:`.padEnd(36)} ${contender} ${msText(ms)}`);
}

const CASES = [
  { name: 'fresh', outcome: 'created' },
  { name: 'nothing to do', outcome: 'unchanged' },
  { name: 'state lost', outcome: 'unchanged' },
] as const;

/** Everybody's turn in an empty account of his own, each case after the other. */
async function compare(world: BenchWorld, roles: number, latency: number, repeat: number): Promise<void> {
  const turns = [
    async () => {
      for (const { name } of CASES) {
        const { processMs, ...measured } = await world.script(bareRoles(roles));
        note('script', name, roles, latency, measured);
        note('script process', name, roles, latency, { ...measured, ms: processMs });
      }
    },
    async () => {
      for (const { name, outcome } of CASES) {
        if (name === 'state lost') await world.loseState();
        note('library', name, roles, latency, await world.library(roles, outcome));
      }
    },
    async () => {
      for (const { name, outcome } of CASES) {
        if (name === 'state lost') await world.loseState();
        note('command line', name, roles, latency, await world.commandLine(roles, outcome));
      }
    },
  ];
  // Nobody is always first.
  for (const turn of turns.keys()) {
    world.setLatency(0);
    await world.emptyAccount();
    world.setLatency(latency);
    await turns[(turn + repeat) % turns.length]?.();
  }
}

/** Many entities that are as they should be. */
async function nothingToDo(world: BenchWorld, roles: number, repeats: number, latencies: number[]): Promise<void> {
  world.setLatency(0);
  await world.emptyAccount();
  await world.script(bareRoles(roles, true), true);
  await world.loseState();
  note('library', 'state lost', roles, 0, await world.library(roles, 'unchanged'));
  for (const latency of latencies) {
    world.setLatency(latency);
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      note('library', 'nothing to do', roles, latency, await world.library(roles, 'unchanged'));
      note('command line', 'nothing to do', roles, latency, await world.commandLine(roles, 'unchanged'));
    }
  }
}

async function times<T>(count: number, measure: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  for (let index = 0; index < count; index += 1) all.push(await measure());
  return all;
}

async function main(): Promise<void> {
  const repeats = Number(options.repeats);
  const roles = Number(options.roles);
  const latencies = options.latencies.split(',').map(Number);
  const cores = availableParallelism();
  const load = (loadavg()[0] ?? 0) / cores;

  const world = await BenchWorld.start();
  try {
    const starts = await times(STARTS, async () => ({ version: await world.versionMs(), node: await world.nodeMs() }));
    const workerStart = spreadOf(await times(repeats, () => world.restartWorker()));
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const latency of latencies) await compare(world, roles, latency, repeat);
    }
    await nothingToDo(world, Number(options['many-roles']), repeats, latencies);

    const platform = `${process.platform} ${process.arch}`;
    await keep({
      machine: { cores, node: process.versions.node, platform, load },
      at: new Date().toISOString(),
      repeats,
      series: seriesOf(samples),
      version: spreadOf(starts.map(({ version }) => version)),
      node: spreadOf(starts.map(({ node }) => node)),
      workerStart,
    });
  } finally {
    await world.stop();
  }
}

/** Writes the page and the figures, and says how the targets fared. */
async function keep(results: Results): Promise<void> {
  const page = resolve(__dirname, '../docs/performance.md');
  const folder = resolve(__dirname, 'results');
  const figures = resolve(folder, `${results.at.replaceAll(':', '-')}.json`);
  const style = await prettier.resolveConfig(page);
  const pretty = (text: string, filepath: string): Promise<string> => prettier.format(text, { ...style, filepath });
  await mkdir(folder, { recursive: true });
  const targets = targetsOf(results);
  await writeFile(figures, await pretty(JSON.stringify({ ...results, targets, samples }), figures));
  const text = await pretty(renderPage(results), page);
  await writeFile(page, text);
  console.log(`\n${text}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
