import { createAwsClients, type AwsClients, type AwsOptions } from '../../aws/clients.js';
import { AccountGuard } from '../../aws/guard.js';
import type { OpenOrganization } from '../../aws/organizations.js';
import { Pace } from '../../aws/pace.js';
import { sessionName } from '../../contract/attribution.js';
import type { Target } from '../../contract/entity.js';

/** An account that the worker can reach, with the guard that checks the account before each write. */
export interface Account {
  readonly target: Target;
  readonly clients: AwsClients;
  readonly guard: AccountGuard;
}

/** Accounts that a worker keeps open. Each has connections and credentials of its own. */
const MAX_OPEN_ACCOUNTS = 100;

/** The accounts that an activity uses. */
export interface AccountLease {
  /** Returns the account of a target, for the sessions of a namespace. */
  get(target: Target, namespace?: string): Account;
  /** Ends the use of all accounts that it has given out. */
  release(): void;
}

/** An account that is open, and the number of activities that use it. */
interface OpenAccount {
  readonly account: Account;
  uses: number;
}

/**
 * Opens each account once while it is in use, so that connections and assumed credentials are reused. Of many accounts,
 * the one that was not used for the longest time is closed, once no activity uses it. A worker may get requests for any
 * number of accounts: no more are open than {@link MAX_OPEN_ACCOUNTS} and those in use.
 */
export class Accounts {
  readonly #options: AwsOptions;
  readonly #externalIdOf: (target: Target) => string | undefined;
  readonly #createPace: () => Pace;
  readonly #open = new Map<string, OpenAccount>();
  /** By account: AWS limits the calls of an account, whichever clients make them. */
  readonly #paces = new Map<string, Pace>();

  /**
   * Keeps the options for the accounts that are opened later.
   *
   * @param options - those of all accounts
   * @param externalIdOf - returns the external ID for the role of a target. Default: none
   * @param createPace - makes the pace of an account
   */
  constructor(
    options: AwsOptions,
    externalIdOf: (target: Target) => string | undefined = () => undefined,
    createPace: () => Pace = () => new Pace(),
  ) {
    this.#options = options;
    this.#externalIdOf = externalIdOf;
    this.#createPace = createPace;
  }

  /** Opens the organization that the credentials of a target can read. No account is verified: it is only read. */
  organization(target: Target): OpenOrganization {
    const externalId = target.assumeRole === undefined ? undefined : this.#externalIdOf(target);
    const { organization, destroy } = createAwsClients(target, { ...this.#options, externalId });
    return { organization, close: destroy };
  }

  /** Returns a lease, from which an activity gets its accounts. */
  lease(): AccountLease {
    const used = new Set<OpenAccount>();
    return {
      get: (target, namespace) => {
        const open = this.#get(target, namespace);
        if (!used.has(open)) open.uses += 1;
        used.add(open);
        this.#closeUnused();
        return open.account;
      },
      release: () => {
        for (const open of used) open.uses -= 1;
        used.clear();
        this.#closeUnused();
      },
    };
  }

  /**
   * Returns the account of a target. A role is assumed in a session of the namespace's own, which CloudTrail names.
   * Without a role, all namespaces share one set of clients.
   */
  #get(target: Target, namespace: string | undefined): OpenAccount {
    const session = target.assumeRole === undefined || namespace === undefined ? undefined : sessionName(namespace);
    const externalId = target.assumeRole === undefined ? undefined : this.#externalIdOf(target);
    const key = JSON.stringify([target.partition, target.account, target.assumeRole, session, externalId]);
    const open = this.#open.get(key) ?? this.#create(target, session, externalId);
    // A map keeps the order of insertion: the account that was not used for the longest time comes first.
    this.#open.delete(key);
    this.#open.set(key, open);
    return open;
  }

  #create(target: Target, session: string | undefined, externalId: string | undefined): OpenAccount {
    const pace = this.#paces.get(target.account) ?? this.#createPace();
    this.#paces.set(target.account, pace);
    const guarded: { by?: AccountGuard } = {};
    const guard = (): AccountGuard | undefined => guarded.by;
    const clients = createAwsClients(target, { ...this.#options, sessionName: session, externalId, pace, guard });
    guarded.by = new AccountGuard(clients, target);
    return { account: { target, clients, guard: guarded.by }, uses: 0 };
  }

  #closeUnused(): void {
    for (const [key, { account, uses }] of this.#open) {
      if (this.#open.size <= MAX_OPEN_ACCOUNTS) return;
      if (uses > 0) continue;
      this.#open.delete(key);
      const isOpen = [...this.#open.values()].some((other) => other.account.target.account === account.target.account);
      // A limit is remembered: the next run would have to find it out again.
      if (!isOpen && this.#paces.get(account.target.account)?.isLimited !== true) {
        this.#paces.delete(account.target.account);
      }
      account.clients.destroy();
    }
  }
}

/** Runs work with accounts, which stay open until it has ended. */
export async function withAccounts<T>(
  accounts: Pick<Accounts, 'lease'>,
  work: (lease: AccountLease) => Promise<T>,
): Promise<T> {
  const lease = accounts.lease();
  try {
    return await work(lease);
  } finally {
    lease.release();
  }
}
