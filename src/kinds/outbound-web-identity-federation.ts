import { z } from 'zod';
import { awsError } from '../aws/errors.js';
import type { AwsError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import { accountArn, oneByOne } from './fields.js';
import type { Kind, Observed, Wanted } from './kind.js';

const schema = z.strictObject({});

function isDisabled({ code }: AwsError): boolean {
  return code === 'FeatureDisabled';
}

async function read(reader: Reader, { name }: Wanted, target: Target): Promise<Observed | undefined> {
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
  guard: '409 FeatureEnabled',
  recognition: 'the reading: an account has one',
  properties: {},
  actions: {
    read: ['iam:GetOutboundWebIdentityFederationInfo'],
    write: ['iam:EnableOutboundWebIdentityFederation', 'iam:DisableOutboundWebIdentityFederation'],
  },

  details: null,
  readCost: 1,
  read,
  readMany: oneByOne(read),

  create: () => ({ operation: 'EnableOutboundWebIdentityFederation', input: {} }),
  isAlreadyExists: ({ code }) => code === 'FeatureEnabled',
  created: ({ name, target }) => ({ name, arn: accountArn(target), createdAt: null, tags: {}, state: {} }),
  update: () => [],
  deletion: () =>
    Promise.resolve([{ operation: 'DisableOutboundWebIdentityFederation', input: {}, isDone: isDisabled }]),
};
