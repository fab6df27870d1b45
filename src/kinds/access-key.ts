import type { AccessKeyMetadata, CreateAccessKeyResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  isoDate,
  emptyIfAbsent,
  nameField,
  readEach,
  secretField,
  secretLocation,
  statusField,
  stringProperty,
  userArn,
} from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  userName: nameField(128).describe(
    'The user whose key it is. One key is declared per user; others of it are left alone.',
  ),
  secret: secretField.describe(
    'Where the key goes: `UserName`, `AccessKeyId` and `SecretAccessKey`. The record tells which of the keys it is.',
  ),
  status: statusField.optional(),
});

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'userName') ?? '';
}

/** AWS gives a key no name: the one of the stored record is the declared one, and all others are not. */
async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { AccessKeyId } = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  if (AccessKeyId === undefined) return undefined;
  const key = (await keysOf(reader, name)).find((one) => one.AccessKeyId === AccessKeyId);
  return key && observedOf(key, target);
}

function keysOf(reader: Reader, UserName: string): Promise<readonly AccessKeyMetadata[]> {
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
    facts: { accessKeyId: key.AccessKeyId ?? '' },
  };
}

function keyOf({ name, facts = {} }: Observed): { readonly UserName: string; readonly AccessKeyId: string } {
  return { UserName: name, AccessKeyId: stringProperty(facts, 'accessKeyId') ?? '' };
}

function removalOf(key: { readonly UserName: string; readonly AccessKeyId: string }): Write {
  return { operation: 'DeleteAccessKey', input: key, ...appliedIfAbsent };
}

/** A user's access key. */
export const accessKey: Kind = {
  name: 'AccessKey',
  keyProperties: ['userName', 'secret'],
  schema,
  nameOf,
  arnOf: (spec, target) => userArn(nameOf(spec), target),
  references: (spec) => [`User/${nameOf(spec)}`],
  dependsOnKinds: ['User'],
  ownable: false,
  duplicateProtection: 'none: every Create makes another key, up to the quota of two',
  recognizedBy: 'the ID in the stored record',
  properties: { status: { type: 'value', default: 'Active' } },
  actions: {
    read: ['iam:ListAccessKeys', 'iam:GetAccessKeyLastUsed'],
    write: ['iam:CreateAccessKey', 'iam:UpdateAccessKey', 'iam:DeleteAccessKey'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

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
      (await keysOf(reader, name)).map(({ AccessKeyId = '', CreateDate }) => ({
        id: AccessKeyId,
        createdAt: isoDate(CreateDate),
      })),
    candidateIdOf: ({ AccessKeyId = '' }) => AccessKeyId,
    async isCandidateUsed(reader, AccessKeyId) {
      const found = await reader.find('GetAccessKeyLastUsed', { AccessKeyId });
      return found?.AccessKeyLastUsed?.LastUsedDate !== undefined;
    },
    deleteCandidate: (AccessKeyId, { name }) => [removalOf({ UserName: name, AccessKeyId })],
  },
  observedAfterCreate: ({ target }, output) => observedOf((output as CreateAccessKeyResponse).AccessKey ?? {}, target),

  update(desired, observed, changes) {
    if (changes['status'] === undefined) return [];
    const Status = stringProperty(desired.spec, 'status') ?? 'Active';
    return [{ operation: 'UpdateAccessKey', input: { ...keyOf(observed), Status } }];
  },

  delete: (_reader, observed) => Promise.resolve([removalOf(keyOf(observed))]),
};
