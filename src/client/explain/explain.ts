import { type DesiredEntity, entityId, entityKey } from '../../contract/entity.js';
import { UNREAD } from '../../contract/explain.js';
import type { Evidence, Explanation, Explanations, Trail, TrailEvent } from '../../contract/explain.js';
import type { EntityReport } from '../../contract/report.js';
import { WorkflowType } from '../../contract/workflow-ids.js';
import type { TemporalConnection } from '../../temporal/connect.js';
import { Archive } from '../audit/archive.js';
import {
  entityRunsOf,
  isWrongAccountReport,
  mentionsRequest,
  newestFirst,
  runInQuestion,
  wrongAccountRun,
} from './entity-run.js';
import type { EntityRun } from './entity-run.js';
import { gatherEvidence, trailNotes } from './evidence.js';
import { buildExplanation, eventsOf, lastRefusedCreate, type Subject } from './explanation.js';
import {
  assertAccount,
  DEFAULT_WINDOW_MS,
  findDeclared,
  findNamed,
  parseArn,
  parseEntity,
  QUERY_FORMS,
  QueryError,
} from './query.js';
import { archivedRunNote, archivedRuns, listKnownRuns, requestOf, unknownNote } from './known-runs.js';
import { entitiesToExplain } from './run-entities.js';
import { findRunRecord, readEntityHistories, readEntityHistory, UUID } from './run-records.js';
import type { EntityHistory, RunRecord } from './run-records.js';

/** Options of `explain`. */
export interface ExplainOptions {
  /** Twelve digits. Default: the account of the run in question, or the only account with runs. */
  readonly account?: string | undefined;
  readonly sinceMs?: number | undefined;
  /** Files of `audit export`, or folders of them: runs of any age, beside those that Temporal keeps. */
  readonly audit?: readonly string[] | undefined;
}

/**
 * Explains why an entity already existed, or why AWS refused to create it. Reads the histories of iam-bootstrap's runs
 * first, then IAM, and CloudTrail where the worker may read it.
 *
 * @param temporal - the server that holds the histories
 * @param query - `Kind/name`, a name, an ARN, a request ID of AWS, or the run or workflow ID of a run
 * @param options - the account and the window
 * @throws QueryError where the query has none of these forms
 */
export async function explain(
  temporal: TemporalConnection,
  query: string,
  options: ExplainOptions = {},
): Promise<Explanations> {
  const { account, sinceMs = DEFAULT_WINDOW_MS, audit = [] } = options;
  assertAccount(account);
  const archive = await Archive.open(audit);
  const arn = parseArn(query);
  if (arn !== undefined && account !== undefined && arn.account !== account) {
    throw new QueryError(`${query} is not in account ${account}`, 'leave out --account, or correct the ARN');
  }
  const inquiry = new Inquiry(temporal, query, arn?.account ?? account, new Date(Date.now() - sinceMs), archive);
  if (arn !== undefined) return inquiry.explainEntity(parseEntity(arn.id));
  const run = await findRunRecord(temporal, query);
  if (run !== null) return inquiry.explainRun(run);
  const archived = await archive.findRun(query);
  if (archived !== null) return inquiry.explainArchivedRun(archived);
  if (UUID.test(query)) return inquiry.explainRequest();
  return query.includes('/') ? inquiry.explainEntity(parseEntity(query)) : inquiry.explainName();
}

/** An entity to explain. */
interface Selection {
  readonly entity: DesiredEntity;
  /** The run to explain. Null for the last run that needs an explanation. */
  readonly runId: string | null;
  readonly call: TrailEvent | null;
}

class Inquiry {
  readonly to = new Date();
  private readonly notes: string[] = [];
  /** True if the run or the call in question is known, even if it needs no explanation. */
  private isFound = false;
  private runs: readonly RunRecord[] = [];
  /** Runs from files. They tell of entities alone: neither the account nor the role to read with comes from them. */
  private archived: readonly RunRecord[] = [];

  constructor(
    private readonly temporal: TemporalConnection,
    private readonly query: string,
    private account: string | undefined,
    readonly from: Date,
    private readonly archive: Archive,
  ) {}

  /** Explains why an entity exists, from the last run with a conflict over it. */
  async explainEntity(entity: DesiredEntity): Promise<Explanations> {
    await this.readRuns();
    return this.explain(this.onlyAccount(), [{ entity, runId: null, call: null }]);
  }

