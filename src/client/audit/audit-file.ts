import { type FileHandle, open } from 'node:fs/promises';
import type { AuditRecord } from '../../contract/audit.js';
import { lineOf, readRecords, type TornLine } from './audit-lines.js';
import { fileError } from './file-error.js';
import { type RunEnd, RunTally } from './run-tally.js';

/** The characters after which a part of a run is appended. */
const MAX_APPENDED = 16 * 1024 * 1024;

/** The end of a file that a crash has left incomplete. */
export interface Repair {
  /** The number of the line, from 1. */
  readonly line: number;
  /** The bytes that were removed. Null where only the end of the line was missing. */
  readonly bytes: number | null;
}

/** A file that exports add to. It tells which records it has, so that none is added twice. */
export class AuditFile {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** The end of the file that was repaired when it was opened. Null where it was complete. */
    readonly repair: Repair | null,
    private readonly tally: RunTally,
  ) {}

  /**
   * Opens a file, which only its owner may read, and repairs its end. The caller makes sure that no other process
   * writes to it meanwhile.
   *
   * @throws AuditFileError where it cannot be opened, or holds something else
   */
  static async open(path: string): Promise<AuditFile> {
    const handle = await open(path, 'a+', 0o600).catch((error: unknown) => {
      throw fileError(path, 'written', error);
    });
    try {
      const tally = new RunTally();
      const content = handle.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Buffer>;
      const torn = await readRecords(path, content, (record) => tally.add(record));
      const repair = torn === null ? null : await repaired(path, handle, torn);
      return new AuditFile(path, handle, repair, tally);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** True where the file has all records of the end of a run. */
  hasRun(run: RunEnd): boolean {
    return this.tally.hasRun(run);
  }

  /** Adds the records that the file does not have, and returns them. */
  async add(records: readonly AuditRecord[]): Promise<readonly AuditRecord[]> {
    const added = records.filter((record) => !this.tally.has(record));
    await written(this.path, this.appendLines(added));
    for (const record of added) this.tally.add(record);
    return added;
  }

  /** The lines of one run may be longer than any string. */
  private async appendLines(records: readonly AuditRecord[]): Promise<void> {
    let lines = '';
    for (const record of records) {
      lines += lineOf(record);
      if (lines.length < MAX_APPENDED) continue;
      await this.handle.appendFile(lines);
      lines = '';
    }
    await this.handle.appendFile(lines);
  }

  /** Closes the file once all of it is on the disk. */
  async close(): Promise<void> {
    await this.handle.datasync();
    await this.handle.close();
  }
}

async function repaired(path: string, handle: FileHandle, { line, offset, bytes, isRecord }: TornLine) {
  await written(path, isRecord ? handle.appendFile('\n') : handle.truncate(offset));
  return { line, bytes: isRecord ? null : bytes };
}

async function written(path: string, work: Promise<void>): Promise<void> {
  await work.catch((error: unknown) => {
    throw fileError(path, 'written', error);
  });
}
