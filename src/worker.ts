import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { WorkerDeploymentOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { Accounts } from './activities/runtime/accounts.js';
import type { AwsOptions } from './aws/clients.js';
import { createActivities } from './activities/index.js';
import { Ledgers } from './activities/ledger.js';
import { DEFAULT_ADDRESS, temporalConnectOptions, UnreachableError } from './temporal/connect.js';
import { ConfigError } from './config/config.js';
import type { Config } from './config/config.js';
import { createLogger, logAwsCalls, logTemporalMessages, toSdkLogger } from './observability/logging.js';
import { awsCallRecorder, metricsAt, startAtZero } from './observability/metrics.js';
import { dataConverter } from './temporal/payload-codec.js';
import { traceActivities, traceCall } from './observability/tracing.js';

/** Steps under way may take so long to end when the worker is asked to stop. */
const SHUTDOWN_GRACE = '30s';

/**
 * How long one step of workflow code may keep its thread. The replay of a large run takes seconds, more of them on a
 * busy machine, and Node does not survive that it is cut short: the process ends with "async hook stack has become
 * corrupted". The SDK has this option, with a default of 5 seconds, and does not declare it.
 */
export const ISOLATION = { isolateExecutionTimeout: '2m' };

/** A workflow that a dead worker had in its cache waits this long before another takes it. */
const STICKY_TIMEOUT = '3s';

/**
 * Each entity is a workflow of its own, so that every second task is the first of one, which no worker has in its cache
 * yet. With the SDK's 0.2, two pollers for them, a task of which the server loses sight stays for two seconds.
 */
const NON_STICKY_POLLS = 0.5;

const STANDARD_ERROR = 2;

/** A worker that polls. */
export interface RunningWorker {
  /** Ends when the worker has drained: after a signal, or after {@link stop}. */
  readonly stopped: Promise<void>;
  /** Takes no more work, lets what is under way end, and disconnects. */
  stop(): Promise<void>;
}

/** Where a worker runs. */
export interface WorkerOptions {
  /** Default: what the `TEMPORAL_*` variables or the profile say. */
  readonly address?: string;
  /** File for log lines in JSON. Default: standard error. */
  readonly logFile?: string;
  /** Logger in place of one that writes to `logFile`. */
  readonly log?: Logger | undefined;
  /** End on SIGINT and SIGTERM. Default: true. */
  readonly handleSignals?: boolean;
  /** Default: none. An embedded worker has none: nobody would tell its server which build is the current one. */
  readonly deployment?: Config['deployment'];
  /** Default: none. An embedded worker has none: it ends with its command, and two would want one address. */
  readonly metricsAddress?: Config['metricsAddress'];
}

/**
 * The composition root: configuration, AWS accounts, activities, worker, health.
 *
 * @throws UnreachableError
 */
export async function startWorker(config: Config, options: WorkerOptions = {}): Promise<RunningWorker> {
  const { connectionOptions, namespace } = temporalConnectOptions(config, options.address);
  let worker: Worker | undefined;
  // First, where the address is taken: the runtime keeps the process alive.
  const closeHealth = await serveHealth(config.healthAddress, () => worker);
  let connection: NativeConnection | undefined;
  try {
    const log = options.log ?? createLogger(config.logLevel, options.logFile ?? STANDARD_ERROR);
    installRuntime(log, options);
    const meter = Runtime.instance().metricMeter.withTags({ namespace, taskQueue: config.taskQueue });
    startAtZero(meter);
    const countCall = awsCallRecorder(meter);
    const logCall = logAwsCalls(log);
    const onCall: AwsOptions['onCall'] = (call) => {
      countCall(call);
      traceCall(call);
      logCall(call);
    };
    connection = await NativeConnection.connect(connectionOptions).catch((cause: unknown) => {
      throw new UnreachableError(connectionOptions.address ?? DEFAULT_ADDRESS, { cause });
    });
    const client = new Client({
      connection,
      namespace,
      dataConverter,
      interceptors: { workflow: [logTemporalMessages(log)] },
    });
    worker = await Worker.create({
      connection,
      namespace,
      taskQueue: config.taskQueue,
      ...workflows(),
      activities: {
        ...createActivities({
          accounts: new Accounts({ ...awsOptions(config), onCall }),
          ledgers: new Ledgers(client, config.taskQueue),
        }),
      },
      interceptors: { activity: [traceActivities] },
      dataConverter,
      ...ISOLATION,
      shutdownGraceTime: SHUTDOWN_GRACE,
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
      nonStickyToStickyPollRatio: NON_STICKY_POLLS,
      ...versioning(options.deployment),
    });
  } catch (error) {
    await closeHealth();
    await connection?.close();
    throw error;
  }
  return run(worker, async () => {
    await closeHealth();
    await connection.close();
  });
}

/**
 * A run ends on the build that started it, so that no change of workflow code is too large for an upgrade. Runs take
 * minutes, and so does the end of an old build.
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

function awsOptions({ awsRegion, awsTimeoutMs, secretsFolder, sourceIdentity }: Config): AwsOptions {
  return {
    userAgent: 'iam-bootstrap',
    ...(awsRegion === undefined ? {} : { region: awsRegion }),
    ...(awsTimeoutMs === undefined ? {} : { requestTimeoutMs: awsTimeoutMs }),
    ...(secretsFolder === undefined ? {} : { secretsFolder }),
    ...(sourceIdentity === undefined ? {} : { sourceIdentity }),
  };
}

function run(worker: Worker, close: () => Promise<void>): RunningWorker {
  const stopped = worker.run().finally(close);
  return {
    stopped,
    stop: async () => {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await stopped;
    },
  };
}

/** The bundle that the build made; from sources where there is none. */
function workflows(): { workflowBundle: { codePath: string } } | { workflowsPath: string } {
  const codePath = join(__dirname, 'workflow-bundle.js');
  return existsSync(codePath) ? { workflowBundle: { codePath } } : { workflowsPath: join(__dirname, 'workflows') };
}

function installRuntime(log: Logger, { handleSignals = true, metricsAddress }: WorkerOptions): void {
  try {
    Runtime.install({
      logger: toSdkLogger(log),
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
        ...(metricsAddress === undefined ? {} : { metrics: metricsAt(metricsAddress) }),
      },
      shutdownSignals: handleSignals ? ['SIGINT', 'SIGTERM'] : [],
    });
  } catch (error) {
    if (metricsAddress !== undefined && error instanceof Error && error.message.includes('metrics exporter')) {
      throw new ConfigError(
        `IAM_BOOTSTRAP_METRICS is ${metricsAddress}, and nothing can be served there: ${error.message}`,
        'name an address of this machine that is free',
      );
    }
    // A second worker of one process shares the first one's runtime.
    if (!(error instanceof Error) || error.name !== 'IllegalStateError') throw error;
  }
}

