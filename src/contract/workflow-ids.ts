/** Workflow types, as `temporal workflow start --type` takes them. */

import { MAX_WORKFLOW_ID_LENGTH } from './entity.js';

export const WorkflowType = {
  Bootstrap: 'bootstrap',
  Explain: 'explain',
  Ledger: 'ledger',
  Plan: 'plan',
  ReconcileEntity: 'reconcileEntity',
} as const;

/** ID of the bootstrap workflow: one writer for each namespace of an account. */
export function bootstrapWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap:${account}:${namespace}`;
}

/** Which account and namespace a bootstrap workflow's ID names; empty where it names none. */
export function parseBootstrapWorkflowId(workflowId: string): { readonly account: string; readonly namespace: string } {
  const [, account = '', namespace = ''] = workflowId.split(':');
  return { account, namespace };
}

/** ID of the workflow that remembers which revisions a namespace was given. */
export function ledgerWorkflowId(account: string, namespace: string): string {
  return `iam-bootstrap-ledger:${account}:${namespace}`;
}

/** ID of a plan workflow; it takes no lock, so the request's key sets it apart. */
export function planWorkflowId(account: string, namespace: string, key: string): string {
  return `iam-bootstrap-plan:${account}:${namespace}:${key}`;
}

/**
 * ID of the reconcile-entity workflow: one writer for each entity, across namespaces.
 * A key that would make the ID longer than {@link MAX_WORKFLOW_ID_LENGTH} keeps its head and ends in a digest.
 *
 * @param digest - a hash function; workflow code has none, so the plan activity makes these IDs
 */
export function entityWorkflowId(
  account: string,
  entity: { readonly kind: string; readonly name: string },
  digest: (text: string) => string,
): string {
  const key = entity.name.toLowerCase();
  const id = `iam:${account}:${entity.kind}:${key}`;
  if (id.length <= MAX_WORKFLOW_ID_LENGTH) return id;
  const mark = `~${digest(key).slice(0, 16)}`;
  return id.slice(0, MAX_WORKFLOW_ID_LENGTH - mark.length) + mark;
}
