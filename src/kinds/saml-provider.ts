import type { GetSAMLProviderResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  readListed,
  isoDate,
  omitUndefined,
  secretField,
  secretLocation,
  strings,
  toTagList,
  toTagMap,
  tagsField,
  tagWrites,
  stringProperty,
} from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[\w.-]+$/, 'use letters, digits and _.- only')
      .describe('Unique in the account; the end of the ARN.'),
    samlMetadataDocument: z
      .string()
      .min(1000)
      .max(10_000_000)
      .regex(/<([\w.-]+:)?Entit(y|ies)Descriptor[\s>]/, 'write SAML metadata, as the identity provider exports it')
      .describe("The identity provider's metadata: XML."),
    assertionEncryptionMode: z
      .enum(['Required', 'Allowed'])
      .optional()
      .describe('Whether assertions have to be encrypted. Goes together with privateKey.'),
    privateKey: secretField
      .optional()
      .describe(
        'Where the private key that decrypts assertions comes from, in PEM. It is added where the provider has none; a provider that has one keeps it.',
      ),
    tags: tagsField.optional(),
  })
  .superRefine(({ assertionEncryptionMode, privateKey }, context) => {
    if ((assertionEncryptionMode === undefined) === (privateKey === undefined)) return;
    const missing = privateKey === undefined ? 'privateKey' : 'assertionEncryptionMode';
    context.addIssue({
      code: 'custom',
      path: [missing],
      message: `add ${missing}: one is of no use without the other`,
    });
  });

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'name') ?? '';
}

function arnOfName(name: string, { account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:saml-provider/${name}`;
}

function nameOfArn(arn: string): string {
  return arn.slice(arn.indexOf('/') + 1);
}

function observedOf(arn: string, provider: GetSAMLProviderResponse): Observed {
  const keys = (provider.PrivateKeyList ?? []).map(({ KeyId = '' }) => KeyId);
  return {
    name: nameOfArn(arn),
    arn,
    createdAt: isoDate(provider.CreateDate),
    tags: toTagMap(provider.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: {
      samlMetadataDocument: provider.SAMLMetadataDocument ?? '',
      // Without a key nothing is decrypted, whatever the mode says: so a missing key is found.
      assertionEncryptionMode: keys.length === 0 ? null : (provider.AssertionEncryptionMode ?? null),
    },
    facts: { privateKeys: keys },
  };
}

/** Adds the private key, where the spec says where it is. */
function keyOf(spec: JsonObject): Pick<Write, 'secretInput'> {
  if (spec['privateKey'] === undefined) return {};
  return { secretInput: { AddPrivateKey: { location: secretLocation(spec, 'privateKey') } } };
}

async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const arn = arnOfName(name, target);
  const found = await reader.find('GetSAMLProvider', { SAMLProviderArn: arn });
  return found && observedOf(arn, found);
}

/** A SAML identity provider. */
export const samlProvider: Kind = {
  name: 'SAMLProvider',
  keyProperties: ['name'],
  schema,
  nameOf,
  arnOf: (spec, target) => arnOfName(nameOf(spec), target),
  dependsOnKinds: [],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists',
  recognizedBy: 'the intent tag that the Create carried',
  properties: {
    samlMetadataDocument: { type: 'text', normalize: (document) => document.replace(/\r\n?/g, '\n').trim() },
    assertionEncryptionMode: { type: 'value' },
    privateKey: { type: 'writeOnly' },
  },
  actions: {
    read: ['iam:ListSAMLProviders', 'iam:GetSAMLProvider'],
    write: [
      'iam:CreateSAMLProvider',
      'iam:UpdateSAMLProvider',
      'iam:TagSAMLProvider',
      'iam:UntagSAMLProvider',
      'iam:DeleteSAMLProvider',
    ],
  },

  detailType: null,
  readCost: 1,
  read,
  // One by one, since the listing shows little.
  readMany: readListed(
    async (reader) =>
      ((await reader.get('ListSAMLProviders', {})).SAMLProviderList ?? []).map(({ Arn = '' }) => nameOfArn(Arn)),
    read,
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'CreateSAMLProvider',
    input: omitUndefined({
      Name: name,
      SAMLMetadataDocument: stringProperty(spec, 'samlMetadataDocument'),
      AssertionEncryptionMode: stringProperty(spec, 'assertionEncryptionMode'),
      Tags: toTagList(tags),
    }),
    ...keyOf(spec),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOfName(desired.name, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: desired.spec,
  }),

  update({ spec, tags }, observed, changes) {
    const key = { SAMLProviderArn: observed.arn };
    const steps: Write[] = [];
    if (changes['samlMetadataDocument']) {
      const SAMLMetadataDocument = stringProperty(spec, 'samlMetadataDocument');
      steps.push({ operation: 'UpdateSAMLProvider', input: { ...key, SAMLMetadataDocument } });
    }
    if (changes['assertionEncryptionMode']) {
      const input = { ...key, AssertionEncryptionMode: stringProperty(spec, 'assertionEncryptionMode') };
      const hasKey = strings(observed.facts?.['privateKeys']).length > 0;
      // Sent twice it would add two keys.
      const added = hasKey ? {} : { ...keyOf(spec), unguarded: true };
      steps.push({ operation: 'UpdateSAMLProvider', input, ...added });
    }
    const operations = { tag: 'TagSAMLProvider', untag: 'UntagSAMLProvider' } as const;
    steps.push(...tagWrites(operations, key, tags, changes['tags']));
    return steps;
  },

  delete: (_reader, observed) =>
    Promise.resolve([
      { operation: 'DeleteSAMLProvider', input: { SAMLProviderArn: observed.arn }, ...appliedIfAbsent },
    ]),
};
