import type { PasswordPolicy } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { Json, JsonObject, Target } from '../contract/entity.js';
import { appliedIfAbsent, accountArn, readEach } from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  minimumPasswordLength: z.int().min(6).max(128).optional().describe('Fewest characters of a password.'),
  requireSymbols: z.boolean().optional().describe("At least one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '."),
  requireNumbers: z.boolean().optional().describe('At least one digit.'),
  requireUppercaseCharacters: z.boolean().optional().describe('At least one of A to Z.'),
  requireLowercaseCharacters: z.boolean().optional().describe('At least one of a to z.'),
  allowUsersToChangePassword: z.boolean().optional().describe('Lets users change their own passwords in the console.'),
  maxPasswordAge: z.int().min(1).max(1095).nullable().optional().describe('In days; null: passwords do not expire.'),
  passwordReusePrevention: z
    .int()
    .min(1)
    .max(24)
    .nullable()
    .optional()
    .describe('How many earlier passwords a user may not choose again; null: any may be.'),
  hardExpiry: z
    .boolean()
    .optional()
    .describe('Whether only an administrator can set another password once one has expired.'),
});

/** What AWS takes for each property that an update leaves out. Null cannot be said but by leaving it out. */
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

async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const policy = (await reader.find('GetAccountPasswordPolicy', {}))?.PasswordPolicy;
  return policy && { name, arn: accountArn(target), createdAt: null, tags: {}, state: stateOf(policy) };
}

function stateOf(policy: PasswordPolicy): JsonObject {
  return {
    minimumPasswordLength: policy.MinimumPasswordLength ?? DEFAULTS.minimumPasswordLength,
    requireSymbols: policy.RequireSymbols ?? false,
    requireNumbers: policy.RequireNumbers ?? false,
    requireUppercaseCharacters: policy.RequireUppercaseCharacters ?? false,
    requireLowercaseCharacters: policy.RequireLowercaseCharacters ?? false,
    allowUsersToChangePassword: policy.AllowUsersToChangePassword ?? false,
    maxPasswordAge: positive(policy.MaxPasswordAge),
    passwordReusePrevention: positive(policy.PasswordReusePrevention),
    hardExpiry: policy.HardExpiry ?? false,
  };
}

/** What is not set is left out of the answer, or zero in it. */
function positive(value: number | undefined): number | null {
  return value === undefined || value === 0 ? null : value;
}

/** Replaces the whole policy. */
function replacement(values: JsonObject): Write {
  const input = Object.keys(DEFAULTS).flatMap((property) => {
    const value = values[property];
    return value === undefined || value === null
      ? []
      : [[`${property.charAt(0).toUpperCase()}${property.slice(1)}`, value]];
  });
  return { operation: 'UpdateAccountPasswordPolicy', input: Object.fromEntries(input) as Record<string, Json> };
}

/** What the account asks of its users' passwords. */
export const accountPasswordPolicy: Kind = {
  name: 'AccountPasswordPolicy',
  keyProperties: [],
  schema,
  nameOf: () => 'account',
  arnOf: (_spec, target) => accountArn(target),
  dependsOnKinds: [],
  ownable: false,
  duplicateProtection: 'none is needed: an account has one, and every write replaces it',
  recognizedBy: 'the reading: an account has one',
  properties: Object.fromEntries(
    Object.entries(DEFAULTS).map(([property, value]) => [property, { type: 'value', default: value }]),
  ),
  actions: {
    read: ['iam:GetAccountPasswordPolicy'],
    write: ['iam:UpdateAccountPasswordPolicy', 'iam:DeleteAccountPasswordPolicy'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: ({ spec }) => replacement(spec),
  isAlreadyExistsError: () => false,
  createOverwrites: true,
  observedAfterCreate: ({ name, spec, target }) => ({
    name,
    arn: accountArn(target),
    createdAt: null,
    tags: {},
    state: { ...DEFAULTS, ...spec },
  }),

  // With what is there of all that the manifest leaves open, which AWS would set back to its defaults.
  update: ({ spec }, { state }, changes) =>
    Object.keys(changes).length === 0 ? [] : [replacement({ ...state, ...spec })],

  delete: () => Promise.resolve([{ operation: 'DeleteAccountPasswordPolicy', input: {}, ...appliedIfAbsent }]),
};
