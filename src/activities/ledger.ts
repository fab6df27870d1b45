import { createHash } from 'node:crypto';
import { activityInfo } from '@temporalio/activity';
import {
  QueryRejectedError,
  WithStartWorkflowOperation,
  WorkflowNotFoundError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, type SearchAttributePair } from '@temporalio/common';
import type { AccountLedger, EntityClaim, EntityClaimsAnswer } from '../contract/entity-claims.js';
import type { Declaration } from '../contract/declarations.js';
import type { DriftChanges, DriftRecord, RecordDriftRequest } from '../contract/drift-record.js';
import {
  appliedQuery,
  claimEntitiesUpdate,
  claimUpdate,
  declarationsQuery,
  declareUpdate,
  entityClaimsQuery,
  outcomeUpdate,
  recordDriftUpdate,
} from '../contract/messages.js';
import { IamAccount, IamDrift, IamNamespace } from '../contract/search-attributes.js';
import {
  accountLedgerWorkflowId,
  driftRecordWorkflowId,
  ledgerWorkflowId,
  terminateCommand,
  WorkflowType,
} from '../contract/workflow-ids.js';
import type { AppliedRevision, ClaimAnswer, Ledger } from '../contract/revision.js';
import type { ClaimEntitiesRequest, ClaimRequest, DeclareRequest } from '../contract/activities.js';
import type { LastOutcome, RecordOutcomeRequest } from '../contract/notification.js';
import { emptyRecord } from '../report/drift-record.js';
import { holdLease, type ActivityContext } from './runtime/activity-context.js';
import { failure } from './runtime/failures.js';

/** Deadline of one call to Temporal. */
const UPDATE_DEADLINE_MS = 10_000;

/** Time in which a ledger may not answer, though Temporal does, before it counts as silent. A worker may be busy. */
const MAX_SILENCE_MS = 60_000;

/** Ledgers whose silence is remembered. */
const MAX_SILENT = 1_000;

const LEDGER_TYPES: readonly string[] = [WorkflowType.Ledger, WorkflowType.AccountLedger, WorkflowType.DriftRecord];

/** Gives access to ledgers of namespaces and accounts, and to drift records. Each is a workflow that stays open. */
export class Ledgers {
  readonly #client: Client;
  readonly #taskQueue: string;
  /** By workflow ID, the run that does not answer, and the times of the first and the last question. */
  readonly #silent = new Map<string, { readonly runId: string; readonly since: number; readonly last: number }>();

  constructor(client: Client, taskQueue: string) {
    this.#client = client;
    this.#taskQueue = taskQueue;
  }

