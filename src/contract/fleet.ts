import type { Json, OrphanPolicy, Pipeline, Timestamp } from './entity.js';
import type { FleetPermit, Proof } from './identity.js';
import type { DecisionAction, EntityReport, Report, ReportResult, Summary } from './report.js';
import type { BootstrapRequest } from './request.js';
import type { Revision } from './revision.js';
import { SCHEDULE_COMMANDS, type ScheduledResult } from './schedule.js';

/** The accounts of a fleet: those listed by ID, and those of the organization that the other fields select. */
export interface FleetSelection {
  readonly ids: readonly string[];
  /** Organizational units (`ou-…`) or roots (`r-…`); accounts of their units count, at any depth. */
  readonly organizationalUnits: readonly string[];
  /** Tags that an account of the organization must have, all of them. Without units they select from the organization. */
  readonly tags: Readonly<Record<string, string>>;
  readonly exclude: readonly string[];
  /** The role that may read AWS Organizations. Default: the worker's own credentials. */
  readonly organizationRole?: string;
}

/** A limit as a count, or as a share of the accounts of a fleet. */
export type FleetLimit = { readonly accounts: number } | { readonly percent: number };

/** The order in which the accounts of a fleet are brought to their state. */
export interface Rollout {
  /** The end of each wave, counted from the first account. The last one ends with all. */
  readonly waves: readonly FleetLimit[];
  /** The largest number of accounts at a time. */
  readonly concurrency: number;
  /** Failed accounts beyond which no other wave starts. */
  readonly maxFailures: FleetLimit;
  /** Wait for an approval before each wave but the first. */
  readonly approveWaves: boolean;
}

/** A file of a manifest: its text, or the value that a program has made. */
export type ManifestFile =
  { readonly file: string; readonly text: string } | { readonly file: string; readonly value: Json };

/** The manifests of a fleet with everything that they refer to. Workers render them for one account after the other. */
export interface ManifestBundle {
  readonly sources: readonly ManifestFile[];
  /** The text of each file that the manifests refer to, by manifest and by the path that it writes. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly variables: Readonly<Record<string, string>>;
  readonly adopt: readonly string[];
  readonly deleteTrusted: readonly string[];
  readonly removeUnmanaged?: boolean;
  readonly orphans?: OrphanPolicy;
  /** The names of the manifests in reports. */
  readonly name: string;
}

/** The values of {@link FleetCommand}. */
export const FLEET_COMMANDS = ['plan', 'apply', ...SCHEDULE_COMMANDS] as const;

/** The thing that a run of a fleet does in each account. The runs of a schedule detect drift, or enforce the manifest. */
export type FleetCommand = (typeof FLEET_COMMANDS)[number];

/** The argument of the fleet workflow: one manifest for many accounts. */
export interface FleetRequest {
  readonly version: 1;
  readonly command: FleetCommand;
  readonly fleet: string;
  readonly namespace: string;
  readonly environment: string;
  readonly partition: string;
  readonly manifest: ManifestBundle;
  readonly selection: FleetSelection;
  readonly rollout: Rollout;
  /** Apply to these accounts of the fleet only, as a repeat for those that failed. Default: to all. */
  readonly only?: readonly string[];
  /** `sha256:…` over everything that changes what is done. */
  readonly digest: string;
  /** The unique key of this request; the same key means the same run. */
  readonly key: string;
  readonly pipeline: Pipeline;
  /** See `BootstrapRequest.keepGoing`. */
  readonly keepGoing: boolean;
  readonly revision?: Revision;
  readonly allowOlder?: boolean;
  /** See `BootstrapRequest.timeoutMs`. */
  readonly timeoutMs?: number;
  /** See `BootstrapRequest.proof`. */
  readonly proof?: Proof;
}

/** Reports whether the request of a schedule is one for a fleet. */
export function isFleetRequest(request: BootstrapRequest | FleetRequest): request is FleetRequest {
  return 'fleet' in request;
}

/** The account of a fleet. */
export interface FleetAccount {
  readonly id: string;
  /** Null where the account is selected by ID only and the organization does not tell. */
  readonly name: string | null;
  readonly tags: Readonly<Record<string, string>>;
  /** The signature of a worker that has found the account for this run of the fleet. Missing where workers have no permit key. */
  readonly permit?: string;
}

