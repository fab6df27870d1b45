import type { AccessKeyMetadata, CreateAccessKeyResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { CompleteSnapshot } from '../aws/inventory.js';
import type { Reader } from '../aws/reader.js';
import { UNUSED_DAYS } from '../contract/capture.js';
import type { Json, Target } from '../contract/entity.js';
import type { Desired, Kind, ListedEntity, Observed, RecordFields, WantedEntity, Write } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { findDueStep, rotateField, RotationField, rotationStart, type RotationStep } from './shared/key-rotation.js';
import { emptyIfGone } from './shared/reads.js';
import { nameField, secretField, statusField } from './shared/schema-fields.js';
import { isoDate, secretLocation, userArn, userNameOf } from './shared/spec.js';
import { credentialWrites, removal } from './shared/writes.js';

const UNUSED_MS = UNUSED_DAYS * 86_400_000;

const schema = z.strictObject({
  userName: nameField(128).describe(
    'The user that the key belongs to. A manifest declares one key per user; other keys stay unchanged.',
  ),
  secret: secretField.describe(
    'Where to store the key: `UserName`, `AccessKeyId` and `SecretAccessKey`. The stored record identifies the key.',
  ),
  status: statusField,
  rotate: rotateField,
});

/** Reads the key that the stored record names: AWS gives keys no name, so no other key is the declared one. */
async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const record = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  if (record['AccessKeyId'] === undefined) return undefined;
  const keys = await listKeys(reader, name);
  const key = keys.find(({ AccessKeyId }) => AccessKeyId === record['AccessKeyId']);
  if (key === undefined) return undefined;
  const previous = keys.find(({ AccessKeyId }) => AccessKeyId === record[RotationField.Previous])?.AccessKeyId;
  const due = await findDueStep(reader, spec, keys, record);
  const observed = observedOf(key, target, due?.text ?? spec['rotate'] ?? null);
  const { step } = due ?? {};
  return {
    ...observed,
    facts: { ...observed.facts, previous: previous ?? null, step: step ?? null },
    ...(step?.is === 'blocked' ? { blocked: { reason: step.reason, remedy: step.remedy } } : {}),
  };
}

/** Returns the writes of the step that is due. */
function rotationWrites({ name, spec }: Desired, { facts }: Observed): readonly Write[] {
  const step = facts?.['step'] as unknown as RotationStep | null;
  const location = secretLocation(spec, 'secret');
  const user = { UserName: name };
  switch (step?.is) {
    case 'create':
      return [
        ...(step.orphan === null ? [] : [removal('DeleteAccessKey', { ...user, AccessKeyId: step.orphan })]),
        {
          operation: 'CreateAccessKey',
          input: user,
          unguarded: true,
          // A key of a lost reply that the listing did not show yet.
          isOutdated: ({ code }) => code === 'LimitExceeded',
          effect: 'grants',
          record: {
            location,
            before: (stored) => rotationStart(step, stored),
            after: (output, stored) => ({
              ...recordOf(output),
              [RotationField.Previous]: stored['AccessKeyId'] ?? '',
              [RotationField.StartedAt]: '',
              [RotationField.Known]: '',
            }),
          },
        },
      ];
    case 'deactivate':
      return [
        {
          operation: 'UpdateAccessKey',
          input: { ...user, AccessKeyId: step.previous, Status: 'Inactive' },
          effect: 'narrows',
          record: { location, after: () => ({ [RotationField.DeactivatedAt]: step.at }) },
        },
      ];
    case 'delete':
      return [
        {
          ...removal('DeleteAccessKey', { ...user, AccessKeyId: step.previous }),
          record: { location, after: () => ({ [RotationField.Previous]: '', [RotationField.DeactivatedAt]: '' }) },
        },
      ];
    default:
      return [];
  }
}

/** Returns the record of a new key. */
function recordOf(output: unknown): RecordFields {
  const { UserName = '', AccessKeyId = '', SecretAccessKey = '' } = (output as CreateAccessKeyResponse).AccessKey ?? {};
  return { UserName, AccessKeyId, SecretAccessKey };
}

function listKeys(reader: Reader, UserName: string): Promise<readonly AccessKeyMetadata[]> {
  return emptyIfGone(reader.list('ListAccessKeys', { UserName }, 'AccessKeyMetadata'));
}

