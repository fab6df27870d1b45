import type { IAM } from '@aws-sdk/client-iam';
import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import type { Target } from '../../src/contract/entity.js';
import { signingRegion } from '../../src/engine/partitions.js';
import { iamClient } from '../support/sandbox.js';
import type { Gateway } from './gateway.js';

interface Place {
  readonly gateway: Gateway;
  readonly target: Target;
}

/** Returns clients whose calls go through the gateway. Their key is that of the environment. */
export function clientsOf({ gateway, target }: Place): AwsClients {
  return createAwsClients(target, { iamEndpoint: gateway.url, stsEndpoint: gateway.url });
}

/** Returns a client of another caller than the worker, in the partition of the run. */
export function personOf({ gateway, target }: Place, maxAttempts: number): IAM {
  const region = signingRegion(target.partition);
  return iamClient(gateway.url, undefined, { ...gateway.credentials, region, maxAttempts });
}
