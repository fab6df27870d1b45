import { AsyncLocalStorage } from 'node:async_hooks';
import * as iam from '@aws-sdk/client-iam';
import type * as secretsManager from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Target } from '../contract/entity.js';
import type { Input, Operation, Output } from './operations.js';
import { Reader } from './reader.js';
import { createSecretStore } from './secrets.js';
import type { SecretStore } from './secrets.js';

/** A region of each partition in which to sign for IAM, whose endpoint is global to the partition. */
const SIGNING_REGION: Readonly<Record<string, string>> = {
  aws: 'us-east-1',
  'aws-cn': 'cn-north-1',
  'aws-us-gov': 'us-gov-west-1',
  'aws-eusc': 'eusc-de-east-1',
  'aws-iso': 'us-iso-east-1',
  'aws-iso-b': 'us-isob-east-1',
};

/** Without these a lost reply would hang a step until Temporal gives it up. In milliseconds. */
const REQUEST_TIMEOUTS = { connectionTimeout: 5_000, requestTimeout: 15_000, throwOnRequestTimeout: true };

const calls = new AsyncLocalStorage<Record<string, number>>();

/** Counts the calls, each attempt on the wire, that `work` makes to AWS. */
export async function countingCalls<T>(counts: Record<string, number>, work: () => Promise<T>): Promise<T> {
  return calls.run(counts, work);
}

/** Who the credentials belong to. */
export interface Caller {
  readonly account: string;
  readonly partition: string;
  readonly arn: string;
}

/** Clients of one target. Both IAM clients and STS share one credential object, so that the guard speaks of both. */
export interface AwsClients {
  readonly reader: Reader;
  /** Sends one call with one attempt on the wire. */
  readonly write: (
    operation: Operation,
    input: Readonly<Record<string, unknown>>,
  ) => Promise<{ readonly requestId: string | null; readonly output: unknown }>;
  readonly secrets: SecretStore;
  /** Asks STS. */
  readonly callerIdentity: () => Promise<Caller>;
  /** Access key in use: a change of it means that the caller has to be asked anew. */
  readonly accessKeyId: () => Promise<string>;
}

/** How the worker reaches AWS. */
export interface AwsOptions {
  /** Custom IAM endpoint, for an emulator. Default: AWS's own. */
  readonly iamEndpoint?: string;
  readonly stsEndpoint?: string;
  readonly secretsManagerEndpoint?: string;
  /** Region of Secrets Manager. Default: the one that the AWS configuration names, else the partition's own. */
  readonly region?: string;
  /** Folder for secrets that are kept in files. Default: none, and such locations are refused. */
  readonly secretsFolder?: string;
  /** Names this worker in CloudTrail's user agent. */
  readonly userAgent?: string;
}

/** Makes the clients for a target; `assumeRole` is followed with the worker's own credentials. */
export function createAwsClients(target: Target, options: AwsOptions): AwsClients {
  const region = SIGNING_REGION[target.partition] ?? 'us-east-1';
  const stsConfig = {
    region,
    ...(options.stsEndpoint === undefined ? {} : { endpoint: options.stsEndpoint }),
    requestHandler: REQUEST_TIMEOUTS,
  };
  const own = fromNodeProviderChain({ clientConfig: stsConfig });
  const credentials =
    target.assumeRole === undefined
      ? own
      : fromTemporaryCredentials({
          masterCredentials: own,
          params: { RoleArn: target.assumeRole, RoleSessionName: 'iam-bootstrap' },
          clientConfig: stsConfig,
        });
  // Resolved once and renewed before they expire; without this each call would assume the role again.
  const shared = new STSClient({ ...stsConfig, credentials });
  const config = {
    region,
    credentials: shared.config.credentials,
    requestHandler: { ...REQUEST_TIMEOUTS, httpsAgent: { maxSockets: 100 }, httpAgent: { maxSockets: 100 } },
    ...(options.iamEndpoint === undefined ? {} : { endpoint: options.iamEndpoint }),
    ...(options.userAgent === undefined ? {} : { userAgentAppId: options.userAgent }),
  };
  const reads = new iam.IAMClient(config);
  // One attempt: the SDK would swallow a lost reply and show only the 409 that its own repeat met.
  const writes = new iam.IAMClient({ ...config, maxAttempts: 1 });
  for (const client of [reads, writes, shared]) countAttempts(client);

  const send = async <O extends Operation>(
    client: iam.IAMClient,
    operation: O,
    input: Input<O>,
  ): Promise<Output<O>> => {
    const Command = (iam as unknown as Record<string, new (input: unknown) => Parameters<iam.IAMClient['send']>[0]>)[
      `${operation}Command`
    ];
    if (Command === undefined) throw new TypeError(`the AWS SDK has no operation ${operation}`);
    return (await client.send(new Command(input))) as Output<O>;
  };

  const secretsClient = async (): Promise<secretsManager.SecretsManagerClient> => {
    const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
    const client = new SecretsManagerClient({
      region: options.region ?? region,
      credentials: shared.config.credentials,
      requestHandler: REQUEST_TIMEOUTS,
      ...(options.secretsManagerEndpoint === undefined ? {} : { endpoint: options.secretsManagerEndpoint }),
      ...(options.userAgent === undefined ? {} : { userAgentAppId: options.userAgent }),
    });
    countAttempts(client);
    return client;
  };
  let openSecrets: ReturnType<typeof secretsClient> | undefined;
  const secrets = createSecretStore({
    client: () => (openSecrets ??= secretsClient()),
    folder: options.secretsFolder,
  });

  return {
    reader: new Reader(
      (operation, input) => send(reads, operation, input),
      (location) => secrets.readRecord(location),
    ),
    secrets,
    write: async (operation, input) => {
      const output = await send(writes, operation, input as Input<typeof operation>);
      const metadata = (output as { $metadata?: { requestId?: string } }).$metadata;
      return { requestId: metadata?.requestId ?? null, output };
    },
    callerIdentity: async () => {
      const { Account = '', Arn = '' } = await shared.send(new GetCallerIdentityCommand({}));
      return { account: Account, partition: Arn.split(':')[1] ?? '', arn: Arn };
    },
    accessKeyId: async () => (await shared.config.credentials()).accessKeyId,
  };
}

/** Counts at the innermost step, where the SDK's own repeats pass too. */
function countAttempts(client: iam.IAMClient | STSClient | secretsManager.SecretsManagerClient): void {
  (client.middlewareStack as iam.IAMClient['middlewareStack']).add(
    (next, context) => async (args) => {
      const counts = calls.getStore();
      const operation = ((context as { commandName?: string }).commandName ?? '').replace(/Command$/, '');
      if (counts !== undefined && operation !== '') counts[operation] = (counts[operation] ?? 0) + 1;
      return next(args);
    },
    { step: 'deserialize', name: 'countAttempts', override: true },
  );
}
