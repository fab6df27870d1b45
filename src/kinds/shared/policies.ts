import type { AttachedPolicy, PolicyDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../../aws/reader.js';
import type { Json, JsonObject } from '../../contract/entity.js';
import { objectOrEmpty, strings } from '../../engine/json.js';
import {
  allowsSomething,
  commonGrants,
  compareGrants,
  decodeDocument,
  documentSize,
  equivalentDocuments,
  sizeOf,
  validateDocument,
} from '../../engine/policy/index.js';
import type { DocumentContext } from '../../engine/policy/index.js';
import type { Room, WriteEffect } from '../../engine/write-order.js';
import type { Changes, Desired, Observed, QuotaUsage, Write } from '../kind.js';
import { inlineQuota, inlineRemovals, inlineWrites } from './inline-policies.js';
import { principalKey, type Principal } from './principals.js';
import { nameField } from './schema-fields.js';
import { serializeDocument } from './spec.js';
import { TRUST_NOBODY } from './trust-principals.js';
import { removal } from './writes.js';

/** The longest documents that IAM takes with quotas raised as far as they go, in characters without white space. */
export const MAX_DOCUMENT_LENGTH = {
  managedPolicy: 6_144,
  trustPolicy: 8_192,
};

/** The longest trust policy that IAM takes where the account has no higher quota. */
const DEFAULT_TRUST_POLICY_LENGTH = 2_048;

/** A policy document, checked as far as it can be offline. */
export function documentField(type: 'identity' | 'trust', maxLength?: number): z.ZodType<JsonObject> {
  return z.custom<JsonObject>().superRefine((document, context) => {
    if (maxLength !== undefined) refuseLonger(context, documentSize(document), maxLength, 'the document has');
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

/** Returns `Statement[0].Action` as a path of zod: `['Statement', 0, 'Action']`. */
function segmentsOf(path: string): (string | number)[] {
  return path
    .split(/[.[\]]/)
    .filter((segment) => segment !== '')
    .map((segment) => (/^\d+$/.test(segment) ? Number(segment) : segment));
}

/** Inline policies by name. IAM limits their total length. */
export function inlinePoliciesField(maxLength: number): z.ZodType<Record<string, JsonObject>> {
  return z
    .record(nameField(128), documentField('identity'))
    .superRefine((documents, context) => {
      const size = Object.values(documents).reduce((sum, document) => sum + documentSize(document), 0);
      refuseLonger(context, size, maxLength, 'the inline policies have');
    })
    .describe(`Policy documents by name, ${String(maxLength)} characters in total. White space does not count.`);
}

function refuseLonger(context: z.RefinementCtx, size: number, maxLength: number, subject: string): void {
  if (size <= maxLength) return;
  context.addIssue({
    code: 'custom',
    message: `${subject} ${String(size)} characters without white space, and IAM allows ${String(maxLength)}`,
    params: { remedy: 'shorten it, or move statements to a managed policy of their own' },
  });
}

/** Returns the length of a document as usage of a quota; nothing where the spec declares no document. */
export function documentQuotaUsage(quota: string, label: string, document: Json | undefined): QuotaUsage[] {
  return document === undefined ? [] : [{ quota, label, amount: documentSize(document) }];
}

/** Reads the inline policies and the attached policies of one principal, by single reads. */
export async function readPolicies(reader: Reader, principal: Principal, name: string): Promise<JsonObject> {
  // The SDK gives each of these inputs a type of its own, which differs in the key only.
  const key = principalKey(principal, name) as never;
  const [names, attached] = await Promise.all([
    reader.list(`List${principal}Policies`, key, 'PolicyNames'),
    reader.list(`ListAttached${principal}Policies`, key, 'AttachedPolicies'),
  ]);
  const inline = await Promise.all(
    names.map(async (PolicyName): Promise<PolicyDetail> => {
      const input = { ...principalKey(principal, name), PolicyName } as never;
      const { PolicyDocument } = await reader.get(`Get${principal}Policy`, input);
      return { PolicyName, PolicyDocument };
    }),
  );
  return policiesOf(inline, attached);
}

/** Returns inline and attached policies as properties of the manifest. */
export function policiesOf(
  inline: readonly PolicyDetail[] | undefined,
  attached: readonly AttachedPolicy[] | undefined,
): JsonObject {
  return {
    inlinePolicies: Object.fromEntries(
      (inline ?? []).map(({ PolicyName = '', PolicyDocument = '{}' }) => [PolicyName, decodeDocument(PolicyDocument)]),
    ),
    managedPolicyArns: (attached ?? []).map(({ PolicyArn = '' }) => PolicyArn),
  };
}

/** Returns the quota usage of a spec's inline and attached policies. */
export function policyQuotaUsage(principal: Principal, spec: JsonObject): QuotaUsage[] {
  const inline = Object.values(objectOrEmpty(spec['inlinePolicies']));
  return [
    {
      ...attachmentQuota(principal),
      amount: strings(spec['managedPolicyArns']).length,
    },
    {
      ...inlineQuota(principal),
      amount: inline.reduce<number>((sum, document) => sum + documentSize(document), 0),
    },
  ];
}

/** Returns the writes that bring inline and attached policies to the declared state. */
export function policyWrites(principal: Principal, desired: Desired, observed: Observed, changes: Changes): Write[] {
  const { put = [], remove = [] } = changes['managedPolicyArns'] ?? {};
  return [
    ...inlineWrites(principal, desired, observed, changes),
    ...remove.map((arn) => detachment(principal, observed, arn)),
    ...put.map((PolicyArn) => ({
      operation: `Attach${principal}Policy` as const,
      input: { ...principalKey(principal, observed.name), PolicyArn },
      effect: isDenial(PolicyArn) ? ('narrows' as const) : ('grants' as const),
      room: attachmentRoom(principal, observed, PolicyArn, { before: 0, after: 1 }),
    })),
  ];
}

/** Returns the writes that remove all policies of a principal, which AWS requires before its deletion. */
export function policyRemovals(principal: Principal, observed: Observed): Write[] {
  const [, partition = 'aws'] = observed.arn.split(':');
  return [
    ...strings(observed.state['managedPolicyArns']).map((arn) => detachment(principal, observed, arn)),
    ...inlineRemovals(principal, observed, { partition }),
  ];
}

/** Returns the write that detaches a policy. Without a policy that denies, the others grant more. */
function detachment(principal: Principal, observed: Observed, PolicyArn: string): Write {
  const write = {
    ...removal(`Detach${principal}Policy`, { ...principalKey(principal, observed.name), PolicyArn }),
    room: attachmentRoom(principal, observed, PolicyArn, { before: 1, after: 0 }),
  };
  return isDenial(PolicyArn) ? { ...write, effect: 'grants' } : write;
}

function attachmentRoom(
  principal: Principal,
  { state }: Observed,
  item: string,
  change: Pick<Room, 'before' | 'after'>,
): Room {
  return { ...attachmentQuota(principal), item, used: strings(state['managedPolicyArns']).length, ...change };
}

function attachmentQuota(principal: Principal): Pick<Room, 'quota' | 'label'> {
  return { quota: `AttachedPoliciesPer${principal}Quota`, label: 'attached policies' };
}

/**
 * Reports whether a managed policy denies, by its name: `AWSDenyAll`, `AWSCompromisedKeyQuarantineV3`, `deny-billing`.
 * A read of each document would cost two calls for every attachment.
 */
function isDenial(policyArn: string): boolean {
  return /[/._-](aws)?deny|quarantine/i.test(policyArn);
}

/** Returns the write that replaces the trust policy of a role. */
export function trustWrite(RoleName: string, before: Json, after: Json, context: DocumentContext): Write {
  const writeOf = (document: Json, effect: WriteEffect): Write => ({
    operation: 'UpdateAssumeRolePolicy',
    input: { RoleName, PolicyDocument: serializeDocument(document) },
    effect,
  });
  const change = compareGrants(before, after, context);
  if (change !== 'mixed') return writeOf(after, change === 'narrower' ? 'narrows' : 'trusts');
  const common = commonGrants(before, after, context);
  // The account may allow no more than IAM does by default; what old and new have in common denies what either denies.
  const maxLength = Math.max(DEFAULT_TRUST_POLICY_LENGTH, sizeOf(before), sizeOf(after));
  const isUsable = common !== null && allowsSomething(common) && documentSize(common) <= maxLength;
  const narrowed = isUsable ? common : TRUST_NOBODY;
  const write = writeOf(after, 'trusts');
  return equivalentDocuments(narrowed, before, context) ? write : { ...write, narrowing: writeOf(narrowed, 'narrows') };
}
