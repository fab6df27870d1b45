import { activityInfo } from '@temporalio/activity';
import type { Activities, VerifyRequest, VerifyResult } from '../contract/activities.js';
import type { CaptureRequest } from '../contract/capture.js';
import type { EvidenceRequest } from '../contract/explain.js';
import type { LookUpRequest } from '../contract/look-up.js';
import type { ProofTerms } from '../contract/identity.js';
import type { ReconcileRequest } from '../contract/request.js';
import { proofDigest } from '../engine/request-digest.js';
import { checkReconcileRequest } from '../engine/request.js';
import { KINDS } from '../kinds/index.js';
import { truncateToFit } from '../report/build.js';
import { captureAccount } from './capture/capture-account.js';
import { Captures } from './capture/captures.js';
import { gatherEvidence } from './evidence.js';
import { lookUpEntities } from './look-up.js';
import type { EntityRuns } from './entity-runs.js';
import type { KeptStates } from './kept-state.js';
import type { Ledgers } from './ledger.js';
import type { Notifications } from './notifications.js';
import { scheduleActivities } from './schedules.js';
import { lockOf } from './plan/entity-lock.js';
import { planEntities } from './plan/plan-entities.js';
import { createEntity, listCandidates } from './reconcile/create.js';
import { deleteEntity } from './reconcile/delete.js';
import { resolvedSpec } from './reconcile/desired-state.js';
import { updateEntity } from './reconcile/update.js';
import { waitUntilConverged } from './reconcile/verify.js';
import { withAccounts, type Account, type AccountLease, type Accounts } from './runtime/accounts.js';
import { asksFor } from './runtime/asks-for.js';
import { runActivity, type ActivityContext, type Calls, type RunOptions } from './runtime/activity-context.js';
import { Enforcement } from './runtime/enforcement.js';
import { announced } from './runtime/announced.js';
import { failure } from './runtime/failures.js';
import { assertNotification } from './runtime/notification-origin.js';
import type { Proofs } from './runtime/proofs.js';
import { NO_GUARDRAILS } from './runtime/guardrails-file.js';

/** The connections of a worker that its activities use. */
export interface WorkerParts {
  readonly accounts: Pick<Accounts, 'lease'>;
  readonly ledgers: Pick<
    Ledgers,
    | 'applied'
    | 'claim'
    | 'claimEntities'
    | 'entityClaims'
    | 'declare'
    | 'declarations'
    | 'recordDrift'
    | 'recordOutcome'
  >;
  readonly entityRuns: Pick<
    EntityRuns,
    'find' | 'end' | 'pending' | 'parentOf' | 'descentFrom' | 'workflowOf' | 'principalOfRun' | 'recentlyChanged'
  >;
  readonly keptStates: Pick<KeptStates, 'part'>;
  /** Returns the ID of the worker's Temporal namespace. Default: created entities carry no such tag. */
  readonly installation?: () => Promise<string | undefined>;
  /** Default: the worker has no guardrails. */
  readonly enforcement?: Enforcement;
  /** The channels that people are told by. Default: none. */
  readonly notifications?: Pick<Notifications, 'channelsFor' | 'deliver'> | undefined;
}

/** The channels of a worker that takes no notifications. */
const NO_CHANNELS: NonNullable<WorkerParts['notifications']> = {
  channelsFor: ({ type }) => {
    // A scheduled run has its drift told whether or not a worker tells people; others do so where the worker that planned does.
    if (type === 'drift.found' || type === 'drift.gone') return [];
    throw new Error('this worker has no notifications file, and the one that planned has');
  },
  // Another worker may have it.
  deliver: ({ channel }) => Promise.reject(new Error(`this worker has no channel ${channel}`)),
};

