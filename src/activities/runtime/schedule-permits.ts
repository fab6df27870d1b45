import { activityInfo } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { EntityRun } from '../../contract/activities.js';
import type { SchedulePermit } from '../../contract/identity.js';
import type { FleetRequest } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { isFleetRequest } from '../../contract/fleet.js';
import type { SchedulePermitRequest } from '../../contract/schedule-permit.js';
import { scheduleId, WorkflowType } from '../../contract/workflow-ids.js';
import { fleetDigest, fleetProofDigest, proofDigest, requestDigest } from '../../engine/request-digest.js';
import type { EntityRuns } from '../entity-runs.js';
import { failure } from './failures.js';
import type { Permits } from './permits.js';
import { RememberedRuns } from './remembered-runs.js';

/** Time in which Temporal's schedule may not know a run yet that it has started, in milliseconds. */
const MAX_LAG_MS = 30_000;

const REMEDY = 'make the schedule again with `iam-bootstrap schedule create`';

/** Workflows whose plans are only read, so that anyone may start them. */
const READ_ONLY: readonly string[] = [WorkflowType.Plan, WorkflowType.ScheduledRun];

type Runs = Pick<EntityRuns, 'parentOf' | 'originOf' | 'workflowOf' | 'isOfSchedule'>;

/** Reports whether runs of a workflow type only plan. */
export function isReadOnly(workflowType: string | undefined): boolean {
  return workflowType !== undefined && READ_ONLY.includes(workflowType);
}

/**
 * Permits the runs of a schedule, and verifies that permit in them. It stands in the schedule, where every client can copy
 * it, so it counts only in runs that Temporal's scheduler has started for that schedule, and in their bootstrap runs.
 */
export class SchedulePermits {
  readonly #permits: Pick<Permits, 'permitSchedule' | 'isSchedulePermit'>;
  readonly #runs: Runs;
  /** Schedules with the runs that are known to be theirs. */
  readonly #known = new RememberedRuns();

  constructor(permits: Pick<Permits, 'permitSchedule' | 'isSchedulePermit'>, runs: Runs) {
    this.#permits = permits;
    this.#runs = runs;
  }

  /**
   * Returns the permit of a schedule.
   *
   * @throws ApplicationFailure where its ID is not that of a schedule for the request
   */
  async sign(
    { schedule, command, request }: SchedulePermitRequest,
    { requester, principal }: Pick<SchedulePermit, 'requester' | 'principal'>,
  ): Promise<SchedulePermit> {
    const { workflowExecution: run, taskQueue: own } = activityInfo();
    const { type, taskQueue } = (run && (await this.#runs.workflowOf(run))) ?? {};
    // A workflow that a client made could ask with another request than its own.
    if (type !== WorkflowType.PermitSchedule || taskQueue !== own) throw refusal('it is not sent to be permitted');
    const { namespace, environment } = request;
    const of = isFleetRequest(request)
      ? { account: null, namespace, environment: request.fleet }
      : { account: request.target.account, namespace, environment };
    const id = scheduleId(of, command);
    if (schedule !== id && !schedule.startsWith(`${id}:`)) throw refusal(`its ID is ${schedule} in place of ${id}`);
    const maker = { requester, ...(principal === undefined ? {} : { principal }) };
    return this.#permits.permitSchedule({ schedule, command, ...maker }, digestOf(request));
  }

  /**
   * Returns the permit of a request, in a run that may use it.
   *
   * @throws ApplicationFailure
   */
  async assert(request: BootstrapRequest | FleetRequest): Promise<SchedulePermit> {
    const permit = request.proof?.permit;
    if (permit === undefined || !this.#permits.isSchedulePermit(permit, digestOf(request))) {
      throw refusal('no worker has signed its permit for this request');
    }
    const run = isFleetRequest(request) ? this.#fleetRun(permit, request) : await this.#scheduledRun(permit);
    const known = `${permit.schedule} ${run.runId}`;
    if (this.#known.has(known)) return permit;
    await this.#assertRunsHere(run, permit, isFleetRequest(request) ? WorkflowType.Fleet : WorkflowType.ScheduledRun);
    const { startedAt } = (await this.#runs.originOf(run)) ?? { startedAt: 0 };
    // A run that was reset is none that the schedule has started.
    if (!(await this.#runs.isOfSchedule(permit.schedule, run))) {
      if (Date.now() - startedAt < MAX_LAG_MS) {
        throw ApplicationFailure.retryable('the schedule does not list this run yet', 'ServiceUnavailable');
      }
      throw refusal(`its permit is that of schedule ${permit.schedule}, which has not started this run`);
    }
    this.#known.add(known);
    return permit;
  }

  /** Returns the scheduled run that a run belongs to: itself, or the one that has started its bootstrap. */
  async #scheduledRun({ schedule, command }: SchedulePermit): Promise<EntityRun> {
    const { workflowExecution: run, workflowType } = activityInfo();
    if (run !== undefined && workflowType === WorkflowType.ScheduledRun) return run;
    const isBootstrap = workflowType === WorkflowType.Bootstrap && command === 'enforce';
    const parent = run === undefined || !isBootstrap ? undefined : await this.#runs.parentOf(run);
    if (parent !== undefined) return parent;
    throw refusal(`its permit lets schedule ${schedule} ${command === 'detect' ? 'detect drift' : 'enforce'} only`);
  }

  /** Returns the run of a fleet, in which its own permit counts. */
  #fleetRun({ schedule, command }: SchedulePermit, request: FleetRequest): EntityRun {
    const { workflowExecution: run, workflowType } = activityInfo();
    if (run !== undefined && workflowType === WorkflowType.Fleet && request.command === command) return run;
    throw refusal(`its permit lets schedule ${schedule} ${command} only`);
  }

  /** Makes sure that a run is a scheduled one of these workers: a schedule can start any workflow, which can start any other. */
  async #assertRunsHere(run: EntityRun, { schedule }: SchedulePermit, expected: string): Promise<void> {
    const { type, taskQueue } = (await this.#runs.workflowOf(run)) ?? {};
    if (type === expected && taskQueue === activityInfo().taskQueue) return;
    throw refusal(`its permit is that of schedule ${schedule}, and no scheduled run of this task queue uses it`);
  }
}

/** Returns the digest that a permit is signed for. The request's own, which people see, has to be right as well. */
function digestOf(request: BootstrapRequest | FleetRequest): string {
  if (isFleetRequest(request)) {
    if (fleetDigest(request) === request.digest) return fleetProofDigest(request);
  } else if (requestDigest(request) === request.digest) return proofDigest(request);
  throw refusal('its digest is not that of its content');
}

function refusal(problem: string): Error {
  return failure('NotAllowed', `the request of a schedule is refused: ${problem}`, { remedy: REMEDY });
}
