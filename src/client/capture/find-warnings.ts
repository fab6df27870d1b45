import { type CapturedEntity, type LeftOutEntity, UNUSED_DAYS } from '../../contract/capture.js';
import type { CaptureWarning } from '../../contract/capture-report.js';
import { entityId } from '../../contract/entity.js';
import { objectOrEmpty, strings } from '../../engine/json.js';
import { administratorPolicyText, danglingPrincipals, widestAllowances } from '../../engine/policy/index.js';
import { findKind } from '../../kinds/index.js';

const DAY_MS = 86_400_000;

/** The age from which an access key should be replaced, in days: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html */
const MAX_KEY_DAYS = 90;

/**
 * Finds what a person should look at before an account is declared as it is.
 *
 * @param captured - the entities of the manifest
 * @param leftOut - the others
 * @param now - the time in milliseconds
 */
export function findWarnings(
  captured: readonly CapturedEntity[],
  leftOut: readonly LeftOutEntity[],
  now: number,
): readonly CaptureWarning[] {
  return [
    ...captured.flatMap(deletedPrincipals),
    ...captured.flatMap(administratorAccess),
    ...leftOut.flatMap((entity) => oldAccessKey(entity, now)),
    ...[...captured, ...leftOut].flatMap((entity) => unusedFor(entity, now)),
  ];
}

function deletedPrincipals(entity: CapturedEntity): readonly CaptureWarning[] {
  const rules = findKind(entity.kind)?.properties ?? {};
  return Object.entries(entity.spec).flatMap(([property, value]) => {
    if (rules[property]?.type !== 'document') return [];
    return danglingPrincipals(value).map((id) => ({
      code: 'deleted-principal' as const,
      entity: entityId(entity),
      message: `trusts ${id}, the unique ID of a role or user that was deleted; remove it, or name who is meant`,
    }));
  });
}

/** Returns a warning for each part of an entity that gives the permissions of an administrator. */
export function administratorAccess(entity: Pick<CapturedEntity, 'kind' | 'name' | 'spec'>): readonly CaptureWarning[] {
  const rules = findKind(entity.kind)?.properties ?? {};
  const found = Object.entries(entity.spec).flatMap(([property, value]): string[] => {
    switch (rules[property]?.type) {
      case 'set':
        return strings(value)
          .filter((arn) => administratorPolicyText(arn) !== undefined)
          .map((arn) => `has ${arn}`);
      case 'document':
        return widestAllowances(value).map((actions) => `allows ${actions} (${property})`);
      case 'documents':
        return Object.entries(objectOrEmpty(value)).flatMap(([name, document]) =>
          widestAllowances(document).map((actions) => `allows ${actions} (${property}.${name})`),
        );
      default:
        return [];
    }
  });
  return found.map((message) => ({ code: 'administrator', entity: entityId(entity), message }));
}

function oldAccessKey(entity: LeftOutEntity, now: number): readonly CaptureWarning[] {
  if (entity.kind !== 'AccessKey' || entity.createdAt === undefined) return [];
  // Nobody needs a new key in place of one that nobody uses.
  if (unusedFor(entity, now).length > 0) return [];
  const days = daysSince(entity.createdAt, now);
  if (days <= MAX_KEY_DAYS) return [];
  const message = `is ${String(days)} days old; replace it, or let what uses it assume a role`;
  return [{ code: 'old-access-key', entity: entityId(entity), message }];
}

function unusedFor(entity: CapturedEntity | LeftOutEntity, now: number): readonly CaptureWarning[] {
  const { lastUsedAt, createdAt = null } = entity;
  if (lastUsedAt === undefined) return [];
  const since = lastUsedAt ?? createdAt;
  if (since === null || daysSince(since, now) <= UNUSED_DAYS) return [];
  const message =
    lastUsedAt === null
      ? `AWS shows no use of it, and it was created on ${since.slice(0, 10)}`
      : `was last used on ${lastUsedAt.slice(0, 10)}`;
  return [{ code: 'unused', entity: entityId(entity), message }];
}

function daysSince(time: string, now: number): number {
  return Math.floor((now - Date.parse(time)) / DAY_MS);
}
