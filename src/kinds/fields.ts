import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { awsError, failureTypeOf } from '../aws/errors.js';
import type { Operation } from '../aws/operations.js';
import type { Reader } from '../aws/reader.js';
import type { Json, JsonObject, SecretLocation, Target } from '../contract/entity.js';
import type { QuotaUsage, Kind, Write } from './kind.js';
import { strings } from '../engine/json.js';
import { documentSize, validateDocument } from '../engine/policy/index.js';

export { strings };

/** A reference to another entity's ARN, resolved when the account has been read. */
const REFERENCE = /^\{\{arn [^{}]+\}\}$/;

/** An entity's name. IAM's own characters; the length differs by kind. */
export function nameField(longest: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\w+=,.@-]+$/, 'use letters, digits and _+=,.@- only');
}

/** `/`, or a path that begins and ends in a slash. */
export const pathField = z
  .string()
  .max(512)
  .regex(/^\/$|^\/[\u0021-\u007e]+\/$/, 'begin and end the path with a slash, as in /ci/');

/** As AWS counts them. */
const MIN_ARN_LENGTH = 20;

/** An ARN, or a reference to one. */
export const arnField = z
  .string()
  .max(2048)
  .refine(
    (text) => REFERENCE.test(text) || (text.length >= MIN_ARN_LENGTH && /^arn:[^:]+:[^:]*:[^:]*:[^:]*:.+$/.test(text)),
    {
      message: 'write an ARN of at least 20 characters, or {{arn Kind/name}}',
    },
  );

/** A permissions boundary; null takes an existing one off. */
export const boundaryField = arnField.nullable();

/** Managed policies to attach. */
export const attachmentsField = z
  .array(arnField)
  .max(20)
  .describe('ARNs of managed policies: AWS’s own, and those of the account.');

/** Longest documents that IAM takes with quotas raised as far as they go, in characters without white space. */
export const MAX_DOCUMENT_LENGTH = {
  managedPolicy: 6_144,
  trustPolicy: 4_096,
  userPolicies: 2_048,
  groupPolicies: 5_120,
  rolePolicies: 10_240,
};

/** A policy document, checked as far as it can be offline. */
export function documentField(type: 'identity' | 'trust', longest?: number): z.ZodType<JsonObject> {
  return z.custom<JsonObject>().superRefine((document, context) => {
    if (longest !== undefined) refuseLonger(context, documentSize(document), longest, 'document');
    for (const problem of validateDocument(document, type)) {
      context.addIssue({
        code: 'custom',
        message: problem.message,
        path: segmentsOf(problem.path),
        params: { remedy: problem.remedy },
      });
    }
  });
}

/** `Statement[0].Action` as zod's path: `['Statement', 0, 'Action']`. */
function segmentsOf(path: string): (string | number)[] {
  return path
    .split(/[.[\]]/)
    .filter((segment) => segment !== '')
    .map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment));
}

/** Inline policies by name. IAM limits what all of them have together. */
export function inlinePoliciesField(longest: number): z.ZodType<Record<string, JsonObject>> {
  return z
    .record(nameField(128), documentField('identity'))
    .superRefine((documents, context) => {
      const size = Object.values(documents).reduce((sum, document) => sum + documentSize(document), 0);
      refuseLonger(context, size, longest, 'inline policies');
    })
    .describe(`Policy documents by name; ${String(longest)} characters in all, white space not counted.`);
}

function refuseLonger(context: z.RefinementCtx, size: number, longest: number, what: string): void {
  if (size <= longest) return;
  context.addIssue({
    code: 'custom',
    message: `${what} of ${String(size)} characters without white space, and IAM takes ${String(longest)}`,
    params: { remedy: 'shorten it, or move statements to a managed policy of their own' },
  });
}

