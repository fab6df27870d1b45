import { activityInfo } from '@temporalio/activity';
import type { EntityRun, RunOrigin } from '../../contract/activities.js';
import type { SignedDecisionRequest } from '../../contract/approval.js';
import type { CaptureRequest } from '../../contract/capture.js';
import type { EvidenceRequest } from '../../contract/explain.js';
import type { FleetRequest } from '../../contract/fleet.js';
import type { Proof } from '../../contract/identity.js';
import type { LookUpRequest } from '../../contract/look-up.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { SchedulePermitRequest } from '../../contract/schedule-permit.js';
import {
  bootstrapWorkflowId,
  fleetPlanWorkflowId,
  fleetWorkflowId,
  planWorkflowId,
  WorkflowType,
} from '../../contract/workflow-ids.js';
import { scheduleDigest } from '../../engine/request-digest.js';
import { verifySignature, type Signed, type SignedAction } from '../../identity/signature.js';
import { shellWord } from '../../report/shell-word.js';
import { failure } from './failures.js';

/** The longest time between a signature and the start of its run, in milliseconds; either clock may be behind. */
const MAX_AGE_MS = 15 * 60_000;

const MS_PER_MINUTE = 60_000;

/** The questions about runs that the check of signatures asks Temporal. */
export interface SignedRuns {
  readonly entityRuns: { originOf(run: EntityRun): Promise<RunOrigin | undefined> };
  readonly proofUses: {
    /** Uses a proof for a run. Returns false where it was used for another one. */
    use(id: string, runId: string): Promise<boolean>;
  };
}

/** The check that a request was signed with a key that the worker shares with those who may ask it. */
export class SignedRequests {
  readonly #keys: readonly string[];
  /** The worker's file of keys. Undefined where they come from a variable. */
  readonly #file: string | undefined;
  readonly #runs: SignedRuns;

  constructor(keys: readonly string[], file: string | undefined, runs: SignedRuns) {
    this.#keys = keys;
    this.#file = file;
    this.#runs = runs;
  }

