import type { AttachedPolicy, PolicyDetail } from '@aws-sdk/client-iam';
import type { Reader } from '../aws/reader.js';
import type { JsonObject } from '../contract/entity.js';
import { decodeDocument, documentSize } from '../engine/policy/index.js';
import { appliedIfAbsent, serializeDocument, objectProperty, strings } from './fields.js';
import type { Changes, QuotaUsage, Write } from './kind.js';

/** What has policies of its own. IAM's operations on them are the same but for its name. */
export type Principal = 'Role' | 'User' | 'Group';

function keyOf(principal: Principal, name: string): Readonly<Record<string, string>> {
  return { [`${principal}Name`]: name };
}

/** Reads the inline policies and the attachments of one principal, one by one. */
export async function readPolicies(reader: Reader, principal: Principal, name: string): Promise<JsonObject> {
  // The SDK types each input for itself; the key is what they differ in.
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

/** Inline policies and attachments as IAM shows them, in the manifest's words. */
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

/** What a spec's inline policies and attachments need of the account's quotas. */
export function policyQuotaUsage(principal: Principal, spec: JsonObject): QuotaUsage[] {
  const inline = Object.values(objectProperty(spec, 'inlinePolicies'));
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

/** The writes that mend inline policies and attachments. */
export function policyWrites(principal: Principal, name: string, spec: JsonObject, changes: Changes): Write[] {
  const documents = objectProperty(spec, 'inlinePolicies');
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

/** The writes that take every policy off a principal, before it can be deleted. */
export function policyRemovals(principal: Principal, name: string, state: JsonObject): Write[] {
  return [
    ...detachments(principal, name, strings(state['managedPolicyArns'])),
    ...inlineRemovals(principal, name, Object.keys(objectProperty(state, 'inlinePolicies'))),
  ];
}

function inlineRemovals(principal: Principal, name: string, policies: readonly string[]): Write[] {
  return policies.map((PolicyName) => ({
    operation: `Delete${principal}Policy` as const,
    input: { ...keyOf(principal, name), PolicyName },
    ...appliedIfAbsent,
  }));
}

function detachments(principal: Principal, name: string, arns: readonly string[]): Write[] {
  return arns.map((PolicyArn) => ({
    operation: `Detach${principal}Policy` as const,
    input: { ...keyOf(principal, name), PolicyArn },
    ...appliedIfAbsent,
  }));
}
