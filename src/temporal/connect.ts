import type { Client, Connection, ConnectionOptions } from '@temporalio/client';
import type { NativeConnectionOptions } from '@temporalio/worker';
import type { Config } from '../config/config.js';
import { ExitCode } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';

/** No call to Temporal may take longer, but for those that wait. In milliseconds. */
const CALL_DEADLINE_MS = 15_000;
const CONNECT_TIMEOUT_MS = 8_000;

/** Reports that no Temporal server answers at an address. */
export class UnreachableError extends UserFacingError {
  override readonly name = 'UnreachableError';
  override readonly exitCode = ExitCode.Busy;

  constructor(
    readonly address: string,
    options: ErrorOptions,
  ) {
    super(
      `no Temporal server answers at ${address}`,
      'start the server, or set TEMPORAL_ADDRESS; `iam-bootstrap dev` runs one on this machine',
      options,
    );
  }
}

/** Where the packages of Temporal look for a server that nobody has named. */
export const DEFAULT_ADDRESS = 'localhost:7233';

/** A connection to Temporal, to be closed: an open one keeps the process alive. */
export interface TemporalConnection {
  readonly client: Client;
  readonly address: string;
  readonly taskQueue: string;
  /** Link to a run in the Temporal UI, or null where no UI is known. */
  runUrl(workflowId: string, runId: string): string | null;
  close(): Promise<void>;
}

/** What `TEMPORAL_*` variables and profiles say, for clients and for workers alike. */
export function temporalConnectOptions(
  config: Config,
  address?: string,
): { connectionOptions: NativeConnectionOptions; namespace: string } {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only by commands that connect
  const { loadClientConnectConfig } = require('@temporalio/envconfig') as typeof import('@temporalio/envconfig');
  const environment = Object.fromEntries(
    Object.entries(config.environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { connectionOptions, namespace } = loadClientConnectConfig({ overrideEnvVars: environment });
  return {
    connectionOptions: { ...connectionOptions, ...(address === undefined ? {} : { address }) },
    namespace: namespace ?? 'default',
  };
}

/**
 * The largest message that is taken from Temporal. A page of a large run's history goes beyond gRPC's default of 4 MB;
 * the SDK means to raise it to this, by an option without its prefix (`Connection`, 1.24), which does nothing.
 */
export const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

/**
 * Connects to Temporal.
 *
 * @param server - an embedded server, in place of what the configuration says
 * @throws UnreachableError
 */
export async function connectTemporal(
  config: Config,
  server?: { readonly address: string; readonly uiUrl: string | undefined },
): Promise<TemporalConnection> {
  const { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } = await import('@temporalio/client');
  const { dataConverter } = await import('./payload-codec.js');
  const { connectionOptions, namespace } = temporalConnectOptions(config, server?.address);
  const address = connectionOptions.address ?? DEFAULT_ADDRESS;
  let closed = false;
  let connection: Connection;
  try {
    connection = await Connection.connect({
      ...(connectionOptions as Parameters<typeof Connection.connect>[0]),
      connectTimeout: CONNECT_TIMEOUT_MS,
      channelArgs: { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES },
      interceptors: aroundRetries(makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), () => closed),
    });
  } catch (error) {
    throw new UnreachableError(address, { cause: error });
  }
  const client = new Client({ connection, namespace, dataConverter });
  const ui = config.uiUrl ?? server?.uiUrl ?? uiOf(address);
  return {
    client,
    address,
    taskQueue: config.taskQueue,
    runUrl: (workflowId, runId) =>
      ui === undefined
        ? null
        : `${ui.replace(/\/$/, '')}/namespaces/${encodeURIComponent(namespace)}/workflows/${inPath(workflowId)}/${runId}`,
    close: async () => {
      closed = true;
      await connection.close();
    },
  };
}

/** A segment of a path, in which colons may stand: links are read by people. */
function inPath(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type NextCall = Parameters<Interceptor>[1];
/** An interceptor that hands on what it is given, which gRPC takes as well. */
type Passage = (options: Parameters<NextCall>[0], nextCall: NextCall) => ReturnType<NextCall>;

/**
 * The client's own retries, made safe for the end: a repeat that comes due after the connection was closed would throw
 * inside of a timer, where nobody catches it, and take the process with it.
 */
function aroundRetries(retries: Interceptor, isClosed: () => boolean): Interceptor[] {
  const refuse: Passage = (options, nextCall) => {
    if (isClosed()) throw new Error('the connection to Temporal is closed');
    return nextCall(options);
  };
  const drop: Passage = (options, nextCall) => (isClosed() ? NO_CALL : nextCall(options));
  return [refuse as Interceptor, retries, drop as Interceptor];
}

const nothing = (): void => undefined;

/** Goes nowhere and never ends; whoever waited for it has gone. */
const NO_CALL = { start: nothing, sendMessage: nothing, halfClose: nothing } as unknown as ReturnType<NextCall>;

/** Temporal's dev server has its UI a thousand ports above. */
function uiOf(address: string): string | undefined {
  const match = /^(localhost|127\.0\.0\.1):(\d+)$/.exec(address);
  return match === null ? undefined : `http://${match[1] ?? ''}:${String(Number(match[2]) + 1000)}`;
}

/** Bounds one call to Temporal, which has no deadline of its own. */
export async function within<T>(client: Client, call: () => Promise<T>, ms = CALL_DEADLINE_MS): Promise<T> {
  return client.withDeadline(Date.now() + ms, call);
}
