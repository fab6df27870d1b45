import type { CreateServiceSpecificCredentialResponse, ServiceSpecificCredentialMetadata } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  absentIsDone,
  dateText,
  defined,
  held,
  nameField,
  oneByOne,
  secretField,
  secretLocation,
  statusField,
  text,
  userArn,
} from './fields.js';
import type { Kind, Observed, Write, Wanted } from './kind.js';

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
  return text(spec, 'userName') ?? '';
}

function serviceOf(spec: JsonObject): string {
  return text(spec, 'serviceName') ?? '';
}

/** AWS gives a credential no name: the one of the stored record is the declared one, and all others are not. */
async function read(reader: Reader, { spec }: Wanted, target: Target): Promise<Observed | undefined> {
  const { ServiceSpecificCredentialId: id } = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  if (id === undefined) return undefined;
  const found = (await credentialsOf(reader, spec)).find((one) => one.ServiceSpecificCredentialId === id);
  return found && observedOf(found, target);
}

function credentialsOf(reader: Reader, spec: JsonObject): Promise<readonly ServiceSpecificCredentialMetadata[]> {
  const input = { UserName: userOf(spec), ServiceName: serviceOf(spec) };
  return held(reader.list('ListServiceSpecificCredentials', input, 'ServiceSpecificCredentials'));
}

function observedOf(credential: Partial<ServiceSpecificCredentialMetadata>, target: Target): Observed {
  const { UserName = '', ServiceName = '', CreateDate, ExpirationDate } = credential;
  const age = CreateDate && ExpirationDate && ExpirationDate.getTime() - CreateDate.getTime();
  return {
    name: `${UserName}/${ServiceName}`,
    arn: userArn(UserName, target),
    createdAt: dateText(CreateDate),
    tags: {},
    state: {
      status: credential.Status ?? 'Active',
      credentialAgeDays: age === undefined ? null : Math.round(age / DAY_MS),
    },
    facts: { userName: UserName, id: credential.ServiceSpecificCredentialId ?? '' },
  };
}

function keyOf({ facts = {} }: Observed): { readonly UserName: string; readonly ServiceSpecificCredentialId: string } {
  return { UserName: userOf(facts), ServiceSpecificCredentialId: text(facts, 'id') ?? '' };
}

function removalOf(key: { readonly UserName: string; readonly ServiceSpecificCredentialId: string }): Write {
  return { operation: 'DeleteServiceSpecificCredential', input: key, ...absentIsDone };
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
  guard: 'none: every Create makes another credential, up to the quota of two per service',
  recognition: 'the ID in the stored record',
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

  details: null,
  readCost: 1,
  read,
  readMany: oneByOne(read),

  create: ({ spec }) => ({
    operation: 'CreateServiceSpecificCredential',
    input: defined({
      UserName: userOf(spec),
      ServiceName: serviceOf(spec),
      CredentialAgeDays: spec['credentialAgeDays'],
    }),
    unguarded: true,
  }),
  isAlreadyExists: () => false,
  secret: {
    location: (spec) => secretLocation(spec, 'secret'),
    revealed: (output, { spec }) => {
      const { ServiceSpecificCredentialId = '', ...made } = revealedBy(output);
      return defined({
        UserName: made.UserName ?? userOf(spec),
        ServiceName: made.ServiceName ?? serviceOf(spec),
        ServiceSpecificCredentialId,
        ServiceUserName: made.ServiceUserName,
        ServicePassword: made.ServicePassword,
        ServiceCredentialAlias: made.ServiceCredentialAlias,
        ServiceCredentialSecret: made.ServiceCredentialSecret,
      });
    },
    candidates: async (reader, { spec }) =>
      (await credentialsOf(reader, spec)).map(({ ServiceSpecificCredentialId = '', CreateDate }) => ({
        id: ServiceSpecificCredentialId,
        createdAt: dateText(CreateDate),
      })),
    idOf: ({ ServiceSpecificCredentialId = '' }) => ServiceSpecificCredentialId,
    removal: (ServiceSpecificCredentialId, { spec }) => [
      removalOf({ UserName: userOf(spec), ServiceSpecificCredentialId }),
    ],
  },
  created: ({ target }, output) => observedOf(revealedBy(output), target),

  update(desired, observed, changes) {
    if (changes['status'] === undefined) return [];
    const Status = text(desired.spec, 'status') ?? 'Active';
    return [{ operation: 'UpdateServiceSpecificCredential', input: { ...keyOf(observed), Status } }];
  },

  deletion: (_reader, observed) => Promise.resolve([removalOf(keyOf(observed))]),
};
