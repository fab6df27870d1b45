import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditRecord, AuditRun } from '../../contract/audit.js';
import { entityKey, entityKeyOfId } from '../../contract/entity.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { counted, joinFirst } from '../../report/text.js';
import { mentionsRequest } from '../explain/entity-run.js';
import type { RunRecord } from '../explain/run-records.js';
import { newestRuns, type RunParts, runRecordOf } from './archived-run.js';
import { readRecords } from './audit-lines.js';
import { AuditFileError, fileError } from './file-error.js';
import { keyOf, RunTally } from './run-tally.js';

/** The number of newest runs of the entities in question that are kept. */
const MAX_RUNS = 1_000;

/** Files that are named in a text. */
const MAX_NAMED = 3;

/** An entity, by its kind and its name. */
interface Named {
  readonly kind: string;
  readonly name: string;
}

/** Runs from files, and the limits of what the files tell. */
interface ArchivedRuns {
  /** Applies, releases and destroys that include one of the entities, with these entities alone. Newest first. */
  readonly runs: readonly RunRecord[];
  readonly notes: readonly string[];
}

/**
 * The files of exports. Each question reads them again, a line at a time: only what answers it is kept in memory. Nothing
 * proves what they tell.
 */
export class Archive {
  private constructor(private readonly files: readonly string[]) {}

  /**
   * Opens files, or folders whose `.jsonl` files are read.
   *
   * @throws AuditFileError where one cannot be read
   */
  static async open(paths: readonly string[]): Promise<Archive> {
    return new Archive((await Promise.all(paths.map(filesOf))).flat());
  }

  /** True where no file was named. */
  get isEmpty(): boolean {
    return this.files.length === 0;
  }

  /** The names of the files, for people. */
  get names(): string {
    return joinFirst(this.files, MAX_NAMED);
  }

  /** Finds the run with a run ID, or the newest one with a workflow ID. Null where no file has it. */
  async findRun(id: string): Promise<RunRecord | null> {
    let found: RunParts[] = [];
    await this.scan((record) => {
      const [parts] = found;
      if (record.kind === 'run' && isRun(record, id)) {
        if (parts === undefined || isNewer(record, parts.run)) found = [newPartsOf(record)];
      } else if (parts !== undefined && keyOf(record) === keyOf(parts.run)) {
        addTo(parts, record);
      }
    });
    return found.map(runRecordOf)[0] ?? null;
  }

  /** Returns the entities with a name, each once. IAM compares names without case. */
  async findNamed(name: string): Promise<readonly Named[]> {
    const found = new Map<string, Named>();
    await this.scan((record) => {
      if (record.kind !== 'decision' || record.report.name.toLowerCase() !== name.toLowerCase()) return;
      found.set(entityKey(record.report), { kind: record.report.kind, name: record.report.name });
    });
    return [...found.values()];
  }

  /** Finds the entity that a request of an account was about, and the run that has made it. Null where no file has it. */
  async findRequest(requestId: string, account: string): Promise<(Named & { readonly runId: string }) | null> {
    let found: (Named & { readonly runId: string }) | null = null;
    await this.scan((record) => {
      if (found !== null || record.account !== account) return;
      const { runId } = record;
      if (record.kind === 'write' && record.requestId === requestId) {
        const [kind = '', ...rest] = record.entity.split('/');
        found = { kind, name: rest.join('/'), runId };
      } else if (record.kind === 'decision' && mentionsRequest({ ...record.report, writes: [] }, requestId)) {
        found = { kind: record.report.kind, name: record.report.name, runId };
      }
    });
    return found;
  }

