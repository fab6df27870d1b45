import { ApplicationFailure, setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import { bootstrap } from './bootstrap/bootstrap.js';
import { capture } from './capture.js';
import { explain } from './explain.js';
import { FAIL_ON_ANY_ERROR } from './failures.js';
import { fleet } from './fleet/fleet.js';
import { lookUp } from './look-up.js';
import { permitSchedule } from './permit-schedule.js';
import { plan } from './plan.js';
import { proofKey } from './proof-key.js';
import { reconcileEntity } from './reconcile-entity.js';
import { scheduledRun } from './scheduled-run.js';
import { workerGate } from './worker-gate.js';

export { accountLedger } from './account-ledger.js';
export { driftRecord } from './drift-record.js';
export { ledger } from './ledger.js';
export { notification } from './notification.js';
export { proofUse } from './proof-use.js';
export { bootstrap, capture, explain, fleet, lookUp, permitSchedule, plan, proofKey, reconcileEntity, scheduledRun };
export { workerGate };

setWorkflowOptions(FAIL_ON_ANY_ERROR, bootstrap);
setWorkflowOptions(FAIL_ON_ANY_ERROR, capture);
setWorkflowOptions(FAIL_ON_ANY_ERROR, explain);
setWorkflowOptions(FAIL_ON_ANY_ERROR, fleet);
setWorkflowOptions(FAIL_ON_ANY_ERROR, lookUp);
setWorkflowOptions(FAIL_ON_ANY_ERROR, permitSchedule);
setWorkflowOptions(FAIL_ON_ANY_ERROR, plan);
setWorkflowOptions(FAIL_ON_ANY_ERROR, proofKey);
setWorkflowOptions(FAIL_ON_ANY_ERROR, reconcileEntity);
setWorkflowOptions(FAIL_ON_ANY_ERROR, scheduledRun);
setWorkflowOptions(FAIL_ON_ANY_ERROR, workerGate);

/** Ends a run of a type that this worker does not know. Temporal would repeat its first task for ever. */
export default function unknownType(): Promise<never> {
  const { workflowType, taskQueue } = workflowInfo();
  throw ApplicationFailure.nonRetryable(
    `iam-bootstrap has no workflow of type ${workflowType}, and its workers poll the task queue ${taskQueue}`,
    'InvalidManifest',
  );
}
