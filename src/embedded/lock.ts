import { randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasCode } from './error.js';
import type { Announce } from './options.js';
import { identifySelf, liveness, parseIdentity, type ProcessIdentity } from './process.js';

const POLL_MS = 100;
/** Shorter waits are not spoken of. */
const QUIET_MS = 500;
const REMIND_MS = 30_000;
/** The holder touches its lock this often, so that others can judge it where they cannot see its process. */
const TOUCH_MS = 2_000;
/** A lock from another machine or container that was not touched for so long is taken over. */
const ABANDONED_MS = 10_000;

/** How a lock is spoken of. */
export interface LockOptions {
  /** What it is held for, as others are told: "waiting for process 12, which is *building the Temporal CLI*". */
  readonly purpose: string;
  readonly announce?: Announce | undefined;
}

/**
 * Does a piece of work while no other process on this machine does it.
 *
 * The lock is a directory that holds one file, named after its holder. It is made aside and renamed into place, which
 * fails where another holder's file is there, so it is never seen half made. Breaking the lock of a dead process means
 * removing that very file: of two processes that break it at once neither can remove the other's new lock.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions): Promise<T> {
  const holder = `${String(process.pid)}-${randomUUID()}`;
  await mkdir(dirname(path), { recursive: true });
  const queue = new Queue(path, options);
  while (!(await queue.isFree()) || !(await take(path, holder, options.purpose))) await sleep(POLL_MS);
  const touching = setInterval(() => {
    const now = new Date();
    void utimes(join(path, holder), now, now).catch(() => undefined);
  }, TOUCH_MS).unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    await remove(path, holder);
  }
}

async function take(path: string, holder: string, purpose: string): Promise<boolean> {
  const prepared = `${path}.${holder}`;
  await mkdir(prepared);
  try {
    await writeFile(join(prepared, holder), JSON.stringify({ ...(await identifySelf()), purpose } satisfies Held));
    await rename(prepared, path);
    return true;
  } catch (error) {
    await rm(prepared, { recursive: true, force: true });
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

async function remove(path: string, holder: string): Promise<void> {
  await unlink(join(path, holder)).catch(ignore('ENOENT'));
  await rmdir(path).catch(ignore('ENOENT', 'ENOTEMPTY', 'EEXIST'));
}

/** What a holder's file says. */
type Held = ProcessIdentity & { readonly purpose: string };

/** One process's wait: whom it waits for, since when, and what it has told the user about it. */
class Queue {
  private seen: { readonly holder: string; readonly touched: number; readonly since: number } | undefined;
  private announced = Date.now() + QUIET_MS - REMIND_MS;

  constructor(
    private readonly path: string,
    private readonly options: LockOptions,
  ) {}

  async isFree(): Promise<boolean> {
    const [holder] = await readdir(this.path).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    });
    if (holder === undefined) return true;
    const file = join(this.path, holder);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) return true;
    const identity = parseIdentity(text);
    const state = identity === undefined ? 'elsewhere' : await liveness(identity);
    if (state === 'dead' || (state === 'elsewhere' && (await this.isAbandoned(holder, file)))) {
      await remove(this.path, holder);
      return true;
    }
    this.announce(identity && (JSON.parse(text) as Held));
    return false;
  }

  /** By watching it: the clocks of two machines may differ. */
  private async isAbandoned(holder: string, file: string): Promise<boolean> {
    const touched = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (this.seen?.holder !== holder || this.seen.touched !== touched) {
      this.seen = { holder, touched, since: Date.now() };
    }
    return Date.now() - this.seen.since > ABANDONED_MS;
  }

  private announce(held: Held | undefined): void {
    if (Date.now() - this.announced < REMIND_MS) return;
    this.announced = Date.now();
    const whom = held === undefined ? `the lock ${this.path}` : `process ${String(held.pid)}, which is ${held.purpose}`;
    this.options.announce?.(`waiting for ${whom}`);
  }
}

function ignore(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
  };
}
