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

const ISSUER = 'gitlab.com';

const SUBJECT = /^project_path:(?<project>[^:]+):(?:ref_type:(?<type>branch|tag):ref:(?<ref>.+)|(?<any>\*))$/;

/** Jobs of GitLab CI. */
export const gitlab = recipe(
  'gitlab',
  schema,
  (it, target) => {
    const { issuer = ISSUER, provider } = it;
    const prefix = `project_path:${it.project}`;
    const subjects = [
      ...listOf(it.branch).map((name) => `${prefix}:ref_type:branch:ref:${name}`),
      ...listOf(it.tag).map((name) => `${prefix}:ref_type:tag:ref:${name}`),
      ...(it.anyRef === true ? [`${prefix}:*`] : []),
    ];
    return oidcStatement({ issuer, audience: it.audience ?? `https://${issuer}`, provider }, subjects, target);
  },
  (statement, context) => {
    const { issuer = '', subjects = [] } = oidcPartsOf(statement, context) ?? {};
    const { fields } = oidcPartsOf(statement, context, { issuer: ISSUER, audience: `https://${issuer}` }) ?? {};
    const found = matchSubjects(subjects, SUBJECT);
    if (found === undefined) return undefined;
    const [{ project } = {}] = found;
    const refs = (wanted: string) => oneOrMany(found.map(({ type, ref }) => (type === wanted ? ref : undefined)));
    const anyRef = found.some(({ any }) => any !== undefined) ? true : undefined;
    return omitUndefined({ project, branch: refs('branch'), tag: refs('tag'), anyRef, ...fields });
  },
);
