import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ChildWorkflowFailure,
  condition,
  patched,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { entityId } from '../../contract/entity.js';
import type { DesiredEntity } from '../../contract/entity.js';
import { approvalQuery, progressQuery, reportQuery } from '../../contract/messages.js';
import { workflowTaskTimeoutMs } from '../../contract/request.js';
import { PROGRESS_LIMIT } from '../../contract/progress.js';
import { IN_PROGRESS_STATE, isWrite } from '../../contract/actions.js';
import { bootstrapWorkflowId, WorkflowType } from '../../contract/workflow-ids.js';
import type { ReconcileResult, ReconcileRequest, BootstrapRequest } from '../../contract/request.js';
import type { PendingApproval } from '../../contract/approval.js';
import type { Progress, EntityState, Phase } from '../../contract/progress.js';
import { addCalls } from '../../report/summarize.js';
import { revisionText } from '../../report/revision.js';
import type { AppliedRevision } from '../../contract/revision.js';
import type { EntityReport, Outcome, Report } from '../../contract/report.js';
import type { Plan, PlannedEntity } from '../../contract/activities.js';
import { ApprovalGate, assertDigest, differencesOf, refusalOf } from './approval.js';
import { startLocked } from '../locked-child.js';
import type { Cancellation } from '../locked-child.js';
import { code, page, plain } from '../../report/markdown.js';
import { recordRun } from '../metrics.js';
import { ReadyQueue } from './ready-queue.js';
import { plannedReport } from '../plan.js';
import { assertRequest, reportOf, unreadReport } from '../report.js';
import { hasSearchAttributes, recordOutcome } from '../search-attributes.js';
import { IamAccount, IamEntity, IamNamespace } from '../../contract/search-attributes.js';
import { claiming, CONCURRENT_ENTITIES, reading } from '../activities.js';

/**
 * Brings the entities of one namespace to their desired state. Its workflow ID, one for each account and namespace, is
 * the lock. Started under another ID, as a schedule does, it runs itself as a child under the right one.
 *
 * Fails where its report says failed or refused, so that the UI shows red where a person must look; the report is then
 * in the failure's details. Cancelling lets running steps finish, starts no more, and reports `cancelled`.
 */
export async function bootstrap(request: BootstrapRequest): Promise<Report> {
  assertRequest(request);
  const lock = bootstrapWorkflowId(request.target.account, request.namespace);
  if (workflowInfo().workflowId !== lock) {
    const child = await startLocked<Report>(
      WorkflowType.Bootstrap,
      () => ({
        workflowId: lock,
        args: [request],
        workflowTaskTimeout: workflowTaskTimeoutMs(request.entities.length),
        staticSummary: `bootstrap ${request.namespace}`,
      }),
      () => {
        setCurrentDetails(`waits for the run of \`${lock}\` that is under way`);
      },
    );
    return child.result();
  }
  let cancelled = false;
  const requested = CancellationScope.current().cancelRequested.catch(() => {
    cancelled = true;
  });
  const cancellation: Cancellation = { isRequested: () => cancelled, requested };
  return CancellationScope.nonCancellable(() => new Bootstrap(request, cancellation).run());
}

/** Outcomes after which the entities that depend on it are skipped. */
const BAD: ReadonlySet<Outcome> = new Set(['failed', 'refused', 'skipped']);

/** Whether a run is to write an entity. */
function isWritten({ decision }: PlannedEntity): boolean {
  return isWrite(decision.action);
}

class Bootstrap {
  readonly #request: BootstrapRequest;
  readonly #cancelled: Cancellation;
  readonly #gate: ApprovalGate;
  readonly #startedAt = workflowInfo().startTime.getTime();
  #phase: Phase = 'planning';
  #report: Report | null = null;
  #plan: Plan = { entities: [], calls: {} };
  #calls: Record<string, number> = {};
  /** What the namespace was given last before this run; undefined until the ledger has said it. */
  #last: AppliedRevision | null | undefined;
  readonly #reports = new Map<number, EntityReport>();
  readonly #states = new Map<number, EntityState>();
  /** Positions by entity. */
  #positions: ReadonlyMap<string, number> = new Map();
  /** Entities that were settled when the run's page was last written. */
  #shownAt = 0;