/** Returns the activities of a worker. */
export function createActivities(parts: WorkerParts): Activities {
  const { accounts, ledgers, entityRuns, keptStates, installation, notifications } = parts;
  const { enforcement = new Enforcement({ source: NO_GUARDRAILS }) } = parts;
  const use = <T>(work: (lease: AccountLease) => Promise<T>): Promise<T> => withAccounts(accounts, work);
  /** Runs an activity of a reconcile-entity workflow, after the request was checked: any client may have started it. */
  const reconcile =
    <Request extends ReconcileRequest, Result>(
      run: (account: Account, request: Request, context: ActivityContext) => Promise<Result>,
    ): ((request: Request) => Promise<Result>) =>
    (request) =>
      runActivity(async (context) => {
        const problem = checkReconcileRequest(request, KINDS, lockOf, activityInfo().workflowExecution?.workflowId);
        if (problem !== null) throw failure('InvalidManifest', problem, { calls: context.calls });
        await enforcement.assertBound(request);
        context.guard = enforcement.guardOf(request, resolvedSpec(request.entity, request.arns));
        context.guard.assertEntity(undefined);
        context.newPrincipals = request.newPrincipals ?? [];
        return use((lease) => run(lease.get(request.target, request.namespace), request, context));
      }, runOptionsOf(request));
  return {
    planEntities: (request, approved) =>
      announced(
        notifications,
        runActivity(async ({ calls }) => {
          await enforcement.assertSigned(request);
          const plan = await use((lease) =>
            planEntities(lease, { ledgers, entityRuns }, request, calls, enforcement, approved),
          );
          const isAskedFor = (argument: unknown): boolean => asksFor(argument, proofDigest(request), proofDigest);
          const principal = plan.principal ?? (await entityRuns.principalOfRun(isAskedFor));
          const id = await installation?.();
          const more = { ...(principal && { principal }), ...(id === undefined ? {} : { installation: id }) };
          return enforcement.bind(request, { ...plan, ...more }, approved);
        }, runOptionsOf(request)),
      ),
    verifyDecision: (request) => runActivity(() => proofsOf(enforcement).decide(request)),
    verifySignature: (decision) => runActivity(() => enforcement.verifyDecision(decision)),
    proofTerms: (question) => runActivity(() => Promise.resolve(enforcement.proofs?.terms(question) ?? NO_PROOFS)),
    findEntityRuns: (request) => runActivity(() => entityRuns.find(request)),
    endEntityRuns: (runs) => runActivity(() => entityRuns.end(runs)),
    // Its argument is in the history of the run that asks.
    keepState: () => runActivity(() => Promise.resolve()),
    readKeptState: (part) => runActivity(() => keptStates.part(part)),
    listPendingActivities: () => runActivity(() => entityRuns.pending()),
    listCandidates: reconcile(async (account, request: ReconcileRequest, context) =>
      enforcement.bindListing(request, await listCandidates(account, request, context)),
    ),
    createEntity: reconcile(createEntity),
    updateEntity: reconcile(updateEntity),
    deleteEntity: reconcile(deleteEntity),
    verifyEntities: (request) =>
      runActivity(async ({ calls }) => {
        const target = await enforcement.targetForVerification(request);
        return use((lease) => verify(lease.get(target, request.request.namespace), request, calls));
      }, runOptionsOf(request.request)),
    ...scheduleActivities({ ledgers, enforcement, use }),
    ...readActivities({ ledgers, enforcement, use }),
    ...ledgerActivities(ledgers),
    ...notificationActivities(entityRuns, notifications),
  };
}

/** Returns the activities that only read, for every client that the worker answers. */
function readActivities({
  ledgers,
  enforcement,
  use,
}: Pick<WorkerParts, 'ledgers'> & {
  readonly enforcement: Enforcement;
  readonly use: <T>(work: (lease: AccountLease) => Promise<T>) => Promise<T>;
}): Pick<Activities, 'gatherEvidence' | 'lookUpEntities' | 'captureAccount'> {
  const captures = new Captures();
  /** Reads an account with the role for plans, after the request was checked: any client may have sent it. */
  const reading =
    <Request extends EvidenceRequest | LookUpRequest | CaptureRequest, Result>(
      read: (account: Account, request: Request, calls: Calls) => Promise<Result>,
    ): ((request: Request) => Promise<Result>) =>
    (request) =>
      runActivity(async ({ calls }) => {
        await enforcement.assertReadSigned(request);
        return use((lease) => read(lease.get(enforcement.targetForReads(request.target)), request, calls));
      });
  return {
    gatherEvidence: reading((account, request) => gatherEvidence(account, ledgers, request)),
    lookUpEntities: reading((account, request, calls) => lookUpEntities(account, ledgers, request, calls)),
    captureAccount: reading((account, request, calls) =>
      captureAccount(account, { ledgers, captures }, request, calls),
    ),
  };
}

/** The answer of a worker that asks nobody who they are. */
const NO_PROOFS: ProofTerms = { key: null, issuers: [], requests: false, approvals: false };

function proofsOf({ proofs }: Enforcement): Proofs {
  if (proofs !== undefined) return proofs;
  throw failure('NotAllowed', 'this worker has no guardrails, and so cannot verify who decides', {
    remedy: 'give all workers of the task queue the same guardrails',
  });
}

async function verify(account: Account, request: VerifyRequest, calls: Calls): Promise<VerifyResult> {
  const { differing, recreated, unverified, createdAt } = await waitUntilConverged(account, request);
  const decisions = truncateToFit(differing.map(({ decision }) => decision));
  return {
    differing: differing.map(({ index, decision }, position) => ({
      index,
      decision: decisions[position] ?? decision,
    })),
    ...(recreated.length === 0 ? {} : { recreated }),
    ...(createdAt.length === 0 ? {} : { createdAt }),
    ...(unverified.length === 0 ? {} : { unverified }),
    calls,
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

/** Returns the activities that write to ledgers. */
function ledgerActivities(
  ledgers: WorkerParts['ledgers'],
): Pick<Activities, 'claimRevision' | 'claimEntities' | 'declareEntities' | 'recordOutcome'> {
  return {
    claimRevision: (request) => runActivity((context) => ledgers.claim(request, context)),
    claimEntities: (request) => runActivity((context) => ledgers.claimEntities(request, context)),
    declareEntities: (request) => runActivity((context) => ledgers.declare(request, context)),
    recordOutcome: (request) => runActivity((context) => ledgers.recordOutcome(request, context)),
  };
}

/** Returns the activities that tell people. */
function notificationActivities(
  runs: WorkerParts['entityRuns'],
  notifications: WorkerParts['notifications'] = NO_CHANNELS,
): Pick<Activities, 'notificationChannels' | 'deliverNotification'> {
  return {
    notificationChannels: async (notification) => {
      await assertNotification(notification, runs);
      return notifications.channelsFor(notification);
    },
    deliverNotification: async (request) => {
      await assertNotification(request.notification, runs);
      return notifications.deliver(request);
    },
  };
}
