import type { GetSAMLProviderResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { strings } from '../engine/json.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { createdWithTags } from './shared/base-kinds.js';
import { readsByListing } from './shared/reads.js';
import { secretField, tagsField } from './shared/schema-fields.js';
import {
  iamArn,
  isoDate,
  newlyCreated,
  omitUndefined,
  requiredString,
  secretLocation,
  stringProperty,
  toTagList,
  toTagMap,
  nameInArn,
} from './shared/spec.js';
import { listTrustingRoles } from './shared/trust.js';
import { removal, tagWrites } from './shared/writes.js';

const schema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[\w.-]+$/, 'use letters, digits and _.- only')
      .describe('Unique in the account. It is the last part of the ARN.'),
    samlMetadataDocument: z
      .string()
      .min(1000)
      .max(10_000_000)
      .regex(/<([\w.-]+:)?Entit(y|ies)Descriptor[\s>]/, 'write SAML metadata, as the identity provider exports it')
      .describe("The identity provider's metadata: XML."),
    assertionEncryptionMode: z
      .enum(['Required', 'Allowed'])
      .optional()
      .describe('Required: assertions must be encrypted; Allowed: they may be. Declare it together with privateKey.'),
    privateKey: secretField
      .optional()
      .describe(
        'The location of the private key that decrypts assertions, in PEM. It is added if the provider has no key; an existing key stays.',
      ),
    tags: tagsField,
  })
  .superRefine(({ assertionEncryptionMode, privateKey }, context) => {
    if ((assertionEncryptionMode === undefined) === (privateKey === undefined)) return;
    const missing = privateKey === undefined ? 'privateKey' : 'assertionEncryptionMode';
    context.addIssue({
      code: 'custom',
      path: [missing],
      message: `add ${missing}: assertionEncryptionMode and privateKey only work together`,
    });
  });

function nameOf(spec: JsonObject): string {
  return requiredString(spec, 'name');
}

function arnOfName(name: string, target: Target): string {
  return iamArn(`saml-provider/${name}`, target);
}

function observedOf(arn: string, provider: GetSAMLProviderResponse): Observed {
  const keys = (provider.PrivateKeyList ?? []).map(({ KeyId = '' }) => KeyId);
  return {
    name: nameInArn(arn),
    arn,
    createdAt: isoDate(provider.CreateDate),
    tags: toTagMap(provider.Tags),
    state: {
      samlMetadataDocument: provider.SAMLMetadataDocument ?? '',
      // Without a key the mode has no effect. Null makes a missing key show as drift.
      assertionEncryptionMode: keys.length === 0 ? null : (provider.AssertionEncryptionMode ?? null),
    },
    facts: { privateKeys: keys },
  };
}

/** Returns the secret input that adds the private key, if the spec declares one. */
function addPrivateKey(spec: JsonObject): Pick<Write, 'secretInput'> {
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
  ...createdWithTags,
  keyProperties: ['name'],
  schema,
  nameOf,
  arnOf: (spec, target) => arnOfName(nameOf(spec), target),
  properties: {
    samlMetadataDocument: { type: 'text', normalize: (document) => document.replace(/\r\n?/g, '\n').trim() },
    assertionEncryptionMode: { type: 'value' },
    privateKey: { type: 'writeOnly' },
  },
  actions: {
    read: ['iam:ListSAMLProviders', 'iam:GetSAMLProvider', 'iam:ListRoles', 'iam:GetRole'],
    write: [
      'iam:CreateSAMLProvider',
      'iam:UpdateSAMLProvider',
      'iam:TagSAMLProvider',
      'iam:UntagSAMLProvider',
      'iam:DeleteSAMLProvider',
    ],
  },

  // Single reads, since the listing shows little more than ARNs.
  ...readsByListing(read, async (reader) =>
    ((await reader.get('ListSAMLProviders', {})).SAMLProviderList ?? []).map(({ Arn = '' }) => nameInArn(Arn)),
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'CreateSAMLProvider',
    input: omitUndefined({
      Name: name,
      SAMLMetadataDocument: stringProperty(spec, 'samlMetadataDocument'),
      AssertionEncryptionMode: stringProperty(spec, 'assertionEncryptionMode'),
      Tags: toTagList(tags),
    }),
    ...addPrivateKey(spec),
  }),
  observedAfterCreate: (desired) => newlyCreated(desired, arnOfName(desired.name, desired.target), desired.spec),

  update({ spec, tags }, observed, changes) {
    const key = { SAMLProviderArn: observed.arn };
    const writes: Write[] = [];
    if (changes['samlMetadataDocument']) {
      const SAMLMetadataDocument = stringProperty(spec, 'samlMetadataDocument');
      writes.push({ operation: 'UpdateSAMLProvider', input: { ...key, SAMLMetadataDocument }, effect: 'trusts' });
    }
    if (changes['assertionEncryptionMode']) {
      const input = { ...key, AssertionEncryptionMode: stringProperty(spec, 'assertionEncryptionMode') };
      const hasKey = strings(observed.facts?.['privateKeys']).length > 0;
      // A repeat would add a second key.
      const added = hasKey ? {} : { ...addPrivateKey(spec), unguarded: true };
      const effect = input.AssertionEncryptionMode === 'Required' ? 'narrows' : 'grants';
      writes.push({ operation: 'UpdateSAMLProvider', input, effect, ...added });
    }
    writes.push(...tagWrites('SAMLProvider', key, tags, changes));
    return writes;
  },

  delete: (_reader, observed) => [removal('DeleteSAMLProvider', { SAMLProviderArn: observed.arn })],
  listTrusting: (reader, { arn }) => listTrustingRoles(reader, arn),
};
