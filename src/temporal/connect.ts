import type { Client, Connection, ConnectionOptions, WorkflowClientInterceptor } from '@temporalio/client';
import type { Config } from '../config/config.js';
import type { Proxy } from '../config/network.js';
import { signingKey } from '../identity/signing-key.js';
import type { TokenSource } from '../identity/tokens/token-source.js';
import { diagnoseConnection } from './diagnose.js';
import { type RunUrl, runUrlIn } from './run-url.js';
import { type ConnectionSettings, temporalSettings } from './settings.js';

/** The deadline of a call to Temporal that is not a long poll. */
const CALL_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 8_000;

/** A connection to Temporal. Close it: an open one keeps the process alive. */
export interface TemporalConnection {
  /** The SDK's client. Its calls have no deadline of their own: see {@link withDeadline}. */
  readonly client: Client;
  readonly address: string;
  readonly taskQueue: string;
  /** The key that requests are signed with. Undefined where none is set: only workers without one take them. */
  readonly requestKey?: string | undefined;
  /** Returns the source of tokens that prove who asks. Undefined where the environment has none. */
  idTokens?(): Promise<TokenSource | undefined>;
  /** Returns the link to the page of a run in the Temporal UI, with what the run says of itself. Null where no UI is known. */
  readonly runUrl: RunUrl;
  close(): Promise<void>;
}

/**
 * The largest gRPC message that is accepted from Temporal. A page of a large run's history exceeds gRPC's default of
 * 4 MB. The SDK (1.24) sets the same limit, but without the prefix `grpc.` of the option's name, so it has no effect.
 */
export const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;

interface EmbeddedServer {
  readonly address: string;
  readonly uiUrl: string | undefined;
}

/**
 * Connects to Temporal.
 *
 * @param config - the configuration that names the server
 * @param server - an embedded server, which replaces the configured one
 * @param interceptors - observers of messages to workflows
 * @throws UnreachableError, ConfigError
 */
export async function connectTemporal(
  config: Config,
  server?: EmbeddedServer,
  interceptors: WorkflowClientInterceptor[] = [],
): Promise<TemporalConnection> {
  const { Client, Connection, defaultGrpcRetryOptions, makeGrpcRetryInterceptor } = await import('@temporalio/client');
  const { createDataConverter } = await import('./payload-codec.js');
  const { openEncryption } = await import('./encryption/open.js');
  const dataConverter = createDataConverter(await openEncryption(config));
  const settings = temporalSettings(config, server?.address);
  const { connectionOptions, namespace } = settings;
  const { address } = connectionOptions;
  const requestKey = signingKey(config, address);
  let closed = false;
  let connection: Connection;
  try {
    connection = await Connection.connect({
      ...(connectionOptions as Parameters<typeof Connection.connect>[0]),
      ...through(config.network.grpcProxy(address), settings),
      connectTimeout: CONNECT_TIMEOUT_MS,
      interceptors: retryUntilClosed(makeGrpcRetryInterceptor(defaultGrpcRetryOptions()), () => closed),
    });
  } catch (error) {
    throw await diagnoseConnection(settings, config, error);
  }
  const client = new Client({ connection, namespace, dataConverter, interceptors: { workflow: interceptors } });
  return {
    client,
    address,
    taskQueue: config.taskQueue,
    requestKey,
    idTokens: async () => (await import('../identity/tokens/open-source.js')).openTokenSource(config),
    runUrl: runUrlIn(config.uiUrl ?? server?.uiUrl, { address, namespace }),
    close: async () => {
      closed = true;
      await connection.close();
    },
  };
}

/**
 * Returns the options of a connection through a proxy, or past all. gRPC would read variables of its own: in lower case
 * only, and for this machine too.
 */
function through(
  proxy: Proxy | undefined,
  { connectionOptions: { address, tls } }: ConnectionSettings,
): Pick<ConnectionOptions, 'address' | 'channelArgs'> {
  const channelArgs = { 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES, 'grpc.enable_http_proxy': 0 };
  if (proxy === undefined) return { address, channelArgs };
  const { serverNameOverride } = typeof tls === 'object' && tls !== null ? tls : {};
  return {
    address: proxy.address,
    channelArgs: {
      ...channelArgs,
      'grpc.http_connect_target': `dns:${address}`,
      'grpc.default_authority': serverNameOverride ?? address,
      ...(proxy.credentials === undefined
        ? {}
        : { 'grpc.http_connect_creds': `${proxy.credentials.username}:${proxy.credentials.password}` }),
    },
  };
}

type Interceptor = NonNullable<ConnectionOptions['interceptors']>[number];
type NextCall = Parameters<Interceptor>[1];
/** An interceptor that passes the call through. gRPC accepts the result of `nextCall`; its type does not say so. */
type PassThrough = (options: Parameters<NextCall>[0], nextCall: NextCall) => ReturnType<NextCall>;

/**
 * Wraps the SDK's retry interceptor. A retry that starts after the connection was closed would throw inside a timer,
 * where nothing can catch the error, and end the process.
 */
function retryUntilClosed(retries: Interceptor, isClosed: () => boolean): Interceptor[] {
  const refuse: PassThrough = (options, nextCall) => {
    if (isClosed()) throw new Error('the connection to Temporal is closed');
    return nextCall(options);
  };
  const drop: PassThrough = (options, nextCall) => (isClosed() ? INERT_CALL : nextCall(options));
  return [refuse as Interceptor, retries, drop as Interceptor];
}

const noop = (): void => undefined;

/** A call that is never sent and never ends: its caller has already received the error of the closed connection. */
const INERT_CALL = { start: noop, sendMessage: noop, halfClose: noop } as unknown as ReturnType<NextCall>;

/** Sets a deadline for the calls that a function makes to Temporal: the SDK sets none by default. */
export async function withDeadline<T>(client: Client, call: () => Promise<T>, timeoutMs = CALL_TIMEOUT_MS): Promise<T> {
  return client.withDeadline(Date.now() + timeoutMs, call);
}
