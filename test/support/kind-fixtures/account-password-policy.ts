import type { Json } from '../../../src/contract/entity.js';
import { write } from './fixture.js';
import type { KindFixture, PropertyFixture } from './fixture.js';

const FULL: Readonly<Record<string, Json>> = {
  minimumPasswordLength: 14,
  requireSymbols: true,
  requireNumbers: true,
  requireUppercaseCharacters: true,
  requireLowercaseCharacters: true,
  allowUsersToChangePassword: true,
  maxPasswordAge: 90,
  passwordReusePrevention: 24,
  hardExpiry: true,
};

/** ExternalActor replaces the policy by one that leaves a property out; the manifest declares another value. */
function law(property: string, changed: Json): PropertyFixture {
  const rest = Object.entries(FULL).filter(([name]) => name !== property);
  const input = Object.fromEntries(rest.map(([name, value]) => [name.charAt(0).toUpperCase() + name.slice(1), value]));
  return {
    changed,
    manualWrites: [write('UpdateAccountPasswordPolicy', input)],
    paths: [property],
    operations: ['UpdateAccountPasswordPolicy'],
  };
}

/** What the account asks of its users' passwords. */
export const ACCOUNT_PASSWORD_POLICY: KindFixture = {
  prerequisites: [],
  minimal: {},
  full: FULL,
  equivalent: Object.fromEntries(Object.entries(FULL).reverse()),
  hasNoCreationDate: true,
  acceptsSecondCreate: true,
  properties: {
    minimumPasswordLength: law('minimumPasswordLength', 128),
    requireSymbols: law('requireSymbols', false),
    requireNumbers: law('requireNumbers', false),
    requireUppercaseCharacters: law('requireUppercaseCharacters', false),
    requireLowercaseCharacters: law('requireLowercaseCharacters', false),
    allowUsersToChangePassword: law('allowUsersToChangePassword', false),
    maxPasswordAge: law('maxPasswordAge', null),
    passwordReusePrevention: law('passwordReusePrevention', null),
    hardExpiry: law('hardExpiry', false),
  },
  deletionBlockers: [],
  invalid: {
    'passwords that are shorter than AWS has them': { minimumPasswordLength: 5 },
    'passwords that are longer than AWS has them': { minimumPasswordLength: 129 },
    'an age of zero': { maxPasswordAge: 0 },
    'an age beyond three years': { maxPasswordAge: 1096 },
    'more earlier passwords than AWS keeps': { passwordReusePrevention: 25 },
  },
};
