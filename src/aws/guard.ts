import type { Target } from '../contract/entity.js';

/** The caller that the credentials belong to. */
export interface Caller {
  readonly account: string;
  readonly partition: string;
  readonly arn: string;
}

/** The credentials that a guard verifies. */
interface Credentials {
  readonly accessKeyId: () => Promise<string>;
  readonly callerIdentity: () => Promise<Caller>;
}

/** Thrown where the credentials belong to a different account or partition than the manifest declares. */
export class WrongAccountError extends Error {
  override readonly name = 'WrongAccountError';

  constructor(
    readonly target: Target,
    readonly caller: Caller,
  ) {
    super(
      `the credentials belong to account ${caller.account} (${caller.partition}), ` +
        `not to ${target.account} (${target.partition})`,
    );
  }
}

/** Thrown where the credentials have changed since they were verified. */
export class UnverifiedError extends Error {
  override readonly name = 'UnverifiedError';
}

/**
 * Prevents calls to an account, reads included, until STS has confirmed that the credentials belong to it. The result is
 * kept until the access key changes.
 */
export class AccountGuard {
  readonly #credentials: Credentials;
  readonly #target: Target;
  #verifiedKey: string | null = null;
  #verification: Promise<void> | undefined;

  constructor(credentials: Credentials, target: Target) {
    this.#credentials = credentials;
    this.#target = target;
  }

  /** Verifies the credentials with STS now. Throws {@link WrongAccountError}, or the SDK's error. */
  async verify(): Promise<void> {
    const key = await this.#credentials.accessKeyId();
    const caller = await this.#credentials.callerIdentity();
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

  /** Verifies the credentials unless they are verified already. Called before every call; calls at a time share one. */
  async ensure(): Promise<void> {
    if ((await this.#credentials.accessKeyId()) === this.#verifiedKey) return;
    await (this.#verification ??= this.verify().finally(() => (this.#verification = undefined)));
  }
}