  /** Explains the entity with the name of the query, whose kind the runs show. */
  async explainName(): Promise<Explanations> {
    await this.readRuns();
    const reported = this.runs.flatMap(({ report }) => report?.entities ?? []);
    const entities = [...reported, ...(await this.archive.findNamed(this.query))];
    return this.explain(this.onlyAccount(), [{ entity: findNamed(entities, this.query), runId: null, call: null }]);
  }

  /** Explains the conflicts of a run. */
  async explainRun(run: RunRecord & { readonly type: string }): Promise<Explanations> {
    const { workflowId, runId } = run.reference;
    this.account ??= run.account;
    this.isFound = true;
    await this.readRuns();
    if (run.type === WorkflowType.ReconcileEntity) {
      const history = await readEntityHistory(this.temporal, workflowId, runId);
      if (history !== null) {
        const { entity, intent } = history.request;
        return this.explain(run.account, [{ entity, runId: intent, call: null }]);
      }
    }
    if (run.type !== WorkflowType.Bootstrap) {
      throw new QueryError(`${runId} is a run of ${run.type}, which does not write to AWS`, QUERY_FORMS);
    }
    if (!this.runs.some(({ reference }) => reference.runId === runId)) this.runs = [run, ...this.runs];
    return this.explainConflicts(run, run.account);
  }

  /** Explains the conflicts of a run that only a file has. */
  async explainArchivedRun(run: RunRecord): Promise<Explanations> {
    this.isFound = true;
    await this.readRuns();
    this.notes.push(archivedRunNote(run, this.onlyAccount(), this.archive));
    return this.explainConflicts(run, run.account);
  }

  private async explainConflicts(run: RunRecord, account: string): Promise<Explanations> {
    const { entities, notes } = await entitiesToExplain(this.temporal, run);
    this.notes.push(...notes);
    return this.explain(
      account,
      entities.map((entity) => ({ entity, runId: run.reference.runId, call: null })),
    );
  }

  /** Explains the call with an AWS request ID. */
  async explainRequest(): Promise<Explanations> {
    const requestId = this.query;
    await this.readRuns();
    for (const run of this.runs) {
      const report = run.report?.entities.find((entity) => mentionsRequest(entity, requestId));
      if (report === undefined) continue;
      this.account ??= run.account;
      const { runId } = run.reference;
      return this.explain(run.account, [{ entity: await this.declaredBy(run, report), runId, call: null }]);
    }
    const account = this.onlyAccount();
    const archived = await this.archive.findRequest(requestId, account);
    if (archived !== null) {
      const entity = parseEntity(entityId(archived));
      return this.explain(account, [{ entity, runId: archived.runId, call: null }]);
    }
    const { trail } = await this.gather(account, [], requestId);
    const call = trail.events.find((event) => event.requestId === requestId);
    if (call?.entity != null) {
      return this.explain(account, [{ entity: parseEntity(call.entity), runId: call.runId, call }]);
    }
    this.isFound = call !== undefined;
    const trailText = trail.status === 'read' ? ', and CloudTrail does not show it' : '';
    this.notes.push(
      call === undefined
        ? `request ${requestId} is unknown: no run since ${this.from.toISOString()} made it${trailText}`
        : `${call.operation} of ${call.principal} at ${call.at}, which names no known entity`,
    );
    return this.result(account, [], trail);
  }

  private async readRuns(): Promise<void> {
    const { runs, notes } = await listKnownRuns(this.temporal, this, this.account, this.archive);
    this.runs = runs;
    this.notes.push(...notes);
  }

  private onlyAccount(): string {
    if (this.account !== undefined) return this.account;
    const accounts = [...new Set(this.runs.map(({ account }) => account))].sort();
    const [only] = accounts;
    if (accounts.length === 1 && only !== undefined) return only;
    throw new QueryError(
      accounts.length === 0
        ? `no run shows in which account ${this.query} is`
        : `${this.query} may be in several accounts: ${accounts.join(', ')}`,
      'name the account with --account',
    );
  }

  private async declaredBy(run: RunRecord, entity: Pick<EntityReport, 'kind' | 'name'>): Promise<DesiredEntity> {
    return findDeclared((await requestOf(this.temporal, run))?.entities ?? [], entity);
  }

