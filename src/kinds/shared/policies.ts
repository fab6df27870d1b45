import type { AttachedPolicy, PolicyDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../../aws/reader.js';
import type { Json, JsonObject } from '../../contract/entity.js';
import { objectOrEmpty, ownValue, strings } from '../../engine/json.js';
import {
  allowsSomething,
  commonGrants,
  compareDenials,
  compareGrants,
  decodeDocument,
  documentSize,
  validateDocument,
} from '../../engine/policy/index.js';
import type { DocumentContext } from '../../engine/policy/index.js';
import type { WriteEffect } from '../../engine/write-order.js';
import type { Changes, Desired, Observed, QuotaUsage, Write } from '../kind.js';
import { nameField } from './schema-fields.js';
import { serializeDocument, stringProperty } from './spec.js';
import { removal } from './writes.js';

/** The longest documents that IAM takes with quotas raised as far as they go, in characters without white space. */
export const MAX_DOCUMENT_LENGTH = {
  managedPolicy: 6_144,
  trustPolicy: 4_096,
  userPolicies: 2_048,
  groupPolicies: 5_120,
  rolePolicies: 10_240,
};

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

/** A kind whose entities have policies. IAM's operations on their policies differ in this name only. */
export type Principal = 'Role' | 'User' | 'Group';

function keyOf(principal: Principal, name: string): Readonly<Record<string, string>> {
  return { [`${principal}Name`]: name };
}

/** Reads the inline policies and the attached policies of one principal, by single reads. */
export async function readPolicies(reader: Reader, principal: Principal, name: string): Promise<JsonObject> {
  // The SDK gives each of these inputs a type of its own, which differs in the key only.
  const key = keyOf(principal, name) as never;
  const [names, attached] = await Promise.all([
    reader.list(`List${principal}Policies`, key, 'PolicyNames'),
    reader.list(`ListAttached${principal}Policies`, key, 'AttachedPolicies'),
  ]);
  const inline = await Promise.all(
    names.map(async (PolicyName): Promise<PolicyDetail> => {
      const input = { ...keyOf(principal, name), PolicyName } as never;
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
      quota: `AttachedPoliciesPer${principal}Quota`,
      label: 'attached policies',
      amount: strings(spec['managedPolicyArns']).length,
    },
    {
      quota: `${principal}PolicySizeQuota`,
      label: 'characters of inline policies',
      amount: inline.reduce<number>((sum, document) => sum + documentSize(document), 0),
    },
  ];
}

/** Returns the writes that bring inline and attached policies to the declared state. */
export function policyWrites(
  principal: Principal,
  { spec, target }: Desired,
  { name, state }: Observed,
  { inlinePolicies, managedPolicyArns }: Changes,
): Write[] {
  const declared = objectOrEmpty(spec['inlinePolicies']);
  const existing = objectOrEmpty(state['inlinePolicies']);
  const { put = [], remove = [] } = inlinePolicies ?? {};
  return [
    ...[...put, ...remove].map((policy) => {
      const after = put.includes(policy) ? (ownValue(declared, policy) ?? null) : null;
      return inlineWrite(principal, name, policy, ownValue(existing, policy) ?? null, after, target);
    }),
    ...(managedPolicyArns?.remove ?? []).map((arn) => detachment(principal, name, arn)),
    ...(managedPolicyArns?.put ?? []).map((PolicyArn) => ({
      operation: `Attach${principal}Policy` as const,
      input: { ...keyOf(principal, name), PolicyArn },
      effect: isDenial(PolicyArn) ? ('narrows' as const) : ('grants' as const),
    })),
  ];
}

/** Returns the writes that remove all policies of a principal, which AWS requires before its deletion. */
export function policyRemovals(principal: Principal, { name, arn, state }: Observed): Write[] {
  const [, partition = 'aws'] = arn.split(':');
  return [
    ...strings(state['managedPolicyArns']).map((policyArn) => detachment(principal, name, policyArn)),
    ...Object.entries(objectOrEmpty(state['inlinePolicies'])).map(([policy, document]) =>
      inlineWrite(principal, name, policy, document, null, { partition }),
    ),
  ];
}

/** Returns the write that replaces one inline policy by another document, or that deletes it where there is none. */
function inlineWrite(
  principal: Principal,
  name: string,
  PolicyName: string,
  before: Json,
  after: Json,
  context: DocumentContext,
): Write {
  const input = { ...keyOf(principal, name), PolicyName };
  const writeOf = (document: Json): Write =>
    document === null
      ? removal(`Delete${principal}Policy`, input)
      : {
          operation: `Put${principal}Policy`,
          input: { ...input, PolicyDocument: serializeDocument(document) },
          effect: 'narrows',
        };
  switch (compareGrants(before, after, context)) {
    case 'narrower':
      return writeOf(after);
    case 'wider':
      return { ...writeOf(after), effect: 'grants' };
    case 'mixed':
      return {
        ...writeOf(after),
        effect: 'changes',
        narrowing: writeOf(commonGrants(before, after, context)),
        denials: compareDenials(before, after, context),
      };
  }
}

/** Returns the write that detaches a policy. Without a policy that denies, the others grant more. */
function detachment(principal: Principal, name: string, PolicyArn: string): Write {
  const write = removal(`Detach${principal}Policy`, { ...keyOf(principal, name), PolicyArn });
  return isDenial(PolicyArn) ? { ...write, effect: 'grants' } : write;
}

/**
 * Reports whether a managed policy denies, by its name: `AWSDenyAll`, `AWSCompromisedKeyQuarantineV3`, `deny-billing`.
 * A read of each document would cost two calls for every attachment.
 */
function isDenial(policyArn: string): boolean {
  return /[/._-](aws)?deny|quarantine/i.test(policyArn);
}

/** Returns the write that sets, exchanges or removes the permissions boundary. */
export function boundaryWrites(
  principal: 'Role' | 'User',
  { spec }: Desired,
  { name, state }: Observed,
  changes: Changes,
): Write[] {
  if (changes['permissionsBoundary'] === undefined) return [];
  const PermissionsBoundary = stringProperty(spec, 'permissionsBoundary');
  if (PermissionsBoundary === undefined) {
    return [{ ...removal(`Delete${principal}PermissionsBoundary`, keyOf(principal, name)), effect: 'unbounds' }];
  }
  const input = { ...keyOf(principal, name), PermissionsBoundary };
  const effect = typeof state['permissionsBoundary'] === 'string' ? 'bounds' : 'narrows';
  return [{ operation: `Put${principal}PermissionsBoundary`, input, effect }];
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
  const isUsable =
    common !== null && allowsSomething(common) && documentSize(common) <= MAX_DOCUMENT_LENGTH.trustPolicy;
  return { ...writeOf(after, 'trusts'), narrowing: writeOf(isUsable ? common : TRUST_NOBODY, 'narrows') };
}

/** A trust policy that lets nobody assume the role, since IAM takes no document without a statement. */
const TRUST_NOBODY: JsonObject = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Deny', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' }],
};
