import type { Activities } from '../contract/activities.js';
import type { BootstrapRequest } from '../contract/request.js';
import type { AppliedRevision } from '../contract/revision.js';
import { isFleetRequest } from '../contract/fleet.js';
import type { PermittedSchedule, SchedulePermitRequest } from '../contract/schedule-permit.js';
import { checkRequest } from '../engine/request.js';
import { KINDS } from '../kinds/index.js';
import { findDriftCauses } from './drift-causes.js';
import type { Ledgers } from './ledger.js';
import type { AccountLease } from './runtime/accounts.js';
import { runActivity } from './runtime/activity-context.js';
import type { Enforcement } from './runtime/enforcement.js';
import { failure } from './runtime/failures.js';

/** The parts of a worker that the activities of schedules use. */
interface ScheduleParts {
  readonly ledgers: Pick<Ledgers, 'applied' | 'recordDrift'>;
  readonly enforcement: Enforcement;
  /** Lends the connections to accounts. */
  readonly use: <T>(work: (lease: AccountLease) => Promise<T>) => Promise<T>;
}

type ScheduleActivities = Pick<Activities, 'permitSchedule' | 'otherRevision' | 'recordDrift' | 'findDriftCauses'>;

/** Returns the activities of schedules and their runs. */
export function scheduleActivities({ ledgers, enforcement, use }: ScheduleParts): ScheduleActivities {
  return {
    permitSchedule: (request) => runActivity(() => permitSchedule(enforcement, request)),
    otherRevision: (request) => runActivity(() => otherRevision(ledgers, request)),
    recordDrift: (request) => runActivity((context) => ledgers.recordDrift(request, context)),
    findDriftCauses: (request) =>
      runActivity(async () => {
        const { target, namespace } = request.scheduled.request;
        await enforcement.assertSigned(request.scheduled.request);
        return use((lease) => findDriftCauses(lease.get(enforcement.targetForReads(target), namespace), request));
      }),
  };
}

/**
 * Permits the runs of a schedule what its maker may do.
 *
 * @throws ApplicationFailure where it may not
 */
async function permitSchedule(
  enforcement: Pick<Enforcement, 'permitSchedule'>,
  scheduled: SchedulePermitRequest,
): Promise<PermittedSchedule> {
  if (scheduled.request.allowOlder === true) {
    throw failure('InvalidManifest', 'no schedule is permitted to undo newer revisions at each of its runs', {});
  }
  const { request } = scheduled;
  // Nobody knows what a fleet's manifest says in an account before it is rendered for it.
  const problem = isFleetRequest(request) ? null : checkRequest(request, KINDS);
  if (problem !== null) throw failure('InvalidManifest', problem, {});
  return enforcement.permitSchedule(scheduled);
}

/**
 * Returns the last applied revision of the source of a request's, where the request's is another one: a newer manifest
 * was applied, or an older one by a rollback. Null where it is the same, or nothing can be compared.
 */
async function otherRevision(
  ledgers: Pick<Ledgers, 'applied'>,
  { target, namespace, environment, revision }: BootstrapRequest,
): Promise<AppliedRevision | null> {
  if (revision === undefined) return null;
  const applied = await ledgers.applied(target.account, namespace);
  const last = applied.find((one) => one.environment === environment && one.source === revision.source);
  return last === undefined || last.value === revision.value ? null : last;
}
