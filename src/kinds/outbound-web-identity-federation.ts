import { z } from 'zod';
import { awsError } from '../aws/errors.js';
import type { AwsError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import { accountArn, readEach } from './fields.js';
import type { Kind, Observed, WantedEntity } from './kind.js';

const schema = z.strictObject({});

function isDisabled({ code }: AwsError): boolean {
  return code === 'FeatureDisabled';
}

async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  try {
    const { JwtVendingEnabled } = await reader.get('GetOutboundWebIdentityFederationInfo', {});
    if (JwtVendingEnabled === false) return undefined;
    return { name, arn: accountArn(target), createdAt: null, tags: {}, state: {} };
  } catch (error) {
    if (isDisabled(awsError(error))) return undefined;
    throw error;
  }
}

/** Whether the account's principals may have themselves issued tokens for services outside of AWS: it exists where they may. */
export const outboundWebIdentityFederation: Kind = {
  name: 'OutboundWebIdentityFederation',
  keyProperties: [],
  schema,
  nameOf: () => 'account',
  arnOf: (_spec, target) => accountArn(target),
  dependsOnKinds: [],
  ownable: false,
  duplicateProtection: '409 FeatureEnabled',
  recognizedBy: 'the reading: an account has one',
  properties: {},
  actions: {
    read: ['iam:GetOutboundWebIdentityFederationInfo'],
    write: ['iam:EnableOutboundWebIdentityFederation', 'iam:DisableOutboundWebIdentityFederation'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: () => ({ operation: 'EnableOutboundWebIdentityFederation', input: {} }),
  isAlreadyExistsError: ({ code }) => code === 'FeatureEnabled',
  observedAfterCreate: ({ name, target }) => ({ name, arn: accountArn(target), createdAt: null, tags: {}, state: {} }),
  update: () => [],
  delete: () =>
    Promise.resolve([{ operation: 'DisableOutboundWebIdentityFederation', input: {}, isAlreadyApplied: isDisabled }]),
};
