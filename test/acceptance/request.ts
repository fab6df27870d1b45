import { isRead } from './write-guard.js';

/** A call as the gateway understands it. What it checks is what it signs and sends: `body` is made of it. */
export interface ReadRequest {
  readonly action: string;
  readonly params: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** True where an error is answered in JSON. */
  readonly isJson: boolean;
  /** The reason for which AWS could understand another call; null where it cannot. */
  readonly ambiguity: string | null;
}

interface Incoming {
  readonly service: string;
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** The services whose calls are forms. */
const FORMS: ReadonlySet<string> = new Set(['iam', 'sts']);

/** The one call that is sent to each of the services that speak JSON. */
const JSON_CALLS: Readonly<Record<string, string>> = {
  cloudtrail: 'CloudTrail_20131101.LookupEvents',
  tagging: 'ResourceGroupsTaggingAPI_20170126.GetResources',
};

/** Headers that go on: none of them changes the call. */
const SENT = /^(user-agent|x-amz-user-agent|amz-sdk-(invocation-id|request))$/;

/** Reads a call. The headers and the body to send are made of what was read. */
export function readRequest(incoming: Incoming): ReadRequest {
  const { service, method, url, headers: all } = incoming;
  const target = all['x-amz-target'];
  const headers = Object.fromEntries(Object.entries(all).filter(([name]) => SENT.test(name)));
  const path = method === 'POST' && url === '/' ? null : `it is sent by ${method} to ${url}`;
  const jsonCall = JSON_CALLS[service];
  if (jsonCall !== undefined) {
    const body = readJson(incoming.body);
    const action = target?.slice(target.lastIndexOf('.') + 1) ?? '';
    const hasWrongTarget = jsonCall.endsWith(`.${action}`) && target !== jsonCall;
    const other = hasWrongTarget ? `its target is ${String(target)}` : null;
    return {
      ...{ action, params: {}, isJson: true, body: Buffer.from(JSON.stringify(body ?? {})) },
      headers: { ...headers, 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': jsonCall },
      ambiguity: path ?? other ?? (body === null ? 'its body is no JSON object' : null),
    };
  }
  const { params, ambiguity } = readForm(incoming);
  const isForm = FORMS.has(service);
  const unexpected = target === undefined ? null : `x-amz-target names ${target} beside its body`;
  return {
    action: isForm ? (params['Action'] ?? '') : (target?.slice(target.lastIndexOf('.') + 1) ?? params['Action'] ?? ''),
    ...{ params, isJson: target !== undefined, body: Buffer.from(formOf(params)) },
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
    // No call of another service is sent at all.
    ambiguity: isForm ? (path ?? unexpected ?? ambiguity) : null,
  };
}

/** Reports a call whose refusal a user should see: a write, or one that may be a write. */
export function isNotable({
  service,
  action,
  ambiguity,
}: Pick<ReadRequest, 'action' | 'ambiguity'> & { service: string }) {
  return ambiguity !== null || (service === 'iam' && !isRead(action));
}

function readForm({ body, headers }: Incoming): Pick<ReadRequest, 'params' | 'ambiguity'> {
  const entries = [...new URLSearchParams(body.toString())];
  const params = Object.fromEntries(entries);
  const type = headers['content-type'] ?? 'no type';
  if (!/^application\/x-www-form-urlencoded(;|$)/i.test(type)) return { params, ambiguity: `its body is ${type}` };
  const folded = entries.map(([name]) => name.toLowerCase());
  const index = folded.findIndex((name, at) => folded.indexOf(name) !== at);
  return { params, ambiguity: index < 0 ? null : `parameter ${entries[index]?.[0] ?? ''} is repeated` };
}

function readJson(body: Buffer): object | null {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function formOf(params: Readonly<Record<string, string>>): string {
  return Object.entries(params)
    .map((pair) => pair.map(encoded).join('='))
    .join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
