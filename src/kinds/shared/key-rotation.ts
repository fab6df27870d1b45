import type { AccessKeyMetadata } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../../aws/reader.js';
import type { JsonObject } from '../../contract/entity.js';
import { objectOrEmpty } from '../../engine/json.js';
import type { RecordFields } from '../kind.js';
import { stringProperty } from './spec.js';

const HOUR_MS = 3_600_000;

/** The time from the start of a rotation in which an unknown key counts as the one whose reply was lost. */
const LOST_REPLY_WINDOW_MS = HOUR_MS / 4;

/** The time without use after which a key counts as no longer used. AWS shows a use with a delay of up to hours. */
const DEFAULT_UNUSED = '24h';

const duration = z.string().regex(/^\d{1,5}[dh]$/, 'write a number of days or hours: 90d, 12h');

/** The rotation of an access key. */
export const rotateField = z
  .strictObject({
    every: duration.describe('The age at which a new key takes the place of the stored one.'),
    overlap: duration.describe(
      'The time for which the old key stays active beside the new one, and then inactive until it is deleted.',
    ),
    unusedFor: duration
      .optional()
      .describe(
        `The old key stays active until it was not used for this time. Default: ${DEFAULT_UNUSED}; 0h: it does not matter.`,
      ),
  })
  .refine(({ every, overlap }) => msOf(every) > 0 && msOf(overlap) < msOf(every), {
    error: 'overlap must be shorter than every',
  })
  .optional()
  .describe(
    'Exchanges the key by its age. Each apply takes the step that is due: a new key, then the old one inactive, then deleted.',
  );

/** The fields of a stored record that belong to a rotation. */
export const RotationField = {
  Previous: 'PreviousAccessKeyId',
  DeactivatedAt: 'PreviousDeactivatedAt',
  StartedAt: 'RotationStartedAt',
  Known: 'RotationKnownKeys',
} as const;

/** The step of a rotation that is due. */
export type RotationStep =
  /** Make a new key, after the removal of the one that a lost reply has left. */
  | { readonly is: 'create'; readonly orphan: string | null; readonly known: string; readonly at: string }
  | { readonly is: 'deactivate' | 'delete'; readonly previous: string; readonly at: string }
  /** IAM allows two keys, and the second one is not of this rotation. */
  | { readonly is: 'blocked'; readonly reason: string; readonly remedy: string };

/** A step with the text by which the plan shows it. */
export interface DueStep {
  readonly step: RotationStep;
  readonly text: string;
}

function msOf(text: string): number {
  return Number.parseInt(text, 10) * (text.endsWith('d') ? 24 : 1) * HOUR_MS;
}

/** Returns the step that is due for the key of a record; null for none. Ages are of AWS's dates, by AWS's clock. */
export async function findDueStep(
  reader: Reader,
  spec: JsonObject,
  keys: readonly AccessKeyMetadata[],
  record: RecordFields,
): Promise<DueStep | null> {
  const rotate = objectOrEmpty(spec['rotate']);
  const now = reader.now();
  const current = keys.find(({ AccessKeyId }) => AccessKeyId === record['AccessKeyId']);
  if (now === null || current === undefined || spec['rotate'] === undefined) return null;
  const ageOf = (date: Date | undefined): number => now - (date?.getTime() ?? now);
  const limit = (name: string, fallback = ''): number => msOf(stringProperty(rotate, name) ?? fallback);
  const at = new Date(now).toISOString();
  const previous = keys.find(({ AccessKeyId }) => AccessKeyId === record[RotationField.Previous]);
  if (previous === undefined) {
    return ageOf(current.CreateDate) < limit('every') ? null : findNewKey(reader, current, keys, record, now);
  }
  const { AccessKeyId: id = '' } = previous;
  const deactivatedAt = Date.parse(record[RotationField.DeactivatedAt] ?? '');
  if (previous.Status === 'Inactive' && !Number.isNaN(deactivatedAt)) {
    const isDue = now - deactivatedAt >= limit('overlap');
    return isDue ? { step: { is: 'delete', previous: id, at }, text: `${id}, which is inactive, is deleted` } : null;
  }
  if (ageOf(current.CreateDate) < limit('overlap')) return null;
  const unusedFor = limit('unusedFor', DEFAULT_UNUSED);
  const lastUse = unusedFor === 0 ? undefined : await lastUseOf(reader, id);
  if (lastUse !== undefined && ageOf(lastUse) < unusedFor) return null;
  return { step: { is: 'deactivate', previous: id, at }, text: `${id}, which was replaced, becomes inactive` };
}

/** Decides on a new key: IAM allows two, so that any other key stands in its way. */
async function findNewKey(
  reader: Reader,
  current: AccessKeyMetadata,
  keys: readonly AccessKeyMetadata[],
  record: RecordFields,
  now: number,
): Promise<DueStep> {
  const other = keys.find((key) => key !== current);
  const ids = keys.filter((key) => key !== other).map(({ AccessKeyId = '' }) => AccessKeyId);
  const since = current.CreateDate?.toISOString().slice(0, 10) ?? '';
  const text = `${current.AccessKeyId ?? ''} is of ${since}: a new key takes its place`;
  const at = new Date(now).toISOString();
  const id = other?.AccessKeyId;
  if (id === undefined) return { step: { is: 'create', orphan: null, known: ids.join(' '), at }, text };
  if (isOfLostReply(other, record) && (await lastUseOf(reader, id)) === undefined) {
    return { step: { is: 'create', orphan: id, known: ids.join(' '), at }, text };
  }
  const reason = `cannot be rotated: its user has another key, ${id}, and IAM allows two`;
  return { step: { is: 'blocked', reason, remedy: `delete ${id} if it is not in use, and apply again` }, text };
}

/** Reports whether a key appeared while a rotation was about to make one, so that its secret is lost. */
function isOfLostReply({ AccessKeyId = '', CreateDate }: AccessKeyMetadata = {}, record: RecordFields): boolean {
  const startedAt = Date.parse(record[RotationField.StartedAt] ?? '');
  const isKnown = record[RotationField.Known]?.split(' ').includes(AccessKeyId) ?? true;
  const sinceStart = (CreateDate?.getTime() ?? Number.NaN) - startedAt;
  // AWS shows whole seconds.
  return !isKnown && sinceStart >= -1_000 && sinceStart <= LOST_REPLY_WINDOW_MS;
}

/** Returns the fields to store before a new key is made. The start of an interrupted rotation stays. */
export function rotationStart(step: RotationStep & { readonly is: 'create' }, stored: RecordFields): RecordFields {
  const startedAt = Date.parse(stored[RotationField.StartedAt] ?? '');
  const isInterrupted = Date.parse(step.at) - startedAt <= LOST_REPLY_WINDOW_MS;
  return isInterrupted ? {} : { [RotationField.StartedAt]: step.at, [RotationField.Known]: step.known };
}

async function lastUseOf(reader: Reader, AccessKeyId: string): Promise<Date | undefined> {
  return (await reader.find('GetAccessKeyLastUsed', { AccessKeyId }))?.AccessKeyLastUsed?.LastUsedDate;
}
