import { agentsFor, type AwsNetwork } from '../aws/agents.js';
import { jsonFetcher } from './fetch-json.js';
import { IssuerKeys } from './issuer-keys.js';

/** Connections to one issuer at a time. */
const MAX_SOCKETS = 4;

/** Returns the keys of issuers, read through the network's proxies. AWS's certificates do not count for issuers. */
export function openIssuerKeys({ httpProxy }: Pick<AwsNetwork, 'httpProxy'>): IssuerKeys {
  return new IssuerKeys(jsonFetcher(agentsFor({ httpProxy, awsCa: undefined })?.(MAX_SOCKETS)));
}
