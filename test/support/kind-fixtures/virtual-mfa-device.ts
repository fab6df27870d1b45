import { ACCOUNT, write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const SECRET = { file: 'law-seed' };
const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/law/law`;
const TAGS = { team: 'platform', stage: 'test' };

/** A virtual MFA device. */
export const VIRTUAL_MFA_DEVICE: KindFixture = {
  prerequisites: ['ann', 'bob'].map((UserName) => write('CreateUser', { UserName })),
  minimal: { virtualMfaDeviceName: 'law', secret: SECRET },
  full: { virtualMfaDeviceName: 'law', path: '/law/', secret: SECRET, userName: 'ann', tags: TAGS },
  equivalent: {
    virtualMfaDeviceName: 'law',
    path: '/law/',
    secret: { file: 'law-seed' },
    userName: 'ann',
    tags: { stage: 'test', team: 'platform' },
  },
  otherCase: { virtualMfaDeviceName: 'LAW', secret: SECRET },
  sibling: { virtualMfaDeviceName: 'law', path: '/other/', secret: { file: 'law-2-seed' } },
  hasNoCreationDate: true,
  properties: {
    secret: { changed: { file: 'another-seed' }, writeOnly: true },
    userName: {
      changed: 'bob',
      manualWrites: [write('DeactivateMFADevice', { UserName: 'ann', SerialNumber })],
      paths: ['userName'],
      operations: ['DeactivateMFADevice', 'EnableMFADevice'],
    },
  },
  unmanaged: {
    byHand: [write('TagMFADevice', { SerialNumber, Tags: [{ Key: 'extra', Value: 'by hand' }] })],
    lines: ['tags: extra'],
    operations: ['UntagMFADevice'],
  },
  // The full spec assigns it to a user.
  deletionBlockers: [],
  invalid: {
    'a device without a place for its seed': { virtualMfaDeviceName: 'law' },
    'a name with a slash': { virtualMfaDeviceName: 'law/law', secret: SECRET },
    'a name that no serial number has room for': { virtualMfaDeviceName: 'x'.repeat(227), secret: SECRET },
    'a path with characters that serial numbers refuse': { virtualMfaDeviceName: 'law', path: '/a#b/', secret: SECRET },
    'several users': { virtualMfaDeviceName: 'law', secret: SECRET, users: ['ann'] },
  },
};
