import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client, type ClientOptions } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import {
  type NativeConnection,
  type WorkflowBundleOption,
  Worker,
  type WorkerDeploymentOptions,
} from '@temporalio/worker';
import type { Logger } from 'pino';
import { AccountRuns } from './activities/account-runs.js';
import { createActivities, type WorkerParts } from './activities/index.js';
import { showDrift } from './activities/drift-gauges.js';
import { EntityRuns } from './activities/entity-runs.js';
import { createFleetActivities, type FleetParts } from './activities/fleet/index.js';
import { FleetRequests } from './activities/fleet-requests.js';
import { KeptStates } from './activities/kept-state.js';
import { Ledgers } from './activities/ledger.js';
import { createWorkerGate } from './activities/worker-gate.js';
import { type Notifications, openNotifications } from './activities/notifications.js';
import { ProofUses } from './activities/proof-uses.js';
import { Accounts } from './activities/runtime/accounts.js';
import { openEnforcement } from './activities/runtime/open-enforcement.js';
import type { AwsOptions } from './aws/clients.js';
import { awsOptions, readAwsSettings } from './aws/settings.js';
import type { Config } from './config/config.js';
import { readNetwork } from './config/network.js';
import { CredentialsReporter } from './observability/credentials.js';
import { GuardrailsReporter } from './observability/guardrails.js';
import { type ServedWorker, serveHealth } from './observability/health.js';
import {
  createLogger,
  logAwsCalls,
  logEncryption,
  logKeyChanges,
  logTemporalMessages,
} from './observability/logging.js';
import type { Meter } from './observability/instruments.js';
import { listenAddress } from './observability/listen-address.js';
import { awsCallRecorder } from './observability/metrics.js';
import { deliveryRecorder } from './observability/notifications.js';
import { ownIdentity, Readiness } from './observability/readiness.js';
import { installRuntime, openMeter } from './observability/runtime.js';
import { traceActivities, traceCall } from './observability/tracing.js';
import { connectWorker } from './temporal/connect-worker.js';
import { configErrorOf } from './temporal/errors.js';
import { installationOf, readNamespace } from './temporal/installation.js';
import { openEncryption } from './temporal/encryption/open.js';
import { workflowsWithEncodedFailures } from './temporal/encryption/workflow-code.js';
import { createDataConverter } from './temporal/payload-codec.js';
import { followCredentials } from './temporal/renewal.js';
import { runUrlIn } from './temporal/run-url.js';
import { namespaceChecks } from './temporal/search-attributes.js';
import { type ConnectionSettings, temporalSettings } from './temporal/settings.js';

/** Time for activities to finish when the worker is asked to stop. */
const SHUTDOWN_GRACE = '30s';

/**
 * The time that workflow code may block its thread. The replay of a large run takes several seconds on a busy machine. If
 * the SDK interrupts it, Node crashes with "async hook stack has become corrupted". The option is missing in the SDK's
 * types and defaults to 5 seconds.
 */
export const ISOLATION = { isolateExecutionTimeout: '2m' };

/** Time after which another worker takes a workflow that is in the cache of a dead worker. */
const STICKY_TIMEOUT = '3s';

/**
 * The share of pollers for tasks of workflows that are not cached. Each entity is a workflow, so every second task is a
 * first one. With the SDK's default of 0.2, which gives two pollers, a delayed task can wait for two seconds.
 */
const NON_STICKY_POLLS = 0.5;

const TUNING = {
  ...ISOLATION,
  shutdownGraceTime: SHUTDOWN_GRACE,
  stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
  nonStickyToStickyPollRatio: NON_STICKY_POLLS,
} as const;

const STANDARD_ERROR = 2;

/** A worker that polls. */
export interface RunningWorker {
  /** Resolves when the worker has drained, after a signal or {@link stop}. */
  readonly stopped: Promise<void>;
  /** Takes no more work, waits for activities in progress, and disconnects. */
  stop(): Promise<void>;
}

