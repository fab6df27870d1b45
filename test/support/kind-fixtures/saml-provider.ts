import { CERTIFICATE, PRIVATE_KEY } from './certificates.js';
import { ACCOUNT, write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const KEY = { SAMLProviderArn: `arn:aws:iam::${ACCOUNT}:saml-provider/law` };
const TAGS = { team: 'platform', stage: 'test' };

/** Metadata of an identity provider of that name. */
export function metadataOf(name: string): string {
  const certificate = CERTIFICATE.replace(/-----[A-Z ]+-----/g, '').trim();
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://${name}.example.com">`,
    '  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">',
    '    <md:KeyDescriptor use="signing">',
    '      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">',
    `        <ds:X509Data><ds:X509Certificate>${certificate}</ds:X509Certificate></ds:X509Data>`,
    '      </ds:KeyInfo>',
    '    </md:KeyDescriptor>',
    '    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"',
    `      Location="https://${name}.example.com/sso"/>`,
    '  </md:IDPSSODescriptor>',
    '</md:EntityDescriptor>',
    '',
  ].join('\n');
}

const METADATA = metadataOf('law');

/** A SAML identity provider. */
export const SAML_PROVIDER: KindFixture = {
  prerequisites: [],
  secrets: { 'law-saml-key': PRIVATE_KEY },
  minimal: { name: 'law', samlMetadataDocument: METADATA },
  full: {
    name: 'law',
    samlMetadataDocument: METADATA,
    assertionEncryptionMode: 'Required',
    privateKey: { file: 'law-saml-key' },
    oldPrivateKeys: { ['A'.repeat(32)]: 'remove' },
    tags: TAGS,
  },
  equivalent: {
    name: 'law',
    samlMetadataDocument: `\n${METADATA.replaceAll('\n', '\r\n')}`,
    assertionEncryptionMode: 'Required',
    privateKey: { file: 'law-saml-key' },
    oldPrivateKeys: { ['A'.repeat(32)]: 'remove' },
    tags: { stage: 'test', team: 'platform' },
  },
  sibling: { name: 'law.2', samlMetadataDocument: METADATA },
  properties: {
    samlMetadataDocument: {
      changed: metadataOf('other'),
      manualWrites: [write('UpdateSAMLProvider', { ...KEY, SAMLMetadataDocument: metadataOf('by-hand') })],
      paths: ['samlMetadataDocument'],
      operations: ['UpdateSAMLProvider'],
    },
    assertionEncryptionMode: {
      changed: 'Allowed',
      manualWrites: [write('UpdateSAMLProvider', { ...KEY, AssertionEncryptionMode: 'Allowed' })],
      paths: ['assertionEncryptionMode'],
      operations: ['UpdateSAMLProvider'],
    },
    privateKey: { changed: { file: 'another-key' }, writeOnly: true },
    oldPrivateKeys: { changed: { ['B'.repeat(32)]: 'keep' }, hasOwnTests: true },
  },
  unmanaged: {
    byHand: [write('TagSAMLProvider', { ...KEY, Tags: [{ Key: 'extra', Value: 'by hand' }] })],
    lines: ['tags: extra'],
    operations: ['UntagSAMLProvider'],
  },
  deletionBlockers: [],
  invalid: {
    'a name that AWS takes of other kinds alone': { name: 'a@b', samlMetadataDocument: METADATA },
    'no metadata': { name: 'law' },
    'metadata that is too short': { name: 'law', samlMetadataDocument: '<EntityDescriptor >' },
    'XML that is no metadata': { name: 'law', samlMetadataDocument: METADATA.replaceAll('EntityDescriptor', 'Entity') },
    'a private key without what it is for': {
      name: 'law',
      samlMetadataDocument: METADATA,
      privateKey: { file: 'law-saml-key' },
    },
    'old keys without a new one': {
      name: 'law',
      samlMetadataDocument: METADATA,
      oldPrivateKeys: { ['A'.repeat(32)]: 'keep' },
    },
    'encryption without a private key': {
      name: 'law',
      samlMetadataDocument: METADATA,
      assertionEncryptionMode: 'Required',
    },
    'a private key in the manifest': {
      name: 'law',
      samlMetadataDocument: METADATA,
      assertionEncryptionMode: 'Required',
      privateKey: PRIVATE_KEY,
    },
  },
};
