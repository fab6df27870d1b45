import { ACCOUNT, write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const SECRET = { file: 'law-seed' };
const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/law/law`;
const TAGS = { team: 'platform', stage: 'test' };

/** A virtual MFA device. */
export const VIRTUAL_MFA_DEVICE: KindFixture = {
  prerequisites: [write('CreateUser', { UserName: 'ann' })],
  minimal: { virtualMfaDeviceName: 'law', secret: SECRET },
  full: { virtualMfaDeviceName: 'law', path: '/law/', secret: SECRET, tags: TAGS },
  equivalent: {
    virtualMfaDeviceName: 'law',
    path: '/law/',
    secret: { file: 'law-seed' },
    tags: { stage: 'test', team: 'platform' },
  },
  otherCase: { virtualMfaDeviceName: 'LAW', secret: SECRET },
  sibling: { virtualMfaDeviceName: 'law', path: '/other/', secret: { file: 'law-2-seed' } },
  hasNoCreationDate: true,
  properties: { secret: { changed: { file: 'another-seed' }, writeOnly: true } },
  unmanaged: {
    byHand: [write('TagMFADevice', { SerialNumber, Tags: [{ Key: 'extra', Value: 'by hand' }] })],
    lines: ['tags: extra'],
    operations: ['UntagMFADevice'],
  },
  deletionBlockers: [
    write('EnableMFADevice', {
      UserName: 'ann',
      SerialNumber,
      AuthenticationCode1: '123456',
      AuthenticationCode2: '654321',
    }),
  ],
  invalid: {
    'a device without a place for its seed': { virtualMfaDeviceName: 'law' },
    'a name with a slash': { virtualMfaDeviceName: 'law/law', secret: SECRET },
    'a name that no serial number has room for': { virtualMfaDeviceName: 'x'.repeat(227), secret: SECRET },
    'a path with characters that serial numbers refuse': { virtualMfaDeviceName: 'law', path: '/a#b/', secret: SECRET },
    'a user, who has to enable it': { virtualMfaDeviceName: 'law', secret: SECRET, users: ['ann'] },
  },
};
