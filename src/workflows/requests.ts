import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { CaptureRequest } from '../contract/capture.js';
import { captureRequest } from '../contract/capture-shapes.js';
import type { DeclarationChanges } from '../contract/declarations.js';
import type { DriftRecord, DriftUpdate } from '../contract/drift-record.js';
import type { EntityClaimChanges } from '../contract/entity-claims.js';
import type { ProofQuestion } from '../contract/identity.js';
import type { EvidenceRequest } from '../contract/explain.js';
import { fleetRequest } from '../contract/fleet-shapes.js';
import type { FleetRequest } from '../contract/fleet.js';
import type { LookUpRequest } from '../contract/look-up.js';
import type { LastOutcome, Notification, RunOutcome } from '../contract/notification.js';
import type { BootstrapRequest, ReconcileRequest } from '../contract/request.js';
import * as shapes from '../contract/request-shapes.js';
import * as scheduleShapes from '../contract/schedule-shapes.js';
import { type Claim, revisionProblem, startProblem } from '../contract/revision.js';
import { isFleetRequest } from '../contract/fleet.js';
import type { ScheduledFleet, SchedulePermitRequest } from '../contract/schedule-permit.js';
import type { ScheduledRun } from '../contract/schedule.js';
import type { Shape } from '../contract/shape.js';

/*
 * Any client can start a workflow with any argument. A malformed one ends the run with an ApplicationFailure, before
 * anything else is done with it. Activities check what is declared.
 */

const NO_SCHEDULED_ROLLBACK =
  'the request of a schedule may not undo newer revisions at each of its runs (--allow-older): make the schedule again with `iam-bootstrap schedule create`';

/** Ends a run whose argument is not a bootstrap request. */
export function assertBootstrapRequest(request: unknown): asserts request is BootstrapRequest {
  assertShape(request, shapes.bootstrapRequest, 'is not a bootstrap request');
  const { revision } = request as BootstrapRequest;
  if (revision !== undefined) assertRevision(revision);
}

/** Ends a run whose argument is not a request for a fleet. */
export function assertFleetRequest(request: unknown): asserts request is FleetRequest {
  assertShape(request, fleetRequest, 'is not a request for a fleet');
  const { revision } = request as FleetRequest;
  if (revision !== undefined) assertRevision(revision);
  const { command, allowOlder } = request as FleetRequest;
  const isScheduled = command === 'detect' || command === 'enforce';
  if (isScheduled && allowOlder === true) throw malformed(NO_SCHEDULED_ROLLBACK);
}

/** Ends a run whose argument is not a request for one entity. */
export function assertReconcileRequest(request: unknown): asserts request is ReconcileRequest {
  assertShape(request, shapes.reconcileRequest, 'is not a request for an entity');
}

/** Ends a run whose argument does not say which entities `explain` should read. */
export function assertEvidenceRequest(request: unknown): asserts request is EvidenceRequest {
  assertShape(request, shapes.evidenceRequest, 'is not a request for evidence');
}

/** Ends a run whose argument does not say which entities to look up. */
export function assertLookUpRequest(request: unknown): asserts request is LookUpRequest {
  assertShape(request, shapes.lookUpRequest, 'is not a request to look up entities');
}

/** Ends a run whose argument does not name a page of an account to read. */
export function assertCaptureRequest(request: unknown): asserts request is CaptureRequest {
  assertShape(request, captureRequest, 'is not a request to capture an account');
}

/** Ends a run whose argument does not say which account a proof is needed for. */
export function assertProofQuestion(question: unknown): asserts question is ProofQuestion {
  assertShape(question, shapes.proofQuestion, 'does not name an account, a namespace and an environment');
}

/** Ends a run whose argument is not a notification. */
export function assertNotification(notification: unknown): asserts notification is Notification {
  assertShape(notification, shapes.notification, 'is not a notification');
}

/** Ends a run whose argument is not the end of a run. */
export function assertRunOutcome(outcome: unknown): asserts outcome is RunOutcome {
  assertShape(outcome, shapes.runOutcome, 'is not the end of a run');
}

