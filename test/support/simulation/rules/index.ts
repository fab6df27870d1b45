import type { Played } from '../play.js';
import {
  fifthVersionIsNoQuota,
  namesLostVersions,
  namesWhoTrusts,
  writesToWhatWasShown,
  writesWhatWasApproved,
} from './approvals.js';
import type { Rule } from './facts.js';
import { neverWider } from './grants.js';
import {
  createsOnce,
  keepsOwner,
  keepsShared,
  leavesForeignAlone,
  takesItsClientIds,
  takesItsTags,
  writesAlone,
} from './ownership.js';
import {
  createdIsMarked,
  destroysOnlyItsOwn,
  keepsUnmanaged,
  onlyObserves,
  ownersNeverBothSucceed,
  secondRunIsQuiet,
  writesAreAttributable,
  writesAreReported,
} from './promises.js';
import {
  claimsAreDone,
  deletedIsTrue,
  deletionIsNoFailure,
  failsForAReason,
  presentIsTrue,
  revisionsAreOfAnEnvironment,
  staysConverged,
  untaggedIsClaimed,
} from './reports.js';

/** Every rule, by its name. */
const RULES = {
  createsOnce,
  leavesForeignAlone,
  writesAlone,
  keepsShared,
  keepsOwner,
  takesItsTags,
  takesItsClientIds,
  presentIsTrue,
  deletedIsTrue,
  claimsAreDone,
  deletionIsNoFailure,
  staysConverged,
  failsForAReason,
  revisionsAreOfAnEnvironment,
  untaggedIsClaimed,
  createdIsMarked,
  destroysOnlyItsOwn,
  keepsUnmanaged,
  onlyObserves,
  ownersNeverBothSucceed,
  secondRunIsQuiet,
  writesAreAttributable,
  writesAreReported,
  neverWider,
  writesToWhatWasShown,
  writesWhatWasApproved,
  namesLostVersions,
  fifthVersionIsNoQuota,
  namesWhoTrusts,
} as const satisfies Readonly<Record<string, Rule>>;

/** Returns a line for each time that a history breaks a rule. */
export function violations(played: Played): readonly string[] {
  return Object.entries<Rule>(RULES).flatMap(([name, rule]) => rule(played).map((line) => `${name}: ${line}`));
}
