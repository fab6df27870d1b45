import { cancelled, heartbeat } from '@temporalio/activity';
import type { WorkflowHandleWithStartDetails } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { Activities, Plan, PlannedEntity, ReconcileActivityResult } from '../../src/contract/activities.js';
import type { DesiredEntity } from '../../src/contract/entity.js';
import type { FleetActivities } from '../../src/contract/fleet.js';
import type { DecisionAction, EntityReport, Report } from '../../src/contract/report.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { WorkerGateActivities } from '../../src/contract/worker-gate.js';
import { reportQuery } from '../../src/contract/messages.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { bootstrap } from '../../src/workflows/index.js';
import { startTestServer } from './time-skipping-server.js';
import type { TestServer } from './time-skipping-server.js';
import { type Limits, withLimits, workflowBundle } from './workflow-bundle.js';
import { desired } from './desired.js';

/** Digest of the plans of {@link planOf}. */
export const PLAN_DIGEST = `sha256:${'1'.repeat(64)}`;

type AllActivities = Activities & FleetActivities & WorkerGateActivities;

type Started = WorkflowHandleWithStartDetails<typeof bootstrap>;

/** Answers a run that looks for entity runs of earlier runs, or for what it waits for: there are none. */
const NO_OTHER_RUNS = {
  findEntityRuns: () => Promise.resolve({ earlier: [], others: [] }),
  listPendingActivities: () => Promise.resolve([]),
};

/** Keeps what runs hand on, as their histories do on a server. */
function keptStates(): Pick<Activities, 'keepState' | 'readKeptState'> {
  const texts = new Map<string, string>();
  const keyOf = ({ keptAs, index }: { readonly keptAs: string; readonly index: number }): string =>
    `${keptAs} ${String(index)}`;
  return {
    keepState: (part) => {
      texts.set(keyOf(part), part.text);
      return Promise.resolve();
    },
    readKeptState: (part) => Promise.resolve(texts.get(keyOf(part)) ?? ''),
  };
}

let accounts = 0;

/** Runs the workflows on a test server, with activities that each test replaces. */
export class WorkflowStage {
  /** Activities of the test that runs. */
  activities: Partial<AllActivities> = {};
  readonly #server: TestServer;
  #worker: Worker;
  #running: Promise<void>;
  readonly #restart: (limits: Limits, hasCache?: boolean) => Promise<Worker>;

  private constructor(
    server: TestServer,
    worker: Worker,
    restart: (limits: Limits, hasCache?: boolean) => Promise<Worker>,
  ) {
    this.#server = server;
    this.#worker = worker;
    this.#restart = restart;
    this.#running = worker.run();
  }

  static async start(limits: Limits = {}): Promise<WorkflowStage> {
    Runtime.install({
      logger: new DefaultLogger('ERROR', () => undefined),
      telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
      shutdownSignals: [],
    });
    const [server, bundle] = await Promise.all([startTestServer(), workflowBundle()]);
    const stage: { current?: WorkflowStage } = {};
    const defaults = { ...NO_OTHER_RUNS, ...keptStates() };
    const call =
      <K extends keyof AllActivities>(name: K) =>
      (...given: readonly never[]): unknown => {
        const activity = stage.current?.activities[name] ?? (defaults as Partial<AllActivities>)[name];
        if (activity === undefined) throw ApplicationFailure.nonRetryable(`no ${name} in this test`, 'InvalidManifest');
        return (activity as (...args: readonly never[]) => unknown)(...given);
      };
    const names = [
      'planEntities',
      'verifySignature',
      'findEntityRuns',
      'endEntityRuns',
      'keepState',
      'readKeptState',
      'listPendingActivities',
      'verifyEntities',
      'claimRevision',
      'otherRevision',
      'recordDrift',
      'notificationChannels',
      'claimEntities',
      'listCandidates',
      'createEntity',
      'updateEntity',
      'deleteEntity',
      'gatherEvidence',
      'lookUpEntities',
      'captureAccount',
      'verifyDecision',
      'proofTerms',
      'resolveFleet',
      'prepareFleetAccount',
      'findAccountRun',
      'findNamespaceHolder',
      'checkWorker',
    ] as const satisfies readonly (keyof AllActivities)[];
    const startWorker = (lowered: Limits, hasCache = true): Promise<Worker> =>
      Worker.create({
        connection: server.environment.nativeConnection,
        taskQueue: 'workflows',
        workflowBundle: { code: withLimits(bundle.code, lowered) },
        ...(hasCache ? {} : { maxCachedWorkflows: 0 }),
        activities: Object.fromEntries(names.map((name) => [name, call(name)])),
      });
    stage.current = new WorkflowStage(server, await startWorker(limits), startWorker);
    return stage.current;
  }

  /**
   * Replaces the worker by one whose workflow code has other limits. Open runs go on with the next worker at once where
   * this one has no cache.
   */
  async restartWorker(limits: Limits, hasCache = true): Promise<void> {
    await this.#stopWorker();
    this.#worker = await this.#restart(limits, hasCache);
    this.#running = this.#worker.run();
  }

