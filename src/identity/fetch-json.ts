import { proofUrlProblem } from '../contract/proof-url.js';
import { type Agents, exchangeBy } from './exchange.js';

/** Time for the keys of an issuer, in milliseconds: an activity waits for them. */
const TIMEOUT_MS = 5_000;

/** Returns the JSON object at a URL. */
export type FetchJson = (url: string) => Promise<Readonly<Record<string, unknown>>>;

/** Returns a function that gets JSON by HTTP. It follows no redirects, since keys are believed for their address. */
export function jsonFetcher(agents: Agents = {}): FetchJson {
  const exchange = exchangeBy(agents, TIMEOUT_MS);
  return async (text) => {
    const problem = proofUrlProblem(text);
    if (problem !== undefined)
      throw new Error(`the address ${JSON.stringify(text.slice(0, 200))} is refused: ${problem}`);
    const { status, location, body } = await exchange({ url: text });
    if (status === 200) return body;
    const { host, pathname } = new URL(text);
    const target = location === undefined ? '' : `, to ${location.slice(0, 200)}, which is not followed`;
    throw new Error(`${host}${pathname} answers with status ${String(status)}${target}`);
  };
}
