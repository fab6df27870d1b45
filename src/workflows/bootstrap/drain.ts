import { patched, workflowInfo } from '@temporalio/workflow';
import type { Cancellation } from '../cancellation.js';
import { isHistoryFull } from '../history.js';
import type { Interruption } from '../locked-child.js';

/** The bytes of a history that is left behind, as a multiple of those before the first entity. */
const MIN_GROWTH = 1.25;

/** The end of taking up entities, once the history of a run is full. A cancelled run goes on to its end. */
export class Drain implements Interruption {
  /** Resolves once the lanes are to end. */
  readonly requested: Promise<void>;
  readonly #cancellation: Cancellation;
  /** Temporal hands the cancellation of a parent to the run of a child that the parent has started, and to no later one. */
  readonly #hasParent = workflowInfo().parent !== undefined;
  readonly #events = workflowInfo().historyLength;
  readonly #bytes = workflowInfo().historySize;
  #hasTried = false;
  #isRequested = false;
  #resolve: () => void = () => undefined;

  constructor(cancellation: Cancellation) {
    this.#cancellation = cancellation;
    this.requested = new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Notes that the start of an entity's run is tried. */
  noteTry(): void {
    this.#hasTried = true;
  }

  /** Reports whether the lanes end, and has them end where the history is full by now. */
  isDue(): boolean {
    if (this.isRequested()) return true;
    if (this.#isRequested || this.#cancellation.isRequested() || !this.#isFull()) return false;
    // A run that has passed the limit before the worker was upgraded has begun entities since. It drains from here on.
    if (!patched('continue-as-new')) return false;
    this.#isRequested = true;
    this.#resolve();
    return true;
  }

  isRequested(): boolean {
    return this.#isRequested && !this.#cancellation.isRequested();
  }

  /**
   * Reports whether the history is full and has grown since this run began. Otherwise a large state that was carried over
   * would have each run go on at once.
   */
  #isFull(): boolean {
    if (this.#hasParent) return false;
    const { historyLength, historySize } = workflowInfo();
    const hasGrown = historyLength >= this.#events * 2 && historySize >= this.#bytes * MIN_GROWTH;
    return this.#hasTried && hasGrown && isHistoryFull();
  }
}
