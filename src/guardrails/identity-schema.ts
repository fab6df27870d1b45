import { z } from 'zod';
import { proofUrlProblem } from '../contract/proof-url.js';
import { text } from './text-schema.js';

/** The maximum number of approvals that a rule can demand. */
const MAX_APPROVALS = 10;

/** The longest age of a token, in seconds: longer than any CI service grants, and shorter than Temporal keeps a closed run. */
const MAX_TOKEN_AGE_SECONDS = 86_400;

const name = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'use 1 to 40 lower-case letters, digits and hyphens');

const url = z
  .string()
  .max(500)
  .superRefine((value, context) => {
    const problem = proofUrlProblem(value);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

const issuer = z.strictObject({
  issuer: url
    .optional()
    .describe(
      'The URL of the issuer, as in its tokens. Default: that of the service, for github, gitlab and buildkite.',
    ),
  audience: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe(
      'The audience of its tokens, for a service that cannot choose it when the job runs. Default: the digest of the request or of the plan, so that a token proves nothing else.',
    ),
  jwksUri: url.optional().describe('The address of its keys. Default: what its discovery document names.'),
  clockSkewSeconds: z
    .int()
    .min(0)
    .max(300)
    .optional()
    .describe('Seconds by which its clock may differ from that of the worker. Default: 60.'),
  maxAgeSeconds: z
    .int()
    .min(30)
    .max(MAX_TOKEN_AGE_SECONDS)
    .optional()
    .describe('Seconds after which a token is too old. Default: 600 with a fixed audience, 3600 otherwise.'),
});

/** Claims that a token must have: patterns by name. */
const matcher = z
  .object({ issuer: name.describe('The name of the issuer.') })
  .catchall(text)
  .describe('The issuer of a token and patterns of its claims. Of a claim that is a list, one member must match.');

/** The client that has started a run, as Temporal's server has authenticated it. */
const principal = z
  .strictObject({
    principal: text.describe(
      'A pattern of the name that the server has recorded: for its default claim mapper, the subject of the token that the client connects with.',
    ),
    type: text.optional().describe('A pattern of the kind of authentication, as in jwt. Default: any.'),
  })
  .describe("Temporal's principal: the client that has started the run, as the server has authenticated it.");

const who = z.array(z.union([name, matcher])).min(1);

const requesters = z.array(z.union([name, matcher, principal])).min(1);

/** The issuers of tokens, and groups of the identities that they prove. */
export const identity = z
  .strictObject({
    issuers: z
      .record(name, issuer)
      .optional()
      .describe('OIDC issuers by name. github, gitlab and buildkite need no settings.'),
    groups: z.record(name, z.array(matcher).min(1)).optional().describe('Groups of identities, by name.'),
  })
  .describe('Issuers of the tokens by which clients prove who they are.');

/** The identities that may have a manifest applied. */
export const apply = z
  .strictObject({
    only: requesters
      .optional()
      .describe(
        "Only these identities may apply, release and destroy: groups, issuers with claims, or Temporal's principals.",
      ),
    approval: z
      .strictObject({
        by: who.describe('Identities whose approval counts: groups, or issuers with claims.'),
        not: z.literal('requester').optional().describe('requester: who asks for the run cannot approve it.'),
        count: z.int().min(1).max(MAX_APPROVALS).optional().describe('Approvals that a plan needs. Default: 1.'),
      })
      .optional()
      .describe('A plan that writes waits for approvals, even if the request does not ask for them.'),
  })
  .describe("Identities that may apply and approve, proven by tokens of their issuers or by Temporal's principal.");

/** A pattern of identities. */
export type Matcher = z.infer<typeof matcher>;

/** A pattern of principals. */
export type PrincipalMatcher = z.infer<typeof principal>;

/** A group's name, or a pattern of identities or principals. */
export type Requesters = z.infer<typeof requesters>[number];

/** Reports whether a rule names principals. */
export function isOfPrincipals(one: Requesters): one is PrincipalMatcher {
  return typeof one === 'object' && !('issuer' in one);
}
