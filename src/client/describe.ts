import type { Pipeline } from '../contract/entity.js';
import type { RunReference } from '../contract/explain.js';
import { describeOrigin } from '../report/run-description.js';

/** The pipeline of a run whose memo has none. */
export const UNKNOWN_PIPELINE: Pipeline = { provider: 'unknown', url: null, commit: null, actor: null };

/** Returns who requested a run: `https://ci.example.com/42 (job deploy, commit 4b825dc642cb, by ada)`. */
export function describePipeline(pipeline: Pipeline = UNKNOWN_PIPELINE): string {
  const { provider, url, job, commit, actor } = pipeline;
  const origin =
    url === null && actor === null && provider === 'unknown' ? 'another pipeline' : describeOrigin(pipeline);
  const details = [
    ...(job == null ? [] : [`job ${job}`]),
    ...(commit === null ? [] : [`commit ${commit.slice(0, 12)}`]),
    ...(url === null || actor === null ? [] : [`by ${actor}`]),
  ];
  return details.length === 0 ? origin : `${origin} (${details.join(', ')})`;
}

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
