import type { ListOrganizationsFeaturesResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { awsError, failureTypeOf } from '../aws/errors.js';
import type { Operation } from '../aws/operations.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { FAILURES } from '../contract/failures.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';

/** The features by property, as AWS lists them and names its operations. */
const FEATURES = { rootCredentialsManagement: 'RootCredentialsManagement', rootSessions: 'RootSessions' } as const;

type Property = keyof typeof FEATURES;

const PROPERTIES = Object.keys(FEATURES) as Property[];

const schema = z
  .strictObject({
    rootCredentialsManagement: z
      .boolean()
      .optional()
      .describe('The management account may delete and restore the credentials of the root users of member accounts.'),
    rootSessions: z
      .boolean()
      .optional()
      .describe('The management account may do privileged tasks as the root user of a member account (AssumeRoot).'),
  })
  .superRefine((spec, context) => {
    if (PROPERTIES.some((property) => spec[property] !== undefined)) return;
    context.addIssue({ code: 'custom', message: `declare ${PROPERTIES.join(' or ')}` });
  });

function stateOf({ EnabledFeatures = [] }: ListOrganizationsFeaturesResponse): JsonObject {
  return Object.fromEntries(PROPERTIES.map((property) => [property, EnabledFeatures.includes(FEATURES[property])]));
}

/**
 * Reads the features. Every organization has them, enabled or not; where the spec declares none, none enabled counts as
 * absent. An account that may not ask for them cannot change them either.
 */
async function read(reader: Reader, { spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const isDeclared = PROPERTIES.some((property) => spec[property] !== undefined);
  try {
    const state = stateOf(await reader.get('ListOrganizationsFeatures', {}));
    return isDeclared || Object.values(state).includes(true) ? observedSetting(target, state) : undefined;
  } catch (error) {
    const aws = awsError(error);
    if (failureTypeOf(aws) !== 'OrganizationAccess') throw error;
    if (!isDeclared) return undefined;
    const blocked = {
      reason: `AWS answered ${aws.code}: ${aws.message}`,
      remedy: FAILURES.OrganizationAccess.remedy,
    };
    return { ...observedSetting(target, {}), blocked };
  }
}

/** Returns the first feature that the spec wants, which a Create enables. */
function firstWanted(spec: JsonObject): Property {
  return PROPERTIES.find((property) => spec[property] === true) ?? 'rootCredentialsManagement';
}

function switchTo(isEnabled: boolean, property: Property): Write {
  const operation: Operation = `${isEnabled ? 'Enable' : 'Disable'}Organizations${FEATURES[property]}`;
  return { operation, input: {}, effect: isEnabled ? 'grants' : 'narrows' };
}

/** Central root access of an organization: what its management account may do to the root users of member accounts. */
export const organizationsRootAccess: Kind = {
  name: 'OrganizationsRootAccess',
  ...accountSetting(read),
  schema,
  duplicateProtection: 'not needed: every organization has these features, and enabling one again changes nothing',
  recognizedBy: 'the read: an organization has each feature once',
  properties: {
    rootCredentialsManagement: { type: 'value', default: false },
    rootSessions: { type: 'value', default: false },
  },
  actions: {
    read: ['iam:ListOrganizationsFeatures'],
    write: PROPERTIES.flatMap((property) =>
      ['Enable', 'Disable'].map((verb) => `iam:${verb}Organizations${FEATURES[property]}`),
    ),
  },

  // Declared features always read as present, so that updates set them.
  create: ({ spec }) => switchTo(true, firstWanted(spec)),
  isAlreadyExistsError: () => false,
  observedAfterCreate: ({ spec, target }) => observedSetting(target, { [firstWanted(spec)]: true }),
  update: ({ spec }, _observed, changes) =>
    PROPERTIES.filter((property) => changes[property] !== undefined).map((property) =>
      switchTo(spec[property] === true, property),
    ),
  delete: (_reader, { state }) =>
    PROPERTIES.filter((property) => state[property] === true).map((property) => switchTo(false, property)),
};