  /** Returns the runs of an account that include one of some entities. */
  async runsOf(account: string, entities: readonly Named[]): Promise<ArchivedRuns> {
    const keys = new Set(entities.map(entityKey));
    let open: RunParts[] = [];
    // A file that was repaired has the rest of a run after other runs.
    const waiting = new Map<string, RunParts>();
    let dropped = 0;
    let lost = 0;
    const { tally, torn } = await this.scan((record, isComplete) => {
      if (record.account !== account || record.kind === 'unread') return;
      const key = keyOf(record);
      if (record.kind === 'run' && record.type === WorkflowType.Bootstrap) waiting.set(key, newPartsOf(record));
      const parts = waiting.get(key);
      if (isComplete) waiting.delete(key);
      else lost += dropOldest(waiting, MAX_RUNS);
      if (parts === undefined || !isAbout(record, keys)) return;
      addTo(parts, record);
      if (record.kind === 'decision' && !open.includes(parts)) open.push(parts);
      if (open.length <= 2 * MAX_RUNS) return;
      dropped += open.length - MAX_RUNS;
      open = newestRuns(open).slice(0, MAX_RUNS);
    });
    const runs = newestRuns(open);
    return {
      runs: runs.slice(0, MAX_RUNS).map(runRecordOf),
      notes: [
        ...(lost > 0 || dropped + runs.length > MAX_RUNS
          ? [`only the newest ${String(MAX_RUNS)} runs of ${this.names} were read`]
          : []),
        ...torn.map((line) => `${line} is incomplete, as an export leaves it that was killed: it does not count`),
        ...limitsOf(tally, this.names),
      ],
    };
  }

  /** Reads all files. A record that several files have is taken once. The last one of a run makes that complete. */
  private async scan(
    take: (record: AuditRecord, isComplete: boolean) => void,
  ): Promise<{ readonly tally: RunTally; readonly torn: readonly string[] }> {
    const tally = new RunTally();
    const torn: string[] = [];
    for (const file of this.files) {
      const content = createReadStream(file) as AsyncIterable<Buffer>;
      const last = await readRecords(file, content, (record) => {
        if (tally.add(record)) take(record, tally.hasRun(record));
      });
      if (last?.isRecord === false) torn.push(`${file}:${String(last.line)}`);
    }
    return { tally, torn };
  }
}

async function filesOf(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => name.endsWith('.jsonl')).sort();
    if (names.length > 0) return names.map((name) => join(path, name));
  } catch (error) {
    throw fileError(path, 'read', error);
  }
  throw new AuditFileError(
    `${path} has no .jsonl file`,
    'name a file of `iam-bootstrap audit export`, or their folder',
  );
}

function isRun({ type, runId, workflowId }: AuditRun, id: string): boolean {
  return type === WorkflowType.Bootstrap && (runId === id || workflowId === id);
}

function isNewer(run: AuditRun, other: AuditRun): boolean {
  return `${run.startedAt} ${run.closedAt}` > `${other.startedAt} ${other.closedAt}`;
}

function newPartsOf(run: AuditRun): RunParts {
  return { run, decisions: [], approvals: [], writes: [] };
}

/** Drops the oldest entry of a map that has too many, and returns how many it has dropped. */
function dropOldest(map: Map<string, unknown>, max: number): number {
  const [oldest] = map.size > max ? map.keys() : [];
  return oldest !== undefined && map.delete(oldest) ? 1 : 0;
}

function isAbout(record: AuditRecord, keys: ReadonlySet<string>): boolean {
  if (record.kind === 'decision' || record.kind === 'write') return keys.has(entityKeyOfId(record.entity));
  return record.kind === 'approval';
}

function addTo(parts: RunParts, record: AuditRecord): void {
  if (record.kind === 'decision') parts.decisions.push(record);
  else if (record.kind === 'approval') parts.approvals.push(record);
  else if (record.kind === 'write') parts.writes.push(record);
}

function limitsOf(tally: RunTally, names: string): readonly string[] {
  const [first] = tally.incomplete;
  const incomplete = counted(tally.incomplete.length, 'run');
  return [
    ...(first === undefined
      ? []
      : [`${incomplete} without all records in ${names}, such as ${first.runId}: the file was cut off or changed`]),
    ...(tally.unread === 0 ? [] : [`${counted(tally.unread, 'run')} in ${names} that the export could not read`]),
  ];
}
