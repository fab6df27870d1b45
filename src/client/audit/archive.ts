import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditApproval, AuditDecision, AuditRecord, AuditRun, AuditWrite } from '../../contract/audit.js';
import type { EntityReport, Report } from '../../contract/report.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { summarize } from '../../report/build.js';
import type { RunRecord } from '../explain/run-records.js';
import { AuditFileError, fileError, parseLines } from './audit-file.js';

/** Runs from the files of exports. */
export interface Archive {
  /** The files, as given or found in a folder. */
  readonly files: readonly string[];
  /** Runs of applies, releases and destroys, newest first. */
  readonly runs: readonly RunRecord[];
}

/**
 * Reads the files of exports. The end of a file that a crash has left incomplete is not counted.
 *
 * @param paths - files, or folders whose `.jsonl` files are read
 * @throws AuditFileError where one cannot be read, or holds something else
 */
export async function readArchive(paths: readonly string[]): Promise<Archive> {
  const files = (await Promise.all(paths.map(filesOf))).flat();
  const records = new Map<string, AuditRecord>();
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw fileError(file, 'read', error);
    });
    for (const record of parseLines(file, text).records) records.set(record.id, record);
  }
  return { files, runs: runsOf([...records.values()]) };
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

interface RunParts {
  run?: AuditRun;
  readonly decisions: AuditDecision[];
  readonly approvals: AuditApproval[];
  readonly writes: AuditWrite[];
}

function runsOf(records: readonly AuditRecord[]): RunRecord[] {
  const parts = new Map<string, RunParts>();
  for (const record of records) {
    const part = parts.get(record.runId) ?? { decisions: [], approvals: [], writes: [] };
    parts.set(record.runId, part);
    if (record.kind === 'run') part.run = record;
    else if (record.kind === 'decision') part.decisions.push(record);
    else if (record.kind === 'approval') part.approvals.push(record);
    else part.writes.push(record);
  }
  return [...parts.values()]
    .flatMap(({ run, ...rest }) => (run?.type === WorkflowType.Bootstrap ? [runRecordOf(run, rest)] : []))
    .sort((a, b) => b.reference.startedAt.localeCompare(a.reference.startedAt));
}

function runRecordOf(run: AuditRun, parts: Omit<RunParts, 'run'>): RunRecord {
  const { workflowId, runId, environment, manifest, pipeline, startedAt, closedAt, requester, principal, target } = run;
  return {
    account: run.account ?? '',
    reference: {
      workflowId,
      runId,
      // Its page is gone with the run.
      url: null,
      namespace: run.namespace ?? '',
      environment,
      manifest,
      pipeline,
      startedAt,
      endedAt: closedAt,
      ...(requester && { requester }),
      ...(principal && { principal }),
    },
    report: reportOf(run, parts),
    archived: { target },
  };
}

function reportOf(run: AuditRun, { decisions, approvals, writes }: Omit<RunParts, 'run'>): Report | null {
  const entities = decisions.map(({ entity, report }): EntityReport => ({
    ...report,
    writes: writes
      .filter((write) => write.entity === entity)
      .map(({ operation, requestId, at }) => ({ operation, requestId, at })),
  }));
  const [approval] = approvals;
  if (run.report !== null) {
    return { ...run.report, entities, ...(approval && { approval: approval.approval }) };
  }
  return entities.length === 0 ? null : unreported(run, entities);
}

/** Returns the report of a run that was cancelled or terminated, from what the runs of its entities told. */
function unreported(run: AuditRun, entities: readonly EntityReport[]): Report {
  const { workflowId, runId, pipeline, startedAt, closedAt, reason, remedy, target } = run;
  return {
    version: 2,
    command: 'apply',
    result: 'cancelled',
    account: run.account ?? '',
    partition: target?.partition ?? 'aws',
    namespace: run.namespace ?? '',
    environment: run.environment ?? '',
    digest: '',
    request: { key: '', pipeline },
    workflow: { workflowId, runId, url: null },
    entities,
    summary: summarize(entities),
    apiCalls: { total: 0, byOperation: {} },
    startedAt,
    durationMs: Date.parse(closedAt) - Date.parse(startedAt),
    reason,
    remedy,
  };
}
