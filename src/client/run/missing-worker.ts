import { counted } from '../../report/text.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { type Build, type RunReference, type Unserved, findUnservedReason } from '../../temporal/pollers.js';

/** The reason for which no worker takes the tasks of a run, and the remedy. */
export interface MissingWorker {
  readonly message: string;
  readonly remedy: string;
}

/**
 * Returns why no worker takes the tasks of a run, or of a run to come. Null where one does. A run that has not answered is
 * silent.
 */
export async function findMissingWorker(
  temporal: TemporalConnection,
  run?: RunReference,
  isSilent = false,
): Promise<MissingWorker | null> {
  const found = await findUnservedReason(temporal, run, isSilent);
  return found === null ? null : missingWorkerText(found, temporal.taskQueue, rescueCommand(temporal, run));
}

/** Describes why no worker takes the tasks, and the remedy. */
export function missingWorkerText(found: Unserved, taskQueue: string, rescue: string): MissingWorker {
  if (found.why === 'no-poller') {
    return {
      message: `no worker polls the task queue ${taskQueue}`,
      remedy: 'start one with `iam-bootstrap worker`; an open run then continues by itself',
    };
  }
  if (found.why === 'failing') {
    return {
      message: `workers of task queue ${taskQueue} cannot go on with the run: its workflow task was tried ${counted(found.attempts, 'time')}`,
      remedy:
        'read the log of the worker; where it reports nondeterminism, a newer version began the run: start a worker of that version again',
    };
  }
  const polling = found.polling.map(({ buildId }) => buildId).join(', ') || 'no build';
  if (found.why !== 'not-current') {
    return {
      message:
        found.why === 'pinned'
          ? `the run stays on ${buildText(found.build)}, which no worker of task queue ${taskQueue} has; they have ${polling}`
          : `the run stays on ${buildText(found.build)}, and no worker with it has answered in time; task queue ${taskQueue} has workers of ${polling}`,
      remedy: `start \`iam-bootstrap worker\` with that build, or move the run and its children to the current build: ${rescue}`,
    };
  }
  const [first] = found.polling;
  const { current } = found;
  const start = `start \`iam-bootstrap worker\` ${current === null ? 'without a build' : 'with that build'}`;
  return {
    message:
      current === null
        ? `no build is the current one, and every worker of task queue ${taskQueue} has a build: ${polling}`
        : `new runs go to ${buildText(current)}, which no worker of task queue ${taskQueue} has; they have ${polling}`,
    remedy: first === undefined ? start : `make a build the current one: ${currentCommand(first)}; or ${start}`,
  };
}

function buildText({ deploymentName, buildId }: Build): string {
  return `build ${buildId} of deployment ${deploymentName}`;
}

function currentCommand({ deploymentName, buildId }: Build): string {
  return `temporal worker deployment set-current-version --deployment-name ${deploymentName} --build-id ${buildId}`;
}

/** Returns the command that moves a run and its children to the current build. */
function rescueCommand({ client }: TemporalConnection, run?: RunReference): string {
  const id = run?.workflowId ?? '';
  const query = `ExecutionStatus = "Running" AND (WorkflowId = "${id}" OR ParentWorkflowId = "${id}")`;
  return [
    `temporal workflow update-options --namespace ${client.options.namespace}`,
    `--versioning-override-behavior auto_upgrade --query '${query}'`,
  ].join(' ');
}
