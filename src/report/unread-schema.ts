import { z } from 'zod';
import { text } from './report-schema.js';

/** The reads that AWS refused, as the reports of both forms of `capture` have them. */
export const unreadSchema = z
  .array(
    z.strictObject({
      kind: z.string(),
      name: text,
      message: z.string(),
      remedy: text.describe('the permission to give to the worker; null where none helps'),
    }),
  )
  .describe('reads that AWS refused; name is null for a whole kind');
