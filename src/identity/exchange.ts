import { type IncomingMessage, request as requestHttp, type Agent as HttpAgent } from 'node:http';
import { request as requestHttps, type Agent as HttpsAgent } from 'node:https';

/** The maximum size of an answer, in bytes. */
const MAX_BYTES = 1_000_000;

/** Default of the time for an answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** The agents of the network's proxies. */
export interface Agents {
  readonly httpAgent?: HttpAgent | undefined;
  readonly httpsAgent?: HttpsAgent | undefined;
}

/** A call by HTTP. With a form, it is a POST. */
export interface Call {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly form?: Readonly<Record<string, string>> | undefined;
}

/** An answer. */
export interface Answer {
  readonly status: number;
  /** The address of a redirect, which is not followed. */
  readonly location?: string | undefined;
  /** The JSON object of the answer. Empty where it has another status than 200 and none. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Reports that a server gave no answer that can be used. */
export class ExchangeError extends Error {
  override readonly name = 'ExchangeError';

  constructor(
    message: string,
    /** A later call may be answered. */
    readonly isTransient: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Sends a call and returns its answer. */
export type Exchange = (call: Call, signal?: AbortSignal) => Promise<Answer>;

/**
 * Returns a function that exchanges JSON by HTTP. It follows no redirects, since calls carry secrets. Its errors name the
 * server and quote nothing of the call.
 */
export function exchangeBy({ httpAgent, httpsAgent }: Agents, timeoutMs = TIMEOUT_MS): Exchange {
  return async ({ url: text, headers = {}, form }, stopped) => {
    const url = new URL(text);
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = stopped === undefined ? timeout : AbortSignal.any([timeout, stopped]);
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    const options = {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        accept: 'application/json',
        'user-agent': 'iam-bootstrap',
        ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...headers,
      },
      signal,
    };
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const call =
          url.protocol === 'https:'
            ? requestHttps(url, { ...options, agent: httpsAgent })
            : requestHttp(url, { ...options, agent: httpAgent });
        call.once('response', resolve);
        call.once('error', reject);
        call.end(body);
      });
      return await answerOf(response, url);
    } catch (error) {
      stopped?.throwIfAborted();
      if (error instanceof ExchangeError) throw error;
      const reason = timeout.aborted ? `no answer for ${String(timeoutMs / 1_000)} s` : (error as Error).message;
      throw new ExchangeError(`${url.host} cannot be reached: ${reason}`, true, { cause: error });
    }
  };
}

async function answerOf(response: IncomingMessage, { host, pathname }: URL): Promise<Answer> {
  const { statusCode: status = 0, headers } = response;
  const { location } = headers;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) {
      response.destroy();
      throw new ExchangeError(`${host}${pathname} answers with more than ${String(MAX_BYTES)} bytes`, false);
    }
    chunks.push(chunk);
  }
  const body = objectIn(Buffer.concat(chunks).toString('utf8'));
  if (body !== undefined || status !== 200) return { status, location, body: body ?? {} };
  throw new ExchangeError(`${host}${pathname} answers with something that is no JSON object`, false);
}

function objectIn(text: string): Answer['body'] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer['body']) : undefined;
  } catch {
    // A page of a proxy, for example.
    return undefined;
  }
}
