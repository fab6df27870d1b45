import { z } from 'zod';
import { listOf, oidcFields, oidcStatement, part, parts, recipe } from './recipe.js';

const schema = z
  .strictObject({
    ...oidcFields,
    organization: part,
    pipeline: part,
    branch: parts.optional(),
    tag: parts.optional(),
    anyRef: z.literal(true).optional().describe('Trusts every branch and tag.'),
  })
  .refine((it) => it.branch !== undefined || it.tag !== undefined || it.anyRef === true, {
    message: 'needs a branch or a tag, or anyRef: true',
  });

/** Jobs of Buildkite. Commit and step are parts of the subject, so that it cannot be exact. */
export const buildkite = recipe('buildkite', schema, (it, target) => {
  const { issuer = 'agent.buildkite.com', audience = 'sts.amazonaws.com', provider } = it;
  const prefix = `organization:${it.organization}:pipeline:${it.pipeline}`;
  const subjects = [
    ...listOf(it.branch).map((name) => `${prefix}:ref:refs/heads/${name}:commit:*:step:*`),
    ...listOf(it.tag).map((name) => `${prefix}:ref:refs/tags/${name}:commit:*:step:*`),
    ...(it.anyRef === true ? [`${prefix}:*`] : []),
  ];
  return oidcStatement({ issuer, audience, provider }, subjects, target);
});