/** Lists the keys of a user by their IDs. */
async function listEntities(reader: Reader, userName: string): Promise<readonly ListedEntity[]> {
  const keys = await reader.list('ListAccessKeys', { UserName: userName }, 'AccessKeyMetadata');
  return keys.map(({ AccessKeyId = '', CreateDate }) => ({
    name: `${userName}/${AccessKeyId}`,
    spec: { userName },
    createdAt: isoDate(CreateDate),
  }));
}

/** Reads the last use of a key that is old enough not to have been used for a year. It takes a call for each key. */
async function readLastUse(
  { reader }: Pick<CompleteSnapshot, 'reader'>,
  { name, createdAt }: ListedEntity,
): Promise<string | null | undefined> {
  const now = reader.now();
  if (now === null || typeof createdAt !== 'string' || now - Date.parse(createdAt) <= UNUSED_MS) return undefined;
  const found = await reader.get('GetAccessKeyLastUsed', { AccessKeyId: name.slice(name.lastIndexOf('/') + 1) });
  return isoDate(found.AccessKeyLastUsed?.LastUsedDate);
}

function observedOf(key: AccessKeyMetadata, target: Target, rotate: Json): Observed {
  const name = key.UserName ?? '';
  return {
    name,
    arn: userArn(name, target),
    createdAt: isoDate(key.CreateDate),
    tags: {},
    state: { status: key.Status ?? 'Active', rotate },
    facts: { UserName: name, AccessKeyId: key.AccessKeyId ?? '' },
  };
}

/** Returns the key with the facts that are the input of its writes. */
function withIdOnly(observed: Observed): Observed {
  const { UserName = '', AccessKeyId = '' } = observed.facts ?? {};
  return { ...observed, facts: { UserName, AccessKeyId } };
}

/** A user's access key. */
export const accessKey: Kind = {
  name: 'AccessKey',
  ...userCredential(read, listEntities),
  readLastUse,
  leftOut: { reason: 'AWS shows its secret once, so a declared access key would be a new one' },
  keyProperties: ['userName', 'secret'],
  schema,
  nameOf: userNameOf,
  duplicateProtection: 'none: every Create makes another key, up to the quota of two',
  recognizedBy: 'the ID in the stored record',
  properties: { status: { type: 'value', default: 'Active' }, rotate: { type: 'value' } },
  actions: {
    read: ['iam:ListAccessKeys', 'iam:GetAccessKeyLastUsed', 'iam:GetAccountAuthorizationDetails'],
    write: ['iam:CreateAccessKey', 'iam:UpdateAccessKey', 'iam:DeleteAccessKey'],
  },

  create: ({ name }) => ({ operation: 'CreateAccessKey', input: { UserName: name }, unguarded: true }),
  isAlreadyExistsError: () => false,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    recordFromReply: recordOf,
    listCandidates: async (reader, { name }) =>
      (await listKeys(reader, name)).map(({ AccessKeyId = '', CreateDate }) => ({
        id: AccessKeyId,
        createdAt: isoDate(CreateDate),
      })),
    candidateIdOf: ({ AccessKeyId = '' }) => AccessKeyId,
    async isCandidateUsed(reader, AccessKeyId) {
      const found = await reader.find('GetAccessKeyLastUsed', { AccessKeyId });
      return found?.AccessKeyLastUsed?.LastUsedDate !== undefined;
    },
    deleteCandidate: (AccessKeyId, { name }) => [removal('DeleteAccessKey', { UserName: name, AccessKeyId })],
  },
  observedAfterCreate: ({ spec, target }, output) =>
    observedOf((output as CreateAccessKeyResponse).AccessKey ?? {}, target, spec['rotate'] ?? null),
  update: (desired, observed, changes) => [
    ...credentialWrites('AccessKey').update(desired, withIdOnly(observed), changes),
    ...(changes['rotate'] === undefined ? [] : rotationWrites(desired, observed)),
  ],
  /** Deletes the key, and the one before it that a rotation has left. */
  delete: (_reader, { facts: { UserName = '', AccessKeyId = '', previous = null } = {} }) =>
    [AccessKeyId, previous].flatMap((id) =>
      id === null ? [] : [removal('DeleteAccessKey', { UserName, AccessKeyId: id })],
    ),
};
