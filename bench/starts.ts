import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CLI } from '../test/support/world.js';
import { manifests } from './contender.js';
import { spreadOf } from './figures.js';
import { measured } from './process.js';
import type { Results } from './results.js';
import type { Stage } from './stage.js';
import type { Workload } from './workload.js';

const execFileAsync = promisify(execFile);

const ROOT = resolve(__dirname, '..');

/** Times of a start are short, and are taken more often. */
const SHORT = 10;

/** Measures starts: of Node alone, of the command line, of a worker, and of a plan where there is nothing to do. */
export async function startsOf(stage: Stage, workload: Workload, repeats: number): Promise<Results['starts']> {
  const run = async (...line: readonly string[]): Promise<number> => {
    const { ms, exitCode, said } = await measured(stage.python, { line, env: stage.env, cwd: stage.directory });
    if (exitCode !== 0) throw new Error(`${line.join(' ')} ended with ${String(exitCode)}: ${said}`);
    return ms;
  };
  await stage.empty(workload);
  await stage.fill(workload);
  const plan = [process.execPath, CLI, 'plan', ...(await manifests(stage, workload)), '--quiet'];
  // The first plan of a worker is not what is meant.
  await run(...plan);
  return {
    node: spreadOf(await times(SHORT, () => run(process.execPath, '-e', '0'))),
    '--version': spreadOf(await times(SHORT, () => run(process.execPath, CLI, '--version'))),
    '--help': spreadOf(await times(SHORT, () => run(process.execPath, CLI, '--help'))),
    plan: spreadOf(await times(repeats, () => run(...plan))),
    worker: spreadOf(await times(repeats, () => stage.restartWorker())),
  };
}

async function times(count: number, measure: () => Promise<number>): Promise<number[]> {
  const all: number[] = [];
  for (let index = 0; index < count; index += 1) all.push(await measure());
  return all;
}

/** Packs the project as npm would publish it, and installs that into an empty folder, without what is for development. */
export async function sizeOf(): Promise<NonNullable<Results['size']>> {
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
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
