import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';
import { stringProperty } from './shared/spec.js';

const DEFAULT = 'v1Token';

const schema = z.strictObject({
  globalEndpointTokenVersion: z
    .enum([DEFAULT, 'v2Token'])
    .describe(
      "The version of the tokens that the global endpoint of STS issues: v1Token is valid in the regions that are enabled by default, v2Token in all regions. Every account has a version: `state: absent` restores AWS's default, v1Token.",
    ),
});

/** Reads the version, which every account has. Where the spec declares none, AWS's default counts as absent. */
async function read(reader: Reader, { spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { SummaryMap } = await reader.get('GetAccountSummary', {});
  const version = SummaryMap?.GlobalEndpointTokenVersion === 2 ? 'v2Token' : DEFAULT;
  if (version === DEFAULT && spec['globalEndpointTokenVersion'] === undefined) return undefined;
  return observedSetting(target, { globalEndpointTokenVersion: version });
}

function setVersion(GlobalEndpointTokenVersion: string | undefined): Write {
  return { operation: 'SetSecurityTokenServicePreferences', input: { GlobalEndpointTokenVersion } };
}

/** The account's preferences for AWS STS. */
export const securityTokenServicePreferences: Kind = {
  name: 'SecurityTokenServicePreferences',
  ...accountSetting(read),
  schema,
  duplicateProtection: 'not needed: every account has these preferences, and every write sets them',
  recognizedBy: 'the read: an account has one set of preferences',
  properties: { globalEndpointTokenVersion: { type: 'value', default: DEFAULT } },
  actions: { read: ['iam:GetAccountSummary'], write: ['iam:SetSecurityTokenServicePreferences'] },

  create: ({ spec }) => setVersion(stringProperty(spec, 'globalEndpointTokenVersion')),
  isAlreadyExistsError: () => false,
  observedAfterCreate: ({ spec, target }) => observedSetting(target, spec),
  update: ({ spec }, _observed, changes) =>
    Object.keys(changes).length === 0 ? [] : [setVersion(stringProperty(spec, 'globalEndpointTokenVersion'))],
  delete: () => [setVersion(DEFAULT)],
};