/** Where a secret is kept: in AWS Secrets Manager, or in a file of the worker's secrets folder. */
export const secretField: z.ZodType<SecretLocation> = z.union(
  [
    z.strictObject({
      secretsManager: z
        .string()
        .max(512)
        .regex(/^(arn:[^:]+:secretsmanager:[^:]+:\d{12}:secret:)?[\w/+=.@-]+$/, 'write the name or the ARN of a secret')
        .describe('Name or ARN of a secret in AWS Secrets Manager; it is made where it does not exist.'),
    }),
    z.strictObject({
      file: z
        .string()
        .min(1)
        .max(255)
        .regex(
          /^(?!.*(^|\/)\.{1,2}(\/|$))[\w@+=.-][\w@+=./-]*$/,
          'write a path without . and .. that does not begin with /',
        )
        .describe("Path inside of the worker's secrets folder; the file gets mode 0600."),
    }),
  ],
  { error: 'write { secretsManager: NAME } or { file: PATH }' },
);

/** The location that a spec has for a secret; its schema has checked it. */
export function secretLocation(spec: JsonObject, property: string): SecretLocation {
  return spec[property] as unknown as SecretLocation;
}

/** A role's description. */
export const descriptionField = z
  .string()
  .max(1000)
  .regex(/^[\t\n\r\u0020-\u007e\u00a1-\u00ff]*$/, 'use Latin letters, digits and plain punctuation only')
  .describe('What it is for, for people.');

/** Whether what a user authenticates with may be used. */
export const statusField = z.enum(['Active', 'Inactive']).describe('Whether it may be used; AWS makes it active.');

/** One block of PEM. */
const PEM_BLOCK = /-----BEGIN ([A-Z\d ]+)-----([A-Za-z\d+/=\s]*)-----END \1-----/g;

/**
 * A text in PEM as all texts that mean the same have it: its blocks without what stands around them, in lines of 64
 * characters. Text that is no PEM only loses the white space around it.
 */
export function normalizePem(text: string): string {
  const blocks = [...text.matchAll(PEM_BLOCK)].map(([, label = '', body = '']) => {
    const lines = body.replace(/\s/g, '').match(/.{1,64}/g) ?? [];
    return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n');
  });
  return blocks.length === 0 ? text.trim() : blocks.join('\n');
}

/** A certificate in PEM. */
export const certificateField = certificatesField(16_384, 1);

/** Certificates in PEM, each issued by the next. */
export const certificateChainField = certificatesField(2_097_152, Number.POSITIVE_INFINITY);

function certificatesField(longest: number, most: number): z.ZodString {
  return z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\t\n\r\u0020-\u00ff]+$/, 'use Latin characters only')
    .superRefine((text, context) => {
      const [message, remedy] = certificateProblem(text, most) ?? [];
      if (message !== undefined) context.addIssue({ code: 'custom', message, params: { remedy } });
    });
}

/** What is wrong with a text of certificates, and what to do about it. */
function certificateProblem(text: string, most: number): readonly [message: string, remedy: string] | undefined {
  const blocks = [...text.matchAll(PEM_BLOCK)];
  const other = blocks.find(([, label]) => label !== 'CERTIFICATE');
  if (other !== undefined) return [`holds a ${other[1] ?? ''}`, 'leave certificates in it and nothing else'];
  if (blocks.length === 0) {
    return ['holds no certificate in PEM', 'write -----BEGIN CERTIFICATE-----, its lines, -----END CERTIFICATE-----'];
  }
  if (blocks.length > most) return [`holds ${String(blocks.length)} certificates`, 'write one certificate'];
  const isWhole = [...text.matchAll(/-----(BEGIN|END) /g)].length === 2 * blocks.length;
  if (isWhole && blocks.every(([block]) => isCertificate(block))) return undefined;
  return ['holds a certificate that cannot be read', 'copy it again, whole'];
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(normalizePem(block)).fingerprint256 !== '';
  } catch {
    return false;
  }
}

/** Tags by key. */
export const tagsField = z.record(
  z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u, 'use letters, digits, spaces and _.:/=+-@ only'),
  z
    .string()
    .max(256)
    .regex(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u, 'use letters, digits, spaces and _.:/=+-@ only'),
);

/** A spec's string property; undefined where the manifest does not set it. */
export function stringProperty(spec: JsonObject, property: string): string | undefined {
  const value = spec[property];
  return typeof value === 'string' ? value : undefined;
}

