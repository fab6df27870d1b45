import { ApplicationFailure, condition, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Plan, PlannedEntity } from '../../contract/activities.js';
import { type DesiredEntity, entityId } from '../../contract/entity.js';
import { type EntityState, type Phase, type Progress, PROGRESS_LIMIT } from '../../contract/progress.js';
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
import { compareProgress, isUnderWay, type TimedState } from '../../report/progress.js';
import { joinFirst } from '../../report/text.js';
import type { Cancellation } from '../cancellation.js';
import { progressDetails } from '../details.js';
import { PlanApproval } from './approval.js';

/** Outcomes after which the entities that depend on this one are skipped. */
export const UNSUCCESSFUL: ReadonlySet<Outcome> = new Set(['failed', 'refused', 'cancelled', 'skipped']);

/** Updates of the details page while entities are reconciled. One for each of thousands would take longer than they do. */
const MAX_DETAILS_UPDATES = 200;

/** Entities that a sentence names. */
const MAX_NAMES = 3;

/** A reason to wait, and what a person can do about it. */
export interface Stall {
  readonly reason: string;
  readonly remedy: string;
}

/** The end of a run that has made no progress for its timeout. */
export interface Deadline extends Stall {
  /** The reason without what was waited for. */
  readonly short: string;
  /** The activity that each entity waited for, by workflow ID. */
  readonly stalls: ReadonlyMap<string, Stall>;
}

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
  #plan: Plan = { entities: [], calls: {} };
  #positions: ReadonlyMap<string, number> = new Map();
  readonly #states = new Map<number, { readonly state: EntityState; readonly since: number }>();
  #endedAtLastUpdate = 0;
  #steps = 0;
  #stall: string | null = null;
  #deadline: Deadline | null = null;

  constructor(request: BootstrapRequest, cancellation: Cancellation) {
    const { workflowId, runId, startTime } = workflowInfo();
    this.request = request;
    this.cancellation = cancellation;
    this.run = { command: request.command ?? 'apply', request, workflowId, runId, startedAt: startTime.getTime() };
    this.approval = new PlanApproval(request, () => {
      this.refreshDetails();
    });
    this.approval.listen();
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
    this.#plan = plan;
    this.#positions = new Map(plan.entities.map((planned, index) => [entityId(planned), index]));
    this.addCalls(plan.calls);
    this.#beforeJoin = new Set();
    // A request that has joined while the account was read may have come after the read.
    if (this.hasJoiner) this.#noteBeforeJoin();
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
    const names = this.#waitingForLocks.flatMap((index) => this.#plan.entities[index] ?? []);
    const { pending } = this.approval;
    const lockWait = names.length === 0 ? null : `waiting for another run that holds the lock of ${namesOf(names)}`;
    const endWait =
      this.ending.length === 0
        ? null
        : `waiting for the end of what an earlier run left behind: ${joinFirst(this.ending, MAX_NAMES)}`;
    return {
      phase: this.phase,
      done: this.reports.size,
      total: Math.max(this.request.entities.length, this.#plan.entities.length),
      entities: this.#entityProgress(),
      outcomes: this.#outcomes(),
      waitingFor:
        pending === null ? (endWait ?? lockWait) : `waiting for an approval of the plan until ${pending.expiresAt}`,
      ...(pending === null ? {} : { approval: { plan: pending.plan, expiresAt: pending.expiresAt } }),
    };
  }

  #entityProgress(): Progress['entities'] {
    return this.#plan.entities
      .map(({ kind, name, decision, workflowId }, index): TimedState => {
        const { state, since } = this.#states.get(index) ?? {
          state: decision.action === 'no-op' ? 'unchanged' : 'planned',
          since: 0,
        };
        const underWay = isUnderWay(state) ? { since: new Date(since).toISOString(), workflowId } : {};
        return { entity: { kind, name, state, ...underWay }, since };
      })
      .filter(({ entity }) => entity.state !== 'unchanged')
      .sort(compareProgress)
      .slice(0, PROGRESS_LIMIT)
      .map(({ entity }) => entity);
  }

  #outcomes(): Partial<Record<Outcome, number>> {
    const counts: Partial<Record<Outcome, number>> = {};
    for (const { outcome } of this.reports.values()) counts[outcome] = (counts[outcome] ?? 0) + 1;
    return counts;
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

/** Names the first few entities: `Role/a, Role/b and 2 more`. */
export function namesOf(entities: readonly { readonly kind: string; readonly name: string }[]): string {
  return joinFirst(entities.map(entityId), MAX_NAMES);
}

function planMismatch(): ApplicationFailure {
  return ApplicationFailure.nonRetryable('the plan does not belong to this request', 'InvalidManifest');
}
