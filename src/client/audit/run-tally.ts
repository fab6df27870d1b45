import type { AuditRecord } from '../../contract/audit.js';

/** The end of a run. The same run may close twice, where the database of Temporal was restored. */
export type RunEnd = Pick<AuditRecord, 'runId' | 'closedAt'>;

/** The records of one run that were seen. */
interface Seen {
  readonly run: RunEnd;
  /** The number of records, as that of the run counts them. Null where it was not seen. */
  expected: number | null;
  /** Their IDs. */
  readonly ids: Set<string>;
}

/**
 * Tells known records from new ones, and complete runs from others. Of a complete run it keeps the end alone, so that a
 * file may be larger than the memory.
 */
export class RunTally {
  readonly #complete = new Set<string>();
  readonly #incomplete = new Map<string, Seen>();
  readonly #unread = new Set<string>();

  /** Counts a record. Returns false for one that was counted before. */
  add(record: AuditRecord): boolean {
    const key = keyOf(record);
    if (record.kind === 'unread') return added(this.#unread, key);
    if (this.#complete.has(key)) return false;
    const seen = this.#incomplete.get(key) ?? { run: record, expected: null, ids: new Set<string>() };
    if (!added(seen.ids, record.id)) return false;
    if (record.kind === 'run') {
      const { decision, approval, write } = record.records;
      seen.expected = 1 + decision + approval + write;
    }
    if (seen.ids.size === seen.expected) {
      this.#complete.add(key);
      this.#incomplete.delete(key);
    } else {
      this.#incomplete.set(key, seen);
    }
    return true;
  }

  /** True where a record was counted before. */
  has(record: AuditRecord): boolean {
    const key = keyOf(record);
    if (record.kind === 'unread') return this.#unread.has(key);
    return this.#complete.has(key) || this.#incomplete.get(key)?.ids.has(record.id) === true;
  }

  /** True where all records of a run were counted. */
  hasRun(run: RunEnd): boolean {
    return this.#complete.has(keyOf(run));
  }

  /** The runs with fewer records than their own record counts, or without that. */
  get incomplete(): readonly RunEnd[] {
    return [...this.#incomplete.values()].map(({ run }) => run);
  }

  /** The number of runs that an export could not read, and that no export has added since. */
  get unread(): number {
    return [...this.#unread].filter((key) => !this.#complete.has(key)).length;
  }
}

/** Returns the start of the IDs of the records of a run. */
export function keyOf({ runId, closedAt }: RunEnd): string {
  return `${runId}/${closedAt}`;
}

function added(set: Set<string>, value: string): boolean {
  if (set.has(value)) return false;
  set.add(value);
  return true;
}
