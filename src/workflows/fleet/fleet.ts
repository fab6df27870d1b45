import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  continueAsNew,
  isCancellation,
  log,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { FleetReport, FleetRequest } from '../../contract/fleet.js';
import { fleetProgressQuery, fleetReportQuery, joinSignal } from '../../contract/messages.js';
import type { Approval } from '../../contract/report.js';
import { fleetWorkflowId } from '../../contract/workflow-ids.js';
import { resultOfFailure } from '../../report/build.js';
import { resultsOf } from '../../report/fleet.js';
import { counted } from '../../report/text.js';
import { fleetAccounts } from '../activities.js';
import { Cancellation } from '../cancellation.js';
import { lockWaitDetails } from '../details.js';
import { describeFailure, isOfNotifyingWorker } from '../failures.js';
import { startLocked } from '../locked-child.js';
import { assertFleetRequest } from '../requests.js';
import { recordOutcome } from '../search-attributes.js';
import { AccountRuns } from './account-runs.js';
import { isContinued } from '../continued.js';
import { fleetReportDetails } from './fleet-details.js';
import { notifyOfFleetEnd, notifyOfWave, notifyOfWaveDecision } from './fleet-notifications.js';
import { type CarriedFleet, FleetState } from './fleet-state.js';
import { WaveApproval, waveDigest } from './wave-approval.js';

/** The end of a fleet's run that no account explains. */
type Stop = Pick<FleetReport, 'result' | 'reason' | 'remedy'>;

/**
 * Brings one manifest to many accounts: wave by wave, some accounts at a time, each by a bootstrap run of its own under
 * the lock of its namespace. What goes wrong in one account is in its result, and stops only later waves.
 *
 * Its workflow ID is the lock of the fleet. It goes on with an empty history before that is full.
 *
 * @param request - what to bring to which accounts
 * @param carried - what an earlier run of the workflow has done. Taken from such a run only
 */
export async function fleet(request: FleetRequest, carried?: CarriedFleet): Promise<FleetReport> {
  assertFleetRequest(request);
  const lock = fleetWorkflowId(request.namespace, request.fleet);
  const { workflowId } = workflowInfo();
  if (request.command === 'apply' && workflowId !== lock) return runUnderLock(request, lock);
  if (request.command !== 'apply' && workflowId === lock) {
    // Clients would join it, and take its end for that of an apply.
    const message = `a run that is to ${request.command} cannot hold the lock of its fleet`;
    throw ApplicationFailure.nonRetryable(message, 'InvalidManifest');
  }
  const cancellation = new Cancellation();
  const own = isContinued(workflowInfo()) ? carried : undefined;
  return CancellationScope.nonCancellable(() => new Fleet(request, own, cancellation).run());
}

async function runUnderLock(request: FleetRequest, lock: string): Promise<FleetReport> {
  const child = await startLocked<FleetRequest, FleetReport>(fleet, {
    lock: 'fleet',
    workflowId: lock,
    options: { staticSummary: `fleet ${request.fleet} of ${request.namespace}` },
    request: () => request,
    onWait: () => {
      setCurrentDetails(lockWaitDetails(lock));
    },
  });
  return child.result();
}

/** One run of a fleet. */
class Fleet {
  readonly #request: FleetRequest;
  readonly #cancellation: Cancellation;
  readonly #state: FleetState;
  readonly #approval: WaveApproval;
  readonly #accounts: AccountRuns;
  #report: FleetReport | null = null;
  /** The wave under way was approved before the run continued as new. */
  #isResumed: boolean;
  /** The worker that looked for the accounts tells people what becomes of the run. */
  #notifies = false;

