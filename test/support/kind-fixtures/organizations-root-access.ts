import { write } from './fixture.js';
import type { KindFixture } from './fixture.js';

/** Central root access of an organization. */
export const ORGANIZATIONS_ROOT_ACCESS: KindFixture = {
  prerequisites: [],
  minimal: { rootCredentialsManagement: true },
  full: { rootCredentialsManagement: true, rootSessions: true },
  equivalent: { rootSessions: true, rootCredentialsManagement: true },
  hasNoCreationDate: true,
  acceptsSecondCreate: true,
  alwaysPresent: 'by default',
  properties: {
    rootCredentialsManagement: {
      changed: false,
      manualWrites: [write('DisableOrganizationsRootCredentialsManagement', {})],
      paths: ['rootCredentialsManagement'],
      operations: ['EnableOrganizationsRootCredentialsManagement', 'DisableOrganizationsRootCredentialsManagement'],
    },
    rootSessions: {
      changed: false,
      manualWrites: [write('DisableOrganizationsRootSessions', {})],
      paths: ['rootSessions'],
      operations: ['EnableOrganizationsRootSessions', 'DisableOrganizationsRootSessions'],
    },
  },
  deletionBlockers: [],
  invalid: { 'no feature': {}, 'a feature as text': { rootSessions: 'true' } },
};
