import type { GetSAMLProviderResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { objectOrEmpty, strings } from '../engine/json.js';
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
  without,
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
        'The location of the private key that decrypts assertions, in PEM. It is added if the provider has no key besides those of oldPrivateKeys; an existing key stays.',
      ),
    oldPrivateKeys: z
      .record(
        z
          .string()
          .min(22)
          .max(64)
          .regex(/^[A-Z0-9]+$/, 'write the ID of a key, as `aws iam get-saml-provider` shows it'),
        z.enum(['keep', 'remove']),
      )
      .optional()
      .describe(
        'Keys to replace by privateKey, by their IDs. With `keep` the new key is added beside the old one; `remove`, once the identity provider encrypts for the new one, removes the old one. AWS allows two keys.',
      ),
    tags: tagsField,
  })
  .superRefine(({ assertionEncryptionMode, privateKey, oldPrivateKeys }, context) => {
    if (oldPrivateKeys !== undefined && privateKey === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['privateKey'],
        message: 'add privateKey, which replaces oldPrivateKeys',
      });
    }
    if ((assertionEncryptionMode === undefined) === (privateKey === undefined)) return;
    const missing = privateKey === undefined ? 'privateKey' : 'assertionEncryptionMode';
    context.addIssue({
      code: 'custom',
      path: [missing],
      message: `add ${missing}: assertionEncryptionMode and privateKey only work together`,
    });
  });

/** The number of private keys that AWS allows. */
const MAX_PRIVATE_KEYS = 2;

function nameOf(spec: JsonObject): string {
  return requiredString(spec, 'name');
}

function arnOfName(name: string, target: Target): string {
  return iamArn(`saml-provider/${name}`, target);
}

/**
 * Returns what became of the old keys: one that is gone is as declared. AWS shows nothing that tells which key is the
 * declared one, so any key but an old one counts as such.
 */
function oldKeysOf(spec: JsonObject, keys: readonly string[]): JsonObject {
  const old = Object.entries(objectOrEmpty(spec['oldPrivateKeys']));
  const shown = Object.fromEntries(old.map(([id, wanted]) => [id, keys.includes(id) ? 'keep' : wanted]));
  return keys.some(isNewKey(spec)) ? shown : { ...shown, privateKey: 'missing' };
}

/** Reports whether a key is not one of the old ones. */
function isNewKey(spec: JsonObject): (id: string) => boolean {
  const old = objectOrEmpty(spec['oldPrivateKeys']);
  return (id) => !Object.hasOwn(old, id);
}

function observedOf(arn: string, provider: GetSAMLProviderResponse, spec: JsonObject): Observed {
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
      oldPrivateKeys: oldKeysOf(spec, keys),
    },
    facts: { privateKeys: keys },
  };
}

/** Returns the secret input that adds the private key, if the spec declares one. */
function addPrivateKey(spec: JsonObject): Pick<Write, 'secretInput'> {
  if (spec['privateKey'] === undefined) return {};
  return { secretInput: { AddPrivateKey: { location: secretLocation(spec, 'privateKey'), form: 'private key' } } };
}

/** Returns the writes that exchange private keys: no moment without a key, and at most two of them. */
function keyWrites(spec: JsonObject, { arn, facts }: Observed): Write[] {
  const keys = strings(facts?.['privateKeys']);
  const old = objectOrEmpty(spec['oldPrivateKeys']);
  const removals = keys
    .filter((id) => old[id] === 'remove')
    .map((RemovePrivateKey): Write => ({
      operation: 'UpdateSAMLProvider',
      input: { SAMLProviderArn: arn, RemovePrivateKey },
      isAlreadyApplied: ({ code }) => code === 'NoSuchEntity',
    }));
  if (keys.some(isNewKey(spec))) return removals;
  // A repeat would add a second key.
  const mode = stringProperty(spec, 'assertionEncryptionMode');
  const input = { SAMLProviderArn: arn, AssertionEncryptionMode: mode };
  const addition: Write = { operation: 'UpdateSAMLProvider', input, ...addPrivateKey(spec), unguarded: true };
  const makesRoom = keys.length >= MAX_PRIVATE_KEYS ? 1 : 0;
  return [...removals.slice(0, makesRoom), addition, ...removals.slice(makesRoom)];
}

async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const arn = arnOfName(name, target);
  const found = await reader.find('GetSAMLProvider', { SAMLProviderArn: arn });
  return found && observedOf(arn, found, spec);
}

/** A SAML identity provider. */
export const samlProvider: Kind = {
  name: 'SAMLProvider',
  ...createdWithTags,
  keyProperties: ['name'],
  renaming: 'anew',
  schema,
  nameOf,
  arnOf: (spec, target) => arnOfName(nameOf(spec), target),
  properties: {
    samlMetadataDocument: { type: 'text', normalize: (document) => document.replace(/\r\n?/g, '\n').trim() },
    assertionEncryptionMode: { type: 'value' },
    privateKey: { type: 'writeOnly' },
    oldPrivateKeys: { type: 'value' },
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
  ...readsByListing(
    read,
    async (reader) =>
      ((await reader.get('ListSAMLProviders', {})).SAMLProviderList ?? []).map(({ Arn = '' }) => nameInArn(Arn)),
    (name) => ({ name }),
  ),
  /** The replacement of keys is a request. */
  declarable: ({ state }) => without(state, 'oldPrivateKeys'),

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
    const hasKey = strings(observed.facts?.['privateKeys']).length > 0;
    const addsKey = !hasKey && changes['oldPrivateKeys'] !== undefined;
    if (changes['oldPrivateKeys']) writes.push(...keyWrites(spec, observed));
    if (changes['assertionEncryptionMode'] && !addsKey) {
      const input = { ...key, AssertionEncryptionMode: stringProperty(spec, 'assertionEncryptionMode') };
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
