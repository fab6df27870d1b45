import type { LookedUp } from '../../src/contract/look-up.js';

/** The answer to a look-up of an entity that the account does not have. */
export const ABSENT: LookedUp = {
  status: 'absent',
  message: null,
  name: null,
  arn: null,
  path: null,
  createdAt: null,
  owner: null,
  id: null,
  members: {},
};
