import { request } from 'node:http';
import { connect as connectSocket, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Config } from '../config/config.js';
import type { Proxy } from '../config/network.js';
import { ExitCode } from '../contract/failures.js';
import { ConfigError, UserFacingError } from '../contract/user-facing-error.js';
import { configErrorOf } from './errors.js';
import type { ConnectionSettings } from './settings.js';

/** Reports that no Temporal server answers at an address. */
export class UnreachableError extends UserFacingError {
  override readonly name = 'UnreachableError';
  override readonly exitCode = ExitCode.Busy;

  constructor(
    readonly address: string,
    options: ErrorOptions & { readonly reason?: string | undefined; readonly remedy?: string },
  ) {
    super(
      `no Temporal server answers at ${address}${options.reason === undefined ? '' : `: ${options.reason}`}`,
      options.remedy ?? 'start the server, or set TEMPORAL_ADDRESS; `iam-bootstrap dev` runs one on this machine',
      options,
    );
  }
}

const PROBE_TIMEOUT_MS = 5_000;

/**
 * Finds out why a connection to Temporal failed: gRPC reports a server that speaks no TLS, an unknown authority and a
 * refused key all as unavailable. A mistake in the settings is told from a server that is not there.
 */
export async function diagnoseConnection(
  settings: ConnectionSettings,
  config: Pick<Config, 'network'>,
  cause: unknown,
): Promise<ConfigError | UnreachableError> {
  const refused = configErrorOf(cause);
  if (refused !== undefined) return refused;
  const { address } = settings.connectionOptions;
  const failure = await tryHandshake(settings, config);
  if (failure instanceof UnreachableError) return failure;
  if (settings.usesTls) {
    if (failure !== undefined) return tlsFailure(address, failure);
    return new UnreachableError(address, { cause, reason: 'it accepts TLS, but no gRPC calls' });
  }
  if (failure !== undefined) return new UnreachableError(address, { cause });
  const message = `the Temporal server at ${address} requires TLS`;
  return new ConfigError(message, 'set TEMPORAL_TLS=true; with a private CA, TEMPORAL_TLS_SERVER_CA_CERT_PATH', {
    cause,
  });
}

/**
 * Makes the TLS handshake with a server, where TLS is used: the connection of a worker would wait without end for a
 * server that takes connections and does not answer.
 *
 * @throws UnreachableError, ConfigError
 */
export async function checkHandshake(settings: ConnectionSettings, config: Pick<Config, 'network'>): Promise<void> {
  if (!settings.usesTls) return;
  const failure = await tryHandshake(settings, config);
  if (failure instanceof UnreachableError) throw failure;
  if (failure !== undefined) throw tlsFailure(settings.connectionOptions.address, failure);
}

/**
 * Connects to a server and makes a TLS handshake. Returns what failed: an UnreachableError where there is no server,
 * undefined if the handshake succeeded.
 */
async function tryHandshake(settings: ConnectionSettings, { network }: Pick<Config, 'network'>): Promise<unknown> {
  const { address } = settings.connectionOptions;
  const proxy = network.grpcProxy(address);
  let socket: Socket;
  try {
    socket = await withTimeout(proxy === undefined ? openSocket(address) : openTunnel(proxy, address));
  } catch (error) {
    const reason = `${proxy === undefined ? '' : `through the proxy ${proxy.address} of ${proxy.variable}: `}${messageOf(error)}`;
    return new UnreachableError(address, { cause: error, reason });
  }
  const failure = await withTimeout(handshake(socket, settings)).catch((error: unknown) => error);
  socket.destroy();
  return failure;
}

/** Codes of OpenSSL and of Node.js for a certificate that is not trusted. */
const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT_ALTNAME|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH_EXCEEDED)/;

/** Codes for a certificate that only its server can replace. */
const OUT_OF_DATE = /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/;

/** Codes of OpenSSL for a reply that is not TLS. */
const NOT_TLS =
  /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|HTTPS_PROXY_REQUEST|UNKNOWN_PROTOCOL)$/;

/** Alerts of TLS for which the certificate of the client is not at fault, with their remedies. */
const ALERT_REMEDIES: Readonly<Record<number, string>> = {
  112: 'set TEMPORAL_TLS_SERVER_NAME to a name that the server has',
  120: 'name the address and port of the gRPC frontend: this one does not speak HTTP/2',
};

