// Measures applies against a bare script and against peers, side by side in one run; see docs/performance.md, which it
// writes.
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { isFree } from '../src/embedded/ports.js';
import { play } from './cases.js';
import type { Round } from './cases.js';
import { LATENCY_TRUE, LOOPBACK } from './conditions.js';
import { bare, boto3, embedded, warm, WARM } from './contender.js';
import type { Contender } from './contender.js';
import type { FleetResults } from './fleet-figures.js';
import { seriesOf, spreadOf } from './figures.js';
import type { CaseName, Sample } from './figures.js';
import { keepFigures, readRemark, writePages } from './page.js';
import { partsOf } from './parts.js';
import { findPeers, peersLeftOut } from './peers.js';
import type { History, Results } from './results.js';
import { historyOf, soak } from './scale.js';
import { Stage } from './stage.js';
import { installedOf, startsOf } from './starts.js';
import { callTargets, targetsOf } from './targets.js';
import type { Target } from './targets.js';
import { msText } from './text.js';
import { mixed, policiesOf, rolesOf, tenEntitiesOf } from './workload.js';

const { values: options } = parseArgs({
  options: {
    /** Calls of this project and of the bare script, checked against their targets; no page is written. */
    quick: { type: 'boolean', default: false },
    /** Measures nothing, and writes the pages again from the figures that were kept. */
    page: { type: 'boolean', default: false },
    /** `yes` installs and measures peers, which needs package registries. */
    peers: { type: 'string', default: 'yes' },
    /** `yes` measures other versions of Node.js and Temporal's own server too. */
    parts: { type: 'string', default: 'yes' },
    repeats: { type: 'string', default: '3' },
    roles: { type: 'string', default: '50' },
    'more-roles': { type: 'string', default: '500' },
    /** The number of roles for peers that take long for each. */
    'few-roles': { type: 'string', default: '5' },
    /** The number of roles for runs with nothing to do. */
    'many-roles': { type: 'string', default: '1000' },
    'most-roles': { type: 'string', default: '5000' },
    'soak-runs': { type: 'string', default: '1000' },
    /** The folder of the page. Its tables and pictures are in folders beside it. */
    docs: { type: 'string', default: resolve(__dirname, '../docs') },
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

/** Returns the rounds of the full benchmark, those where AWS takes its time first. */
function roundsOf(stage: Stage, peers: readonly Contender[], repeats: number): Round[] {
  const roles = rolesOf(Number(options.roles));
  const [us, floor, python] = [warm(stage), bare(stage), boto3(stage)];
  const others = [python, ...peers.filter(({ isSlow }) => isSlow !== true)];
  const quickStarters = others.filter(({ startsSlowly }) => startsSlowly !== true);
  const slowStarters = others.filter(({ startsSlowly }) => startsSlowly === true);
  const again = { repeats, repeated: ['fresh'] as const };
  const cases: readonly CaseName[] = ['fresh', 'fresh again', 'nothing to do', 'one drift', 'state lost'];
  return [
    { workload: roles, condition: LATENCY_TRUE, cases, contenders: [us, floor], ...again },
    { workload: roles, condition: LATENCY_TRUE, cases: ONE_PIPELINE, contenders: others, repeats: 1 },
    { workload: roles, condition: LOOPBACK, cases: ALL, contenders: [us, floor, embedded(stage)], repeats },
    { workload: roles, condition: LOOPBACK, cases: ALL, contenders: quickStarters, repeats: 1 },
    { workload: roles, condition: LOOPBACK, cases: ONE_PIPELINE, contenders: slowStarters, repeats: 1 },
    {
      workload: rolesOf(Number(options['few-roles'])),
      condition: LOOPBACK,
      cases: ALL,
      contenders: [us, floor, ...quickStarters, ...peers.filter(({ isSlow }) => isSlow === true)],
      repeats: 1,
    },
    {
      workload: rolesOf(Number(options['more-roles'])),
      condition: LOOPBACK,
      cases: ONE_PIPELINE,
      contenders: [us, floor],
      ...again,
      repeats: Math.min(2, repeats),
    },
    { workload: mixed(), condition: LOOPBACK, cases: ONE_PIPELINE, contenders: [us], repeats: 1 },
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
      workload: policiesOf(Number(options['most-roles'])),
      condition: LOOPBACK,
      cases: ['state lost', 'nothing to do'],
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

/** The figures of rounds, and what is looked at after each case. */
class Notes {
  readonly samples: Sample[] = [];
  readonly reads = new Map<string, number[]>();
  readonly histories = new Map<string, History>();
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async take(sample: Sample, complaints: string): Promise<void> {
    this.samples.push(sample);
    const { contender, workload, condition, name } = sample;
    printProgress(sampleText(sample));
    if (complaints !== '') console.log(complaints.split('\n').slice(-12).join('\n'));
    if (options.quick || contender !== WARM || condition !== 'loopback') return;
    if (name === 'nothing to do') {
      this.reads.set(workload, [...(this.reads.get(workload) ?? []), await this.#stage.readsAgainMs()]);
    }
    if (name === 'fresh' || name === 'nothing to do') {
      this.histories.set(`${workload}/${name}`, { workload, name, ...(await historyOf(this.#stage)) });
    }
  }
}

function sampleText({
  contender,
  workload,
  condition,
  name,
  ms,
  worker,
  server,
  exitCodes,
  asDeclared,
}: Sample): string {
  const hasFailed = exitCodes.some((code) => code !== 0) || !asDeclared;
  return [
    `${workload}, ${condition}, ${name}: ${contender} ${msText(ms)}`,
    ...(worker === undefined ? [] : [`worker ${msText(worker.cpuMs)}`]),
    ...(server === undefined ? [] : [`server ${msText(server.cpuMs)}`]),
    ...(hasFailed ? [`exit codes ${exitCodes.join(' ')}, ${asDeclared ? '' : 'not '}as declared`] : []),
  ].join(', ');
}

/** Does a part of the benchmark, whose failure leaves the others: the page names it as not measured. */
async function attempt(absent: Absent[], name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error);
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    absent.push({ name, reason });
    process.exitCode = 1;
  }
}

type Absent = Results['absent'][number];

/** The figures beside those of rounds. */
type Rest = Pick<Results, 'starts' | 'parts' | 'absentParts'> & Partial<Pick<Results, 'installed' | 'soak'>>;

async function measureRest(stage: Stage, repeats: number, absent: Absent[]): Promise<Rest> {
  const [roles, few] = [rolesOf(Number(options.roles)), rolesOf(Number(options['few-roles']))];
  let rest: Rest = { starts: {}, parts: [], absentParts: [] };
  await attempt(absent, 'starts', async () => {
    rest = { ...rest, starts: await startsOf(stage, roles, repeats) };
    printProgress('starts are measured');
  });
  await attempt(absent, 'the package installed from npm', async () => {
    rest = { ...rest, installed: await installedOf(stage, roles) };
    printProgress('packed and installed');
  });
  await attempt(absent, 'many runs of one worker', async () => {
    const runs = Number(options['soak-runs']);
    const soaked = await soak(stage, few, runs);
    rest = { ...rest, ...(soaked === undefined ? {} : { soak: soaked }) };
    printProgress(`${String(runs)} runs of one worker`);
  });
  if (options.parts === 'yes') {
    const parts = await partsOf(stage, { roles: Number(options.roles), repeats, announce: printProgress });
    rest = { ...rest, ...parts };
  }
  return rest;
}

/** The machine before anything is measured. */
function machineOf(): Results['machine'] {
  const cores = availableParallelism();
  return {
    cores,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: __dirname, encoding: 'utf8' }).trim(),
    load: (loadavg()[0] ?? 0) / cores,
  };
}

async function main(): Promise<void> {
  if (options.page) {
    await writePages(options.docs);
    return;
  }
  // An embedded run would use a server that listens there.
  if (!options.quick && !(await isFree(DEFAULT_PORT))) {
    throw new Error(
      `port ${String(DEFAULT_PORT)}, the default of a Temporal server, is in use: stop the process that listens there`,
    );
  }
  const results = await measureAll();
  if (options.quick) {
    printTargets(callTargets(results));
    if (callTargets(results).some(({ met }) => !met)) process.exitCode = 1;
    return;
  }
  await keepFigures('results.json', results);
  await writePages(options.docs);
  printTargets(targetsOf(results, await readRemark<FleetResults[]>('fleets.json')));
  console.log(`\n${options.docs}/performance.md`);
}

async function measureAll(): Promise<Results> {
  const repeats = options.quick ? 1 : Number(options.repeats);
  const machine = machineOf();
  const at = new Date().toISOString();
  const stage = await Stage.start();
  const notes = new Notes(stage);
  const absent: Absent[] = [];
  let rounds: Round[] = [];
  let rest: Rest = { starts: {}, parts: [], absentParts: [] };
  try {
    printProgress(`emulator, proxy, Temporal and a worker are running, on Node ${process.versions.node}`);
    if (options.quick) rounds = quickRounds(stage);
    else {
      const found =
        options.peers === 'no' ? { peers: [], absent: peersLeftOut() } : await findPeers(stage, printProgress);
      absent.push(...found.absent);
      rounds = roundsOf(stage, found.peers, repeats).filter(({ contenders }) => contenders.length > 0);
    }
    for (const round of rounds) {
      const name = `${round.workload.name}, ${round.condition.name}: ${round.contenders.map((one) => one.name).join(', ')}`;
      await attempt(absent, name, () => play(stage, [round], notes.take.bind(notes)));
    }
    if (!options.quick) rest = await measureRest(stage, repeats, absent);
  } finally {
    await stage.stop();
  }
  const contenders = rounds.flatMap((round) => round.contenders);
  return {
    machine,
    at,
    ms: performance.now() - startedAt,
    repeats,
    contenders: [...new Map(contenders.map(({ name, what, role }) => [name, { name, what, role }])).values()],
    absent,
    workloads: [...new Map(rounds.map(({ workload }) => [workload.name, workload])).values()].map(
      ({ name, entities, writes }) => ({ name, entities: entities.length, writes }),
    ),
    series: seriesOf(notes.samples),
    reads: [...notes.reads].map(([workload, ms]) => ({ workload, ms: spreadOf(ms) })),
    histories: [...notes.histories.values()],
    ...rest,
  };
}

/** Prints the result of each target. */
function printTargets(targets: readonly Target[]): void {
  for (const { rule, of, most, measured, met } of targets) {
    console.log(`${met ? 'met   ' : 'MISSED'} ${rule}: ${of}: ${measured} (at most ${most})`);
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
