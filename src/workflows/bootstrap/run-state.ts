import { condition, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { isWrite } from '../../contract/actions.js';
import type { Plan, PlannedEntity } from '../../contract/activities.js';
import { type DesiredEntity, entityId } from '../../contract/entity.js';
import type { EntityState, Phase, Progress } from '../../contract/progress.js';
import type { Decision, EntityReport, Outcome, Report } from '../../contract/report.js';
import type { BootstrapRequest, Incarnation } from '../../contract/request.js';
import {
  addCalls,
  buildReport,
  planPartsOf,
  plannedReport,
  type ReportedRun,
  skippedReport,
} from '../../report/build.js';
import type { Cancellation } from '../cancellation.js';
import { progressDetails } from '../details.js';
import type { LockWait } from '../locked-child.js';
import { PlanApproval } from './approval.js';
import { planMismatch } from './approved-plan.js';
import type { CarriedRun, CarriedState } from './carried-run.js';
import { countOutcomes, entityProgress, type StateSince, waitText } from './entity-progress.js';
import type { Deadline, IdleChecks } from './stall.js';

/** Outcomes after which the entities that depend on this one are skipped. */
export const UNSUCCESSFUL: ReadonlySet<Outcome> = new Set(['failed', 'refused', 'cancelled', 'skipped']);

/** Updates of the details page while entities are reconciled. One for each of thousands would take longer than they do. */
const MAX_DETAILS_UPDATES = 200;

/** State of one bootstrap run, shared by its phases. Entities are known by their position in the request. */
export class RunState {
  readonly request: BootstrapRequest;
  readonly cancellation: Cancellation;
  readonly approval: PlanApproval;
  readonly run: ReportedRun;
  phase: Phase = 'planning';
  /** Workflow IDs of entities that runs of other namespaces held when this run planned. */
  lockedByOthers: ReadonlySet<string> = new Set();
  /** Workflow IDs of entity runs of an earlier run, which this one has cancelled and waits for. */
  ending: readonly string[] = [];
  /** Another request has joined the run since the plan was begun, and relies on what the run did not write. */
  hasJoiner = false;
  /** Positions of entities that were refused or had failed when another request joined: it must not rely on that. */
  #beforeJoin: ReadonlySet<number> = new Set();
  calls: Readonly<Record<string, number>> = {};
  /** Reports of the entities that have ended, by position. */
  readonly reports = new Map<number, EntityReport>();
  /** Positions of entities that were written, and whose verification the end of the run has cut short. */
  unverified: ReadonlySet<number> = new Set();
  /** Entities that were deleted, by position. */
  readonly deleted = new Map<number, Incarnation>();
  /** Creation dates of entities without tags, by position, as the verification has seen them. */
  readonly createdAt = new Map<number, string>();
  /** Waits for locks that an interruption has ended, by position. */
  readonly lockWaits = new Map<number, LockWait>();
  idle: IdleChecks = { count: 0, steps: 0, nextAt: null };
  #plan: Plan = { entities: [], calls: {} };
  #positions: ReadonlyMap<string, number> = new Map();
  readonly #states = new Map<number, StateSince>();
  /** The number of entities that have ended, and of all, while a run does not know yet what the one before it has done. */
  #counts: { readonly done: number; readonly total: number } | null;
  #endedAtLastUpdate = 0;
  #steps = 0;
  #stall: string | null = null;
  #deadline: Deadline | null = null;

  constructor(request: BootstrapRequest, cancellation: Cancellation, carried?: CarriedRun) {
    const { workflowId, runId: ownRunId, startTime } = workflowInfo();
    this.request = request;
    this.cancellation = cancellation;
    const { runId, startedAt } = carried ?? { runId: ownRunId, startedAt: startTime.getTime() };
    this.run = { command: request.command ?? 'apply', request, workflowId, runId, startedAt };
    this.#counts = carried ?? null;
    this.approval = new PlanApproval(request, carried?.approval ?? null, () => {
      this.refreshDetails();
    });
    this.approval.listen();
  }

  /** Returns what the next run of the chain goes on from. */
  carry(): CarriedState {
    const written = ([index]: readonly [number, unknown]): boolean => isWrite(this.plannedAt(index).decision.action);
    const { calls, hasJoiner, idle } = this;
    return {
      ...{ plan: this.#plan, calls, hasJoiner, idle, steps: this.#steps },
      reports: [...this.reports].filter(written),
      deleted: [...this.deleted],
      lockedByOthers: [...this.lockedByOthers],
      beforeJoin: [...this.#beforeJoin],
      waits: [...this.lockWaits],
      ignoredSignals: this.approval.ignored,
    };
  }

  /** Takes up what the run before this one has done. Requests may have joined already. */
  resume(carried: CarriedState): void {
    this.#setPlan(carried.plan);
    for (const [index, report] of carried.reports) this.record(index, report);
    for (const [index, { decision }] of carried.plan.entities.entries()) {
      if (!isWrite(decision.action)) this.record(index, this.plannedReport(index));
    }
    for (const [index, incarnation] of carried.deleted) this.deleted.set(index, incarnation);
    for (const [index, wait] of carried.waits) {
      this.lockWaits.set(index, wait);
      this.setEntityState(index, 'waiting');
    }
    this.calls = carried.calls;
    this.lockedByOthers = new Set(carried.lockedByOthers);
    this.#beforeJoin = new Set(carried.beforeJoin);
    if (this.hasJoiner) this.#noteBeforeJoin();
    this.hasJoiner ||= carried.hasJoiner;
    this.approval.countIgnored(carried.ignoredSignals);
    this.#steps = carried.steps;
    this.idle = carried.idle;
    this.#counts = null;
    this.phase = 'reconciling';
  }

  /** Counts what the run has done. What fails does not count. */
  get steps(): number {
    return this.#steps;
  }

  /** The end of the run for lack of progress; null where it has not come. */
  get deadline(): Deadline | null {
    return this.#deadline;
  }

  endForLackOfProgress(deadline: Deadline): void {
    this.#deadline = deadline;
    this.cancellation.request(deadline.short);
  }

  /** Shows on the run's page why nothing goes on; null where something does. */
  showStall(stall: string | null): void {
    if (stall === this.#stall) return;
    this.#stall = stall;
    this.refreshDetails();
  }

  /** Reports whether a person or another run has to act first. Their waits have limits of their own. */
  get isWaitingForOthers(): boolean {
    return this.approval.pending !== null || this.#waitingForLocks.length > 0;
  }

  get #waitingForLocks(): readonly number[] {
    return [...this.#states].filter(([, { state }]) => state === 'waiting').map(([index]) => index);
  }

  /** Waits until neither a person nor another run has to act first. */
  async untilOwnWork(): Promise<void> {
    await condition(() => !this.isWaitingForOthers);
  }

  get plan(): Plan {
    return this.#plan;
  }

  set plan(plan: Plan) {
    this.#setPlan(plan);
    this.addCalls(plan.calls);
    this.#beforeJoin = new Set();
    // A request that has joined while the account was read may have come after the read.
    if (this.hasJoiner) this.#noteBeforeJoin();
  }

  #setPlan(plan: Plan): void {
    this.#plan = plan;
    this.#positions = new Map(plan.entities.map((planned, index) => [entityId(planned), index]));
  }

  /** Notes that another request joins the run. */
  join(): void {
    this.hasJoiner = true;
    this.#noteBeforeJoin();
  }

  #noteBeforeJoin(): void {
    const positions = [...this.#plan.entities.keys()].filter((index) => {
      const outcome = this.reports.get(index)?.outcome;
      return outcome === 'failed' || outcome === 'refused' || this.plannedAt(index).decision.action === 'refuse';
    });
    this.#beforeJoin = new Set([...this.#beforeJoin, ...positions]);
  }

  /** Reports whether another request has joined since the last call. */
  takeJoiners(): boolean {
    const { hasJoiner } = this;
    this.hasJoiner = false;
    return hasJoiner;
  }

  /** Changes the decision about an entity after the plan was made. */
  redecide(index: number, decision: Partial<Decision>): void {
    const planned = this.plannedAt(index);
    const entities = [...this.#plan.entities];
    entities[index] = { ...planned, decision: { ...planned.decision, ...decision } };
    this.#plan = { ...this.#plan, entities };
  }

  addCalls(calls: Readonly<Record<string, number>>): void {
    this.calls = addCalls(this.calls, calls);
  }

  enter(phase: Phase): void {
    this.phase = phase;
    this.#steps += 1;
    this.refreshDetails();
  }

  record(index: number, report: EntityReport): void {
    this.reports.set(index, report);
    this.setEntityState(index, report.outcome);
    if (!UNSUCCESSFUL.has(report.outcome)) this.#steps += 1;
  }

  setEntityState(index: number, state: EntityState): void {
    if (this.#states.get(index)?.state !== state) this.#states.set(index, { state, since: Date.now() });
  }

  plannedReport(index: number): EntityReport {
    return plannedReport(this.plannedAt(index), this.request.entities[index]?.source);
  }

  skippedReport(index: number, reason: string): EntityReport {
    return skippedReport(this.plannedAt(index), this.request.entities[index]?.source, reason);
  }

  plannedAt(index: number): PlannedEntity {
    const planned = this.#plan.entities[index];
    if (planned === undefined) throw planMismatch();
    return planned;
  }

  desiredAt(index: number): DesiredEntity {
    const { entities } = this.request;
    const entity = entities[index] ?? this.#plan.released?.[index - entities.length];
    if (entity === undefined) throw planMismatch();
    return entity;
  }

  /** Returns the ARNs of entities as far as the plan names them: observed where they exist, else as they will be. */
  arnsOf(ids: Iterable<string>): Readonly<Record<string, string>> {
    const arns = [...ids].flatMap((id) => {
      const index = this.#positions.get(id);
      return index === undefined ? [] : [[id, this.reports.get(index)?.arn ?? this.plannedAt(index).arn]];
    });
    return Object.fromEntries(arns) as Record<string, string>;
  }

  allArns(): Readonly<Record<string, string>> {
    return this.arnsOf(this.#positions.keys());
  }

  buildReport(entities: readonly EntityReport[]): Report {
    const told = entities.map((report, index) => {
      // An entity's own run does not know what its plan warned of.
      const { warnings = [], suppressed } = this.#plan.entities[index]?.decision ?? {};
      const isBeforeJoin = this.#beforeJoin.has(index);
      return {
        ...report,
        warnings,
        ...(suppressed && { suppressed }),
        ...(isBeforeJoin && { beforeJoin: true as const }),
      };
    });
    return { ...buildReport(this.run, told, this.calls, Date.now()), ...planPartsOf(this.#plan) };
  }

  progress(): Progress {
    const { pending } = this.approval;
    const locked = this.#waitingForLocks.flatMap((index) => this.#plan.entities[index] ?? []);
    return {
      phase: this.phase,
      done: this.#counts?.done ?? this.reports.size,
      total: this.#counts?.total ?? Math.max(this.request.entities.length, this.#plan.entities.length),
      entities: entityProgress(this.#plan.entities, this.#states),
      outcomes: countOutcomes(this.reports.values()),
      waitingFor: waitText(pending, this.ending, locked),
      ...(pending === null ? {} : { approval: { plan: pending.plan, expiresAt: pending.expiresAt } }),
    };
  }

  /** Writes the run's page in the Temporal UI anew. */
  refreshDetails(): void {
    this.#endedAtLastUpdate = this.reports.size;
    const progress = this.progress();
    const waitingFor = progress.waitingFor ?? this.#stall;
    const { pending, ignored } = this.approval;
    const problems = [...this.reports.values()].filter(({ outcome }) => outcome === 'failed' || outcome === 'refused');
    setCurrentDetails(progressDetails({ ...progress, waitingFor }, pending, ignored, problems));
  }

  /** Does so once enough entities have ended since the last time. */
  refreshDetailsThrottled(): void {
    const ended = this.reports.size - this.#endedAtLastUpdate;
    if (ended >= this.#plan.entities.length / MAX_DETAILS_UPDATES) this.refreshDetails();
  }
}
