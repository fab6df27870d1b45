import { activityInfo } from '@temporalio/activity';
import type { EntityRun } from '../../contract/activities.js';
import type { FleetAccount, FleetCommand, FleetAccountRequest, FleetRequest } from '../../contract/fleet.js';
import type { FleetPermit } from '../../contract/identity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import { fleetProofDigest, proofDigest, requestDigest } from '../../engine/request-digest.js';
import type { EntityRuns } from '../entity-runs.js';
import { failure } from './failures.js';
import { firstRunOf } from './launches.js';
import type { Permits } from './permits.js';
import { RememberedRuns } from './remembered-runs.js';

/** The content that the permit of an account's run is signed for. */
const CONTENT = 'fleet account request';

/** The workflows in which the permit for a command counts. An enforcing run starts the bootstrap of its account. */
const ALLOWED: Readonly<Record<FleetCommand, readonly string[]>> = {
  plan: [WorkflowType.Plan],
  apply: [WorkflowType.Bootstrap],
  detect: [WorkflowType.ScheduledRun],
  enforce: [WorkflowType.ScheduledRun, WorkflowType.Bootstrap],
};

type FleetSigner = Pick<Permits, 'permitFleet' | 'isFleetPermit' | 'permitAccount' | 'isAccountOf'>;

type Runs = Pick<EntityRuns, 'parentOf' | 'originOf' | 'isReset' | 'workflowOf' | 'isOfSchedule'>;

/**
 * Permits the runs for the accounts of a fleet, and verifies that permit in them. It stands in their requests, where every
 * client can copy it, so it counts only in runs that the fleet's own run has started.
 */
export class FleetPermits {
  readonly #permits: FleetSigner;
  readonly #runs: Runs;
  readonly #known = new RememberedRuns();

  constructor(permits: FleetSigner, runs: Runs) {
    this.#permits = permits;
    this.#runs = runs;
  }

  /**
   * Returns the permit of the run of this activity, which is that of a fleet.
   *
   * @param request - what the fleet does
   * @param asked - who asked for it, as proven and as Temporal has recorded it
   * @param asked.requester - the identity of a token. Null where nobody has proven one
   * @param asked.principal - the client that Temporal knows
   * @throws ApplicationFailure where the run is none of a fleet
   */
  async sign(
    request: FleetRequest,
    { requester, principal }: Pick<FleetPermit, 'requester' | 'principal'>,
  ): Promise<FleetPermit> {
    const { workflowExecution: run, taskQueue: own } = activityInfo();
    const { type, taskQueue } = (run === undefined ? undefined : await this.#runs.workflowOf(run)) ?? {};
    // A workflow that a client made could start what it likes, with this permit.
    if (type !== WorkflowType.Fleet || taskQueue !== own) throw refusal('it is not sent by a fleet of this task queue');
    const asked = { requester, ...(principal === undefined ? {} : { principal }) };
    const permit = { runId: await firstRunOf(this.#runs), command: request.command, ...asked };
    return this.#permits.permitFleet('fleet request', permit, fleetProofDigest(request));
  }

  /** Returns the account of a fleet, as one that a worker has found for its run. */
  signAccount({ runId }: FleetPermit, account: FleetAccount): FleetAccount {
    return this.#permits.permitAccount(runId, account);
  }

  /**
   * Makes sure that a worker has found the account for the run of this activity, and has permitted what it does there.
   *
   * @throws ApplicationFailure
   */
  async assertAccount(request: FleetRequest, { account, permit }: FleetAccountRequest): Promise<FleetPermit> {
    if (permit === undefined || !this.#permits.isFleetPermit('fleet request', permit, fleetProofDigest(request))) {
      throw refusal('no worker has permitted the run of its fleet');
    }
    await this.#assertOwnRun(request, permit);
    if (this.#permits.isAccountOf(permit.runId, account)) return permit;
    throw refusal(`no worker has found account ${account.id} for fleet ${request.fleet}`);
  }

  /** Makes sure that a permit is that of the run of this activity, which goes on from no reset, and whose schedule is there. */
  async #assertOwnRun({ command, key }: FleetRequest, permit: FleetPermit): Promise<void> {
    const { workflowExecution: run } = activityInfo();
    if (run === undefined || permit.runId !== (await firstRunOf(this.#runs))) {
      throw refusal('its permit is that of another run');
    }
    const isScheduled = command === 'detect' || command === 'enforce';
    if (isScheduled && !(await this.#runs.isOfSchedule(key, { ...run, runId: permit.runId }))) {
      throw refusal(`schedule ${key} is gone, or has not started this run`);
    }
    await this.#assertNotReset(run);
  }

  /** A run that was reset does once more what was proven once, however long ago. */
  async #assertNotReset(run: EntityRun): Promise<void> {
    if (this.#known.has(run.runId)) return;
    if (await this.#runs.isReset(run))
      throw refusal(`run ${run.runId} goes on from a reset, and was proven for no run`);
    this.#known.add(run.runId);
  }

  /** Returns the request for an account with the permit of the fleet's run. */
  withPermit(permit: FleetPermit, request: BootstrapRequest): BootstrapRequest {
    const fleetPermit = this.#permits.permitFleet(CONTENT, permit, proofDigest(request));
    return { ...request, proof: { fleetPermit } };
  }

  /**
   * Returns the permit of a request, in a run that may use it.
   *
   * @throws ApplicationFailure
   */
  async assert(request: BootstrapRequest): Promise<FleetPermit> {
    const permit = request.proof?.fleetPermit;
    const isOwn = requestDigest(request) === request.digest;
    if (permit === undefined || !isOwn || !this.#permits.isFleetPermit(CONTENT, permit, proofDigest(request))) {
      throw refusal('no worker has signed its permit for this request');
    }
    const { workflowExecution: run, workflowType } = activityInfo();
    const isAllowed = workflowType !== undefined && ALLOWED[permit.command].includes(workflowType);
    if (run === undefined || !isAllowed) throw refusal(`its permit lets a fleet ${permit.command} only`);
    const known = `${permit.runId} ${run.runId}`;
    if (this.#known.has(known)) return permit;
    for (const one of await this.#startedBy(permit, run)) await this.#assertNotReset(one);
    this.#known.add(known);
    return permit;
  }

  /**
   * Returns a run and those that have started it. The last one is of the fleet. A fleet goes on in later runs of its
   * workflow when its history is full.
   */
  async #startedBy({ command, runId }: FleetPermit, run: EntityRun): Promise<readonly EntityRun[]> {
    const isOfSchedule = command === 'enforce' && activityInfo().workflowType === WorkflowType.Bootstrap;
    const scheduled = isOfSchedule ? await this.#runs.parentOf(run) : run;
    const fleet = scheduled && (await this.#runs.parentOf(scheduled));
    const isStarted = fleet !== undefined && (await this.#runs.originOf(fleet))?.firstRunId === runId;
    if (scheduled === undefined || !isStarted) throw refusal('the fleet of its permit has not started this run');
    return [run, scheduled, fleet];
  }
}

function refusal(problem: string): Error {
  const remedy = 'apply to the fleet again: its run starts those of its accounts';
  return failure('NotAllowed', `the request of a fleet is refused: ${problem}`, { remedy });
}
