import type { ServerCertificate } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  readListed,
  certificateChainField,
  certificateField,
  isoDate,
  omitUndefined,
  nameField,
  pathField,
  normalizePem,
  secretField,
  secretLocation,
  toTagList,
  toTagMap,
  tagsField,
  tagWrites,
  stringProperty,
} from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  serverCertificateName: nameField(128).describe(
    'Unique in the account; neither path nor case tells two certificates apart.',
  ),
  path: pathField
    .optional()
    .describe("A change of it changes the certificate's ARN. CloudFront asks for one that begins with /cloudfront/."),
  certificateBody: certificateField.describe(
    'The certificate in PEM. Cannot be changed: another one needs another name.',
  ),
  certificateChain: certificateChainField
    .optional()
    .describe('The certificate of the issuer in PEM, then that of its issuer, and so on. Cannot be changed.'),
  privateKey: secretField.describe(
    'Where the private key comes from, in PEM and without a password. It is read when the certificate is uploaded.',
  ),
  tags: tagsField.optional(),
});

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'serverCertificateName') ?? '';
}

function arnOf(spec: JsonObject, { account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:server-certificate${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

/** A property in PEM as it is sent. */
function normalizedPemProperty(spec: JsonObject, property: string): string | undefined {
  const value = stringProperty(spec, property);
  return value === undefined ? undefined : normalizePem(value);
}

function observedOf({ ServerCertificateMetadata: about, ...certificate }: ServerCertificate): Observed {
  return {
    name: about?.ServerCertificateName ?? '',
    arn: about?.Arn ?? '',
    createdAt: isoDate(about?.UploadDate),
    tags: toTagMap(certificate.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: {
      path: about?.Path ?? '/',
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
  keyProperties: ['serverCertificateName'],
  schema,
  nameOf,
  arnOf,
  dependsOnKinds: [],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists, whatever the path or the case',
  recognizedBy: 'the intent tag that the Create carried',
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

  detailType: null,
  readCost: 1,
  read,
  // One by one, since the listing leaves certificates and tags out.
  readMany: readListed(
    async (reader) =>
      (await reader.list('ListServerCertificates', {}, 'ServerCertificateMetadataList')).map(
        ({ ServerCertificateName = '' }) => ServerCertificateName,
      ),
    read,
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
    secretInput: { PrivateKey: { location: secretLocation(spec, 'privateKey') } },
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOf(desired.spec, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: desired.spec,
  }),

  update({ spec, tags }, observed, changes) {
    const key = { ServerCertificateName: observed.name };
    const steps: Write[] = [];
    if (changes['path']) {
      steps.push({
        operation: 'UpdateServerCertificate',
        input: { ...key, NewPath: stringProperty(spec, 'path') ?? '/' },
      });
    }
    const operations = { tag: 'TagServerCertificate', untag: 'UntagServerCertificate' } as const;
    steps.push(...tagWrites(operations, key, tags, changes['tags']));
    return steps;
  },

  delete: (_reader, observed) =>
    Promise.resolve([
      { operation: 'DeleteServerCertificate', input: { ServerCertificateName: observed.name }, ...appliedIfAbsent },
    ]),
};
