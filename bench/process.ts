import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A program to run. */
export interface Command {
  /** The program and its arguments. */
  readonly line: readonly string[];
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** The result and the resources of a process, with the children that it waited for. */
export interface Ended {
  readonly ms: number;
  readonly cpuMs: number;
  /** The peak memory of the largest process. */
  readonly peakRssBytes: number;
  /** Negative: the signal that ended it. */
  readonly exitCode: number;
  /** The last part of its standard output and standard error. */
  readonly said: string;
}

const MEASURED = resolve(__dirname, 'measured.py');

/** A command that takes longer has gone wrong. */
const TIMEOUT_MS = 1_200_000;

/** Runs a command and measures it. The measuring process is not in the figures. */
export async function measured(python: string, { line, env, cwd }: Command): Promise<Ended> {
  const figures = join(tmpdir(), `iam-bootstrap-bench-${randomUUID()}.json`);
  try {
    const said = await new Promise<string>((done, fail) => {
      const options = { env, cwd, timeout: TIMEOUT_MS, maxBuffer: 256 * 1024 * 1024 };
      execFile(python, [MEASURED, figures, ...line], options, (error, stdout, stderr) => {
        const last = `${stdout.slice(-2_000)}${stderr.slice(-2_000)}`;
        if (error === null) done(last);
        else fail(new Error(`${line.join(' ')}: ${error.message}\n${last}`));
      });
    });
    return { ...(JSON.parse(await readFile(figures, 'utf8')) as Omit<Ended, 'said'>), said };
  } finally {
    await rm(figures, { force: true });
  }
}

/** Returns the resources that a running process has used so far. Only Linux reports them. */
export interface Standing {
  readonly cpuMs: number;
  readonly rssBytes: number;
  /** The most since {@link forgetPeak}, or else since it began. */
  readonly peakRssBytes: number;
}

/** The unit in which the kernel counts processor time, in milliseconds. */
const TICK_MS = 10;

/** Looks at a process; undefined where the system does not show it. */
export async function standingOf(pid: number): Promise<Standing | undefined> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${String(pid)}/stat`, 'utf8'),
      readFile(`/proc/${String(pid)}/status`, 'utf8'),
    ]);
    // What follows the name, which may hold anything: the state is the third field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
      rssBytes: kilobytes('VmRSS') * 1024,
      peakRssBytes: kilobytes('VmHWM') * 1024,
    };
  } catch {
    return undefined;
  }
}

/** Lets a process's peak memory begin anew. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${String(pid)}/clear_refs`, '5').catch(() => undefined);
}

/** Returns the processor time of a process and of all children that it has or had, in milliseconds; 0 where the system does not show it. */
export async function treeCpuMs(pid: number): Promise<number> {
  const timesOf = async (one: number | string): Promise<readonly number[]> => {
    const stat = await readFile(`/proc/${String(one)}/stat`, 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [11, 12, 13, 14].map((index) => Number(fields[index] ?? '0') * TICK_MS);
  };
  const children = await readFile(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').catch(() => '');
  const all = [await timesOf(pid), ...(await Promise.all(children.split(' ').filter(Boolean).map(timesOf)))];
  return all.flat().reduce((sum, ms) => sum + ms, 0);
}
