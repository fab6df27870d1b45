import type { FleetEvent } from '../../client/fleet/events.js';
import { type AccountProgress, FLEET_PROGRESS_LIMIT, type FleetProgress } from '../../contract/fleet-progress.js';
import type { Outcome } from '../../contract/report.js';
import { accountText } from '../../report/fleet-words.js';
import { SIGNS } from '../../report/words.js';
import type { Display } from './display.js';
import { stageText, stateText, textOfFleetEvent } from './fleet-events.js';
import type { LiveItem, LiveProblem, LiveProgress } from './live-lines.js';
import { LiveScreen } from './live-screen.js';

/** Shows a fleet on a terminal: a line for each account under way, as it changes, and those that did not converge. */
export class FleetLiveDisplay implements Display<FleetEvent> {
  readonly #screen: LiveScreen;
  #progress: FleetProgress | null = null;
  #notice = 'starting';
  /** Accounts whose approval was asked for above the display. */
  readonly #awaiting = new Set<string>();

  constructor(stream: NodeJS.WriteStream) {
    this.#screen = new LiveScreen(stream, () => ({
      progress: this.#progress === null ? null : liveFleet(this.#progress),
      notice: this.#notice,
    }));
  }

  show(event: FleetEvent): void {
    const shown = textOfFleetEvent(event);
    switch (event.type) {
      case 'progress':
        this.#sayApprovals(event.progress);
        this.#progress = event.progress;
        this.#notice = '';
        break;
      case 'no-worker':
      case 'unreachable':
        this.#notice = shown?.text ?? '';
        break;
      default:
        if (shown !== null) this.say(shown.text, shown.url);
        this.#notice = NOTICES[event.type];
    }
    this.#screen.draw();
  }

  /** Prints above the display by which command a plan is approved, so that it is whole and stays. */
  #sayApprovals({ accounts }: FleetProgress): void {
    for (const account of accounts) {
      if (account.state !== 'awaiting approval' || this.#awaiting.has(account.account)) continue;
      this.#awaiting.add(account.account);
      this.say(stateText(account));
    }
  }

  say(line: string, url: string | null = null): void {
    this.#screen.say(line, url);
  }

  end(): void {
    this.#screen.end();
  }
}

/** The notice below an event that stays above the display. */
const NOTICES = {
  started: 'finding the accounts',
  joined: 'finding the accounts',
  waiting: 'waiting for the fleet',
  'awaiting-approval': '',
} as const;

/** Returns the progress of a fleet for the live display. */
export function liveFleet(progress: FleetProgress): LiveProgress {
  const { done, total, results, accounts } = progress;
  const underWay = accounts.filter((account) => account.since !== undefined);
  const problems = accounts.filter(({ since }) => since === undefined).map(problemOf);
  // More than these may be under way: then it is not known how many.
  const queued = underWay.length < FLEET_PROGRESS_LIMIT ? total - done - underWay.length : 0;
  const { failed = 0, refused = 0, busy = 0, cancelled = 0 } = results;
  return {
    phase: stageText(progress),
    done,
    total,
    counts: { ...results, ...(queued > 0 ? { queued } : {}) },
    underWay: underWay.map(itemOf),
    problems,
    problemCount: failed + refused + busy + cancelled,
    waitingFor: null,
  };
}

function itemOf(account: AccountProgress): LiveItem {
  const { state, since, reason } = account;
  return {
    name: accountText(account),
    state,
    since,
    details: reason === undefined || state === 'awaiting approval' ? [] : [reason],
  };
}

function problemOf(account: AccountProgress): LiveProblem {
  const { state, reason } = account;
  const sign = (SIGNS as Readonly<Record<string, string>>)[state] ?? SIGNS['failed' satisfies Outcome];
  return { sign, name: accountText(account), state, reason };
}
