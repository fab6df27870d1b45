import { z } from 'zod';
import type { Preflight, Verdict } from '../contract/preflight.js';
import { count, text } from './report-schema.js';

const verdict = z.enum([
  'create',
  'import',
  'foreign',
  'collision',
  'limit',
  'orphan',
  'recreate',
  'duplicate',
  'overwrite',
  'present',
  'unknown',
  'unread',
]) satisfies z.ZodType<Verdict>;

const finding = z.strictObject({
  plan: z.string().describe('the file of the plan'),
  address: z.string(),
  type: z.string(),
  account: text,
  entity: text.describe('Kind/name; null where the name is not known'),
  verdict,
  error: z
    .strictObject({ operation: z.string(), code: z.string() })
    .nullable()
    .describe('the predicted answer of AWS to the create; null where it succeeds'),
  reason: z.string(),
  remedy: text,
  owner: text.describe('the other owner of the entity, or of the one that it is a part of'),
  arn: text,
  importId: text,
  movedFrom: text.describe('the address that the same plan destroys it at'),
  notes: z.array(z.string()),
});

/** Schema of the output of `preflight --json`. */
export const preflightSchema = z.strictObject({
  version: z.literal(1),
  command: z.literal('preflight'),
  result: z.enum(['foreign', 'conflicts', 'unread', 'unknown', 'clear']),
  offline: z.boolean().describe('AWS was not asked'),
  plans: z.array(
    z.strictObject({
      file: z.string(),
      program: z.string(),
      formatVersion: z.string(),
      accounts: z.array(z.string()),
      creates: count.describe('resources of IAM that the plan creates'),
      renames: count.describe('resources of IAM that the plan renames in place'),
    }),
  ),
  summary: z.record(verdict, count),
  findings: z.array(finding).describe('the gravest first'),
  notes: z.array(z.string()),
  apiCalls: z.strictObject({ total: count, byOperation: z.record(z.string(), count) }),
}) satisfies z.ZodType<Preflight>;
