import { randomBytes } from 'node:crypto';
import { Agent as HttpAgent, createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { partitionOf, signingRegion, urlSuffixOf } from '../../src/engine/partitions.js';
import type { JournalEntry, TestSandbox } from '../support/sandbox.js';
import type { Ledger } from './ledger.js';
import { isNotable, readRequest } from './request.js';
import type { ReadRequest } from './request.js';
import { refusalOfSetting } from './settings.js';
import { isSignedBy, signed } from './signature.js';
import type { SigningCredentials } from './signature.js';
import { isRead, refusalOf, REFUSED } from './write-guard.js';
import type { WriteScope } from './write-guard.js';

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

/** The caller whose credentials the gateway has. */
export interface UpstreamCaller {
  readonly account: string;
  readonly partition: string;
  readonly arn: string;
}

/** Reports credentials of another account, which are not used. */
export class OtherAccountError extends Error {
  override readonly name = 'OtherAccountError';

  constructor(readonly caller: UpstreamCaller) {
    super(`the credentials belong to account ${caller.account} (${caller.partition})`);
  }
}

/**
 * A proxy that alone holds the credentials. All calls of an acceptance run pass through it: it takes calls of the run
 * only, refuses every write to a name outside of the run, signs the others anew, and records all of them.
 */
export interface Gateway extends TestSandbox {
  /** Signs the calls of this run. Nobody else has them, and AWS does not know them. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly calls: readonly GatewayCall[];
  /** The writes that were refused, and the calls that AWS could take for a write. */
  refusals(): GatewayCall[];
  /** The number of calls that nobody of this run has signed. */
  strangers(): number;
  /** Asks STS who is calling. Throws {@link OtherAccountError} where it is nobody of the account. */
  verify(): Promise<UpstreamCaller>;
  /** Refuses from now on what does not only take away, and waits for the calls under way. */
  endCreating(): Promise<void>;
}

/** Starts a gateway on the loopback interface. */
export async function startGateway(upstream: Upstream, scope: WriteScope, ledger?: Ledger): Promise<Gateway> {
  const own = {
    accessKeyId: `AKIA${randomBytes(8).toString('hex').toUpperCase()}`,
    secretAccessKey: randomBytes(30).toString('base64url'),
  };
  const sender = new Sender(upstream);
  const calls: GatewayCall[] = [];
  const underWay = new Set<Promise<unknown>>();
  let strangers = 0;
  let deletesOnly = scope.deletesOnly ?? false;

  const notable = new Set<GatewayCall>();

  const answerTo = async ({ service, region, headers, body, ...read }: Asked): Promise<Decided> => {
    const { action, params, isJson, ambiguity } = read;
    const refused =
      ambiguity ??
      sender.refusalOfRegion(region) ??
      refusalOf(service, action, params, { ...scope, deletesOnly }) ??
      (await refusalOfSetting(action, { scope, ledger, ask: (read) => sender.ask(read) }));
    if (refused !== null) return { refused, answer: refusal(refused, isJson) };
    const isWrite = service === 'iam' && !isRead(action);
    if (isWrite) ledger?.before(action, params);
    try {
      const answer = await sender.send({ service, region, headers, body, isWrite });
      if (isWrite) ledger?.after(action, params, answer.status);
      return { refused: null, answer };
    } catch (error) {
      if (!(error instanceof OtherAccountError)) throw error;
      if (isWrite) ledger?.after(action, params, 403);
      return { refused: error.message, answer: refusal(error.message, isJson) };
    }
  };

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const headers = headersOf(incoming);
    const asked = askedFor(incoming, headers, body);
    if (!isSignedBy({ method: incoming.method ?? '', path: incoming.url ?? '', headers, body }, own)) {
      strangers += 1;
      reply(outgoing, refusal('it is signed by nobody of this run', asked.isJson));
      return;
    }
    const startedAt = Date.now();
    const { refused, answer } = await answerTo(asked);
    const { code, message, requestId } = errorOf(answer);
    const call: GatewayCall = {
      seq: calls.length + 1,
      at: new Date(startedAt).toISOString(),
      account: upstream.account,
      service: asked.service,
      action: asked.action,
      params: withoutSecrets(asked.params),
      status: answer.status,
      code: answer.status < 300 ? null : (code ?? String(answer.status)),
      message: answer.status < 300 ? null : message,
      requestId,
      refused,
      ms: Date.now() - startedAt,
    };
    calls.push(call);
    if (refused !== null && isNotable(asked)) notable.add(call);
    reply(outgoing, answer);
  };

  const server = createServer((incoming, outgoing) => {
    // Where AWS is not reached the connection breaks, as without a gateway.
    const served = serve(incoming, outgoing).catch(() => {
      outgoing.socket?.destroy();
    });
    underWay.add(served);
    void served.finally(() => underWay.delete(served));
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
    credentials: own,
    calls,
    journal: () => Promise.resolve([...calls]),
    refusals: () => [...notable],
    strangers: () => strangers,
    verify: () => sender.verify(),
    endCreating: async () => {
      deletesOnly = true;
      await Promise.all(underWay);
    },
    reset: () => Promise.reject(new Error('an account is not reset')),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      sender.close();
      await closed;
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

interface Decided {
  readonly refused: string | null;
  readonly answer: Answer;
}

interface Outgoing {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly service: string;
  readonly region: string;
  readonly isWrite: boolean;
}

interface Asked extends ReadRequest {
  readonly service: string;
  readonly region: string;
}

/** Signs calls with the credentials of the user, and sends them. */
class Sender {
  readonly #upstream: Upstream;
  readonly #http = new HttpAgent({ keepAlive: true });
  readonly #https = new HttpsAgent({ keepAlive: true });
  /** AWS closes connections that rest. A write that met that would look like one whose reply was lost. */
  readonly #fresh = new HttpsAgent({ keepAlive: false });
  #verifiedKey: string | null = null;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  refusalOfRegion(region: string): string | null {
    const { partition, endpoint } = this.#upstream;
    if (endpoint !== undefined || partitionOf(region) === partition) return null;
    return `region ${region} is not of partition ${partition}`;
  }

  async verify(): Promise<UpstreamCaller> {
    const credentials = await this.#upstream.credentials();
    const caller = await this.#callerOf(credentials);
    const { account, partition } = this.#upstream;
    if (caller.account !== account || caller.partition !== partition) throw new OtherAccountError(caller);
    this.#verifiedKey = credentials.accessKeyId;
    return caller;
  }

  async send(outgoing: Outgoing): Promise<Answer> {
    let credentials = await this.#upstream.credentials();
    // A renewed key may be of another account: a person may have changed the profile meanwhile.
    while (credentials.accessKeyId !== this.#verifiedKey) {
      await this.verify();
      credentials = await this.#upstream.credentials();
    }
    return this.#sendAs(credentials, outgoing);
  }

  /** Sends a read of IAM for the gateway itself. */
  async ask(action: string): Promise<{ readonly status: number; readonly text: string }> {
    const { status, body } = await this.send(this.#query('iam', `Action=${action}&Version=2010-05-08`));
    return { status, text: body.toString() };
  }

  close(): void {
    for (const agent of [this.#http, this.#https, this.#fresh]) agent.destroy();
  }

  async #callerOf(credentials: SigningCredentials): Promise<UpstreamCaller> {
    const query = this.#query('sts', 'Action=GetCallerIdentity&Version=2011-06-15');
    const answer = await this.#sendAs(credentials, query);
    const text = answer.body.toString();
    const account = /<Account>(\d{12})<\/Account>/.exec(text)?.[1];
    const arn = /<Arn>([^<]+)<\/Arn>/.exec(text)?.[1];
    if (answer.status !== 200 || account === undefined || arn === undefined) {
      const { code, message } = errorOf(answer);
      throw new Error(
        `STS does not say who is calling: ${String(answer.status)} ${code ?? ''} ${message ?? ''}`.trim(),
      );
    }
    return { account, partition: arn.split(':')[1] ?? '', arn };
  }

  #query(service: string, body: string): Outgoing {
    return {
      ...{ headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: Buffer.from(body) },
      ...{ service, region: signingRegion(this.#upstream.partition), isWrite: false },
    };
  }

  async #sendAs(
    credentials: SigningCredentials,
    { headers, body, service, region, isWrite }: Outgoing,
  ): Promise<Answer> {
    const { endpoint, partition } = this.#upstream;
    const target = new URL(endpoint ?? endpointOf(service, region, partition));
    const [method, path] = ['POST', '/'];
    const unsigned = { method, path, headers: { ...headers, host: target.host }, body, service, region };
    const isHttps = target.protocol === 'https:';
    const options = {
      method,
      agent: isHttps ? (isWrite ? this.#fresh : this.#https) : this.#http,
      headers: { ...signed(unsigned, credentials, new Date()), 'content-length': String(body.length) },
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
}

/** Returns the endpoint of a service: that of IAM is global to a partition. */
export function endpointOf(service: string, region: string, partition: string): string {
  const suffix = urlSuffixOf(partition);
  if (service !== 'iam') return `https://${service}.${region}.${suffix}`;
  return partition === 'aws' ? `https://iam.${suffix}` : `https://iam.us-gov.${suffix}`;
}

function headersOf(incoming: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(incoming.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

function askedFor(
  { method = '', url = '' }: IncomingMessage,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Asked {
  const scope = /Credential=[^/]+\/\d+\/([\w-]+)\/([\w-]+)\//.exec(headers['authorization'] ?? '');
  const [, region = '', service = ''] = scope ?? [];
  return { ...readRequest({ service, method, url, headers, body }), service, region };
}

function reply(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, { ...headers, 'content-length': body.length });
  outgoing.end(body);
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
  const message = `${REFUSED}: ${reason}`;
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