/** Options of a worker. */
export interface WorkerOptions {
  readonly address?: string;
  /** File for log lines in JSON. Default: standard error. */
  readonly logFile?: string;
  readonly log?: Logger | undefined;
  readonly handleSignals?: boolean;
  /** Ends the start. A worker that polls is not ended by it. */
  readonly signal?: AbortSignal;
  /** Worker deployment. Default: none. An embedded worker has none, because nothing sets the current build there. */
  readonly deployment?: Config['deployment'];
  /** Address of the metrics. Default: none. Embedded workers have none, because several would share one address. */
  readonly metricsAddress?: Config['metricsAddress'];
  /** Called when certificates were renewed, before the worker stops to be started again. Default: not followed. */
  readonly onRenewal?: () => void;
}

/**
 * Starts a worker. This is the composition root of AWS accounts, activities, logging, metrics and health. With
 * health endpoints, it waits for a server that does not answer.
 *
 * @throws UnreachableError, ConfigError, and the reason of the signal
 */
export async function startWorker(config: Config, options: WorkerOptions = {}): Promise<RunningWorker> {
  const settings = temporalSettings(config, options.address);
  const awsSettings = await readAwsSettings(config.environment);
  const aws = awsOptions(config, awsSettings);
  let served: (ServedWorker & { readonly worker: Worker }) | undefined;
  const logger = options.log ?? createLogger(config.logLevel, options.logFile ?? STANDARD_ERROR);
  const healthAddress = await listenAddress(config.healthAddress, logger);
  const metricsAddress = await listenAddress(options.metricsAddress, logger);
  // First, because it may fail on a taken address, and the runtime keeps the process alive.
  const closeHealth = await serveHealth(healthAddress, () => served);
  let connection: NativeConnection | undefined;
  let stopFollowing = (): void => undefined;
  try {
    const log = installRuntime(logger, { ...options, metricsAddress });
    const { namespace } = settings;
    const meter = openMeter({ namespace, taskQueue: config.taskQueue });
    const onCall = toEach([awsCallRecorder(meter), traceCall, logAwsCalls(log)]);
    const payloads = await openPayloads(config, log);
    connection = await connectWorker(config, settings, { log, signal: options.signal });
    const clientOptions = { connection, namespace, dataConverter: payloads.ofClient };
    const client = openClient(clientOptions, log);
    if (options.metricsAddress !== undefined) showDrift(client, meter);
    const runs = { entityRuns: new EntityRuns(client), proofUses: new ProofUses(client, config.taskQueue) };
    const enforcement = openEnforcement(config, new GuardrailsReporter(log, meter), runs);
    const accounts = new Accounts({ ...aws, onCall }, (target) => enforcement.externalIdOf(target));
    const notifications = openChannels(config, settings, { aws: { ...aws, onCall }, log, meter, payloads });
    const callerIdentity = ownIdentity({ ...aws, onCall }, awsSettings);
    const gate = createWorkerGate({ ...config, ...namespaceChecks(client, connection), enforcement, callerIdentity });
    const common = { accounts, enforcement, notifications };
    const worker = await Worker.create({
      connection,
      namespace,
      taskQueue: config.taskQueue,
      ...payloads.workflows,
      activities: { ...activitiesOf(common, { client, clientOptions, ...runs }, config), ...gate },
      interceptors: { activity: [traceActivities] },
      dataConverter: payloads.ofWorker,
      ...TUNING,
      ...versioning(options.deployment),
    });
    options.signal?.throwIfAborted();
    served = { worker, readiness: new Readiness(log, () => readNamespace(client), callerIdentity) };
    if (options.onRenewal !== undefined) {
      const parts = { observer: new CredentialsReporter(log, meter), onRenewal: drain(worker, options.onRenewal) };
      stopFollowing = followCredentials(() => withFilesOf(config), settings, { connection, ...parts });
    }
  } catch (error) {
    await closeHealth();
    await connection?.close();
    throw error;
  }
  return run(served.worker, async () => {
    stopFollowing();
    await closeHealth();
    await connection.close();
  });
}

/** Returns the client of all that the worker asks of runs. */
function openClient(options: ClientOptions, log: Logger): Client {
  return new Client({
    ...options,
    interceptors: { workflow: [logTemporalMessages(log)] },
    // A ledger that was terminated has forgotten its claims, but a closed run would still answer with them.
    workflow: { queryRejectCondition: 'NOT_OPEN' },
  });
}

