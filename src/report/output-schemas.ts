import { z } from 'zod';
import type { Conflicts, Explanations } from '../contract/explain.js';
import { OUTCOMES, type Report } from '../contract/report.js';

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

const outcome = z.enum(OUTCOMES);

const decision = z.enum(['create', 'adopt', 'update', 'replace', 'release', 'delete', 'no-op', 'refuse']);

const pipeline = z.strictObject({
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
  planned: decision
    .exactOptional()
    .describe('action of the plan, where another one was decided when the entity was written'),
  changedSince: z
    .array(z.string())
    .exactOptional()
    .describe('changes by other callers to an entity that this run found as declared and did not write'),
  beforeJoin: z
    .literal(true)
    .exactOptional()
    .describe(
      'the entity was refused or had failed before another request joined the run, so it may have changed for it',
    ),
  changedSincePlan: z
    .array(z.string())
    .exactOptional()
    .describe('changes that were due when the entity was written, and that the plan had not shown'),
  remainingWrites: z
    .array(z.string())
    .exactOptional()
    .describe('writes of an entity that failed, as far as AWS has not confirmed them: they are left to do'),
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

const time = z.iso.datetime();

const cause = z.enum([
  'existed-before',
  'parallel-writer',
  'lost-reply',
  'replayed-retry',
  'state-rolled-back',
  'path-or-case-collision',
  'other-account',
  'none',
]);

const run = {
  workflowId: z.string(),
  runId: z.string(),
  url: text,
  namespace: z.string(),
  environment: text,
  manifest: text,
  pipeline,
  startedAt: time,
  endedAt: time.nullable().describe('null while it is open'),
};

const timelineEvent = z.strictObject({
  at: time,
  source: z.enum(['temporal', 'cloudtrail', 'both']).describe('where the event was found'),
  caller: z.string(),
  description: z.string(),
  requestId: text,
  runId: text,
});

const explanation = z.strictObject({
  kind: z.string(),
  name: z.string(),
  cause,
  certainty: z
    .enum(['proven', 'inferred'])
    .describe('proven by a request ID, a tag or a name; inferred from the order of events'),
  headline: z.string(),
  remedy: z.string(),
  command: text.describe('the command to run, where one helps'),
  requestedBy: z
    .strictObject({ ...run, decision, outcome })
    .nullable()
    .describe('the run that requested the entity; null where no run of this tool did'),
  refusedCreate: z
    .strictObject({
      operation: z.string(),
      code: z.string(),
      status: count.nullable(),
      meaning: z.string(),
      requestId: text,
      at: time.nullable(),
      caller: z.string(),
      attempts: count.nullable().describe('attempts of the activity in Temporal; the SDK does not repeat a Create'),
      sent: count
        .nullable()
        .describe('such Creates of the same caller in CloudTrail; null where CloudTrail was not read'),
    })
    .nullable()
    .describe('the Create that AWS refused; null where AWS refused none'),
  existing: z.strictObject({
    status: z.enum(['present', 'absent', 'unread']),
    message: text,
    arn: text,
    createdAt: time.nullable(),
    owner: text,
    createdByRun: text.describe('the run that its intent tag names'),
    createdBy: text,
    createCallAt: time.nullable().describe('time of the Create that made it'),
    requestId: text.describe('request ID of the Create that made it'),
  }),
  runs: z.array(z.strictObject({ ...run, outcome: outcome.nullable() })),
  timeline: z.array(timelineEvent).describe('oldest first'),
});

/** Schema of the output of `explain --output json`. The compiler keeps it equal to the contract's type. */
export const explanationsSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('explain'),
  query: z.string(),
  account: text,
  from: time,
  to: time,
  found: z.boolean().describe('true where anything is known of the entity'),
  explanations: z.array(explanation),
  trail: z.strictObject({
    status: z.enum(['read', 'denied', 'unavailable']),
    message: text,
    truncated: z.boolean(),
    events: count,
  }),
  notes: z.array(z.string()).describe('limits of this explanation, and what is missing in it'),
}) satisfies z.ZodType<Explanations>;

const counts = z.record(z.string(), count);

/** Schema of the output of `conflicts --output json`. */
export const conflictsSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('conflicts'),
  from: time,
  to: time,
  runs: count.describe('runs that ended in the window'),
  conflicts: count.describe('entities that runs found and had not created, and Creates whose reply was lost'),
  adopted: count,
  refused: count,
  ownRepliesLost: count,
  rows: z.array(
    z.strictObject({
      at: time,
      entity: z.string(),
      account: z.string(),
      namespace: z.string(),
      pipeline: z.string(),
      cause,
      operation: text.describe('the Create that AWS refused; null where none was sent, or a reply was lost'),
      requestId: text,
      outcome,
      runId: z.string(),
    }),
  ),
  by: z.strictObject({ entity: counts, namespace: counts, pipeline: counts, cause: counts }),
  days: z.array(z.strictObject({ day: z.iso.date(), runs: count, runsWithConflicts: count, conflicts: count })),
  notes: z.array(z.string()),
}) satisfies z.ZodType<Conflicts>;

/** Returns the JSON Schemas of the outputs, by the name of the file in `schema/`. */
export function outputJsonSchemas(): Readonly<Record<string, object>> {
  const schemas = { report: reportSchema, explain: explanationsSchema, conflicts: conflictsSchema };
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      { title: `iam-bootstrap ${name}`, ...z.toJSONSchema(schema) },
    ]),
  );
}
