import { CERTIFICATE, OTHER_SSH_KEY, PRIVATE_KEY, SHORT_SSH_KEY, SSH_KEY, SSH_KEY_IN_PEM } from './certificates.js';
import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

/** A user's SSH public key. */
export const SSH_PUBLIC_KEY: KindFixture = {
  prerequisites: ['law', 'law-2'].map((UserName) => write('CreateUser', { UserName })),
  minimal: { userName: 'law', sshPublicKeyBody: SSH_KEY },
  full: { userName: 'law', sshPublicKeyBody: SSH_KEY, status: 'Inactive' },
  equivalent: { userName: 'law', sshPublicKeyBody: SSH_KEY_IN_PEM, status: 'Inactive' },
  sibling: { userName: 'law-2', sshPublicKeyBody: OTHER_SSH_KEY },
  properties: {
    status: {
      changed: 'Active',
      manualWrites: ({ facts }) => [
        write('UpdateSSHPublicKey', { UserName: 'law', SSHPublicKeyId: facts?.['SSHPublicKeyId'], Status: 'Active' }),
      ],
      paths: ['status'],
      operations: ['UpdateSSHPublicKey'],
    },
  },
  deletionBlockers: [],
  invalid: {
    'a user whose name is too long': { userName: 'x'.repeat(65), sshPublicKeyBody: SSH_KEY },
    'no key': { userName: 'law' },
    'a key of another type': { userName: 'law', sshPublicKeyBody: SSH_KEY.replace('ssh-rsa', 'ssh-ed25519') },
    'a key that is cut off': { userName: 'law', sshPublicKeyBody: SSH_KEY.slice(0, -40) },
    'a key that is too short': { userName: 'law', sshPublicKeyBody: SHORT_SSH_KEY },
    'a private key': { userName: 'law', sshPublicKeyBody: PRIVATE_KEY },
    'a certificate': { userName: 'law', sshPublicKeyBody: CERTIFICATE },
    'a status that AWS alone sets': { userName: 'law', sshPublicKeyBody: SSH_KEY, status: 'Expired' },
  },
};
