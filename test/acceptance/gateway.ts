import { Agent as HttpAgent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { urlSuffixOf } from '../../src/engine/partitions.js';
import type { JournalEntry, TestSandbox } from '../support/sandbox.js';
import { signed } from './signature.js';
import type { SigningCredentials } from './signature.js';
import { isRead, refusalOf } from './write-guard.js';
import type { NameScope } from './write-guard.js';

/** The endpoint behind a gateway. */
export interface Upstream {
  readonly account: string;
  readonly partition: string;
  /** URL of an emulator. Default: AWS. */
  readonly endpoint?: string;
  readonly credentials: () => Promise<SigningCredentials>;
}

/** One call that a gateway has sent or refused. */
export interface GatewayCall extends JournalEntry {
  readonly service: string;
  /** The reason for which the gateway did not send it; null where it was sent. */
  readonly refused: string | null;
  /** Message of the error reply. */
  readonly message: string | null;
  readonly ms: number;
}

/**
 * A proxy that alone holds the credentials. All calls of an acceptance run pass through it: it refuses every write to a
 * name outside of the run, signs the others anew, and records all of them.
 */
export interface Gateway extends TestSandbox {
  readonly calls: readonly GatewayCall[];
  /** The writes that were refused. */
  refusals(): GatewayCall[];
}

/** Starts a gateway on the loopback interface. */
export async function startGateway(upstream: Upstream, scope: NameScope): Promise<Gateway> {
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  const calls: GatewayCall[] = [];

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const { service, region, action, params } = askedFor(incoming, body);
    const startedAt = Date.now();
    const refused = refusalOf(service, action, params, scope);
    const answer =
      refused === null
        ? await forward(upstream, agents, { incoming, body, service, region })
        : refusal(refused, incoming.headers['x-amz-target'] !== undefined);
    const { code, message, requestId } = errorOf(answer);
    calls.push({
      seq: calls.length + 1,
      at: new Date(startedAt).toISOString(),
      account: upstream.account,
      service,
      action,
      params: withoutSecrets(params),
      status: answer.status,
      code: answer.status < 300 ? null : (code ?? String(answer.status)),
      message: answer.status < 300 ? null : message,
      requestId,
      refused,
      ms: Date.now() - startedAt,
    });
    outgoing.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
    outgoing.end(answer.body);
  };

  const server = createServer((incoming, outgoing) => {
    // Where AWS is not reached the connection breaks, as without a gateway.
    serve(incoming, outgoing).catch(() => {
      outgoing.socket?.destroy();
    });
  });
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${String(port)}`,
    pid: process.pid,
    calls,
    journal: () => Promise.resolve([...calls]),
    refusals: () =>
      calls.filter(({ refused, service, action }) => refused !== null && !isRead(action) && service === 'iam'),
    reset: () => Promise.reject(new Error('an account is not reset')),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agents.http.destroy();
      agents.https.destroy();
      await closed;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Outgoing {
  readonly incoming: IncomingMessage;
  readonly body: Buffer;
  readonly service: string;
  readonly region: string;
}

/** Headers that the next hop makes itself. */
const HOP = /^(host|connection|content-length|authorization|x-amz-date|x-amz-security-token|expect|transfer-encoding)$/;

async function forward(
  upstream: Upstream,
  agents: { readonly http: HttpAgent; readonly https: HttpsAgent },
  { incoming, body, service, region }: Outgoing,
): Promise<Answer> {
  const target = new URL(upstream.endpoint ?? endpointOf(service, region, upstream.partition));
  const { method = 'POST', headers } = incoming;
  const kept = Object.entries(headers).filter(([name, value]) => !HOP.test(name) && typeof value === 'string');
  const path = '/';
  const unsigned = {
    method,
    path,
    headers: { ...(Object.fromEntries(kept) as Record<string, string>), host: target.host },
    body,
    service,
    region,
  };
  const signedHeaders = signed(unsigned, await upstream.credentials(), new Date());
  const isHttps = target.protocol === 'https:';
  const options = {
    method,
    agent: isHttps ? agents.https : agents.http,
    headers: { ...signedHeaders, 'content-length': String(body.length) },
  };
  return new Promise((resolve, reject) => {
    const sent = (isHttps ? httpsRequest : httpRequest)(new URL(path, target), options, (response) => {
      buffer(response).then((content) => {
        const back = ['content-type', 'x-amzn-requestid', 'date'].flatMap((name) => {
          const value = response.headers[name];
          return typeof value === 'string' ? [[name, value] as const] : [];
        });
        resolve({ status: response.statusCode ?? 502, headers: Object.fromEntries(back), body: content });
      }, reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

function endpointOf(service: string, region: string, partition: string): string {
  const suffix = urlSuffixOf(partition);
  if (service !== 'iam') return `https://${service}.${region}.${suffix}`;
  if (partition === 'aws') return `https://iam.${suffix}`;
  return partition === 'aws-us-gov' ? `https://iam.us-gov.${suffix}` : `https://iam.${region}.${suffix}`;
}

function askedFor(
  { headers }: IncomingMessage,
  body: Buffer,
): Pick<GatewayCall, 'service' | 'action'> & { readonly region: string; readonly params: Record<string, string> } {
  const scope = /Credential=[^/]+\/\d+\/([\w-]+)\/([\w-]+)\//.exec(headers.authorization ?? '');
  const [, region = '', service = ''] = scope ?? [];
  const target = headers['x-amz-target'];
  if (typeof target === 'string')
    return { region, service, action: target.slice(target.lastIndexOf('.') + 1), params: {} };
  const params = Object.fromEntries(new URLSearchParams(body.toString()));
  return { region, service, action: params['Action'] ?? '', params };
}

/** Parameters that are secret or large. Their values are in no journal. */
const HIDDEN = /^(Password|OldPassword|NewPassword|PrivateKey|AddPrivateKey|AuthenticationCode\d|Action|Version)$/;

function withoutSecrets(params: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter(([name]) => !HIDDEN.test(name)));
}

function errorOf({ headers, body, status }: Answer): Pick<GatewayCall, 'code' | 'message' | 'requestId'> {
  const text = status < 300 ? body.subarray(0, 2_000).toString() + body.subarray(-2_000).toString() : body.toString();
  const of = (pattern: RegExp): string | null => pattern.exec(text)?.slice(1).find(Boolean) ?? null;
  return {
    code: of(/<Code>([^<]*)<\/Code>|"__type": *"(?:[^"#]*#)?([^"]*)"/),
    message: of(/<Message>([^<]*)<\/Message>|"[Mm]essage": *"([^"]*)"/),
    requestId: headers['x-amzn-requestid'] ?? of(/<RequestId>([^<]*)<\/RequestId>/) ?? '',
  };
}

function refusal(reason: string, isJson: boolean): Answer {
  const message = `the acceptance run does not send this: ${reason}`;
  const body = isJson
    ? JSON.stringify({ __type: 'AccessDeniedException', message })
    : `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>${message}</Message></Error>` +
      '<RequestId>acceptance-gateway</RequestId></ErrorResponse>';
  return {
    status: 403,
    headers: { 'content-type': isJson ? 'application/x-amz-json-1.1' : 'text/xml' },
    body: Buffer.from(body),
  };
}
