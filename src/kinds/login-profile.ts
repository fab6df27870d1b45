import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Target } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { nameField, secretField } from './shared/schema-fields.js';
import { isoDate, newlyCreated, omitUndefined, secretLocation, userArn, userNameOf } from './shared/spec.js';
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
      'The user must choose a new password at the first sign-in. It has an effect only on the Create: the sign-in itself resets it.',
    ),
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

async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const profile = (await reader.find('GetLoginProfile', { UserName: name }))?.LoginProfile;
  return (
    profile && {
      name: profile.UserName ?? name,
      arn: userArn(profile.UserName ?? name, target),
      createdAt: isoDate(profile.CreateDate),
      tags: {},
      state: {},
    }
  );
}

/** A user's password for the console. */
export const loginProfile: Kind = {
  name: 'LoginProfile',
  ...userCredential(read),
  keyProperties: ['userName'],
  schema,
  nameOf: userNameOf,
  duplicateProtection: '409 EntityAlreadyExists, one per user',
  recognizedBy: 'its creation date',
  properties: { secret: { type: 'writeOnly' }, passwordResetRequired: { type: 'writeOnly' } },
  actions: { read: ['iam:GetLoginProfile'], write: ['iam:CreateLoginProfile', 'iam:DeleteLoginProfile'] },

  create: ({ name, spec }) => ({
    operation: 'CreateLoginProfile',
    input: omitUndefined({ UserName: name, PasswordResetRequired: spec['passwordResetRequired'] }),
    secretInput: { Password: { location: secretLocation(spec, 'secret'), field: 'Password' } },
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    generateRecord: ({ name }) => ({ UserName: name, Password: generatePassword() }),
  },
  observedAfterCreate: (desired) => newlyCreated(desired, userArn(desired.name, desired.target), {}),

  // Nothing is compared, so that the user's own password stays.
  update: () => [],

  delete: (_reader, { name }) => [removal('DeleteLoginProfile', { UserName: name })],
};
