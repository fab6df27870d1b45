import type { AccessAnalyzerClient, AccessAnalyzerClientConfig } from '@aws-sdk/client-accessanalyzer';
import type { CloudTrailClient, CloudTrailClientConfig } from '@aws-sdk/client-cloudtrail';
import * as iam from '@aws-sdk/client-iam';
import type { OrganizationsClient, OrganizationsClientConfig } from '@aws-sdk/client-organizations';
import type { SecretsManagerClient, SecretsManagerClientConfig } from '@aws-sdk/client-secrets-manager';
import type { SNSClient, SNSClientConfig } from '@aws-sdk/client-sns';
import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { Target } from '../contract/entity.js';
import { createPolicyAnalyzer, type PolicyAnalyzer } from './access-analyzer.js';
import type { MakeAgents } from './agents.js';
import {
  adjustPace,
  checkBeforeSend,
  currentUserAgent,
  guardCalls,
  observeCalls,
  readClock,
  waitForTurns,
} from './calls.js';
import type { AnyClient, AwsCall } from './calls.js';
import { AwsClock } from './clock.js';
import { foreignReplyError } from './errors.js';
import { createCredentials, retryWithNewCredentials, type RoleSession } from './credentials.js';
import type { AccountGuard, Caller } from './guard.js';
import type { Input, Operation, Output } from './operations.js';
import { createOrganization, type Organization } from './organizations.js';
import { Pace } from './pace.js';
import { regionalRegion, signingRegion } from '../engine/partitions.js';
import { Reader } from './reader.js';
import { createSecretStore, type SecretStore } from './secret-store.js';
import { createTaggingClient, createTagIndex, type TagIndex } from './tag-index.js';
import { createTopics, type Topics } from './topics.js';
import { createEventHistory, type EventHistory } from './trail.js';

/** Timeouts in milliseconds. Without them a lost reply would block an activity until Temporal times it out. */
const CONNECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

/** Attempts for each check of a policy: AWS allows few of them a second, and a plan makes many. */
const MAX_ANALYZER_ATTEMPTS = 6;

const SOCKETS = { httpsAgent: { maxSockets: 100 }, httpAgent: { maxSockets: 100 } };

/** Clients of one target. IAM and STS share one credentials object, so that the account guard speaks for both. */
export interface AwsClients {
  readonly reader: Reader;
  /** Waits until a write may be sent, or the signal aborts. Reads wait by themselves. */
  readonly turn: (signal?: AbortSignal) => Promise<void>;
  /**
   * Sends one call with one attempt on the wire. `lastCheck` gets the access key that signed the call, and throws to
   * keep the call from leaving the process.
   */
  readonly write: (
    operation: Operation,
    input: Readonly<Record<string, unknown>>,
    lastCheck?: (accessKeyId: string) => void,
  ) => Promise<{ readonly requestId: string | null; readonly output: unknown }>;
  readonly secrets: SecretStore;
  readonly eventHistory: EventHistory;
  readonly organization: Organization;
  readonly policyAnalyzer: PolicyAnalyzer;
  readonly topics: Topics;
  readonly tagIndex: TagIndex;
  readonly callerIdentity: () => Promise<Caller>;
  /** Returns the time by AWS's clock, in milliseconds since 1970; null where AWS has not shown it yet. */
  readonly now: () => number | null;
  /** Returns the access key in use. After a change of it, the caller must be verified again. */
  readonly accessKeyId: () => Promise<string>;
  /** Fetches new credentials, unless those with the expired key have been replaced already. Reads do so by themselves. */
  readonly renewCredentials: (expiredKey: string) => Promise<void>;
  /** Closes all connections. Calls in flight fail. */
  readonly destroy: () => void;
}

/** Options for the AWS clients of a worker. */
export interface AwsOptions extends RoleSession {
  /** Custom IAM endpoint, for an emulator. Default: AWS's own. */
  readonly iamEndpoint?: string;
  readonly stsEndpoint?: string;
  readonly secretsManagerEndpoint?: string;
  readonly cloudTrailEndpoint?: string;
  readonly organizationsEndpoint?: string;
  readonly accessAnalyzerEndpoint?: string;
  readonly snsEndpoint?: string;
  readonly taggingEndpoint?: string;
  /** Uses FIPS endpoints. Default: the SDK's, which reads variables and profiles. */
  readonly useFipsEndpoint?: boolean;
  readonly useDualstackEndpoint?: boolean;
  /** Region of Secrets Manager, STS and Access Analyzer. Default: that in which the partition's IAM calls are signed. */
  readonly region?: string;
  /** Folder for secrets that are kept in files. Default: none, and such locations are refused. */
  readonly secretsFolder?: string;
  /** Maximum duration of one call, in milliseconds. Default: 15 seconds. */
  readonly requestTimeoutMs?: number;
  /** Name of this worker in CloudTrail's user agent. */
  readonly userAgent?: string;
  /** Pace of all calls to an account's IAM, for clients that share one. Default: a pace of these clients alone. */
  readonly pace?: Pace;
  readonly onCall?: (call: AwsCall) => void;
  /** Returns the guard of all calls but those of STS; writes ask it by themselves. Default: calls are not guarded. */
  readonly guard?: () => AccountGuard | undefined;
  /** Makes the agents of connections, for proxies and certificates. Default: the SDK's own. */
  readonly agents?: MakeAgents | undefined;
}

