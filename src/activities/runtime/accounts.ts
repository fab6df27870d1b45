import { createAwsClients, type AwsClients, type AwsOptions } from '../../aws/clients.js';
import { AccountGuard } from '../../aws/guard.js';
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

/** Time after which no activity uses an account any more that it got before: longer than any attempt may take. */
const MAX_USE_MS = 3_600_000;

/**
 * Opens each account once while it is in use, so that connections and assumed credentials are reused. Of many accounts,
 * the one that was not used for the longest time is closed.
 */
export class Accounts {
  readonly #options: AwsOptions;
  readonly #externalIdOf: (target: Target) => string | undefined;
  readonly #open = new Map<string, Account>();
  /** By account: AWS limits the calls of an account, whichever clients make them. */
  readonly #paces = new Map<string, Pace>();

  /**
   * Keeps the options for the accounts that are opened later.
   *
   * @param options - those of all accounts
   * @param externalIdOf - returns the external ID for the role of a target. Default: none
   */
  constructor(options: AwsOptions, externalIdOf: (target: Target) => string | undefined = () => undefined) {
    this.#options = options;
    this.#externalIdOf = externalIdOf;
  }

  /**
   * Returns the account of a target. A role is assumed in a session of the namespace's own, which CloudTrail names.
   * Without a role, all namespaces share one set of clients.
   */
  get(target: Target, namespace?: string): Account {
    const session = target.assumeRole === undefined || namespace === undefined ? undefined : sessionName(namespace);
    const externalId = target.assumeRole === undefined ? undefined : this.#externalIdOf(target);
    const key = JSON.stringify([target.partition, target.account, target.assumeRole, session, externalId]);
    const account = this.#open.get(key) ?? this.#create(target, session, externalId);
    // A map keeps the order of insertion: the account that was not used for the longest time comes first.
    this.#open.delete(key);
    this.#open.set(key, account);
    this.#closeUnused();
    return account;
  }

  #create(target: Target, session: string | undefined, externalId: string | undefined): Account {
    const pace = this.#paces.get(target.account) ?? new Pace();
    this.#paces.set(target.account, pace);
    const guarded: { by?: AccountGuard } = {};
    const guard = (): AccountGuard | undefined => guarded.by;
    const clients = createAwsClients(target, { ...this.#options, sessionName: session, externalId, pace, guard });
    guarded.by = new AccountGuard(clients, target);
    return { target, clients, guard: guarded.by };
  }

  #closeUnused(): void {
    for (const [key, { target, clients }] of this.#open) {
      if (this.#open.size <= MAX_OPEN_ACCOUNTS) return;
      this.#open.delete(key);
      const isOpen = [...this.#open.values()].some((other) => other.target.account === target.account);
      if (!isOpen) this.#paces.delete(target.account);
      setTimeout(() => {
        clients.destroy();
      }, MAX_USE_MS).unref();
    }
  }
}
