import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import type { Target } from '../../src/contract/entity.js';
import type { Gateway } from './gateway.js';

/** Returns clients whose calls go through the gateway. Their key is that of the environment. */
export function clientsOf({ gateway, target }: { readonly gateway: Gateway; readonly target: Target }): AwsClients {
  return createAwsClients(target, { iamEndpoint: gateway.url, stsEndpoint: gateway.url });
}
