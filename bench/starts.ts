import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CLI } from '../test/support/world.js';
import { manifests } from './contender.js';
import { spreadOf } from './figures.js';
import type { Spread } from './figures.js';
import { measured } from './process.js';
import type { Results } from './results.js';
import type { Stage } from './stage.js';
import type { Workload } from './workload.js';

const execFileAsync = promisify(execFile);

const ROOT = resolve(__dirname, '..');

/** Times of a start are short, and are taken more often. */
const SHORT = 10;

/** Starts after a first one. */
const LATER = 5;

/** Runs a command and returns its time, in milliseconds. It has to succeed. */
async function timed({ python, directory }: Stage, line: readonly string[], env: Stage['env']): Promise<number> {
  const { ms, exitCode, said } = await measured(python, { line, env, cwd: directory });
  if (exitCode !== 0) throw new Error(`${line.join(' ')} ended with ${String(exitCode)}: ${said}`);
  return ms;
}

/** Measures starts of the command line and of a worker. */
export async function shortStartsOf(stage: Stage, repeats: number): Promise<Results['starts']> {
  const run = (...line: readonly string[]): Promise<number> => timed(stage, [process.execPath, ...line], stage.env);
  await run(CLI, '--version');
  return {
    node: spreadOf(await times(SHORT, () => run('-e', '0'))),
    '--version': spreadOf(await times(SHORT, () => run(CLI, '--version'))),
    '--help': spreadOf(await times(SHORT, () => run(CLI, '--help'))),
    worker: spreadOf(await times(repeats, () => stage.restartWorker())),
  };
}

/** Measures starts of the command line and of a worker, and a plan where there is nothing to do. */
export async function startsOf(stage: Stage, workload: Workload, repeats: number): Promise<Results['starts']> {
  const plan = await planOf(stage, workload);
  const run = (): Promise<number> => timed(stage, [process.execPath, CLI, ...plan], stage.env);
  const short = await shortStartsOf(stage, repeats);
  // The first plan of a worker is not what is meant.
  await run();
  return { ...short, plan: spreadOf(await times(repeats, run)) };
}

/** Fills the account, and returns the arguments of a plan that finds nothing to do. */
async function planOf(stage: Stage, workload: Workload): Promise<string[]> {
  await stage.empty(workload);
  await stage.fill(workload);
  return ['plan', ...(await manifests(stage, workload)), '--quiet'];
}

async function times(count: number, measure: () => Promise<number>): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < count; index += 1) all.push(await measure());
  return all;
}

/**
 * Packs the project as npm would publish it, installs that into an empty folder, without what is for development, and
 * measures starts there. The first start of each has no compiled code to begin with.
 */
export async function installedOf(stage: Stage, workload: Workload): Promise<NonNullable<Results['installed']>> {
  const directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-size-'));
  try {
    const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
    const { stdout } = await execFileAsync('npm', pack, { cwd: ROOT });
    const [packed] = JSON.parse(stdout) as { readonly filename: string; readonly size: number }[];
    if (packed === undefined) throw new Error(`npm pack has packed nothing: ${stdout}`);
    const home = join(directory, 'home');
    await mkdir(home);
    await writeFile(join(home, 'package.json'), JSON.stringify({ private: true }));
    const quiet = ['--omit=dev', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
    await execFileAsync('npm', ['install', ...quiet, join(directory, packed.filename)], { cwd: home });
    const { stdout: used } = await execFileAsync('du', ['-sk', join(home, 'node_modules')]);
    const lock = JSON.parse(await readFile(join(home, 'node_modules/.package-lock.json'), 'utf8')) as {
      readonly packages: object;
    };
    return {
      packedBytes: packed.size,
      installedBytes: Number(used.split('\t')[0]) * 1024,
      packages: Object.keys(lock.packages).length,
      starts: await installedStartsOf(stage, workload, home, join(directory, 'cache')),
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function installedStartsOf(
  stage: Stage,
  workload: Workload,
  home: string,
  cache: string,
): Promise<Results['starts']> {
  const plan = await planOf(stage, workload);
  const env = { ...stage.env, IAM_BOOTSTRAP_CACHE: cache };
  const command = join(home, 'node_modules/.bin/iam-bootstrap');
  const run = (...args: readonly string[]): Promise<number> => timed(stage, [command, ...args], env);
  const starts: Record<string, Spread> = {};
  for (const [name, args] of [
    ['--version', ['--version']],
    ['--help', ['--help']],
    ['plan', plan],
  ] as const) {
    await rm(cache, { recursive: true, force: true });
    await mkdir(cache);
    starts[`${name}, first`] = spreadOf([await run(...args)]);
    starts[name] = spreadOf(await times(LATER, () => run(...args)));
  }
  const npx = ['npx', '--no-install', '--prefix', home, 'iam-bootstrap', '--version'];
  starts['npx --version'] = spreadOf(await times(LATER, () => timed(stage, npx, env)));
  return starts;
}
