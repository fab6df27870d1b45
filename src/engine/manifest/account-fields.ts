import { z } from 'zod';
import { ACCOUNT } from '../../contract/request.js';

/** The ID of an account, wherever a manifest has one. */
export const accountField = z.string().regex(ACCOUNT, 'write the twelve digits of the account, in quotes');

/** The ARN of a role that a worker assumes. */
export const roleArnField = z
  .string()
  .regex(/^arn:[a-z0-9-]+:iam::\d{12}:role\/.+$/, 'write the ARN of a role')
  .optional();

/** The partition of an environment or a fleet. */
export const partitionField = z
  .string()
  .regex(/^aws(-[a-z0-9]+)*$/, 'write aws, aws-cn or aws-us-gov')
  .optional()
  .describe('Default: aws.');
