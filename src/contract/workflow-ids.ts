import { MAX_WORKFLOW_ID_LENGTH } from './entity.js';

/** Workflow types, as `temporal workflow start --type` takes them. */
export const WorkflowType = {
  AccountLedger: 'accountLedger',
  Bootstrap: 'bootstrap',
  Explain: 'explain',
  Ledger: 'ledger',
  Notification: 'notification',
  Plan: 'plan',
  ProofKey: 'proofKey',
  ProofUse: 'proofUse',
  ReconcileEntity: 'reconcileEntity',
} as const;

/** Returns the ID of the bootstrap workflow: one writer for each namespace of an account. */
export function bootstrapWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap:${account}:${namespace}`;
}

/** Returns the account and namespace in the ID of a bootstrap workflow. Empty if the ID has none. */
export function parseBootstrapWorkflowId(workflowId: string): { readonly account: string; readonly namespace: string } {
  const [, account = '', namespace = ''] = workflowId.split(':');
  return { account, namespace };
}

/** Returns the ID of the workflow that records the revisions of a namespace. */
export function ledgerWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap-ledger:${account}:${namespace}`;
}

/** Returns the ID of the workflow that records which namespace of an account declares which entity without tags. */
export function accountLedgerWorkflowId(account: string): string {
  return `iam-bootstrap-ledger:${account}`;
}

/** Returns the ID of a plan workflow. It takes no lock, so its ID contains the request's key. */
export function planWorkflowId(account: string, namespace: string, key: string): string {
  return `iam-bootstrap-plan:${account}:${namespace}:${key}`;
}

/** Returns the ID of the workflow that remembers for which run a proof was used. */
export function proofUseWorkflowId(id: string): string {
  return `iam-bootstrap-proof:${id}`;
}

/** Returns the ID of the workflow that delivers a notification. */
export function notificationWorkflowId(id: string): string {
  return `iam-bootstrap-notification:${id}`;
}

/** Returns the command that ends a run which does not answer. */
export function terminateCommand(temporalNamespace: string, workflowId: string, runId: string): string {
  return `temporal workflow terminate --namespace ${temporalNamespace} --workflow-id ${workflowId} --run-id ${runId}`;
}

/** Returns the ID of a workflow that tells a client how to prove who it is. `key` tells it from others. */
export function proofKeyWorkflowId(account: string, key: string): string {
  return `iam-bootstrap-proof-key:${account}:${key}`;
}

/** Returns the start of the IDs of the reconcile-entity workflows of an account. */
export function entityWorkflowIdPrefix(account: string): string {
  return `iam:${account}:`;
}

/**
 * Returns the ID of the reconcile-entity workflow: one writer for each entity, across namespaces. A key that would make
 * the ID longer than {@link MAX_WORKFLOW_ID_LENGTH} keeps its head and ends in a digest. `digest` is a hash function:
 * workflow code has none, so the plan activity makes these IDs.
 */
export function entityWorkflowId(
  account: string,
  entity: { readonly kind: string; readonly name: string },
  digest: (text: string) => string,
): string {
  const key = entity.name.toLowerCase();
  const id = `${entityWorkflowIdPrefix(account)}${entity.kind}:${key}`;
  if (id.length <= MAX_WORKFLOW_ID_LENGTH) return id;
  const suffix = `~${digest(key).slice(0, 16)}`;
  return id.slice(0, MAX_WORKFLOW_ID_LENGTH - suffix.length) + suffix;
}
