import type { CreateServiceSpecificCredentialResponse, ServiceSpecificCredentialMetadata } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import type { Kind, ListedEntity, Observed, RecordFields, WantedEntity, Write } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { emptyIfGone } from './shared/reads.js';
import { nameField, resetField, secretField, statusField } from './shared/schema-fields.js';
import {
  isoDate,
  omitUndefined,
  requiredString,
  secretLocation,
  stringProperty,
  userArn,
  userNameOf,
} from './shared/spec.js';
import { credentialWrites, removal } from './shared/writes.js';

const DAY_MS = 86_400_000;

const schema = z.strictObject({
  userName: nameField(64).describe('The user that the credential belongs to.'),
  serviceName: z
    .string()
    .min(1)
    .describe(
      'The service that accepts it: `codecommit.amazonaws.com`. A manifest declares one credential per user and service; other credentials stay unchanged.',
    ),
  secret: secretField.describe(
    'Where to store the credential: `ServiceUserName` and `ServicePassword`, or `ServiceCredentialAlias` and `ServiceCredentialSecret`. The stored record identifies the credential.',
  ),
  status: statusField,
  credentialAgeDays: z
    .int()
    .min(1)
    .max(36_600)
    .optional()
    .describe('Days until it expires, for services with API keys. It cannot be changed after the Create.'),
  reset: resetField,
});

function serviceOf(spec: JsonObject): string {
  return requiredString(spec, 'serviceName');
}

/** Reads the credential that the stored record names: AWS gives credentials no name, so no other one is declared. */
async function read(reader: Reader, { spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { ServiceSpecificCredentialId: id, Reset } = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  if (id === undefined) return undefined;
  const found = (await listCredentials(reader, spec)).find((listed) => listed.ServiceSpecificCredentialId === id);
  return found && observedOf(found, target, Reset);
}

function listCredentials(reader: Reader, spec: JsonObject): Promise<readonly ServiceSpecificCredentialMetadata[]> {
  const input = { UserName: userNameOf(spec), ServiceName: serviceOf(spec) };
  return emptyIfGone(reader.list('ListServiceSpecificCredentials', input, 'ServiceSpecificCredentials'));
}

/** Lists the credentials of a user for all services, by their IDs. */
async function listEntities(reader: Reader, userName: string): Promise<readonly ListedEntity[]> {
  const input = { UserName: userName };
  const listed = await reader.list('ListServiceSpecificCredentials', input, 'ServiceSpecificCredentials');
  return listed.map(({ ServiceName: serviceName = '', ServiceSpecificCredentialId: id = '' }) => ({
    name: `${userName}/${serviceName}/${id}`,
    spec: { userName, serviceName },
  }));
}

function observedOf(
  credential: Partial<ServiceSpecificCredentialMetadata>,
  target: Target,
  reset: string | undefined,
): Observed {
  const { UserName = '', ServiceName = '', CreateDate, ExpirationDate } = credential;
  const ageMs = CreateDate && ExpirationDate && ExpirationDate.getTime() - CreateDate.getTime();
  return {
    name: `${UserName}/${ServiceName}`,
    arn: userArn(UserName, target),
    createdAt: isoDate(CreateDate),
    tags: {},
    state: {
      status: credential.Status ?? 'Active',
      credentialAgeDays: ageMs === undefined ? null : Math.round(ageMs / DAY_MS),
      reset: reset ?? null,
    },
    facts: { UserName, ServiceSpecificCredentialId: credential.ServiceSpecificCredentialId ?? '' },
  };
}

function credentialIn(
  output: unknown,
): Partial<NonNullable<CreateServiceSpecificCredentialResponse['ServiceSpecificCredential']>> {
  return (output as CreateServiceSpecificCredentialResponse).ServiceSpecificCredential ?? {};
}

/** Returns the secret of a reply, as a record stores it, with the reset that it answers. */
function secretIn(output: unknown, spec: JsonObject): RecordFields {
  const { ServiceUserName, ServicePassword, ServiceCredentialAlias, ServiceCredentialSecret } = credentialIn(output);
  const Reset = stringProperty(spec, 'reset');
  return omitUndefined({ ServiceUserName, ServicePassword, ServiceCredentialAlias, ServiceCredentialSecret, Reset });
}

/** Resets the secret. Where the reply is lost nobody has the new one, and the next attempt resets it again. */
function resetWrite(spec: JsonObject, { facts }: Observed): Write {
  return {
    operation: 'ResetServiceSpecificCredential',
    input: { ...facts },
    record: { location: secretLocation(spec, 'secret'), after: (output) => secretIn(output, spec) },
  };
}

const { update: updateStatus, ...statusWrites } = credentialWrites('ServiceSpecificCredential');

/** A user's credential for one service: a user name with a password, or an API key. */
export const serviceSpecificCredential: Kind = {
  name: 'ServiceSpecificCredential',
  ...userCredential(read, listEntities),
  leftOut: { reason: 'AWS shows its secret once, so a declared credential would be a new one' },
  ...statusWrites,
  keyProperties: ['userName', 'serviceName', 'secret'],
  schema,
  nameOf: (spec) => `${userNameOf(spec)}/${serviceOf(spec)}`,
  duplicateProtection: 'none: every Create makes another credential, up to the quota of two per service',
  recognizedBy: 'the ID in the stored record',
  properties: {
    status: { type: 'value', default: 'Active' },
    credentialAgeDays: { type: 'value', default: null, immutable: true },
    reset: { type: 'value' },
  },
  actions: {
    read: ['iam:ListServiceSpecificCredentials', 'iam:GetAccountAuthorizationDetails'],
    write: [
      'iam:CreateServiceSpecificCredential',
      'iam:UpdateServiceSpecificCredential',
      'iam:ResetServiceSpecificCredential',
      'iam:DeleteServiceSpecificCredential',
    ],
  },

  create: ({ spec }) => ({
    operation: 'CreateServiceSpecificCredential',
    input: omitUndefined({
      UserName: userNameOf(spec),
      ServiceName: serviceOf(spec),
      CredentialAgeDays: spec['credentialAgeDays'],
    }),
    unguarded: true,
  }),
  isAlreadyExistsError: () => false,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    recordFromReply: (output, { spec }) => {
      const { ServiceSpecificCredentialId = '', ...created } = credentialIn(output);
      return omitUndefined({
        UserName: created.UserName ?? userNameOf(spec),
        ServiceName: created.ServiceName ?? serviceOf(spec),
        ServiceSpecificCredentialId,
        ...secretIn(output, spec),
      });
    },
    listCandidates: async (reader, { spec }) =>
      (await listCredentials(reader, spec)).map(({ ServiceSpecificCredentialId = '', CreateDate }) => ({
        id: ServiceSpecificCredentialId,
        createdAt: isoDate(CreateDate),
      })),
    candidateIdOf: ({ ServiceSpecificCredentialId = '' }) => ServiceSpecificCredentialId,
    deleteCandidate: (ServiceSpecificCredentialId, { spec }) => [
      removal('DeleteServiceSpecificCredential', { UserName: userNameOf(spec), ServiceSpecificCredentialId }),
    ],
  },
  observedAfterCreate: ({ spec, target }, output) =>
    observedOf(credentialIn(output), target, stringProperty(spec, 'reset')),
  update: (desired, observed, changes) => [
    ...updateStatus(desired, observed, changes),
    ...(changes['reset'] === undefined ? [] : [resetWrite(desired.spec, observed)]),
  ],
};