  private async explain(account: string, selections: readonly Selection[]): Promise<Explanations> {
    const entities = selections.map(({ entity }) => entity);
    const { runs, notes } = await archivedRuns(this.archive, this.runs, account, entities);
    this.archived = runs;
    this.notes.push(...notes);
    const histories = await readEntityHistories(this.temporal, account, entities, this.from);
    const subjects = await Promise.all(
      selections.map((one, index) => this.subjectOf(account, one, histories[index] ?? [])),
    );
    const declared = subjects.map(({ subject }) => subject.declared);
    const { found, trail } = await this.gather(account, declared, null);
    const explanations = subjects.flatMap(({ subject, entityRuns }, index) => {
      const shown = found[index] ?? UNREAD;
      const call = subject.call ?? (subject.entityRun === null ? lastRefusedCreate(trail, subject) : null);
      const isKnown =
        entityRuns.length > 0 || call !== null || shown.status === 'present' || eventsOf(trail, subject).length > 0;
      if (!isKnown) {
        this.notes.push(unknownNote(subject, account, this.from, shown));
        return [];
      }
      const { explanation, notes: claims } = buildExplanation({ ...subject, call }, entityRuns, shown, trail);
      this.notes.push(...claims);
      return [explanation];
    });
    const unread = found.flatMap(({ status, message }) => (status === 'unread' && message !== null ? [message] : []));
    for (const message of new Set(unread)) {
      if (message !== trail.message) this.notes.push(`the entity was not read: ${message}`);
    }
    return this.result(account, explanations, trail);
  }

  /** Finds the run in question for an entity, and all other runs that include it. */
  private async subjectOf(
    account: string,
    { entity, runId, call }: Selection,
    histories: readonly EntityHistory[],
  ): Promise<{ readonly subject: Subject; readonly entityRuns: readonly EntityRun[] }> {
    const runs = [...this.runs, ...this.archived].filter((run) => run.account === account);
    const entityRuns = newestFirst([
      ...entityRunsOf(runs, histories, entity),
      ...(await this.wrongAccountRuns(runs, entity)),
    ]);
    const entityRun = runInQuestion(entityRuns, { runId, call });
    const declared = entityRun?.history?.request.entity ?? (await this.asDeclared(entityRun, entity));
    return { subject: { kind: entity.kind, name: declared.name, declared, entityRun, call }, entityRuns };
  }

  private async wrongAccountRuns(runs: readonly RunRecord[], entity: DesiredEntity): Promise<EntityRun[]> {
    const entityRuns: EntityRun[] = [];
    for (const run of runs.filter(({ report }) => isWrongAccountReport(report))) {
      const request = await requestOf(this.temporal, run);
      const declared = request?.entities.find((other) => entityKey(other) === entityKey(entity));
      if (declared !== undefined) entityRuns.push(wrongAccountRun(run, declared));
    }
    return entityRuns;
  }

  private async asDeclared(entityRun: EntityRun | null, entity: DesiredEntity): Promise<DesiredEntity> {
    const run = this.runs.find(({ reference }) => reference.runId === entityRun?.run.runId);
    return run === undefined ? entity : this.declaredBy(run, entity);
  }

  private async gather(
    account: string,
    entities: readonly DesiredEntity[],
    requestId: string | null,
  ): Promise<Evidence> {
    // The last run of the account names the role to assume there.
    const last = this.runs.find((run) => run.account === account);
    const request = last === undefined ? undefined : await requestOf(this.temporal, last);
    return gatherEvidence(this.temporal, this.query, {
      target: request?.target ?? { account, partition: parseArn(this.query)?.partition ?? 'aws' },
      entities,
      requestId,
      from: this.from.toISOString(),
      to: this.to.toISOString(),
    });
  }

  private result(account: string, explanations: readonly Explanation[], trail: Trail): Explanations {
    const { status, message, truncated, events } = trail;
    return {
      version: 1,
      command: 'explain',
      query: this.query,
      account,
      from: this.from.toISOString(),
      to: this.to.toISOString(),
      found: this.isFound || explanations.length > 0,
      explanations,
      trail: { status, message, truncated, events: events.length },
      notes: [...this.notes, ...trailNotes(trail, explanations, this.to)],
    };
  }
}
