import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** One call that a client made, as the proxy saw it. */
export interface Call {
  /** From 1, in the order of arrival. */
  readonly seq: number;
  /** As AWS spells it: `CreateRole`. */
  readonly action: string;
  /** Secrets Manager's JSON, or the XML of IAM and STS. */
  readonly protocol: 'json' | 'xml';
  /** The account whose role the caller has assumed, through this proxy. */
  readonly account?: string;
  /** As sent: `RoleName`, `Tags.member.1.Key`. */
  readonly params: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly arrivedAt: number;
  /** Whether the target carried it out, whatever the client was told. */
  committed: boolean;
  /** Whether the client was given a reply. */
  replied: boolean;
  /** What the client was told, or would have been, had the reply not been lost. */
  status?: number;
  /** Error code of that reply. */
  code?: string;
  requestId?: string;
}

/** Which calls a rule is for. All that is given must hold. */
export interface Match {
  readonly action?: string | RegExp;
  /** The caller has assumed a role of this account. */
  readonly account?: string;
  /** Parameters that must have these values. */
  readonly params?: Readonly<Record<string, string>>;
  readonly predicate?: (call: Call) => boolean;
  /** Of the calls that match, only this one: 1 is the first. */
  readonly nth?: number;
}

/** What happens to a call. `times` is how often at most; default: always. */
export type Fault = { readonly times?: number } & (
  | /** The connection breaks, and nothing was done. */ { readonly kind: 'reset-before' }
  | /** It was done, and the connection breaks. */ { readonly kind: 'reset-after' }
  | /** An error, and nothing was done. */ {
      readonly kind: 'error';
      readonly status: number;
      readonly code: string;
      readonly message?: string | ((call: Call) => string);
    }
  | /** It was done, and the client is told of an error. Default: 500 ServiceFailure. */ {
      readonly kind: 'error-after-commit';
      readonly status?: number;
      readonly code?: string;
      readonly message?: string;
    }
  | /** Default: before it is done. */ {
      readonly kind: 'delay';
      readonly ms: number;
      readonly when?: 'before' | 'after';
    }
  | /** No reply ever. Default: and nothing was done. */ { readonly kind: 'hang'; readonly when?: 'before' | 'after' }
  | /** 400 Throttling, and nothing was done. */ { readonly kind: 'throttle' }
  | /** Reads find nothing, as those of a replica that lags behind; writes pass. */ { readonly kind: 'stale-not-found' }
  | {
      readonly kind: 'hook';
      /** `drop` breaks the connection, and nothing is done. */
      readonly before?: Hook;
      /** `drop` breaks the connection after it is done. */
      readonly after?: Hook;
    }
);

/** Is waited for. What it gives means nothing, `drop` excepted. */
type Hook = (call: Call) => unknown;

/** A rule in force. */
export interface Rule {
  /** How often it has acted. */
  readonly fired: number;
  remove(): void;
}

/** A proxy in front of the sandbox that counts calls and breaks them. */
export interface FaultProxy {
  readonly url: string;
  /** Every call, in the order of arrival. */
  readonly calls: readonly Call[];
  /** Secrets that have passed, to AWS or from it: what a test looks for where none may be. */
  readonly secrets: ReadonlySet<string>;
  /** How many calls, of one action or of all. */
  count(action?: string | RegExp): number;
  /** Calls by action. */
  countBy(): Record<string, number>;
  /** Calls that are no reads. */
  writes(): Call[];
  /** How often a create of each entity was carried out: `{ 'CreateRole deploy': 1 }`. */
  successfulCreates(): Record<string, number>;
  /** Forgets the calls; rules stay. */
  clear(): void;
  /** Removes all rules. */
  clearRules(): void;
  /**
   * Adds a rule. Rules act in the order in which they were added; after a delay or a hook the next one has its turn,
   * any other fault decides the call.
   */
  on(match: Match, fault: Fault): Rule;
  /** Breaks all connections and ends. */
  stop(): Promise<void>;
}

const READ = /^(Get|List|Simulate|AssumeRole)/;

/** What a create is about, the most telling parameter first. */
const NAMES = [
  'RoleName',
  'GroupName',
  'PolicyName',
  'InstanceProfileName',
  'UserName',
  'Url',
  'ServerCertificateName',
  'Name',
  'AWSServiceName',
  'AccountAlias',
  'VirtualMFADeviceName',
  'PolicyArn',
];

/** Members of requests and replies that are secret. */
const SECRET = [
  'SecretAccessKey',
  'ServicePassword',
  'ServiceCredentialSecret',
  'Base32StringSeed',
  'QRCodePNG',
  'Password',
  'PrivateKey',
  'AddPrivateKey',
];

