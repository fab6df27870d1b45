import type { FleetEvent } from '../../client/fleet/events.js';
import { approveFleetCommand } from '../../client/fleet/follow.js';
import { describePipeline } from '../../client/describe.js';
import type { AccountState, FleetProgress } from '../../contract/fleet-progress.js';
import { accountText } from '../../report/fleet-words.js';
import { counted } from '../../report/text.js';

/** States of an account that have a line of their own while the fleet runs. */
const NOTABLE: ReadonlySet<AccountState> = new Set(['waiting', 'failed', 'refused', 'busy', 'cancelled']);

/** The share of the accounts after which the counts are shown again. */
const STEP = 0.1;

/** Shows a fleet by lines: its waves, its counts, and each account that waits or does not converge. */
export class FleetDisplay {
  readonly #say: (line: string, url?: string | null) => void;
  readonly #states = new Map<string, AccountState>();
  #stage = '';
  #shownDone = 0;
  #last = '';

  constructor(say: (line: string, url?: string | null) => void) {
    this.#say = say;
  }

  show(event: FleetEvent): void {
    switch (event.type) {
      case 'started':
        this.#say(`run ${event.runId}`, event.url);
        break;
      case 'joined':
        this.#say(`an equal request is already running; following run ${event.runId}`, event.url);
        break;
      case 'waiting': {
        const { memo, startedAt, url } = event.lockHolder;
        this.#say(`waiting for the fleet: held by ${describePipeline(memo.pipeline)}, since ${startedAt}`, url);
        break;
      }
      case 'awaiting-approval': {
        const { wave, accounts, expiresAt, plan, report } = event.wave;
        const command = approveFleetCommand(report.namespace, report.fleet, plan);
        this.#say(
          `wave ${String(wave)} (${counted(accounts, 'account')}) awaits approval until ${expiresAt}; to approve (or reject): ${command}`,
        );
        break;
      }
      case 'progress':
        this.#progress(event.progress);
        break;
      case 'no-worker':
        this.#say(
          `no worker polls task queue ${event.taskQueue}; the run waits until one starts (iam-bootstrap worker)`,
        );
        break;
      case 'unreachable':
        this.#once(`Temporal does not respond; retrying: ${event.message}`);
        break;
    }
  }

  #once(line: string): void {
    if (line !== this.#last) this.#say((this.#last = line));
  }

  #progress({ phase, wave, waves, done, total, results, accounts }: FleetProgress): void {
    const stage = `${phase}${waves < 2 ? '' : `, wave ${String(wave)} of ${String(waves)}`}`;
    if (stage !== this.#stage || done - this.#shownDone >= Math.max(1, total * STEP)) {
      this.#stage = stage;
      this.#shownDone = done;
      const counts = Object.entries(results).map(([result, count]) => `${String(count)} ${result}`);
      this.#say(`${stage}: ${String(done)} of ${String(total)}${counts.length === 0 ? '' : ` (${counts.join(', ')})`}`);
    }
    for (const account of accounts) {
      const { state, reason } = account;
      if (this.#states.get(account.account) === state) continue;
      this.#states.set(account.account, state);
      if (NOTABLE.has(state))
        this.#say(`${accountText(account)}: ${state}${reason === undefined ? '' : `: ${reason}`}`);
    }
  }
}
