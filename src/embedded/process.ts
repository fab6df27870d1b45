import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { hasCode } from './error.js';

const execFileAsync = promisify(execFile);

/** A process beyond doubt: its number alone may have been given to another one since. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
  /** The boot and the PID namespace in which the number holds; constant where there are no such things. */
  readonly machine: string;
}

/** `elsewhere`: the process belongs to another machine, boot or container, so nobody here can tell. */
export type Liveness = 'running' | 'dead' | 'elsewhere';

/** The identity of a living process; `undefined` where there is none. A zombie is dead. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const started = await startTime(pid);
  return started === undefined ? undefined : { pid, started, machine: await thisMachine() };
}

/** The identity of this process. */
export async function identifySelf(): Promise<ProcessIdentity> {
  return (await identify(process.pid)) ?? { pid: process.pid, started: '', machine: await thisMachine() };
}

/** Whether the process of this identity lives. */
export async function liveness(identity: ProcessIdentity): Promise<Liveness> {
  if (identity.machine !== (await thisMachine())) return 'elsewhere';
  return (await startTime(identity.pid)) === identity.started ? 'running' : 'dead';
}

/** Reads an identity that was written as JSON; `undefined` where it is something else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, started, machine } = value as Record<string, unknown>;
    return typeof pid === 'number' && typeof started === 'string' && typeof machine === 'string'
      ? { pid, started, machine }
      : undefined;
  } catch {
    return undefined;
  }
}

/** The command line of a living process; `undefined` where there is none. */
export async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return ps(pid, 'args=');
  const text = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.replaceAll('\0', ' ').trim();
}

/** Ends a process: asks, where there is a grace period, and kills after it. Returns when it is gone. */
export async function terminate(pid: number, graceMs = 0): Promise<void> {
  const identity = await identify(pid);
  if (identity === undefined) return;
  if (graceMs > 0) signal(pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  let asked = true;
  while ((await startTime(pid)) === identity.started) {
    if (asked && Date.now() >= deadline) {
      signal(pid, 'SIGKILL');
      asked = false;
    }
    await sleep(10);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

async function startTime(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') {
    const line = await ps(pid, 'stat=,lstart=');
    return line === undefined || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  }
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  // The command's name, in parentheses, may hold anything; what follows it does not. See proc(5).
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || state === 'Z' || state === 'X' ? undefined : started;
}

async function ps(pid: number, columns: string): Promise<string | undefined> {
  try {
    const { stdout } = await execFileAsync('ps', ['-ww', '-o', columns, '-p', String(pid)]);
    return stdout.trim() === '' ? undefined : stdout.trim();
  } catch {
    return undefined;
  }
}

let machine: Promise<string> | undefined;

function thisMachine(): Promise<string> {
  machine ??= (async () => {
    if (process.platform !== 'linux') return process.platform;
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
    return `${boot.trim()} ${namespace}`;
  })();
  return machine;
}
