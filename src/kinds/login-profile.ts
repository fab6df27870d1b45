import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import type { Desired, Kind, Observed, RecordFields, WantedEntity, Write } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { nameField, resetField, secretField } from './shared/schema-fields.js';
import { isoDate, newlyCreated, omitUndefined, secretLocation, userArn, userNameOf, without } from './shared/spec.js';
import { removal } from './shared/writes.js';

const schema = z.strictObject({
  userName: nameField(64).describe('The user that may sign in to the console.'),
  secret: secretField.describe(
    'Where to store the first password: `UserName` and `Password`. The password is generated. The password of an existing login profile stays unchanged.',
  ),
  passwordResetRequired: z
    .boolean()
    .optional()
    .describe(
      'The user must choose a new password at the next sign-in, which AWS then takes back. `true` is set once, with the password or when the manifest changes to it.',
    ),
  reset: resetField,
});

/** The length of a password, longer than password policies require in practice. AWS takes up to 128. */
const PASSWORD_LENGTH = 40;

/** The character classes that a password policy may require. The symbols are AWS's list without the quote. */
const CHARACTER_CLASSES = [
  'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
  'abcdefghijklmnopqrstuvwxyz',
  '0123456789',
  '!@#$%^&*()_+-=[]{}|',
];

/** Makes a password with at least one character of each class, at random positions. */
function generatePassword(): string {
  const allCharacters = CHARACTER_CLASSES.join('');
  const characters = Array.from({ length: PASSWORD_LENGTH }, (_, index) =>
    randomCharacter(CHARACTER_CLASSES[index] ?? allCharacters),
  );
  for (let last = characters.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? '', characters[last] ?? ''];
  }
  return characters.join('');
}

function randomCharacter(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

/** The fields of the stored record that tell what was already done. */
const DONE = { reset: 'Reset', passwordResetRequired: 'PasswordResetRequired' } as const;

/** Returns the fields that tell what the spec asks for. */
function doneFields({ reset, passwordResetRequired: required }: JsonObject): RecordFields {
  return {
    ...(typeof reset === 'string' ? { [DONE.reset]: reset } : {}),
    ...(typeof required === 'boolean' ? { [DONE.passwordResetRequired]: required ? 'true' : 'false' } : {}),
  };
}

/**
 * Reads a login profile. A user that has chosen a password is not asked for another one by every run: the stored record
 * tells that this was done.
 */
async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const profile = (await reader.find('GetLoginProfile', { UserName: name }))?.LoginProfile;
  if (profile === undefined) return undefined;
  const isRecorded = spec['reset'] !== undefined || spec['passwordResetRequired'] !== undefined;
  const stored = (isRecorded ? await reader.secret(secretLocation(spec, 'secret')) : undefined) ?? {};
  const wasRequired = stored[DONE.passwordResetRequired] === 'true';
  const isRequired = profile.PasswordResetRequired === true && spec['passwordResetRequired'] !== true;
  return {
    name: profile.UserName ?? name,
    arn: userArn(profile.UserName ?? name, target),
    createdAt: isoDate(profile.CreateDate),
    tags: {},
    state: { passwordResetRequired: wasRequired || isRequired, reset: stored[DONE.reset] ?? null },
  };
}

/** Sets a new password. It is stored beside the old one first, which it replaces once AWS has accepted it. */
function newPassword({ name, spec }: Desired): Write {
  const location = secretLocation(spec, 'secret');
  return {
    operation: 'UpdateLoginProfile',
    input: omitUndefined({ UserName: name, PasswordResetRequired: spec['passwordResetRequired'] }),
    secretInput: { Password: { location, field: 'NextPassword' } },
    record: {
      location,
      before: () => ({ UserName: name, NextPassword: generatePassword() }),
      after: (_output, { NextPassword = '' }) => ({ Password: NextPassword, NextPassword: '', ...doneFields(spec) }),
    },
  };
}

function requireReset({ name, spec }: Desired): Write {
  const { [DONE.passwordResetRequired]: value = '' } = doneFields(spec);
  return {
    operation: 'UpdateLoginProfile',
    input: { UserName: name, PasswordResetRequired: spec['passwordResetRequired'] },
    record: { location: secretLocation(spec, 'secret'), after: () => ({ [DONE.passwordResetRequired]: value }) },
  };
}

/** A user's password for the console. */
export const loginProfile: Kind = {
  name: 'LoginProfile',
  // Only a read shows which users have one.
  ...userCredential(read, (_reader, userName) => Promise.resolve([{ name: userName, spec: { userName } }])),
  readLastUse: async (snapshot, { name }) => {
    const at = (await snapshot.passwordUses()).get(name);
    return at === undefined ? undefined : isoDate(at ?? undefined);
  },
  /** A reset that AWS shows was asked for by another caller: to declare it would ask for one more. */
  declarable: ({ state }) =>
    state['passwordResetRequired'] === true ? without(state, 'passwordResetRequired') : state,
  keyProperties: ['userName'],
  schema,
  nameOf: userNameOf,
  duplicateProtection: '409 EntityAlreadyExists, one per user',
  recognizedBy: 'its creation date',
  properties: {
    secret: { type: 'writeOnly' },
    passwordResetRequired: { type: 'value', default: false },
    reset: { type: 'value' },
  },
  actions: {
    read: ['iam:GetLoginProfile', 'iam:GetAccountAuthorizationDetails', 'iam:ListUsers'],
    write: ['iam:CreateLoginProfile', 'iam:UpdateLoginProfile', 'iam:DeleteLoginProfile'],
  },

  create: ({ name, spec }) => ({
    operation: 'CreateLoginProfile',
    input: omitUndefined({ UserName: name, PasswordResetRequired: spec['passwordResetRequired'] }),
    secretInput: { Password: { location: secretLocation(spec, 'secret'), field: 'Password' } },
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    generateRecord: ({ name, spec }) => ({ UserName: name, Password: generatePassword(), ...doneFields(spec) }),
  },
  observedAfterCreate: (desired) => newlyCreated(desired, userArn(desired.name, desired.target), desired.spec),

  // The user's own password stays, unless a reset is asked for.
  update(desired, _observed, changes) {
    if (changes['reset'] !== undefined) return [newPassword(desired)];
    return changes['passwordResetRequired'] === undefined ? [] : [requireReset(desired)];
  },

  delete: (_reader, { name }) => [removal('DeleteLoginProfile', { UserName: name })],
};
