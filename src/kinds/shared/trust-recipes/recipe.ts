import { z } from 'zod';
import type { JsonObject, Target } from '../../../contract/entity.js';
import { asList } from '../../../contract/json.js';
import { objectOrEmpty, ownValue, strings } from '../../../engine/json.js';
import { omitUndefined } from '../spec.js';

/** A short form of one statement of a trust policy. */
export interface TrustRecipe {
  readonly name: string;
  readonly schema: z.ZodType;
  /** Returns the statement for a value that the schema has accepted. */
  readonly statement: (value: unknown, target: Target) => JsonObject;
  /**
   * Guesses the value that a statement stands for; undefined where it can be none. The guess counts only where it gives the
   * same statement.
   */
  readonly guess: (statement: JsonObject, context: GuessContext) => unknown;
}

/** The place of a statement. */
export interface GuessContext {
  readonly target: Target;
  /** ARNs of entities that the manifest declares: a recipe names such a provider, which orders the two. */
  readonly declared: Pick<ReadonlySet<string>, 'has'>;
}

/** Joins a schema and the statement for its values. */
export function recipe<T>(
  name: string,
  schema: z.ZodType<T>,
  statement: (value: T, target: Target) => JsonObject,
  guess: TrustRecipe['guess'],
): TrustRecipe {
  return { name, schema, statement: (value, target) => statement(schema.parse(value), target), guess };
}

/** A part of a subject. A colon, a wildcard or a variable in it would make it mean something else. */
export const part = z.string().regex(/^(?!.*\$\{)[^:*?\s]+$/, 'must have no colon, wildcard, variable (${) or space');

/** A part of a subject that can have spaces inside. */
export const name = z
  .string()
  .regex(/^(?!.*\$\{)[^:*?\s]+(?: +[^:*?\s]+)*$/, 'must have no colon, wildcard, variable (${) or space at an end');

/** One part of a subject, or several that are all trusted. */
export const parts = z.union([part, z.array(part).min(1)]);

/** One name, or several that are all trusted. */
export const names = z.union([name, z.array(name).min(1)]);

/** The properties of every recipe for an OpenID Connect provider. */
export const oidcFields = {
  issuer: z
    .string()
    .regex(/^(?!https?:)[^*?\s]+[^/*?\s]$/, 'must be the URL of the issuer without https://')
    .optional()
    .describe('The issuer without `https://`, for an installation of your own.'),
  audience: z.string().min(1).optional().describe('The `aud` of the token.'),
  provider: z
    .string()
    .min(1)
    .optional()
    .describe('The ARN of the provider, or a reference to one that is declared. Default: the one in this account.'),
};

/** Returns the list of one value or several. */
export function listOf<T extends string>(value: T | readonly T[] | undefined): readonly T[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Returns the values of a list as a recipe writes them: one, several, or none. */
export function oneOrMany(values: Iterable<string | undefined>): string | string[] | undefined {
  const [first, ...more] = new Set([...values].filter((value) => value !== undefined));
  return first === undefined || more.length === 0 ? first : [first, ...more];
}

/** The parts of a statement for tokens of a provider. */
interface OidcParts {
  readonly issuer: string;
  readonly audience: string | undefined;
  readonly subjects: readonly string[];
  /** The properties that every recipe for a provider has, where they are not the defaults. */
  readonly fields: JsonObject;
}

/** Reads a statement for tokens of a provider; undefined for another one. */
export function oidcPartsOf(
  statement: JsonObject,
  { target: { account, partition }, declared }: GuessContext,
  defaults: { readonly issuer?: string; readonly audience?: string } = {},
): OidcParts | undefined {
  const [provider, ...more] = asList(ownValue(objectOrEmpty(ownValue(statement, 'Principal')), 'Federated') ?? []);
  const issuer = typeof provider === 'string' ? /:oidc-provider\/(.+)$/.exec(provider)?.[1] : undefined;
  if (typeof provider !== 'string' || issuer === undefined || more.length > 0) return undefined;
  const condition = objectOrEmpty(ownValue(statement, 'Condition'));
  const claim = (operator: string, name: string): readonly string[] =>
    strings(asList(ownValue(objectOrEmpty(ownValue(condition, operator)), `${issuer}:${name}`) ?? []));
  const [audience] = claim('StringEquals', 'aud');
  const isDefault = provider === `arn:${partition}:iam::${account}:oidc-provider/${issuer}`;
  return {
    issuer,
    audience,
    subjects: [...claim('StringEquals', 'sub'), ...claim('StringLike', 'sub')],
    fields: omitUndefined({
      issuer: issuer === defaults.issuer ? undefined : issuer,
      audience: audience === (defaults.audience ?? 'sts.amazonaws.com') ? undefined : audience,
      provider: isDefault && !declared.has(provider) ? undefined : provider,
    }),
  };
}

/** Returns the groups of a pattern in each subject; undefined where one does not match, or there is none. */
export function matchSubjects(
  subjects: readonly string[],
  pattern: RegExp,
): readonly Readonly<Record<string, string | undefined>>[] | undefined {
  const found = subjects.flatMap((subject) => {
    const groups = pattern.exec(subject)?.groups;
    return groups === undefined ? [] : [groups];
  });
  return found.length === 0 || found.length < subjects.length ? undefined : found;
}

/** Returns the statement for tokens of a provider with one of these subjects, which can have wildcards. */
export function oidcStatement(
  { issuer, audience, provider }: { issuer: string; audience: string; provider: string | undefined },
  subjects: readonly string[],
  { account, partition }: Target,
): JsonObject {
  const exact = !subjects.some((subject) => /[*?]/.test(subject));
  const aud = { [`${issuer}:aud`]: audience };
  const sub = { [`${issuer}:sub`]: [...subjects] };
  return {
    Effect: 'Allow',
    Principal: { Federated: provider ?? `arn:${partition}:iam::${account}:oidc-provider/${issuer}` },
    Action: 'sts:AssumeRoleWithWebIdentity',
    Condition: exact ? { StringEquals: { ...aud, ...sub } } : { StringEquals: aud, StringLike: sub },
  };
}
