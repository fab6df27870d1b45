import type { ServerCertificate } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  absentIsDone,
  byListing,
  certificateChainField,
  certificateField,
  dateText,
  defined,
  nameField,
  pathField,
  pem,
  secretField,
  secretLocation,
  tagList,
  tagMap,
  tagsField,
  tagSteps,
  text,
} from './fields.js';
import type { Kind, Observed, Write, Wanted } from './kind.js';

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
  return text(spec, 'serverCertificateName') ?? '';
}

function arnOf(spec: JsonObject, { account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:server-certificate${text(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

/** A property in PEM as it is sent. */
function sent(spec: JsonObject, property: string): string | undefined {
  const value = text(spec, property);
  return value === undefined ? undefined : pem(value);
}

function observedOf({ ServerCertificateMetadata: about, ...certificate }: ServerCertificate): Observed {
  return {
    name: about?.ServerCertificateName ?? '',
    arn: about?.Arn ?? '',
    createdAt: dateText(about?.UploadDate),
    tags: tagMap(certificate.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: {
      path: about?.Path ?? '/',
      certificateBody: certificate.CertificateBody ?? '',
      certificateChain: certificate.CertificateChain ?? null,
    },
  };
}

async function read(reader: Reader, { name }: Wanted): Promise<Observed | undefined> {
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
  guard: '409 EntityAlreadyExists, whatever the path or the case',
  recognition: 'the intent tag that the Create carried',
  quota: { used: 'ServerCertificates', limit: 'ServerCertificatesQuota' },
  properties: {
    path: { type: 'value', default: '/' },
    certificateBody: { type: 'text', normalize: pem, immutable: true },
    certificateChain: { type: 'text', normalize: pem, immutable: true },
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

  details: null,
  readCost: 1,
  read,
  // One by one, since the listing leaves certificates and tags out.
  readMany: byListing(
    async (reader) =>
      (await reader.list('ListServerCertificates', {}, 'ServerCertificateMetadataList')).map(
        ({ ServerCertificateName = '' }) => ServerCertificateName,
      ),
    read,
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'UploadServerCertificate',
    input: defined({
      ServerCertificateName: name,
      Path: text(spec, 'path'),
      CertificateBody: sent(spec, 'certificateBody'),
      CertificateChain: sent(spec, 'certificateChain'),
      Tags: tagList(tags),
    }),
    secretInput: { PrivateKey: { location: secretLocation(spec, 'privateKey') } },
  }),
  isAlreadyExists: isEntityAlreadyExists,
  created: (desired) => ({
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
      steps.push({ operation: 'UpdateServerCertificate', input: { ...key, NewPath: text(spec, 'path') ?? '/' } });
    }
    const operations = { tag: 'TagServerCertificate', untag: 'UntagServerCertificate' } as const;
    steps.push(...tagSteps(operations, key, tags, changes['tags']));
    return steps;
  },

  deletion: (_reader, observed) =>
    Promise.resolve([
      { operation: 'DeleteServerCertificate', input: { ServerCertificateName: observed.name }, ...absentIsDone },
    ]),
};
