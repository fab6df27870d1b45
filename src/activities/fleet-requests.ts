import { activityInfo } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { AccountRun, FleetRequest } from '../contract/fleet.js';
import { unreadableReason } from '../contract/unreadable.js';
import { startArgumentOf } from '../temporal/first-event.js';
import { assertUnchanged } from './fleet/assert-unchanged.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** Runs whose requests are kept. A request can have tens of megabytes, and any client can send one. */
const MAX_KEPT = 4;

/**
 * Reads the requests of fleets from the start of their runs. Each of a thousand accounts needs the request, and it would
 * be in the history a thousand times if the workflow handed it to the activities.
 */
export class FleetRequests {
  readonly #client: Pick<Client, 'workflowService' | 'withDeadline' | 'options'>;
  /** By run ID, the longest unused first. */
  readonly #kept = new Map<string, Promise<FleetRequest>>();

  constructor(client: Pick<Client, 'workflowService' | 'withDeadline' | 'options'>) {
    this.#client = client;
  }

  /**
   * Returns the request of the run that this activity is of. Its digest is that of its content.
   *
   * @throws ApplicationFailure
   */
  async ofThisRun(): Promise<FleetRequest> {
    const { workflowExecution } = activityInfo();
    if (workflowExecution === undefined) throw new Error('the requests of fleets are read in activities of their runs');
    const { runId } = workflowExecution;
    const request = this.#kept.get(runId) ?? this.#read(workflowExecution);
    this.#kept.delete(runId);
    this.#kept.set(runId, request);
    const [unused] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && unused !== undefined) this.#kept.delete(unused);
    try {
      return await request;
    } catch (error) {
      if (this.#kept.get(runId) === request) this.#kept.delete(runId);
      throw error;
    }
  }

  async #read(execution: AccountRun): Promise<FleetRequest> {
    const request = await this.#start(execution);
    const unreadable = request === null ? 'its run has no argument' : unreadableReason(request);
    if (request === null || unreadable !== null) throw unavailable(unreadable ?? '');
    assertUnchanged(request);
    return request;
  }

  /** Returns the argument of a run as the server has recorded it. */
  async #start(execution: AccountRun): Promise<FleetRequest | null> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, () =>
        startArgumentOf<FleetRequest>(this.#client, execution),
      );
    } catch (error) {
      throw unavailable(error instanceof Error ? error.message : String(error));
    }
  }
}

function unavailable(reason: string): ApplicationFailure {
  return ApplicationFailure.retryable(`the request of the fleet cannot be read: ${reason}`, 'ServiceUnavailable');
}