/** A spec's object property; empty where the manifest does not set it. */
export function objectProperty(spec: JsonObject, property: string): JsonObject {
  const value = spec[property];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Leaves out what is undefined, which `exactOptionalPropertyTypes` and the SDK both tell from absent. */
export function omitUndefined<T extends Record<string, unknown>>(
  values: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** A document as IAM takes it. */
export function serializeDocument(document: Json | undefined): string {
  return JSON.stringify(document);
}

/** Tags as IAM takes them. */
export function toTagList(tags: Readonly<Record<string, string>>): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** Tags as IAM gives them. */
export function toTagMap(
  tags: readonly { readonly Key: string | undefined; readonly Value: string | undefined }[] | undefined,
): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

/** A creation date as ISO 8601. */
export function isoDate(date: Date | undefined): string | null {
  return date?.toISOString() ?? null;
}

/** The ARN for what a user has and AWS gives none: the user's, as far as it can be told without the path. */
export function userArn(name: string, { account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:user/${name}`;
}

/** The ARN for what an account has once. */
export function accountArn({ account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:root`;
}

/** For removals: what is not there is removed. */
export const appliedIfAbsent: Pick<Write, 'isAlreadyApplied'> = {
  isAlreadyApplied: (error) => error.code === 'NoSuchEntity',
};

/** The writes that mend tags, for the kinds that carry them. */
export function tagWrites(
  operations: { readonly tag: Operation; readonly untag: Operation },
  key: Readonly<Record<string, string>>,
  tags: Readonly<Record<string, string>>,
  change: { readonly put: readonly string[]; readonly remove: readonly string[] } | undefined,
): Write[] {
  if (change === undefined) return [];
  const steps: Write[] = [];
  if (change.put.length > 0) {
    const put = Object.fromEntries(change.put.map((name) => [name, tags[name] ?? '']));
    steps.push({ operation: operations.tag, input: { ...key, Tags: toTagList(put) } });
  }
  if (change.remove.length > 0) {
    steps.push({ operation: operations.untag, input: { ...key, TagKeys: [...change.remove] } });
  }
  return steps;
}

/** What one document needs of a quota. */
export function documentQuotaUsage(quota: string, what: string, document: Json | undefined): QuotaUsage[] {
  return document === undefined ? [] : [{ quota, label: what, amount: documentSize(document) }];
}

/** What a bulk read gives, or undefined where it is denied: single reads may be allowed all the same. */
export async function undefinedIfDenied<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (failureTypeOf(awsError(error)) === 'AccessDenied') return undefined;
    throw error;
  }
}

/** What an entity has of one sort: nothing where it is gone, or where the API does not know the sort at all. */
export async function emptyIfAbsent<T>(listing: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await listing;
  } catch (error) {
    if (['NoSuchEntity', 'InvalidAction', 'NotSupportedService'].includes(awsError(error).code)) return [];
    throw error;
  }
}

/** A bulk read of what no listing shows: one read each; undefined where they are denied. */
export function readEach(read: Kind['read']): Kind['readMany'] {
  return ({ reader }, wanted, target) =>
    undefinedIfDenied(async () => {
      const found = await Promise.all(wanted.map((one) => read(reader, one, target)));
      return new Map(found.filter((one) => one !== undefined).map((one) => [one.name.toLowerCase(), one]));
    });
}

/**
 * A bulk read by a listing that shows little more than names: of what is wanted and there, one read each; undefined
 * where the listing is denied.
 */
export function readListed(list: (reader: Reader) => Promise<readonly string[]>, read: Kind['read']): Kind['readMany'] {
  return async ({ reader, retryUntilShown: shown }, wanted, target) => {
    const listed = await undefinedIfDenied(() => list(reader));
    if (listed === undefined) return undefined;
    const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
    const exact = new Set(wanted.map(({ name }) => name));
    const there = listed
      .filter((name) => names.has(name.toLowerCase()))
      // Last, so that of names that differ in case the declared one is taken.
      .sort((a, b) => Number(exact.has(a)) - Number(exact.has(b)));
    const found = await Promise.all(there.map((name) => shown(() => read(reader, { name, spec: {} }, target))));
    return new Map(found.filter((one) => one !== undefined).map((one) => [one.name.toLowerCase(), one]));
  };
}
