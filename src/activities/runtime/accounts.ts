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

/** Opens each account once in the life of a worker, so that connections and assumed credentials are reused. */
export class Accounts {
  readonly #options: AwsOptions;
  readonly #open = new Map<string, Account>();
  /** By account: AWS limits the calls of an account, whichever clients make them. */
  readonly #paces = new Map<string, Pace>();

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  /**
   * Returns the account of a target. A role is assumed in a session of the namespace's own, which CloudTrail names.
   * Without a role, all namespaces share one set of clients.
   */
  get(target: Target, namespace?: string): Account {
    const session = target.assumeRole === undefined || namespace === undefined ? undefined : sessionName(namespace);
    const key = JSON.stringify([target.partition, target.account, target.assumeRole, session]);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const pace = this.#paces.get(target.account) ?? new Pace();
    this.#paces.set(target.account, pace);
    const clients = createAwsClients(target, { ...this.#options, sessionName: session, pace });
    const account = { target, clients, guard: new AccountGuard(clients, target) };
    this.#open.set(key, account);
    return account;
  }
}