  /** Asks the ledger of a namespace whether a run may write, and starts the ledger if it does not run. */
  claim({ account, namespace, ...claim }: ClaimRequest, context: ActivityContext): Promise<ClaimAnswer> {
    const start = this.#startOfNamespace(account, namespace);
    return this.#update(namespaceLedger(account, namespace), context, () =>
      this.#client.workflow.executeUpdateWithStart(claimUpdate, {
        startWorkflowOperation: start,
        args: [claim],
        // A claim that is repeated after a lost answer gets the same answer.
        updateId: activityInfo().workflowExecution?.runId ?? claim.revision.runId,
      }),
    );
  }

  /** Changes the declarations in the ledger of a namespace, and starts the ledger if it does not run. */
  declare({ account, namespace, ...changes }: DeclareRequest, context: ActivityContext): Promise<undefined> {
    const start = this.#startOfNamespace(account, namespace);
    return this.#update(namespaceLedger(account, namespace), context, () =>
      this.#client.workflow.executeUpdateWithStart(declareUpdate, {
        startWorkflowOperation: start,
        args: [changes],
        updateId: `${changes.runId}:${changes.declare.length > 0 ? 'declare' : 'settle'}`,
      }),
    );
  }

  /**
   * Records the end of a run in the ledger of its namespace, and returns whether it is a change. Where the run has read the
   * account, the ledger is started if it does not run; where it has not, trouble without a ledger is a change.
   */
  async recordOutcome(
    { account, namespace, trouble, hasLooked = true, ...run }: RecordOutcomeRequest,
    context: ActivityContext,
  ): Promise<boolean> {
    const ledger = namespaceLedger(account, namespace);
    const digest = trouble.length === 0 ? null : createHash('sha256').update(JSON.stringify(trouble)).digest('hex');
    const args: [Omit<LastOutcome, 'isChange'>] = [{ ...run, trouble: digest }];
    const update = { args, updateId: `${run.runId}:outcome` };
    const { workflow } = this.#client;
    const startWorkflowOperation = this.#startOfNamespace(account, namespace);
    try {
      return await this.#update(ledger, context, () =>
        hasLooked
          ? workflow.executeUpdateWithStart(outcomeUpdate, { startWorkflowOperation, ...update })
          : workflow.getHandle(ledger.workflowId).executeUpdate(outcomeUpdate, update),
      );
    } catch (error) {
      if (hasLooked || !isMissing(error)) throw error;
      return digest !== null;
    }
  }

  /** Returns the revisions that were applied to a namespace. A namespace without a ledger has none. */
  applied(account: string, namespace: string): Promise<readonly AppliedRevision[]> {
    return this.#list(namespaceLedger(account, namespace), (handle) => handle.query(appliedQuery));
  }

  /** Returns the entities that the manifests of a namespace declare. A namespace without a ledger has none. */
  declarations(account: string, namespace: string): Promise<readonly Declaration[]> {
    return this.#list(namespaceLedger(account, namespace), (handle) => handle.query(declarationsQuery));
  }

  /** Takes and drops entity claims in the ledger of an account, and starts the ledger if it does not run. */
  claimEntities({ account, ...changes }: ClaimEntitiesRequest, context: ActivityContext): Promise<EntityClaimsAnswer> {
    const start = this.#startOperation<AccountLedger>(WorkflowType.AccountLedger, {
      workflowId: accountLedger(account).workflowId,
      staticSummary: `namespaces that declare entities without tags in ${account}`,
    });
    return this.#update(accountLedger(account), context, () =>
      this.#client.workflow.executeUpdateWithStart(claimEntitiesUpdate, {
        startWorkflowOperation: start,
        args: [changes],
        updateId: `${changes.runId}:${changes.take.length > 0 ? 'take' : 'drop'}`,
      }),
    );
  }

  /** Returns the claims on entities in the ledger of an account. An account without a ledger has none. */
  entityClaims(account: string, ids: readonly string[]): Promise<readonly EntityClaim[]> {
    return this.#list(accountLedger(account), (handle) => handle.query(entityClaimsQuery, ids));
  }

  /** Changes the drift record of an environment, and starts it if it does not run. */
  async recordDrift({ of, update }: RecordDriftRequest, context: ActivityContext): Promise<DriftChanges> {
    const workflowId = driftRecordWorkflowId(of);
    const { account, namespace, environment } = of;
    const name = `the drift record of ${namespace} (${environment}) in ${account}`;
    // A repeated update gets the first one's answer.
    const updateId = `${activityInfo().workflowExecution?.runId ?? ''}:${activityInfo().activityId}`;
    const record = (isSearchable: boolean): Promise<DriftChanges> =>
      this.#client.workflow.executeUpdateWithStart(recordDriftUpdate, {
        startWorkflowOperation: this.#startOperation<DriftRecord>(
          WorkflowType.DriftRecord,
          {
            workflowId,
            staticSummary: `drift of ${namespace} (${environment}) in ${account}`,
            ...(isSearchable ? { typedSearchAttributes: driftAttributes(account, namespace) } : {}),
          },
          [emptyRecord(of)],
        ),
        args: [update],
        updateId,
      });
    return this.#update({ workflowId, name }, context, async () => {
      try {
        return await record(true);
      } catch (error) {
        // The server does not know the attributes.
        if (!/search attribute/i.test(detailsOf(error))) throw error;
        return record(false);
      }
    });
  }

  #startOfNamespace(
    account: string,
    namespace: string,
  ): WithStartWorkflowOperation<(ledger?: Ledger) => Promise<void>> {
    return this.#startOperation<Ledger>(WorkflowType.Ledger, {
      workflowId: namespaceLedger(account, namespace).workflowId,
      staticSummary: `what was applied to ${namespace} in ${account}`,
    });
  }

  #startOperation<L>(
    type: string,
    options: LedgerStart,
    args: [] | [L] = [],
  ): WithStartWorkflowOperation<(ledger?: L) => Promise<void>> {
    const taskQueue = this.#taskQueue;
    return new WithStartWorkflowOperation<(ledger?: L) => Promise<void>>(type, {
      ...options,
      taskQueue,
      args,
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  }

  async #update<T>(ledger: NamedLedger, context: ActivityContext, update: () => Promise<T>): Promise<T> {
    // A suspended attempt that resumes after another one took over must not claim anything.
    await holdLease(context);
    return this.#ask(ledger, update);
  }

  async #list<T>(ledger: NamedLedger, query: (handle: WorkflowHandle) => Promise<readonly T[]>): Promise<readonly T[]> {
    const handle = this.#client.workflow.getHandle(ledger.workflowId);
    try {
      return await this.#ask(ledger, () => query(handle));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #ask<T>(ledger: NamedLedger, call: () => Promise<T>): Promise<T> {
    try {
      const answer = await this.#inTime(call);
      this.#silent.delete(ledger.workflowId);
      return answer;
    } catch (error) {
      if (isMissing(error)) throw error;
      throw await this.#silence(ledger, error instanceof Error ? error.message : String(error));
    }
  }

  /**
   * Returns the failure for a ledger that has not answered. It is tried again, but not for ever: any client can start a
   * run under the ID of a ledger, which then never answers.
   */
  async #silence({ workflowId, name }: NamedLedger, reason: string): Promise<Error> {
    const run = await this.#inTime(() => this.#client.workflow.getHandle(workflowId).describe()).catch(() => undefined);
    const again = ApplicationFailure.retryable(`${name} does not answer: ${reason}`, 'ServiceUnavailable');
    // Nothing can be said about it while Temporal itself does not answer.
    if (run?.status.name !== 'RUNNING') return again;
    const now = Date.now();
    const before = this.#silent.get(workflowId);
    const isSame = before?.runId === run.runId && now - before.last < MAX_SILENCE_MS;
    const since = isSame ? before.since : now;
    this.#silent.delete(workflowId);
    this.#silent.set(workflowId, { runId: run.runId, since, last: now });
    const [oldest] = this.#silent.keys();
    if (this.#silent.size > MAX_SILENT && oldest !== undefined) this.#silent.delete(oldest);
    const isForeign = !LEDGER_TYPES.includes(run.type);
    if (!isForeign && now - since < MAX_SILENCE_MS) return again;
    const what = isForeign ? `a run of the foreign workflow type ${JSON.stringify(run.type)}` : 'a run';
    const { namespace } = this.#client.options;
    return failure(
      'ServiceUnavailable',
      `${name} does not answer: its ID ${workflowId} is held by ${what} since ${run.startTime.toISOString()}`,
      {
        remedy: `look at who started it; if nobody needs it, end it and apply again, which starts a new ledger: ${terminateCommand(namespace, workflowId, run.runId)}`,
      },
    );
  }

  async #inTime<T>(call: () => Promise<T>): Promise<T> {
    return this.#client.withDeadline(Date.now() + UPDATE_DEADLINE_MS, call);
  }
}

