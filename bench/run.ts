// Measures applies against a bare script and against peers, side by side in one run; see docs/performance.md, which it
// writes.
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as prettier from 'prettier';
import { isFree } from '../src/embedded/ports.js';
import { play } from './cases.js';
import type { Round } from './cases.js';
import { LATENCY_TRUE, LOOPBACK } from './conditions.js';
import { bare, boto3, embedded, warm, WARM } from './contender.js';
import type { Contender } from './contender.js';
import { seriesOf, spreadOf } from './figures.js';
import type { CaseName, Sample } from './figures.js';
import { findPeers, peersLeftOut } from './peers.js';
import { renderPage } from './render.js';
import type { History, Results } from './results.js';
import { historyOf, soak } from './scale.js';
import { Stage } from './stage.js';
import { sizeOf, startsOf } from './starts.js';
import { callTargets, targetsOf } from './targets.js';
import { msText } from './text.js';
import { mixed, rolesOf, tenEntitiesOf } from './workload.js';

const { values: options } = parseArgs({
  options: {
    /** Calls of this project and of the bare script, checked against their targets; no page is written. */
    quick: { type: 'boolean', default: false },
    /** `yes` installs and measures peers, which needs package registries. */
    peers: { type: 'string', default: 'yes' },
    repeats: { type: 'string', default: '3' },
    roles: { type: 'string', default: '50' },
    'more-roles': { type: 'string', default: '500' },
    /** The number of roles for peers that take long for each. */
    'few-roles': { type: 'string', default: '5' },
    /** The number of roles for runs with nothing to do. */
    'many-roles': { type: 'string', default: '1000' },
    'most-roles': { type: 'string', default: '5000' },
    'soak-runs': { type: 'string', default: '200' },
    /** The path of the page. Its pictures are in a folder beside it. */
    page: { type: 'string', default: resolve(__dirname, '../docs/performance.md') },
  },
});

/** The default port of a Temporal server. */
const DEFAULT_PORT = 7233;

const ALL: readonly CaseName[] = ['fresh', 'nothing to do', 'one drift', 'state lost', 'ten at once'];
const ONE_PIPELINE = ALL.filter((name) => name !== 'ten at once');

const startedAt = performance.now();

/** Prints progress with the time since the start. */
function printProgress(line: string): void {
  const seconds = (performance.now() - startedAt) / 1_000;
  console.log(
    `${String(Math.floor(seconds / 60)).padStart(3)}:${String(Math.floor(seconds % 60)).padStart(2, '0')} ${line}`,
  );
}

/** Returns the rounds of the full benchmark, the shortest first. */
function roundsOf(stage: Stage, peers: readonly Contender[], repeats: number): Round[] {
  const roles = rolesOf(Number(options.roles));
  const more = rolesOf(Number(options['more-roles']));
  const [us, floor, python] = [warm(stage), bare(stage), boto3(stage)];
  const quickPeers = peers.filter(({ isSlow }) => isSlow !== true);
  return [
    { workload: roles, condition: LOOPBACK, cases: ALL, contenders: [us, floor, python, embedded(stage)], repeats },
    { workload: roles, condition: LOOPBACK, cases: ALL, contenders: quickPeers, repeats: 1 },
    {
      workload: rolesOf(Number(options['few-roles'])),
      condition: LOOPBACK,
      cases: ALL,
      contenders: [us, floor, python, ...peers],
      repeats: 1,
    },
    { workload: more, condition: LOOPBACK, cases: ONE_PIPELINE, contenders: [us, floor], repeats },
    { workload: more, condition: LOOPBACK, cases: ONE_PIPELINE, contenders: [python, ...quickPeers], repeats: 1 },
    { workload: more, condition: LOOPBACK, cases: ['ten at once'], contenders: [us], repeats: 1 },
    { workload: roles, condition: LATENCY_TRUE, cases: ONE_PIPELINE, contenders: [us, floor], repeats },
    {
      workload: roles,
      condition: LATENCY_TRUE,
      cases: ONE_PIPELINE,
      contenders: [python, ...quickPeers],
      repeats: 1,
    },
    { workload: mixed(), condition: LOOPBACK, cases: ONE_PIPELINE, contenders: [us], repeats },
    { workload: tenEntitiesOf(), condition: LOOPBACK, cases: ['fresh'], contenders: [embedded(stage)], repeats },
    {
      workload: rolesOf(Number(options['many-roles'])),
      condition: LOOPBACK,
      // The account is filled without an apply, in the state in which an apply would leave it.
      cases: ['state lost', ...Array.from({ length: repeats }, (): CaseName => 'nothing to do'), 'one drift'],
      contenders: [us],
      repeats: 1,
    },
    {
      workload: rolesOf(Number(options['most-roles'])),
      condition: LOOPBACK,
      cases: ['fresh', 'nothing to do', 'one drift'],
      contenders: [us],
      repeats: 1,
    },
  ];
}

function quickRounds(stage: Stage): Round[] {
  const workload = rolesOf(Number(options.roles));
  return [{ workload, condition: LOOPBACK, cases: ALL, contenders: [warm(stage), bare(stage)], repeats: 1 }];
}

