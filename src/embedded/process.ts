import { execFile } from 'node:child_process';
import { readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { hasCode } from './options.js';

/** Runs a program and returns its output. */
export const execFileAsync = promisify(execFile);

/** The identity of a process. The PID alone is not enough: the system may have reused it. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
  /** The boot and the PID namespace in which the PID is valid; a constant on systems that have neither. */
  readonly machine: string;
}

/** The state of a process. `elsewhere`: it belongs to another machine, boot or container and cannot be looked up. */
export type Liveness = 'running' | 'dead' | 'elsewhere';

/** Returns the identity of a running process; `undefined` where none has this PID. A zombie does not count. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  const started = await startTime(pid);
  return started === undefined ? undefined : { pid, started, machine: await thisMachine() };
}

/** Returns the identity of this process. */
export async function identifySelf(): Promise<ProcessIdentity> {
  return (await identify(process.pid)) ?? { pid: process.pid, started: '', machine: await thisMachine() };
}

/** Reports whether the process with this identity is running. */
export async function checkLiveness(identity: ProcessIdentity): Promise<Liveness> {
  if (identity.machine !== (await thisMachine())) return 'elsewhere';
  return (await startTime(identity.pid)) === identity.started ? 'running' : 'dead';
}

/** Reads an identity that was written as JSON; `undefined` where the text is none. */
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

/** Returns the command line of a running process; `undefined` where none has this PID. */
export async function commandLine(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return readPs(pid, 'args=');
  const text = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? undefined : text.replaceAll('\0', ' ').trim();
}

/** Stops a process and returns once it has ended: SIGTERM first where it gets a grace period, then SIGKILL. */
export async function terminate(pid: number, graceMs = 0): Promise<void> {
  const identity = await identify(pid);
  if (identity === undefined) return;
  if (graceMs > 0) signal(pid, 'SIGTERM');
  const deadline = Date.now() + graceMs;
  let isKilled = false;
  while ((await startTime(pid)) === identity.started) {
    if (!isKilled && Date.now() >= deadline) {
      signal(pid, 'SIGKILL');
      isKilled = true;
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
    const line = await readPs(pid, 'stat=,lstart=');
    return line === undefined || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
  }
  const stat = await readFile(`/proc/${String(pid)}/stat`, 'utf8').catch(() => undefined);
  // The name of the command stands in parentheses and may contain spaces and parentheses itself. See proc(5).
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || state === 'Z' || state === 'X' ? undefined : started;
}

async function readPs(pid: number, columns: string): Promise<string | undefined> {
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
