import { z } from 'zod';
import type { SecretLocation } from '../../contract/entity.js';
import { commonFields } from '../../engine/manifest/fields.js';

/** A reference to another entity's ARN, resolved when the account has been read. */
const REFERENCE = /^\{\{arn [^{}]+\}\}$/;

/** The shortest ARN that IAM takes. */
const MIN_ARN_LENGTH = 20;

/** The name of an entity, in the characters that IAM allows. The maximum length differs by kind. */
export function nameField(maxLength: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(maxLength)
    .regex(/^[\w+=,.@-]+$/, 'use letters, digits and _+=,.@- only');
}

/** A path: `/`, or a text that begins and ends with a slash. */
export const pathField = z
  .string()
  .max(512)
  .regex(/^\/$|^\/[\u0021-\u007e]+\/$/, 'begin and end the path with a slash, as in /ci/');

/** An ARN, or a reference to one. */
export const arnField = z
  .string()
  .max(2048)
  .refine(
    (text) => REFERENCE.test(text) || (text.length >= MIN_ARN_LENGTH && /^arn:[^:]+:[^:]*:[^:]*:[^:]*:.+$/.test(text)),
    { message: `write an ARN of at least ${String(MIN_ARN_LENGTH)} characters, or {{arn Kind/name}}` },
  );

/** A permissions boundary; null removes an existing one. */
export const boundaryField = arnField
  .nullable()
  .optional()
  .describe('ARN of a policy; null removes an existing boundary.');

/** Managed policies to attach. */
export const attachmentsField = z
  .array(arnField)
  .max(20)
  .optional()
  .describe("ARNs of managed policies: AWS's own, and those of the account.");

/** The location of a secret: AWS Secrets Manager, or a file in the worker's secrets folder. */
export const secretField: z.ZodType<SecretLocation> = z.union(
  [
    z.strictObject({
      secretsManager: z
        .string()
        .max(512)
        .regex(/^(arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:)?[\w/+=.@-]+$/, 'write the name or the ARN of a secret')
        .describe('Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.'),
    }),
    z.strictObject({
      file: z
        .string()
        .min(1)
        .max(255)
        .regex(
          /^(?!.*(^|\/)\.{1,2}(\/|$))[\w@+=.-][\w@+=./-]*$/,
          'write a path without . and .. that does not begin with /',
        )
        .describe("Path inside the worker's secrets folder; the file gets mode 0600."),
    }),
  ],
  { error: 'write { secretsManager: NAME } or { file: PATH }' },
);

/** The description of a role. */
export const descriptionField = z
  .string()
  .max(1000)
  .regex(/^[\t\n\r\u0020-\u007e\u00a1-\u00ff]*$/, 'use Latin letters, digits and plain punctuation only')
  .optional()
  .describe('What the role is for. For people only.');

/** The text that asks for a new secret of a credential. */
export const resetField = z
  .string()
  .min(1)
  .max(128)
  .optional()
  .describe(
    'Asks for a new secret: any text, such as a date. Each new text leads to one reset, and the new secret is stored in place of the old one, which is invalid from then on.',
  );

/** The status of a user's credential. */
export const statusField = z
  .enum(['Active', 'Inactive'])
  .optional()
  .describe('Whether AWS accepts it. AWS creates it active.');

/** Tags by key, with the rules of the manifest. */
export const tagsField = commonFields.tags;
