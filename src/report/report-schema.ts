import { z } from 'zod';
import type { Report } from '../contract/report.js';

const json = z.json();
const count = z.int().min(0);
const text = z.string().nullable();

const drift = z.strictObject({
  path: z.string().describe('property path, as in the manifest; empty for the entity as a whole'),
  observed: json,
  desired: json,
  summary: z.string().exactOptional(),
  immutable: z.boolean().exactOptional().describe('AWS has no call that changes it'),
});

/** Outcomes of an entity. */
export const outcome = z.enum([
  'created',
  'adopted',
  'updated',
  'replaced',
  'released',
  'deleted',
  'unchanged',
  'refused',
  'failed',
  'skipped',
  'pending',
]);

/** Decisions for an entity. */
export const decision = z.enum(['create', 'adopt', 'update', 'replace', 'release', 'delete', 'no-op', 'refuse']);

/** The pipeline that a request came from. */
export const pipeline = z.strictObject({
  provider: z.string(),
  url: text,
  commit: text,
  actor: text,
  run: text.exactOptional(),
  runNumber: text.exactOptional(),
  job: text.exactOptional(),
  branch: text.exactOptional(),
  attempt: text.exactOptional().describe('attempt of the job, counted by the CI system'),
});

const entity = z.strictObject({
  kind: z.string(),
  name: z.string(),
  arn: text,
  decision,
  outcome,
  confirmedBy: z
    .enum(['reply', 'intent-tag', 'recorded-attempt', 'unconfirmed'])
    .nullable()
    .describe('how this run knows that its Create made the entity'),
  drift: z.array(drift),
  unmanaged: z.array(z.string()).describe('what AWS has and the manifest does not declare, kept'),
  writes: z.array(
    z.strictObject({
      operation: z.string(),
      requestId: text.describe('null where the reply was lost'),
      at: z.iso.datetime(),
    }),
  ),
  conflicts: z.array(z.strictObject({ operation: z.string(), code: z.string(), requestId: text, resolvedAs: outcome })),
  reason: text,
  remedy: text,
  attempts: count,
  omittedLines: z
    .int()
    .min(1)
    .exactOptional()
    .describe('lines of drift, unmanaged and writes that a very large report leaves out'),
  source: z.strictObject({ file: z.string(), line: count }).exactOptional(),
});

const revision = { value: count, source: z.enum(['given', 'commit-time']) };

/** Schema of the output of `plan`, `apply`, `release` and `destroy` with `--output json`. The compiler keeps it equal to the contract's type. */
export const reportSchema = z.strictObject({
  version: z.literal(1),
  command: z.enum(['plan', 'apply', 'release', 'destroy']),
  result: z.enum(['converged', 'pending', 'refused', 'failed', 'busy', 'cancelled']),
  account: z.string(),
  partition: z.string(),
  namespace: z.string(),
  environment: z.string(),
  digest: z.string().describe('digest of the request; equal requests have equal digests'),
  request: z.strictObject({
    key: z.string(),
    pipeline,
  }),
  revision: z
    .strictObject({
      ...revision,
      last: z
        .strictObject({
          ...revision,
          environment: z.string(),
          commit: text,
          url: text,
          runId: z.string(),
          at: z.iso.datetime(),
        })
        .nullable()
        .exactOptional()
        .describe('the revision that was applied last before this run; absent where the ledger was not asked'),
    })
    .exactOptional()
    .describe('how new the manifest is; only revisions of one environment and source are compared'),
  workflow: z.strictObject({ workflowId: z.string(), runId: z.string(), url: text }),
  entities: z.array(entity),
  summary: z.strictObject({
    created: count,
    adopted: count,
    updated: count,
    replaced: count,
    released: count,
    deleted: count,
    unchanged: count,
    refused: count,
    failed: count,
    skipped: count,
    pending: count,
    conflicts: count,
  }),
  apiCalls: z.strictObject({ total: count, byOperation: z.record(z.string(), count) }),
  startedAt: z.iso.datetime(),
  durationMs: z.number().min(0),
  reason: text.describe('why the run as a whole ended, where no entity explains it'),
  remedy: text,
  approval: z
    .strictObject({
      plan: z.string().describe('digest of the plan that was shown'),
      verdict: z.enum(['approved', 'rejected', 'expired', 'cancelled']),
      by: text.describe('as the approver stated it'),
      reason: text,
      openedAt: z.iso.datetime(),
      at: z.iso.datetime(),
    })
    .exactOptional()
    .describe('present where the plan waited for an approval'),
}) satisfies z.ZodType<Report>;

/** Returns the JSON Schema of the report. */
export function reportJsonSchema(): object {
  return { title: 'iam-bootstrap report', ...z.toJSONSchema(reportSchema) };
}