/** Whoever says nothing, or says it slowly, is hung up on: a health check is one short request. In milliseconds. */
const HEALTH_LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 5_000,
  keepAliveTimeout: 1_000,
  connectionsCheckingInterval: 1_000,
};

/** Connections that are kept at a time; the rest is hung up on. */
const MAX_HEALTH_CONNECTIONS = 256;

/** `GET /health`: 200 while the worker polls, 503 otherwise; the process's ID says which worker answers. */
async function serveHealth(
  address: string | undefined,
  worker: () => Worker | undefined,
): Promise<() => Promise<void>> {
  if (address === undefined) return () => Promise.resolve();
  const separator = address.lastIndexOf(':');
  const server = createServer(HEALTH_LIMITS, (request, response) => {
    const state = worker()?.getState() ?? 'INITIALIZED';
    const found = request.method === 'GET' && request.url === '/health';
    response.writeHead(found ? (state === 'RUNNING' ? 200 : 503) : 404, { 'content-type': 'application/json' });
    response.end(found ? JSON.stringify({ state, pid: process.pid, ...worker()?.getStatus() }) : '{}');
  });
  server.maxConnections = MAX_HEALTH_CONNECTIONS;
  await new Promise<AddressInfo>((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(address.slice(separator + 1)), address.slice(0, separator) || '127.0.0.1', () => {
      resolve(server.address() as AddressInfo);
    });
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    });
}
