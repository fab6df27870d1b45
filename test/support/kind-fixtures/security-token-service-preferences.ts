import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

/** What AWS STS does for the account. */
export const SECURITY_TOKEN_SERVICE_PREFERENCES: KindFixture = {
  prerequisites: [],
  minimal: { globalEndpointTokenVersion: 'v2Token' },
  full: { globalEndpointTokenVersion: 'v2Token' },
  equivalent: { globalEndpointTokenVersion: 'v2Token' },
  hasNoCreationDate: true,
  acceptsSecondCreate: true,
  alwaysPresent: 'by default',
  properties: {
    globalEndpointTokenVersion: {
      changed: 'v1Token',
      manualWrites: [write('SetSecurityTokenServicePreferences', { GlobalEndpointTokenVersion: 'v1Token' })],
      paths: ['globalEndpointTokenVersion'],
      operations: ['SetSecurityTokenServicePreferences'],
    },
  },
  deletionBlockers: [],
  invalid: { 'a version by its number': { globalEndpointTokenVersion: 2 } },
};