/** Starts a proxy on the loopback interface. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const rules = new Set<ActiveRule>();
  const secrets = new Set<string>();
  /** Accounts by access key that `AssumeRole` gave. */
  const accounts = new Map<string, string>();
  let calls: Call[] = [];
  let arrived = 0;

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const { action, params } = askedFor(incoming, body);
    if (action === undefined) {
      // The sandbox's own pages are no calls.
      reply(outgoing, await forward(agent, target, incoming, body));
      return;
    }
    arrived += 1;
    const account = accounts.get(accessKeyOf(incoming));
    const call: Call = {
      seq: arrived,
      action,
      protocol: incoming.headers['x-amz-target'] === undefined ? 'xml' : 'json',
      ...(account === undefined ? {} : { account }),
      params,
      arrivedAt: Date.now(),
      committed: false,
      replied: false,
    };
    for (const member of SECRET) if (params[member] !== undefined) secrets.add(params[member]);
    calls.push(call);
    outgoing.once('finish', () => {
      call.replied = true;
    });
    const faults: Fault[] = [];
    for (const rule of rules) {
      if (!rule.takes(call)) continue;
      faults.push(rule.fault);
      if (rule.fault.kind !== 'delay' && rule.fault.kind !== 'hook') break;
    }
    for (const fault of faults) {
      const early = await before(fault, call);
      if (early === 'hang') return;
      if (early === 'drop') {
        drop(outgoing);
        return;
      }
      if (early !== undefined) {
        note(call, early);
        reply(outgoing, early);
        return;
      }
    }
    let answer = await forward(agent, target, incoming, body);
    note(call, answer);
    call.committed = answer.status < 300;
    const role = /^arn:[^:]*:iam::(\d{12}):/.exec(params['RoleArn'] ?? '')?.[1];
    const [accessKey] = membersOf(answer, ['AccessKeyId']);
    if (action === 'AssumeRole' && role !== undefined && accessKey !== undefined) accounts.set(accessKey, role);
    else for (const secret of membersOf(answer, SECRET)) secrets.add(secret);
    for (const fault of faults) {
      const late = await after(fault, call);
      if (late === 'hang') return;
      if (late === 'drop') {
        drop(outgoing);
        return;
      }
      if (late !== undefined) answer = late;
    }
    note(call, answer);
    reply(outgoing, answer);
  };

  const server = createServer((incoming, outgoing) => {
    // A client that is killed, or a target that is down: the connection breaks, as it would without a proxy.
    serve(incoming, outgoing).catch(() => {
      drop(outgoing);
    });
  });
  // Nothing ends by itself: neither an idle connection, which a client might just be about to use, nor a hang.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', 1024, resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${String(port)}`,
    get calls() {
      return calls;
    },
    secrets,
    count: (action) => calls.filter((call) => action === undefined || isAction(call, action)).length,
    countBy: () => tally(calls.map((call) => call.action)),
    writes: () => calls.filter((call) => !READ.test(call.action)),
    successfulCreates: () =>
      tally(
        calls
          .filter((call) => call.committed && /^(Create|Upload)/.test(call.action))
          .map(({ action, params }) => `${action} ${NAMES.map((name) => params[name]).find(Boolean) ?? ''}`.trim()),
      ),
    clear: () => {
      calls = [];
      arrived = 0;
    },
    clearRules: () => {
      rules.clear();
    },
    on: (match, fault) => {
      const rule = new ActiveRule(match, fault);
      rules.add(rule);
      return {
        get fired() {
          return rule.fired;
        },
        remove: () => {
          rules.delete(rule);
        },
      };
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}

class ActiveRule {
  fired = 0;
  #matched = 0;
  readonly #match: Match;

  constructor(
    match: Match,
    readonly fault: Fault,
  ) {
    this.#match = match;
  }

