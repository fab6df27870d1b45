import { X509Certificate } from 'node:crypto';
import type { SigningCertificate, UploadSigningCertificateResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import type { Kind, ListedEntity, Observed, WantedEntity } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { certificateField, normalizePem } from './shared/pem.js';
import { emptyIfGone } from './shared/reads.js';
import { nameField, statusField } from './shared/schema-fields.js';
import { isoDate, newlyCreated, requiredString, stringProperty, userArn, userInName } from './shared/spec.js';
import { credentialWrites } from './shared/writes.js';

/** The number of hexadecimal digits of the fingerprint in a name. */
const FINGERPRINT_DIGITS = 16;

const schema = z.strictObject({
  userName: nameField(128).describe('The user that the certificate belongs to.'),
  certificateBody: certificateField.describe(
    'The certificate in PEM. A different certificate is a different entity: the name ends with digits of the SHA-256 fingerprint.',
  ),
  status: statusField,
});

function nameOf(spec: JsonObject): string {
  return nameOfContent(stringProperty(spec, 'userName'), stringProperty(spec, 'certificateBody')) ?? '';
}

/** Names a certificate by its fingerprint, which does not depend on line breaks; undefined for other text. */
function nameOfContent(userName = '', body = ''): string | undefined {
  try {
    const { fingerprint256 } = new X509Certificate(normalizePem(body));
    return `${userName}/${fingerprint256.replaceAll(':', '').slice(0, FINGERPRINT_DIGITS).toLowerCase()}`;
  } catch {
    return undefined;
  }
}

/** Reads the certificate with the declared content: the ID that AWS assigns does not identify it. */
async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const listed = await emptyIfGone(
    reader.list('ListSigningCertificates', { UserName: userInName(name) }, 'Certificates'),
  );
  return listed
    .flatMap((certificate) => observedOf(certificate, target) ?? [])
    .find((observed) => observed.name.toLowerCase() === name.toLowerCase());
}

/** Lists the certificates of a user. */
async function listEntities(reader: Reader, userName: string): Promise<readonly ListedEntity[]> {
  const input = { UserName: userName };
  const listed = await reader.list('ListSigningCertificates', input, 'Certificates');
  return listed.map(({ CertificateBody: certificateBody = '', CertificateId = '' }) => {
    const name = nameOfContent(userName, certificateBody);
    return name === undefined
      ? { name: `${userName}/${CertificateId}`, spec: { userName }, leftOut: 'its certificate cannot be read' }
      : { name, spec: { userName, certificateBody } };
  });
}

function observedOf(certificate: SigningCertificate, target: Target): Observed | undefined {
  const { UserName, CertificateBody, CertificateId = '', Status = 'Active', UploadDate } = certificate;
  const name = nameOfContent(UserName, CertificateBody);
  if (name === undefined) return undefined;
  return {
    name,
    arn: userArn(userInName(name), target),
    createdAt: isoDate(UploadDate),
    tags: {},
    state: { status: Status },
    facts: { UserName: userInName(name), CertificateId },
  };
}

/** A user's X.509 certificate, for the few services that take requests signed with one. */
export const signingCertificate: Kind = {
  name: 'SigningCertificate',
  ...userCredential(read, listEntities),
  ...credentialWrites('SigningCertificate'),
  keyProperties: ['userName', 'certificateBody'],
  schema,
  nameOf,
  hasAwsAssignedId: true,
  duplicateProtection: '409 DuplicateCertificate, for any user of the account',
  recognizedBy: 'its content and its upload date',
  properties: { status: { type: 'value', default: 'Active' } },
  actions: {
    read: ['iam:ListSigningCertificates', 'iam:GetAccountAuthorizationDetails'],
    write: ['iam:UploadSigningCertificate', 'iam:UpdateSigningCertificate', 'iam:DeleteSigningCertificate'],
  },

  create: ({ spec }) => ({
    operation: 'UploadSigningCertificate',
    input: {
      UserName: stringProperty(spec, 'userName'),
      CertificateBody: normalizePem(requiredString(spec, 'certificateBody')),
    },
  }),
  isAlreadyExistsError: ({ code }) => code === 'DuplicateCertificate' || code === 'EntityAlreadyExists',
  globallyTakenReason: 'another user of the account has this certificate, and AWS accepts it only once',
  observedAfterCreate(desired, output) {
    const UserName = userInName(desired.name);
    const { CertificateId = '' } = (output as UploadSigningCertificateResponse).Certificate ?? {};
    return newlyCreated(desired, userArn(UserName, desired.target), { status: 'Active' }, { UserName, CertificateId });
  },
};
