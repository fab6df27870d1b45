import type { Target } from '../contract/entity.js';
import type { AwsClients, Caller } from './clients.js';

/** Thrown where the credentials belong to a different account or partition than the manifest declares. */
export class WrongAccountError extends Error {
  override readonly name = 'WrongAccountError';

  constructor(
    readonly target: Target,
    readonly caller: Caller,
  ) {
    super(
      `the credentials belong to account ${caller.account} (${caller.partition}), ` +
        `and the manifest declares ${target.account} (${target.partition})`,
    );
  }
}

/** Thrown where the credentials have changed since they were verified. */
export class UnverifiedError extends Error {
  override readonly name = 'UnverifiedError';
}

/**
 * Prevents calls to an account until STS has confirmed that the credentials belong to it. The result is kept until the
 * access key changes.
 */
export class AccountGuard {
  readonly #clients: AwsClients;
  readonly #target: Target;
  #verifiedKey: string | null = null;

  constructor(clients: AwsClients, target: Target) {
    this.#clients = clients;
    this.#target = target;
  }

  /** Verifies the credentials with STS now. Throws {@link WrongAccountError}, or the SDK's error. */
  async verify(): Promise<void> {
    const key = await this.#clients.accessKeyId();
    const caller = await this.#clients.callerIdentity();
    if (caller.account !== this.#target.account || caller.partition !== this.#target.partition) {
      throw new WrongAccountError(this.#target, caller);
    }
    this.#verifiedKey = key;
  }

  /**
   * Checks the credentials of a write right before it leaves the process.
   *
   * @throws UnverifiedError where the credentials have not been verified
   */
  assertVerified(accessKeyId: string): void {
    if (accessKeyId !== this.#verifiedKey)
      throw new UnverifiedError('these credentials have not been verified with STS');
  }

  /** Verifies the credentials unless they are verified already. Called before every write. */
  async ensure(): Promise<void> {
    if ((await this.#clients.accessKeyId()) !== this.#verifiedKey) await this.verify();
  }
}
