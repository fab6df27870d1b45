import { z } from 'zod';
import type { CaptureReport } from '../contract/capture-report.js';
import { count, text } from './report-schema.js';
import { unreadSchema } from './unread-schema.js';

const entity = { kind: z.string(), name: z.string() };

/** Schema of the output of `capture --output json`. */
export const captureSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('capture'),
  result: z
    .enum(['captured', 'incomplete', 'nothing'])
    .describe('incomplete: AWS refused reads; nothing: no entity can be declared'),
  account: z.string(),
  partition: z.string(),
  namespace: z.string(),
  environment: z.string(),
  directory: z.string().describe('the folder of the files'),
  manifests: z.array(z.string()).describe('the manifests, which are applied together, relative to the folder'),
  files: z.array(z.string()).describe('all files, the manifests first, relative to the folder'),
  otherFiles: z
    .array(z.string())
    .describe('with --force: files that an earlier capture may have written and this one does not have; they are kept'),
  captured: z.record(z.string(), count).describe('captured entities, by kind'),
  leftOut: z
    .array(z.strictObject({ ...entity, arn: text, reason: z.string() }))
    .describe('entities that a manifest cannot declare, or must not'),
  notDeclared: z
    .array(z.strictObject({ ...entity, property: z.string(), reason: z.string() }))
    .describe('parts of captured entities that the manifest does not declare'),
  toFillIn: z
    .array(z.strictObject({ ...entity, property: z.string() }))
    .describe('properties that AWS does not show, and whose value a person has to check'),
  unread: unreadSchema,
  warnings: z.array(
    z.strictObject({
      code: z.enum(['deleted-principal', 'administrator', 'old-access-key', 'unused', 'manifest']),
      entity: text.describe('Kind/name; null for the manifest'),
      message: z.string(),
    }),
  ),
  apiCalls: z.strictObject({ total: count, byOperation: z.record(z.string(), count) }),
}) satisfies z.ZodType<CaptureReport>;
