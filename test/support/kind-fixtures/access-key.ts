import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

const SECRET = { file: 'law-key' };
const KEY_ID = { AccessKeyId: { location: SECRET, field: 'AccessKeyId' } };

/** A user's access key. */
export const ACCESS_KEY: KindFixture = {
  prerequisites: ['law', 'law-2'].map((UserName) => write('CreateUser', { UserName })),
  minimal: { userName: 'law', secret: SECRET },
  full: { userName: 'law', secret: SECRET, status: 'Inactive', rotate: { every: '90d', overlap: '7d' } },
  equivalent: {
    userName: 'law',
    secret: { file: 'law-key' },
    status: 'Inactive',
    rotate: { overlap: '7d', every: '90d' },
  },
  sibling: { userName: 'law-2', secret: { file: 'law-2-key' } },
  properties: {
    status: {
      changed: 'Active',
      // The ID is AWS's choice: it is in the stored record.
      manualWrites: [{ ...write('UpdateAccessKey', { UserName: 'law', Status: 'Active' }), secretInput: KEY_ID }],
      paths: ['status'],
      operations: ['UpdateAccessKey'],
    },
    rotate: { changed: { every: '30d', overlap: '1d', unusedFor: '0h' }, hasOwnTests: true },
  },
  deletionBlockers: [],
  invalid: {
    'a key without a place for it': { userName: 'law' },
    'a rotation that overlaps itself': { userName: 'law', secret: SECRET, rotate: { every: '7d', overlap: '7d' } },
    'a rotation without an overlap': { userName: 'law', secret: SECRET, rotate: { every: '7d' } },
    'two places': { userName: 'law', secret: { file: 'a', secretsManager: 'b' } },
    'a status that AWS alone sets': { userName: 'law', secret: SECRET, status: 'Expired' },
  },
};
