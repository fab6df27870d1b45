import { ApplicationFailure, setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { Plan, PlannedEntity } from '../../contract/activities.js';
import { type DesiredEntity, entityId } from '../../contract/entity.js';
import { type EntityState, type Phase, type Progress, PROGRESS_LIMIT } from '../../contract/progress.js';
import type { Decision, EntityReport, Outcome, Report } from '../../contract/report.js';
import type { BootstrapRequest, Incarnation } from '../../contract/request.js';
import { addCalls, buildReport, plannedReport, type ReportedRun, skippedReport } from '../../report/build.js';
import { joinFirst } from '../../report/text.js';
import type { Cancellation } from '../cancellation.js';
import { progressDetails } from '../details.js';
import { PlanApproval } from './approval.js';

/** Outcomes after which the entities that depend on this one are skipped. */
export const UNSUCCESSFUL: ReadonlySet<Outcome> = new Set(['failed', 'refused', 'skipped']);

/** Updates of the details page while entities are reconciled. One for each of thousands would take longer than they do. */
const MAX_DETAILS_UPDATES = 200;

/** Entities that a sentence names. */
const MAX_NAMES = 3;

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
  /** Entities that were deleted, by position. */
  readonly deleted = new Map<number, Incarnation>();
  #plan: Plan = { entities: [], calls: {} };
  #positions: ReadonlyMap<string, number> = new Map();
  readonly #states = new Map<number, EntityState>();
  #endedAtLastUpdate = 0;

  constructor(request: BootstrapRequest, cancellation: Cancellation) {
    const { workflowId, runId, startTime } = workflowInfo();
    this.request = request;
    this.cancellation = cancellation;
    this.run = { command: request.command ?? 'apply', request, workflowId, runId, startedAt: startTime.getTime() };
    this.approval = new PlanApproval(request, () => {
      this.refreshDetails();
    });
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
    this.refreshDetails();
  }

  record(index: number, report: EntityReport): void {
    this.reports.set(index, report);
    this.#states.set(index, report.outcome);
  }

  setEntityState(index: number, state: EntityState): void {
    this.#states.set(index, state);
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
    const entity = this.request.entities[index];
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
    const told = entities.map((report, index) =>
      this.#beforeJoin.has(index) ? { ...report, beforeJoin: true as const } : report,
    );
    return buildReport(this.run, told, this.calls, Date.now());
  }

  progress(): Progress {
    const waiting = [...this.#states].filter(([, state]) => state === 'waiting').map(([index]) => index);
    const names = waiting.flatMap((index) => this.#plan.entities[index] ?? []);
    const { pending } = this.approval;
    const lockWait = names.length === 0 ? null : `waiting for another run that holds the lock of ${namesOf(names)}`;
    const endWait =
      this.ending.length === 0
        ? null
        : `waiting for the end of what an earlier run left behind: ${joinFirst(this.ending, MAX_NAMES)}`;
    return {
      phase: this.phase,
      done: this.reports.size,
      total: this.request.entities.length,
      entities: this.#plan.entities
        .map(({ kind, name, decision }, index) => ({
          kind,
          name,
          state: this.#states.get(index) ?? (decision.action === 'no-op' ? 'unchanged' : 'planned'),
        }))
        .filter(({ state }) => state !== 'unchanged')
        .slice(0, PROGRESS_LIMIT),
      waitingFor:
        pending === null ? (endWait ?? lockWait) : `waiting for an approval of the plan until ${pending.expiresAt}`,
      ...(pending === null ? {} : { approval: { plan: pending.plan, expiresAt: pending.expiresAt } }),
    };
  }

  /** Writes the run's page in the Temporal UI anew. */
  refreshDetails(): void {
    this.#endedAtLastUpdate = this.reports.size;
    setCurrentDetails(progressDetails(this.progress(), this.approval.pending, this.approval.ignored));
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