  constructor(request: BootstrapRequest, cancelled: Cancellation) {
    this.#request = request;
    this.#cancelled = cancelled;
    this.#gate = new ApprovalGate(request, () => {
      this.#show();
    });
    setHandler(approvalQuery, () => this.#gate.open);
    setHandler(progressQuery, () => this.#progress());
    setHandler(reportQuery, () => this.#report);
  }

  async run(): Promise<Report> {
    let unapproved: Report | null;
    try {
      await this.#decide();
      unapproved = await this.#approve();
    } catch (error) {
      return this.#end(unreadReport(this.#command, this.#request, error, this.#startedAt));
    }
    if (unapproved !== null) return this.#end(unapproved);
    this.#positions = new Map(this.#plan.entities.map((planned, index) => [entityId(planned), index]));

    const refused = this.#plan.entities.filter(({ decision }) => decision.action === 'refuse');
    const stopped = refused.length > 0 && !this.#request.keepGoing;
    const older = stopped ? null : await this.#claim();
    if (older !== null) return this.#end(this.#refusedAsOlder(older));
    this.#enter('reconciling');
    await this.#settleAll(stopped ? refused : []);
    await this.#verify();
    const reports = this.#plan.entities.map(
      (planned, index) => this.#reports.get(index) ?? this.#skipped(planned, index, 'the run ended early'),
    );
    const report = this.#reportOf(reports);
    const unfinished = this.#cancelled.isRequested() && reports.some(({ outcome }) => outcome === 'skipped');
    return this.#end(unfinished ? { ...report, result: 'cancelled', reason: 'the run was cancelled' } : report);
  }

  async #decide(): Promise<void> {
    this.#enter('planning');
    this.#plan = await reading.planEntities(this.#request);
    this.#calls = addCalls(this.#calls, this.#plan.calls);
  }

  /**
   * Where approval is asked for and something is to be written, waits for it, and then plans again: what is approved is
   * what was seen. Gives the report of a run that stops here, or null.
   */
  async #approve(): Promise<Report | null> {
    const { approval, keepGoing } = this.#request;
    const actions = this.#plan.entities.map(({ decision }) => decision.action);
    const writes = actions.some(isWrite);
    if (approval === undefined || !writes || (actions.includes('refuse') && !keepGoing)) return null;
    const shown = this.#plan;
    assertDigest(shown);
    const planned = shown.entities.map((one, index) => plannedReport(one, this.#sourceOf(index)));
    const report = reportOf('plan', this.#request, planned, this.#calls, this.#startedAt);
    this.#phase = 'awaiting approval';
    const answer = await this.#gate.wait(shown.digest, report, approval.timeoutMs, this.#cancelled);
    if (answer.verdict === 'cancelled') {
      return { ...this.#unwritten('the run was cancelled'), result: 'cancelled', reason: 'the run was cancelled' };
    }
    if (answer.verdict !== 'approved') {
      const { reason, remedy } = refusalOf(answer);
      return { ...this.#unwritten(`nothing was written: ${reason}`), result: 'refused', reason, remedy };
    }
    await this.#decide();
    const differences = differencesOf(shown, this.#plan);
    if (differences.length === 0 && this.#plan.digest === shown.digest) return null;
    const more =
      differences.length > MAX_DIFFERENCES ? `; and ${String(differences.length - MAX_DIFFERENCES)} more` : '';
    return {
      ...this.#unwritten('nothing was written: the plan is no longer the approved one'),
      result: 'refused',
      reason: `the plan is no longer the approved one: ${differences.slice(0, MAX_DIFFERENCES).join('; ')}${more}`,
      remedy: 'apply again, and have the new plan approved',
    };
  }

  /** The report of a run that stops before its first write. */
  #unwritten(reason: string): Report {
    const reports = this.#plan.entities.map((planned, index) => {
      const { action } = planned.decision;
      if (isWrite(action)) return this.#skipped(planned, index, reason);
      return plannedReport(planned, this.#sourceOf(index));
    });
    return this.#reportOf(reports);
  }

  /**
   * Asks whether a manifest of this revision may be applied, and has it remembered, under the lock of the namespace and
   * before the first write: what a run has begun to write, a later one must not undo.
   *
   * @returns the revision that this one is older than, or null
   */
  async #claim(): Promise<AppliedRevision | null> {
    const { revision, allowOlder = false, target, namespace, pipeline } = this.#request;
    if (revision === undefined || this.#cancelled.isRequested() || !patched('revision-guard')) return null;
    const { runId } = workflowInfo();
    const { commit, url } = pipeline;
    const at = new Date().toISOString();
    const { accepted, last } = await claiming.claimRevision({
      account: target.account,
      namespace,
      revision: { ...revision, commit, url, runId, at },
      allowOlder,
    });
    this.#last = last;
    return accepted ? null : last;
  }

  #refusedAsOlder(last: AppliedRevision): Report {
    const { revision, pipeline } = this.#request;
    const own = revision === undefined ? '' : revisionText(revision, pipeline.commit);
    return {
      ...this.#unwritten('nothing was written, because the manifest is older than the one applied last'),
      result: 'refused',
      reason: `revision ${own} is older than ${revisionText(last, last.commit)}, which was applied at ${last.at} by ${last.url ?? `run ${last.runId}`}`,
      remedy: 'apply the newest commit instead; to go back to this one all the same, give --allow-older',
    };
  }

  #reportOf(reports: readonly EntityReport[]): Report {
    const report = reportOf(this.#command, this.#request, reports, this.#calls, this.#startedAt);
    const { revision } = this.#request;
    if (revision === undefined || this.#last === undefined) return report;
    return { ...report, revision: { ...revision, last: this.#last } };
  }

  get #command(): Report['command'] {
    return this.#request.command ?? 'apply';
  }

  /** Settles each entity once those that it waits for have ended. */
  async #settleAll(stoppedBy: readonly PlannedEntity[]): Promise<void> {
    const { entities } = this.#plan;
    // Runs that have begun keep the order in which their entities begin.
    if (entities.some(isWritten) && !patched('ready-queue')) return this.#settleByPromises(stoppedBy);
    const after = new Map<number, readonly number[]>();
    for (const [index, planned] of entities.entries()) {
      if (isWritten(planned)) after.set(index, planned.after);
      else this.#take(index, plannedReport(planned, this.#sourceOf(index)));
    }
    this.#show();
    const queue = new ReadyQueue(after);
    const end = (index: number, report: EntityReport): void => {
      this.#take(index, report);
      this.#showNowAndThen();
      queue.end(index);
    };
    let underWay = 0;
    while (!queue.isDone) {
      await condition(() => queue.isDone || (queue.isReady && underWay < CONCURRENT_ENTITIES));
      const index = queue.take();
      const planned = index === undefined ? undefined : entities[index];
      if (index === undefined || planned === undefined) continue;
      const left = this.#leftAlone(planned, index, stoppedBy);
      if (left !== null) {
        end(index, left);
        continue;
      }
      const entity = this.#entityAt(index);
      underWay += 1;
      void this.#reconcile(planned, entity, index).then((report) => {
        underWay -= 1;
        end(index, report);
      });
    }
  }

  /** As runs began before the queue: a promise for each entity. */
  async #settleByPromises(stoppedBy: readonly PlannedEntity[]): Promise<void> {
    const { entities } = this.#plan;
    const atOnce = patched('unwritten-at-once');
    const slots = new Slots(CONCURRENT_ENTITIES);
    const done = new Map<number, Promise<void>>();
    const settled = new Map<number, () => void>();
    for (const [index, planned] of entities.entries()) {
      if (atOnce && !isWritten(planned)) this.#take(index, plannedReport(planned, this.#sourceOf(index)));
      else done.set(index, new Promise((resolve) => settled.set(index, resolve)));
    }
    await Promise.all(
      [...done.keys()].map(async (index) => {
        const planned = entities[index];
        if (planned === undefined) return;
        await Promise.all(planned.after.flatMap((other) => (other === index ? [] : (done.get(other) ?? []))));
        this.#take(index, await this.#settle(planned, index, slots, stoppedBy));
        this.#showNowAndThen();
        settled.get(index)?.();
      }),
    );
  }

  #take(index: number, report: EntityReport): void {
    this.#reports.set(index, report);
    this.#states.set(index, report.outcome);
  }

  /** A page that is written anew for each of ten thousand entities would take longer than they do. */
  #showNowAndThen(): void {
    if (this.#reports.size - this.#shownAt >= this.#plan.entities.length / SHOWN) this.#show();
  }

  #sourceOf(index: number): EntityReport['source'] {
    return this.#request.entities[index]?.source;
  }

  /** What becomes of one entity, once those that it waits for have ended. */
  async #settle(
    planned: PlannedEntity,
    index: number,
    slots: Slots,
    stoppedBy: readonly PlannedEntity[],
  ): Promise<EntityReport> {
    if (!isWritten(planned)) return plannedReport(planned, this.#sourceOf(index));
    const left = this.#leftAlone(planned, index, stoppedBy);
    if (left !== null) return left;
    await slots.take();
    try {
      return (
        this.#leftAlone(planned, index, stoppedBy) ?? (await this.#reconcile(planned, this.#entityAt(index), index))
      );
    } finally {
      slots.give();
    }
  }

  /** The report of an entity that was to be written and is not; null where it is. */
  #leftAlone(planned: PlannedEntity, index: number, stoppedBy: readonly PlannedEntity[]): EntityReport | null {
    if (stoppedBy.length > 0) {
      return this.#skipped(planned, index, `nothing was written, because ${ids(stoppedBy)} is refused`);
    }
    const broken = planned.after.filter((other) => BAD.has(this.#reports.get(other)?.outcome ?? 'unchanged'));
    if (broken.length > 0) {
      const names = broken.flatMap((other) => this.#plan.entities[other] ?? []);
      return this.#skipped(planned, index, `waits for ${ids(names)}, which did not converge`);
    }
    return this.#cancelled.isRequested() ? this.#skipped(planned, index, 'the run was cancelled') : null;
  }

  #entityAt(index: number): DesiredEntity {
    const entity = this.#request.entities[index];
    if (entity !== undefined) return entity;
    throw ApplicationFailure.nonRetryable('the plan is not of this request', 'InvalidManifest');
  }

  /** Has a child bring one entity to its desired state. Never rejects. */
  async #reconcile(planned: PlannedEntity, entity: DesiredEntity, index: number): Promise<EntityReport> {
    const { target, namespace } = this.#request;
    const needed = entity.dependsOn.flatMap((id) => {
      const other = this.#positions.get(id);
      return other === undefined ? [] : [[id, this.#arnOf(other)] as const];
    });
    const request: ReconcileRequest = {
      target,
      namespace,
      entity,
      action: planned.decision.action,
      arns: Object.fromEntries(needed),
      intent: workflowInfo().runId,
      readFirst: false,
      ...(planned.listFirst === undefined ? {} : { listFirst: planned.listFirst }),
      ...(planned.detachable === undefined ? {} : { detachable: planned.detachable }),
    };
    this.#states.set(index, IN_PROGRESS_STATE[planned.decision.action]);
    try {
      const child = await startLocked<ReconcileResult>(
        WorkflowType.ReconcileEntity,
        (waited) => ({
          workflowId: planned.workflowId,
          args: [{ ...request, readFirst: waited }],
          staticSummary: `${planned.decision.action} ${entityId(entity)} for ${namespace}`,
          staticDetails: code(planned.arn),
          ...(hasSearchAttributes() && {
            typedSearchAttributes: [
              { key: IamAccount, value: target.account },
              { key: IamNamespace, value: namespace },
              { key: IamEntity, value: entityId(entity) },
            ],
          }),
        }),
        () => {
          this.#states.set(index, 'waiting');
          this.#show();
        },
        this.#cancelled,
      );
      this.#states.set(index, IN_PROGRESS_STATE[planned.decision.action]);
      return this.#collect(await child.result());
    } catch (error) {
      if (error instanceof CancelledFailure) return this.#skipped(planned, index, 'the run was cancelled');
      const failure = error instanceof ChildWorkflowFailure ? error.cause : error;
      const [result] = failure instanceof ApplicationFailure ? ((failure.details ?? []) as [ReconcileResult?]) : [];
      if (result !== undefined) return this.#collect(result);
      const reason = failure instanceof Error ? failure.message : String(failure);
      return { ...plannedReport(planned, entity.source), outcome: 'failed', reason };
    }
  }

  #collect({ report, calls }: ReconcileResult): EntityReport {
    this.#calls = addCalls(this.#calls, calls);
    return report;
  }

  #arnOf(index: number): string {
    return this.#reports.get(index)?.arn ?? this.#plan.entities[index]?.arn ?? '';
  }

  /** Reads what was changed once more: converged is what AWS shows, not what was sent. */
  async #verify(): Promise<void> {
    const changed = [...this.#reports].filter(([, { writes }]) => writes.length > 0);
    const healthy = changed.filter(([, { outcome }]) => !BAD.has(outcome)).map(([index]) => index);
    if (healthy.length === 0) return;
    this.#enter('verifying');
    const entities = healthy.flatMap((index) => {
      const entity = this.#request.entities[index];
      const adopted = this.#reports.get(index)?.outcome === 'adopted' && entity?.unmanagedAtAdoption !== true;
      // What an adoption left in place is no drift of this run.
      return entity === undefined ? [] : [adopted ? { ...entity, unmanaged: 'keep' as const } : entity];
    });
    const arns = Object.fromEntries([...this.#positions].map(([id, index]) => [id, this.#arnOf(index)]));
    const { target, namespace } = this.#request;
    try {
      const { differing, calls } = await reading.verifyEntities({ request: { target, namespace }, entities, arns });
      this.#calls = addCalls(this.#calls, calls);
      for (const { index: position, decision } of differing) {
        const index = healthy[position];
        const report = index === undefined ? undefined : this.#reports.get(index);
        if (index === undefined || report === undefined) continue;
        this.#reports.set(index, {
          ...report,
          outcome: 'failed',
          drift: decision.drift,
          reason: decision.reason ?? `was ${report.outcome}, and AWS shows it otherwise`,
          remedy: 'apply again; if the drift stays, something else writes to the entity',
        });
      }
    } catch (error) {
      const failure = unreadReport(this.#command, this.#request, error, this.#startedAt);
      for (const index of healthy) {
        const report = this.#reports.get(index);
        if (report === undefined) continue;
        const reason = `was ${report.outcome}, and could not be verified: ${failure.reason ?? ''}`;
        this.#reports.set(index, { ...report, outcome: 'failed', reason, remedy: failure.remedy });
      }
    }
  }

  #end(ended: Report): Report {
    const { approval } = this.#gate;
    const report = approval === null ? ended : { ...ended, approval };
    this.#phase = 'done';
    this.#report = report;
    this.#show(report);
    recordOutcome(report.result, report.summary.conflicts);
    recordRun(report);
    switch (report.result) {
      case 'failed':
      case 'refused': {
        const type = report.result === 'refused' ? 'RunRefused' : 'RunFailed';
        throw ApplicationFailure.nonRetryable(sentence(report), type, report);
      }
      case 'cancelled':
        // Temporal keeps no details of a cancelled run: whoever wants the report asks by `reportQuery`.
        throw new CancelledFailure('the run was cancelled');
      default:
        return report;
    }
  }

  #skipped(planned: PlannedEntity, index: number, reason: string): EntityReport {
    const report = plannedReport(planned, this.#sourceOf(index));
    return { ...report, outcome: 'skipped', reason, remedy: null };
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#show();
  }

  #progress(): Progress {
    const waiting = [...this.#states].filter(([, state]) => state === 'waiting').map(([index]) => index);
    const names = waiting.flatMap((index) => this.#plan.entities[index] ?? []);
    const held = names.length === 0 ? null : `another run holds ${ids(names)}`;
    const gate = this.#gate.open;
    return {
      phase: this.#phase,
      done: this.#reports.size,
      total: this.#request.entities.length,
      entities: this.#plan.entities
        .map(({ kind, name, decision }, index) => ({
          kind,
          name,
          state:
            this.#states.get(index) ?? (decision.action === 'no-op' ? ('unchanged' as const) : ('planned' as const)),
        }))
        .filter(({ state }) => state !== 'unchanged')
        .slice(0, PROGRESS_LIMIT),
      waitingFor: gate !== null ? `approval of the plan, until ${gate.expiresAt}` : held,
      ...(gate === null ? {} : { approval: { plan: gate.plan, expiresAt: gate.expiresAt } }),
    };
  }

  /** The run's page in the Temporal UI. */
  #show(report?: Report): void {
    this.#shownAt = this.#reports.size;
    const { phase, done, total, entities, waitingFor } = this.#progress();
    const shown = report?.entities.filter(({ outcome }) => outcome !== 'unchanged') ?? [];
    const asked = report === undefined ? this.#gate.page() : [];
    const listed = asked.length > 0 ? [] : entities;
    const rows = listed.slice(0, MAX_ROWS).map((entity) => {
      const reason = shown.find((one) => entityId(one) === entityId(entity))?.reason ?? '';
      return `| ${plain(entityId(entity))} | ${entity.state} | ${plain(reason)} |`;
    });
    const lines = [
      report === undefined
        ? `**${phase}**: ${String(done)} of ${String(total)}`
        : `**${report.result}**: ${plain(sentence(report))}`,
      ...(waitingFor === null || asked.length > 0 ? [] : ['', plain(waitingFor)]),
      ...(rows.length === 0 ? [] : ['', '| entity | state | why |', '| --- | --- | --- |', ...rows]),
      ...(listed.length > MAX_ROWS ? ['', `and ${String(listed.length - MAX_ROWS)} more`] : []),
      ...asked,
    ];
    setCurrentDetails(page(lines));
  }
}

const MAX_ROWS = 50;

/** Differences from an approved plan that a report names. */
const MAX_DIFFERENCES = 20;

/** How often, about, a run's page is written anew while its entities are settled. */
const SHOWN = 200;

function ids(entities: readonly { readonly kind: string; readonly name: string }[]): string {
  const names = entities.slice(0, 3).map(entityId);
  return entities.length > 3 ? `${names.join(', ')} and ${String(entities.length - 3)} more` : names.join(', ');
}

/** A report in a line: `2 created, 1 refused`, or why there is nothing to count. */
function sentence(report: Report): string {
  const counts = Object.entries(report.summary).filter(([, count]) => count > 0);
  return report.reason ?? counts.map(([outcome, count]) => `${String(count)} ${outcome}`).join(', ');
}

/** A bounded pool. */
class Slots {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(size: number) {
    this.#free = size;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
  }

  give(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
