import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { ApprovalDecision, PendingApproval } from './approval.js';
import type { Declaration, DeclarationChanges } from './declarations.js';
import type { DriftChanges, DriftUpdate } from './drift-record.js';
import type { EntityClaim, EntityClaimChanges, EntityClaimsAnswer } from './entity-claims.js';
import type { FleetProgress, PendingWave } from './fleet-progress.js';
import type { FleetReport } from './fleet.js';
import type { LastOutcome } from './notification.js';
import type { Progress } from './progress.js';
import type { Approval, Report } from './report.js';
import type { AppliedRevision, Claim, ClaimAnswer } from './revision.js';

/**
 * Messages that workflows handle and clients send, in the names that the `temporal` command line takes.
 *
 * Never send a query to a closed run: a worker would replay its whole history to answer it.
 */

/** Returns where an open bootstrap run stands. */
export const progressQuery = defineQuery<Progress>('progress');

/** Returns the report of a run that was cancelled, which ends without a result. Null while the run is open. */
export const reportQuery = defineQuery<Report | null>('report');

/** Returns the plan that waits for an approval. Null while none does. */
export const approvalQuery = defineQuery<PendingApproval | null>('approval');

/** Approves the plan that waits. Rejected with one of the `ApprovalRefused` types where the decision does not count. */
export const approveUpdate = defineUpdate<Approval, [ApprovalDecision]>('approve');

/** Rejects the plan that waits, under the same rules as {@link approveUpdate}. */
export const rejectUpdate = defineUpdate<Approval, [ApprovalDecision]>('reject');

/**
 * Announces to an open run that another request relies on its report. Where the plan was made before, the run reads
 * again what it did not write. The argument is the key of that request.
 */
export const joinSignal = defineSignal<[string]>('join');

/** Has a drift record forget a schedule that was deleted, by its ID. */
export const forgetScheduleSignal = defineSignal<[string]>('forgetSchedule');

/**
 * Reports to the run of an entity what an activity has written before its attempt failed. Temporal keeps nothing of an
 * activity that is cancelled between two attempts. The argument is an `AttemptProgress`, and checked: any client may signal.
 */
export const attemptSignal = defineSignal<[unknown]>('attempt');

/** Approves without a reply: a decision that does not count is ignored. */
export const approveSignal = defineSignal<[ApprovalDecision]>('approve');

/** Rejects without a reply: a decision that does not count is ignored. */
export const rejectSignal = defineSignal<[ApprovalDecision]>('reject');

/** Returns where an open fleet run stands. */
export const fleetProgressQuery = defineQuery<FleetProgress>('progress');

/** Returns the report of a fleet run that was cancelled. Null while the run is open. */
export const fleetReportQuery = defineQuery<FleetReport | null>('report');

/** Returns the wave of a fleet that waits for an approval. Null while none does. */
export const waveApprovalQuery = defineQuery<PendingWave | null>('approval');

/** Asks the ledger of a namespace whether a revision may be applied, and records it if so. */
export const claimUpdate = defineUpdate<ClaimAnswer, [Claim]>('claim');

/** Records the end of a run in the ledger of its namespace. Returns whether it is a change that people must be told. */
export const outcomeUpdate = defineUpdate<boolean, [Omit<LastOutcome, 'isChange'>]>('outcome');

/** Returns the revisions in the ledger of a namespace: the last of each environment and source. */
export const appliedQuery = defineQuery<readonly AppliedRevision[]>('applied');

/** Returns all entities that the manifests of a namespace declare, from its ledger. */
export const declarationsQuery = defineQuery<readonly Declaration[]>('declarations');

/** Changes the declarations in the ledger of a namespace. */
export const declareUpdate = defineUpdate<undefined, [DeclarationChanges]>('declare');

/** Returns the claims on the given entities (`Kind/name`) in the ledger of an account. Unclaimed ones are left out. */
export const entityClaimsQuery = defineQuery<readonly EntityClaim[], [readonly string[]]>('entityClaims');

/** Takes and drops claims on entities whose kinds cannot carry ownership tags. */
export const claimEntitiesUpdate = defineUpdate<EntityClaimsAnswer, [EntityClaimChanges]>('claimEntities');

/** Changes the drift record of an environment. */
export const recordDriftUpdate = defineUpdate<DriftChanges, [DriftUpdate]>('recordDrift');
