import {
  CancellationScope,
  isCancellation,
  log,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { isWrite } from '../../contract/actions.js';
import { approvalQuery, joinSignal, progressQuery, reportQuery } from '../../contract/messages.js';
import type { ApprovedPlan } from '../../contract/activities.js';
import type { Report } from '../../contract/report.js';
import { type BootstrapRequest, workflowTaskTimeoutMs } from '../../contract/request.js';
import type { AppliedRevision } from '../../contract/revision.js';
import { bootstrapWorkflowId } from '../../contract/workflow-ids.js';
import { buildFailedReport } from '../../report/build.js';
import { joinFirst } from '../../report/text.js';
import { accountReads } from '../activities.js';
import { CANCELLED, Cancellation } from '../cancellation.js';
import { lockWaitDetails } from '../details.js';
import { describeFailure, isOfNotifyingWorker } from '../failures.js';
import { startLocked } from '../locked-child.js';
import { assertBootstrapRequest } from '../requests.js';
import { isContinued } from '../continued.js';
import { changesSinceApproval, digestOf, explainVerdict } from './approved-plan.js';
import type { CarriedParts, CarriedRun } from './carried-run.js';
import { goOnAsNew, readParts } from './continue-as-new.js';
import { enforceDeadline } from './deadline.js';
import { recordDeclarations } from './declarations.js';
import { takeClaims } from './entity-claims.js';
import { endEarlierRuns } from './earlier-runs.js';
import { finish } from './finish.js';
import { notifyOfApproval, notifyOfDecision, notifyOfEnd } from './notifications.js';
import { reconcileEntities } from './reconcile-entities.js';
import { claimRevision, explainRefusal } from './revision-claim.js';
import { RunState } from './run-state.js';
import type { Stop } from './stop.js';
import { settleLedgers } from './settle-ledgers.js';
import { verifyEntities } from './verify.js';

/** Changes since the approval that a report names. */
const MAX_CHANGES = 20;

/**
 * Brings the entities of one namespace to their desired state. Its workflow ID, one for each account and namespace, is
 * the lock. A run that was started under another ID, as by a schedule, starts itself as a child under the right one.
 *
 * Fails where its report says failed or refused, so that the UI shows red where a person has to look; the report is then
 * in the details of the failure. A cancelled run finishes its calls in flight, starts nothing else, and ends as cancelled.
 *
 * @param request - what to bring to which state
 * @param carried - what an earlier run of the workflow has done. Taken from such a run only
 */
export async function bootstrap(request: BootstrapRequest, carried?: CarriedRun): Promise<Report> {
  assertBootstrapRequest(request);
  const lock = bootstrapWorkflowId(request.target.account, request.namespace);
  if (workflowInfo().workflowId !== lock) return runUnderLock(request, lock);
  const cancellation = new Cancellation();
  // Any client may have sent one. A worker from before this was added plans again, and that run is replayed as it was.
  const isTaken = carried !== undefined && isContinued(workflowInfo()) && patched('carried-run');
  const own = isTaken ? carried : undefined;
  return CancellationScope.nonCancellable(() => new Bootstrap(request, cancellation, own).run());
}

async function runUnderLock(request: BootstrapRequest, lock: string): Promise<Report> {
  const child = await startLocked<BootstrapRequest, Report>(bootstrap, {
    lock: 'namespace',
    workflowId: lock,
    options: {
      workflowTaskTimeout: workflowTaskTimeoutMs(request.entities.length),
      staticSummary: `bootstrap ${request.namespace}`,
    },
    request: () => request,
    onWait: () => {
      setCurrentDetails(lockWaitDetails(lock));
    },
  });
  return child.result();
}

/** The phases of one run: plan, approve, claim the revision, reconcile, verify. */
class Bootstrap {
  readonly #request: BootstrapRequest;
  readonly #state: RunState;
  readonly #carried: CarriedRun | undefined;
  #report: Report | null = null;
  #notifies = false;
  /** The revision that was applied last before this run; undefined until the ledger has answered. */
  #lastRevision: AppliedRevision | null | undefined;

  constructor(request: BootstrapRequest, cancellation: Cancellation, carried?: CarriedRun) {
    this.#request = request;
    this.#carried = carried;
    this.#state = new RunState(request, cancellation, carried);
    setHandler(approvalQuery, () => this.#state.approval.pending);
    setHandler(progressQuery, () => this.#state.progress());
    setHandler(reportQuery, () => this.#report);
    setHandler(joinSignal, (key) => {
      log.info('Another request joins this run', { key });
      this.#state.join();
    });
  }

  async run(): Promise<Report> {
    const stopped = this.#carried === undefined ? undefined : await this.#resume(this.#carried);
    // It goes on until the run has ended.
    void enforceDeadline(this.#state);
    const ended = (stopped === undefined ? await this.#prepare() : stopped) ?? (await this.#write());
    const { result: approval } = this.#state.approval;
    const report = approval === null ? ended : { ...ended, approval };
    if (this.#notifies) await notifyOfEnd(this.#request, report);
    this.#report = report;
    this.#state.phase = 'done';
    return finish(report);
  }

  /** Takes up what the run before this one has done. Returns the report of a run that stops here; null where it goes on. */
  async #resume(carried: CarriedRun): Promise<Report | null> {
    try {
      const read = (): Promise<CarriedParts> => readParts(carried);
      const { notifies, lastRevision, ...state } = await this.#state.cancellation.endOnRequest(read);
      this.#notifies = notifies;
      this.#lastRevision = lastRevision;
      this.#state.resume(state);
      return null;
    } catch (error) {
      return this.#unpreparedReport(error);
    }
  }

  /** Plans and has the plan approved and recorded. Returns the report of a run that stops here; null where it goes on. */
  async #prepare(): Promise<Report | null> {
    const { cancellation } = this.#state;
    try {
      return await cancellation.endOnRequest(async () => {
        const stopped = await this.#planAndApprove();
        if (stopped !== null) return stopped;
        const isStopped = this.#refused.length > 0 && !this.#request.keepGoing;
        const stop = isStopped ? null : await this.#claimRevision();
        if (stop !== null) return this.#stoppedReport(stop);
        if (isStopped) return null;
        await takeClaims(this.#state);
        await recordDeclarations(this.#state);
        return null;
      });
    } catch (error) {
      return this.#unpreparedReport(error);
    }
  }

  #unpreparedReport(error: unknown): Report {
    const { reason } = this.#state.cancellation;
    if (reason !== null && isCancellation(error)) return this.#stoppedReport(this.#endedEarly(reason));
    return this.#failedReport(error);
  }

  async #write(): Promise<Report> {
    if (this.#carried === undefined) this.#state.enter('reconciling');
    const goOn = (): Promise<void> =>
      goOnAsNew(this.#state, () => ({
        ...this.#state.carry(),
        notifies: this.#notifies,
        ...(this.#lastRevision === undefined ? {} : { lastRevision: this.#lastRevision }),
      }));
    await reconcileEntities(this.#state, this.#request.keepGoing ? [] : this.#refused, goOn);
    await this.#verify();
    const unsettled = await settleLedgers(this.#state);
    if (this.#state.hasJoiner) await this.#verify();
    return { ...this.#finalReport(), ...unsettled };
  }

  #endedEarly(reason: string): Stop {
    const { deadline } = this.#state;
    if (deadline === null) return { result: 'cancelled', reason, remedy: null, skipReason: reason };
    return { result: 'failed', reason: deadline.reason, remedy: deadline.remedy, skipReason: reason };
  }

  /** Returns the report of a run that stops here; null where it goes on. */
  async #planAndApprove(): Promise<Report | null> {
    try {
      await this.#plan();
      const stop = await this.#approve();
      return stop === null ? null : this.#stoppedReport(stop);
    } catch (error) {
      return this.#failedReport(error);
    }
  }

  /** Returns the report of a run that has failed before its first write. */
  #failedReport(error: unknown): Report {
    const failure = describeFailure(error);
    if (failure === null) throw error;
    if (isOfNotifyingWorker(error)) this.#notifies = true;
    return buildFailedReport(this.#state.run, failure, Date.now());
  }

  /** Verifies what was written; for those that have joined since the plan, everything. */
  async #verify(): Promise<void> {
    do {
      const hasJoiner = this.#state.takeJoiners();
      await verifyEntities(this.#state, () => hasJoiner);
    } while (this.#state.hasJoiner && !this.#state.cancellation.isRequested());
  }

  async #plan(approved?: ApprovedPlan): Promise<void> {
    this.#state.enter('planning');
    this.#state.takeJoiners();
    await endEarlierRuns(this.#state);
    this.#state.plan = await (approved === undefined
      ? accountReads.planEntities(this.#request)
      : accountReads.planEntities(this.#request, approved));
    this.#notifies = this.#state.plan.notifies === true;
  }

  /** Returns what the plan refuses. What could not be read has failed, and stops nothing else. */
  get #refused(): RunState['plan']['entities'] {
    return this.#state.plan.entities.filter(
      ({ decision }) => decision.action === 'refuse' && decision.unread === undefined,
    );
  }

  /**
   * Waits for an approval where one is required and something is to be written. Then plans again, since what is written
   * has to be what was approved.
   */
  async #approve(): Promise<Stop | null> {
    const { approval, keepGoing } = this.#request;
    const approved = this.#state.plan;
    const hasWrites = approved.entities.some(({ decision }) => isWrite(decision.action));
    const isNeeded = approval !== undefined || approved.approvalRule !== undefined;
    if (!isNeeded || !hasWrites || (this.#refused.length > 0 && !keepGoing)) return null;
    const digest = digestOf(approved);
    const planned = approved.entities.map((_, index) => this.#state.plannedReport(index));
    const report: Report = { ...this.#state.buildReport(planned), command: 'plan' };
    this.#state.phase = 'awaiting approval';
    const { approval: planApproval, cancellation } = this.#state;
    if (this.#notifies) await notifyOfApproval(report, digest);
    // It ends the wait by itself, and records that nobody decided.
    const decision = await CancellationScope.nonCancellable(() =>
      planApproval.wait(approved, digest, report, cancellation),
    );
    if (this.#notifies) await notifyOfDecision(report, decision);
    if (decision.verdict === 'cancelled') return this.#endedEarly(CANCELLED);
    if (decision.verdict !== 'approved') {
      const { reason, remedy } = explainVerdict(decision);
      return { result: 'refused', reason, remedy, skipReason: `nothing was written: ${reason}` };
    }
    await this.#plan(planApproval.approvedPlan(approved, digest));
    const changes = changesSinceApproval(approved, this.#state.plan);
    if (changes.length === 0 && this.#state.plan.digest === digest) return null;
    return {
      result: 'refused',
      reason: `the plan has changed since it was approved: ${joinFirst(changes, MAX_CHANGES, '; ')}`,
      remedy: 'apply again, and have the new plan approved',
      skipReason: 'nothing was written: the plan has changed since it was approved',
    };
  }

  /**
   * Asks the ledger whether this revision may be applied, and has it recorded: under the lock of the namespace and
   * before the first write, because a later run must not undo what this one has begun to write.
   */
  async #claimRevision(): Promise<Stop | null> {
    const { revision } = this.#request;
    if (revision === undefined) return null;
    const answer = await claimRevision(this.#request, revision);
    this.#lastRevision = answer.last;
    return explainRefusal(this.#request, revision, answer);
  }

  #stoppedReport({ skipReason, ...fields }: Stop): Report {
    const reports = this.#state.plan.entities.map(({ decision }, index) =>
      isWrite(decision.action) ? this.#state.skippedReport(index, skipReason) : this.#state.plannedReport(index),
    );
    return { ...this.#withRevision(this.#state.buildReport(reports)), ...fields };
  }

  #finalReport(): Report {
    const reports = this.#state.plan.entities.map(
      (_, index) => this.#state.reports.get(index) ?? this.#state.skippedReport(index, 'the run ended early'),
    );
    const report = this.#withRevision(this.#state.buildReport(reports));
    const { cancellation, unverified, deadline } = this.#state;
    const isUnfinished =
      unverified.size > 0 ||
      (deadline !== null && report.result !== 'converged') ||
      reports.some(({ outcome }) => outcome === 'skipped' || outcome === 'cancelled');
    if (cancellation.reason === null || !isUnfinished) return report;
    const { result, reason, remedy } = this.#endedEarly(cancellation.reason);
    return { ...report, result, reason, remedy };
  }

  #withRevision(report: Report): Report {
    const { revision } = this.#request;
    if (revision === undefined || this.#lastRevision === undefined) return report;
    return { ...report, revision: { ...revision, last: this.#lastRevision } };
  }
}