/** Makes the clients for a target; the worker's own credentials assume the target's role. */
export function createAwsClients(target: Target, options: AwsOptions): AwsClients {
  const { pace = new Pace(), onCall, userAgent, guard = () => undefined } = options;
  const region = signingRegion(target.partition);
  const regional = regionalRegion(target.partition, options.region);
  const requestHandler = requestHandlerOf(options);
  const variants = variantsOf(options);
  const stsConfig = { region: regional, requestHandler, ...variants, ...endpointOf(options.stsEndpoint) };
  const credentials = createCredentials(target, stsConfig, options);
  const { sts } = credentials;
  const config = {
    region,
    credentials: sts.config.credentials,
    requestHandler,
    ...variants,
    ...(userAgent === undefined ? {} : { userAgentAppId: () => currentUserAgent(userAgent) }),
  };
  const socketed = { ...SOCKETS, ...requestHandler };
  const iamConfig = { ...config, requestHandler: socketed, ...endpointOf(options.iamEndpoint) };
  const reads = createIamClient(iamConfig, pace, onCall);
  waitForTurns(reads, pace);
  // One attempt: the SDK would hide a lost reply, and show only the 409 that its own retry received.
  const writes = createIamClient({ ...iamConfig, maxAttempts: 1 }, pace, onCall);
  observeCalls(sts, onCall);
  // Not for writes: the owner of new credentials must be verified before a write is sent.
  for (const client of [guardCalls(reads, guard), sts]) retryWithNewCredentials(client, credentials);
  const now = clockOf([reads, writes, sts]);
  const opened: { destroy(): void }[] = [reads, writes, sts];
  const open = <C extends AnyClient & { destroy(): void }>(client: C): C => {
    opened.push(client);
    return guardCalls(retryWithNewCredentials(observeCalls(client, onCall), credentials), guard);
  };
  const regionalConfig = { ...config, region: regional };
  const secretsClient = lazily(open, () => createSecretsClient(regionalConfig, options));
  const secrets = createSecretStore({ folder: options.secretsFolder, client: secretsClient });
  const tagging = lazily(open, () => createTaggingClient(config, options));
  const topicClient = async (home: string) => open(await createSnsClient({ ...config, region: home }, options));

  return {
    reader: new Reader(
      (operation, input) => send(reads, operation, input),
      (location) => secrets.readRecord(location),
      now,
    ),
    secrets,
    // IAM's events are in the region that IAM calls are signed for.
    eventHistory: createEventHistory(lazily(open, () => createTrailClient(config, options))),
    organization: createOrganization(lazily(open, () => createOrganizationsClient(config, options))),
    policyAnalyzer: createPolicyAnalyzer(lazily(open, () => createAnalyzerClient(regionalConfig, options))),
    topics: createTopics(topicClient),
    tagIndex: createTagIndex(target, options, tagging),
    turn: (signal) => pace.turn(signal),
    write: async (operation, input, lastCheck) => {
      const output = await send(writes, operation, input as Input<typeof operation>, lastCheck);
      return { requestId: requestIdOf(output), output };
    },
    callerIdentity: () => callerIdentity(sts),
    now,
    accessKeyId: credentials.accessKeyId,
    renewCredentials: credentials.renew,
    destroy: closing(opened),
  };
}

/** Returns AWS's clock, as the replies to these clients tell it. */
function clockOf(clients: readonly Parameters<typeof readClock>[0][]): () => number | null {
  const clock = new AwsClock();
  for (const client of clients) readClock(client, clock);
  return () => clock.now();
}

function requestHandlerOf({ requestTimeoutMs = REQUEST_TIMEOUT_MS, agents }: AwsOptions) {
  return {
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: requestTimeoutMs,
    throwOnRequestTimeout: true,
    ...agents?.(SOCKETS.httpsAgent.maxSockets),
  };
}

