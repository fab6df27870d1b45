import type { Event } from './history.js';
import type { Call, Fate } from './iam/account.js';
import type { Scheduler } from './scheduler.js';
import type { Run } from './temporal/run.js';

/** Time for which a worker is suspended, in milliseconds: Temporal gives its activity to another one meanwhile. */
const SUSPENDED_MS = 9_000;

const ANSWERED: Fate = { is: 'answered' };

/** Decides what happens to each call of one step. */
export class Happenings {
  /** The first run of the step, which a termination or a cancellation hits. */
  first: Run | undefined;
  readonly #scheduler: Scheduler;
  readonly #act: (hand: string) => void;
  readonly #onCall: (calls: number) => void;
  #waiting: readonly Event[];
  #calls = 0;
  /** The end of the throttling, by the workflow that it hits. */
  readonly #throttled = new Map<string, number>();
  readonly #denied = new Set<string>();

  /**
   * @param act - carries out what a hand does
   * @param onCall - called with the number of each call, before it arrives
   */
  constructor(
    events: readonly Event[],
    scheduler: Scheduler,
    act: (hand: string) => void,
    onCall: (calls: number) => void,
  ) {
    this.#waiting = events;
    this.#scheduler = scheduler;
    this.#act = act;
    this.#onCall = onCall;
  }

  fateOf(call: Call): Fate {
    this.#calls += 1;
    this.#onCall(this.#calls);
    const present = this.#waiting.filter((event) =>
      'call' in event ? event.call === this.#calls : event.before === call.operation,
    );
    this.#waiting = this.#waiting.filter((event) => !present.includes(event));
    let fate = this.#continuedFate(call);
    for (const event of present) fate = this.#happen(event, call) ?? fate;
    return fate;
  }

  #continuedFate({ attempt, operation }: Call): Fate {
    const { workflowId } = attempt.run.start;
    if ((this.#throttled.get(workflowId) ?? 0) > this.#scheduler.now) return { is: 'refused', code: 'Throttling' };
    if (this.#denied.has(`${workflowId} ${operation}`)) return { is: 'refused', code: 'AccessDenied' };
    return ANSWERED;
  }

  #happen(event: Event, { attempt, operation, isWrite }: Call): Fate | undefined {
    if ('hand' in event) {
      this.#act(event.hand);
      return undefined;
    }
    const { workflowId } = attempt.run.start;
    switch (event.fault) {
      case 'the reply is lost':
        return { is: 'reply lost' };
      case 'the call is lost':
        return { is: 'call lost' };
      case 'access is denied':
        this.#denied.add(`${workflowId} ${operation}`);
        return { is: 'refused', code: 'AccessDenied' };
      case 'AWS throttles':
        this.#throttled.set(workflowId, this.#scheduler.now + event.seconds * 1_000);
        return { is: 'refused', code: 'Throttling' };
      case 'a read is stale':
        return isWrite ? undefined : { is: 'stale', writes: event.writes };
      case 'the worker dies before it':
        return { is: 'worker dies before it' };
      case 'the worker dies after it':
        return { is: 'worker dies after it' };
      case 'the worker is suspended':
        return { is: 'worker is suspended', ms: SUSPENDED_MS };
      case 'the run is terminated':
        this.first?.terminate();
        return undefined;
      case 'the run is cancelled':
        this.first?.requestCancel();
        return undefined;
    }
  }
}