  async #stopWorker(): Promise<void> {
    this.#worker.shutdown();
    await this.#running;
  }

  async stop(): Promise<void> {
    await this.#stopWorker();
    await this.#server.environment.teardown();
  }

  get client(): Client {
    return this.#server.environment.client;
  }

  get durations(): TestServer['durations'] {
    return this.#server.durations;
  }

  /** Lets time pass: it is skipped where the server can. */
  async sleep(ms: number): Promise<void> {
    await this.#server.environment.sleep(ms);
  }

  /** Starts a bootstrap, under its own lock unless another ID is given. */
  async startBootstrap(request: BootstrapRequest, workflowId = lockOf(request)): Promise<Started> {
    return this.client.workflow.start<typeof bootstrap>('bootstrap', {
      taskQueue: 'workflows',
      workflowId,
      args: [request],
    });
  }

  /** Runs a bootstrap to its end and returns its report. */
  async bootstrap(request: BootstrapRequest): Promise<Report> {
    return reportOf(await this.startBootstrap(request));
  }
}

/** Returns the report of a run, whether it converges, fails or is cancelled. */
export async function reportOf(handle: Pick<Started, 'query' | 'result'>): Promise<Report> {
  try {
    return await handle.result();
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    if (error.cause instanceof CancelledFailure) {
      const report = await handle.query(reportQuery);
      if (report !== null) return report;
    }
    if (error.cause instanceof ApplicationFailure) return error.cause.details?.[0] as Report;
    throw error;
  }
}

/** Returns the ID that locks the namespace of a request. */
export function lockOf({ target, namespace }: BootstrapRequest): string {
  return bootstrapWorkflowId(target.account, namespace);
}

/** A role that depends on others. */
export function role(name: string, ...dependsOn: readonly string[]): DesiredEntity {
  return desired('Role', name, {}, { dependsOn: dependsOn.map((other) => `Role/${other}`) });
}

/** A request for entities in an account that no other test of the file uses. */
export function requestFor(entities: readonly DesiredEntity[], more: Partial<BootstrapRequest> = {}): BootstrapRequest {
  accounts += 1;
  return {
    version: 1,
    target: { account: String(accounts).padStart(12, '0'), partition: 'aws' },
    namespace: 'ci',
    environment: 'test',
    entities,
    digest: `sha256:${'0'.repeat(64)}`,
    key: 'key',
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    keepGoing: false,
    manifest: 'iam.json',
    ...more,
  };
}

/** A plan that decides the same for every entity of a request, but for those that are named. */
export function planOf(
  { entities, target }: BootstrapRequest,
  action: DecisionAction = 'create',
  others: Readonly<Record<string, DecisionAction>> = {},
): Plan {
  const planned = entities.map(({ kind, name, dependsOn }): PlannedEntity => ({
    kind,
    name,
    arn: `arn:aws:iam::${target.account}:role/${name}`,
    decision: decide(others[name] ?? action),
    workflowId: `iam:${target.account}:${kind}:${name}`,
    after: dependsOn.map((id) => entities.findIndex((entity) => `${entity.kind}/${entity.name}` === id)),
    digest: name,
  }));
  return { entities: planned, calls: { ListRoles: 1 }, digest: PLAN_DIGEST };
}

/** A decision without drift. */
export function decide(action: DecisionAction): PlannedEntity['decision'] {
  const reason = action === 'refuse' ? 'owned by another namespace' : null;
  return { action, drift: [], unmanaged: [], reason, remedy: null };
}

/** The result of an activity that wrote once. */
export function wrote(action: DecisionAction, more: Partial<ReconcileActivityResult> = {}): ReconcileActivityResult {
  return {
    arn: 'arn:aws:iam::000000000001:role/x',
    decision: decide(action),
    confirmedBy: action === 'create' ? 'reply' : null,
    writes: [{ operation: `${action}Role`, requestId: 'request-1', at: '2026-01-01T00:00:00.000Z' }],
    conflicts: [],
    remaining: false,
    attempt: 1,
    calls: { CreateRole: 1 },
    ...more,
  };
}

/** Activities under which every create succeeds and is verified. */
export function creating(request: BootstrapRequest): Partial<Activities> {
  return {
    planEntities: () => Promise.resolve(planOf(request)),
    createEntity: () => Promise.resolve(wrote('create')),
    verifyEntities: () => Promise.resolve({ differing: [], calls: { ListRoles: 1 } }),
  };
}

/** Returns the outcome of each entity by name. */
export function outcomesOf({ entities }: Report): Record<string, EntityReport['outcome']> {
  return Object.fromEntries(entities.map(({ name, outcome }) => [name, outcome]));
}

/** A call that waits until the test releases it. */
export class HeldCall {
  release: () => void = () => undefined;
  /** Resolves once the call is made. */
  readonly reached: Promise<void>;
  readonly #released: Promise<void>;
  #reach: () => void = () => undefined;

  constructor() {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.#released = new Promise((resolve) => (this.release = resolve));
  }

  /** Holds the caller. */
  async hold(): Promise<void> {
    this.#reach();
    await this.#released;
  }
}

/** Stands for a call on the wire, which goes on until its activity knows that the run was cancelled. */
export async function untilCancelled(call: HeldCall): Promise<void> {
  void call.hold();
  const beat = setInterval(heartbeat, 100);
  await cancelled().catch(() => undefined);
  clearInterval(beat);
}
