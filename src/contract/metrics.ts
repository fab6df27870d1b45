import { WorkflowType } from './workflow-ids.js';
import type { Outcome, Report, ReportResult } from './report.js';

/** One metric of a worker. Labels have few values: no names of entities, no IDs of runs. Only what is watched is named. */
interface Metric {
  /** A histogram is in seconds. */
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram, in seconds. */
  readonly buckets?: readonly number[];
  /**
   * Label sets that are published at zero from the start. Prometheus sees no increase in a counter that first appears
   * with the value 1, so a rare and serious event would go unnoticed.
   */
  readonly atZero?: readonly Readonly<Record<string, string>>[];
}

/** The commands that start runs. */
export const COMMANDS: readonly Report['command'][] = ['plan', 'apply', 'release', 'destroy'];
const RESULTS: readonly ReportResult[] = ['converged', 'pending', 'refused', 'failed', 'cancelled'];
const RESOLUTIONS: readonly Outcome[] = ['created', 'adopted', 'updated', 'unchanged', 'refused', 'failed'];
const LOCKS = ['namespace', 'entity'] as const;

/** The label that the SDK adds to a workflow's metrics. */
const inBootstrap = { workflowType: WorkflowType.Bootstrap };

/** The metrics of a worker. The exporter adds `_total` or `_seconds` to a name. */
export const METRICS = {
  iam_bootstrap_runs: {
    type: 'counter',
    labels: ['command', 'result'],
    help: 'Runs that have ended.',
    atZero: COMMANDS.flatMap((command) =>
      RESULTS.map((result) => ({
        workflowType: command === 'plan' ? WorkflowType.Plan : WorkflowType.Bootstrap,
        command,
        result,
      })),
    ),
  },
  iam_bootstrap_run_duration: {
    type: 'histogram',
    labels: ['command'],
    help: 'How long runs took, waits included.',
    buckets: [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600],
  },
  iam_bootstrap_entities: {
    type: 'counter',
    labels: ['command', 'kind', 'outcome'],
    help: 'Entities of runs that have ended, by what became of them.',
  },
  iam_bootstrap_drifted_entities: {
    type: 'counter',
    labels: ['command', 'kind'],
    help: 'Entities that a run has found to differ from what is declared.',
  },
  iam_bootstrap_entities_in_drift: {
    type: 'gauge',
    labels: ['account', 'iam_namespace', 'environment'],
    help: 'Entities that differ from the manifest, as the last scheduled run found them. Every worker shows all that is watched: take the maximum, not the sum.',
  },
  iam_bootstrap_conflicts: {
    type: 'counter',
    labels: ['resolution'],
    help: 'Creates that AWS answered with "already exists", by what became of the entity; `created`: a reply was lost.',
    atZero: RESOLUTIONS.map((resolution) => ({ ...inBootstrap, resolution })),
  },
  iam_bootstrap_lock_refusals: {
    type: 'counter',
    labels: ['lock'],
    help: 'Starts that found a lock held by another run, and are tried again. Clients that wait for a namespace are not seen here.',
    atZero: LOCKS.map((lock) => ({ ...inBootstrap, lock })),
  },
  iam_bootstrap_lock_wait: {
    type: 'histogram',
    labels: ['lock'],
    help: 'How long a lock was waited for, where another run held it.',
    buckets: [0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400],
  },
  iam_bootstrap_guardrails: {
    type: 'gauge',
    labels: ['digest'],
    help: 'The guardrails of the worker by the digest of their file: 1 in force, 0 no longer. `none`: it has none. Where all are 0, the file cannot be used, and nothing is written.',
  },
  iam_bootstrap_guardrails_refusals: {
    type: 'counter',
    labels: ['at'],
    help: 'Requests and entities that the guardrails have refused, in a plan or right before a write.',
    atZero: [{ at: 'plan' }, { at: 'write' }],
  },
  iam_bootstrap_temporal_certificate_not_before_timestamp_seconds: {
    type: 'gauge',
    labels: ['certificate'],
    help: "The start of the certificate that the worker's connection to Temporal uses, in seconds since 1970: `client`, for mTLS, or `ca`. Missing without such a certificate.",
  },
  iam_bootstrap_temporal_certificate_not_after_timestamp_seconds: {
    type: 'gauge',
    labels: ['certificate'],
    help: 'The end of the same certificate: of a chain, the first to expire; of several authorities, the last.',
  },
  iam_bootstrap_notifications: {
    type: 'counter',
    labels: ['channel', 'result'],
    help: 'Attempts to deliver a notification, by channel: `delivered` or `failed`. A failed one is repeated for a day.',
  },
  iam_bootstrap_aws_calls: {
    type: 'counter',
    labels: ['operation', 'code'],
    help: "Calls to AWS, each attempt on the wire, by AWS's error code; `OK`: none.",
  },
  iam_bootstrap_aws_call_duration: {
    type: 'histogram',
    labels: ['operation'],
    help: 'How long calls to AWS took, each attempt on the wire.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
  },
} as const satisfies Readonly<Record<string, Metric>>;

/** The name of a metric. */
export type MetricName = keyof typeof METRICS;
