import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const SECRET = { file: 'law-password' };

/** A user's password for the console. */
export const LOGIN_PROFILE: KindFixture = {
  prerequisites: ['law', 'law-2'].map((UserName) => write('CreateUser', { UserName })),
  minimal: { userName: 'law', secret: SECRET },
  full: { userName: 'law', secret: SECRET, passwordResetRequired: false, reset: '1' },
  equivalent: { userName: 'law', secret: { file: 'law-password' }, passwordResetRequired: false, reset: '1' },
  sibling: { userName: 'law-2', secret: { file: 'law-2-password' } },
  properties: {
    secret: { changed: { secretsManager: 'law/password' }, writeOnly: true },
    passwordResetRequired: {
      changed: true,
      manualWrites: [write('UpdateLoginProfile', { UserName: 'law', PasswordResetRequired: true })],
      paths: ['passwordResetRequired'],
      operations: ['UpdateLoginProfile'],
    },
    reset: { changed: '2', isRequest: true, operations: ['UpdateLoginProfile'] },
  },
  deletionBlockers: [],
  invalid: {
    'a password in the manifest': { userName: 'law', secret: 'hunter2' },
    'a name that is too long': { userName: 'x'.repeat(65), secret: SECRET },
  },
};
