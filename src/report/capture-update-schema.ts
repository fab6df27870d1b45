import { z } from 'zod';
import type { CaptureUpdateReport } from '../contract/capture-update.js';
import { unreadSchema } from './unread-schema.js';

const entity = { kind: z.string(), name: z.string() };

const difference = {
  file: z.string().describe('the manifest, or the file that it names'),
  line: z.int().min(0).describe('from 1; 0 where the file is a program'),
  column: z.int().min(0),
  entities: z.array(z.string()).describe('Kind/name of those that have it: several where they share what is written'),
  path: z.string().describe('the path in the manifest: entities[3].maxSessionDuration'),
  action: z.enum(['change', 'add', 'remove']),
  from: z.json().exactOptional().describe('the value of the manifest; absent where it has none'),
  to: z.json().exactOptional().describe('the value of the account; absent where it has none'),
};

/** Schema of the output of `capture --update --output json`. */
export const captureUpdateSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('capture'),
  result: z
    .enum(['updated', 'pending', 'unchanged'])
    .describe(
      'pending: something differs still, or with --check would be changed; updated: files have changed, and nothing differs now; unchanged: nothing differs',
    ),
  account: z.string(),
  namespace: z.string(),
  environment: z.string(),
  files: z.array(z.string()).describe('the files that have changed, or would'),
  changes: z.array(z.strictObject(difference)).describe('the differences that the files take over'),
  warnings: z
    .array(z.strictObject({ code: z.literal('administrator'), entity: z.string(), message: z.string() }))
    .describe('administrator access of the entities that differ, as the account has it'),
  patches: z
    .array(z.strictObject({ ...difference, reason: z.string() }))
    .describe('differences that are left to a person'),
  gone: z
    .array(
      z.strictObject({
        ...entity,
        isDeclaredAbsent: z.boolean(),
        wasApplied: z
          .boolean()
          .nullable()
          .describe('Temporal has a record of an apply that made it, or took it over; null without --removed'),
      }),
    )
    .describe('declared entities that the account does not have'),
  untouched: z
    .array(
      z.strictObject({
        ...entity,
        reason: z.string(),
        isDifferent: z
          .boolean()
          .describe('true if the account differs from the manifest; false for a kind that cannot be compared'),
      }),
    )
    .describe('declared entities that were not compared'),
  notDeclared: z
    .array(z.strictObject(entity))
    .describe('entities of the account, of the kinds of the manifest, that it does not declare'),
  unread: unreadSchema,
}) satisfies z.ZodType<CaptureUpdateReport>;
