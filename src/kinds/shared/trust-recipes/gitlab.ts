import { z } from 'zod';
import { listOf, oidcFields, oidcStatement, part, parts, recipe } from './recipe.js';

const schema = z
  .strictObject({
    ...oidcFields,
    project: part
      .regex(/^[^/]+(?:\/[^/]+)+$/, 'must be written as in group/project')
      .describe('The path of the project: `group/project`.'),
    branch: parts.optional(),
    tag: parts.optional(),
    anyRef: z.literal(true).optional().describe('Trusts every branch and tag.'),
  })
  .refine((it) => it.branch !== undefined || it.tag !== undefined || it.anyRef === true, {
    message: 'needs a branch or a tag, or anyRef: true',
  });

/** Jobs of GitLab CI. */
export const gitlab = recipe('gitlab', schema, (it, target) => {
  const { issuer = 'gitlab.com', provider } = it;
  const prefix = `project_path:${it.project}`;
  const subjects = [
    ...listOf(it.branch).map((name) => `${prefix}:ref_type:branch:ref:${name}`),
    ...listOf(it.tag).map((name) => `${prefix}:ref_type:tag:ref:${name}`),
    ...(it.anyRef === true ? [`${prefix}:*`] : []),
  ];
  return oidcStatement({ issuer, audience: it.audience ?? `https://${issuer}`, provider }, subjects, target);
});
