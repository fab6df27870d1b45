import type { Pipeline, Target, Timestamp } from './entity.js';
import type { FleetReport } from './fleet.js';
import type { Identity, Principal } from './identity.js';
import type { Approval, EntityReport, Report, WriteRecord } from './report.js';
import type { ScheduledResult } from './schedule.js';
import { WorkflowType } from './workflow-ids.js';

/** The types of the runs that `audit export` writes. Runs of entities are part of the run that started them. */
export const AUDITED_TYPES = [
  WorkflowType.Bootstrap,
  WorkflowType.Plan,
  WorkflowType.Fleet,
  WorkflowType.ScheduledRun,
  WorkflowType.Capture,
] as const;

/** One of {@link AUDITED_TYPES}. */
export type AuditedType = (typeof AUDITED_TYPES)[number];

/** The fields of every record. Files hold one record in a line, as JSON. */
interface RecordFields {
  readonly version: 1;
  /** The ID of the record: the ID of its run, the time at which that closed, its kind, and its number in the run from 1. */
  readonly id: string;
  readonly runId: string;
  /** The time at which the run closed. A run closes again where the database of Temporal was restored. */
  readonly closedAt: Timestamp;
  /** Null for a run of a fleet. */
  readonly account: string | null;
  /** Null for a capture. */
  readonly namespace: string | null;
}

/** A run that has closed. Its decisions, approvals and writes follow in records of their own. */
export interface AuditRun extends RecordFields {
  readonly kind: 'run';
  readonly type: AuditedType;
  readonly workflowId: string;
  readonly url: string | null;
  /** Temporal's name of the status: `COMPLETED`, `FAILED`, `CANCELLED`, `TERMINATED`, `TIMED_OUT`, … */
  readonly status: string;
  /** The result that the run reported. Null where it closed without a report. */
  readonly result: ScheduledResult['result'] | null;
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly environment: string | null;
  readonly manifest: string | null;
  readonly pipeline: Pipeline;
  readonly startedAt: Timestamp;
  /** The run that this one repeats, where it was reset. Writes before the reset are in the records of both. */
  readonly resetOf?: string;
  /** The account as the request named it. Null where the run has none, or the request could not be read. */
  readonly target: Target | null;
  /** The run that started this one: that of a fleet, or of a schedule. Null where a client did. */
  readonly parent: ExecutionReference | null;
  /** See {@link Report.requester}. */
  readonly requester?: Identity;
  /** See {@link Report.principal}. */
  readonly principal?: Principal;
  /** Runs whose histories are gone, of entities or before this one: what they have written is in no record. */
  readonly missing: readonly ExecutionReference[];
  /** The number of records of the run beside this one. */
  readonly records: { readonly decision: number; readonly approval: number; readonly write: number };
  /** The report of a plan, an apply, a release or a destroy, without what the other records have. */
  readonly report: Omit<Report, 'entities' | 'approval'> | null;
  readonly fleet: FleetReport | null;
  readonly scheduled: ScheduledResult | null;
}

/** The decision of a run on one entity, and its outcome. */
export interface AuditDecision extends RecordFields {
  readonly kind: 'decision';
  /** `Role/deploy`. */
  readonly entity: string;
  /** The entity in the report of the run, without its writes. */
  readonly report: Omit<EntityReport, 'writes'>;
}

/** The decision of a person about a plan, or about a wave of a fleet. */
export interface AuditApproval extends RecordFields {
  readonly kind: 'approval';
  readonly approval: Approval;
}

/** A write that AWS accepted. */
export interface AuditWrite extends RecordFields, WriteRecord {
  readonly kind: 'write';
  /** `Role/deploy`. */
  readonly entity: string;
}

/** A run that an export could not read. A later export may add its other records. */
export interface AuditUnread extends RecordFields {
  readonly kind: 'unread';
  readonly type: AuditedType;
  readonly workflowId: string;
  readonly status: string;
  /** The reason for which it could not be read. */
  readonly reason: string;
}

/** A line of an exported file: described by `schema/audit.schema.json`. */
export type AuditRecord = AuditRun | AuditDecision | AuditApproval | AuditWrite | AuditUnread;

/** A run, by the IDs that Temporal knows it by. */
export interface ExecutionReference {
  readonly workflowId: string;
  readonly runId: string;
}

/** A run that is not part of an export as a whole, and why. */
export interface LeftOutRun extends ExecutionReference {
  readonly reason: string;
}

/** The result of an export. */
export interface AuditExport {
  /** The numbers of written records. A write that a reset has repeated is counted once. */
  readonly written: {
    readonly run: number;
    readonly decision: number;
    readonly approval: number;
    readonly write: number;
  };
  /** Runs that the file had before. */
  readonly known: number;
  /** Runs that are still open: the next export has them. */
  readonly open: readonly LeftOutRun[];
  /** Runs that could not be read. */
  readonly unread: readonly LeftOutRun[];
  /** Runs that were exported without a part whose history is gone. */
  readonly incomplete: readonly LeftOutRun[];
}
