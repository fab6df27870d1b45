import {
  ApplicationFailure,
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  log,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { AccountRun, AccountRunEnd } from '../../contract/fleet.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { isAccountRunEnd } from '../../report/fleet.js';
import { accountActivities, accountRuns } from '../activities.js';
import { CANCELLED, type Cancellation } from '../cancellation.js';
import { nextLockWait } from '../locked-child.js';
import { recordRefusal } from '../metrics.js';
import { busyEnd, type Ended, endOf, startAccount } from './account-child.js';
import type { FleetState, OpenAccount, WaitingAccount } from './fleet-state.js';
import { HistoryRoom } from './history-room.js';

/** First wait for a namespace that another run holds, in milliseconds. */
const FIRST_WAIT_MS = 1_000;

/** The longest wait for a namespace: half an hour, as a client waits. */
export const MAX_WAIT_MS = 30 * 60_000;

/** The longest that a fleet's schedule waits for a run that waits itself, for its lock or an approval. Its next run looks again. */
const MAX_ENFORCING_MS = 60 * 60_000;

/** The time that runs have to end before the fleet continues as new without them, and finds them again. */
const DRAIN_MS = 60_000;

/** An account that is under way. */
interface Underway {
  readonly startedAt: number;
  /** Null as long as it has not started. */
  run: AccountRun | null;
}

/** The function by which the fleet goes on with an empty history. */
export type Continue = (open: readonly OpenAccount[], waiting: readonly WaitingAccount[]) => Promise<never>;

/**
 * Runs the accounts of a fleet, a bounded number at a time. An account whose namespace another run holds gives its place
 * to the next one while it waits.
 */
export class AccountRuns {
  readonly #state: FleetState;
  readonly #cancellation: Cancellation;
  readonly #continue: Continue;
  readonly #room: HistoryRoom;
  readonly #underway = new Map<number, Underway>();
  readonly #waiting = new Map<number, WaitingAccount>();
  /** Accounts that have waited and may try again. */
  readonly #ready: WaitingAccount[] = [];
  /** Requests of accounts that wait: they are made once. */
  readonly #requests = new Map<number, BootstrapRequest>();
  #queue: readonly number[] = [];
  #taken = 0;

  constructor(state: FleetState, cancellation: Cancellation, goOn: Continue) {
    this.#state = state;
    this.#cancellation = cancellation;
    this.#continue = goOn;
    this.#room = new HistoryRoom(state.request);
  }

  /** Takes up what the run before this one has left open. */
  resume(open: readonly OpenAccount[], waiting: readonly WaitingAccount[]): void {
    for (const { index, startedAt, ...run } of open) {
      this.#begin(index, startedAt, run, () => this.#followAgain(run));
    }
    for (const account of waiting) this.#wait(account);
  }

  /** Runs the accounts at these positions, and those that were taken up, until all have ended. */
  async run(indexes: readonly number[]): Promise<void> {
    this.#queue = indexes.filter((index) => !this.#underway.has(index) && !this.#waiting.has(index));
    this.#taken = 0;
    while (!this.#isDone) {
      const isEnding = (): boolean => this.#isDone || this.#cancellation.isRequested();
      await condition(() => isEnding() || this.#mayBegin || this.#room.isFull);
      if (this.#cancellation.isRequested()) return this.#endAll();
      if (this.#room.isFull) await this.#continueAsNew();
      else if (this.#mayBegin) this.#beginNext();
    }
  }

  get #hasNext(): boolean {
    return this.#ready.length > 0 || this.#taken < this.#queue.length;
  }

  get #isDone(): boolean {
    return !this.#hasNext && this.#underway.size === 0 && this.#waiting.size === 0;
  }

  get #mayBegin(): boolean {
    const { concurrency } = this.#state.request.rollout;
    return this.#hasNext && this.#underway.size < concurrency && this.#room.hasRoomFor(this.#underway.size + 1);
  }

  #beginNext(): void {
    const waited = this.#ready.shift();
    const index = waited?.index ?? this.#queue[this.#taken];
    if (waited === undefined) this.#taken += 1;
    if (index === undefined) return;
    const startedAt = waited?.startedAt ?? Date.now();
    this.#begin(index, startedAt, null, (underway) => this.#apply(index, underway, waited));
  }

  /** Puts an account under way. What goes wrong with it is its result, and fails nothing else. */
  #begin(
    index: number,
    startedAt: number,
    run: AccountRun | null,
    work: (underway: Underway) => Promise<AccountRunEnd | WaitingAccount | Ended>,
  ): void {
    const underway: Underway = { startedAt, run };
    this.#underway.set(index, underway);
    // One that has waited waits until it has started.
    if (this.#requests.has(index)) this.#state.setState(index, 'waiting', startedAt);
    else this.#state.setState(index, run === null ? 'preparing' : 'running');
    void work(underway)
      .then(
        (result) => {
          if ('waitMs' in result) this.#wait(result);
          else if (isAccountRunEnd(result)) this.#state.recordRun(index, startedAt, result, underway.run);
          else this.#state.recordResult(index, startedAt, { ...result, workflow: underway.run });
        },
        (error: unknown) => this.#recordError(index, underway, error),
      )
      .finally(() => {
        this.#underway.delete(index);
      });
  }

  /** Makes the request of an account and has it applied. Returns the next wait where another run holds the namespace. */
  async #apply(
    index: number,
    underway: Underway,
    waited: WaitingAccount | undefined,
  ): Promise<AccountRunEnd | WaitingAccount | Ended> {
    const { permit } = this.#state.resolved;
    const account = this.#state.accountAt(index);
    const request =
      this.#requests.get(index) ??
      (await this.#cancellation.endOnRequest(() =>
        accountActivities(account.id).prepareFleetAccount({ account, ...(permit === undefined ? {} : { permit }) }),
      ));
    this.#room.note(request);
    const scope = new CancellationScope();
    const { command } = this.#state.request;
    const child = await scope.run(() => startAccount(command, request));
    if (child === null) {
      this.#requests.set(index, request);
      recordRefusal('namespace');
      const wait = nextWait(index, underway.startedAt, waited);
      if (wait.waitedMs < MAX_WAIT_MS) return wait;
      this.#requests.delete(index);
      return busyEnd(request);
    }
    this.#requests.delete(index);
    underway.run = { workflowId: child.workflowId, runId: child.firstExecutionRunId };
    this.#state.setState(index, 'running');
    // The scope ends with the fleet from here on: a child must have started before it is cancelled.
    const ending = this.#cancellation.endOnRequest(() => child.result(), scope);
    return command === 'enforce' ? endedInTime(ending) : ending;
  }

  /** Lets an account wait for its namespace, outside of the places. */
  #wait(account: WaitingAccount): void {
    const { index, waitMs, startedAt } = account;
    log.info('An account waits: another run holds its namespace', { account: this.#state.accountAt(index).id, waitMs });
    this.#waiting.set(index, account);
    this.#state.setState(index, 'waiting', startedAt);
    const { requested } = this.#cancellation;
    void Promise.race([sleep(waitMs), requested]).then(() => {
      this.#waiting.delete(index);
      if (!this.#cancellation.isRequested()) this.#ready.push(account);
    });
  }

  /** Awaits a run that an earlier run of the fleet has started. */
  async #followAgain(run: AccountRun): Promise<AccountRunEnd> {
    let isCancelled = false;
    for (let waitMs = FIRST_WAIT_MS, waitedMs = 0; ; waitMs = nextLockWait(waitMs, waitedMs)) {
      const { isOpen, report, reason, lastRunId = run.runId } = await accountRuns.findAccountRun(run);
      if (report !== null) return report;
      if (!isOpen) throw ApplicationFailure.nonRetryable(reason ?? 'the run ended without a report', 'RunFailed');
      if (this.#cancellation.isRequested() && !isCancelled) {
        // It fails where the run has closed or has continued as new meanwhile.
        isCancelled = await getExternalWorkflowHandle(run.workflowId, lastRunId)
          .cancel()
          .then(
            () => true,
            () => false,
          );
      }
      await (this.#cancellation.isRequested()
        ? sleep(waitMs)
        : Promise.race([sleep(waitMs), this.#cancellation.requested]));
      waitedMs += waitMs;
    }
  }

  async #recordError(index: number, { startedAt, run }: Underway, error: unknown): Promise<void> {
    const ended = await endOf(error, run, this.#cancellation.reason ?? CANCELLED);
    if (isAccountRunEnd(ended)) this.#state.recordRun(index, startedAt, ended, run);
    else this.#state.recordResult(index, startedAt, { ...ended, workflow: run });
  }

  /** Waits for what has begun. What waits, and what is left, ends with the fleet. */
  async #endAll(): Promise<void> {
    await condition(() => this.#underway.size === 0);
    this.#waiting.clear();
    this.#ready.length = 0;
  }

  /**
   * Goes on with an empty history once the runs in flight have ended. Those that take longer go on meanwhile, and the next
   * run finds them again. A start that is not answered must not be lost, so it is waited for however long it takes.
   */
  async #continueAsNew(): Promise<void> {
    const isDrained = (): boolean => this.#underway.size === 0 || this.#cancellation.isRequested();
    await condition(isDrained, DRAIN_MS);
    await condition(() => isDrained() || [...this.#underway.values()].every(({ run }) => run !== null));
    if (this.#cancellation.isRequested()) return;
    const open = [...this.#underway].flatMap(([index, { startedAt, run }]) =>
      run === null ? [] : [{ index, startedAt, ...run }],
    );
    const waiting = [...this.#waiting.values(), ...this.#ready];
    log.info('Continuing as new', {
      history: workflowInfo().historyLength,
      open: open.length,
      waiting: waiting.length,
    });
    await this.#continue(open, waiting);
  }
}

function nextWait(index: number, startedAt: number, waited: WaitingAccount | undefined): WaitingAccount {
  if (waited === undefined) return { index, startedAt, waitedMs: 0, waitMs: FIRST_WAIT_MS };
  const waitedMs = waited.waitedMs + waited.waitMs;
  return { index, startedAt, waitedMs, waitMs: nextLockWait(waited.waitMs, waitedMs) };
}

/** Returns the end of a run that enforces, or that it goes on without the fleet: it must not hold up all other accounts. */
async function endedInTime(ending: Promise<AccountRunEnd>): Promise<AccountRunEnd | Ended> {
  const timer = new CancellationScope();
  const timeout = timer
    .run(() => sleep(MAX_ENFORCING_MS))
    .then((): Ended => ({
      result: 'busy',
      reason: 'its run has not ended within an hour, and goes on: it waits for its namespace or for an approval',
      remedy: 'see `iam-bootstrap status` for what holds it',
    }));
  timeout.catch(() => undefined);
  try {
    return await Promise.race([ending, timeout]);
  } finally {
    timer.cancel();
    ending.catch(() => undefined);
  }
}
