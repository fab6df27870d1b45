import { z } from 'zod';
import { omitUndefined } from '../spec.js';
import {
  listOf,
  matchSubjects,
  oidcFields,
  oidcPartsOf,
  oidcStatement,
  oneOrMany,
  part,
  parts,
  recipe,
} from './recipe.js';

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

const ISSUER = 'agent.buildkite.com';

const SUBJECT =
  /^organization:(?<organization>[^:]+):pipeline:(?<pipeline>[^:]+):(?:ref:refs\/(?<type>heads|tags)\/(?<ref>.+):commit:\*:step:\*|(?<any>\*))$/;

/** Jobs of Buildkite. Commit and step are parts of the subject, so that it cannot be exact. */
export const buildkite = recipe(
  'buildkite',
  schema,
  (it, target) => {
    const { issuer = ISSUER, audience = 'sts.amazonaws.com', provider } = it;
    const prefix = `organization:${it.organization}:pipeline:${it.pipeline}`;
    const subjects = [
      ...listOf(it.branch).map((name) => `${prefix}:ref:refs/heads/${name}:commit:*:step:*`),
      ...listOf(it.tag).map((name) => `${prefix}:ref:refs/tags/${name}:commit:*:step:*`),
      ...(it.anyRef === true ? [`${prefix}:*`] : []),
    ];
    return oidcStatement({ issuer, audience, provider }, subjects, target);
  },
  (statement, context) => {
    const { subjects = [], fields } = oidcPartsOf(statement, context, { issuer: ISSUER }) ?? {};
    const found = matchSubjects(subjects, SUBJECT);
    if (found === undefined) return undefined;
    const [{ organization, pipeline } = {}] = found;
    const refs = (wanted: string) => oneOrMany(found.map(({ type, ref }) => (type === wanted ? ref : undefined)));
    const anyRef = found.some(({ any }) => any !== undefined) ? true : undefined;
    return omitUndefined({ organization, pipeline, branch: refs('heads'), tag: refs('tags'), anyRef, ...fields });
  },
);
