import { randomUUID } from 'node:crypto';
import { entityKey } from '../contract/entity.js';
import type { DesiredEntity, JsonObject, Target } from '../contract/entity.js';
import { UNREAD } from '../contract/explain.js';
import type { Evidence, EvidenceRequest, Explanations, Trail, TrailEvent } from '../contract/explain.js';
import { ExitCode } from '../contract/failures.js';
import { ACCOUNT } from '../contract/request.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { WorkflowType } from '../contract/workflow-ids.js';
import { findKind, KINDS } from '../kinds/index.js';
import type { TemporalConnection } from '../temporal/connect.js';
import { explanationOf, isRemarkable, isWrongAccount, touchesOf, wrongAccountTouch } from './explanation.js';
import type { Subject, Touch } from './explanation.js';
import { entityRun, entityRuns, keptRun, keptRuns, requestOf, retentionMs } from './histories.js';
import type { KeptRun } from './histories.js';
import { hasWorker } from './runs.js';

/** How far back is looked unless it is said otherwise: seven days, in milliseconds. */
export const USUAL_WINDOW_MS = 7 * 24 * 3_600_000;

/** CloudTrail's event history reaches back so far, in milliseconds. */
const TRAIL_MS = 90 * 24 * 3_600_000;

/** AWS shows a call in CloudTrail within about so long, in milliseconds. */
const TRAIL_DELAY_MS = 15 * 60_000;

/** Entities of one run that are explained at most. */
const MAX_EXPLAINED = 20;

/** The worker is given so long, in milliseconds. */
const EVIDENCE_MS = 150_000;

/** What is granted to have CloudTrail answer. */
const GRANT = 'grant cloudtrail:LookupEvents to the worker’s role to see who else called';

/** Reports that a query names nothing that can be looked up. */
export class QueryError extends UserFacingError {
  override readonly name = 'QueryError';
  override readonly exitCode = ExitCode.Usage;
}

/** How far `explain` looks. */
export interface ExplainOptions {
  /** Twelve digits. Default: that of the run in question, or the only one in which anything was run. */
  readonly account?: string;
  /** How far back. Default: seven days. In milliseconds. */
  readonly sinceMs?: number;
}

/**
 * Says why an entity was there, or why a Create of it was refused: from the histories of our own runs first, then from
 * what IAM shows, and from CloudTrail where the worker may read it.
 *
 * @param query - `Kind/name`, a request ID of AWS, or the ID of a run
 * @throws QueryError where that is none of the three
 */
export async function explain(
  temporal: TemporalConnection,
  query: string,
  options: ExplainOptions = {},
): Promise<Explanations> {
  const { account, sinceMs = USUAL_WINDOW_MS } = options;
  assertAccount(account);
  const inquiry = new Inquiry(temporal, query, account, new Date(Date.now() - sinceMs));
  if (query.includes('/')) return inquiry.entity(entityOf(query));
  if (!UUID.test(query)) throw new QueryError(`${query} is neither KIND/NAME nor an ID`, FORMS);
  const run = await keptRun(temporal, query);
  return run === null ? inquiry.request() : inquiry.run(run);
}

