import { createAwsClients } from '../../aws/clients.js';
import type { AwsClients, AwsOptions } from '../../aws/clients.js';
import { AccountGuard } from '../../aws/guard.js';
import { Pace } from '../../aws/pace.js';
import { sessionName } from '../../contract/attribution.js';
import type { Target } from '../../contract/entity.js';

/** One account that the worker can reach, with the guard that must be asked before each write. */
export interface Account {
  readonly target: Target;
  readonly clients: AwsClients;
  readonly guard: AccountGuard;
}

/** Opens accounts, each once in the life of a worker, so that connections and assumed credentials are kept. */
export class Accounts {
  readonly #options: AwsOptions;
  readonly #open = new Map<string, Account>();
  /** AWS limits an account's calls, whoever makes them. */
  readonly #paces = new Map<string, Pace>();

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  /** With a role that is assumed, in a session of the namespace's own, which CloudTrail names; without one, a common one. */
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
