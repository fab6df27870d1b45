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
    options: ErrorOptions & { readonly reason?: string | undefined },
  ) {
    super(
      `no Temporal server answers at ${address}${options.reason === undefined ? '' : `: ${options.reason}`}`,
      'start the server, or set TEMPORAL_ADDRESS; `iam-bootstrap dev` runs one on this machine',
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
  { network }: Pick<Config, 'network'>,
  cause: unknown,
): Promise<ConfigError | UnreachableError> {
  const { address } = settings.connectionOptions;
  const refused = configErrorOf(cause);
  if (refused !== undefined) return refused;
  const proxy = network.grpcProxy(address);
  let socket: Socket;
  try {
    socket = await withTimeout(proxy === undefined ? openSocket(address) : openTunnel(proxy, address));
  } catch (error) {
    const reason = `${proxy === undefined ? '' : `through the proxy ${proxy.address} of ${proxy.variable}: `}${messageOf(error)}`;
    return new UnreachableError(address, { cause, reason });
  }
  const failure = await withTimeout(handshake(socket, settings)).catch((error: unknown) => error);
  socket.destroy();
  if (settings.usesTls) return tlsFailure(settings, failure, cause);
  if (failure !== undefined) return new UnreachableError(address, { cause });
  const message = `the Temporal server at ${address} requires TLS`;
  return new ConfigError(message, 'set TEMPORAL_TLS=true; with a private CA, TEMPORAL_TLS_SERVER_CA_CERT_PATH', {
    cause,
  });
}

/** Codes of OpenSSL and of Node.js for a certificate that is not trusted. */
const UNTRUSTED = /^(UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT_ALTNAME)/;

function tlsFailure(
  { connectionOptions: { address } }: ConnectionSettings,
  failure: unknown,
  cause: unknown,
): ConfigError | UnreachableError {
  if (failure === undefined)
    return new UnreachableError(address, { cause, reason: 'it accepts TLS, but no gRPC calls' });
  const { code = '', message } = failure as NodeJS.ErrnoException;
  if (UNTRUSTED.test(code)) {
    return new ConfigError(
      `the certificate of the Temporal server at ${address} is not trusted: ${message}`,
      'set TEMPORAL_TLS_SERVER_CA_CERT_PATH or NODE_EXTRA_CA_CERTS to the file of its CA; TEMPORAL_TLS_SERVER_NAME names another host',
      { cause },
    );
  }
  if (code.includes('ALERT')) {
    return new ConfigError(
      `the Temporal server at ${address} refuses the TLS connection: ${message}`,
      'set TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH to a certificate that it accepts',
      { cause },
    );
  }
  return new ConfigError(
    `the server at ${address} does not speak TLS, which is on: ${message}`,
    'unset TEMPORAL_API_KEY and the TEMPORAL_TLS variables, or name the address of a server with TLS',
    { cause },
  );
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
