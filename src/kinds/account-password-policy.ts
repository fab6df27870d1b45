import type { PasswordPolicy } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { Json, JsonObject, Target } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';
import { removal } from './shared/writes.js';

const schema = z.strictObject({
  minimumPasswordLength: z.int().min(6).max(128).optional().describe('Minimum number of characters.'),
  requireSymbols: z.boolean().optional().describe("At least one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '."),
  requireNumbers: z.boolean().optional().describe('At least one digit.'),
  requireUppercaseCharacters: z.boolean().optional().describe('At least one of A to Z.'),
  requireLowercaseCharacters: z.boolean().optional().describe('At least one of a to z.'),
  allowUsersToChangePassword: z.boolean().optional().describe('Users may change their own passwords in the console.'),
  maxPasswordAge: z.int().min(1).max(1095).nullable().optional().describe('In days; null: passwords do not expire.'),
  passwordReusePrevention: z
    .int()
    .min(1)
    .max(24)
    .nullable()
    .optional()
    .describe('Number of earlier passwords that a user may not use again; null: any may be used again.'),
  hardExpiry: z.boolean().optional().describe('Only an administrator can set a new password after one has expired.'),
});

/** AWS's value for each property that an update leaves out. A property is set to null by leaving it out. */
const DEFAULTS: Readonly<Record<keyof typeof schema.shape, Json>> = {
  minimumPasswordLength: 6,
  requireSymbols: false,
  requireNumbers: false,
  requireUppercaseCharacters: false,
  requireLowercaseCharacters: false,
  allowUsersToChangePassword: false,
  maxPasswordAge: null,
  passwordReusePrevention: null,
  hardExpiry: false,
};

async function read(reader: Reader, _wanted: WantedEntity, target: Target): Promise<Observed | undefined> {
  const policy = (await reader.find('GetAccountPasswordPolicy', {}))?.PasswordPolicy;
  return policy && observedSetting(target, stateOf(policy));
}

function stateOf(policy: PasswordPolicy): JsonObject {
  return {
    minimumPasswordLength: policy.MinimumPasswordLength ?? DEFAULTS.minimumPasswordLength,
    requireSymbols: policy.RequireSymbols ?? false,
    requireNumbers: policy.RequireNumbers ?? false,
    requireUppercaseCharacters: policy.RequireUppercaseCharacters ?? false,
    requireLowercaseCharacters: policy.RequireLowercaseCharacters ?? false,
    allowUsersToChangePassword: policy.AllowUsersToChangePassword ?? false,
    maxPasswordAge: positiveOrNull(policy.MaxPasswordAge),
    passwordReusePrevention: positiveOrNull(policy.PasswordReusePrevention),
    hardExpiry: policy.HardExpiry ?? false,
  };
}

/** Returns null for a number that is not set: AWS leaves it out of the reply, or replies with zero. */
function positiveOrNull(value: number | undefined): number | null {
  return value === undefined || value === 0 ? null : value;
}

/** Returns the write that replaces the whole policy. */
function replacement(values: JsonObject): Write {
  const input = Object.keys(DEFAULTS).flatMap((property) => {
    const value = values[property];
    return value === undefined || value === null
      ? []
      : [[`${property.charAt(0).toUpperCase()}${property.slice(1)}`, value]];
  });
  return { operation: 'UpdateAccountPasswordPolicy', input: Object.fromEntries(input) as Record<string, Json> };
}

/** The account's rules for its users' passwords. */
export const accountPasswordPolicy: Kind = {
  name: 'AccountPasswordPolicy',
  ...accountSetting(read),
  schema,
  duplicateProtection: 'not needed: an account has one policy, and every write replaces it',
  recognizedBy: 'the read: an account has one policy',
  properties: Object.fromEntries(
    Object.entries(DEFAULTS).map(([property, value]) => [property, { type: 'value', default: value }]),
  ),
  actions: {
    read: ['iam:GetAccountPasswordPolicy'],
    write: ['iam:UpdateAccountPasswordPolicy', 'iam:DeleteAccountPasswordPolicy'],
  },

  create: ({ spec }) => replacement(spec),
  isAlreadyExistsError: () => false,
  createOverwrites: true,
  observedAfterCreate: ({ spec, target }) => observedSetting(target, { ...DEFAULTS, ...spec }),

  // Includes the observed values of properties that the manifest does not set: AWS would reset them to its defaults.
  update: ({ spec }, { state }, changes) =>
    Object.keys(changes).length === 0 ? [] : [replacement({ ...state, ...spec })],

  delete: () => [removal('DeleteAccountPasswordPolicy', {})],
};
