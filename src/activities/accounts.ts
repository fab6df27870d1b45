import { createAwsClients } from '../aws/clients.js';
import type { AwsClients, AwsOptions } from '../aws/clients.js';
import { AccountGuard } from '../aws/guard.js';
import type { Target } from '../contract/entity.js';

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

  constructor(options: AwsOptions) {
    this.#options = options;
  }

  get(target: Target): Account {
    const key = `${target.partition}/${target.account}/${target.assumeRole ?? ''}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const clients = createAwsClients(target, this.#options);
    const account = { target, clients, guard: new AccountGuard(clients, target) };
    this.#open.set(key, account);
    return account;
  }
}
