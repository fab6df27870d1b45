import { z } from 'zod';
import { AUDITED_TYPES, type AuditRecord } from '../contract/audit.js';
import { SCHEDULE_COMMANDS } from '../contract/schedule.js';
import { fleetReportSchema } from './fleet-schema.js';
import { count, identity, pipeline, principal, reportSchema, RESULTS, text } from './report-schema.js';

const { entities, approval } = reportSchema.shape;
const entity = entities.element;
const write = entity.shape.writes.element;
const time = z.iso.datetime();
const execution = { workflowId: z.string(), runId: z.string() };
const result = z.enum([...RESULTS, 'outdated']);

const fields = {
  version: z.literal(1),
  id: z.string().describe('the same in every export: a record with a known ID is a repeated one'),
  runId: z.string(),
  closedAt: time.describe('when the run closed; records of one run and one such time belong together'),
  account: text.describe('null for a run of a fleet'),
  namespace: text.describe('null for a capture'),
};

const run = z.strictObject({
  ...fields,
  kind: z.literal('run'),
  type: z.enum(AUDITED_TYPES).describe('type of the workflow'),
  workflowId: z.string(),
  url: text,
  status: z.string().describe('how Temporal has closed the run: COMPLETED, FAILED, CANCELLED, TERMINATED, TIMED_OUT'),
  result: result.nullable().describe('null where the run closed without a report'),
  reason: text,
  remedy: text,
  environment: text,
  manifest: text,
  pipeline,
  startedAt: time,
  resetOf: z
    .string()
    .exactOptional()
    .describe('the run that this one repeats, where it was reset; writes before the reset are in the records of both'),
  target: z
    .strictObject({ account: z.string(), partition: z.string(), assumeRole: z.string().exactOptional() })
    .nullable(),
  parent: z.strictObject(execution).nullable().describe('the run of a fleet or of a schedule that started this one'),
  requester: identity.exactOptional().describe('who asked, as proven'),
  principal: principal.exactOptional().describe('the client that started it, as Temporal has authenticated it'),
  missing: z
    .array(z.strictObject(execution))
    .describe('runs whose histories are gone, of entities or before this one: what they have written is in no record'),
  records: z
    .strictObject({ decision: count, approval: count, write: count })
    .describe('the number of records with the same runId and closedAt beside this one'),
  report: reportSchema.omit({ entities: true, approval: true }).nullable(),
  fleet: fleetReportSchema.nullable(),
  scheduled: z
    .strictObject({
      version: z.literal(1),
      command: z.enum(SCHEDULE_COMMANDS),
      result,
      inDrift: count,
      corrected: count,
      reason: text,
      remedy: text,
    })
    .nullable(),
});

const decision = z.strictObject({
  ...fields,
  kind: z.literal('decision'),
  entity: z.string().describe('Kind/name'),
  report: entity.omit({ writes: true }),
});

const approvalRecord = z.strictObject({ ...fields, kind: z.literal('approval'), approval: approval.unwrap() });

const writeRecord = z.strictObject({
  ...fields,
  kind: z.literal('write'),
  entity: z.string().describe('Kind/name'),
  ...write.shape,
});

const unread = z
  .strictObject({
    ...fields,
    kind: z.literal('unread'),
    type: z.enum(AUDITED_TYPES),
    workflowId: z.string(),
    status: z.string(),
    reason: z.string(),
  })
  .describe('a run that an export could not read, and why');

/** Schema of a line of a file of `audit export`. */
export const auditSchema = z.discriminatedUnion('kind', [
  run,
  decision,
  approvalRecord,
  writeRecord,
  unread,
]) satisfies z.ZodType<AuditRecord>;
