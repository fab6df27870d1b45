import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { accountArn, readEach, stringProperty } from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const DEFAULT = 'v1Token';

const schema = z.strictObject({
  globalEndpointTokenVersion: z
    .enum([DEFAULT, 'v2Token'])
    .describe(
      "Sort of the tokens that the global endpoint of STS issues: v1Token is good in the regions that every account has, v2Token in all. Every account has one: `state: absent` restores AWS's default, v1Token.",
    ),
});

/** The version is always there: where none is declared, the default reads as absent, which is all that absent can mean. */
async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { SummaryMap } = await reader.get('GetAccountSummary', {});
  const version = SummaryMap?.GlobalEndpointTokenVersion === 2 ? 'v2Token' : DEFAULT;
  if (version === DEFAULT && spec['globalEndpointTokenVersion'] === undefined) return undefined;
  return observedOf(name, target, { globalEndpointTokenVersion: version });
}

function observedOf(name: string, target: Target, state: JsonObject): Observed {
  return { name, arn: accountArn(target), createdAt: null, tags: {}, state };
}

function setting(GlobalEndpointTokenVersion: string | undefined): Write {
  return { operation: 'SetSecurityTokenServicePreferences', input: { GlobalEndpointTokenVersion } };
}

/** What AWS STS does for the account. */
export const securityTokenServicePreferences: Kind = {
  name: 'SecurityTokenServicePreferences',
  keyProperties: [],
  schema,
  nameOf: () => 'account',
  arnOf: (_spec, target) => accountArn(target),
  dependsOnKinds: [],
  ownable: false,
  duplicateProtection: 'none is needed: every account has them, and every write sets them',
  recognizedBy: 'the reading: an account has them once',
  properties: {
    globalEndpointTokenVersion: { type: 'value', default: DEFAULT },
  },
  actions: {
    read: ['iam:GetAccountSummary'],
    write: ['iam:SetSecurityTokenServicePreferences'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: ({ spec }) => setting(stringProperty(spec, 'globalEndpointTokenVersion')),
  isAlreadyExistsError: () => false,
  observedAfterCreate: ({ name, spec, target }) => observedOf(name, target, spec),
  update: ({ spec }, _observed, changes) =>
    Object.keys(changes).length === 0 ? [] : [setting(stringProperty(spec, 'globalEndpointTokenVersion'))],
  delete: () => Promise.resolve([setting(DEFAULT)]),
};
