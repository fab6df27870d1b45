import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** One call of a client. */
export interface Call {
  /** Counts from 1, in order of arrival. */
  readonly seq: number;
  /** The action in AWS's spelling: `CreateRole`. */
  readonly action: string;
  /** The protocol: JSON for Secrets Manager and Access Analyzer, XML for IAM and STS. */
  readonly protocol: 'json' | 'xml';
  /** The account of the role that the caller assumed through this proxy, or assumes by this call. */
  readonly account?: string;
  /** The access key of the signature. */
  readonly accessKeyId: string;
  /** Parameters as sent: `RoleName`, `Tags.member.1.Key`. */
  readonly params: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly arrivedAt: number;
  /** True if the target executed the call, whatever the client was told. */
  committed: boolean;
  /** True if the client got a reply. */
  replied: boolean;
  /** The status of the reply, even if the reply was lost. */
  status?: number;
  /** Error code of that reply. */
  code?: string;
  requestId?: string;
}

/** Selects calls. All given conditions must hold. */
export interface Match {
  readonly action?: string | RegExp;
  /** The caller has assumed a role of this account. */
  readonly account?: string;
  /** Required values of parameters. */
  readonly params?: Readonly<Record<string, string>>;
  readonly predicate?: (call: Call) => boolean;
  /** The number of the only matching call that the rule is for, from 1. */
  readonly nth?: number;
}

/**
 * What happens to a call. `times` limits how often, `forMs` how long after the first time. Default: always.
 */
export type Fault = { readonly times?: number; readonly forMs?: number } & (
  | /** The connection breaks before AWS executes the call. */ { readonly kind: 'reset-before' }
  | /** The connection breaks after AWS executed the call. */ { readonly kind: 'reset-after' }
  | /** An error, and AWS does not execute the call. */ {
      readonly kind: 'error';
      readonly status: number;
      readonly code: string;
      readonly message?: string | ((call: Call) => string);
    }
  | /** AWS executes the call, and the client gets an error. Default: 500 ServiceFailure. */ {
      readonly kind: 'error-after-commit';
      readonly status?: number;
      readonly code?: string;
      readonly message?: string;
    }
  | /** AWS executes the call, and the reply is cut in the middle: with `framed`, its length is that of the half. */ {
      readonly kind: 'truncate';
      readonly framed?: boolean;
    }
  | /** The credentials of the call are expired from now on, for any call: 403 ExpiredToken. */ {
      readonly kind: 'expire';
    }
  | /** Default: before AWS executes the call. */ {
      readonly kind: 'delay';
      readonly ms: number;
      readonly when?: 'before' | 'after';
    }
  | /** No reply. Default: AWS does not execute the call. */ {
      readonly kind: 'hang';
      readonly when?: 'before' | 'after';
    }
  | /** 400 Throttling, and AWS does not execute the call. */ { readonly kind: 'throttle' }
  | /** Reads find nothing, as on a replica that lags; writes pass. */ { readonly kind: 'stale-not-found' }
  | ({ readonly kind: 'lag' } & Lag)
  | /** Trust policies show the unique IDs of their principals in place of their ARNs. */ {
      readonly kind: 'unique-ids';
    }
  | /** Something on the way answers in place of AWS: with a page of HTML, or with a redirect. */ {
      readonly kind: 'foreign-reply';
      readonly status: number;
      readonly location?: string;
    }
  | /** Replies leave these elements out, as the bulk reads of other emulators do. */ {
      readonly kind: 'leave-out';
      readonly elements: readonly string[];
    }
  | /** AWS's clock is ahead of this machine's: in the dates of replies, and in their `Date` header. */ {
      readonly kind: 'clock';
      readonly aheadMs: number;
    }
  | {
      readonly kind: 'hook';
      /** `drop` breaks the connection before AWS executes the call. */
      readonly before?: Hook;
      /** `drop` breaks the connection after AWS executed the call. */
      readonly after?: Hook;
    }
);

/**
 * Hides what a matching create made, until both that many reads were made and that many milliseconds passed.
 * After that it flickers: every second one of the next reads does not show it.
 */
