import { z } from 'zod';
import type { Conflicts, Explanations } from '../contract/explain.js';
import type { ErrorOutput } from '../contract/user-facing-error.js';
import { auditSchema } from './audit-schema.js';
import { captureSchema } from './capture-schema.js';
import { captureUpdateSchema } from './capture-update-schema.js';
import { driftSchema } from './drift-schema.js';
import { fleetReportSchema } from './fleet-schema.js';
import { preflightSchema } from './preflight-schema.js';
import { count, decision, identity, outcome, pipeline, principal, reportSchema, text } from './report-schema.js';

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

const source = z
  .literal('audit')
  .exactOptional()
  .describe('read from a file of `audit export`, which nothing proves; absent for all other sources');

const run = {
  source,
  workflowId: z.string(),
  runId: z.string(),
  url: text,
  namespace: z.string(),
  environment: text,
  manifest: text,
  pipeline,
  startedAt: time,
  endedAt: time.nullable().describe('null while it is open'),
  requester: identity.exactOptional().describe('who asked, as proven; absent where nothing was, and while it is open'),
  principal: principal
    .exactOptional()
    .describe('the client that started it, as Temporal has authenticated it; absent where it recorded none'),
};

const timelineEvent = z.strictObject({
  at: time,
  source: z
    .enum(['temporal', 'cloudtrail', 'both', 'audit'])
    .describe('where the event was found; both are Temporal and CloudTrail, audit is a file of `audit export`'),
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
    source,
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

/** The schema of what a command prints that failed before it had a result. */
export const errorSchema = z.strictObject({
  version: z.literal(1),
  error: z.strictObject({
    message: z.string(),
    remedy: text.describe('the next action; null where the message states it'),
    exitCode: count,
    problems: z
      .array(
        z.strictObject({
          file: z.string(),
          line: count.describe('from 1; 0 where the problem has no line'),
          column: count,
          path: z.string(),
          message: z.string(),
          remedy: z.string(),
          sourceLine: z.string().optional(),
        }),
      )
      .describe('problems of an invalid manifest'),
  }),
}) satisfies z.ZodType<ErrorOutput>;

/** Returns the JSON Schemas of the outputs, by the name of the file in `schema/`. */
export function outputJsonSchemas(): Readonly<Record<string, object>> {
  const schemas = {
    report: reportSchema,
    'fleet-report': fleetReportSchema,
    explain: explanationsSchema,
    conflicts: conflictsSchema,
    drift: driftSchema,
    capture: captureSchema,
    'capture-update': captureUpdateSchema,
    preflight: preflightSchema,
    error: errorSchema,
    audit: auditSchema,
  };
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      { title: `iam-bootstrap ${name}`, ...z.toJSONSchema(schema) },
    ]),
  );
}
