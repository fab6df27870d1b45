import { z } from 'zod';
import type { Conflicts, Explanations } from '../contract/explain.js';
import { decision, outcome, pipeline } from './report-schema.js';

const count = z.int().min(0);
const text = z.string().nullable();
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

const moment = z.strictObject({
  at: time,
  source: z.enum(['temporal', 'cloudtrail', 'both']).describe('who tells of it'),
  who: z.string(),
  what: z.string(),
  requestId: text,
  runId: text,
});

const explanation = z.strictObject({
  kind: z.string(),
  name: z.string(),
  cause,
  certainty: z.enum(['proven', 'inferred']).describe('by a request ID, a mark or a name; from the order of things'),
  headline: z.string(),
  remedy: z.string(),
  command: text.describe('what to type, where there is something to type'),
  asked: z
    .strictObject({ ...run, decision, outcome })
    .nullable()
    .describe('the run in question; null where it was none of ours'),
  answered: z
    .strictObject({
      operation: z.string(),
      code: z.string(),
      status: count.nullable(),
      meaning: z.string(),
      requestId: text,
      at: time.nullable(),
      who: z.string(),
      attempts: count.nullable().describe('of the step in Temporal; the SDK repeats no Create'),
      sent: count.nullable().describe('such Creates of the same caller in CloudTrail; null where it was not read'),
    })
    .nullable()
    .describe('the Create that AWS refused; null where none was'),
  there: z.strictObject({
    status: z.enum(['there', 'absent', 'unread']),
    message: text,
    arn: text,
    createdAt: time.nullable(),
    owner: text,
    madeByRun: text.describe('as its mark says'),
    madeBy: text,
    madeAt: time.nullable(),
    requestId: text.describe('of the Create that made it'),
  }),
  runs: z.array(z.strictObject({ ...run, outcome: outcome.nullable() })),
  timeline: z.array(moment).describe('oldest first'),
});

/** What `explain` prints with `--output json`. The contract's type and this schema are held together by the compiler. */
export const explanationsSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('explain'),
  query: z.string(),
  account: text,
  from: time,
  to: time,
  found: z.boolean().describe('whether anything is known of what was asked after'),
  explanations: z.array(explanation),
  trail: z.strictObject({
    status: z.enum(['read', 'denied', 'unavailable']),
    message: text,
    truncated: z.boolean(),
    events: count,
  }),
  notes: z.array(z.string()).describe('how far this reaches, and what is missing in it'),
}) satisfies z.ZodType<Explanations>;

const counts = z.record(z.string(), count);

/** The same of `conflicts`. */
export const conflictsSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('conflicts'),
  from: time,
  to: time,
  runs: count.describe('that ended in the window'),
  conflicts: count.describe('entities that runs met and had not made, and Creates whose reply was lost'),
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
  days: z.array(z.strictObject({ day: z.iso.date(), runs: count, conflicts: count })),
  notes: z.array(z.string()),
}) satisfies z.ZodType<Conflicts>;

/** JSON Schemas of both. */
export function explainJsonSchema(): object {
  return { title: 'iam-bootstrap explain', ...z.toJSONSchema(explanationsSchema) };
}

export function conflictsJsonSchema(): object {
  return { title: 'iam-bootstrap conflicts', ...z.toJSONSchema(conflictsSchema) };
}
