import type { GroupDetail, ManagedPolicyDetail, Role, RoleDetail, UserDetail } from '@aws-sdk/client-iam';
import { awsError, failureTypeOf } from './errors.js';
import { HIDDEN_WINDOW_MS, untilShown } from './propagation.js';
import type { Reader } from './reader.js';

/** What `GetAccountAuthorizationDetails` can be asked for. */
export type DetailType = 'Role' | 'User' | 'Group' | 'LocalManagedPolicy';

/** The account's roles, users, groups and customer managed policies, whole. Documents as AWS encodes them. */
export interface AccountDetails {
  readonly roles: readonly RoleDetail[];
  readonly users: readonly UserDetail[];
  readonly groups: readonly GroupDetail[];
  readonly policies: readonly ManagedPolicyDetail[];
}

/** What kinds read many entities from: bulk answers, fetched once and shared between kinds. */
export interface Snapshot {
  readonly reader: Reader;
  /** Undefined where the bulk read is denied, or dearer than single reads. */
  readonly details: () => Promise<AccountDetails | undefined>;
  /** `ListRoles`, for description and session duration, which the details leave out. */
  readonly roles: () => Promise<readonly Role[]>;
  /** Reads what a bulk answer has shown: again and again for some seconds where it is not found. */
  readonly retryUntilShown: <T>(read: () => Promise<T | undefined>) => Promise<T | undefined>;
}

interface SnapshotOptions {
  readonly reader: Reader;
  /** What the declared kinds need; fewer types, fewer pages. */
  readonly types: ReadonlySet<DetailType>;
  /** Calls that single reads of everything declared would take: more pages than that, and the bulk read is given up. */
  readonly budget: number;
  /** Waits so many milliseconds; rejects when the work is cancelled. */
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Takes a snapshot of an account, lazily. The size of an account is not known beforehand, so the bulk read goes on
 * until its pages have cost what single reads would, and then stops: never more than twice the cheaper way.
 */
export function takeSnapshot(options: SnapshotOptions): Snapshot {
  let details: Promise<AccountDetails | undefined> | undefined;
  let roles: Promise<readonly Role[]> | undefined;
  return {
    reader: options.reader,
    details: () => (details ??= readDetails(options)),
    roles: () => (roles ??= options.reader.list('ListRoles', {}, 'Roles')),
    retryUntilShown: (read) => untilShown(read, options.sleep, HIDDEN_WINDOW_MS),
  };
}

async function readDetails({ reader, types, budget }: SnapshotOptions): Promise<AccountDetails | undefined> {
  const all = {
    roles: [] as RoleDetail[],
    users: [] as UserDetail[],
    groups: [] as GroupDetail[],
    policies: [] as ManagedPolicyDetail[],
  };
  if (types.size === 0) return all;
  let pages = 0;
  try {
    for await (const page of reader.pages('GetAccountAuthorizationDetails', { Filter: [...types] })) {
      all.roles.push(...(page.RoleDetailList ?? []));
      all.users.push(...(page.UserDetailList ?? []));
      all.groups.push(...(page.GroupDetailList ?? []));
      all.policies.push(...(page.Policies ?? []));
      pages += 1;
      if (page.IsTruncated === true && pages >= budget) return undefined;
    }
  } catch (error) {
    if (failureTypeOf(awsError(error)) === 'AccessDenied') return undefined;
    throw error;
  }
  return all;
}
