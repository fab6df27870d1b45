import type { Target } from '../contract/entity.js';
import type { AwsClients, Caller } from './clients.js';

/** The credentials belong to another account or partition than the manifest declares. */
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

/** Other credentials have taken the place of those that STS was asked about. */
export class UnverifiedError extends Error {
  override readonly name = 'UnverifiedError';
}

/**
 * Lets nothing through to an account before STS has said that the credentials belong to it. The answer is kept for as
 * long as the access key stays the same.
 */
export class AccountGuard {
  readonly #clients: AwsClients;
  readonly #target: Target;
  #verifiedKey: string | null = null;

  constructor(clients: AwsClients, target: Target) {
    this.#clients = clients;
    this.#target = target;
  }

  /** Asks STS now. Throws {@link WrongAccountError}, or the SDK's error. */
  async verify(): Promise<void> {
    const key = await this.#clients.accessKeyId();
    const caller = await this.#clients.callerIdentity();
    if (caller.account !== this.#target.account || caller.partition !== this.#target.partition) {
      throw new WrongAccountError(this.#target, caller);
    }
    this.#verifiedKey = key;
  }

  /**
   * At the last moment before a write leaves the process.
   *
   * @throws UnverifiedError where STS has to be asked first
   */
  assertVerified(accessKeyId: string): void {
    if (accessKeyId !== this.#verifiedKey) throw new UnverifiedError('STS was not asked about these credentials');
  }

  /** Asks STS only where these credentials have not been asked about. Called before every write. */
  async ensure(): Promise<void> {
    if ((await this.#clients.accessKeyId()) !== this.#verifiedKey) await this.verify();
  }
}