function closing(clients: readonly { destroy(): void }[]): () => void {
  return () => {
    for (const client of clients) client.destroy();
  };
}

async function createSecretsClient(
  config: SecretsManagerClientConfig,
  { secretsManagerEndpoint }: AwsOptions,
): Promise<SecretsManagerClient> {
  const sdk = await import('@aws-sdk/client-secrets-manager');
  return new sdk.SecretsManagerClient({ ...config, ...endpointOf(secretsManagerEndpoint) });
}

async function createTrailClient(
  config: CloudTrailClientConfig,
  { cloudTrailEndpoint }: AwsOptions,
): Promise<CloudTrailClient> {
  const sdk = await import('@aws-sdk/client-cloudtrail');
  return new sdk.CloudTrailClient({ ...config, ...endpointOf(cloudTrailEndpoint) });
}

async function createAnalyzerClient(
  config: AccessAnalyzerClientConfig,
  { accessAnalyzerEndpoint }: AwsOptions,
): Promise<AccessAnalyzerClient> {
  const sdk = await import('@aws-sdk/client-accessanalyzer');
  return new sdk.AccessAnalyzerClient({
    ...config,
    maxAttempts: MAX_ANALYZER_ATTEMPTS,
    ...endpointOf(accessAnalyzerEndpoint),
  });
}

async function createSnsClient(config: SNSClientConfig, { snsEndpoint }: AwsOptions): Promise<SNSClient> {
  const sdk = await import('@aws-sdk/client-sns');
  return new sdk.SNSClient({ ...config, ...endpointOf(snsEndpoint) });
}

/** Calls of AWS Organizations that are throttled are slowed down, and repeated for minutes. */
const ORGANIZATIONS_RETRIES = { retryMode: 'adaptive', maxAttempts: 10 };

async function createOrganizationsClient(
  config: OrganizationsClientConfig,
  { organizationsEndpoint }: AwsOptions,
): Promise<OrganizationsClient> {
  const sdk = await import('@aws-sdk/client-organizations');
  return new sdk.OrganizationsClient({ ...config, ...ORGANIZATIONS_RETRIES, ...endpointOf(organizationsEndpoint) });
}

function createIamClient(config: iam.IAMClientConfig, pace: Pace, onCall: AwsOptions['onCall']): iam.IAMClient {
  const client = observeCalls(new iam.IAMClient(config), onCall);
  adjustPace(client, pace);
  return client;
}

async function callerIdentity(sts: STSClient): Promise<Caller> {
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  if (Account === undefined || Arn === undefined) {
    throw Object.assign(foreignReplyError(200, 'no account'), { operation: 'GetCallerIdentity' });
  }
  return { account: Account, partition: Arn.split(':')[1] ?? '', arn: Arn };
}

function requestIdOf(output: unknown): string | null {
  return (output as { $metadata?: { requestId?: string } }).$metadata?.requestId ?? null;
}

/** Returns the variants of endpoints that are configured. */
function variantsOf({
  useFipsEndpoint,
  useDualstackEndpoint,
}: AwsOptions): Pick<AwsOptions, 'useFipsEndpoint' | 'useDualstackEndpoint'> {
  return {
    ...(useFipsEndpoint === undefined ? {} : { useFipsEndpoint }),
    ...(useDualstackEndpoint === undefined ? {} : { useDualstackEndpoint }),
  };
}

function endpointOf(endpoint: string | undefined): { readonly endpoint?: string } {
  return endpoint === undefined ? {} : { endpoint };
}

/** Makes a client at its first use, and opens it. */
function lazily<C>(open: (client: C) => C, create: () => Promise<C>): () => Promise<C> {
  return once(async () => open(await create()));
}

/** Makes a client at its first use: most runs need neither, and their code is large. */
function once<T>(create: () => Promise<T>): () => Promise<T> {
  let created: Promise<T> | undefined;
  return () => (created ??= create());
}

async function send<O extends Operation>(
  client: iam.IAMClient,
  operation: O,
  input: Input<O>,
  lastCheck?: (accessKeyId: string) => void,
): Promise<Output<O>> {
  type Command = Parameters<iam.IAMClient['send']>[0];
  const Command = (iam as unknown as Record<string, new (input: unknown) => Command>)[`${operation}Command`];
  if (Command === undefined) throw new TypeError(`the AWS SDK has no operation ${operation}`);
  const command = new Command(input);
  if (lastCheck !== undefined) checkBeforeSend(command, lastCheck);
  return (await client.send(command)) as Output<O>;
}
