// Measures fleets: one manifest for many accounts, against the same runs one after another without a fleet.
// bench/fleet.ts ACCOUNTS ENTITIES MANY...: a fleet of ACCOUNTS with ENTITIES each, and fleets of MANY accounts each in
// which there is nothing to do. --record keeps the figures and writes
// the pages about performance.
import { execFileSync } from 'node:child_process';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { TokenBucket } from './conditions.js';
import type { FleetCase, FleetResults } from './fleet-figures.js';
import { FleetStage, type MeasuredFleet } from './fleet-stage.js';
import { keepFigures, readRemark, writePages } from './page.js';
import { fleetCaseText, fleetTargets, isCompared } from './fleet-targets.js';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    /** Keeps the figures in fleets.json, in place of those of the same command, and writes the page. */
    record: { type: 'boolean', default: false },
    /** Entities of each of many accounts. */
    few: { type: 'string', default: '3' },
    /** Skips the cases of the first fleet. */
    'only-many': { type: 'boolean', default: false },
  },
});

const [accounts = 5, entities = 4, ...sizes] = positionals.map(Number);
const many = positionals.length < 3 ? [8] : sizes;

/** Calls a second that the throttled account is allowed. */
const PER_SECOND = 2;

/** Accounts that cannot be entered. */
const BARRED = 3;

const startedAt = performance.now();

function printProgress(line: string): void {
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(5)} s  ${line}`);
}

const fleetOf = (name: string): MeasuredFleet => ({
  name,
  accounts: Array.from({ length: accounts }, (_, index) => String(300_000_000_001 + index)),
  entities,
});

/** Runs one case after the other. */
class Cases {
  readonly done: FleetCase[] = [];
  readonly #stage: FleetStage;

  constructor(stage: FleetStage) {
    this.#stage = stage;
  }

  async play(work: Promise<FleetCase>): Promise<void> {
    const one = await work;
    this.done.push(one);
    printProgress(fleetCaseText(one));
  }

  async fleet(): Promise<void> {
    const stage = this.#stage;
    for (const [prefix, run] of [
      ['one after another', stage.applyEach.bind(stage)],
      ['fleet', stage.applyFleet.bind(stage)],
    ] as const) {
      const measured = fleetOf(prefix.replaceAll(' ', '-'));
      await this.#renew();
      await this.play(run(`${prefix}, fresh`, measured));
      await this.play(run(`${prefix}, nothing to do`, measured));
    }
    await this.#renew();
    const bucket = new TokenBucket({ perSecond: PER_SECOND, burst: PER_SECOND }, performance.now());
    stage.throttle(throttledAccount(), () => bucket.take(performance.now()));
    await this.play(stage.applyFleet('fleet, one account throttled', fleetOf('throttled')));
    await this.#renew();
    stage.bar(fleetOf('barred').accounts.slice(0, BARRED));
    await this.play(stage.applyFleet('fleet, three accounts barred', fleetOf('barred'), { maxFailures: BARRED }));
    stage.clearFaults();
  }

  async many(count: number): Promise<void> {
    const stage = this.#stage;
    await this.#renew();
    const organization = await stage.organization(count);
    const measured = { name: `many-${String(count)}`, entities: Number(options.few), ...organization };
    await stage.fill(measured);
    printProgress(`${String(count)} accounts are filled`);
    await this.play(stage.applyFleet('many, nothing to do', measured));
  }

  async #renew(): Promise<void> {
    this.#stage.clearFaults();
    await this.#stage.empty();
    await this.#stage.renewWorker();
  }
}

/** The first account of the fleet: it takes one of the places from the beginning. */
function throttledAccount(): string {
  return fleetOf('').accounts[0] ?? '';
}

async function main(): Promise<void> {
  const cores = availableParallelism();
  const load = (loadavg()[0] ?? 0) / cores;
  const stage = await FleetStage.start();
  const cases = new Cases(stage);
  try {
    if (!options['only-many']) await cases.fleet();
    for (const count of many) await cases.many(count);
  } finally {
    await stage.stop();
  }
  const results: FleetResults = {
    at: new Date().toISOString(),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: __dirname, encoding: 'utf8' }).trim(),
    command: ['bench/fleet.ts', ...process.argv.slice(2).filter((argument) => argument !== '--record')].join(' '),
    machine: { cores, node: process.versions.node, platform: `${process.platform} ${process.arch}`, load },
    cases: cases.done,
    throttled: { account: throttledAccount(), perSecond: PER_SECOND },
  };
  const targets = fleetTargets(results);
  for (const { what, most, measured, met } of targets) {
    console.log(`${met ? 'met   ' : 'MISSED'} ${what}: ${measured} (at most ${most})`);
  }
  if (options.record) await record(results);
  if (targets.some(({ met }) => !met)) process.exitCode = 1;
}

async function record(results: FleetResults): Promise<void> {
  const kept = await readRemark<FleetResults[]>('fleets.json');
  // Thousands of lines: the targets use those of two cases.
  const cases = results.cases.map((one) => (isCompared(one) ? one : { ...one, ends: {} }));
  await keepFigures('fleets.json', [
    ...kept.filter(({ command }) => command !== results.command),
    { ...results, cases },
  ]);
  await writePages();
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
