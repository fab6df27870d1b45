import type { TokenIssuer } from '../contract/identity.js';
import { isOfPrincipals } from './identity-schema.js';
import type { GuardrailRules } from './schema.js';

/** The URLs of services whose issuers a pattern can name without settings. */
const NAMED_ISSUERS: Readonly<Record<string, string>> = {
  github: 'https://token.actions.githubusercontent.com',
  gitlab: 'https://gitlab.com',
  buildkite: 'https://agent.buildkite.com',
};

/** Claims by which two tokens of one issuer show the same person, whatever their subjects. */
export const PERSON_CLAIMS = ['actor_id', 'user_id', 'email'] as const;

/** Claims that a report shows of an identity, besides those that the guardrails match. */
const SHOWN_CLAIMS = [
  'actor',
  'build_branch',
  'environment',
  'job_workflow_ref',
  'organization_slug',
  'pipeline_slug',
  'preferred_username',
  'project_path',
  'ref',
  'repository',
  'run_id',
  'user_login',
] as const;

/** Default of the difference between the clocks of an issuer and a worker, in seconds. */
const CLOCK_SKEW_SECONDS = 60;

/** Defaults of the age of a token, in seconds, with a fixed audience and with one that proves a single request. */
const MAX_AGE_SECONDS = { fixed: 600, bound: 3_600 } as const;

/** Returns the issuers that a file accepts. Those of named services need no settings where a pattern names them. */
export function issuersOf(rules: Pick<GuardrailRules, 'identity'>): readonly TokenIssuer[] {
  const configured = rules.identity?.issuers ?? {};
  const names = [...new Set([...Object.keys(NAMED_ISSUERS), ...Object.keys(configured)])];
  return names.flatMap((name) => {
    const settings = Object.hasOwn(configured, name) ? configured[name] : undefined;
    const { issuer = urlOf(name), audience, jwksUri, clockSkewSeconds, maxAgeSeconds } = settings ?? {};
    if (issuer === undefined) return [];
    return {
      name,
      issuer,
      audience,
      jwksUri,
      clockSkewSeconds: clockSkewSeconds ?? CLOCK_SKEW_SECONDS,
      maxAgeSeconds: maxAgeSeconds ?? (audience === undefined ? MAX_AGE_SECONDS.bound : MAX_AGE_SECONDS.fixed),
    };
  });
}

function urlOf(name: string): string | undefined {
  return Object.hasOwn(NAMED_ISSUERS, name) ? NAMED_ISSUERS[name] : undefined;
}

/** Returns the names of the claims that are kept of a token: those that any pattern matches, and those that are shown. */
export function keptClaims(rules: GuardrailRules): ReadonlySet<string> {
  const { groups = {} } = rules.identity ?? {};
  const sets = [rules, ...Object.values(rules.accounts)];
  const lists = sets.flatMap(({ apply }) => [...(apply?.only ?? []), ...(apply?.approval?.by ?? [])]);
  const matchers = [...lists, ...Object.values(groups).flat()].filter(
    (who) => typeof who !== 'string' && !isOfPrincipals(who),
  );
  return new Set([...SHOWN_CLAIMS, ...PERSON_CLAIMS, ...matchers.flatMap((matcher) => Object.keys(matcher))]);
}
