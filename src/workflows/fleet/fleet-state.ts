import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { FLEET_PROGRESS_LIMIT } from '../../contract/fleet-progress.js';
import type { AccountProgress, AccountState, FleetPhase, FleetProgress } from '../../contract/fleet-progress.js';
import type {
  AccountReport,
  AccountRun,
  AccountRunEnd,
  FleetAccount,
  FleetReport,
  FleetRequest,
  ResolvedFleet,
} from '../../contract/fleet.js';
import {
  accountReport,
  accountWithoutRun,
  buildFleetReport,
  isAccountFailure,
  MAX_FLEET_ENTITIES,
  scheduledAccountReport,
  toleratedFailures,
  waveEnds,
} from '../../report/fleet.js';
import { fleetProgressDetails } from './fleet-details.js';
import { troubleBefore } from './fleet-notifications.js';

/** Updates of the page while accounts are run. One for each of thousands would take longer than they do. */
const MAX_DETAILS_UPDATES = 200;

/** A run of an account that was open when the fleet continued as new. */
export interface OpenAccount extends AccountRun {
  readonly index: number;
  readonly startedAt: number;
}

/** An account whose namespace another run holds. */
export interface WaitingAccount {
  readonly index: number;
  readonly startedAt: number;
  readonly waitedMs: number;
  readonly waitMs: number;
}

/** The part of a fleet's run that the next run of its workflow goes on from. */
export interface CarriedFleet {
  readonly runId: string;
  readonly startedAt: number;
  readonly resolved: ResolvedFleet;
  readonly reports: readonly (readonly [index: number, report: AccountReport])[];
  /** Accounts in which another revision was applied last. */
  readonly outdated?: number;
  /** The wave under way, from 0. It is approved. */
  readonly wave: number;
  readonly open: readonly OpenAccount[];
  readonly waiting: readonly WaitingAccount[];
  /** The trouble of the last run of the same schedule. */
  readonly troubleBefore?: readonly string[];
}

/** The state of an account that is under way. */
interface Underway {
  readonly state: AccountState;
  readonly since: number;
}

/** State of one fleet run. Accounts are known by their position in the fleet. */
export class FleetState {
  readonly request: FleetRequest;
  /** The first run of the workflow: it stays the run of the fleet when it continues as new. */
  readonly runId: string;
  readonly startedAt: number;
  readonly troubleBefore: readonly string[];
  phase: FleetPhase = 'resolving';
  /** The wave under way, from 0. */
  wave: number;
  approval: FleetProgress['approval'];
  readonly reports: Map<number, AccountReport>;
  #resolved: ResolvedFleet | null;
  #ends: readonly number[] = [];
  readonly #underway = new Map<number, Underway>();
  readonly #results: Partial<Record<AccountReport['result'], number>> = {};
  readonly #problems: AccountProgress[] = [];
  #listedEntities = 0;
  #outdated = 0;
  #endedAtLastUpdate = 0;

  constructor(request: FleetRequest, carried: CarriedFleet | undefined) {
    const { firstExecutionRunId, startTime } = workflowInfo();
    this.request = request;
    this.runId = carried?.runId ?? firstExecutionRunId;
    this.startedAt = carried?.startedAt ?? startTime.getTime();
    this.wave = carried?.wave ?? 0;
    this.troubleBefore = carried === undefined ? troubleBefore() : (carried.troubleBefore ?? []);
    this.reports = new Map();
    this.#resolved = null;
    if (carried === undefined) return;
    this.resolved = carried.resolved;
    this.#outdated = carried.outdated ?? 0;
    for (const [index, report] of carried.reports) this.#note(index, report);
  }

  get isResolved(): boolean {
    return this.#resolved !== null;
  }

  get resolved(): ResolvedFleet {
    return this.#resolved ?? { accounts: [], leftOut: [], calls: {} };
  }

  set resolved(resolved: ResolvedFleet) {
    this.#resolved = resolved;
    const { command, rollout } = this.request;
    // To look harms no account.
    this.#ends = waveEnds(command === 'detect' ? [] : rollout.waves, resolved.accounts.length);
  }

  get waves(): number {
    return this.#ends.length;
  }

