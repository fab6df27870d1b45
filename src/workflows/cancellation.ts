import { CancellationScope, log } from '@temporalio/workflow';

/** The reason of a run that was cancelled. */
export const CANCELLED = 'the run was cancelled';

/**
 * The end of a run before all of it is written, for code that goes on in order to finish what it has begun. Work that only
 * waits is ended at once.
 */
export class Cancellation {
  /** Resolves once the end is requested; never rejects. */
  readonly requested: Promise<void>;
  #reason: string | null = null;
  #resolve: () => void = () => undefined;
  readonly #scopes = new Set<CancellationScope>();

  /** Watches the current scope for a request to cancel the workflow. */
  constructor() {
    this.requested = new Promise((resolve) => (this.#resolve = resolve));
    CancellationScope.current().cancelRequested.catch(() => {
      this.request(CANCELLED);
    });
  }

  /** The reason of the end; null as long as none is requested. */
  get reason(): string | null {
    return this.#reason;
  }

  isRequested(): boolean {
    return this.#reason !== null;
  }

  /** Ends the run. Only the first reason counts. */
  request(reason: string): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    log.info('Cancelling: calls in flight finish, what waits ends, and no other entity is started', { reason });
    this.#resolve();
    for (const scope of this.#scopes) scope.cancel();
  }

  /**
   * Runs work that the request ends.
   *
   * @param work - waits for something in the scope
   * @param scope - the scope of the work, which may have begun
   * @throws CancelledFailure
   */
  async endOnRequest<T>(work: () => Promise<T>, scope = new CancellationScope()): Promise<T> {
    this.#scopes.add(scope);
    if (this.isRequested()) scope.cancel();
    try {
      return await scope.run(work);
    } finally {
      this.#scopes.delete(scope);
    }
  }
}
