import { activityInfo } from '@temporalio/activity';
import type { Activities, VerifyResult } from '../contract/activities.js';
import type { ReconcileRequest } from '../contract/request.js';
import { checkReconcileRequest } from '../engine/request.js';
import { KINDS } from '../kinds/index.js';
import { truncateToFit } from '../report/build.js';
import { gatherEvidence } from './evidence.js';
import type { EntityRuns } from './entity-runs.js';
import type { Ledgers } from './ledger.js';
import { lockOf, planEntities } from './plan/plan-entities.js';
import { createEntity, listCandidates } from './reconcile/create.js';
import { deleteEntity } from './reconcile/delete.js';
import { updateEntity } from './reconcile/update.js';
import { waitUntilConverged } from './reconcile/verify.js';
import type { Account, Accounts } from './runtime/accounts.js';
import { runActivity, type ActivityContext, type RunOptions } from './runtime/activity-context.js';
import { failure } from './runtime/failures.js';

/** The connections of a worker that its activities use. */
export interface WorkerParts {
  readonly accounts: Pick<Accounts, 'get'>;
  readonly ledgers: Pick<Ledgers, 'claim' | 'claimEntities' | 'entityClaims'>;
  readonly entityRuns: Pick<EntityRuns, 'find' | 'end'>;
  /** Returns the ID of the worker's Temporal namespace. Default: created entities carry no such tag. */
  readonly installation?: () => Promise<string | undefined>;
}

/** Returns the activities of a worker. */
export function createActivities({ accounts, ledgers, entityRuns, installation }: WorkerParts): Activities {
  /** Runs an activity of a reconcile-entity workflow, after the request was checked: any client may have started it. */
  const reconcile = <Request extends ReconcileRequest, Result>(
    run: (account: Account, request: Request, context: ActivityContext) => Promise<Result>,
  ): ((request: Request) => Promise<Result>) => {
    return (request) =>
      runActivity(async (context) => {
        const problem = checkReconcileRequest(request, KINDS, lockOf, activityInfo().workflowExecution?.workflowId);
        if (problem !== null) throw failure('InvalidManifest', problem, { calls: context.calls });
        return run(accounts.get(request.target, request.namespace), request, context);
      }, runOptionsOf(request));
  };
  return {
    planEntities: (request) =>
      runActivity(async ({ calls }) => {
        const plan = await planEntities(accounts, ledgers, request, calls);
        const id = await installation?.();
        return id === undefined ? plan : { ...plan, installation: id };
      }, runOptionsOf(request)),
    findEntityRuns: (request) => runActivity(() => entityRuns.find(request)),
    endEntityRuns: (runs) => runActivity(() => entityRuns.end(runs)),
    claimRevision: (request) => runActivity((context) => ledgers.claim(request, context)),
    claimEntities: (request) => runActivity((context) => ledgers.claimEntities(request, context)),
    listCandidates: reconcile(listCandidates),
    createEntity: reconcile(createEntity),
    updateEntity: reconcile(updateEntity),
    deleteEntity: reconcile(deleteEntity),
    verifyEntities: (request) =>
      runActivity(async ({ calls }): Promise<VerifyResult> => {
        const { target, namespace } = request.request;
        const { differing, recreated } = await waitUntilConverged(accounts.get(target, namespace), request);
        const decisions = truncateToFit(differing.map(({ decision }) => decision));
        return {
          differing: differing.map(({ index, decision }, position) => ({
            index,
            decision: decisions[position] ?? decision,
          })),
          ...(recreated.length === 0 ? {} : { recreated }),
          calls,
        };
      }, runOptionsOf(request.request)),
    gatherEvidence: (request) => runActivity(() => gatherEvidence(accounts.get(request.target), ledgers, request)),
  };
}

/** Returns the run and the limit that a request names. Any client may have started the child, so it may hold anything. */
function runOptionsOf(request: Partial<Pick<ReconcileRequest, 'intent' | 'timeoutMs'>> | null): RunOptions {
  const { intent, timeoutMs } = request ?? {};
  return {
    ...(typeof intent === 'string' ? { runId: intent } : {}),
    ...(typeof timeoutMs === 'number' ? { timeoutMs } : {}),
  };
}
