import type { AttachedPolicy, PolicyDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../../aws/reader.js';
import type { Json, JsonObject } from '../../contract/entity.js';
import { objectOrEmpty, strings } from '../../engine/json.js';
import { decodeDocument, documentSize, validateDocument } from '../../engine/policy/index.js';
import type { Changes, QuotaUsage, Write } from '../kind.js';
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
export function policyWrites(principal: Principal, name: string, spec: JsonObject, changes: Changes): Write[] {
  const documents = objectOrEmpty(spec['inlinePolicies']);
  const { inlinePolicies, managedPolicyArns } = changes;
  const key = keyOf(principal, name);
  return [
    ...(inlinePolicies?.put ?? []).map((PolicyName) => ({
      operation: `Put${principal}Policy` as const,
      input: { ...key, PolicyName, PolicyDocument: serializeDocument(documents[PolicyName]) },
    })),
    ...inlineRemovals(principal, name, inlinePolicies?.remove ?? []),
    ...detachments(principal, name, managedPolicyArns?.remove ?? []),
    ...(managedPolicyArns?.put ?? []).map((PolicyArn) => ({
      operation: `Attach${principal}Policy` as const,
      input: { ...key, PolicyArn },
    })),
  ];
}

/** Returns the writes that remove all policies of a principal, which AWS requires before its deletion. */
export function policyRemovals(principal: Principal, name: string, state: JsonObject): Write[] {
  return [
    ...detachments(principal, name, strings(state['managedPolicyArns'])),
    ...inlineRemovals(principal, name, Object.keys(objectOrEmpty(state['inlinePolicies']))),
  ];
}

function inlineRemovals(principal: Principal, name: string, policies: readonly string[]): Write[] {
  return policies.map((PolicyName) => removal(`Delete${principal}Policy`, { ...keyOf(principal, name), PolicyName }));
}

function detachments(principal: Principal, name: string, arns: readonly string[]): Write[] {
  return arns.map((PolicyArn) => removal(`Detach${principal}Policy`, { ...keyOf(principal, name), PolicyArn }));
}

/** Returns the write that sets or removes the permissions boundary. */
export function boundaryWrites(principal: 'Role' | 'User', name: string, spec: JsonObject, changes: Changes): Write[] {
  if (changes['permissionsBoundary'] === undefined) return [];
  const PermissionsBoundary = stringProperty(spec, 'permissionsBoundary');
  if (PermissionsBoundary === undefined) {
    return [removal(`Delete${principal}PermissionsBoundary`, keyOf(principal, name))];
  }
  const input = { ...keyOf(principal, name), PermissionsBoundary };
  return [{ operation: `Put${principal}PermissionsBoundary`, input }];
}
