import { z } from 'zod';
import { FINDING_CODE } from '../../contract/policy-findings.js';
import { NAMESPACE } from '../../contract/request.js';
import { OwnershipTag } from '../ownership.js';
import { MAX_TAGS } from '../tag-limit.js';
import { accountField, partitionField, roleArnField } from './account-fields.js';

/** The maximum number of tags that a manifest can declare: the rest is for ownership tags. */
const MAX_DECLARED_TAGS = MAX_TAGS - Object.keys(OwnershipTag).length;

const TAG_TEXT = 'use letters, digits, spaces and _.:/=+-@ only';

/** Tags by key, by IAM's rules for single tags. */
const tagsField = z.record(
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u, TAG_TEXT),
  z
    .string()
    .max(256)
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u, TAG_TEXT),
);

/** The tags of an entity, by IAM's rules and ours. */
const tagsSchema = tagsField
  .superRefine((tags, context) => {
    const keys = Object.keys(tags);
    for (const key of keys) {
      const prefix = ['aws:', 'iam-bootstrap:'].find((reserved) => key.toLowerCase().startsWith(reserved));
      if (prefix === undefined) continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `tag keys that begin with ${prefix} are reserved`,
        params: { remedy: 'rename the tag, or remove it' },
      });
    }
    if (keys.length > MAX_DECLARED_TAGS) {
      context.addIssue({
        code: 'custom',
        message: `${String(keys.length)} tags are more than ${String(MAX_DECLARED_TAGS)}: IAM allows ${String(MAX_TAGS)}, and the rest is for ownership tags`,
        params: { remedy: `leave at most ${String(MAX_DECLARED_TAGS)} tags, those of defaults included` },
      });
    }
  })
  .describe(
    'Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.',
  );

const adopt = z
  .enum(['own', 'unowned', 'foreign'])
  .describe('The existing entities that may be taken over: only our own, those without an owner, or any.');
const unmanagedPolicy = z.enum(['keep', 'remove']);
const unmanaged = unmanagedPolicy.describe(
  'Keep or remove content of declared properties that the manifest does not declare.',
);

/** Findings that are accepted. Each needs a reason, which the plan shows. */
export const suppressionsSchema = z
  .array(
    z.strictObject({
      code: z
        .string()
        .regex(FINDING_CODE, 'write the code of a finding, as in PASS_ROLE_WITH_STAR_IN_RESOURCE')
        .describe("AWS's issue code, or NEW_ACCESS."),
      reason: z
        .string()
        .max(500)
        .regex(/\S/, 'say why the finding is accepted')
        .describe('Why the finding is accepted. The plan shows it.'),
    }),
  )
  .min(1)
  .superRefine((suppressions, context) => {
    const codes = suppressions.map(({ code }) => code);
    codes.forEach((code, index) => {
      if (codes.indexOf(code) === index) return;
      const message = `${code} is suppressed twice`;
      context.addIssue({ code: 'custom', path: [index, 'code'], message, params: { remedy: 'keep one of them' } });
    });
  })
  .describe(
    'Findings of AWS IAM Access Analyzer that are accepted. Guardrails decide whether the worker checks policies, and which refusals a manifest may suppress.',
  );

/** Fields that every entity has, whatever its kind. `kind` is checked apart. */
export const commonFields = {
  state: z
    .enum(['present', 'absent', 'released'])
    .optional()
    .describe(
      'absent deletes the entity, if it is ours or `adopt` allows to take it (an entity without an owner, unless adopt: own); released removes our ownership and keeps the entity.',
    ),
  adopt: adopt.optional(),
  observe: z.boolean().optional().describe('Report drift, never write.'),
  shared: z.boolean().optional().describe('Merged with what other namespaces declare, instead of owned.'),
  unmanaged: z
    .union([unmanagedPolicy, z.record(z.string(), unmanagedPolicy)])
    .optional()
    .describe('Keep or remove content that the manifest does not declare, for all properties or by property.'),
  replace: z
    .boolean()
    .optional()
    .describe(
      'Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.',
    ),
  protect: z
    .boolean()
    .optional()
    .describe(
      'Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.',
    ),
  renamedFrom: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe(
      'The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.',
    ),
  deleteTrusted: z.boolean().optional().describe('Delete it even if roles trust it that this namespace does not own.'),
  suppressFindings: suppressionsSchema.optional(),
  tags: tagsSchema.optional(),
} as const;

/** The common fields as one schema. */
export const commonSchema = z.strictObject(commonFields);

/** Values for every entity that does not set its own. */
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
        message: 'adopting entities of other owners cannot be a default',
        params: { remedy: 'set adopt: foreign on that entity, or give --adopt foreign:Kind/name' },
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
  account: accountField.describe('Twelve digits, in quotes.'),
  partition: partitionField,
  assumeRole: roleArnField.describe('The role that the worker assumes for all calls instead of its own credentials.'),
});

/** The treatment of what left the manifest. */
const orphanPolicy = z
  .enum(['report', 'release', 'remove'])
  .describe(
    'Entities that the namespace owns and this manifest does not declare any more: report lists them, release ends the ownership, remove deletes what was created here and releases what was adopted. Default: report. --orphans overrides.',
  );

/** The outermost fields; their contents are checked separately. */
export const manifestSchema = z.strictObject({
  version: z.literal(1).describe('Version of the format.'),
  namespace: z
    .string()
    .regex(NAMESPACE, 'use 1 to 63 lower-case letters, digits and hyphens, beginning with a letter or digit')
    .describe('The set of entities that has one owner: this manifest and those of the same namespace.'),
  environments: z
    .record(z.string(), z.unknown())
    .describe('Accounts by environment. --environment chooses one; a single one is the default.'),
  fleets: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('Many accounts by fleet. --fleet chooses one. A manifest declares environments, fleets, or both.'),
  variables: z.record(z.string(), z.unknown()).optional().describe('Values for {{name}}; --var name=value overrides.'),
  defaults: z.record(z.string(), z.unknown()).optional().describe('Values for every entity that does not set its own.'),
  orphans: orphanPolicy.optional(),
  entities: z.array(z.unknown()).describe('The entities that must exist, or must not.'),
});