  /**
   * Makes sure that the request of a plan or bootstrap run is signed, for this run.
   *
   * @throws ApplicationFailure
   */
  async assertRequest(request: BootstrapRequest): Promise<void> {
    const { target, namespace, key } = request;
    const run = ownRun();
    const isPlan = run.workflowId === planWorkflowId(target.account, namespace, key);
    if (!isPlan && run.workflowId !== bootstrapWorkflowId(target.account, namespace)) {
      throw this.#refusal(`a run with the ID ${run.workflowId} cannot be signed for`);
    }
    const action = isPlan ? WorkflowType.Plan : WorkflowType.Bootstrap;
    const signed = this.#verify(action, request);
    const origin = await this.#assertRecent(signed, run);
    // A plan that is made once more tells what the history of the first one tells.
    if (isPlan || (await this.#runs.proofUses.use(signed.id, origin.firstRunId))) return;
    throw this.#refusal('its signature was used for another run');
  }

  /**
   * Makes sure that the maker of a schedule has signed it, now: its runs carry a permit of a worker.
   *
   * @throws ApplicationFailure
   */
  async assertSchedule(scheduled: SchedulePermitRequest): Promise<void> {
    const { proof } = scheduled.request;
    const signed = this.#verify('schedule', { digest: scheduleDigest(scheduled), proof });
    const origin = await this.#assertRecent(signed, ownRun());
    if (await this.#runs.proofUses.use(signed.id, origin.firstRunId)) return;
    throw this.#refusal('its signature was used for another run');
  }

  /**
   * Makes sure that the request of a fleet's run is signed, for this run.
   *
   * @throws ApplicationFailure
   */
  async assertFleet(request: FleetRequest): Promise<void> {
    const { command, namespace, fleet, key } = request;
    const run = ownRun();
    const isOwn =
      run.workflowId ===
      (command === 'plan' ? fleetPlanWorkflowId(namespace, fleet, key) : fleetWorkflowId(namespace, fleet));
    if (!isOwn) throw this.#refusal(`a run with the ID ${run.workflowId} cannot be signed for`);
    const signed = this.#verify('fleet', request);
    const origin = await this.#assertRecent(signed, run);
    if (await this.#runs.proofUses.use(signed.id, origin.firstRunId)) return;
    throw this.#refusal('its signature was used for another run');
  }

  /**
   * Makes sure that a request to read entities is signed, for a run that starts now.
   *
   * @throws ApplicationFailure
   */
  async assertRead(request: EvidenceRequest | LookUpRequest | CaptureRequest): Promise<void> {
    await this.#assertRecent(this.#verify(readActionOf(request), request), ownRun());
  }

  /**
   * Makes sure that a decision about a plan is signed, now and for this run: another one may have the same plan.
   *
   * @throws ApplicationFailure
   */
  async assertDecision({ verdict, decision }: SignedDecisionRequest): Promise<void> {
    const signed = this.#verify(verdict === 'approved' ? 'approve' : 'reject', decision);
    const origin = await this.#runs.entityRuns.originOf(ownRun());
    if (origin === undefined) throw this.#refusal('its run is gone');
    this.#assertAge(signed, activityInfo().scheduledTimestampMs, 'it was sent');
    if (await this.#runs.proofUses.use(signed.id, origin.firstRunId)) return;
    throw this.#refusal('its signature was used for another run');
  }

  #verify<T extends { readonly proof?: Proof | undefined }>(action: SignedAction, request: T): Signed {
    const signature: unknown = request.proof?.signature;
    if (typeof signature !== 'string') throw this.#refusal('it is not signed');
    const signed = verifySignature(this.#keys, action, request, signature);
    if (signed === undefined) throw this.#refusal(`its signature is not that of this ${action}`);
    return signed;
  }

  /** Compares the signer's clock with the server's: the run may have waited for a worker, and waits for an approval. */
  async #assertRecent(signed: Signed, run: EntityRun): Promise<RunOrigin> {
    const origin = await this.#runs.entityRuns.originOf(run);
    if (origin === undefined) throw this.#refusal('its run is gone');
    this.#assertAge(signed, origin.startedAt, 'its run started');
    return origin;
  }

  #assertAge({ signedAt }: Signed, at: number, event: string): void {
    const minutes = Math.round((at - signedAt) / MS_PER_MINUTE);
    if (Math.abs(at - signedAt) <= MAX_AGE_MS) return;
    throw this.#refusal(
      minutes > 0
        ? `it was signed ${String(minutes)} minutes before ${event}`
        : `it was signed ${String(-minutes)} minutes after ${event}: the clocks differ`,
    );
  }

  #refusal(problem: string): Error {
    const where = this.#file === undefined ? 'its key' : `the key in ${this.#file}`;
    const message = `the worker takes only requests that are signed with ${where}, and this one is refused: ${problem}`;
    const setting = `export IAM_BOOTSTRAP_REQUEST_KEY_FILE=${shellWord(this.#file ?? 'FILE')}`;
    const place =
      this.#file === undefined ? "with a file that has the worker's key" : 'with a copy of the file on another machine';
    const remedy = `send it by iam-bootstrap after \`${setting}\`, ${place}; a run that is started by hand or as a copy cannot be signed, and a schedule is made by \`iam-bootstrap schedule create\``;
    return failure('NotAllowed', message, { remedy });
  }
}

/** Returns the action that a request to read was signed for: each has a member that no other one has. */
function readActionOf(request: EvidenceRequest | LookUpRequest | CaptureRequest): SignedAction {
  if ('captureId' in request) return WorkflowType.Capture;
  return 'requestId' in request ? WorkflowType.Explain : WorkflowType.LookUp;
}

/** Returns the run of this activity. A request without a run has no signature that could be for it. */
function ownRun(): EntityRun {
  return activityInfo().workflowExecution ?? { workflowId: '', runId: '' };
}
