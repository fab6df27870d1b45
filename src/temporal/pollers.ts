import type { temporal as api } from '@temporalio/proto';
import { type TemporalConnection, withDeadline } from './connect.js';

/** A build of a worker deployment. */
export interface Build {
  readonly deploymentName: string;
  readonly buildId: string;
}

/** The reason for which no worker takes the tasks of a run. */
export type Unserved =
  | { readonly why: 'no-poller' }
  | {
      /** Workers take the tasks of the run and cannot complete them, as those of a run that newer code began. */
      readonly why: 'failing';
      /** The number of times that the open task was tried. */
      readonly attempts: number;
    }
  | {
      /** The run is pinned to a build that does not poll (`pinned`), or has not answered beside others that do (`silent`). */
      readonly why: 'pinned' | 'silent';
      readonly build: Build;
      readonly polling: readonly Build[];
    }
  | {
      /** Workers poll, but none with the build that new runs go to. */
      readonly why: 'not-current';
      /** Null where no build is the current one. */
      readonly current: Build | null;
      /** Empty where the workers have no build. */
      readonly polling: readonly Build[];
    };

/** A run, or its ID for the last run. */
export interface RunReference {
  readonly workflowId: string;
  readonly runId?: string | undefined;
}

/** `TASK_QUEUE_TYPE_WORKFLOW`. */
const WORKFLOW_TASK_QUEUE = 1;

/** Attempts at one workflow task after which it counts as failing. A worker that ends in the middle costs one. */
const MIN_FAILING_ATTEMPTS = 3;

/** `VERSIONING_BEHAVIOR_PINNED`. */
const PINNED = 1;

/** `WORKER_VERSIONING_MODE_VERSIONED`. */
const VERSIONED = 2;

/**
 * Returns why no worker takes the tasks of a run, or of a run to come. Null where one polls, and where the server does not
 * answer: the caller then meets its error. A run that has not answered is silent: the server lists a worker for minutes
 * after its end.
 */
export async function findUnservedReason(
  temporal: TemporalConnection,
  run?: RunReference,
  isSilent = false,
): Promise<Unserved | null> {
  const { client, taskQueue } = temporal;
  const { namespace } = client.options;
  try {
    const [queue, described] = await Promise.all([
      withDeadline(client, () =>
        client.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: taskQueue },
          // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- a dynamic import finds no enumeration
          taskQueueType: WORKFLOW_TASK_QUEUE,
        }),
      ),
      run === undefined ? undefined : describeRun(temporal, run),
    ]);
    const pinned = pinnedBuild(described?.workflowExecutionInfo?.versioningInfo);
    return unservedReason(queue, pinned, isSilent) ?? failingReason(described?.pendingWorkflowTask);
  } catch {
    return null;
  }
}

function describeRun(
  { client }: TemporalConnection,
  { workflowId, runId = '' }: RunReference,
): Promise<api.api.workflowservice.v1.IDescribeWorkflowExecutionResponse> {
  const execution = { workflowId, runId };
  return withDeadline(client, () =>
    client.workflowService.describeWorkflowExecution({ namespace: client.options.namespace, execution }),
  );
}

/** Returns that workers fail at the open workflow task of a run. Null where they do not, or none is open. */
export function failingReason(task: api.api.workflow.v1.IPendingWorkflowTaskInfo | null | undefined): Unserved | null {
  const attempts = task?.attempt ?? 0;
  return attempts < MIN_FAILING_ATTEMPTS ? null : { why: 'failing', attempts };
}

/** Returns the build to which an override, else the workflow itself, pins a run. */
export function pinnedBuild(
  info: api.api.workflow.v1.IWorkflowExecutionVersioningInfo | null | undefined,
): Build | null {
  const override = info?.versioningOverride;
  if (override?.autoUpgrade === true) return null;
  if (override?.pinned != null) return buildOf(override.pinned.version);
  return (info?.behavior as number | undefined) === PINNED ? buildOf(info?.deploymentVersion) : null;
}

/** Returns why none of the pollers of a task queue takes the tasks of a run. Null where one does. */
export function unservedReason(
  { pollers, versioningInfo }: api.api.workflowservice.v1.IDescribeTaskQueueResponse,
  pinned: Build | null,
  isSilent: boolean,
): Unserved | null {
  const builds = (pollers ?? []).map(({ deploymentOptions }) =>
    (deploymentOptions?.workerVersioningMode as number | undefined) === VERSIONED ? buildOf(deploymentOptions) : null,
  );
  if (builds.length === 0) return { why: 'no-poller' };
  const polling = builds
    .filter((build) => build !== null)
    .filter((build, index, all) => all.findIndex((one) => isSame(one, build)) === index);
  const taking = pinned === null ? takingNewRuns(versioningInfo) : [pinned];
  if (builds.some((build) => taking.some((one) => isSame(build, one)))) {
    const hasOthers = builds.some((build) => !isSame(build, pinned));
    return pinned !== null && isSilent && hasOthers ? { why: 'silent', build: pinned, polling } : null;
  }
  return pinned === null
    ? { why: 'not-current', current: buildOf(versioningInfo?.currentDeploymentVersion), polling }
    : { why: 'pinned', build: pinned, polling };
}

/** Returns the builds that new runs go to: the current one, and one that is being introduced. Null is a worker without build. */
function takingNewRuns(info: api.api.taskqueue.v1.ITaskQueueVersioningInfo | null | undefined): (Build | null)[] {
  const ramping = buildOf(info?.rampingDeploymentVersion);
  return [buildOf(info?.currentDeploymentVersion), ...(ramping === null ? [] : [ramping])];
}

type Version = Pick<api.api.deployment.v1.IWorkerDeploymentVersion, 'deploymentName' | 'buildId'>;

function buildOf(version: Version | null | undefined): Build | null {
  const buildId = version?.buildId ?? '';
  return buildId === '' ? null : { deploymentName: version?.deploymentName ?? '', buildId };
}

function isSame(one: Build | null, other: Build | null): boolean {
  return one?.buildId === other?.buildId && one?.deploymentName === other?.deploymentName;
}
