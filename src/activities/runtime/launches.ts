import { activityInfo } from '@temporalio/activity';
import type { ReconcileRequest } from '../../contract/request.js';
import { bootstrapWorkflowId } from '../../contract/workflow-ids.js';
import type { EntityRun, RunOrigin } from '../../contract/activities.js';
import type { Descent } from './descent.js';
import { failure } from './failures.js';
import type { Permits } from './permits.js';

/** A run ID: Temporal answers to nothing else. */
const RUN_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Entity runs whose start is remembered. */
const MAX_REMEMBERED = 1_000;

/** Returns how the bootstrap run that has started the entity run of an activity goes on from the one that it names, if it does. */
export type Launch = (request: ReconcileRequest) => Promise<Descent | null>;

/** The questions about runs that the check of a launch asks Temporal. The server has recorded the answers. */
export interface LaunchRuns {
  parentOf(run: EntityRun): Promise<EntityRun | undefined>;
  descentFrom(earlierRunId: string, run: EntityRun): Promise<Descent | null>;
}

/** The means to bind an entity's writes to the bootstrap run that has planned them. */
export interface Binding {
  readonly permits: Permits;
  readonly launch: Launch;
  /** Returns the start of a run. Undefined where it is gone. */
  readonly originOf: (run: EntityRun) => Promise<RunOrigin | undefined>;
}

/**
 * Asks Temporal which run has started an entity run, and what that one goes on from. The server records it, so that no
 * client can claim it. What was found is remembered for the next activities of the run.
 */
export function launchedBy(runs: LaunchRuns): Launch {
  const launches = new Map<string, Descent | null>();
  return async ({ target, namespace, intent }) => {
    const { workflowExecution: run } = activityInfo();
    if (run === undefined) return null;
    const lock = bootstrapWorkflowId(target.account, namespace);
    const key = JSON.stringify([run.runId, lock, intent]);
    const launch = launches.has(key) ? (launches.get(key) ?? null) : await launchOf(runs, run, lock, intent);
    launches.set(key, launch);
    const [oldest] = launches.keys();
    if (launches.size > MAX_REMEMBERED && oldest !== undefined) launches.delete(oldest);
    return launch;
  };
}

async function launchOf(runs: LaunchRuns, run: EntityRun, lock: string, intent: string): Promise<Descent | null> {
  const parent = await runs.parentOf(run);
  return parent?.workflowId === lock ? runs.descentFrom(intent, parent) : null;
}

/** Returns a request as the first run of its bootstrap run's chain would make it: that run has planned it. */
export async function beforeReset<T extends ReconcileRequest>({ originOf }: Binding, request: T): Promise<T> {
  const { target, namespace, intent: runId } = request;
  if (!RUN_ID.test(runId)) return request;
  const origin = await originOf({ workflowId: bootstrapWorkflowId(target.account, namespace), runId });
  return { ...request, intent: origin?.firstRunId ?? runId };
}

/** Returns the first run of the chain of this activity's run, so that a run that was reset is the same. */
export async function firstRunOf(runs: Pick<Binding, 'originOf'>): Promise<string> {
  const { workflowExecution: run } = activityInfo();
  if (run === undefined) throw new Error('permits are signed in activities of a run');
  return (await runs.originOf(run))?.firstRunId ?? run.runId;
}

/**
 * Refuses an activity that a client has started by itself: Temporal runs activities without a workflow. Workflows check
 * what they hand to activities, and wait for approvals.
 *
 * @throws ApplicationFailure
 */
export function assertInWorkflow(): void {
  const { workflowExecution, activityType } = activityInfo();
  if (workflowExecution !== undefined) return;
  const remedy = 'use iam-bootstrap, which starts the workflow that calls it';
  throw failure('NotAllowed', `the activity ${activityType} runs in workflows only`, { remedy });
}
