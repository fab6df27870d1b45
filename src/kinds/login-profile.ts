import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  isoDate,
  omitUndefined,
  nameField,
  readEach,
  secretField,
  secretLocation,
  stringProperty,
  userArn,
} from './fields.js';
import type { Kind, Observed, WantedEntity } from './kind.js';

const schema = z.strictObject({
  userName: nameField(64).describe('The user who may sign in to the console.'),
  secret: secretField.describe(
    'Where the first password goes: `UserName` and `Password`. It is generated; that of a login profile that is there already stays as it is.',
  ),
  passwordResetRequired: z
    .boolean()
    .optional()
    .describe(
      'Whether the user has to choose another password at the first sign-in. Matters when the login profile is made, and never again: the sign-in itself resets it.',
    ),
});

/** Longer than password policies ask for in practice; AWS takes 128. */
const PASSWORD_LENGTH = 40;

/** What a password policy may ask for one of. The symbols are AWS's list without the quote. */
const CLASSES = ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz', '0123456789', '!@#$%^&*()_+-=[]{}|'];

/** A password with at least one character of each class, at places that chance chooses. */
function newPassword(): string {
  const every = CLASSES.join('');
  const characters = Array.from({ length: PASSWORD_LENGTH }, (_, index) => anyOf(CLASSES[index] ?? every));
  for (let last = characters.length - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1);
    [characters[last], characters[other]] = [characters[other] ?? '', characters[last] ?? ''];
  }
  return characters.join('');
}

function anyOf(characters: string): string {
  return characters.charAt(randomInt(characters.length));
}

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'userName') ?? '';
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
  keyProperties: ['userName'],
  schema,
  nameOf,
  arnOf: (spec, target) => userArn(nameOf(spec), target),
  references: (spec) => [`User/${nameOf(spec)}`],
  dependsOnKinds: ['User'],
  ownable: false,
  duplicateProtection: '409 EntityAlreadyExists, one per user',
  recognizedBy: 'when it was made',
  properties: {
    secret: { type: 'writeOnly' },
    passwordResetRequired: { type: 'writeOnly' },
  },
  actions: {
    read: ['iam:GetLoginProfile'],
    write: ['iam:CreateLoginProfile', 'iam:DeleteLoginProfile'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: ({ name, spec }) => ({
    operation: 'CreateLoginProfile',
    input: omitUndefined({ UserName: name, PasswordResetRequired: spec['passwordResetRequired'] }),
    secretInput: { Password: { location: secretLocation(spec, 'secret'), field: 'Password' } },
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    generateRecord: ({ name }) => ({ UserName: name, Password: newPassword() }),
  },
  observedAfterCreate: ({ name, target }) => ({
    name,
    arn: userArn(name, target),
    createdAt: null,
    tags: {},
    state: {},
  }),

  // Nothing of it is compared: whatever the user did to the password stays.
  update: () => [],

  delete: (_reader, { name }) =>
    Promise.resolve([{ operation: 'DeleteLoginProfile', input: { UserName: name }, ...appliedIfAbsent }]),
};
