import { z } from 'zod';
import type { JsonObject, Target } from '../../../contract/entity.js';

/** A short form of one statement of a trust policy. */
export interface TrustRecipe {
  readonly name: string;
  readonly schema: z.ZodType;
  /** Returns the statement for a value that the schema has accepted. */
  readonly statement: (value: unknown, target: Target) => JsonObject;
}

/** Joins a schema and the statement for its values. */
export function recipe<T>(
  name: string,
  schema: z.ZodType<T>,
  statement: (value: T, target: Target) => JsonObject,
): TrustRecipe {
  return { name, schema, statement: (value, target) => statement(schema.parse(value), target) };
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
