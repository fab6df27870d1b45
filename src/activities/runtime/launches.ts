import { activityInfo } from '@temporalio/activity';
import type { ReconcileRequest } from '../../contract/request.js';
import { bootstrapWorkflowId } from '../../contract/workflow-ids.js';
import type { EntityRun, RunOrigin } from '../../contract/activities.js';
import { failure } from './failures.js';
import type { Permits } from './permits.js';

/** Entity runs whose start is remembered. */
const MAX_REMEMBERED = 1_000;

/** Reports whether the entity run of an activity was started by the bootstrap run that it names. */
export type Launch = (request: ReconcileRequest) => Promise<boolean>;

/** The means to bind an entity's writes to the bootstrap run that has planned them. */
export interface Binding {
  readonly permits: Permits;
  readonly launch: Launch;
  /** Returns the start of a run. Undefined where it is gone. */
  readonly originOf: (run: EntityRun) => Promise<RunOrigin | undefined>;
}

/**
 * Asks Temporal which run has started an entity run. The server records it, so that no client can claim it. What was found
 * is remembered for the next activities of the run.
 */
export function launchedBy(parentOf: (run: EntityRun) => Promise<EntityRun | undefined>): Launch {
  const parents = new Map<string, EntityRun | undefined>();
  return async ({ target, namespace, intent }) => {
    const { workflowExecution: run } = activityInfo();
    if (run === undefined) return false;
    const parent = parents.has(run.runId) ? parents.get(run.runId) : await parentOf(run);
    parents.set(run.runId, parent);
    const [oldest] = parents.keys();
    if (parents.size > MAX_REMEMBERED && oldest !== undefined) parents.delete(oldest);
    return parent?.workflowId === bootstrapWorkflowId(target.account, namespace) && parent.runId === intent;
  };
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
