import { z } from 'zod';
import { NAMESPACE } from '../../contract/request.js';
import { OwnershipTag } from '../ownership.js';

/** Tags that IAM allows on an entity. */
const MAX_TAGS = 50;

/** Tags that a manifest can declare: the rest is for the engine's own marks. */
const MAX_DECLARED_TAGS = MAX_TAGS - Object.keys(OwnershipTag).length;

const TAG_TEXT = 'use letters, digits, spaces and _.:/=+-@ only';

/** Tags by key, as far as they are the same for every kind. */
const tagsSchema = z
  .record(
    z
      .string()
      .min(1)
      .max(128)
      .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u, TAG_TEXT),
    z
      .string()
      .max(256)
      .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u, TAG_TEXT),
  )
  .superRefine((tags, context) => {
    const keys = Object.keys(tags);
    const seen = new Map<string, string>();
    for (const key of keys) {
      const prefix = ['aws:', 'iam-bootstrap:'].find((reserved) => key.toLowerCase().startsWith(reserved));
      if (prefix !== undefined) {
        context.addIssue({
          code: 'custom',
          path: [key],
          message: `tag keys that begin with ${prefix} are reserved`,
          params: { remedy: 'rename the tag, or remove it' },
        });
      }
      const other = seen.get(key.toLowerCase());
      seen.set(key.toLowerCase(), key);
      if (other === undefined) continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `tag keys ${other} and ${key} are the same to IAM, which ignores case in them`,
        params: { remedy: 'remove one of them' },
      });
    }
    if (keys.length > MAX_DECLARED_TAGS) {
      context.addIssue({
        code: 'custom',
        message: `${String(keys.length)} tags are more than ${String(MAX_DECLARED_TAGS)}: IAM allows ${String(MAX_TAGS)}, and the rest is for marks of ownership`,
        params: { remedy: `leave at most ${String(MAX_DECLARED_TAGS)} tags, those of defaults included` },
      });
    }
  })
  .describe('Tags by key. Those of an entity come on top of those of defaults.');

const adopt = z
  .enum(['own', 'unowned', 'foreign'])
  .describe('Which existing entities may be taken over: none but our own, those without an owner, or any.');
const unmanagedPolicy = z.enum(['keep', 'remove']);
const unmanaged = unmanagedPolicy.describe(
  'What becomes of what is there but not declared, inside of declared properties.',
);

/** Fields that every entity has, whatever its kind. `kind` is checked apart. */
export const commonFields = {
  state: z
    .enum(['present', 'absent', 'released'])
    .optional()
    .describe('absent removes the entity, if it is ours to remove; released gives up ownership and keeps it.'),
  adopt: adopt.optional(),
  observe: z.boolean().optional().describe('Report drift, never write.'),
  shared: z.boolean().optional().describe('Merged with what other namespaces declare, instead of owned.'),
  unmanaged: z
    .union([unmanagedPolicy, z.record(z.string(), unmanagedPolicy)])
    .optional()
    .describe('What becomes of what is there but not declared: keep or remove, for all properties or by property.'),
  replace: z
    .boolean()
    .optional()
    .describe('Delete and create it again where AWS cannot change it as declared, if nothing unmanaged is lost.'),
  tags: tagsSchema.optional(),
} as const;

/** The common fields as one schema. */
export const commonSchema = z.strictObject(commonFields);

/** What holds for every entity that does not say otherwise. */
export const defaultsSchema = z.strictObject({
  path: z
    .string()
    .max(512)
    .regex(/^\/$|^\/[\u0021-\u007e]+\/$/, 'begin and end the path with a slash, as in /ci/')
    .optional()
    .describe('Path of the entities that have one and do not set it.'),
  tags: tagsSchema.optional(),
  adopt: adopt
    .superRefine((value, context) => {
      if (value !== 'foreign') return;
      context.addIssue({
        code: 'custom',
        message: 'adopting what belongs to others cannot be a default',
        params: { remedy: 'set adopt: foreign on the entity that is meant, or give --adopt foreign:Kind/name' },
      });
    })
    .optional(),
  unmanaged: unmanaged.optional(),
  permissionsBoundary: z
    .string()
    .min(1)
    .optional()
    .describe('Boundary of the entities that can have one and do not set it.'),
});

/** One environment: an account and the way into it. */
export const environmentSchema = z.strictObject({
  account: z
    .string()
    .regex(/^\d{12}$/, 'write the twelve digits of the account, in quotes')
    .describe('Twelve digits, in quotes.'),
  partition: z
    .string()
    .regex(/^aws(-[a-z0-9]+)*$/, 'write aws, aws-cn or aws-us-gov')
    .optional()
    .describe('Default: aws.'),
  assumeRole: z
    .string()
    .regex(/^arn:[a-z0-9-]+:iam::\d{12}:role\/.+$/, 'write the ARN of a role')
    .optional()
    .describe('Role that the worker assumes for all calls, in place of its own credentials.'),
});

/** The outermost fields; what they hold is checked part by part. */
export const manifestSchema = z.strictObject({
  version: z.literal(1).describe('Version of the format.'),
  namespace: z
    .string()
    .regex(NAMESPACE, 'use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit')
    .describe('The set of entities that has one owner: this manifest and those of the same namespace.'),
  environments: z
    .record(z.string(), z.unknown())
    .describe(
      'Accounts by environment; one is chosen with --environment, and is the default where it is the only one.',
    ),
  variables: z.record(z.string(), z.unknown()).optional().describe('Values for {{name}}; --var name=value overrides.'),
  defaults: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What holds for every entity that does not say otherwise.'),
  entities: z.array(z.unknown()).describe('What shall be there, or shall not.'),
});
