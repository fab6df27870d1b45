import { z } from 'zod';
import { fallBackOn } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';

const schema = z.strictObject({});

const DISABLED = 'FeatureDisabled';

async function read(reader: Reader, _wanted: WantedEntity, target: Target): Promise<Observed | undefined> {
  const found = await fallBackOn([DISABLED], undefined, () => reader.get('GetOutboundWebIdentityFederationInfo', {}));
  return found === undefined || found.JwtVendingEnabled === false ? undefined : observedSetting(target, {});
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
  delete: () => [
    { operation: 'DisableOutboundWebIdentityFederation', input: {}, isAlreadyApplied: ({ code }) => code === DISABLED },
  ],
};
