import { activityInfo, cancellationSignal, Context, sleep } from '@temporalio/activity';
import { pauseAfter } from '../../aws/propagation.js';

/** What is sent has so long to arrive before another attempt may begin, in milliseconds. */
const MARGIN_MS = 2_000;

/** Temporal is given so long for one answer, in milliseconds. */
const ANSWER_MS = 3_000;

/** Temporal is asked for so long where it does not answer, in milliseconds. */
const OUTAGE_MS = 120_000;

/** This attempt may write no more: another one has the step, or may have it by now. */
export class LeaseError extends Error {
  override readonly name = 'LeaseError';
}

/** A moment by two clocks: one stands still while the machine sleeps, the other can be set. */
interface Moment {
  readonly steady: number;
  readonly wall: number;
}

/**
 * The right of an attempt to write. Temporal gives a step to another worker when heartbeats stay out, and a process
 * that was stopped, or cut off from Temporal, does not know: so Temporal is asked, and its answer is good for less than
 * the heartbeat timeout.
 */
export class Lease {
  #askedAt: Moment | undefined;
  #lost = false;

  /**
   * Goes on while the step is this attempt's.
   *
   * @param details - of a heartbeat; Temporal keeps them for the next attempt
   * @throws LeaseError
   */
  async hold(details: unknown): Promise<void> {
    const { client } = Context.current();
    const startedAt = now();
    for (let repeat = 1; ; repeat += 1) {
      cancellationSignal().throwIfAborted();
      if (this.#isFresh()) return;
      const askedAt = now();
      try {
        await client.withDeadline(Date.now() + ANSWER_MS, () =>
          client.activity.heartbeat(activityInfo().taskToken, details),
        );
        this.#askedAt = askedAt;
      } catch (error) {
        const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
        if (/^Activity(NotFound|Cancelled|Paused|Reset)Error$/.test(name)) {
          this.#lost = true;
          throw new LeaseError('Temporal has taken this step back: nothing more is sent', { cause: error });
        }
        if (elapsed(startedAt) > OUTAGE_MS) {
          throw new LeaseError(`Temporal does not say whose this step is: ${message}`, { cause: error });
        }
        await sleep(pauseAfter(repeat));
      }
    }
  }

  /**
   * At the last moment before something leaves the process.
   *
   * @throws LeaseError where Temporal has to be asked again
   */
  assertHeld(): void {
    if (!this.#isFresh()) throw new LeaseError('Temporal has not said lately that this step is still to be done here');
  }

  #isFresh(): boolean {
    const { heartbeatTimeoutMs = Infinity } = activityInfo();
    return !this.#lost && this.#askedAt !== undefined && elapsed(this.#askedAt) < heartbeatTimeoutMs - MARGIN_MS;
  }
}

/** What an attempt has made itself and nobody else can use, it may remove whatever became of the step. */
export const CLEANUP_LEASE: Pick<Lease, 'hold' | 'assertHeld'> = {
  hold: () => Promise.resolve(),
  assertHeld: () => undefined,
};

function now(): Moment {
  return { steady: performance.now(), wall: Date.now() };
}

function elapsed({ steady, wall }: Moment): number {
  return Math.max(performance.now() - steady, Date.now() - wall);
}
