import { agentsFor, type AwsNetwork } from '../../aws/agents.js';
import { type Exchange, exchangeBy } from '../exchange.js';
import { tokenSource } from './sources.js';
import type { TokenSource } from './token-source.js';

/** Connections to one host at a time. */
const MAX_SOCKETS = 2;

/** The configuration that sources of tokens need. */
export interface TokenConfig {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly network: Pick<AwsNetwork, 'httpProxy'>;
}

/** Returns the source of tokens of a configuration. Undefined where its environment has none. */
export function openTokenSource(config: TokenConfig): TokenSource | undefined {
  return tokenSource({ environment: config.environment, exchange: openExchange(config) });
}

/** Returns the exchange by the proxies of a configuration. The authorities of AWS do not count for it. */
export function openExchange({ network }: Pick<TokenConfig, 'network'>): Exchange {
  return exchangeBy(agentsFor({ httpProxy: network.httpProxy, awsCa: undefined })?.(MAX_SOCKETS) ?? {});
}
