import type { AuditRecord } from '../../contract/audit.js';
import { auditSchema } from '../../report/audit-schema.js';
import { safeJson } from '../../report/safe-json.js';
import { AuditFileError, fileError } from './file-error.js';

/** The start of every line. */
const LINE_START = '{"version":1,"kind":"';

/** The longest line that is read and written, without its end. Few results in Temporal are longer, once escaped. */
const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** A byte that is escaped has six then. */
const MAX_ESCAPE_FACTOR = 6;

const REMEDY = 'name a file that `iam-bootstrap audit export` has written, or a new one';

/** Returns the line of a record. Unsafe characters are escaped, so that a terminal that shows the file is safe. */
export function lineOf(record: AuditRecord): string {
  return `${safeJson(JSON.stringify(record))}\n`;
}

/** Returns why a file could not be read again with the line of a record. Null where it could. */
export function lineProblem(record: AuditRecord, maxBytes = MAX_LINE_BYTES): string | null {
  const bytes = Buffer.byteLength(JSON.stringify(record));
  if (bytes * MAX_ESCAPE_FACTOR <= maxBytes) return null;
  const isTooLong = bytes > maxBytes || Buffer.byteLength(lineOf(record)) - 1 > maxBytes;
  return isTooLong
    ? `its ${record.kind} record is longer than a line may be, which is ${String(maxBytes / 1_048_576)} MiB`
    : null;
}

/** The last line of a file, where its end is missing. */
export interface TornLine {
  /** The number of the line, from 1. */
  readonly line: number;
  /** The bytes before it. */
  readonly offset: number;
  readonly bytes: number;
  /** Only the line break is missing. */
  readonly isRecord: boolean;
}

/**
 * Reads the records of a file, one line at a time.
 *
 * @returns the last line, where its end is missing. Null for a file that is complete
 * @throws AuditFileError for a line that is no record, as `FILE:LINE: …`, and where the file cannot be read
 */
export async function readRecords(
  path: string,
  content: AsyncIterable<Buffer>,
  take: (record: AuditRecord) => void,
): Promise<TornLine | null> {
  for await (const { number, offset, text, bytes, isComplete } of linesOf(path, content)) {
    const parsed = parseRecord(text);
    if ('record' in parsed) {
      take(parsed.record);
      if (!isComplete) return { line: number, offset, bytes, isRecord: true };
      continue;
    }
    // The end of another kind of file is not to be removed.
    if (!isComplete && parsed.isTorn) return { line: number, offset, bytes, isRecord: false };
    throw new AuditFileError(`${path}:${String(number)}: ${parsed.problem}`, REMEDY);
  }
  return null;
}

interface Line {
  readonly number: number;
  readonly offset: number;
  readonly bytes: number;
  readonly text: string;
  /** The line break is there. */
  readonly isComplete: boolean;
}

async function* linesOf(path: string, content: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 1;
  let offset = 0;
  let parts: Buffer[] = [];
  let bytes = 0;
  const line = (isComplete: boolean): Line => {
    return { number, offset, bytes, text: Buffer.concat(parts).toString('utf8'), isComplete };
  };
  for await (const chunk of readable(path, content)) {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      parts.push(chunk.subarray(start, end));
      bytes += end - start;
      yield line(true);
      [number, offset, parts, bytes, start] = [number + 1, offset + bytes + 1, [], 0, end + 1];
    }
    parts.push(chunk.subarray(start));
    bytes += chunk.length - start;
    if (bytes > MAX_LINE_BYTES) {
      throw new AuditFileError(`${path}:${String(number)}: the line is longer than any record`, REMEDY);
    }
  }
  if (bytes > 0) yield line(false);
}

async function* readable(path: string, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* content;
  } catch (error) {
    throw fileError(path, 'read', error);
  }
}

type Parsed = { readonly record: AuditRecord } | { readonly problem: string; readonly isTorn: boolean };

function parseRecord(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const isTorn = text.startsWith(LINE_START) || LINE_START.startsWith(text);
    return { problem: 'the line is no JSON', isTorn };
  }
  const { data, error } = auditSchema.safeParse(value);
  return data === undefined ? { problem: problemOf(error), isTorn: false } : { record: data };
}

/** Returns what is wrong with a value that is no record: `report.outcome: Invalid option …`. */
export function problemOf(error: { readonly issues: readonly { path: PropertyKey[]; message: string }[] }): string {
  const [issue] = error.issues;
  const path = (issue?.path ?? []).map(String).join('.');
  return `no record of an export${path === '' ? '' : `: ${path}`}: ${issue?.message ?? 'unknown'}`;
}
