import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, rmdir, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolder } from '../files/make-folder.js';
import { type Announce, hasCode } from './options.js';
import { checkLiveness, identifySelf, parseIdentity, type ProcessIdentity } from './process.js';

const POLL_MS = 100;
/** A wait is reported only after this time, and then again after each {@link REPORT_INTERVAL_MS}. */
const FIRST_REPORT_MS = 500;
const REPORT_INTERVAL_MS = 30_000;
/** The holder touches its lock at this interval, so that processes that cannot see it know that it is alive. */
const TOUCH_INTERVAL_MS = 2_000;
/** A lock from another machine or container is taken over after this time without a touch. */
const ABANDONED_AFTER_MS = 10_000;

/** Options of a lock. */
export interface LockOptions {
  /** The work under the lock, as waiting processes report it: "waiting for process 12, which is *building it*". */
  readonly purpose: string;
  readonly announce?: Announce | undefined;
  /** Returns the error for a lock that another process holds: `process 12`. Default: the lock is waited for. */
  readonly refuse?: ((holder: string) => Error) | undefined;
}

/**
 * Runs `work` while no other process on this machine runs work under the same lock.
 *
 * The lock is a folder with one file, named after its holder. It is prepared under another name and renamed into
 * place, so no process sees it half made, and the rename fails while another holder's file is in place. To break the
 * lock of a dead process is to remove that holder's file, so two processes that do it at once cannot remove each
 * other's new lock.
 */
export async function withLock<T>(path: string, work: () => Promise<T>, options: LockOptions): Promise<T> {
  const holder = `${String(process.pid)}-${randomUUID()}`;
  await makeFolder(dirname(path));
  const wait = new LockWait(path, options);
  while (!(await wait.isFree()) || !(await take(path, holder, options.purpose))) await sleep(POLL_MS);
  const touching = setInterval(() => {
    const now = new Date();
    void utimes(join(path, holder), now, now).catch(() => undefined);
  }, TOUCH_INTERVAL_MS).unref();
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
    await writeFile(
      join(prepared, holder),
      JSON.stringify({ ...(await identifySelf()), purpose } satisfies HolderRecord),
    );
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

/** The content of a holder's file. */
type HolderRecord = ProcessIdentity & { readonly purpose: string };

/** One process's wait for a lock: the last touch that it saw, and when it last reported the wait. */
class LockWait {
  private lastTouch:
    | { readonly holder: string; readonly touchedAt: number; readonly seenAt: number; readonly isRenewed: boolean }
    | undefined;
  private reportedAt = Date.now() + FIRST_REPORT_MS - REPORT_INTERVAL_MS;

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
    const state = identity === undefined ? 'elsewhere' : await checkLiveness(identity);
    if (state === 'dead' || (state === 'elsewhere' && (await this.isAbandoned(holder, file)))) {
      await remove(this.path, holder);
      return true;
    }
    const { refuse } = this.options;
    if (refuse !== undefined && (state === 'running' || this.lastTouch?.isRenewed === true)) {
      throw refuse(identity === undefined ? `the holder of ${this.path}` : `process ${String(identity.pid)}`);
    }
    this.report(identity && (JSON.parse(text) as HolderRecord));
    return false;
  }

  /** Reports whether the lock went untouched while this process watched it: the clocks of two machines may differ. */
  private async isAbandoned(holder: string, file: string): Promise<boolean> {
    const touchedAt = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    );
    if (this.lastTouch?.holder !== holder || this.lastTouch.touchedAt !== touchedAt) {
      const isRenewed = this.lastTouch?.holder === holder;
      this.lastTouch = { holder, touchedAt, seenAt: Date.now(), isRenewed };
    }
    return Date.now() - this.lastTouch.seenAt > ABANDONED_AFTER_MS;
  }

  private report(record: HolderRecord | undefined): void {
    if (Date.now() - this.reportedAt < REPORT_INTERVAL_MS) return;
    this.reportedAt = Date.now();
    const holder =
      record === undefined ? `the lock ${this.path}` : `process ${String(record.pid)}, which is ${record.purpose}`;
    this.options.announce?.(`waiting for ${holder}`);
  }
}

function ignore(...codes: string[]): (error: unknown) => void {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
  };
}

/**
 * Makes a file or folder once, however many processes ask for it at a time, and returns its path.
 *
 * `make` gets a temporary path beside it, which is renamed into place once `make` has finished. A process that dies
 * before that leaves nothing at `path`, and the next process starts afresh.
 */
export async function makeOnce(
  path: string,
  make: (temporary: string) => Promise<void>,
  options: LockOptions,
): Promise<string> {
  if (await exists(path)) return path;
  const makeUnderLock = async (): Promise<string> => {
    if (await exists(path)) return path;
    await removeTemporaries(path);
    const temporary = `${path}.tmp-${randomUUID()}`;
    try {
      await make(temporary);
      await rename(temporary, path).catch((error: unknown) => {
        if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      });
      return path;
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  };
  return withLock(`${path}.lock`, makeUnderLock, options);
}

/** Reports whether a file or folder exists at this path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Removes the temporaries of processes that died. The caller holds the lock, so no living process has one. */
async function removeTemporaries(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory).catch(() => [])) {
    if (!name.startsWith(`${basename(path)}.tmp-`)) continue;
    // A child of the dead process may still write there. A later call then removes it.
    await rm(join(directory, name), { recursive: true, force: true }).catch(() => undefined);
  }
}
