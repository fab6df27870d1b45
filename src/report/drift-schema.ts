import { z } from 'zod';
import type { DriftState } from '../contract/drift-record.js';
import { count, decision, text } from './report-schema.js';

const time = z.iso.datetime();
const command = z.enum(['detect', 'enforce']);
const run = z.strictObject({ schedule: z.string(), command, workflowId: z.string(), runId: z.string() });
const environment = { account: z.string(), namespace: z.string(), environment: z.string() };

const cause = z
  .strictObject({
    at: time,
    operation: z.string(),
    principal: z.string(),
    requestId: text,
    eventId: z.string(),
  })
  .nullable()
  .describe('the last write to it in CloudTrail before it was seen to differ, and not by this tool; null if unknown');

const entity = { kind: z.string(), name: z.string(), since: time.describe('first seen by a look'), cause };

const failed = z.strictObject({ at: time, result: z.string(), reason: z.string(), run }).nullable();

const record = z.strictObject({
  version: z.literal(1),
  ...environment,
  lookedAt: time.nullable().describe('null before the first look'),
  lookedBy: run.nullable(),
  declared: count.describe('entities that the manifests declare'),
  inDrift: count.describe('entities that differ; the list may be shorter'),
  drifted: z.array(
    z.strictObject({
      ...entity,
      action: decision.describe('what apply would do; no-op where it is only observed'),
      lines: z.array(z.string()),
      notBefore: time.nullable().describe('the last look that saw no difference'),
      schedules: z.array(z.string()).describe('IDs of the schedules whose last look saw it'),
    }),
  ),
  ended: z
    .array(z.strictObject({ ...entity, endedAt: time, how: z.enum(['enforced', 'gone']) }))
    .describe('the last differences that have ended, newest first'),
  failed: failed.describe('the last run that could not look; null where the last run of each schedule has looked'),
  looks: z
    .array(
      z.strictObject({
        schedule: z.string(),
        manifest: z.string(),
        at: time.nullable().describe('null before its first look'),
        runId: text,
        declared: count,
        unlisted: count.describe('entities that it saw in drift and that the list leaves out'),
        failed,
      }),
    )
    .describe('the last look of each schedule'),
});

const schedule = z.strictObject({
  id: z.string(),
  command,
  ...environment,
  account: text.describe('null where it is for the accounts of a fleet, whose name is then that of the environment'),
  paused: z.boolean(),
  note: text,
  nextAt: time.nullable(),
  lastAt: time.nullable(),
  lastRun: z.strictObject({ workflowId: z.string(), runId: z.string() }).nullable(),
});

/** Schema of the output of `drift --output json`. */
export const driftSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('drift'),
  at: time,
  environments: z.array(
    z.strictObject({
      ...environment,
      state: z
        .enum(['drift', 'no-drift', 'unknown'])
        .describe(
          'unknown: nothing has looked at it yet, or not all of it could be read and nothing that was read drifts',
        ),
      record: record.nullable(),
      schedules: z.array(schedule),
      nextLookAt: time.nullable(),
      problem: text.describe('why nothing has looked when it should have, or will not'),
    }),
  ),
  fleets: z.array(
    z.strictObject({
      namespace: z.string(),
      fleet: z.string(),
      schedules: z.array(schedule),
      nextLookAt: time.nullable(),
      problem: text.describe('why its last run has not looked at all accounts'),
    }),
  ),
}) satisfies z.ZodType<DriftState>;
