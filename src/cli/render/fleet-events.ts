import { describePipeline } from '../../report/run-description.js';
import type { FleetEvent } from '../../client/fleet/events.js';
import { approveWaveCommand } from '../../report/fleet.js';
import type { AccountProgress, FleetProgress } from '../../contract/fleet-progress.js';
import { accountText } from '../../report/fleet-words.js';
import { counted } from '../../report/text.js';
import type { EventText } from './run-events.js';

/** Returns the text of an event, the same on a terminal and in a log. Null for one that has none. */
export function textOfFleetEvent(event: FleetEvent): EventText | null {
  const text = (line: string): EventText => ({ text: line, url: null });
  switch (event.type) {
    case 'started':
      return { text: `run ${event.runId}`, url: event.url };
    case 'joined':
      return { text: `an equal request is already running; following run ${event.runId}`, url: event.url };
    case 'waiting': {
      const { memo, startedAt, url } = event.lockHolder;
      return { text: `waiting for the fleet: held by ${describePipeline(memo.pipeline)}, since ${startedAt}`, url };
    }
    case 'awaiting-approval': {
      const { wave, accounts, expiresAt, plan, report } = event.wave;
      const command = approveWaveCommand(report.namespace, report.fleet, plan);
      return text(
        `wave ${String(wave)} (${counted(accounts, 'account')}) awaits approval until ${expiresAt}; to approve (or reject): ${command}`,
      );
    }
    case 'no-worker':
      return text(`${event.message}; ${event.remedy}`);
    case 'unreachable':
      return text(`Temporal does not respond; retrying: ${event.message}`);
    case 'progress':
      return null;
  }
}

/** Returns the phase of a fleet with its wave: `applying, wave 2 of 3`. */
export function stageText({ phase, wave, waves }: Pick<FleetProgress, 'phase' | 'wave' | 'waves'>): string {
  return `${phase}${waves < 2 ? '' : `, wave ${String(wave)} of ${String(waves)}`}`;
}

/** Returns the state of an account, and why it is in it. */
export function stateText({ state, reason, ...account }: AccountProgress): string {
  return `${accountText(account)}: ${state}${reason === undefined ? '' : `: ${reason}`}`;
}
