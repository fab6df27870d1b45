import { activityInfo } from '@temporalio/activity';
import type { ReconcileRequest } from '../contract/request.js';
import { truncateToFit } from '../report/truncate.js';
import type { Activities, VerifyResult } from '../contract/activities.js';
import { checkReconcileRequest } from '../engine/request.js';
import { KINDS } from '../kinds/index.js';
import type { Account, Accounts } from './runtime/accounts.js';
import { createEntity, deleteEntity, listCandidates, updateEntity } from './reconcile/create.js';
import { gatherEvidence } from './evidence.js';
import { failure } from './runtime/failures.js';
import type { Ledgers } from './ledger.js';
import { lockOf, planEntities } from './plan/plan-entities.js';
import { waitUntilConverged } from './reconcile/verify.js';
import { step } from './runtime/activity-context.js';
import type { ActivityContext } from './runtime/activity-context.js';

/** What a worker's activities work with. */
export interface WorkerParts {
  readonly accounts: Accounts;
  readonly ledgers: Ledgers;
}

/** Any client may have started the child: what it says of its run may be anything. */
function intentOf(request: Partial<ReconcileRequest> | null): string | undefined {
  return typeof request?.intent === 'string' ? request.intent : undefined;
}

/** The activities of a worker. Each finds the kind, runs one step and translates errors. */
export function createActivities({ accounts, ledgers }: WorkerParts): Activities {
  /** The account of a child's request. Any client may have started the child, without a plan before it. */
  const accountOf = (request: ReconcileRequest, { calls }: ActivityContext): Account => {
    const problem = checkReconcileRequest(request, KINDS, lockOf, activityInfo().workflowExecution?.workflowId);
    if (problem !== null) throw failure('InvalidManifest', problem, { calls });
    return accounts.get(request.target, request.namespace);
  };
  return {
    planEntities: (request) => step(({ calls }) => planEntities(accounts, request, calls)),
    claimRevision: (request) => step((work) => ledgers.claim(request, work)),
    listCandidates: (request) =>
      step((work) => listCandidates(accountOf(request, work), request, work), intentOf(request)),
    createEntity: (request) => step((work) => createEntity(accountOf(request, work), request, work), intentOf(request)),
    updateEntity: (request) => step((work) => updateEntity(accountOf(request, work), request, work), intentOf(request)),
    deleteEntity: (request) => step((work) => deleteEntity(accountOf(request, work), request, work), intentOf(request)),
    verifyEntities: (request) =>
      step(async ({ calls }): Promise<VerifyResult> => {
        const { target, namespace } = request.request;
        const differing = await waitUntilConverged(
          accounts.get(target, namespace),
          request.entities,
          request.arns,
          namespace,
        );
        const decisions = truncateToFit(differing.map(({ decision }) => decision));
        return {
          differing: differing.map((one, index) => ({ ...one, decision: decisions[index] ?? one.decision })),
          calls,
        };
      }),
    gatherEvidence: (request) => step(() => gatherEvidence(accounts.get(request.target), request)),
  };
}
