import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PayloadCodec } from '@temporalio/common';
import { ConfigError } from '../../contract/user-facing-error.js';
import type { Authorize } from './bearer.js';
import { MalformedBodyError, payloadsFromJson, payloadsToJson } from './payload-json.js';

/** Limits against slow and greedy clients, in milliseconds. */
const TIME_LIMITS = {
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
};

const MAX_CONNECTIONS = 256;

/** Requests that are worked on at a time. Each may hold its body and what it decodes to. */
const MAX_IN_FLIGHT = 8;

/** The bytes of a body: several pages of a history, in base64. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Seconds for which a browser may remember which origins are allowed. */
const CORS_MAX_AGE = '600';

const LOOPBACK = /^(127(\.\d+){3}|localhost|\[?::1\]?)$/;

/** Options of a codec server. */
export interface CodecServerOptions {
  readonly codec: PayloadCodec;
  readonly host: string;
  readonly port: number;
  /** Origins of UIs that may read what is decoded: `https://temporal.example.com`. */
  readonly origins: readonly string[];
  /** Default: none, which is allowed on the loopback interface only. */
  readonly authorize?: Authorize | undefined;
  /** Encrypts as well, so that input of the UI can be encrypted. */
  readonly allowsEncode: boolean;
  /** Is called for each answer. It has nothing of a payload. */
  readonly onAnswer?: (answer: Answered) => void;
}

/** An answer, for the log. */
export interface Answered {
  readonly path: string;
  readonly status: number;
  readonly payloads: number;
  readonly origin: string | null;
  /** The Temporal namespace that the client names. */
  readonly namespace: string | null;
  readonly subject: string | null;
  readonly reason: string | null;
}

/** A codec server that listens. */
export interface CodecServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Reports whether a host name or address is that of this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/**
 * Starts a server of Temporal's remote codec protocol: `POST /decode`, and `POST /encode` where allowed.
 *
 * @throws ConfigError where the address is taken, or reachable from elsewhere without authorization
 */
export async function startCodecServer(options: CodecServerOptions): Promise<CodecServer> {
  const { host, port, authorize } = options;
  if (authorize === undefined && !isLoopback(host)) {
    throw new ConfigError(
      `the codec server would decrypt for everyone who reaches ${host}:${String(port)}`,
      'set --token-file or --issuer, or listen on 127.0.0.1',
    );
  }
  const handler = new Handler(options);
  const server = createServer(TIME_LIMITS, (request, response) => void handler.handle(request, response));
  server.maxConnections = MAX_CONNECTIONS;
  const address = await listen(server, host, port);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${String(address.port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, host: string, port: number): Promise<AddressInfo> {
  try {
    return await new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        resolve(server.address() as AddressInfo);
      });
    });
  } catch (error) {
    throw new ConfigError(
      `the codec server cannot listen on ${host}:${String(port)}: ${(error as Error).message}`,
      'choose another address with --listen',
      { cause: error },
    );
  }
}

/** Ends a request with a status. The message is sent, and holds nothing of the body. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

class Handler {
  readonly #options: CodecServerOptions;
  readonly #origins: ReadonlySet<string>;
  #inFlight = 0;

  constructor(options: CodecServerOptions) {
    this.#options = options;
    this.#origins = new Set(options.origins);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = { subject: null as string | null, payloads: 0 };
    let [status, body, headers] = [500, JSON.stringify({ message: 'internal error' }), {}];
    let reason: string | null = null;
    try {
      [status, body, headers] = await this.#answer(request, answer);
    } catch (error) {
      const known = error instanceof MalformedBodyError ? new Refusal(400, error.message) : error;
      if (known instanceof Refusal) ({ status, headers } = known);
      reason = known instanceof Refusal ? known.message : 'internal error';
      body = JSON.stringify({ message: reason });
    }
    response.writeHead(status, {
      ...this.#cors(request),
      ...headers,
      'cache-control': 'no-store',
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
      // The rest of a body that was refused is not read.
      ...(status >= 400 ? { connection: 'close' } : {}),
    });
    response.end(status === 204 ? undefined : body);
    const { origin, 'x-namespace': namespace } = request.headers;
    this.#options.onAnswer?.({
      ...{ path: pathOf(request).slice(0, 100), status, payloads: answer.payloads },
      ...{ origin: origin?.slice(0, 200) ?? null, namespace: namespace?.toString().slice(0, 200) ?? null },
      ...{ subject: answer.subject, reason },
    });
  }

  async #answer(
    request: IncomingMessage,
    answer: { subject: string | null; payloads: number },
  ): Promise<[number, string, Readonly<Record<string, string>>]> {
    const operation = this.#route(request);
    if (request.method === 'OPTIONS') return [204, '', {}];
    if (request.method !== 'POST') throw new Refusal(405, 'send POST', { allow: 'POST, OPTIONS' });
    answer.subject = await this.#subjectOf(request);
    if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
      throw new Refusal(415, 'send application/json');
    }
    if (this.#inFlight >= MAX_IN_FLIGHT) throw new Refusal(503, 'too many requests at a time', { 'retry-after': '1' });
    this.#inFlight += 1;
    try {
      const payloads = payloadsFromJson(await readBody(request));
      answer.payloads = payloads.length;
      // The payloads of a request share one budget.
      return [200, payloadsToJson(await this.#options.codec[operation](payloads, {} as never)), {}];
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Returns what is asked for. Refuses other origins and, without authorization, other names of this machine. */
  #route(request: IncomingMessage): 'encode' | 'decode' {
    const { origin, host = '' } = request.headers;
    if (origin !== undefined && !this.#origins.has(origin)) {
      throw new Refusal(403, 'this origin is not allowed; start the codec server with --origin for it');
    }
    // A page of another site that has its own name point to this machine sends that name.
    if (this.#options.authorize === undefined && !isLoopback(host.replace(/:\d+$/, ''))) {
      throw new Refusal(403, 'this name of the host is not allowed');
    }
    const [, operation] = /(?:^|\/)(encode|decode)$/.exec(pathOf(request)) ?? [];
    if (operation === 'decode') return operation;
    if (operation === 'encode' && this.#options.allowsEncode) return operation;
    throw new Refusal(
      404,
      operation === 'encode' ? 'encoding is off; --allow-encode switches it on' : 'expected /decode',
    );
  }

  async #subjectOf({ headers }: IncomingMessage): Promise<string | null> {
    const { authorize } = this.#options;
    if (authorize === undefined) return null;
    const challenge = { 'www-authenticate': 'Bearer' };
    const [, token] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? '') ?? [];
    if (token === undefined) throw new Refusal(401, 'send a bearer token', challenge);
    const authorization = await authorize(token);
    if ('unavailable' in authorization) throw new Refusal(503, authorization.unavailable, { 'retry-after': '5' });
    if ('refused' in authorization) throw new Refusal(401, authorization.refused, challenge);
    return authorization.subject;
  }

  #cors({ headers: { origin } }: IncomingMessage): Readonly<Record<string, string>> {
    if (origin === undefined || !this.#origins.has(origin)) return { vary: 'Origin' };
    return {
      vary: 'Origin',
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization, content-type, x-namespace',
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-private-network': 'true',
      'access-control-max-age': CORS_MAX_AGE,
    };
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  return url.replace(/\?.*$/, '');
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw new Refusal(413, `the body has more than ${String(MAX_BODY_BYTES)} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