/** @throws QueryError where an account that is named is none */
export function assertAccount(account: string | undefined): void {
  if (account === undefined || ACCOUNT.test(account)) return;
  throw new QueryError(`${account} is no account`, 'write its twelve digits');
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const FORMS = 'write an entity as Role/deploy, the request ID of a call, or the ID of a run';

/** One of which nothing is known but what it is called. */
function entityOf(query: string): DesiredEntity {
  const [kindName = '', ...rest] = query.split('/');
  const name = rest.join('/');
  const kind = findKind(kindName);
  if (kind === undefined) {
    throw new QueryError(`there is no kind ${kindName}`, `the kinds are ${KINDS.map((one) => one.name).join(', ')}`);
  }
  // It becomes part of a query to Temporal.
  if (name === '' || /["\\\p{C}]/u.test(name)) throw new QueryError(`${query} names no entity`, FORMS);
  const [property] = kind.keyProperties;
  return bare(kindName, name, property === undefined ? {} : { [property]: name });
}

function bare(kind: string, name: string, spec: JsonObject): DesiredEntity {
  const usual = { state: 'present', adopt: 'unowned', observe: false, shared: false, unmanaged: 'keep' } as const;
  return { kind, name, ...usual, spec, dependsOn: [] };
}

/** One question, on its way to an answer. */
class Inquiry {
  readonly #temporal: TemporalConnection;
  readonly #query: string;
  readonly #from: Date;
  readonly #to = new Date();
  readonly #notes: string[] = [];
  #account: string | undefined;
  /** The run or the call in question is known, whatever there is to explain about it. */
  #known = false;
  #runs: readonly KeptRun[] = [];

  constructor(temporal: TemporalConnection, query: string, account: string | undefined, from: Date) {
    this.#temporal = temporal;
    this.#query = query;
    this.#account = account;
    this.#from = from;
  }

  /** Why an entity is there: by the last run to which anything happened with it. */
  async entity(entity: DesiredEntity): Promise<Explanations> {
    await this.#readRuns();
    const account = this.#onlyAccount();
    return this.#explain(account, [{ entity, runId: null, call: null }]);
  }

  /** What stood in the way of a run. */
  async run(run: KeptRun & { readonly type: string }): Promise<Explanations> {
    const { workflowId, runId } = run.reference;
    this.#account ??= run.account;
    this.#known = true;
    if (run.type === WorkflowType.ReconcileEntity) {
      const kept = await entityRun(this.#temporal, workflowId, runId);
      await this.#readRuns();
      if (kept !== null) {
        const { entity, intent } = kept.request;
        return this.#explain(run.account, [{ entity, runId: intent, call: null }]);
      }
    }
    if (run.type !== WorkflowType.Bootstrap) {
      throw new QueryError(`${runId} is a run of ${run.type}, which writes nothing to AWS`, FORMS);
    }
    await this.#readRuns();
    if (!this.#runs.some(({ reference }) => reference.runId === runId)) this.#runs = [run, ...this.#runs];
    if (run.reference.endedAt === null) this.#notes.push('the run is under way: what comes of it is not known yet');
    else if (run.report === null) this.#notes.push('the run ended without a report: it was cancelled or terminated');
    const request = await requestOf(this.#temporal, run.reference);
    const declared = request?.entities ?? [];
    if (isWrongAccount(run.report)) {
      return this.#explain(
        run.account,
        declared.slice(0, MAX_EXPLAINED).map((entity) => ({ entity, runId, call: null })),
      );
    }
    const met = (run.report?.entities ?? []).filter(isRemarkable);
    if (met.length > MAX_EXPLAINED) {
      this.#notes.push(
        `${String(met.length)} entities met something, and the first ${String(MAX_EXPLAINED)} are explained`,
      );
    }
    if (met.length === 0 && run.report !== null) {
      const { reason, entities } = run.report;
      this.#notes.push(
        `the run met no conflict: ${reason ?? `${String(entities.length)} entities, ${run.report.result}`}`,
      );
    }
    const wanted = met.slice(0, MAX_EXPLAINED).map((report) => ({
      entity: declared.find((one) => entityKey(one) === entityKey(report)) ?? entityOf(`${report.kind}/${report.name}`),
      runId,
      call: null,
    }));
    return this.#explain(run.account, wanted);
  }

  /** What AWS knows under a request ID. */
  async request(): Promise<Explanations> {
    const requestId = this.#query;
    await this.#readRuns();
    for (const run of this.#runs) {
      const met = run.report?.entities.find(
        ({ writes, conflicts, reason }) =>
          [...writes, ...conflicts].some((one) => one.requestId === requestId) || reason?.includes(requestId) === true,
      );
      if (met === undefined) continue;
      this.#account ??= run.account;
      const { runId } = run.reference;
      return this.#explain(run.account, [{ entity: await this.#declaredBy(run, met), runId, call: null }]);
    }
    const account = this.#onlyAccount();
    const { trail } = await this.#gather(account, [], requestId);
    const call = trail.events.find((event) => event.requestId === requestId);
    if (call?.entity == null) {
      if (call !== undefined) {
        this.#known = true;
        this.#notes.push(
          `${call.operation} of ${call.principal} at ${call.at}, which is about no entity that is known here`,
        );
      } else {
        this.#notes.push(
          `nothing is known of request ${requestId}: no run since ${this.#from.toISOString()} has met it${trail.status === 'read' ? ', and CloudTrail does not show it' : ''}`,
        );
      }
      return this.#answer(account, [], trail);
    }
    return this.#explain(account, [{ entity: entityOf(call.entity), runId: call.runId, call }]);
  }

  async #readRuns(): Promise<void> {
    const { runs, truncated } = await keptRuns(this.#temporal, this.#from, this.#account);
    this.#runs = runs;
    if (truncated) this.#notes.push(`of the runs in the window, the newest ${String(runs.length)} were read`);
    const kept = await retentionMs(this.#temporal);
    const note = kept === null ? null : retentionNote(kept, this.#to.getTime() - this.#from.getTime());
    if (note !== null) this.#notes.push(note);
  }

  #onlyAccount(): string {
    if (this.#account !== undefined) return this.#account;
    const accounts = [...new Set(this.#runs.map(({ account }) => account))].sort();
    const [only] = accounts;
    if (accounts.length === 1 && only !== undefined) return only;
    throw new QueryError(
      accounts.length === 0
        ? `no run says in which account ${this.#query} is`
        : `${this.#query} may be in several accounts: ${accounts.join(', ')}`,
      'say which with --account',
    );
  }

  async #declaredBy(run: KeptRun, entity: { readonly kind: string; readonly name: string }): Promise<DesiredEntity> {
    const request = await requestOf(this.#temporal, run.reference);
    return (
      request?.entities.find((one) => entityKey(one) === entityKey(entity)) ?? entityOf(`${entity.kind}/${entity.name}`)
    );
  }

  async #explain(account: string, wanted: readonly Wanted[]): Promise<Explanations> {
    const subjects = await Promise.all(wanted.map((one) => this.#subjectOf(account, one)));
    const declared = subjects.map(({ subject }) => subject.declared);
    const { found, trail } = await this.#gather(account, declared, null);
    const explanations = subjects.flatMap(({ subject, touches }, index) => {
      const shown = found[index] ?? UNREAD;
      const call = subject.call ?? (subject.touch === null ? lastRefused(trail, subject) : null);
      const known =
        touches.length > 0 || call !== null || shown.status === 'there' || eventsOf(trail, subject).length > 0;
      if (known) return [explanationOf({ ...subject, call }, touches, shown, trail)];
      const { kind, name } = subject;
      const iam = shown.status === 'absent' ? ', and IAM does not show it' : '';
      this.#notes.push(
        `nothing is known of ${kind}/${name} in account ${account}: no run since ${this.#from.toISOString()} has touched it${iam}`,
      );
      return [];
    });
    for (const message of new Set(found.flatMap((one) => (one.status === 'unread' ? [one.message] : [])))) {
      if (message !== trail.message && message !== null) this.#notes.push(`what is there was not read: ${message}`);
    }
    return this.#answer(account, explanations, trail);
  }

  /** The run in question of an entity, with all that touched it. */
  async #subjectOf(account: string, { entity, runId, call }: Wanted): Promise<{ subject: Subject; touches: Touch[] }> {
    const runs = this.#runs.filter((run) => run.account === account);
    const touches = touchesOf(runs, await entityRuns(this.#temporal, account, entity, this.#from), entity);
    for (const run of runs.filter(({ report }) => isWrongAccount(report))) {
      const request = await requestOf(this.#temporal, run.reference);
      const declared = request?.entities.find((one) => entityKey(one) === entityKey(entity));
      if (declared !== undefined) touches.push(wrongAccountTouch(run, declared));
    }
    touches.sort((a, b) => b.run.startedAt.localeCompare(a.run.startedAt));
    const touch =
      runId !== null
        ? (touches.find(({ run }) => run.runId === runId) ?? null)
        : call !== null
          ? null
          : (touches.find((one) => isRemarkable(one.entity)) ?? touches[0] ?? null);
    const known = touch?.kept?.request.entity ?? (await this.#asDeclared(touch, entity));
    return { subject: { kind: entity.kind, name: known.name, declared: known, touch, call }, touches };
  }

  async #asDeclared(touch: Touch | null, entity: DesiredEntity): Promise<DesiredEntity> {
    const run = this.#runs.find(({ reference }) => reference.runId === touch?.run.runId);
    return run === undefined ? entity : this.#declaredBy(run, entity);
  }

  /** Has the worker ask AWS. What it cannot say is part of the answer. */
  async #gather(account: string, entities: readonly DesiredEntity[], requestId: string | null): Promise<Evidence> {
    const none = (message: string): Evidence => ({
      found: entities.map(() => ({ ...UNREAD, message })),
      trail: { status: 'unavailable', message, events: [], truncated: false },
    });
    if (entities.length === 0 && requestId === null) return none('there was nothing to ask for');
    if (!(await hasWorker(this.#temporal))) {
      return none(`AWS was not asked: no worker polls the task queue ${this.#temporal.taskQueue}`);
    }
    const oldest = new Date(Math.max(this.#from.getTime(), this.#to.getTime() - TRAIL_MS));
    const request: EvidenceRequest = {
      target: await this.#targetOf(account),
      entities,
      requestId,
      from: oldest.toISOString(),
      to: this.#to.toISOString(),
    };
    const { client, taskQueue } = this.#temporal;
    try {
      // A worker of an older build knows no such workflow, and would try for ever.
      const limits = { workflowExecutionTimeout: EVIDENCE_MS, workflowTaskTimeout: '10s' } as const;
      return (await client.workflow.execute(WorkflowType.Explain, {
        taskQueue,
        workflowId: `iam-bootstrap-explain:${account}:${randomUUID()}`,
        args: [request],
        staticSummary: `explain ${this.#query} in ${account}`,
        ...limits,
      })) as Evidence;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'WorkflowFailedError') throw error;
      const cause = error.cause instanceof Error ? error.cause : error;
      const reason = cause.cause instanceof Error ? cause.cause.message : cause.message;
      return none(`AWS was not asked: ${reason}`);
    }
  }

  /** The way into an account, as the last run took it. */
  async #targetOf(account: string): Promise<Target> {
    const last = this.#runs.find((run) => run.account === account);
    const request = last === undefined ? undefined : await requestOf(this.#temporal, last.reference);
    return request?.target ?? { account, partition: 'aws' };
  }

  #answer(account: string, explanations: Explanations['explanations'], trail: Trail): Explanations {
    const { status, message, truncated, events } = trail;
    const recent = this.#to.getTime() - Math.max(0, ...explanations.flatMap(lastMoments)) < TRAIL_DELAY_MS;
    const notes = [
      ...this.#notes,
      ...(status === 'denied' ? [`CloudTrail was not read: ${message ?? ''}; ${GRANT}`] : []),
      ...(status === 'unavailable' && message !== null && explanations.length > 0 ? [message] : []),
      ...(truncated ? ['CloudTrail has more events than were read: ask with a shorter --since'] : []),
      ...(status === 'read' && (recent || explanations.length === 0)
        ? ['CloudTrail shows a call up to 15 minutes after it was made: ask again where one is missing']
        : []),
    ];
    return {
      version: 1,
      command: 'explain',
      query: this.#query,
      account,
      from: this.#from.toISOString(),
      to: this.#to.toISOString(),
      found: this.#known || explanations.length > 0,
      explanations,
      trail: { status, message, truncated, events: events.length },
      notes,
    };
  }
}

interface Wanted {
  readonly entity: DesiredEntity;
  /** The run in question; null for the last one to which anything happened. */
  readonly runId: string | null;
  readonly call: TrailEvent | null;
}

function eventsOf({ events }: Trail, { kind, name }: Subject): TrailEvent[] {
  return events.filter(({ entity }) => entity?.toLowerCase() === `${kind}/${name}`.toLowerCase());
}

/** The last Create of somebody else's that AWS has refused. */
function lastRefused(trail: Trail, subject: Subject): TrailEvent | null {
  const refused = eventsOf(trail, subject).filter(
    ({ code, operation }) => code !== null && operation.startsWith('Create'),
  );
  return refused.at(-1) ?? null;
}

function lastMoments({ timeline, there }: Explanations['explanations'][number]): number[] {
  return [...timeline.map(({ at }) => at), there.createdAt ?? '']
    .map((at) => Date.parse(at))
    .filter((at) => !Number.isNaN(at));
}

/** Says where Temporal keeps less than was asked for; null where it keeps enough. */
export function retentionNote(keptMs: number, askedMs: number): string | null {
  if (keptMs >= askedMs) return null;
  const hours = Math.round(keptMs / 3_600_000);
  const kept = hours % 24 === 0 ? `${String(hours / 24)} d` : `${String(hours)} h`;
  return `Temporal keeps runs for ${kept} after their end, less than was asked for: what ended earlier is not counted`;
}
