import type { AccessKeyMetadata, CreateAccessKeyResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { emptyIfAbsent } from './shared/reads.js';
import { nameField, secretField, statusField } from './shared/schema-fields.js';
import { isoDate, secretLocation, userArn, userNameOf } from './shared/spec.js';
import { credentialWrites, removal } from './shared/writes.js';

const schema = z.strictObject({
  userName: nameField(128).describe(
    'The user that the key belongs to. A manifest declares one key per user; other keys stay unchanged.',
  ),
  secret: secretField.describe(
    'Where to store the key: `UserName`, `AccessKeyId` and `SecretAccessKey`. The stored record identifies the key.',
  ),
  status: statusField,
});

/** Reads the key that the stored record names: AWS gives keys no name, so no other key is the declared one. */
async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { AccessKeyId } = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  if (AccessKeyId === undefined) return undefined;
  const key = (await listKeys(reader, name)).find((listed) => listed.AccessKeyId === AccessKeyId);
  return key && observedOf(key, target);
}

function listKeys(reader: Reader, UserName: string): Promise<readonly AccessKeyMetadata[]> {
  return emptyIfAbsent(reader.list('ListAccessKeys', { UserName }, 'AccessKeyMetadata'));
}

function observedOf(key: AccessKeyMetadata, target: Target): Observed {
  const name = key.UserName ?? '';
  return {
    name,
    arn: userArn(name, target),
    createdAt: isoDate(key.CreateDate),
    tags: {},
    state: { status: key.Status ?? 'Active' },
    facts: { UserName: name, AccessKeyId: key.AccessKeyId ?? '' },
  };
}

/** A user's access key. */
export const accessKey: Kind = {
  name: 'AccessKey',
  ...userCredential(read),
  ...credentialWrites('AccessKey'),
  keyProperties: ['userName', 'secret'],
  schema,
  nameOf: userNameOf,
  duplicateProtection: 'none: every Create makes another key, up to the quota of two',
  recognizedBy: 'the ID in the stored record',
  properties: { status: { type: 'value', default: 'Active' } },
  actions: {
    read: ['iam:ListAccessKeys', 'iam:GetAccessKeyLastUsed'],
    write: ['iam:CreateAccessKey', 'iam:UpdateAccessKey', 'iam:DeleteAccessKey'],
  },

  create: ({ name }) => ({ operation: 'CreateAccessKey', input: { UserName: name }, unguarded: true }),
  isAlreadyExistsError: () => false,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    recordFromReply: (output) => {
      const {
        UserName = '',
        AccessKeyId = '',
        SecretAccessKey = '',
      } = (output as CreateAccessKeyResponse).AccessKey ?? {};
      return { UserName, AccessKeyId, SecretAccessKey };
    },
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
  observedAfterCreate: ({ target }, output) => observedOf((output as CreateAccessKeyResponse).AccessKey ?? {}, target),
};
