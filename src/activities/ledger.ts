import { activityInfo } from '@temporalio/activity';
import { QueryRejectedError, WithStartWorkflowOperation, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { AccountLedger, EntityClaim, EntityClaimsAnswer } from '../contract/entity-claims.js';
import type { Declaration } from '../contract/declarations.js';
import {
  claimEntitiesUpdate,
  claimUpdate,
  declarationsQuery,
  declareUpdate,
  entityClaimsQuery,
} from '../contract/messages.js';
import { accountLedgerWorkflowId, ledgerWorkflowId, WorkflowType } from '../contract/workflow-ids.js';
import type { ClaimAnswer, Ledger } from '../contract/revision.js';
import type { ClaimEntitiesRequest, ClaimRequest, DeclareRequest } from '../contract/activities.js';
import { holdLease, type ActivityContext } from './runtime/activity-context.js';

/** Deadline of one call to Temporal. */
const UPDATE_DEADLINE_MS = 10_000;

/** Gives access to the ledgers of namespaces and accounts. Each ledger is a workflow that stays open. */
export class Ledgers {
  readonly #client: Client;
  readonly #taskQueue: string;

  constructor(client: Client, taskQueue: string) {
    this.#client = client;
    this.#taskQueue = taskQueue;
  }

  /** Asks the ledger of a namespace whether a run may write, and starts the ledger if it does not run. */
  claim({ account, namespace, ...claim }: ClaimRequest, context: ActivityContext): Promise<ClaimAnswer> {
    const start = this.#startOfNamespace(account, namespace);
    return this.#update(`the ledger of namespace ${namespace}`, context, () =>
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
    return this.#update(`the ledger of namespace ${namespace}`, context, () =>
      this.#client.workflow.executeUpdateWithStart(declareUpdate, {
        startWorkflowOperation: start,
        args: [changes],
        updateId: `${changes.runId}:${changes.declare.length > 0 ? 'declare' : 'settle'}`,
      }),
    );
  }

  /** Returns the entities that the manifests of a namespace declare. A namespace without a ledger has none. */
  async declarations(account: string, namespace: string): Promise<readonly Declaration[]> {
    const ledger = this.#client.workflow.getHandle(ledgerWorkflowId(account, namespace));
    try {
      return await this.#ask(`the ledger of namespace ${namespace}`, () => ledger.query(declarationsQuery));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** Takes and drops entity claims in the ledger of an account, and starts the ledger if it does not run. */
  claimEntities({ account, ...changes }: ClaimEntitiesRequest, context: ActivityContext): Promise<EntityClaimsAnswer> {
    const start = this.#startOperation<AccountLedger>(WorkflowType.AccountLedger, {
      workflowId: accountLedgerWorkflowId(account),
      staticSummary: `namespaces that declare entities without tags in ${account}`,
    });
    return this.#update(`the ledger of account ${account}`, context, () =>
      this.#client.workflow.executeUpdateWithStart(claimEntitiesUpdate, {
        startWorkflowOperation: start,
        args: [changes],
        updateId: `${changes.runId}:${changes.take.length > 0 ? 'take' : 'drop'}`,
      }),
    );
  }

  /** Returns the claims on entities in the ledger of an account. An account without a ledger has none. */
  async entityClaims(account: string, ids: readonly string[]): Promise<readonly EntityClaim[]> {
    const ledger = this.#client.workflow.getHandle(accountLedgerWorkflowId(account));
    try {
      return await this.#ask(`the ledger of account ${account}`, () => ledger.query(entityClaimsQuery, ids));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  #startOfNamespace(
    account: string,
    namespace: string,
  ): WithStartWorkflowOperation<(ledger?: Ledger) => Promise<void>> {
    return this.#startOperation<Ledger>(WorkflowType.Ledger, {
      workflowId: ledgerWorkflowId(account, namespace),
      staticSummary: `what was applied to ${namespace} in ${account}`,
    });
  }

  #startOperation<L>(
    type: string,
    options: { readonly workflowId: string; readonly staticSummary: string },
  ): WithStartWorkflowOperation<(ledger?: L) => Promise<void>> {
    const taskQueue = this.#taskQueue;
    return new WithStartWorkflowOperation(type, {
      ...options,
      taskQueue,
      args: [],
      workflowIdConflictPolicy: 'USE_EXISTING',
    });
  }

  async #update<T>(ledger: string, context: ActivityContext, update: () => Promise<T>): Promise<T> {
    // A suspended attempt that resumes after another one took over must not claim anything.
    await holdLease(context);
    return this.#ask(ledger, update);
  }

  async #ask<T>(ledger: string, call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + UPDATE_DEADLINE_MS, call);
    } catch (error) {
      if (isMissing(error)) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(`${ledger} does not answer: ${reason}`, 'ServiceUnavailable');
    }
  }
}

/** Reports whether a ledger does not run. A closed one would still answer queries: the worker's client rejects them. */
function isMissing(error: unknown): boolean {
  return error instanceof WorkflowNotFoundError || error instanceof QueryRejectedError;
}
