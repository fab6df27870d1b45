import { z } from 'zod';
import type { Json, JsonObject } from '../../contract/entity.js';
import { documentSize, validateDocument } from '../../engine/policy/index.js';
import type { QuotaUsage } from '../kind.js';
import { nameField } from './schema-fields.js';

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