async function main(): Promise<void> {
  const repeats = options.quick ? 1 : Number(options.repeats);
  const cores = availableParallelism();
  const load = (loadavg()[0] ?? 0) / cores;
  const samples: Sample[] = [];
  const reads = new Map<string, number[]>();
  const histories = new Map<string, History>();
  let rest: Pick<Results, 'starts' | 'absent'> & Partial<Pick<Results, 'size' | 'soak'>> = { starts: {}, absent: [] };

  // An embedded run would use a server that listens there.
  if (!options.quick && !(await isFree(DEFAULT_PORT))) {
    throw new Error(
      `port ${String(DEFAULT_PORT)}, the default of a Temporal server, is in use: stop the process that listens there`,
    );
  }
  const stage = await Stage.start();
  let rounds: Round[] = [];
  try {
    printProgress('emulator, proxy, Temporal and a worker are running');
    const { peers, absent } =
      options.quick || options.peers === 'no'
        ? { peers: [], absent: peersLeftOut() }
        : await findPeers(stage, printProgress);
    rounds = options.quick ? quickRounds(stage) : roundsOf(stage, peers, repeats);
    if (!options.quick) {
      const starts = await startsOf(stage, rolesOf(Number(options.roles)), repeats);
      printProgress(
        `starts: ${Object.entries(starts)
          .map(([what, { median }]) => `${what} ${msText(median)}`)
          .join(', ')}`,
      );
      const size = await sizeOf();
      printProgress('packed and installed');
      rest = { starts, absent, size };
    }
    await play(stage, rounds, async (sample, complaints) => {
      samples.push(sample);
      const { contender, workload, condition, name, ms, exitCodes, asDeclared } = sample;
      const hasFailed = exitCodes.some((code) => code !== 0) || !asDeclared;
      const end = hasFailed ? `, exit codes ${exitCodes.join(' ')}, ${asDeclared ? '' : 'not '}as declared` : '';
      printProgress(`${workload}, ${condition}, ${name}: ${contender} ${msText(ms)}${end}`);
      if (complaints !== '') console.log(complaints.split('\n').slice(-12).join('\n'));
      if (options.quick || contender !== WARM || condition !== 'loopback') return;
      if (name === 'nothing to do') {
        reads.set(workload, [...(reads.get(workload) ?? []), await stage.readsAgainMs()]);
      }
      if (name === 'fresh' || name === 'nothing to do') {
        histories.set(`${workload}/${name}`, { workload, name, ...(await historyOf(stage)) });
      }
    });
    if (!options.quick) {
      const runs = Number(options['soak-runs']);
      const soaked = await soak(stage, rolesOf(Number(options['few-roles'])), runs);
      printProgress(`${String(runs)} runs of one worker`);
      rest = { ...rest, ...(soaked === undefined ? {} : { soak: soaked }) };
    }
  } finally {
    await stage.stop();
  }

  const contenders = rounds.flatMap((round) => round.contenders);
  const results: Results = {
    machine: { cores, node: process.versions.node, platform: `${process.platform} ${process.arch}`, load },
    at: new Date().toISOString(),
    ms: performance.now() - startedAt,
    repeats,
    contenders: [...new Map(contenders.map(({ name, what, role }) => [name, { name, what, role }])).values()],
    workloads: [...new Map(rounds.map(({ workload }) => [workload.name, workload])).values()].map(
      ({ name, roles }) => ({ name, roles: roles.length }),
    ),
    series: seriesOf(samples),
    reads: [...reads].map(([workload, ms]) => ({ workload, ms: spreadOf(ms) })),
    histories: [...histories.values()],
    ...rest,
  };
  if (options.quick) check(results);
  else await keep(results, samples);
}

/** Prints the result of each target of calls, and fails where one is missed. */
function check(results: Results): void {
  const targets = callTargets(results);
  for (const { what, most, measured, met } of targets)
    console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured} (${most})`);
  if (targets.some(({ met }) => !met)) process.exitCode = 1;
}

/** Writes the page, its pictures and the figures, and prints the result of each target. */
async function keep(results: Results, samples: readonly Sample[]): Promise<void> {
  const page = resolve(options.page);
  const images = join(dirname(page), 'images');
  const folder = resolve(__dirname, 'results');
  const figures = join(folder, `${results.at.replaceAll(':', '-')}.json`);
  const style = await prettier.resolveConfig(page);
  const pretty = (text: string, filepath: string): Promise<string> => prettier.format(text, { ...style, filepath });
  await mkdir(folder, { recursive: true });
  await mkdir(images, { recursive: true });
  const targets = targetsOf(results);
  await writeFile(figures, await pretty(JSON.stringify({ ...results, targets, samples }), figures));
  const { text, images: pictures } = renderPage(results, {
    limits: await remark('limits.json'),
    ideas: await remark('ideas.json'),
    fleets: await remark('fleets.json'),
  });
  await writeFile(page, await pretty(text, page));
  for (const file of await readdir(images)) if (/^performance-.*\.svg$/.test(file)) await rm(join(images, file));
  for (const [file, svg] of Object.entries(pictures)) await writeFile(join(images, file), svg);
  for (const { what, most, measured, met } of targets) {
    console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured} (at most ${most})`);
  }
  console.log(`\n${page}\n${figures}`);
}

async function remark<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(resolve(__dirname, file), 'utf8')) as T;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
