import { activityInfo, sleep } from '@temporalio/activity';
import { isGrpcServiceError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { pauseAfter, untilShown } from '../aws/propagation.js';
import type {
  EntityRun,
  EntityRunsRequest,
  FoundEntityRuns,
  PendingActivity,
  RunOrigin,
} from '../contract/activities.js';
import { bootstrapWorkflowId, entityWorkflowIdPrefix, WorkflowType } from '../contract/workflow-ids.js';
import type { Principal } from '../contract/identity.js';
import { IamOutcome } from '../contract/search-attributes.js';
import { pendingActivities } from '../temporal/pending-activities.js';
import { firstEventOf } from '../temporal/first-event.js';
import { startedBy } from '../temporal/principal.js';
import { type Descent, descentFrom, type StartAttributes } from './runtime/descent.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** gRPC's status code of what does not exist. */
const NOT_FOUND: readonly number[] = [5];

/** Time for which one attempt waits for Temporal to list its own run. */
const MAX_LAG_MS = 20_000;

/** Time for which an entity counts as recently changed: the tag index is behind IAM for less. */
const RECENT_CHANGE_MS = 3_600_000;

/** Ends of a bootstrap run that has awaited its entity runs, or has drained before it continued as new. */
const ENDED_BY_ITSELF: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'CONTINUED_AS_NEW']);

/** The number of entity runs whose activities are listed: a run has at most 20 open at a time. */
const MAX_LISTED_RUNS = 20;

/** The workflows by which a client asks for something. */
const ASKING: ReadonlySet<string> = new Set([
  WorkflowType.Bootstrap,
  WorkflowType.Plan,
  WorkflowType.Fleet,
  WorkflowType.PermitSchedule,
]);

/** The workflow that a run executes. */
interface RunWorkflow {
  readonly type: string;
  readonly taskQueue: string;
}

/** Finds, looks into and ends runs of the reconcile-entity workflow. */
export class EntityRuns {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Finds the open entity runs of an account: those that earlier runs of the namespace left behind, and all others. A list
   * may not show yet what has started a moment ago, so each earlier run itself is asked for its entity runs.
   */
  async find(request: EntityRunsRequest): Promise<FoundEntityRuns> {
    const [{ earlier, others }, left] = await Promise.all([this.#listOpen(request), this.#leftByEarlierRuns(request)]);
    const found = new Set(left.map(({ runId }) => runId));
    return { earlier: [...left, ...earlier.filter(({ runId }) => !found.has(runId))], others };
  }

  /**
   * Returns the workflow IDs of the entities of a kind that runs of any namespace have changed in the last hour or may be
   * changing, but for those that were created in it and not changed since.
   */
  async recentlyChanged(account: string, kind: string): Promise<readonly string[]> {
    // By Temporal's clock, which the times of closed runs are of as well.
    const since = new Date(activityInfo().currentAttemptScheduledTimestampMs - RECENT_CHANGE_MS).toISOString();
    const query = [
      `WorkflowId STARTS_WITH "${entityWorkflowIdPrefix(account)}${kind}:"`,
      `WorkflowType = "${WorkflowType.ReconcileEntity}"`,
      `(ExecutionStatus = "Running" OR CloseTime > "${since}")`,
    ].join(' AND ');
    return this.#ask(async () => {
      const created = new Set<string>();
      const changed = new Set<string>();
      for await (const { workflowId, typedSearchAttributes } of this.#client.workflow.list({ query })) {
        const isCreated = typedSearchAttributes.get(IamOutcome) === 'created' && !created.has(workflowId);
        (isCreated ? created : changed).add(workflowId);
      }
      return [...changed];
    });
  }

