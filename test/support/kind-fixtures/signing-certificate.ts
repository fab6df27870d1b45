import { CERTIFICATE, ISSUER, OTHER_CERTIFICATE } from './certificates.js';
import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

/** A user's signing certificate. */
export const SIGNING_CERTIFICATE: KindFixture = {
  prerequisites: ['law', 'law-2'].map((UserName) => write('CreateUser', { UserName })),
  minimal: { userName: 'law', certificateBody: CERTIFICATE },
  full: { userName: 'law', certificateBody: CERTIFICATE, status: 'Inactive' },
  equivalent: {
    userName: 'law',
    certificateBody: `subject=CN = law.example.com\r\n${CERTIFICATE.replaceAll('\n', '\r\n')}`,
    status: 'Inactive',
  },
  sibling: { userName: 'law-2', certificateBody: OTHER_CERTIFICATE },
  properties: {
    status: {
      changed: 'Active',
      manualWrites: ({ facts }) => [
        write('UpdateSigningCertificate', {
          UserName: 'law',
          CertificateId: facts?.['CertificateId'],
          Status: 'Active',
        }),
      ],
      paths: ['status'],
      operations: ['UpdateSigningCertificate'],
    },
  },
  deletionBlockers: [],
  invalid: {
    'a user whose name no user can have': { userName: 'a/b', certificateBody: CERTIFICATE },
    'no certificate': { userName: 'law' },
    'a certificate that is no PEM': { userName: 'law', certificateBody: 'MIIB' },
    'two certificates': { userName: 'law', certificateBody: `${CERTIFICATE}${ISSUER}` },
    'a status that AWS alone sets': { userName: 'law', certificateBody: CERTIFICATE, status: 'Expired' },
  },
};
