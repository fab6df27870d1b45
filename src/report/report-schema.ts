import { z } from 'zod';
import type { Report } from '../contract/report.js';

const json = z.json();
const count = z.int().min(0);
const text = z.string().nullable();

const drift = z.strictObject({
  path: z.string().describe("property path in the manifest's words; empty for the entity as a whole"),
  observed: json,
  desired: json,
  summary: z.string().exactOptional(),
  immutable: z.boolean().exactOptional().describe('AWS has no call that changes it'),
});

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

export const decision = z.enum(['create', 'adopt', 'update', 'replace', 'release', 'delete', 'no-op', 'refuse']);

/** Where a request came from. */
export const pipeline = z.strictObject({
  provider: z.string(),
  url: text,
  commit: text,
  actor: text,
  run: text.exactOptional(),
  runNumber: text.exactOptional(),
  job: text.exactOptional(),
  branch: text.exactOptional(),
  attempt: text.exactOptional().describe('what tells a job of a run from the same job, run again'),
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
    .describe('how it is known that a Create was this run’s'),
  drift: z.array(drift),
  unmanaged: z.array(z.string()).describe('what is there, not declared, and stays'),
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

/** What `plan`, `apply`, `release` and `destroy` print with `--output json`. The contract's type and this schema are held together by the compiler. */
export const reportSchema = z.strictObject({
  version: z.literal(1),
  command: z.enum(['plan', 'apply', 'release', 'destroy']),
  result: z.enum(['converged', 'pending', 'refused', 'failed', 'busy', 'cancelled']),
  account: z.string(),
  partition: z.string(),
  namespace: z.string(),
  environment: z.string(),
  digest: z.string().describe('of what was asked for; equal digests ask for the same'),
  request: z.strictObject({
    key: z.string(),
    pipeline,
  }),
  revision: z
    .strictObject({
      ...revision,
      last: z
        .strictObject({ ...revision, commit: text, url: text, runId: z.string(), at: z.iso.datetime() })
        .nullable()
        .exactOptional()
        .describe('what was applied last before; what it was refused for; absent where that was not asked'),
    })
    .exactOptional()
    .describe('how new the manifest is; only revisions of one source are compared'),
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
  reason: text.describe('why the run as a whole ended, where no single entity says it'),
  remedy: text,
  approval: z
    .strictObject({
      plan: z.string().describe('digest of the plan that was shown'),
      verdict: z.enum(['approved', 'rejected', 'expired', 'cancelled']),
      by: text.describe('as they said themselves'),
      reason: text,
      openedAt: z.iso.datetime(),
      at: z.iso.datetime(),
    })
    .exactOptional()
    .describe('only where the plan waited for an approval'),
}) satisfies z.ZodType<Report>;

/** JSON Schema of the report. */
export function reportJsonSchema(): object {
  return { title: 'iam-bootstrap report', ...z.toJSONSchema(reportSchema) };
}