interface Lag {
  /** Default: 0. */
  readonly reads?: number;
  /** Default: 0. */
  readonly ms?: number;
  /** Default: 0. */
  readonly flicker?: number;
  /** Applies to reads by name, which answer 404, or to listings, which omit it. Default: both, counted together. */
  readonly of?: 'gets' | 'lists';
}

/** A function that the proxy waits for. It ignores the result, except for `drop`. */
type Hook = (call: Call) => unknown;

/** An active rule. */
export interface Rule {
  /** How often the rule took effect. */
  readonly fired: number;
  remove(): void;
}

/** A proxy in front of the sandbox that counts calls and injects faults. */
export interface FaultProxy {
  readonly url: string;
  /** Every call, in order of arrival. */
  readonly calls: readonly Call[];
  /** Secrets in requests and replies, which tests search for where no secret may be. */
  readonly secrets: ReadonlySet<string>;
  /** Returns the number of calls, of one action or of all. */
  count(action?: string | RegExp): number;
  /** Returns the number of calls by action. */
  countBy(): Record<string, number>;
  /** Returns the writes. */
  writes(): Call[];
  /** Returns how often AWS executed a create of each entity: `{ 'CreateRole deploy': 1 }`. */
  successfulCreates(): Record<string, number>;
  /** Forgets the calls of one account, or all calls. Rules stay. */
  clear(account?: string): void;
  /** Removes all rules. */
  clearRules(): void;
  /**
   * Adds a rule. Rules act in the order in which they were added; after a delay or a hook the next one has its turn,
   * any other fault decides the call.
   */
  on(match: Match, fault: Fault): Rule;
  /** Breaks all connections and stops. */
  stop(): Promise<void>;
}

const READ = /^(Get|List|Simulate|AssumeRole|Validate|Check)/;

/** Operations of the REST protocol, by their path. */
const REST_ACTIONS: ReadonlyMap<string, string> = new Map([
  ['/policy/validation', 'ValidatePolicy'],
  ['/policy/check-no-new-access', 'CheckNoNewAccess'],
]);

/** Faults that do not stop later rules. */
const PASSING: ReadonlySet<Fault['kind']> = new Set(['clock', 'delay', 'hook', 'lag']);

/** Parameters that name what a create makes, the most specific first. */
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

/** Returns action and subject of a call, equal in every account: `PutRolePolicy deploy read`. */
export function callIdentity({ action, params }: Call): string {
  const subjects = Object.entries(params).filter(([name]) => /^(\w+Name|\w*Arn|Url|ClientID)$/.test(name));
  const values = subjects.map(([, value]) => value.replace(/^.*:\d{12}:/, '').replace(/^.*:aws:/, ''));
  return [action, ...values.sort()].join(' ');
}