/** Alerts by which a server says that it cannot go on now: `internal_error` and `user_canceled`. */
const TEMPORARY_ALERTS = [80, 90];

/**
 * Reports a failed handshake. Only evidence of a mistake makes it one: a server or a load balancer that restarts closes
 * connections, resets them, or does not answer.
 */
function tlsFailure(address: string, cause: unknown): ConfigError | UnreachableError {
  const { code = '', message, reason = message } = cause as NodeJS.ErrnoException & { readonly reason?: string };
  if (OUT_OF_DATE.test(code)) {
    const remedy = 'renew the certificate of the server, or correct the clock of this machine';
    return new UnreachableError(address, { cause, reason: `its certificate is not valid now: ${reason}`, remedy });
  }
  if (UNTRUSTED.test(code)) {
    return new ConfigError(
      `the certificate of the Temporal server at ${address} is not trusted: ${reason}`,
      'set TEMPORAL_TLS_SERVER_CA_CERT_PATH or NODE_EXTRA_CA_CERTS to the file of its CA; TEMPORAL_TLS_SERVER_NAME names another host',
      { cause },
    );
  }
  const alert = Number(/SSL alert number (\d+)/.exec(message)?.[1]);
  if (alert > 0 && !TEMPORARY_ALERTS.includes(alert)) {
    return new ConfigError(
      `the Temporal server at ${address} refuses the TLS connection: ${reason}`,
      ALERT_REMEDIES[alert] ??
        'set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to a certificate that it accepts',
      { cause },
    );
  }
  if (NOT_TLS.test(code)) {
    return new ConfigError(
      `the server at ${address} does not speak TLS, which is on: ${reason}`,
      'unset TEMPORAL_API_KEY and the TEMPORAL_TLS variables, or name the address of a server with TLS',
      { cause },
    );
  }
  return new UnreachableError(address, { cause, reason: `the TLS handshake failed: ${reason}` });
}

async function withTimeout<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('no answer'));
    }, PROBE_TIMEOUT_MS);
  });
  return Promise.race([work, timeout]).finally(() => {
    clearTimeout(timer);
  });
}

function openSocket(address: string): Promise<Socket> {
  const { hostname, port } = new URL(`tcp://${address}`);
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }, () => {
      resolve(socket);
    }).once('error', reject);
  });
}

function openTunnel(proxy: Proxy, address: string): Promise<Socket> {
  const { hostname, port } = new URL(`tcp://${proxy.address}`);
  const { credentials } = proxy;
  const auth = credentials === undefined ? {} : { auth: `${credentials.username}:${credentials.password}` };
  const headers =
    credentials === undefined
      ? {}
      : { 'proxy-authorization': `Basic ${Buffer.from(auth.auth ?? '').toString('base64')}` };
  return new Promise((resolve, reject) => {
    request({ host: hostname, port, method: 'CONNECT', path: address, headers })
      .once('connect', ({ statusCode = 0 }, socket: Socket) => {
        if (statusCode === 200) resolve(socket);
        else reject(new Error(`it answers CONNECT with ${String(statusCode)}`));
      })
      .once('error', reject)
      .end();
  });
}

/** Resolves after a TLS handshake. With client certificates, a server may refuse them only after it. */
function handshake(socket: Socket, { connectionOptions, usesTls }: ConnectionSettings): Promise<undefined> {
  const { address, tls } = connectionOptions;
  const options = typeof tls === 'object' && tls !== null ? tls : {};
  const { hostname } = new URL(`tcp://${address}`);
  const servername = options.serverNameOverride ?? hostname;
  return new Promise((resolve, reject) => {
    const secure = connectTls({
      socket,
      ...(/^[\d.]+$|^\[/.test(servername) ? { host: servername } : { servername }),
      ALPNProtocols: ['h2'],
      rejectUnauthorized: usesTls,
      ...(options.serverRootCACertificate == null ? {} : { ca: Buffer.from(options.serverRootCACertificate) }),
      ...(options.clientCertPair === undefined
        ? {}
        : { cert: Buffer.from(options.clientCertPair.crt), key: Buffer.from(options.clientCertPair.key) }),
    });
    secure.once('error', reject);
    secure.once('secureConnect', () => {
      // An alert that refuses the client's certificate arrives after the handshake of TLS 1.3.
      setTimeout(() => {
        resolve(undefined);
      }, 200);
    });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
