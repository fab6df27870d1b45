import { type FileHandle, open } from 'node:fs/promises';
import type { AuditRecord, AuditRun } from '../../contract/audit.js';
import { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';

/** Reports a file of exported records that cannot be read or written. */
export class AuditFileError extends UserFacingError {
  override readonly name = 'AuditFileError';
  override readonly exitCode = ExitCode.Usage;
}

/** The start of every line. */
const LINE_START = '{"version":1,"kind":"';

/** Returns the line of a record. */
export function lineOf(record: AuditRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** The end of a file that a crash has left incomplete. */
export interface Repair {
  /** The number of the line, from 1. */
  readonly line: number;
  /** The bytes that were removed. Null where only the end of the line was missing. */
  readonly bytes: number | null;
}

/** A file that exports add to. It tells which records it has, so that none is added twice. */
export class AuditFile {
  readonly #ids = new Set<string>();
  readonly #expected = new Map<string, number>();
  readonly #seen = new Map<string, number>();

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    /** The end of the file that was repaired when it was opened. Null where it was complete. */
    readonly repair: Repair | null,
    records: readonly AuditRecord[],
  ) {
    for (const record of records) this.#remember(record);
  }

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
      const { records, torn } = parseLines(
        path,
        await handle.readFile('utf8').catch((error: unknown) => {
          throw fileError(path, 'read', error);
        }),
      );
      return new AuditFile(path, handle, torn === null ? null : await repaired(handle, torn), records);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** True where the file has all records of a run. */
  hasRun(runId: string): boolean {
    const seen = this.#seen.get(runId);
    return seen !== undefined && seen === this.#expected.get(runId);
  }

  /** Adds the records that the file does not have, and returns them. */
  async add(records: readonly AuditRecord[]): Promise<readonly AuditRecord[]> {
    const added = records.filter(({ id }) => !this.#ids.has(id));
    await this.handle.appendFile(added.map(lineOf).join('')).catch((error: unknown) => {
      throw fileError(this.path, 'written', error);
    });
    for (const record of added) this.#remember(record);
    return added;
  }

  /** Closes the file once all of it is on the disk. */
  async close(): Promise<void> {
    await this.handle.datasync();
    await this.handle.close();
  }

  #remember(record: AuditRecord): void {
    const { id, runId } = record;
    if (this.#ids.has(id)) return;
    this.#ids.add(id);
    this.#seen.set(runId, (this.#seen.get(runId) ?? 0) + 1);
    if (record.kind === 'run') this.#expected.set(runId, recordsIn(record));
  }
}

/** Returns the number of records of a run, itself included. */
function recordsIn({ records: { decision, approval, write } }: AuditRun): number {
  return 1 + decision + approval + write;
}

/** A last line without its end. */
interface TornLine {
  readonly line: number;
  /** The bytes before it. */
  readonly offset: number;
  readonly text: string;
  readonly isRecord: boolean;
}

/**
 * Parses the lines of a file.
 *
 * @returns the records, and the last line where its end is missing
 * @throws AuditFileError for a line that is no record
 */
export function parseLines(
  path: string,
  text: string,
): { readonly records: readonly AuditRecord[]; readonly torn: TornLine | null } {
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  const records = lines.map((line, index) => {
    const record = parseRecord(line);
    if (record !== null) return record;
    throw new AuditFileError(
      `${path}:${String(index + 1)} is no record of an export`,
      'name a file that `iam-bootstrap audit export` has written, or a new one',
    );
  });
  if (last === '') return { records, torn: null };
  const complete = parseRecord(last);
  // The end of another kind of file is not to be removed.
  if (complete === null && !last.startsWith(LINE_START.slice(0, last.length))) {
    throw new AuditFileError(`${path} is no file of an export`, 'name another file');
  }
  const torn = {
    line: lines.length + 1,
    offset: Buffer.byteLength(text) - Buffer.byteLength(last),
    text: last,
    isRecord: complete !== null,
  };
  return { records: complete === null ? records : [...records, complete], torn };
}

async function repaired(handle: FileHandle, { line, offset, text, isRecord }: TornLine): Promise<Repair> {
  if (isRecord) {
    await handle.appendFile('\n');
    return { line, bytes: null };
  }
  await handle.truncate(offset);
  return { line, bytes: Buffer.byteLength(text) };
}

const KINDS: readonly AuditRecord['kind'][] = ['run', 'decision', 'approval', 'write'];

/** Parses a line. Null where it is no record of this version. */
function parseRecord(line: string): AuditRecord | null {
  if (!line.startsWith(LINE_START)) return null;
  try {
    const record = JSON.parse(line) as AuditRecord;
    const isRecord = KINDS.includes(record.kind) && [record.id, record.runId].every((id) => typeof id === 'string');
    return isRecord ? record : null;
  } catch {
    return null;
  }
}

/** Returns the error for a file that cannot be read or written. */
export function fileError(path: string, verb: string, error: unknown): AuditFileError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new AuditFileError(`${path} cannot be ${verb}: ${code ?? message}`, 'name a file in a folder that exists', {
    cause: error,
  });
}