/** Starts a proxy on the loopback interface. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const rules = new Set<ActiveRule>();
  const secrets = new Set<string>();
  /** Accounts by the access keys that `AssumeRole` returned. */
  const accounts = new Map<string, string>();
  let calls: Call[] = [];
  let arrived = 0;

  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const body = await buffer(incoming);
    const { action, params } = askedFor(incoming, body);
    if (action === undefined) {
      // The sandbox's own pages do not count as calls.
      reply(outgoing, await forward(agent, target, incoming, body));
      return;
    }
    arrived += 1;
    const accessKeyId = accessKeyOf(incoming);
    const role = action === 'AssumeRole' ? /^arn:[^:]*:iam::(\d{12}):/.exec(params['RoleArn'] ?? '')?.[1] : undefined;
    const account = role ?? accounts.get(accessKeyId);
    const call: Call = {
      seq: arrived,
      action,
      protocol: isJson(incoming) ? 'json' : 'xml',
      ...(account === undefined ? {} : { account }),
      accessKeyId,
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
    const end = (answer: Answer | 'drop' | 'hang'): void => {
      if (answer === 'drop') drop(outgoing);
      if (typeof answer === 'string') return;
      note(call, answer);
      reply(outgoing, answer);
    };
    const acting: ActiveRule[] = [];
    for (const rule of rules) {
      if (!rule.takes(call)) continue;
      acting.push(rule);
      if (!PASSING.has(rule.fault.kind)) break;
    }
    for (const rule of acting) {
      const early = await before(rule, call);
      if (early === undefined) continue;
      end(early);
      return;
    }
    let answer = await forward(agent, target, incoming, body);
    note(call, answer);
    call.committed = answer.status < 300;
    const [accessKey] = membersOf(answer, ['AccessKeyId']);
    if (role !== undefined && accessKey !== undefined) accounts.set(accessKey, role);
    else for (const secret of membersOf(answer, SECRET)) secrets.add(secret);
    for (const rule of acting) {
      const late = await after(rule, call, answer);
      if (late === 'hang' || late === 'drop') {
        end(late);
        return;
      }
      answer = late ?? answer;
    }
    end(answer);
  };

  const server = createServer((incoming, outgoing) => {
    // If the client is killed or the target is down, the connection breaks, as without a proxy.
    serve(incoming, outgoing).catch(() => {
      drop(outgoing);
    });
  });
  // No timeouts: neither for idle connections, which a client may be about to use, nor for hangs.
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
    clear: (account) => {
      calls = account === undefined ? [] : calls.filter((call) => call.account !== account);
      if (account === undefined) arrived = 0;
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
  #until = Infinity;
  readonly #match: Match;
  /** For `expire`: expired credentials. */
  readonly #expired = new Set<string>();
  /** For `lag`: what was created while the rule was active. */
  readonly #made: Made[] = [];

  constructor(
    match: Match,
    readonly fault: Fault,
  ) {
    this.#match = match;
  }

  /** Reports whether the rule applies to the call, and counts it. */
  takes(call: Call): boolean {
    if (this.#expired.has(call.accessKeyId)) return true;
    if (!this.#isFor(call)) return false;
    this.#matched += 1;
    const { nth } = this.#match;
    const { times = Infinity, forMs = Infinity, kind } = this.fault;
    if (nth !== undefined && this.#matched !== nth) return false;
    if (kind === 'lag') return true;
    if (this.fired >= times || Date.now() > this.#until) return false;
    if (this.fired === 0) this.#until = Date.now() + forMs;
    this.fired += 1;
    if (kind === 'expire') this.#expired.add(call.accessKeyId);
    return true;
  }

  /** Records what a create made, for {@link hides}. */
  notes(call: Call, answer: Answer): void {
    const made = madeBy(call, answer);
    if (made !== undefined) this.#made.push(made);
  }

  /** Returns what a read must not show. Counts as taking effect. */
  hides(call: Call, lag: Lag, as: 'gets' | 'lists'): Made | undefined {
    if ((lag.of ?? as) !== as) return undefined;
    const { reads = 0, ms = 0, flicker = 0 } = lag;
    for (const made of this.#made) {
      if (as === 'gets' ? !isReadOf(call, made) : !isListingOf(call, made)) continue;
      const seen = made.reads;
      made.reads += 1;
      if (seen >= reads && Date.now() - made.at >= ms) {
        if (made.flickers >= flicker) continue;
        made.flickers += 1;
        if (made.flickers % 2 === 1) continue;
      }
      this.fired += 1;
      return made;
    }
    return undefined;
  }

  #isFor(call: Call): boolean {
    const { action, account, params = {}, predicate } = this.#match;
    if (action !== undefined && !isAction(call, action)) return false;
    if (account !== undefined && call.account !== account) return false;
    if (this.fault.kind === 'stale-not-found' && !READ.test(call.action)) return false;
    if (Object.entries(params).some(([name, value]) => call.params[name] !== value)) return false;
    return predicate === undefined || predicate(call);
  }
}

/** An entity that replicas do not show consistently yet. */
interface Made {
  /** The kind in names of operations: `Role`. */
  readonly noun: string;
  /** Values that reads may identify it by. */
  readonly ids: readonly string[];
  /** The element of a listing that identifies it by one of {@link ids}. */
  readonly element: string;
  readonly at: number;
  reads: number;
  flickers: number;
}

/** IDs that AWS assigns to entities without a name. */
const GIVEN = ['AccessKeyId', 'ServiceSpecificCredentialId', 'SSHPublicKeyId', 'CertificateId', 'SerialNumber'];

function madeBy(call: Call, answer: Answer): Made | undefined {
  const noun = /^(?:Create|Upload)(?!PolicyVersion)(\w+)$/
    .exec(call.action)?.[1]
    ?.replace(/^ServiceLinkedRole$/, 'Role');
  if (noun === undefined || answer.status >= 300 || call.protocol === 'json') return undefined;
  const of = (element: string): string | undefined => membersOf(answer, [element])[0] ?? call.params[element];
  const given = GIVEN.find((element) => membersOf(answer, [element]).length > 0);
  const element = given ?? ['RoleName', ...NAMES].find((name) => of(name) !== undefined) ?? 'Arn';
  const listed = element === 'Url' ? 'Arn' : element;
  const ids = [of(listed), given === undefined ? membersOf(answer, ['Arn', `${noun}Arn`])[0] : undefined];
  const known = ids.filter((id) => id !== undefined);
  return { noun, ids: known, element: listed, at: Date.now(), reads: 0, flickers: 0 };
}

function isReadOf(call: Call, { noun, ids }: Made): boolean {
  if (!/^(Get|List)/.test(call.action) || !call.action.includes(noun.replace(/y$/, ''))) return false;
  return Object.values(call.params).some((value) => ids.includes(value));
}

function isListingOf(call: Call, made: Made): boolean {
  if (isReadOf(call, made)) return false;
  return (
    call.action === 'GetAccountAuthorizationDetails' || call.action.startsWith(`List${made.noun.replace(/y$/, '')}`)
  );
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The client gets half of the reply. */
  readonly cut?: 'broken' | 'framed';
}

type Interference = Answer | 'drop' | 'hang' | undefined;

/** Applies a fault before the target gets the call. */
async function before(rule: ActiveRule, call: Call): Promise<Interference> {
  const { fault } = rule;
  switch (fault.kind) {
    case 'reset-before':
      return 'drop';
    case 'error':
      return failure(call, fault.status, fault.code, messageOf(fault.message, call) ?? fault.code);
    case 'foreign-reply': {
      const headers = { 'content-type': 'text/html', ...(fault.location && { location: fault.location }) };
      return { status: fault.status, headers, body: Buffer.from('<!DOCTYPE html><html><body><p>Denied</html>') };
    }
    case 'throttle':
      return failure(call, 400, 'Throttling', 'Rate exceeded');
    case 'stale-not-found':
      return failure(call, 404, 'NoSuchEntity', 'The entity cannot be found.');
    case 'expire': {
      const code = call.protocol === 'json' ? 'ExpiredTokenException' : 'ExpiredToken';
      return failure(call, 403, code, 'The security token included in the request is expired');
    }
    case 'lag':
      return rule.hides(call, fault, 'gets') && failure(call, 404, 'NoSuchEntity', 'The entity cannot be found.');
    case 'delay':
      if (fault.when !== 'after') await sleep(fault.ms);
      return undefined;
    case 'hang':
      return fault.when === 'after' ? undefined : 'hang';
    case 'hook':
      return (await fault.before?.(call)) === 'drop' ? 'drop' : undefined;
    default:
      return undefined;
  }
}

/** Applies a fault after the target replied. */
async function after(rule: ActiveRule, call: Call, answer: Answer): Promise<Interference> {
  const { fault } = rule;
  switch (fault.kind) {
    case 'reset-after':
      return 'drop';
    case 'error-after-commit': {
      const { status = 500, code = 'ServiceFailure' } = fault;
      return failure(call, status, code, fault.message ?? 'The request processing has failed.');
    }
    case 'truncate':
      return { ...answer, cut: fault.framed === true ? 'framed' : 'broken' };
    case 'lag': {
      rule.notes(call, answer);
      const hidden = rule.hides(call, fault, 'lists');
      return hidden && { ...answer, body: Buffer.from(withoutMember(answer.body.toString(), hidden)) };
    }
    case 'unique-ids':
      return { ...answer, body: Buffer.from(withUniqueIds(answer.body.toString())) };
    case 'leave-out':
      return { ...answer, body: Buffer.from(withoutElements(answer.body.toString(), fault.elements)) };
    case 'clock':
      return withClock(answer, fault.aheadMs);
    case 'delay':
      if (fault.when === 'after') await sleep(fault.ms);
      return undefined;
    case 'hang':
      return fault.when === 'after' ? 'hang' : undefined;
    case 'hook':
      return (await fault.after?.(call)) === 'drop' ? 'drop' : undefined;
    default:
      return undefined;
  }
}

function withoutElements(body: string, elements: readonly string[]): string {
  return body.replace(new RegExp(`<(${elements.join('|')})>.*?</\\1>`, 'gs'), '');
}

/** Returns a listing without the outermost member that shows a hidden entity. */
function withoutMember(xml: string, { element, ids }: Made): string {
  const parts: string[] = [];
  let depth = 0;
  let kept = 0;
  let start = 0;
  let own = '';
  let last = 0;
  for (const { 0: tag, index } of xml.matchAll(/<\/?member>/g)) {
    // Nested members describe other entities.
    if (depth === 1) own += xml.slice(last, index);
    if (tag === '<member>') {
      if (depth === 0) [start, own] = [index, ''];
      depth += 1;
    } else {
      depth -= 1;
      if (depth === 0 && ids.some((id) => own.includes(`<${element}>${id}</${element}>`))) {
        parts.push(xml.slice(kept, start));
        kept = index + tag.length;
      }
    }
    last = index + tag.length;
  }
  return [...parts, xml.slice(kept)].join('');
}

/** Moves all dates of a reply. */
function withClock({ headers, body, ...answer }: Answer, aheadMs: number): Answer {
  const date = new Date(Date.now() + aheadMs).toUTCString();
  const moved = body
    .toString()
    .replace(
      />(\d{4}-\d\d-\d\dT[\d:.]+Z)</g,
      (_, iso: string) => `>${new Date(Date.parse(iso) + aheadMs).toISOString()}<`,
    );
  return { ...answer, headers: { ...headers, date }, body: Buffer.from(moved) };
}

/** Replaces roles and users in trust policies by `AROA…` and `AIDA…`, in encoded documents too. */
function withUniqueIds(xml: string): string {
  return xml.replace(/<AssumeRolePolicyDocument>[^<]*</g, (document) =>
    document.replace(
      /arn(?::|%3A)[\w-]+(?::|%3A)iam(?::|%3A){2}\d{12}(?::|%3A)(role|user)[\w+=,.@/%-]*?(?="|&quot;|%22)/g,
      (_arn, type) => `${type === 'role' ? 'AROA' : 'AIDA'}EXAMPLEEXAMPLE123`,
    ),
  );
}

function messageOf(message: string | ((call: Call) => string) | undefined, call: Call): string | undefined {
  return typeof message === 'function' ? message(call) : message;
}

/** Returns an error reply. */
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

/** Returns the values of XML elements of a reply; none for JSON. */
function membersOf({ body }: Answer, names: readonly string[]): string[] {
  const element = new RegExp(`<(${names.join('|')})>([^<]+)</`, 'g');
  return [...body.toString().matchAll(element)].map(([, , value = '']) => value);
}

function reply(outgoing: ServerResponse, answer: Answer): void {
  if (answer.cut !== undefined) {
    const half = answer.body.subarray(0, answer.body.length / 2);
    const length = (answer.cut === 'framed' ? half : answer.body).length;
    outgoing.writeHead(answer.status, { ...answer.headers, 'content-length': length });
    if (answer.cut === 'framed') outgoing.end(half);
    else outgoing.write(half, () => outgoing.socket?.destroySoon());
    return;
  }
  outgoing.writeHead(answer.status, { ...answer.headers, 'content-length': answer.body.length });
  outgoing.end(answer.body);
}

/** Resets the connection: the client sees ECONNRESET. */
function drop({ socket }: ServerResponse): void {
  // Node never closes a socket that is reset during its shutdown, and then does not exit.
  if (socket?.writableEnded === true) socket.destroy();
  else socket?.resetAndDestroy();
}

/** Returns the operation that a request of the REST protocol names by its path. */
function restActionOf({ url = '' }: IncomingMessage): string | undefined {
  return REST_ACTIONS.get(url.split('?')[0] ?? '');
}

function isJson(incoming: IncomingMessage): boolean {
  return incoming.headers['x-amz-target'] !== undefined || restActionOf(incoming) !== undefined;
}

/** Returns the parameters of a request: a form for IAM and STS, JSON for Secrets Manager. Secret values are removed. */
function askedFor(
  incoming: IncomingMessage,
  body: Buffer,
): { readonly action: string | undefined; readonly params: Record<string, string> } {
  const action = restActionOf(incoming);
  if (action !== undefined) return { action, params: {} };
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
