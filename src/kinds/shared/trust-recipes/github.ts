import { z } from 'zod';
import { omitUndefined } from '../spec.js';
import {
  listOf,
  matchSubjects,
  names,
  oidcFields,
  oidcPartsOf,
  oidcStatement,
  oneOrMany,
  parts,
  recipe,
} from './recipe.js';

const ISSUER = 'token.actions.githubusercontent.com';
/** Also issuers of one enterprise, and of GitHub Enterprise Cloud with data residency. */
const SENDS_IDS = /^token\.actions\.(?:githubusercontent\.com|[\w-]+\.ghe\.com)(?:\/|$)/;
const id = z.string().regex(/^\d+$/, 'must be the number that GitHub gave it, in quotes');

const schema = z
  .strictObject({
    ...oidcFields,
    repository: z
      .string()
      .regex(/^[\w.-]+\/[\w.-]+$/, 'must be OWNER/REPOSITORY')
      .optional(),
    repositoryId: id.optional(),
    owner: z
      .string()
      .regex(/^[\w.-]+$/, 'must be the name of a user or an organization')
      .optional()
      .describe('Only with `anyRepository`.'),
    ownerId: id.optional(),
    environment: names.optional().describe('GitHub writes a colon in its name as `%3A`.'),
    branch: parts.optional(),
    tag: parts.optional(),
    pullRequest: z.literal(true).optional(),
    anyRef: z.literal(true).optional().describe('Trusts every branch, tag, pull request and environment.'),
    anyRepository: z.literal(true).optional().describe('Trusts every repository of `owner`.'),
  })
  .refine((it) => (it.anyRepository === true) === (it.repository === undefined), {
    message: 'needs either repository, or owner with anyRepository: true',
  })
  .refine((it) => (it.anyRepository === true) === (it.owner !== undefined), {
    message: 'needs owner with anyRepository: true, and without it none',
  })
  .refine((it) => it.anyRepository !== true || (it.repositoryId === undefined && contextsOf(it).length === 0), {
    message: 'trusts every repository, so that no repositoryId, environment, branch or tag limits it',
  })
  .refine((it) => it.anyRepository === true || (it.repositoryId === undefined) === (it.ownerId === undefined), {
    message: 'needs both repositoryId and ownerId, or neither',
  })
  .refine((it) => it.ownerId === undefined || SENDS_IDS.test(it.issuer ?? ISSUER), {
    message: 'has IDs, and GitHub Enterprise Server sends none',
  })
  .refine((it) => it.anyRepository === true || contextsOf(it).length > 0, {
    message: 'needs an environment, branch, tag or pullRequest, or anyRef: true',
  });

/** Returns the last parts of the subjects: what of the repository is trusted. */
function contextsOf(it: {
  environment?: string | string[] | undefined;
  branch?: string | string[] | undefined;
  tag?: string | string[] | undefined;
  pullRequest?: true | undefined;
  anyRef?: true | undefined;
}): string[] {
  return [
    ...listOf(it.environment).map((name) => `environment:${name}`),
    ...listOf(it.branch).map((name) => `ref:refs/heads/${name}`),
    ...listOf(it.tag).map((name) => `ref:refs/tags/${name}`),
    ...(it.pullRequest === true ? ['pull_request'] : []),
    ...(it.anyRef === true ? ['*'] : []),
  ];
}

/** `repo:OWNER[@ID]/NAME[@ID]:CONTEXT`; for any repository, `repo:OWNER[@ID]/*`. */
const SUBJECT =
  /^repo:(?<owner>[^/@]+)(?:@(?<ownerId>[^/]+))?\/(?<name>[^:@]+)(?:@(?<repositoryId>[^:]+))?(?::(?<context>.+))?$/;

/**
 * Jobs of GitHub Actions. Repositories created, renamed or transferred since 2026-07-15 have their IDs in the subject.
 * With the IDs, only that form is trusted, since the names in the other can pass to another owner.
 */
export const github = recipe(
  'github',
  schema,
  (it, target) => {
    const { issuer = ISSUER, audience = 'sts.amazonaws.com', provider } = it;
    const [owner = '', name = ''] = it.repository?.split('/') ?? [it.owner, '*'];
    const named = `repo:${owner}/${name}`;
    const ids = `repo:${owner}@${it.ownerId ?? '*'}/${name}${it.anyRepository === true ? '' : `@${it.repositoryId ?? '*'}`}`;
    const repositories = !SENDS_IDS.test(issuer) ? [named] : it.ownerId === undefined ? [named, ids] : [ids];
    const subjects = repositories.flatMap((prefix) =>
      it.anyRepository === true ? [prefix] : contextsOf(it).map((context) => `${prefix}:${context}`),
    );
    return oidcStatement({ issuer, audience, provider }, subjects, target);
  },
  (statement, context) => {
    const { subjects = [], fields } = oidcPartsOf(statement, context, { issuer: ISSUER }) ?? {};
    const found = matchSubjects(subjects, SUBJECT);
    if (found === undefined) return undefined;
    const [{ owner = '', name = '', ownerId, repositoryId } = {}] = found;
    const isAny = name === '*';
    const known = (id: string | undefined) => (id === '*' ? undefined : id);
    const after = (prefix: string) =>
      oneOrMany(found.map(({ context: one = '' }) => (one.startsWith(prefix) ? one.slice(prefix.length) : undefined)));
    const has = (wanted: string) => (found.some(({ context: one }) => one === wanted) ? true : undefined);
    return omitUndefined({
      ...(isAny ? { owner } : { repository: `${owner}/${name}`, repositoryId: known(repositoryId) }),
      ownerId: known(ownerId),
      environment: after('environment:'),
      branch: after('ref:refs/heads/'),
      tag: after('ref:refs/tags/'),
      pullRequest: has('pull_request'),
      anyRef: has('*'),
      anyRepository: isAny ? true : undefined,
      ...fields,
    });
  },
);
