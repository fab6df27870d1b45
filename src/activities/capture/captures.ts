import type { PagedAccount } from './pages.js';

/**
 * The time without a request after which a capture counts as abandoned, in milliseconds. It is longer than a read may
 * take: the pages of one capture may alternate between workers, and each of them then reads the account once.
 */
const IDLE_MS = 70 * 60_000;

/** Bytes of all captures that a worker keeps. The one that was used last is kept whatever its size is. */
const MAX_KEPT_BYTES = 200_000_000;

interface Kept {
  readonly account: PagedAccount;
  readonly timer: NodeJS.Timeout;
}

/**
 * The accounts that a worker has read and not yet told completely. A worker that does not have one reads the account
 * again: nothing depends on what is kept.
 */
export class Captures {
  /** By the key of a capture, the one that was used last at the end. */
  readonly #kept = new Map<string, Kept>();
  readonly #maxBytes: number;

  /** @param maxBytes - bytes of all captures that are kept */
  constructor(maxBytes = MAX_KEPT_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Returns what was read for a capture; undefined where it is not kept. */
  get(key: string): PagedAccount | undefined {
    return this.#kept.get(key)?.account;
  }

  /** Keeps an account for its next page, and drops others that were not used for longer where there is no room. */
  keep(key: string, account: PagedAccount): void {
    this.drop(key);
    const timer = setTimeout(() => {
      this.drop(key);
    }, IDLE_MS);
    timer.unref();
    this.#kept.set(key, { account, timer });
    for (const other of [...this.#kept.keys()].slice(0, -1)) {
      if (this.#bytes() <= this.#maxBytes) return;
      this.drop(other);
    }
  }

  /** Forgets an account that was told to its end. */
  drop(key: string): void {
    clearTimeout(this.#kept.get(key)?.timer);
    this.#kept.delete(key);
  }

  #bytes(): number {
    return [...this.#kept.values()].reduce((sum, { account }) => sum + account.bytes, 0);
  }
}
