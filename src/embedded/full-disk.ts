import { statfs } from 'node:fs/promises';
import { EmbeddedError } from './options.js';
import { setRetention } from './server-api.js';

/** A disk with less free space than this counts as full, in bytes: the database's log grows by more in a run. */
const FULL_BELOW_BYTES = 64 * 1024;

/** The number of checks in a row that find a server unable to write before that is reported. */
const MAX_FAILED_CHECKS = 3;

/**
 * The disk of a state folder while a server uses it. A full disk alone is no problem: the database's log may have room
 * for what is left of a run. A server that cannot write any more keeps answering, and its runs stand still.
 */
export class DiskWatch {
  private failedChecks = 0;

  constructor(
    private readonly directory: string,
    private readonly onFull: (error: EmbeddedError) => void,
  ) {}

  /** Checks the server at this address, and reports once that it cannot write any more. */
  async check(address: string): Promise<void> {
    const problem = await this.problem(address);
    this.failedChecks = problem === null ? 0 : this.failedChecks + 1;
    if (problem !== null && this.failedChecks === MAX_FAILED_CHECKS) this.onFull(problem);
  }

  /** Has the server at this address write something if the disk is full. Returns null where the disk has room, or the server can write. */
  async problem(address: string): Promise<EmbeddedError | null> {
    if (!(await isFull(this.directory)) || (await canWrite(address))) return null;
    return new EmbeddedError(
      `state folder ${this.directory}: its disk is full, and the embedded server can write nothing more; ` +
        'free some space, then run the same command again: an open run goes on where it was',
    );
  }
}

async function isFull(directory: string): Promise<boolean> {
  return statfs(directory).then(
    ({ bavail, bsize }) => bavail * bsize < FULL_BELOW_BYTES,
    () => false,
  );
}

/** Reports whether a server can write to its database, by a setting that it has already. */
async function canWrite(address: string): Promise<boolean> {
  return setRetention(address).then(
    () => true,
    () => false,
  );
}
