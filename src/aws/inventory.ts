import type { GroupDetail, ManagedPolicyDetail, Role, RoleDetail, UserDetail } from '@aws-sdk/client-iam';
import { undefinedIfRefused } from './errors.js';
import { HIDDEN_WINDOW_MS, untilShown } from './propagation.js';
import type { Reader } from './reader.js';
import type { TagIndex } from './tag-index.js';

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
  /** Returns undefined where the bulk read is denied or unknown, or would cost more calls than single reads. */
  readonly details: () => Promise<AccountDetails | undefined>;
  /** Returns `ListRoles`, which shows descriptions and session durations; the details do not. */
  readonly roles: () => Promise<readonly Role[]>;
  /** Returns tags by ARN, as far as the tag index shows them. Default: it shows none. */
  readonly indexedTags: TagIndex['tagsOf'];
  /** Reports whether tags name the namespace as an owner. */
  readonly isOurs: (tags: Readonly<Record<string, string>>) => boolean;
  /** Reads an entity that a bulk read has shown, and retries for some seconds where it is not found. */
  readonly retryUntilShown: <T>(read: () => Promise<T | undefined>) => Promise<T | undefined>;
}

/** Bulk reads of the whole account, whatever they cost. A refusal of AWS is thrown. */
export interface CompleteSnapshot extends Snapshot {
  readonly details: () => Promise<AccountDetails>;
  /** Returns when the password of each user was last used, null for never. Only `ListUsers` shows it for all of them. */
  readonly passwordUses: () => Promise<ReadonlyMap<string, Date | null>>;
}

interface SnapshotOptions {
  readonly reader: Reader;
  /** Types that the declared kinds need. Fewer types mean fewer pages. */
  readonly types: ReadonlySet<DetailType>;
  /** Calls that single reads of all declared entities would take. The bulk read stops after that many pages. */
  readonly budget: number;
  /** Default: no tags do. */
  readonly isOurs?: Snapshot['isOurs'] | undefined;
  /** Default: tags are read from IAM. */
  readonly tagIndex?: TagIndex | undefined;
  /** Waits; rejects when the work is cancelled. */
  readonly sleep: (ms: number) => Promise<void>;
}

/**
 * Takes a snapshot of an account, lazily. The size of an account is not known in advance. So the bulk read stops once
 * its pages have cost as much as single reads would: the total is at most twice that of the cheaper way.
 */
export function takeSnapshot(options: SnapshotOptions): Snapshot {
  let details: Promise<AccountDetails | undefined> | undefined;
  return {
    ...sharedReads(options),
    details: () => (details ??= undefinedIfRefused(() => readWithinBudget(options))),
  };
}

/** Takes a snapshot of all entities of the account, lazily. */
export function takeCompleteSnapshot(options: Omit<SnapshotOptions, 'budget' | 'isOurs'>): CompleteSnapshot {
  let details: Promise<AccountDetails> | undefined;
  let uses: Promise<ReadonlyMap<string, Date | null>> | undefined;
  return {
    ...sharedReads(options),
    details: () => (details ??= readDetails({ ...options, budget: Infinity }).then(({ found }) => found)),
    passwordUses: () => (uses ??= readPasswordUses(options.reader)),
  };
}

async function readPasswordUses(reader: Reader): Promise<ReadonlyMap<string, Date | null>> {
  const users = await reader.list('ListUsers', {}, 'Users');
  return new Map(users.map(({ UserName = '', PasswordLastUsed = null }) => [UserName, PasswordLastUsed]));
}

function sharedReads(options: Omit<SnapshotOptions, 'budget'>): Omit<Snapshot, 'details'> {
  let roles: Promise<readonly Role[]> | undefined;
  return {
    reader: options.reader,
    indexedTags: (arns) => options.tagIndex?.tagsOf(arns) ?? Promise.resolve(new Map()),
    isOurs: options.isOurs ?? (() => false),
    roles: () => (roles ??= options.reader.list('ListRoles', {}, 'Roles')),
    retryUntilShown: (read) => untilShown(read, options.sleep, HIDDEN_WINDOW_MS),
  };
}

async function readWithinBudget(options: SnapshotOptions): Promise<AccountDetails | undefined> {
  const { found, isComplete } = await readDetails(options);
  return isComplete ? found : undefined;
}

interface ReadDetails {
  readonly found: AccountDetails;
  /** False where the read stopped at its budget. */
  readonly isComplete: boolean;
}

async function readDetails({
  reader,
  types,
  budget,
}: Pick<SnapshotOptions, 'reader' | 'types' | 'budget'>): Promise<ReadDetails> {
  const found = {
    roles: [] as RoleDetail[],
    users: [] as UserDetail[],
    groups: [] as GroupDetail[],
    policies: [] as ManagedPolicyDetail[],
  };
  if (types.size === 0) return { found, isComplete: true };
  let pages = 0;
  for await (const page of reader.pages('GetAccountAuthorizationDetails', { Filter: [...types] })) {
    found.roles.push(...(page.RoleDetailList ?? []));
    found.users.push(...(page.UserDetailList ?? []));
    found.groups.push(...(page.GroupDetailList ?? []));
    found.policies.push(...(page.Policies ?? []));
    pages += 1;
    if (page.IsTruncated === true && pages >= budget) return { found, isComplete: false };
  }
  return { found, isComplete: true };
}
