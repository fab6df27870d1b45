import { activityInfo, cancellationSignal, Context, sleep } from '@temporalio/activity';
import { pauseAfter } from '../../aws/propagation.js';

/** Time that a call has to reach AWS before another attempt may begin. */
const LEASE_MARGIN_MS = 2_000;

/** Deadline of one heartbeat call to Temporal. */
const HEARTBEAT_DEADLINE_MS = 3_000;

/** Time after which an attempt stops that cannot reach Temporal. */
const MAX_OUTAGE_MS = 120_000;

/** This attempt may no longer write: another attempt runs the activity, or may run it by now. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError';

  /** Reports that the run was cancelled. No other attempt follows then. */
  get isCancelled(): boolean {
    return this.cause instanceof Error && this.cause.name === 'ActivityCancelledError';
  }
}

/** A point in time by two clocks: the first stands still while the machine sleeps, the second can be set. */
interface Instant {
  readonly steadyMs: number;
  readonly wallMs: number;
}

/**
 * The right of an attempt to write. Temporal gives an activity to another worker when heartbeats stop, and a process
 * that was suspended, or that cannot reach Temporal, does not notice. So the lease asks Temporal, and relies on the
 * answer for less than the heartbeat timeout.
 */
export class Lease {
  #confirmedAt: Instant | undefined;
  #isLost = false;

  /** Aborts where this attempt has to end. */
  get signal(): AbortSignal {
    return cancellationSignal();
  }

  /**
   * Resolves as soon as this attempt is known to hold the activity.
   *
   * @param details - details of the heartbeat; Temporal keeps them for the next attempt
   * @throws LeaseError
   */
  async hold(details: unknown): Promise<void> {
    const { client } = Context.current();
    const startedAt = now();
    for (let repeat = 1; ; repeat += 1) {
      this.signal.throwIfAborted();
      if (this.#isFresh()) return;
      const askedAt = now();
      try {
        await client.withDeadline(Date.now() + HEARTBEAT_DEADLINE_MS, () =>
          client.activity.heartbeat(activityInfo().taskToken, details),
        );
        this.#confirmedAt = askedAt;
      } catch (error) {
        const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
        if (/^Activity(NotFound|Cancelled|Paused|Reset)Error$/.test(name)) {
          this.#isLost = true;
          const reason = 'lease lost: Temporal has cancelled this attempt or given the activity to another one';
          throw new LeaseError(`${reason}; nothing more is sent`, { cause: error });
        }
        if (elapsedMs(startedAt) > MAX_OUTAGE_MS) {
          throw new LeaseError(`Temporal does not confirm the lease of this attempt: ${message}`, { cause: error });
        }
        await sleep(pauseAfter(repeat));
      }
    }
  }

  /**
   * Checks the lease right before a call leaves the process.
   *
   * @throws LeaseError where Temporal has to be asked again
   */
  assertHeld(): void {
    if (!this.#isFresh()) throw new LeaseError('the lease of this attempt is not confirmed for long enough');
  }

  #isFresh(): boolean {
    const { heartbeatTimeoutMs = Infinity } = activityInfo();
    if (this.#isLost || this.#confirmedAt === undefined) return false;
    return elapsedMs(this.#confirmedAt) < heartbeatTimeoutMs - LEASE_MARGIN_MS;
  }
}

/** A lease for clean-up: what an attempt created and no other can use, it may remove after it lost its own lease. */
export const CLEANUP_LEASE: LeaseToWrite = {
  hold: () => Promise.resolve(),
  assertHeld: () => undefined,
};

/** The parts of a lease that a write needs. Without a signal, nothing interrupts it. */
export type LeaseToWrite = Pick<Lease, 'hold' | 'assertHeld'> & Partial<Pick<Lease, 'signal'>>;

function now(): Instant {
  return { steadyMs: performance.now(), wallMs: Date.now() };
}

function elapsedMs({ steadyMs, wallMs }: Instant): number {
  return Math.max(performance.now() - steadyMs, Date.now() - wallMs);
}