/** Returns the activities of a worker. */
function activitiesOf(
  common: Omit<WorkerParts, 'ledgers' | 'entityRuns' | 'keptStates' | 'installation'> &
    Pick<FleetParts, 'accounts' | 'enforcement' | 'notifications'>,
  runs: { readonly client: Client; readonly clientOptions: ClientOptions; readonly entityRuns: EntityRuns },
  { taskQueue }: Pick<Config, 'taskQueue'>,
): object {
  const { client, clientOptions, entityRuns } = runs;
  const ledgers = new Ledgers(client, taskQueue);
  return {
    ...createActivities({
      ...{ ...common, ledgers, entityRuns },
      keptStates: new KeptStates(client),
      installation: installationOf(client),
    }),
    ...createFleetActivities({ ...common, ...fleetRuns(new Client(clientOptions)) }),
  };
}

/** Returns what the activities of a fleet know of runs. Their client may ask a cancelled run for its report. */
function fleetRuns(client: Client): Pick<FleetParts, 'accountRuns' | 'requests'> {
  return { accountRuns: new AccountRuns(client), requests: new FleetRequests(client) };
}

/** Returns an observer of calls to AWS that tells each of these. */
function toEach(observers: readonly NonNullable<AwsOptions['onCall']>[]): NonNullable<AwsOptions['onCall']> {
  return (call) => {
    for (const observe of observers) observe(call);
  };
}

/** Opens the channels by which the worker tells people. */
function openChannels(
  config: Config,
  { connectionOptions: { address }, namespace }: ConnectionSettings,
  parts: { readonly aws: AwsOptions; readonly log: Logger; readonly meter: Meter; readonly payloads: Payloads },
): Notifications | undefined {
  return openNotifications(config, {
    aws: parts.aws,
    runUrl: runUrlIn(config.uiUrl, { address, namespace }),
    isEncrypting: parts.payloads.isEncrypting,
    onAttempt: deliveryRecorder(parts.log, parts.meter),
  });
}

/**
 * Pins each run to the build that started it, so that any change of workflow code can be deployed. Runs take minutes, so
 * an old build drains in minutes.
 */
function versioning(deployment: Config['deployment']): { workerDeploymentOptions?: WorkerDeploymentOptions } {
  if (deployment === undefined) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deployment.name, buildId: deployment.buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'PINNED',
    },
  };
}

/** Returns the configuration with the files of its network as they are now. */
function withFilesOf(config: Config): Config {
  return { ...config, network: readNetwork(config.environment) };
}

/** Returns a function that calls another one, and then has the worker finish what it has begun. */
function drain(worker: Worker, before: () => void): () => void {
  return () => {
    before();
    if (worker.getState() === 'RUNNING') worker.shutdown();
  };
}

function run(worker: Worker, close: () => Promise<void>): RunningWorker {
  const stopped = worker
    .run()
    .catch((error: unknown) => {
      throw configErrorOf(error) ?? error;
    })
    .finally(close);
  return {
    stopped,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await stopped;
    },
  };
}

/** The data converters of a worker and of its own client, and the workflows that encode failures in the same way. */
interface Payloads {
  readonly isEncrypting: boolean;
  readonly ofWorker: DataConverter;
  readonly ofClient: DataConverter;
  readonly workflows: { readonly workflowBundle: WorkflowBundleOption } | { readonly workflowsPath: string };
}

async function openPayloads(config: Config, log: Logger): Promise<Payloads> {
  const encryption = await openEncryption(config, logKeyChanges(log));
  logEncryption(log, encryption);
  const isEncrypting = encryption.keys !== undefined;
  const codePath = join(__dirname, 'workflow-bundle.js');
  return {
    isEncrypting,
    ofClient: createDataConverter(encryption),
    ofWorker: {
      ...createDataConverter({ ...encryption, isWorker: true }),
      ...(isEncrypting ? { failureConverterPath: join(__dirname, 'temporal/encoded-failures') } : {}),
    },
    // The prebuilt bundle, or the sources where there is none.
    workflows: existsSync(codePath)
      ? { workflowBundle: isEncrypting ? { code: workflowsWithEncodedFailures(codePath) } : { codePath } }
      : { workflowsPath: join(__dirname, 'workflows') },
  };
}