  /** Returns the positions of the accounts of the wave under way that have not ended. */
  openInWave(): readonly number[] {
    const [start, end] = [this.#ends[this.wave - 1] ?? 0, this.#ends[this.wave] ?? 0];
    return Array.from({ length: end - start }, (_, offset) => start + offset).filter(
      (index) => !this.reports.has(index),
    );
  }

  accountAt(index: number): FleetAccount {
    return this.resolved.accounts[index] ?? { id: '', name: null, tags: {} };
  }

  /** Reports whether more accounts have failed than the fleet tolerates. */
  get hasTooManyFailures(): boolean {
    return this.failures > toleratedFailures(this.request.rollout.maxFailures, this.resolved.accounts.length);
  }

  get failures(): number {
    const { failed = 0, refused = 0, busy = 0 } = this.#results;
    return failed + refused + busy - this.#outdated;
  }

  setState(index: number, state: AccountState, since = Date.now()): void {
    this.#underway.set(index, { state, since });
  }

  /** Records the report of an account's run. */
  recordRun(index: number, startedAt: number, end: AccountRunEnd, run: AccountRun | null): void {
    const outcome = this.#outcome(index, startedAt);
    // Another manifest was applied there, which says nothing about this one elsewhere.
    if (end.result === 'outdated') this.#outdated += 1;
    const report =
      'entities' in end
        ? accountReport(outcome, end, MAX_FLEET_ENTITIES - this.#listedEntities)
        : scheduledAccountReport(outcome, end, run);
    this.#end(index, report);
  }

  /** Records the result of an account that has no report of a run. */
  recordResult(
    index: number,
    startedAt: number,
    {
      workflow = null,
      ...result
    }: Pick<AccountReport, 'result' | 'reason' | 'remedy'> & { readonly workflow?: AccountRun | null },
  ): void {
    this.#end(index, { ...accountWithoutRun(this.#outcome(index, startedAt), result), workflow });
  }

  #outcome(index: number, startedAt: number): Parameters<typeof accountReport>[0] {
    const wave = this.#ends.findIndex((end) => index < end) + 1;
    return { account: this.accountAt(index), wave, durationMs: Date.now() - startedAt };
  }

  #end(index: number, report: AccountReport): void {
    this.#note(index, report);
    const ended = this.reports.size - this.#endedAtLastUpdate;
    if (ended >= this.resolved.accounts.length / MAX_DETAILS_UPDATES) this.refreshDetails();
  }

  #note(index: number, report: AccountReport): void {
    const { account, name, result, reason } = report;
    this.#underway.delete(index);
    this.reports.set(index, report);
    this.#results[result] = (this.#results[result] ?? 0) + 1;
    this.#listedEntities += report.entities.length;
    if (!isAccountFailure(report) && result !== 'cancelled') return;
    this.#problems.push({ account, name, state: result, ...(reason === null ? {} : { reason }) });
  }

  /** Records that the accounts that have not begun are not run. */
  skipRest(reason: string): void {
    for (const index of this.resolved.accounts.keys()) {
      if (!this.reports.has(index)) this.recordResult(index, Date.now(), { result: 'skipped', reason, remedy: null });
    }
  }

  progress(): FleetProgress {
    const underway = [...this.#underway]
      .sort(([, a], [, b]) => a.since - b.since)
      .slice(0, FLEET_PROGRESS_LIMIT)
      .map(([index, { state, since }]): AccountProgress => {
        const { id, name } = this.accountAt(index);
        return { account: id, name, state, since: new Date(since).toISOString() };
      });
    return {
      phase: this.phase,
      wave: Math.min(this.wave + 1, this.waves),
      waves: this.waves,
      done: this.reports.size,
      total: this.resolved.accounts.length,
      results: { ...this.#results },
      accounts: [...underway, ...this.#problems].slice(0, FLEET_PROGRESS_LIMIT),
      ...(this.approval === undefined ? {} : { approval: this.approval }),
    };
  }

  buildReport(): FleetReport {
    const accounts = [...this.reports].sort(([a], [b]) => a - b).map(([, report]) => report);
    const { workflowId } = workflowInfo();
    const { request, runId, startedAt, resolved } = this;
    return buildFleetReport({ request, workflowId, runId, startedAt, resolved }, accounts, Date.now());
  }

  /** Writes the run's page in the Temporal UI anew. */
  refreshDetails(): void {
    this.#endedAtLastUpdate = this.reports.size;
    setCurrentDetails(fleetProgressDetails(this.request, this.progress()));
  }

  carry(open: readonly OpenAccount[], waiting: readonly WaitingAccount[]): CarriedFleet {
    const { runId, startedAt, resolved, wave } = this;
    const carried = {
      runId,
      startedAt,
      resolved,
      reports: [...this.reports],
      outdated: this.#outdated,
      wave,
      open,
      waiting,
    };
    return this.troubleBefore.length === 0 ? carried : { ...carried, troubleBefore: this.troubleBefore };
  }
}
