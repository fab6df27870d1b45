import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const KEY = { userName: 'law', serviceName: 'bedrock.amazonaws.com', secret: { file: 'law-credential' } };
const ID = { ServiceSpecificCredentialId: { location: KEY.secret, field: 'ServiceSpecificCredentialId' } };

/** A user's credential for one service. */
export const SERVICE_SPECIFIC_CREDENTIAL: KindFixture = {
  prerequisites: [write('CreateUser', { UserName: 'law' })],
  minimal: KEY,
  full: { ...KEY, status: 'Inactive', credentialAgeDays: 30, reset: '1' },
  equivalent: { ...KEY, reset: '1', status: 'Inactive', credentialAgeDays: 30 },
  sibling: { userName: 'law', serviceName: 'codecommit.amazonaws.com', secret: { file: 'law-2-credential' } },
  properties: {
    status: {
      changed: 'Active',
      // The ID is AWS's choice: it is in the stored record.
      manualWrites: [
        { ...write('UpdateServiceSpecificCredential', { UserName: 'law', Status: 'Active' }), secretInput: ID },
      ],
      paths: ['status'],
      operations: ['UpdateServiceSpecificCredential'],
    },
    credentialAgeDays: { changed: 60, immutable: true },
    reset: { changed: '2', isRequest: true, operations: ['ResetServiceSpecificCredential'] },
  },
  deletionBlockers: [],
  invalid: {
    'a credential without a place for it': { userName: 'law', serviceName: 'bedrock.amazonaws.com' },
    'no days at all': { ...KEY, credentialAgeDays: 0 },
    'more days than AWS takes': { ...KEY, credentialAgeDays: 36_601 },
  },
};