  /** Whether this rule acts on the call; if so, that counts. */
  takes(call: Call): boolean {
    const { action, account, params = {}, predicate, nth } = this.#match;
    if (action !== undefined && !isAction(call, action)) return false;
    if (account !== undefined && call.account !== account) return false;
    if (this.fault.kind === 'stale-not-found' && !READ.test(call.action)) return false;
    if (Object.entries(params).some(([name, value]) => call.params[name] !== value)) return false;
    if (predicate !== undefined && !predicate(call)) return false;
    this.#matched += 1;
    if (nth !== undefined && this.#matched !== nth) return false;
    if (this.fired >= (this.fault.times ?? Infinity)) return false;
    this.fired += 1;
    return true;
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Interference = Answer | 'drop' | 'hang' | undefined;

/** What a fault does before the target has the call. */
async function before(fault: Fault, call: Call): Promise<Interference> {
  switch (fault.kind) {
    case 'reset-before':
      return 'drop';
    case 'error':
      return failure(call, fault.status, fault.code, messageOf(fault.message, call) ?? fault.code);
    case 'throttle':
      return failure(call, 400, 'Throttling', 'Rate exceeded');
    case 'stale-not-found':
      return failure(call, 404, 'NoSuchEntity', 'The entity cannot be found.');
    case 'delay':
      if (fault.when !== 'after') await sleep(fault.ms);
      return undefined;
    case 'hang':
      return fault.when === 'after' ? undefined : 'hang';
    case 'hook':
      return (await fault.before?.(call)) === 'drop' ? 'drop' : undefined;
    case 'reset-after':
    case 'error-after-commit':
      return undefined;
  }
}

/** What a fault does when the target has answered. */
async function after(fault: Fault, call: Call): Promise<Interference> {
  switch (fault.kind) {
    case 'reset-after':
      return 'drop';
    case 'error-after-commit': {
      const { status = 500, code = 'ServiceFailure' } = fault;
      return failure(call, status, code, fault.message ?? 'The request processing has failed.');
    }
    case 'delay':
      if (fault.when === 'after') await sleep(fault.ms);
      return undefined;
    case 'hang':
      return fault.when === 'after' ? 'hang' : undefined;
    case 'hook':
      return (await fault.after?.(call)) === 'drop' ? 'drop' : undefined;
    case 'reset-before':
    case 'error':
    case 'throttle':
    case 'stale-not-found':
      return undefined;
  }
}

function messageOf(message: string | ((call: Call) => string) | undefined, call: Call): string | undefined {
  return typeof message === 'function' ? message(call) : message;
}

/** An error as AWS words it. */
function failure(call: Call, status: number, code: string, message: string): Answer {
  const service = call.params['Version'] === '2011-06-15' ? 'sts' : 'iam';
  const requestId = `fault-${String(call.seq)}-${String(call.arrivedAt)}`;
  if (call.protocol === 'json') {
    const body = Buffer.from(JSON.stringify({ __type: code, message }));
    return { status, headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId }, body };
  }
  const body = Buffer.from(
    `<ErrorResponse xmlns="https://${service}.amazonaws.com/doc/${call.params['Version'] ?? ''}/"><Error>` +
      `<Type>${status >= 500 ? 'Receiver' : 'Sender'}</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message>` +
      `</Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
  );
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

function forward(agent: Agent, target: string, incoming: IncomingMessage, body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', url = '/', headers } = incoming;
    const outgoing = request(new URL(url, target), { agent, method, headers }, (response) => {
      buffer(response).then((content) => {
        const kept = ['content-type', 'x-amzn-requestid'].map((name) => [name, String(response.headers[name] ?? '')]);
        resolve({
          status: response.statusCode ?? 502,
          headers: Object.fromEntries(kept.filter(([, value]) => value !== '')) as Record<string, string>,
          body: content,
        });
      }, reject);
    });
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function note(call: Call, answer: Answer): void {
  call.status = answer.status;
  const requestId = answer.headers['x-amzn-requestid'];
  if (requestId !== undefined) call.requestId = requestId;
  if (answer.status < 400) return;
  const code = /<Code>([^<]*)<\/Code>|"__type": *"([^"]*)"/.exec(answer.body.toString())?.slice(1).find(Boolean);
  if (code !== undefined) call.code = code;
}

function accessKeyOf({ headers }: IncomingMessage): string {
  return /Credential=([^/,\s]+)/.exec(headers.authorization ?? '')?.[1] ?? '';
}

/** Values of elements of a reply in XML; none of one in JSON. */
function membersOf({ body }: Answer, names: readonly string[]): string[] {
  const element = new RegExp(`<(${names.join('|')})>([^<]+)</`, 'g');
  return [...body.toString().matchAll(element)].map(([, , value = '']) => value);
}

function reply(outgoing: ServerResponse, answer: Answer): void {
  outgoing.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
  outgoing.end(answer.body);
}

/** Breaks the connection, hard, as a lost network does: the client sees ECONNRESET. */
function drop({ socket }: ServerResponse): void {
  // Node never closes a socket that is reset while its own end is being shut down, and then does not exit.
  if (socket?.writableEnded === true) socket.destroy();
  else socket?.resetAndDestroy();
}

/** What a request asks for: IAM and STS take forms, Secrets Manager takes JSON. Values of secrets are not kept. */
function askedFor(
  incoming: IncomingMessage,
  body: Buffer,
): { readonly action: string | undefined; readonly params: Record<string, string> } {
  const target = incoming.headers['x-amz-target'];
  if (typeof target !== 'string') {
    const params = Object.fromEntries(new URLSearchParams(body.toString()));
    return { action: params['Action'], params };
  }
  const { Name, SecretId } = JSON.parse(body.toString()) as { Name?: string; SecretId?: string };
  return { action: target.slice(target.indexOf('.') + 1), params: { Name: Name ?? SecretId ?? '' } };
}

function isAction(call: Call, action: string | RegExp): boolean {
  return typeof action === 'string' ? call.action === action : action.test(call.action);
}

function tally(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}
