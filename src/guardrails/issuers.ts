import type { GuardrailRules } from './schema.js';

/** An issuer whose tokens everyone on the internet can get. */
interface PublicIssuer {
  readonly issuer: string;
  /** Claims that tell one customer of the service from another. A pattern must fix one of them. */
  readonly owners: readonly string[];
}

/** Services that issue tokens to the jobs of all their customers, by the name of the issuer. */
export const PUBLIC_ISSUERS: Readonly<Record<string, PublicIssuer>> = {
  github: {
    issuer: 'https://token.actions.githubusercontent.com',
    owners: ['repository', 'repository_id', 'repository_owner', 'repository_owner_id', 'enterprise', 'enterprise_id'],
  },
  gitlab: {
    issuer: 'https://gitlab.com',
    owners: ['project_path', 'project_id', 'namespace_path', 'namespace_id'],
  },
  buildkite: {
    issuer: 'https://agent.buildkite.com',
    owners: ['organization_slug', 'organization_id', 'pipeline_id'],
  },
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

/** An issuer as tokens are verified. */
export interface Issuer {
  readonly name: string;
  readonly issuer: string;
  /** Undefined where the audience is the digest of what is proven. */
  readonly audience: string | undefined;
  /** Undefined where the discovery document names it. */
  readonly jwksUri: string | undefined;
  readonly clockSkewSeconds: number;
  readonly maxAgeSeconds: number;
}

/** Returns the issuers that a file accepts. Those of public services need no settings where a pattern names them. */
export function issuersOf(rules: Pick<GuardrailRules, 'identity'>): readonly Issuer[] {
  const configured = rules.identity?.issuers ?? {};
  const names = [...new Set([...Object.keys(PUBLIC_ISSUERS), ...Object.keys(configured)])];
  return names.flatMap((name) => {
    const settings = Object.hasOwn(configured, name) ? configured[name] : undefined;
    const { issuer = publicUrl(name), audience, jwksUri, clockSkewSeconds, maxAgeSeconds } = settings ?? {};
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

function publicUrl(name: string): string | undefined {
  return Object.hasOwn(PUBLIC_ISSUERS, name) ? PUBLIC_ISSUERS[name]?.issuer : undefined;
}

/** Returns the names of the claims that are kept of a token: those that any pattern matches, and those that are shown. */
export function keptClaims(rules: GuardrailRules): ReadonlySet<string> {
  const { groups = {} } = rules.identity ?? {};
  const sets = [rules, ...Object.values(rules.accounts)];
  const lists = sets.flatMap(({ apply }) => [...(apply?.only ?? []), ...(apply?.approval?.by ?? [])]);
  const matchers = [...lists, ...Object.values(groups).flat()].filter((who) => typeof who !== 'string');
  return new Set([...SHOWN_CLAIMS, ...PERSON_CLAIMS, ...matchers.flatMap((matcher) => Object.keys(matcher))]);
}
