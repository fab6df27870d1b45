import { X509Certificate } from 'node:crypto';
import type { SigningCertificate, UploadSigningCertificateResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  certificateField,
  isoDate,
  emptyIfAbsent,
  nameField,
  readEach,
  normalizePem,
  statusField,
  stringProperty,
  userArn,
} from './fields.js';
import type { Kind, Observed, WantedEntity } from './kind.js';

/** Hexadecimal digits that tell a user's certificates apart. */
const DIGITS = 16;

const schema = z.strictObject({
  userName: nameField(128).describe('The user whose certificate it is.'),
  certificateBody: certificateField.describe(
    'The certificate in PEM. Another certificate is another entity: its name ends in digits of its SHA-256 fingerprint.',
  ),
  status: statusField.optional(),
});

function nameOf(spec: JsonObject): string {
  return nameOfContent(stringProperty(spec, 'userName'), stringProperty(spec, 'certificateBody')) ?? '';
}

/** Recognises a certificate by what it certifies, however it is written; undefined for what is none. */
function nameOfContent(userName = '', body = ''): string | undefined {
  try {
    const { fingerprint256 } = new X509Certificate(normalizePem(body));
    return `${userName}/${fingerprint256.replaceAll(':', '').slice(0, DIGITS).toLowerCase()}`;
  } catch {
    return undefined;
  }
}

function userOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** AWS gives a certificate an ID that says nothing: its content does. */
async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const listed = await emptyIfAbsent(
    reader.list('ListSigningCertificates', { UserName: userOf(name) }, 'Certificates'),
  );
  return listed
    .flatMap((certificate) => observedOf(certificate, target) ?? [])
    .find((observed) => observed.name.toLowerCase() === name.toLowerCase());
}

function observedOf(certificate: SigningCertificate, target: Target): Observed | undefined {
  const { UserName, CertificateBody, CertificateId = '', Status = 'Active', UploadDate } = certificate;
  const name = nameOfContent(UserName, CertificateBody);
  if (name === undefined) return undefined;
  return {
    name,
    arn: userArn(userOf(name), target),
    createdAt: isoDate(UploadDate),
    tags: {},
    state: { status: Status },
    facts: { certificateId: CertificateId },
  };
}

function keyOf({ name, facts = {} }: Observed): { readonly UserName: string; readonly CertificateId: string } {
  return { UserName: userOf(name), CertificateId: stringProperty(facts, 'certificateId') ?? '' };
}

/** A user's X.509 certificate, for the few services that take requests signed with one. */
export const signingCertificate: Kind = {
  name: 'SigningCertificate',
  keyProperties: ['userName', 'certificateBody'],
  schema,
  nameOf,
  arnOf: (spec, target) => userArn(stringProperty(spec, 'userName') ?? '', target),
  references: (spec) => [`User/${stringProperty(spec, 'userName') ?? ''}`],
  dependsOnKinds: ['User'],
  ownable: false,
  hasAwsAssignedId: true,
  duplicateProtection: '409 DuplicateCertificate, whichever user of the account has it',
  recognizedBy: 'its content; when it was uploaded',
  properties: { status: { type: 'value', default: 'Active' } },
  actions: {
    read: ['iam:ListSigningCertificates'],
    write: ['iam:UploadSigningCertificate', 'iam:UpdateSigningCertificate', 'iam:DeleteSigningCertificate'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  create: ({ spec }) => ({
    operation: 'UploadSigningCertificate',
    input: {
      UserName: stringProperty(spec, 'userName'),
      CertificateBody: normalizePem(stringProperty(spec, 'certificateBody') ?? ''),
    },
  }),
  isAlreadyExistsError: ({ code }) => code === 'DuplicateCertificate' || code === 'EntityAlreadyExists',
  globallyTakenReason: 'another user of the account has this certificate, and AWS takes it once',
  observedAfterCreate: ({ name, target }, output) => ({
    name,
    arn: userArn(userOf(name), target),
    createdAt: null,
    tags: {},
    state: { status: 'Active' },
    facts: { certificateId: (output as UploadSigningCertificateResponse).Certificate?.CertificateId ?? '' },
  }),

  update(desired, observed, changes) {
    if (changes['status'] === undefined) return [];
    const Status = stringProperty(desired.spec, 'status') ?? 'Active';
    return [{ operation: 'UpdateSigningCertificate', input: { ...keyOf(observed), Status } }];
  },

  delete: (_reader, observed) =>
    Promise.resolve([{ operation: 'DeleteSigningCertificate', input: keyOf(observed), ...appliedIfAbsent }]),
};
