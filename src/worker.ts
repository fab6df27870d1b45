import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import type { LogEntry } from '@temporalio/worker';
import pino from 'pino';
import { Accounts } from './activities/accounts.js';
import type { AwsOptions } from './aws/clients.js';
import { createActivities } from './activities/index.js';
import { temporalConnectOptions } from './client/connect.js';
import type { Config } from './config.js';
import { dataConverter } from './payload-codec.js';

/** Steps under way may take so long to end when the worker is asked to stop. */
const SHUTDOWN_GRACE = '30s';

/** A workflow that a dead worker had in its cache waits this long before another takes it. */
const STICKY_TIMEOUT = '3s';

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
  /** Where log lines go, as JSON. Default: standard error. */
  readonly logFile?: string;
  /** End on SIGINT and SIGTERM. Default: true. */
  readonly handleSignals?: boolean;
}

/** The composition root: configuration, AWS accounts, activities, worker, health. */
export async function startWorker(config: Config, options: WorkerOptions = {}): Promise<RunningWorker> {
  const { connectionOptions, namespace } = temporalConnectOptions(config, options.address);
  let worker: Worker | undefined;
  // First, where the address is taken: the runtime keeps the process alive.
  const closeHealth = await serveHealth(config.healthAddress, () => worker);
  installRuntime(config, options);
  let connection: NativeConnection | undefined;
  try {
    connection = await NativeConnection.connect(connectionOptions);
    worker = await Worker.create({
      connection,
      namespace,
      taskQueue: config.taskQueue,
      ...workflows(),
      activities: { ...createActivities({ accounts: new Accounts(awsOptions(config)) }) },
      dataConverter,
      shutdownGraceTime: SHUTDOWN_GRACE,
      stickyQueueScheduleToStartTimeout: STICKY_TIMEOUT,
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

function awsOptions({ awsRegion, secretsFolder }: Config): AwsOptions {
  return {
    userAgent: 'iam-bootstrap',
    ...(awsRegion === undefined ? {} : { region: awsRegion }),
    ...(secretsFolder === undefined ? {} : { secretsFolder }),
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

function installRuntime(config: Config, { logFile, handleSignals = true }: WorkerOptions): void {
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: logFile ?? 2, mkdir: true, sync: true }),
  );
  const levels = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;
  const write = ({ level, message, meta }: LogEntry): void => {
    log[levels[level]](meta ?? {}, message);
  };
  try {
    Runtime.install({
      logger: new DefaultLogger('INFO', write),
      telemetryOptions: { logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} } },
      shutdownSignals: handleSignals ? ['SIGINT', 'SIGTERM'] : [],
    });
  } catch (error) {
    // A second worker of one process shares the first one's runtime.
    if (!(error instanceof Error) || error.name !== 'IllegalStateError') throw error;
  }
}

/** `GET /health`: 200 while the worker polls, 503 otherwise; the process's ID says which worker answers. */
async function serveHealth(
  address: string | undefined,
  worker: () => Worker | undefined,
): Promise<() => Promise<void>> {
  if (address === undefined) return () => Promise.resolve();
  const separator = address.lastIndexOf(':');
  const server = createServer((request, response) => {
    const state = worker()?.getState() ?? 'INITIALIZED';
    const found = request.method === 'GET' && request.url === '/health';
    response.writeHead(found ? (state === 'RUNNING' ? 200 : 503) : 404, { 'content-type': 'application/json' });
    response.end(found ? JSON.stringify({ state, pid: process.pid, ...worker()?.getStatus() }) : '{}');
  });
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
