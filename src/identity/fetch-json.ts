import { request as requestHttp, type Agent as HttpAgent } from 'node:http';
import { request as requestHttps, type Agent as HttpsAgent } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { proofUrlProblem } from '../contract/proof-url.js';

/** The most bytes of an answer. The largest key sets have some dozen keys of a kilobyte. */
const MAX_BYTES = 1_000_000;

/** Time for an answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** Returns the JSON object at a URL. */
export type FetchJson = (url: string) => Promise<Readonly<Record<string, unknown>>>;

/** The agents of the network's proxies. */
export interface Agents {
  readonly httpAgent?: HttpAgent;
  readonly httpsAgent?: HttpsAgent;
}

/** Returns a function that gets JSON by HTTP. It follows no redirects, since keys are believed for their address. */
export function jsonFetcher({ httpAgent, httpsAgent }: Agents = {}): FetchJson {
  return async (text) => {
    const problem = proofUrlProblem(text);
    if (problem !== undefined)
      throw new Error(`the address ${JSON.stringify(text.slice(0, 200))} is refused: ${problem}`);
    const url = new URL(text);
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const headers = { accept: 'application/json', 'user-agent': 'iam-bootstrap' };
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const call =
          url.protocol === 'https:'
            ? requestHttps(url, { agent: httpsAgent, headers, signal })
            : requestHttp(url, { agent: httpAgent, headers, signal });
        call.once('response', resolve);
        call.once('error', reject);
        call.end();
      });
      return await objectIn(response, url);
    } catch (error) {
      if (signal.aborted) throw new Error(`${url.host} has not answered for ${String(TIMEOUT_MS / 1_000)} s`);
      throw error;
    }
  };
}

async function objectIn(
  response: IncomingMessage,
  { host, pathname }: URL,
): Promise<Readonly<Record<string, unknown>>> {
  const { statusCode = 0, headers } = response;
  if (statusCode !== 200) {
    response.destroy();
    const target =
      headers.location === undefined ? '' : `, to ${headers.location.slice(0, 200)}, which is not followed`;
    throw new Error(`${host}${pathname} answers with status ${String(statusCode)}${target}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) {
      response.destroy();
      throw new Error(`${host}${pathname} answers with more than ${String(MAX_BYTES)} bytes`);
    }
    chunks.push(chunk);
  }
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw new Error(`${host}${pathname} answers with something that is no JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${host}${pathname} answers with JSON that is no object`);
  }
  return value as Readonly<Record<string, unknown>>;
}