/** Rejects an update of the ledger whose argument is not the end of a run. It leaves no trace in the history. */
export function assertOutcome(outcome: unknown): asserts outcome is Omit<LastOutcome, 'isChange'> {
  assertShape(outcome, shapes.outcome, 'is not the end of a run');
  const problem = startProblem((outcome as LastOutcome).at, Date.now());
  if (problem !== null) throw malformed(problem);
}

/** Ends a run whose argument is not that of a scheduled run. */
export function assertScheduledRun(argument: unknown): asserts argument is ScheduledRun {
  assertShape(argument, scheduleShapes.scheduledRun, 'is not that of a schedule');
  const { schedule, request } = argument as ScheduledRun;
  assertBootstrapRequest(request);
  // By its key the ledger knows that a schedule asks.
  if (request.key !== schedule) throw malformed(`the request's key is not the ID of its schedule, ${schedule}`);
  if (request.allowOlder !== true) return;
  throw malformed(NO_SCHEDULED_ROLLBACK);
}

/** Ends a run whose argument is not that of a schedule, for an environment or for a fleet. */
export function assertSchedulePermitRequest(argument: unknown): asserts argument is SchedulePermitRequest {
  const { request } = (argument ?? {}) as Partial<SchedulePermitRequest>;
  if (typeof request !== 'object' || !isFleetRequest(request)) {
    assertScheduledRun(argument);
    return;
  }
  assertShape(argument, scheduleShapes.scheduledFleet, 'is not that of a schedule');
  const { schedule, command } = argument as ScheduledFleet;
  assertFleetRequest(request);
  if (request.command !== command) throw malformed(`the request does not ${command}, as its schedule does`);
  if (request.key !== schedule) throw malformed(`the request's key is not the ID of its schedule, ${schedule}`);
}

/** Ends a drift record whose argument is not the content of one, or of another environment. */
export function assertDriftRecord(
  argument: unknown,
  idOf: (of: DriftRecord) => string,
): asserts argument is DriftRecord {
  assertShape(argument, scheduleShapes.driftRecord, 'is not a drift record');
  if (idOf(argument as DriftRecord) === workflowInfo().workflowId) return;
  throw malformed('the drift record is that of another environment');
}

/** Rejects an update of a drift record whose argument is malformed. It leaves no trace in the history. */
export function assertDriftUpdate(update: unknown): asserts update is DriftUpdate {
  assertShape(update, scheduleShapes.driftUpdate, 'does not update a drift record');
}

/** Rejects an update of the ledger whose argument is not a claim. It leaves no trace in the history. */
export function assertClaim(claim: unknown): asserts claim is Claim {
  assertShape(claim, shapes.claim, 'is not a claim');
  assertRevision((claim as Claim).revision);
}

/** Rejects an update of an account's ledger whose argument is malformed. It leaves no trace in the history. */
export function assertEntityClaimChanges(changes: unknown): asserts changes is EntityClaimChanges {
  assertShape(changes, shapes.entityClaimChanges, 'does not change claims');
}

/** Rejects an update of a ledger whose argument does not change declarations. It leaves no trace in the history. */
export function assertDeclarationChanges(changes: unknown): asserts changes is DeclarationChanges {
  assertShape(changes, shapes.declarationChanges, 'does not change declarations');
}

/** Returns the well-formed entries of a list in the argument of a ledger, which any client may have started. */
export function soundEntries<T>(argument: unknown, list: string, shape: Shape): readonly T[] {
  if (argument === undefined) return [];
  assertShape(argument, shapes.ledgerArgument, 'is not the content of a ledger');
  const entries = (argument as Readonly<Record<string, unknown>>)[list];
  return Array.isArray(entries) ? entries.filter((entry): entry is T => shape(entry, '') === null) : [];
}

function assertRevision(revision: Claim['revision'] | NonNullable<BootstrapRequest['revision']>): void {
  const problem = revisionProblem(revision, Date.now());
  if (problem !== null) throw malformed(problem);
}

function assertShape(value: unknown, shape: Shape, problem: string): void {
  const detail = shape(value, '');
  if (detail !== null) throw malformed(`the argument ${problem}: ${detail}`);
}

function malformed(message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, 'InvalidManifest');
}
