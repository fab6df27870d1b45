import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

/** Settings of features that concern the whole account. */
export const ACCOUNT_PROPERTIES: KindFixture = {
  prerequisites: [],
  minimal: { properties: { 'Law/Enabled': 'true' } },
  full: { properties: { 'Law/Enabled': 'true', 'Law/Level': '3' } },
  equivalent: { properties: { 'Law/Level': '3', 'Law/Enabled': 'true' } },
  hasNoCreationDate: true,
  acceptsSecondCreate: true,
  alwaysPresent: 'for good',
  properties: {
    properties: {
      changed: { 'Law/Enabled': 'false', 'Law/Level': '3' },
      manualWrites: [write('PutAccountProperties', { Properties: { 'Law/Enabled': 'false' } })],
      paths: ['properties'],
      operations: ['PutAccountProperties'],
    },
  },
  deletionBlockers: [],
  invalid: {
    'a property without a namespace': { properties: { Enabled: 'true' } },
    'a property of two namespaces': { properties: { 'Law/More/Enabled': 'true' } },
    'a key that is too long': { properties: { [`Law/${'x'.repeat(47)}`]: 'true' } },
    'a value that is no text': { properties: { 'Law/Enabled': true } },
    'an empty value': { properties: { 'Law/Enabled': '' } },
  },
};
