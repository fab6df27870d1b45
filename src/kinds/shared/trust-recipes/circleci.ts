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

const uuid = z.string().regex(/^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/, 'must be the ID, a UUID in lower case');

const schema = z
  .strictObject({
    ...oidcFields,
    organizationId: uuid,
    projectId: uuid,
    repository: part
      .regex(/^[^/]+(?:\/[^/]+)+$/, 'must be written as in github.com/acme/infra')
      .optional()
      .describe('The host and path of the repository, as in `github.com/acme/infra`.'),
    branch: parts.optional(),
    tag: parts.optional(),
    anyRef: z.literal(true).optional().describe('Trusts every branch and tag.'),
  })
  .refine((it) => it.branch !== undefined || it.tag !== undefined || it.anyRef === true, {
    message: 'needs a branch or a tag, or anyRef: true',
  })
  .refine((it) => (it.branch === undefined && it.tag === undefined) || it.repository !== undefined, {
    message: 'needs the repository of the branch or tag, since a fork can have one of the same name',
  });

/**
 * Any user. Each character counts: with `*`, a branch whose name contains `/vcs-ref/refs/heads/main` would pass for
 * `main`.
 */
const ANY_USER = [8, 4, 4, 4, 12].map((length) => '?'.repeat(length)).join('-');

const SUBJECT =
  /^org\/(?<organizationId>[^/]+)\/project\/(?<projectId>[^/]+)\/user\/(?:\*|[?-]+\/vcs-origin\/(?<repository>.+?)\/vcs-ref\/(?:refs\/(?<type>heads|tags)\/(?<ref>.+)|\*))$/;

/** Jobs of CircleCI. A branch or a tag is only in the subject of `$CIRCLE_OIDC_TOKEN_V2`. */
export const circleci = recipe(
  'circleci',
  schema,
  (it, target) => {
    const { organizationId, repository, issuer = `oidc.circleci.com/org/${organizationId}`, provider } = it;
    const project = `org/${organizationId}/project/${it.projectId}/user`;
    const source = `${project}/${ANY_USER}/vcs-origin/${repository ?? ''}/vcs-ref`;
    const subjects = [
      ...listOf(it.branch).map((name) => `${source}/refs/heads/${name}`),
      ...listOf(it.tag).map((name) => `${source}/refs/tags/${name}`),
      ...(it.anyRef === true ? [repository === undefined ? `${project}/*` : `${source}/*`] : []),
    ];
    return oidcStatement({ issuer, audience: it.audience ?? organizationId, provider }, subjects, target);
  },
  (statement, context) => {
    const { subjects = [] } = oidcPartsOf(statement, context) ?? {};
    const found = matchSubjects(subjects, SUBJECT);
    if (found === undefined) return undefined;
    const [{ organizationId = '', projectId, repository } = {}] = found;
    const defaults = { issuer: `oidc.circleci.com/org/${organizationId}`, audience: organizationId };
    const { fields } = oidcPartsOf(statement, context, defaults) ?? {};
    const refs = (wanted: string) => oneOrMany(found.map(({ type, ref }) => (type === wanted ? ref : undefined)));
    const anyRef = found.some(({ ref }) => ref === undefined) ? true : undefined;
    const limits = { repository, branch: refs('heads'), tag: refs('tags'), anyRef };
    return omitUndefined({ organizationId, projectId, ...limits, ...fields });
  },
);
