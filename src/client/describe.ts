import type { RunReference } from '../contract/explain.js';
import { describeOrigin } from '../report/run-description.js';

interface Namespace {
  readonly account: string;
  readonly namespace: string;
}

/** Returns the options by which a command finds a namespace. */
export function namespaceFlags({ account, namespace }: Namespace): string {
  return `--account ${account} --namespace ${namespace}`;
}

/** Returns the command that approves a plan. */
export function approveCommand(namespace: Namespace, plan: string): string {
  return `iam-bootstrap approve ${namespaceFlags(namespace)} --plan ${plan}`;
}

/** Returns the namespace and the pipeline of a run: `ci (https://…)`. */
export function describeRun({ namespace, pipeline }: Pick<RunReference, 'namespace' | 'pipeline'>): string {
  return `${namespace} (${describeOrigin(pipeline)})`;
}