  constructor(request: FleetRequest, carried: CarriedFleet | undefined, cancellation: Cancellation) {
    this.#request = request;
    this.#cancellation = cancellation;
    this.#state = new FleetState(request, carried);
    this.#isResumed = carried !== undefined;
    this.#approval = new WaveApproval(() => this.#state.isResolved && this.#state.resolved.signedDecisions === true);
    this.#accounts = new AccountRuns(this.#state, cancellation, (open, waiting) =>
      continueAsNew<typeof fleet>(request, this.#state.carry(open, waiting)),
    );
    setHandler(fleetProgressQuery, () => this.#state.progress());
    setHandler(fleetReportQuery, () => this.#report);
    setHandler(joinSignal, (key) => {
      log.info('Another request joins this run', { key });
    });
    if (carried !== undefined) this.#accounts.resume(carried.open, carried.waiting);
  }

  async run(): Promise<FleetReport> {
    let stop: Stop | null = null;
    try {
      if (!this.#state.isResolved) {
        this.#state.refreshDetails();
        this.#state.resolved = await this.#cancellation.endOnRequest(() => fleetAccounts.resolveFleet(this.#request));
      }
      this.#notifies = this.#state.resolved.notifies === true;
      stop = await this.#runWaves();
    } catch (error) {
      this.#notifies ||= isOfNotifyingWorker(error);
      stop = this.#stopOf(error);
    }
    const report = { ...this.#state.buildReport(), ...stop };
    if (this.#notifies && report.command !== 'plan') await notifyOfFleetEnd(report, this.#state.troubleBefore);
    return this.#finish(report);
  }

  /** Runs one wave after the other. Returns why it has stopped before the last one; null where it has not. */
  async #runWaves(): Promise<Stop | null> {
    const { waves } = this.#state;
    for (; this.#state.wave < waves; this.#state.wave += 1) {
      const stop = this.#isResumed ? null : await this.#stopBeforeWave();
      this.#isResumed = false;
      if (stop !== null) return stop;
      this.#state.phase = ['plan', 'detect'].includes(this.#request.command) ? 'planning' : 'applying';
      this.#state.refreshDetails();
      await this.#accounts.run(this.#state.openInWave());
      if (this.#cancellation.isRequested()) break;
    }
    return this.#cancelled();
  }

  #cancelled(): Stop | null {
    const { reason } = this.#cancellation;
    if (reason === null || this.#state.reports.size === this.#state.resolved.accounts.length) {
      const hasCancelled = [...this.#state.reports.values()].some(({ result }) => result === 'cancelled');
      return reason !== null && hasCancelled ? { result: 'cancelled', reason, remedy: null } : null;
    }
    this.#state.skipRest(reason);
    return { result: 'cancelled', reason, remedy: null };
  }

  /** Returns why the wave does not begin; null where it does. Its accounts, and those of later waves, are then skipped. */
  async #stopBeforeWave(): Promise<Stop | null> {
    if (this.#state.wave === 0) return null;
    if (this.#state.hasTooManyFailures) {
      const failures = counted(this.#state.failures, 'account');
      const reason = `${failures} did not converge, more than maxFailures allows: wave ${String(this.#state.wave + 1)} does not start`;
      this.#state.skipRest(reason);
      const { result } = this.#state.buildReport();
      return { result, reason, remedy: 'correct what the failed accounts name, and apply again' };
    }
    if (!this.#request.rollout.approveWaves) return null;
    const { verdict, by, reason: why } = await this.#approve();
    if (verdict === 'approved') return null;
    if (verdict === 'cancelled') return this.#cancelled();
    const wave = `wave ${String(this.#state.wave + 1)}`;
    const reason =
      verdict === 'expired'
        ? `nobody approved ${wave} in time`
        : `${wave} was rejected by ${by ?? 'nobody'}${why === null || why === '' ? '' : `: ${why}`}`;
    this.#state.skipRest(reason);
    return { result: 'refused', reason, remedy: 'apply again, and have the wave approved' };
  }

  async #approve(): Promise<Approval> {
    const wave = this.#state.wave + 1;
    const plan = waveDigest(this.#request.digest, this.#state.runId, wave);
    this.#state.phase = 'awaiting approval';
    const report = this.#state.buildReport();
    const asked = { plan, wave, accounts: this.#state.openInWave().length, report };
    if (this.#notifies) await notifyOfWave(report, wave, plan);
    const decision = await this.#approval.wait(asked, this.#cancellation, ({ expiresAt }) => {
      this.#state.approval = { plan, wave, expiresAt };
      this.#state.refreshDetails();
    });
    this.#state.approval = undefined;
    if (this.#notifies) await notifyOfWaveDecision(report, wave, decision);
    return decision;
  }

  /** Returns the end of a run whose accounts could not be found. */
  #stopOf(error: unknown): Stop {
    const { reason } = this.#cancellation;
    if (reason !== null && isCancellation(error)) return { result: 'cancelled', reason, remedy: null };
    const failure = describeFailure(error);
    if (failure === null) throw error;
    return { result: resultOfFailure(failure.type), reason: failure.reason, remedy: failure.remedy };
  }

  #finish(report: FleetReport): FleetReport {
    const { result, reason, summary } = report;
    this.#state.phase = 'done';
    this.#report = report;
    setCurrentDetails(fleetReportDetails(report));
    recordOutcome(result, summary.conflicts);
    const counts = Object.entries(resultsOf(report.accounts)).map(([name, count]) => `${String(count)} ${name}`);
    log[result === 'converged' ? 'info' : 'warn'](`Fleet ${result}`, { result, reason, accounts: counts.join(', ') });
    switch (result) {
      case 'failed':
      case 'busy':
      case 'refused': {
        const type = result === 'refused' ? 'RunRefused' : 'RunFailed';
        throw ApplicationFailure.nonRetryable(reason ?? counts.join(', '), type, report);
      }
      case 'cancelled':
        // Temporal keeps no details of a cancelled run: clients ask for the report by `fleetReportQuery`.
        throw new CancelledFailure('the run was cancelled');
      default:
        return report;
    }
  }
}
