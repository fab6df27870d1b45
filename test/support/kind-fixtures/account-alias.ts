import type { KindFixture } from './fixture.js';

/** The account's alias. */
export const ACCOUNT_ALIAS: KindFixture = {
  prerequisites: [],
  minimal: { accountAliases: ['law'] },
  full: { accountAliases: ['law'] },
  equivalent: { accountAliases: ['law'] },
  hasNoCreationDate: true,
  properties: {
    // Another one in place of the one that is there: refused, unless what is unmanaged is to go.
    accountAliases: { changed: ['law-2'], immutable: true },
  },
  deletionBlockers: [],
  invalid: {
    none: { accountAliases: [] },
    'two of them': { accountAliases: ['law', 'law-2'] },
    'capital letters': { accountAliases: ['Law'] },
    'two dashes in a row': { accountAliases: ['law--2'] },
    'a dash at the end': { accountAliases: ['law-'] },
    'two letters': { accountAliases: ['ab'] },
    'too many letters': { accountAliases: ['a'.repeat(64)] },
  },
};
