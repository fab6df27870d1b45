import type { KindFixture } from './fixture.js';

/** A switch: there is nothing to declare but that it is on. */
export const OUTBOUND_WEB_IDENTITY_FEDERATION: KindFixture = {
  prerequisites: [],
  minimal: {},
  full: {},
  equivalent: {},
  hasNoCreationDate: true,
  properties: {},
  deletionBlockers: [],
  invalid: { 'an issuer, which is for AWS to choose': { issuerIdentifier: 'https://example.com' } },
};
