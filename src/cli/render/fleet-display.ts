import type { FleetEvent } from '../../client/fleet/events.js';
import type { AccountState, FleetProgress } from '../../contract/fleet-progress.js';
import { note, plain } from '../terminal.js';
import { type Display, withLink } from './display.js';
import { stageText, stateText, textOfFleetEvent } from './fleet-events.js';

/** States of an account that have a line of their own while the fleet runs. */
const NOTABLE: ReadonlySet<AccountState> = new Set([
  'waiting',
  'awaiting approval',
  'failed',
  'refused',
  'busy',
  'cancelled',
]);

/** The share of the accounts after which the counts are shown again. */
const STEP = 0.1;

/** Prints a line for each change of a fleet: its waves, its counts, and each account that waits or does not converge. */
export class FleetLineDisplay implements Display<FleetEvent> {
  readonly #states = new Map<string, AccountState>();
  #stage = '';
  #shownDone = 0;
  #last = '';

  show(event: FleetEvent): void {
    const shown = textOfFleetEvent(event);
    if (shown !== null && shown.text !== this.#last) this.say((this.#last = shown.text), shown.url);
    if (event.type === 'progress') this.#progress(event.progress);
  }

  say(line: string, url: string | null = null): void {
    note(withLink(plain(line), url === null ? null : plain(url), process.stderr));
  }

  end(): void {
    // Printed lines stay.
  }

  #progress(progress: FleetProgress): void {
    const { done, total, results, accounts } = progress;
    const stage = stageText(progress);
    if (stage !== this.#stage || done - this.#shownDone >= Math.max(1, total * STEP)) {
      this.#stage = stage;
      this.#shownDone = done;
      const counts = Object.entries(results).map(([result, count]) => `${String(count)} ${result}`);
      this.say(`${stage}: ${String(done)} of ${String(total)}${counts.length === 0 ? '' : ` (${counts.join(', ')})`}`);
    }
    for (const account of accounts) {
      const { state } = account;
      if (this.#states.get(account.account) === state) continue;
      this.#states.set(account.account, state);
      if (NOTABLE.has(state)) this.say(stateText(account));
    }
  }
}