/** The options by which ledgers differ at their start. */
interface LedgerStart {
  readonly workflowId: string;
  readonly staticSummary: string;
  readonly typedSearchAttributes?: SearchAttributePair[];
}

function driftAttributes(account: string, namespace: string): SearchAttributePair[] {
  return [
    { key: IamAccount, value: account },
    { key: IamNamespace, value: namespace },
    { key: IamDrift, value: 0 },
  ];
}

/** Returns the text of an error and of its causes. */
function detailsOf(error: unknown): string {
  const { message, details, cause } = (error ?? {}) as { message?: string; details?: string; cause?: unknown };
  return [message, details, cause === undefined ? [] : detailsOf(cause)].flat().join(' ');
}

/** A ledger, with its name for people. */
interface NamedLedger {
  readonly workflowId: string;
  readonly name: string;
}

function namespaceLedger(account: string, namespace: string): NamedLedger {
  return { workflowId: ledgerWorkflowId(account, namespace), name: `the ledger of namespace ${namespace}` };
}

function accountLedger(account: string): NamedLedger {
  return { workflowId: accountLedgerWorkflowId(account), name: `the ledger of account ${account}` };
}

/** Reports whether a ledger does not run. A closed one would still answer queries: the worker's client rejects them. */
function isMissing(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || error instanceof QueryRejectedError;
}
