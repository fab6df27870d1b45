import { z } from 'zod';
import { awsError } from '../aws/errors.js';
import type { AwsError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';

const schema = z.strictObject({});

function isDisabled({ code }: AwsError): boolean {
  return code === 'FeatureDisabled';
}

async function read(reader: Reader, _wanted: WantedEntity, target: Target): Promise<Observed | undefined> {
  try {
    const { JwtVendingEnabled } = await reader.get('GetOutboundWebIdentityFederationInfo', {});
    if (JwtVendingEnabled === false) return undefined;
    return observedSetting(target, {});
  } catch (error) {
    if (isDisabled(awsError(error))) return undefined;
    throw error;
  }
}

/** The permission for the account's principals to request tokens for services outside AWS. It exists where it is on. */
export const outboundWebIdentityFederation: Kind = {
  name: 'OutboundWebIdentityFederation',
  ...accountSetting(read),
  schema,
  duplicateProtection: '409 FeatureEnabled',
  recognizedBy: 'the read: an account has one such setting',
  properties: {},
  actions: {
    read: ['iam:GetOutboundWebIdentityFederationInfo'],
    write: ['iam:EnableOutboundWebIdentityFederation', 'iam:DisableOutboundWebIdentityFederation'],
  },

  create: () => ({ operation: 'EnableOutboundWebIdentityFederation', input: {} }),
  isAlreadyExistsError: ({ code }) => code === 'FeatureEnabled',
  observedAfterCreate: ({ target }) => observedSetting(target, {}),
  update: () => [],
  delete: () =>
    Promise.resolve([{ operation: 'DisableOutboundWebIdentityFederation', input: {}, isAlreadyApplied: isDisabled }]),
};
