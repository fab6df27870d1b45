import { type Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { type Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { DeliveryError } from './delivery-error.js';

/** Time for an answer, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Bytes of an answer that are read. */
const MAX_ANSWER_BYTES = 200;

/** The shortest and the longest delay that a receiver can ask for, in seconds. */
const MIN_RETRY_AFTER = 1;

const MAX_RETRY_AFTER = 3_600;

/** Statuses that say that a receiver will never take this message: it is malformed, too large, or the receiver is gone. */
const FINAL_STATUSES: ReadonlySet<number> = new Set([400, 410, 413]);

/** Reasons of a receiver that are quoted: words as Slack answers them, and nothing that could forge a log. */
const REASON = /^[a-z][a-z_]{2,39}$/;

/** The agents of the network's proxies. */
export interface Agents {
  readonly httpAgent?: HttpAgent | undefined;
  readonly httpsAgent?: HttpsAgent | undefined;
}

/** A message to a receiver. */
export interface Message {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Posts a message. Follows no redirect, since the address is what the owner of the worker trusts, and reads nothing of the
 * answer but its first bytes. Errors name the host and not the address, which may be a secret.
 *
 * @throws DeliveryError where the receiver does not answer with a status of 200 to 299
 */
export async function post(
  { url: text, headers, body }: Message,
  agents: Agents,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  const url = new URL(text);
  const timeout = AbortSignal.timeout(timeoutMs);
  const options = {
    method: 'POST',
    headers: { 'user-agent': 'iam-bootstrap', 'content-length': String(Buffer.byteLength(body)), ...headers },
    signal: timeout,
  };
  let response: IncomingMessage;
  let reason = '';
  try {
    response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call =
        url.protocol === 'https:'
          ? requestHttps(url, { ...options, agent: agents.httpsAgent })
          : requestHttp(url, { ...options, agent: agents.httpAgent });
      call.once('response', resolve);
      call.once('error', reject);
      call.end(body);
    });
    // Later errors of the connection do not matter: the status is known.
    response.on('error', () => undefined);
    if (!isAccepted(response)) reason = await reasonOf(response);
  } catch (error) {
    const why = timeout.aborted ? `no answer for ${String(timeoutMs / 1_000)} s` : (error as Error).message;
    throw new DeliveryError(`${url.host} cannot be reached: ${why}`);
  }
  response.destroy();
  if (!isAccepted(response)) throw refusal(url.host, response, reason);
}

function isAccepted({ statusCode = 0 }: IncomingMessage): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function refusal(host: string, { statusCode = 0, headers }: IncomingMessage, reason: string): DeliveryError {
  if (statusCode >= 300 && statusCode < 400) {
    return new DeliveryError(`${host} answers with a redirect (${String(statusCode)}), which is not followed`);
  }
  const text = REASON.test(reason) ? ` ${reason}` : '';
  const seconds = Number(headers['retry-after']);
  return new DeliveryError(`${host} answers with status ${String(statusCode)}${text}`, {
    isFinal: FINAL_STATUSES.has(statusCode),
    ...(seconds > 0 ? { retryAfterMs: Math.min(Math.max(seconds, MIN_RETRY_AFTER), MAX_RETRY_AFTER) * 1_000 } : {}),
  });
}

/** Returns the beginning of an answer. Empty where the connection breaks. */
async function reasonOf(response: IncomingMessage): Promise<string> {
  let text = '';
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      text += chunk.toString('latin1', 0, MAX_ANSWER_BYTES);
      if (text.length >= MAX_ANSWER_BYTES) break;
    }
  } catch {
    return '';
  }
  return text.trim();
}
