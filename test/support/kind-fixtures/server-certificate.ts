import { CERTIFICATE, ISSUER, OTHER_CERTIFICATE, PRIVATE_KEY } from './certificates.js';
import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const KEY = { ServerCertificateName: 'law' };
const TAGS = { team: 'platform', stage: 'test' };
const SENT = { certificateBody: CERTIFICATE, privateKey: { file: 'law-certificate-key' } };

/** A server certificate. */
export const SERVER_CERTIFICATE: KindFixture = {
  prerequisites: [],
  secrets: { 'law-certificate-key': PRIVATE_KEY },
  minimal: { serverCertificateName: 'law', ...SENT },
  full: { serverCertificateName: 'law', path: '/law/', ...SENT, certificateChain: ISSUER, tags: TAGS },
  equivalent: {
    serverCertificateName: 'law',
    path: '/law/',
    ...SENT,
    certificateBody: `subject=CN = law.example.com\r\n${CERTIFICATE.replaceAll('\n', '\r\n')}`,
    certificateChain: `  ${ISSUER.replaceAll('\n', ' ')}`,
    tags: { stage: 'test', team: 'platform' },
  },
  otherCase: { serverCertificateName: 'LAW', ...SENT },
  sibling: { serverCertificateName: 'law-2', ...SENT },
  properties: {
    path: {
      changed: '/other/',
      manualWrites: [write('UpdateServerCertificate', { ...KEY, NewPath: '/by-hand/' })],
      paths: ['path'],
      operations: ['UpdateServerCertificate'],
    },
    certificateBody: { changed: OTHER_CERTIFICATE, immutable: true },
    certificateChain: { changed: `${ISSUER}${OTHER_CERTIFICATE}`, immutable: true },
    privateKey: { changed: { file: 'another-key' }, writeOnly: true },
  },
  unmanaged: {
    byHand: [write('TagServerCertificate', { ...KEY, Tags: [{ Key: 'extra', Value: 'by hand' }] })],
    lines: ['tags: extra'],
    operations: ['UntagServerCertificate'],
  },
  deletionBlockers: [],
  invalid: {
    'a name with a slash': { serverCertificateName: 'a/b', ...SENT },
    'no private key': { serverCertificateName: 'law', certificateBody: CERTIFICATE },
    'a private key in the manifest': { serverCertificateName: 'law', ...SENT, privateKey: PRIVATE_KEY },
    'a private key in place of the certificate': {
      serverCertificateName: 'law',
      ...SENT,
      certificateBody: `${CERTIFICATE}${PRIVATE_KEY}`,
    },
    'the chain in the body': { serverCertificateName: 'law', ...SENT, certificateBody: `${CERTIFICATE}${ISSUER}` },
    'a certificate that is no PEM': { serverCertificateName: 'law', ...SENT, certificateBody: 'MIIB' },
    'a certificate that is damaged': {
      serverCertificateName: 'law',
      ...SENT,
      certificateBody: CERTIFICATE.replace('MIIB', 'MIIC'),
    },
    'a chain that is cut off': { serverCertificateName: 'law', ...SENT, certificateChain: ISSUER.slice(0, -30) },
  },
};
