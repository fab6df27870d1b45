import { log, patched, sleep } from '@temporalio/workflow';
import type { PendingActivity } from '../../contract/activities.js';
import { FAILURES, isFailureType } from '../../contract/failures.js';
import type { EntityReport } from '../../contract/report.js';
import { DEFAULT_TIMEOUT_MS } from '../../contract/request.js';
import { joinFirst, timeoutText } from '../../report/text.js';
import { pendingActivityLists } from '../activities.js';
import type { RunState } from './run-state.js';
import type { Deadline, Stall } from './stall.js';

/** Checks without progress after which a run ends. The timeout passes between the first and the last of them. */
const MAX_IDLE_CHECKS = 5;

/** The part of a run's age that at least passes between two checks: they must not fill the history of a long run. */
const MIN_SHARE_OF_AGE = 0.01;

/** Activities that a sentence names. */
const MAX_NAMES = 3;

/**
 * Ends a run that has made no progress for its timeout: checks four times in that time what has been done since, and
 * requests the end of the run where nothing has. Time in which no worker ran does not count.
 */
export async function enforceDeadline(state: RunState): Promise<void> {
  // Runs that were open when this was added have no such timers.
  if (!patched('deadline')) return;
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = state.request;
  const progress = new Progress(state);
  for (;;) {
    await state.untilOwnWork();
    await sleep(nextWaitMs(state, timeoutMs), { summary: 'deadline' });
    if (state.cancellation.isRequested()) return;
    const pending = await pendingActivityLists.listPendingActivities().catch(() => []);
    const idleChecks = progress.hasProgress(pending) ? 0 : state.idle.count + 1;
    state.idle = { count: idleChecks, steps: state.steps, nextAt: null };
    if (idleChecks >= MAX_IDLE_CHECKS) {
      state.endForLackOfProgress(deadlineOf(pending, `no progress for ${timeoutText(timeoutMs)}`));
      return;
    }
    const isStalled = idleChecks > 1;
    if (isStalled) log.warn('No progress', { idleChecks, waitingFor: stallText(pending) });
    state.showStall(isStalled ? `no progress: ${stallText(pending)}` : null);
  }
}

/** Returns the time to the next check. One that the run before this one of the chain has set is kept. */
function nextWaitMs(state: RunState, timeoutMs: number): number {
  const now = Date.now();
  if (state.idle.nextAt !== null) return Math.max(1, state.idle.nextAt - now);
  const ageMs = now - state.run.startedAt;
  const waitMs = Math.ceil(Math.max(timeoutMs / (MAX_IDLE_CHECKS - 1), ageMs * MIN_SHARE_OF_AGE));
  state.idle = { ...state.idle, nextAt: now + waitMs };
  return waitMs;
}

/** Tells progress from attempts that fail again. */
class Progress {
  readonly #state: RunState;
  /** Writes that each run has sent, by workflow ID. */
  #writes: ReadonlyMap<string, number> = new Map();

  constructor(state: RunState) {
    this.#state = state;
  }

  /** Reports whether anything was done since the last call. What fails is no progress. */
  hasProgress(pending: readonly PendingActivity[]): boolean {
    const { steps, run, idle } = this.#state;
    const writes = new Map(pending.map((activity) => [activity.workflowId, activity.writes]));
    const hasStep = steps > idle.steps;
    const hasWrite = [...writes].some(([id, count]) => count > (this.#writes.get(id) ?? 0));
    // A first read or verification of a large account takes long, and ends by itself.
    const isReading = pending.some(
      ({ workflowId, isStarted, failedAttempts }) => workflowId === run.workflowId && isStarted && failedAttempts === 0,
    );
    this.#writes = writes;
    return hasStep || hasWrite || isReading || this.#state.isWaitingForOthers;
  }
}

function deadlineOf(pending: readonly PendingActivity[], short: string): Deadline {
  const failing = pending.find(({ failure }) => failure !== null) ?? pending[0];
  return {
    short,
    reason: `${short}: ${stallText(pending)}`,
    remedy: failing === undefined ? FAILURES.TimedOut.remedy : stallOf(failing).remedy,
    stalls: new Map(pending.map((activity) => [activity.workflowId, stallOf(activity)])),
  };
}

/** Names what is waited for: what fails comes first. */
function stallText(pending: readonly PendingActivity[]): string {
  if (pending.length === 0) return 'Temporal does not tell which activities are open';
  const ordered = [...pending].sort((a, b) => Number(b.failure !== null) - Number(a.failure !== null));
  const texts = ordered.map((activity) => `${activity.summary}: ${stallOf(activity).reason}`);
  return joinFirst(texts, MAX_NAMES, '; ');
}

function stallOf({ failure, isStarted }: PendingActivity): Stall {
  if (failure !== null) {
    const type = isFailureType(failure.type) ? failure.type : 'TimedOut';
    return { reason: failure.message, remedy: FAILURES[type].remedy };
  }
  return {
    reason: isStarted ? 'in progress, without a new write' : 'waits for a worker that has room for it',
    remedy: FAILURES.TimedOut.remedy,
  };
}

/** Returns the report of an entity. One that the deadline has ended has failed, by what it waited for. */
export function reportAtDeadline({ deadline }: RunState, workflowId: string, report: EntityReport): EntityReport {
  if (deadline === null || report.outcome !== 'cancelled') return report;
  const stall = deadline.stalls.get(workflowId);
  return {
    ...report,
    outcome: 'failed',
    reason: stall === undefined ? deadline.short : `${stall.reason} (${deadline.short})`,
    remedy: stall?.remedy ?? deadline.remedy,
  };
}
