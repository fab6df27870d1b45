import type { GroupDetail, ManagedPolicyDetail, Role, RoleDetail, UserDetail } from '@aws-sdk/client-iam';
import { undefinedIfDenied } from './errors.js';
import { HIDDEN_WINDOW_MS, untilShown } from './propagation.js';
import type { Reader } from './reader.js';

/** A type of entity that `GetAccountAuthorizationDetails` returns. */
export type DetailType = 'Role' | 'User' | 'Group' | 'LocalManagedPolicy';

/** The account's complete roles, users, groups and customer managed policies, with documents as AWS encodes them. */
export interface AccountDetails {
  readonly roles: readonly RoleDetail[];
  readonly users: readonly UserDetail[];
  readonly groups: readonly GroupDetail[];
  readonly policies: readonly ManagedPolicyDetail[];
}

/** Bulk reads of an account, fetched once and shared between kinds. */
export interface Snapshot {
  readonly reader: Reader;
  /** Returns undefined where the bulk read is denied, or would cost more calls than single reads. */
  readonly details: () => Promise<AccountDetails | undefined>;
  /** Returns `ListRoles`, which shows descriptions and session durations; the details do not. */
  readonly roles: () => Promise<readonly Role[]>;
  /** Reports whether tags name the namespace as an owner. */
  readonly isOurs: (tags: Readonly<Record<string, string>>) => boolean;
  /** Reads an entity that a bulk read has shown, and retries for some seconds where it is not found. */
  readonly retryUntilShown: <T>(read: () => Promise<T | undefined>) => Promise<T | undefined>;
}

interface SnapshotOptions {
  readonly reader: Reader;
  /** Types that the declared kinds need. Fewer types mean fewer pages. */
  readonly types: ReadonlySet<DetailType>;
  /** Calls that single reads of all declared entities would take. The bulk read stops after that many pages. */
  readonly budget: number;
  /** Default: no tags do. */
  readonly isOurs?: Snapshot['isOurs'] | undefined;
  /** Waits; rejects when the work is cancelled. */
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Takes a snapshot of an account, lazily. The size of an account is not known in advance. So the bulk read stops once
 * its pages have cost as much as single reads would: the total is at most twice that of the cheaper way.
 */
export function takeSnapshot(options: SnapshotOptions): Snapshot {
  let details: Promise<AccountDetails | undefined> | undefined;
  let roles: Promise<readonly Role[]> | undefined;
  return {
    reader: options.reader,
    isOurs: options.isOurs ?? (() => false),
    details: () => (details ??= readDetails(options)),
    roles: () => (roles ??= options.reader.list('ListRoles', {}, 'Roles')),
    retryUntilShown: (read) => untilShown(read, options.sleep, HIDDEN_WINDOW_MS),
  };
}

async function readDetails({ reader, types, budget }: SnapshotOptions): Promise<AccountDetails | undefined> {
  const details = {
    roles: [] as RoleDetail[],
    users: [] as UserDetail[],
    groups: [] as GroupDetail[],
    policies: [] as ManagedPolicyDetail[],
  };
  if (types.size === 0) return details;
  return undefinedIfDenied(async () => {
    let pages = 0;
    for await (const page of reader.pages('GetAccountAuthorizationDetails', { Filter: [...types] })) {
      details.roles.push(...(page.RoleDetailList ?? []));
      details.users.push(...(page.UserDetailList ?? []));
      details.groups.push(...(page.GroupDetailList ?? []));
      details.policies.push(...(page.Policies ?? []));
      pages += 1;
      if (page.IsTruncated === true && pages >= budget) return undefined;
    }
    return details;
  });
}
