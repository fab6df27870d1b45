import type { Json, JsonObject } from '../../contract/entity.js';
import { isObject, ownValue } from '../json.js';
import { asList, statementsOf } from './canonical.js';
import { showValue } from './diff.js';
import { sharedIssuer } from './shared-issuers.js';

/** Something that IAM accepts and that may trust more than was meant. */
export interface DocumentWarning {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly remedy: string;
}

/** The subjects of a service. `owner` finds the organization, and `limited` a subject that names a part of it. */
interface SubjectForm {
  readonly prefix: string;
  /** Default: any. */
  readonly issuer?: string;
  readonly units: readonly [singular: string, plural: string];
  readonly owner: RegExp;
  readonly limited: RegExp;
}
const SUBJECT_FORMS: readonly SubjectForm[] = [
  {
    prefix: 'repo:',
    units: ['repository', 'repositories'],
    owner: /^repo:([^/@*?]+)(?:@[\d*]*)?\//,
    // An `@` is in no name, so that a wildcard behind it stands for an ID only.
    limited: /^repo:[^/@*?]+(?:@[\d*]*)?\/[^:*?]/,
  },
  {
    prefix: 'project_path:',
    units: ['project', 'projects'],
    owner: /^\w+:([^/*?]+)\//,
    limited: /^\w+:[^/*?]+\/[^:*?]/,
  },
  {
    prefix: 'org/',
    units: ['project', 'projects'],
    owner: /^org\/([^/*?]+)\//,
    limited: /^org\/[^/*?]+\/project\/[^/*?]/,
  },
  {
    prefix: 'organization:',
    issuer: 'agent.buildkite.com',
    units: ['pipeline', 'pipelines'],
    owner: /^\w+:([^:*?]+):/,
    limited: /^\w+:[^:*?]+:pipeline:[^:*?]/,
  },
  {
    prefix: 'organization:',
    units: ['workspace', 'workspaces'],
    owner: /^\w+:([^:*?]+):/,
    // A workspace has its name once in an organization.
    limited: /^\w+:[^:*?]+:project:(?:[^:*?]|[^:]*:workspace:[^:*?])/,
  },
];

/** Other claims that name one repository or project. */
const PROJECT_CLAIMS = ['job_workflow_ref', 'project_id', 'repository', 'repository_id'];

/** Returns what a trust policy may trust beyond what was meant. References must be resolved. */
export function trustWarnings(document: Json): DocumentWarning[] {
  if (!isObject(document)) return [];
  const isListed = Array.isArray(ownValue(document, 'Statement'));
  return statementsOf(document).flatMap((statement, index) => {
    if (!isObject(statement) || statement['Effect'] !== 'Allow') return [];
    const path = ['Statement', ...(isListed ? [index] : [])];
    const principal = ownValue(statement, 'Principal') ?? null;
    const condition = ownValue(statement, 'Condition');
    const issuers = isObject(principal) ? asList(ownValue(principal, 'Federated') ?? []).flatMap(issuerOf) : [];
    return [
      ...anyPrincipal(principal, conditionsOf(condition), path),
      ...literalWildcards(conditionsOf(condition), path),
      ...issuers.flatMap((issuer) => issuerWarnings(issuer, conditionsOf(condition), path)),
    ];
  });
}

/** One key of a condition block. */
interface KeyCondition {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly Json[];
  readonly path: readonly (string | number)[];
  readonly isListed: boolean;
}

function conditionsOf(condition: Json | undefined): KeyCondition[] {
  return Object.entries(isObject(condition) ? condition : {}).flatMap(([operator, block]) =>
    Object.entries(isObject(block) ? (block as JsonObject) : {}).map(([key, value]) => ({
      operator: operator.replace(/^For(?:AllValues|AnyValue):/, '').replace(/IfExists$/, ''),
      key,
      values: asList(value),
      path: ['Condition', operator, key],
      isListed: Array.isArray(value),
    })),
  );
}

function anyPrincipal(
  principal: Json,
  conditions: readonly KeyCondition[],
  path: readonly (string | number)[],
): DocumentWarning[] {
  const aws = isObject(principal) ? asList(ownValue(principal, 'AWS') ?? []) : [principal];
  if (conditions.length > 0 || !aws.includes('*')) return [];
  return [
    {
      path: [...path, 'Principal'],
      message: 'every AWS account can assume the role: the principal is "*", and there is no condition',
      remedy: 'name accounts or roles, or add a condition, such as one on aws:PrincipalOrgID',
    },
  ];
}

/** A wildcard that its operator compares as a character. `${*}` is how IAM writes one that is meant so. */
const WILDCARD = /(?<!\$\{)[*?]/;

function literalWildcards(conditions: readonly KeyCondition[], path: readonly (string | number)[]): DocumentWarning[] {
  return conditions.flatMap(({ operator, values, path: inner, isListed }) => {
    if (!/^StringEquals(?:IgnoreCase)?$/i.test(operator)) return [];
    return values.flatMap((value, index): DocumentWarning[] =>
      typeof value === 'string' && WILDCARD.test(value)
        ? [
            {
              path: [...path, ...inner, ...(isListed ? [index] : [])],
              message: `${operator} knows no wildcards, so ${showValue(value)} matches only a value with ${value.includes('*') ? 'an asterisk' : 'a question mark'} in it`,
              remedy: 'use StringLike, or write the whole value',
            },
          ]
        : [],
    );
  });
}

/** Returns the issuer of a federated principal; none for a SAML provider. */
function issuerOf(principal: Json): string[] {
  if (typeof principal !== 'string') return [];
  if (sharedIssuer(principal) !== undefined) return [principal];
  return /:oidc-provider\/(.+)$/.exec(principal)?.slice(1) ?? [];
}

function issuerWarnings(
  issuer: string,
  conditions: readonly KeyCondition[],
  path: readonly (string | number)[],
): DocumentWarning[] {
  const on = (claim: string): KeyCondition[] =>
    conditions.filter(
      ({ operator, key }) =>
        /^String(?:Equals|EqualsIgnoreCase|Like)$/.test(operator) &&
        key.toLowerCase() === `${issuer}:${claim}`.toLowerCase(),
    );
  const claim = sharedIssuer(issuer)?.trustClaim;
  if (claim !== undefined && !on(claim).some(isLimit)) {
    const key = `${issuer}:${claim}`;
    const message = `the role trusts every token of ${issuer}: no condition limits ${key}`;
    return [{ path, message, remedy: `add a condition on ${key}, or use a trust recipe` }];
  }
  const subjects = on('sub');
  if (PROJECT_CLAIMS.some((name) => on(name).some(isLimit))) return [];
  if (subjects.some((one) => one.values.every((value) => wholeOrganization(issuer, one, value) === undefined)))
    return [];
  return subjects.flatMap((one) =>
    one.values.flatMap((value, index) => {
      const whole = wholeOrganization(issuer, one, value);
      return whole === undefined ? [] : [{ path: [...path, ...one.path, ...(one.isListed ? [index] : [])], ...whole }];
    }),
  );
}

/**
 * Reports whether a pattern of subjects is for one organization, or one of whatever else the issuer tells apart: it begins
 * with a text that names it.
 */
export function namesOwner(pattern: string): boolean {
  const literal = /^[^*?]*/.exec(pattern)?.[0] ?? '';
  if (literal === pattern) return true;
  return SUBJECT_FORMS.every(({ prefix, owner }) => {
    if (literal.startsWith(prefix)) return owner.test(pattern);
    return !prefix.startsWith(literal);
  });
}

function isLimit({ operator, values }: KeyCondition): boolean {
  return values.every((value) => operator !== 'StringLike' || typeof value !== 'string' || !/^[*?]+$/.test(value));
}

/** Returns the warning for a pattern of subjects that covers a whole organization. */
function wholeOrganization(
  issuer: string,
  { operator }: KeyCondition,
  value: Json,
): Omit<DocumentWarning, 'path'> | undefined {
  if (operator !== 'StringLike' || typeof value !== 'string' || !/[*?]/.test(value)) return undefined;
  const form = SUBJECT_FORMS.find((one) => value.startsWith(one.prefix) && (one.issuer ?? issuer) === issuer);
  if (form === undefined || form.limited.test(value)) return undefined;
  const [unit, units] = form.units;
  const owner = form.owner.exec(value)?.[1];
  const trusted = owner === undefined ? `${units} of more than one organization` : `every ${unit} of ${owner}`;
  const message = `the role trusts ${trusted}: the subject is the pattern "${showValue(value)}"`;
  return { message, remedy: `name the ${unit}, or use a trust recipe` };
}
