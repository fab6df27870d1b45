import type { ServerCertificate } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject } from '../contract/entity.js';
import type { Kind, Observed, WantedEntity } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import { certificateChainField, certificateField, normalizePem } from './shared/pem.js';
import { readsByListing } from './shared/reads.js';
import { nameField, pathField, secretField, tagsField } from './shared/schema-fields.js';
import { isoDate, omitUndefined, secretLocation, stringProperty, toTagList, toTagMap } from './shared/spec.js';
import { moveWrites, removal, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  serverCertificateName: nameField(128).describe(
    'Unique in the account. Path and case do not make two names different.',
  ),
  path: pathField
    .optional()
    .describe("A new path changes the certificate's ARN. CloudFront requires a path that begins with /cloudfront/."),
  certificateBody: certificateField.describe(
    'The certificate in PEM. It cannot be changed: a different certificate needs a different name.',
  ),
  certificateChain: certificateChainField
    .optional()
    .describe("The issuer's certificate in PEM, then the certificate of its issuer, and so on. It cannot be changed."),
  privateKey: secretField.describe(
    'The location of the private key, in PEM and without a password. It is read when the certificate is uploaded.',
  ),
  tags: tagsField,
});

/** Returns a property in PEM in the form in which it is sent. */
function normalizedPemProperty(spec: JsonObject, property: string): string | undefined {
  const value = stringProperty(spec, property);
  return value === undefined ? undefined : normalizePem(value);
}

function observedOf({ ServerCertificateMetadata: metadata, ...certificate }: ServerCertificate): Observed {
  return {
    name: metadata?.ServerCertificateName ?? '',
    arn: metadata?.Arn ?? '',
    uniqueId: metadata?.ServerCertificateId,
    createdAt: isoDate(metadata?.UploadDate),
    tags: toTagMap(certificate.Tags),
    state: {
      path: metadata?.Path ?? '/',
      certificateBody: certificate.CertificateBody ?? '',
      certificateChain: certificate.CertificateChain ?? null,
    },
  };
}

async function read(reader: Reader, { name }: WantedEntity): Promise<Observed | undefined> {
  const found = await reader.find('GetServerCertificate', { ServerCertificateName: name });
  return found?.ServerCertificate && observedOf(found.ServerCertificate);
}

/** A certificate for load balancers and CloudFront, with its private key. */
export const serverCertificate: Kind = {
  name: 'ServerCertificate',
  ...namedEntity('server-certificate', 'serverCertificateName'),
  renaming: 'call',
  schema,
  quota: { used: 'ServerCertificates', limit: 'ServerCertificatesQuota' },
  properties: {
    path: { type: 'value', default: '/' },
    certificateBody: { type: 'text', normalize: normalizePem, immutable: true },
    certificateChain: { type: 'text', normalize: normalizePem, immutable: true },
    privateKey: { type: 'writeOnly' },
  },
  actions: {
    read: ['iam:ListServerCertificates', 'iam:GetServerCertificate'],
    write: [
      'iam:UploadServerCertificate',
      'iam:UpdateServerCertificate',
      'iam:TagServerCertificate',
      'iam:UntagServerCertificate',
      'iam:DeleteServerCertificate',
    ],
  },

  // Single reads, since the listing shows neither certificates nor tags.
  ...readsByListing(
    read,
    async (reader) =>
      (await reader.list('ListServerCertificates', {}, 'ServerCertificateMetadataList')).map(
        ({ ServerCertificateName = '' }) => ServerCertificateName,
      ),
    (serverCertificateName) => ({ serverCertificateName }),
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'UploadServerCertificate',
    input: omitUndefined({
      ServerCertificateName: name,
      Path: stringProperty(spec, 'path'),
      CertificateBody: normalizedPemProperty(spec, 'certificateBody'),
      CertificateChain: normalizedPemProperty(spec, 'certificateChain'),
      Tags: toTagList(tags),
    }),
    secretInput: { PrivateKey: { location: secretLocation(spec, 'privateKey'), form: 'private key' } },
  }),

  update: (desired, observed, changes) => [
    ...moveWrites('ServerCertificate', { ...desired, keyProperty: 'serverCertificateName' }, observed, changes),
    ...tagWrites('ServerCertificate', { ServerCertificateName: observed.name }, desired.tags, changes),
  ],

  delete: (_reader, observed) => [removal('DeleteServerCertificate', { ServerCertificateName: observed.name })],
};