  #listOpen({ account, namespace, runId }: EntityRunsRequest): Promise<FoundEntityRuns> {
    const query = [
      `WorkflowId STARTS_WITH "${entityWorkflowIdPrefix(account)}"`,
      `WorkflowType = "${WorkflowType.ReconcileEntity}"`,
      'ExecutionStatus = "Running"',
    ].join(' AND ');
    return this.#ask(async () => {
      const earlier: EntityRun[] = [];
      const others: string[] = [];
      for await (const { workflowId, runId: entityRunId, memo } of this.#client.workflow.list({ query })) {
        if (memo?.['namespace'] !== namespace) others.push(workflowId);
        else if (memo['run'] !== runId) earlier.push({ workflowId, runId: entityRunId });
      }
      return { earlier, others };
    });
  }

  async #leftByEarlierRuns({ account, namespace, runId }: EntityRunsRequest): Promise<readonly EntityRun[]> {
    const workflowId = bootstrapWorkflowId(account, namespace);
    const earlier = await untilShown(() => this.#listEarlier(workflowId, runId), sleep, MAX_LAG_MS);
    if (earlier === undefined) {
      throw ApplicationFailure.retryable('Temporal does not list this run yet', 'ServiceUnavailable');
    }
    const left: EntityRun[] = [];
    for (const earlierRunId of earlier) left.push(...(await this.#openChildren({ workflowId, runId: earlierRunId })));
    return left;
  }

  /**
   * Lists the runs of the namespace before this one, back to the last that ended by itself: it had ended what those before
   * it left behind. Returns undefined while the list lags. One that shows this run shows all runs before it, since
   * Temporal records the runs of a workflow ID in order.
   */
  #listEarlier(workflowId: string, runId: string): Promise<readonly string[] | undefined> {
    return this.#ask(async () => {
      const earlier: string[] = [];
      let isShown = false;
      // The newest comes first.
      for await (const run of this.#client.workflow.list({ query: `WorkflowId = "${workflowId}"`, pageSize: 10 })) {
        if (run.runId === runId) isShown = true;
        else earlier.push(run.runId);
        if (run.runId !== runId && ENDED_BY_ITSELF.has(run.status.name)) break;
      }
      return isShown ? earlier : undefined;
    });
  }

  /** Returns the entity runs that had not closed when a run of a namespace ended, and that still are open. */
  async #openChildren(run: EntityRun): Promise<readonly EntityRun[]> {
    const description = await this.#call(run, (handle) => handle.describe());
    const children = await Promise.all(
      (description?.raw.pendingChildren ?? []).map(async ({ workflowId, runId }): Promise<readonly EntityRun[]> => {
        const child = { workflowId: workflowId ?? '', runId: runId ?? '' };
        const described = await this.#call(child, (handle) => handle.describe());
        const isOpen = described?.status.name === 'RUNNING' && described.parentExecution?.runId === run.runId;
        return isOpen ? [{ ...child, runId: described.runId }] : [];
      }),
    );
    return children.flat();
  }

  /** Cancels entity runs and waits until they have closed. They end between two writes. */
  async end(runs: readonly EntityRun[]): Promise<void> {
    await Promise.all(runs.map((run) => this.#call(run, (handle) => handle.cancel())));
    let open = runs;
    for (let attempt = 1; ; attempt += 1) {
      const areOpen = await Promise.all(open.map((run) => this.#isOpen(run)));
      open = open.filter((_run, index) => areOpen[index]);
      if (open.length === 0) return;
      await sleep(pauseAfter(attempt));
    }
  }

  /** Lists what the run that calls this activity is doing, in its entity runs too. The listing itself is left out. */
  async pending(): Promise<readonly PendingActivity[]> {
    const { workflowExecution, activityId: own } = activityInfo();
    if (workflowExecution === undefined) return [];
    const { workflowId, runId } = workflowExecution;
    const run = await this.#call({ workflowId, runId }, (handle) => handle.describe());
    if (run === undefined) return [];
    const pending = await this.#ask(() => pendingActivities(this.#client, run, MAX_LISTED_RUNS));
    return pending.filter((activity) => activity.workflowId !== workflowId || activity.activityId !== own);
  }

  /** Returns the run that has started another one as its child. Undefined where a client has, or where it is gone. */
  async parentOf(run: EntityRun): Promise<EntityRun | undefined> {
    const description = await this.#call(run, (handle) => handle.describe());
    const { workflowId, runId } = description?.parentExecution ?? {};
    return typeof workflowId === 'string' && typeof runId === 'string' ? { workflowId, runId } : undefined;
  }

  /** Returns the start of a run. Undefined where it is gone. */
  async originOf(run: EntityRun): Promise<RunOrigin | undefined> {
    const description = await this.#call(run, (handle) => handle.describe());
    if (description === undefined) return undefined;
    const firstRunId = description.raw.workflowExecutionInfo?.firstRunId ?? '';
    // A server of an earlier version does not tell it.
    return { startedAt: description.startTime.getTime(), firstRunId: firstRunId === '' ? run.runId : firstRunId };
  }

  /**
   * Returns the client that has started the run of this activity, for what the activity does. Undefined where the server has
   * recorded none, and where the run was started for something else: who can run workflow tasks can call any activity in it.
   *
   * @param isAskedFor - reports whether the argument of the run asks for what the activity does
   */
  async principalOfRun(isAskedFor: (argument: unknown) => boolean): Promise<Principal | undefined> {
    const { workflowExecution: run, taskQueue: own } = activityInfo();
    const start = run && (await this.#ask(() => startedBy(this.#client, run)));
    if (start?.taskQueue !== own || !ASKING.has(start.workflowType)) return undefined;
    const argument = await this.#ask(() => start.argument());
    return isAskedFor(argument) ? start.principal : undefined;
  }

  /**
   * Reports whether a run, or one that it continues, goes on from a reset. Its history then begins with a copy of that of the
   * run which was reset, and tells so. True also where a run that it continues is gone, since nothing tells then.
   */
  async isReset({ workflowId, runId }: EntityRun): Promise<boolean> {
    for (let earlier: string | undefined = runId; earlier !== undefined;) {
      const start = await this.#startOf({ workflowId, runId: earlier });
      const original = start?.originalExecutionRunId ?? '';
      if (start === undefined || (original !== '' && original !== earlier)) return true;
      const continued: string = start.continuedExecutionRunId ?? '';
      earlier = continued === '' ? undefined : continued;
    }
    return false;
  }

  /** Returns how a run goes on from an earlier one of its workflow. Null where it does not. */
  descentFrom(earlierRunId: string, run: EntityRun): Promise<Descent | null> {
    return descentFrom(earlierRunId, run, (one) => this.#startOf(one));
  }

  /** Returns the attributes of a run's first event. Undefined where the run is gone. */
  async #startOf(execution: EntityRun): Promise<StartAttributes | undefined> {
    const event = await this.#ask(() =>
      firstEventOf(this.#client, execution).catch((error: unknown) => {
        if (isGrpcServiceError(error) && NOT_FOUND.includes(error.code)) return undefined;
        throw error;
      }),
    );
    return event?.workflowExecutionStartedEventAttributes ?? undefined;
  }

  /** Returns the workflow that a run executes. Undefined where it is gone. */
  async workflowOf(run: EntityRun): Promise<RunWorkflow | undefined> {
    const description = await this.#call(run, (handle) => handle.describe());
    return description === undefined ? undefined : { type: description.type, taskQueue: description.taskQueue };
  }

  /** Reports whether a schedule has started a run, as the server has recorded it. False where the schedule is gone. */
  async isOfSchedule(scheduleId: string, { workflowId, runId }: EntityRun): Promise<boolean> {
    const { namespace } = this.#client.options;
    const { info } = await this.#ask(() =>
      this.#client.workflowService.describeSchedule({ namespace, scheduleId }).catch((error: unknown) => {
        if (isGrpcServiceError(error) && NOT_FOUND.includes(error.code)) return { info: null };
        throw error;
      }),
    );
    const started = [
      ...(info?.runningWorkflows ?? []),
      ...(info?.recentActions ?? []).map(({ startWorkflowResult }) => startWorkflowResult),
    ];
    return started.some((run) => run?.workflowId === workflowId && run.runId === runId);
  }

  async #isOpen(run: EntityRun): Promise<boolean> {
    const description = await this.#call(run, (handle) => handle.describe());
    return description?.status.name === 'RUNNING';
  }

  /** Calls a run. Returns undefined where it no longer exists, or has closed. */
  async #call<T>(
    { workflowId, runId }: EntityRun,
    call: (handle: ReturnType<Client['workflow']['getHandle']>) => Promise<T>,
  ): Promise<T | undefined> {
    try {
      return await this.#ask(() => call(this.#client.workflow.getHandle(workflowId, runId)));
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, call);
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(
        `Temporal does not answer about open entity runs: ${reason}`,
        'ServiceUnavailable',
      );
    }
  }
}
