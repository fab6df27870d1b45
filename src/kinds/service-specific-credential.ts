import type { CreateServiceSpecificCredentialResponse, ServiceSpecificCredentialMetadata } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  isoDate,
  omitUndefined,
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

const DAY_MS = 86_400_000;

const schema = z.strictObject({
  userName: nameField(64).describe('The user whose credential it is.'),
  serviceName: z
    .string()
    .min(1)
    .describe(
      'The service that takes it: `codecommit.amazonaws.com`. One credential is declared per user and service; another is left alone.',
    ),
  secret: secretField.describe(
    'Where the credential goes: `ServiceUserName` and `ServicePassword`, or `ServiceCredentialAlias` and `ServiceCredentialSecret`. The record tells which of the credentials it is.',
  ),
  status: statusField.optional(),
  credentialAgeDays: z
    .int()
    .min(1)
    .max(36_600)
    .optional()
    .describe('Days until it expires, for services with API keys. Cannot be changed once the credential exists.'),
});

function userOf(spec: JsonObject): string {
  return stringProperty(spec, 'userName') ?? '';
}

function serviceOf(spec: JsonObject): string {
  return stringProperty(spec, 'serviceName') ?? '';
}

/** AWS gives a credential no name: the one of the stored record is the declared one, and all others are not. */
async function read(reader: Reader, { spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { ServiceSpecificCredentialId: id } = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  if (id === undefined) return undefined;
  const found = (await credentialsOf(reader, spec)).find((one) => one.ServiceSpecificCredentialId === id);
  return found && observedOf(found, target);
}

function credentialsOf(reader: Reader, spec: JsonObject): Promise<readonly ServiceSpecificCredentialMetadata[]> {
  const input = { UserName: userOf(spec), ServiceName: serviceOf(spec) };
  return emptyIfAbsent(reader.list('ListServiceSpecificCredentials', input, 'ServiceSpecificCredentials'));
}

function observedOf(credential: Partial<ServiceSpecificCredentialMetadata>, target: Target): Observed {
  const { UserName = '', ServiceName = '', CreateDate, ExpirationDate } = credential;
  const age = CreateDate && ExpirationDate && ExpirationDate.getTime() - CreateDate.getTime();
  return {
    name: `${UserName}/${ServiceName}`,
    arn: userArn(UserName, target),
    createdAt: isoDate(CreateDate),
    tags: {},
    state: {
      status: credential.Status ?? 'Active',
      credentialAgeDays: age === undefined ? null : Math.round(age / DAY_MS),
    },
    facts: { userName: UserName, id: credential.ServiceSpecificCredentialId ?? '' },
  };
}

function keyOf({ facts = {} }: Observed): { readonly UserName: string; readonly ServiceSpecificCredentialId: string } {
  return { UserName: userOf(facts), ServiceSpecificCredentialId: stringProperty(facts, 'id') ?? '' };
}

function removalOf(key: { readonly UserName: string; readonly ServiceSpecificCredentialId: string }): Write {
  return { operation: 'DeleteServiceSpecificCredential', input: key, ...appliedIfAbsent };
}

function revealedBy(
  output: unknown,
): Partial<NonNullable<CreateServiceSpecificCredentialResponse['ServiceSpecificCredential']>> {
  return (output as CreateServiceSpecificCredentialResponse).ServiceSpecificCredential ?? {};
}

/** A user's credential for one service: a user name with a password, or an API key. */
export const serviceSpecificCredential: Kind = {
  name: 'ServiceSpecificCredential',
  keyProperties: ['userName', 'serviceName', 'secret'],
  schema,
  nameOf: (spec) => `${userOf(spec)}/${serviceOf(spec)}`,
  arnOf: (spec, target) => userArn(userOf(spec), target),
  references: (spec) => [`User/${userOf(spec)}`],
  dependsOnKinds: ['User'],
  ownable: false,
  duplicateProtection: 'none: every Create makes another credential, up to the quota of two per service',
  recognizedBy: 'the ID in the stored record',
  properties: {
    status: { type: 'value', default: 'Active' },
    credentialAgeDays: { type: 'value', default: null, immutable: true },
  },
  actions: {
    read: ['iam:ListServiceSpecificCredentials'],
    write: [
      'iam:CreateServiceSpecificCredential',
      'iam:UpdateServiceSpecificCredential',
      'iam:DeleteServiceSpecificCredential',
    ],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: ({ spec }) => ({
    operation: 'CreateServiceSpecificCredential',
    input: omitUndefined({
      UserName: userOf(spec),
      ServiceName: serviceOf(spec),
      CredentialAgeDays: spec['credentialAgeDays'],
    }),
    unguarded: true,
  }),
  isAlreadyExistsError: () => false,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    recordFromReply: (output, { spec }) => {
      const { ServiceSpecificCredentialId = '', ...made } = revealedBy(output);
      return omitUndefined({
        UserName: made.UserName ?? userOf(spec),
        ServiceName: made.ServiceName ?? serviceOf(spec),
        ServiceSpecificCredentialId,
        ServiceUserName: made.ServiceUserName,
        ServicePassword: made.ServicePassword,
        ServiceCredentialAlias: made.ServiceCredentialAlias,
        ServiceCredentialSecret: made.ServiceCredentialSecret,
      });
    },
    listCandidates: async (reader, { spec }) =>
      (await credentialsOf(reader, spec)).map(({ ServiceSpecificCredentialId = '', CreateDate }) => ({
        id: ServiceSpecificCredentialId,
        createdAt: isoDate(CreateDate),
      })),
    candidateIdOf: ({ ServiceSpecificCredentialId = '' }) => ServiceSpecificCredentialId,
    deleteCandidate: (ServiceSpecificCredentialId, { spec }) => [
      removalOf({ UserName: userOf(spec), ServiceSpecificCredentialId }),
    ],
  },
  observedAfterCreate: ({ target }, output) => observedOf(revealedBy(output), target),

  update(desired, observed, changes) {
    if (changes['status'] === undefined) return [];
    const Status = stringProperty(desired.spec, 'status') ?? 'Active';
    return [{ operation: 'UpdateServiceSpecificCredential', input: { ...keyOf(observed), Status } }];
  },

  delete: (_reader, observed) => Promise.resolve([removalOf(keyOf(observed))]),
};