/** The account that a fleet selects and leaves out. */
export interface LeftOutAccount {
  readonly id: string;
  readonly name: string | null;
  /** The text for people: "it is suspended". */
  readonly reason: string;
}

/** The accounts that a fleet resolves to, sorted by ID. */
export interface ResolvedFleet {
  readonly accounts: readonly FleetAccount[];
  readonly leftOut: readonly LeftOutAccount[];
  readonly calls: Readonly<Record<string, number>>;
  /** The permit of the fleet's run. Missing where workers have no permit key. */
  readonly permit?: FleetPermit;
  /** Decisions about waves have to be signed with the request key. */
  readonly signedDecisions?: true;
  /** The worker tells people what becomes of the run. */
  readonly notifies?: true;
}

/** The argument of the activity that makes the request for one account of a fleet. It reads that of the fleet from its run. */
export interface FleetAccountRequest {
  readonly account: FleetAccount;
  /** The permit of the fleet's run. Missing where workers have no permit key. */
  readonly permit?: FleetPermit;
}

/** The run of an account, by which a fleet finds it again. */
export interface AccountRun {
  readonly workflowId: string;
  readonly runId: string;
}

/** The end of an account's run: its report, or the result of a scheduled run. */
export type AccountRunEnd = Report | ScheduledResult;

/** The state of an account's run. */
export interface FoundAccountRun {
  readonly isOpen: boolean;
  /** The end of a run that has closed. Null where it is open, and where it ended without a report. */
  readonly report: AccountRunEnd | null;
  /** The open run that it has continued as. Missing where it has not. */
  readonly lastRunId?: string;
  /** The reason for which a closed run has no report. */
  readonly reason?: string;
}

/** The run that holds a namespace in an account. */
export interface NamespaceHolder extends AccountRun {
  /** Its pipeline, as `status` names it. */
  readonly by: string;
  readonly startedAt: string;
}

/** The activities of the fleet workflow. Each is safe to repeat at any point. */
export interface FleetActivities {
  /** Returns the accounts of a fleet. Reads AWS Organizations where the selection asks for it. */
  resolveFleet(request: FleetRequest): Promise<ResolvedFleet>;
  /** Returns the request for one account: the manifests, rendered for it. Its key is the same at every repeat. */
  prepareFleetAccount(request: FleetAccountRequest): Promise<BootstrapRequest>;
  /** Finds the run of an account that an earlier run of the fleet's workflow has started. */
  findAccountRun(run: AccountRun): Promise<FoundAccountRun>;
  /** Finds the run that holds a namespace, by its workflow ID. Null where none does. */
  findNamespaceHolder(workflowId: string): Promise<NamespaceHolder | null>;
}

/** The result for one account of a fleet. */
export interface AccountReport {
  readonly account: string;
  readonly name: string | null;
  readonly result: ReportResult | 'skipped';
  readonly reason: string | null;
  readonly remedy: string | null;
  /** The wave, from 1. */
  readonly wave: number;
  readonly summary: Summary;
  /** The entities that are not unchanged, in short. The complete report is that of the account's run. */
  readonly entities: readonly FleetEntity[];
  /** Entities left out of {@link entities}. Missing if there are none. */
  readonly omittedEntities?: number;
  /** The account's own run. Null where none was started. */
  readonly workflow: { readonly workflowId: string; readonly runId: string } | null;
  readonly calls: Readonly<Record<string, number>>;
  readonly durationMs: number;
}

/** The entity in the report of a fleet. */
export type FleetEntity = Pick<EntityReport, 'kind' | 'name' | 'outcome' | 'reason'> & {
  readonly decision: DecisionAction;
};

/** The report of a run of a fleet. */
export interface FleetReport {
  readonly version: 1;
  readonly command: FleetCommand;
  /** The gravest result of its accounts. */
  readonly result: ReportResult;
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly fleet: string;
  readonly namespace: string;
  readonly environment: string;
  readonly digest: string;
  readonly request: { readonly key: string; readonly pipeline: Pipeline };
  readonly workflow: { readonly workflowId: string; readonly runId: string };
  readonly accounts: readonly AccountReport[];
  readonly leftOut: readonly LeftOutAccount[];
  /** The sum over the accounts. */
  readonly summary: Summary;
  readonly calls: Readonly<Record<string, number>>;
  readonly startedAt: Timestamp;
  readonly durationMs: number;
}
