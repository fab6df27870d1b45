import { AsyncLocalStorage } from 'node:async_hooks';
import type * as cloudTrail from '@aws-sdk/client-cloudtrail';
import * as iam from '@aws-sdk/client-iam';
import type * as secretsManager from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { fromNodeProviderChain, fromTemporaryCredentials } from '@aws-sdk/credential-providers';
import type { Target } from '../contract/entity.js';
import { awsError, failureTypeOf, isExpired } from './errors.js';
import type { Input, Operation, Output } from './operations.js';
import { Pace } from './pace.js';
import { Reader } from './reader.js';
import { createSecretStore } from './secrets.js';
import type { SecretStore } from './secrets.js';
import { createEventHistory } from './trail.js';
import type { EventHistory } from './trail.js';

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
const CONNECTION_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

const calls = new AsyncLocalStorage<Record<string, number>>();

const agents = new AsyncLocalStorage<string>();

/** Has the calls that `work` makes to AWS name this in their user agent, in place of what the worker says of itself. */
export async function callingAs<T>(agent: string | null, work: () => Promise<T>): Promise<T> {
  return agent === null ? work() : agents.run(agent, work);
}

/** Counts the calls, each attempt on the wire, that `work` makes to AWS. */
export async function countingCalls<T>(counts: Record<string, number>, work: () => Promise<T>): Promise<T> {
  return calls.run(counts, work);
}

/** One attempt on the wire. */
export interface AwsCall {
  /** As the SDK spells it: `IAM`. */
  readonly service: string;
  /** As AWS spells it: `GetRole`. */
  readonly operation: string;
  /** AWS's error code, or the network's; null where the answer was no error. */
  readonly code: string | null;
  /** Null where no answer came. */
  readonly requestId: string | null;
  /** Null where no answer came. */
  readonly httpStatus: number | null;
  readonly durationMs: number;
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
  /** Waits until it is the turn of a write. Reads wait by themselves. */
  readonly turn: () => Promise<void>;
  /**
   * Sends one call with one attempt on the wire. `lastCheck`, told the access key that it is signed with, throws where
   * it must not leave the process any more.
   */
  readonly write: (
    operation: Operation,
    input: Readonly<Record<string, unknown>>,
    lastCheck?: (accessKeyId: string) => void,
  ) => Promise<{ readonly requestId: string | null; readonly output: unknown }>;
  readonly secrets: SecretStore;
  /** CloudTrail's. */
  readonly eventHistory: EventHistory;
  /** Asks STS. */
  readonly callerIdentity: () => Promise<Caller>;
  /** Access key in use: a change of it means that the caller has to be asked anew. */
  readonly accessKeyId: () => Promise<string>;
  /** Fetches credentials anew, unless those with this key have been replaced meanwhile. Reads do so by themselves. */
  readonly renewCredentials: (expired: string) => Promise<void>;
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
  /** How long one call may take, in milliseconds. Default: 15 seconds. */
  readonly requestTimeoutMs?: number;
  /** Names this worker in CloudTrail's user agent. */
  readonly userAgent?: string;
  /** Of an assumed role. Default: `iam-bootstrap`. */
  readonly sessionName?: string | undefined;
  /** Of the session of an assumed role. Default: none. */
  readonly sourceIdentity?: string;
  /** Of all calls to an account's IAM, whichever clients make them. Default: these clients have one of their own. */
  readonly pace?: Pace;
  /** Told of each attempt on the wire. Default: nobody is. */
  readonly onCall?: (call: AwsCall) => void;
}

/** Makes the clients for a target; `assumeRole` is followed with the worker's own credentials. */
export function createAwsClients(target: Target, options: AwsOptions): AwsClients {
  const region = SIGNING_REGION[target.partition] ?? 'us-east-1';
  const timeouts = {
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
  };
  const stsConfig = {
    region,
    ...(options.stsEndpoint === undefined ? {} : { endpoint: options.stsEndpoint }),
    requestHandler: timeouts,
  };
  const source = (): ReturnType<typeof fromTemporaryCredentials> => {
    // A person may have renewed a file that this process has read.
    const own = fromNodeProviderChain({ clientConfig: stsConfig, ignoreCache: true });
    if (target.assumeRole === undefined) return own;
    const assumed = fromTemporaryCredentials({
      masterCredentials: own,
      params: {
        RoleArn: target.assumeRole,
        RoleSessionName: options.sessionName ?? 'iam-bootstrap',
        ...(options.sourceIdentity === undefined ? {} : { SourceIdentity: options.sourceIdentity }),
      },
      clientConfig: stsConfig,
    });
    return (options) =>
      assumed(options).catch((error: unknown) => {
        throw error instanceof Error ? Object.assign(error, { operation: 'AssumeRole' }) : error;
      });
  };
  let provider = source();
  // Resolved once and renewed before they expire; without this each call would assume the role again.
  const shared = new STSClient({ ...stsConfig, credentials: (options) => provider(options) });
  const config = {
    region,
    credentials: shared.config.credentials,
    requestHandler: { ...timeouts, httpsAgent: { maxSockets: 100 }, httpAgent: { maxSockets: 100 } },
    ...(options.iamEndpoint === undefined ? {} : { endpoint: options.iamEndpoint }),
    ...(options.userAgent === undefined ? {} : { userAgentAppId: () => agentOf(options) }),
  };
  const reads = new iam.IAMClient(config);
  // One attempt: the SDK would swallow a lost reply and show only the 409 that its own repeat met.
  const writes = new iam.IAMClient({ ...config, maxAttempts: 1 });
  for (const client of [reads, writes, shared]) observe(client, options.onCall);
  const { pace = new Pace() } = options;
  for (const client of [reads, writes]) keepPace(client, pace);
  awaitTurns(reads, pace);

  const accessKeyId = async (): Promise<string> => (await shared.config.credentials()).accessKeyId;
  let renewal: Promise<unknown> | undefined;
  const renewCredentials = async (expired: string | undefined): Promise<void> => {
    if (renewal === undefined && expired !== undefined && (await accessKeyId()) !== expired) return;
    renewal ??= (async () => {
      // From the start: what the old provider keeps may have expired as well.
      provider = source();
      await shared.config.credentials({ forceRefresh: true });
    })().finally(() => (renewal = undefined));
    await renewal;
  };
  // Writes excepted: whose the new credentials are has to be asked before a write is sent.
  for (const client of [reads, shared]) renewWhereExpired(client, accessKeyId, renewCredentials);

  const send = async <O extends Operation>(
    client: iam.IAMClient,
    operation: O,
    input: Input<O>,
    lastCheck?: (accessKeyId: string) => void,
  ): Promise<Output<O>> => {
    const Command = (iam as unknown as Record<string, new (input: unknown) => Parameters<iam.IAMClient['send']>[0]>)[
      `${operation}Command`
    ];
    if (Command === undefined) throw new TypeError(`the AWS SDK has no operation ${operation}`);
    const command = new Command(input);
    if (lastCheck !== undefined) checkLast(command, lastCheck);
    return (await client.send(command)) as Output<O>;
  };

  const common = {
    credentials: shared.config.credentials,
    requestHandler: timeouts,
    ...(options.userAgent === undefined ? {} : { userAgentAppId: () => agentOf(options) }),
  };
  const opened = <T extends AnyClient>(client: T): T => {
    observe(client, options.onCall);
    renewWhereExpired(client, accessKeyId, renewCredentials);
    return client;
  };
  const secretsClient = async (): Promise<secretsManager.SecretsManagerClient> => {
    const { SecretsManagerClient } = await import('@aws-sdk/client-secrets-manager');
    const { secretsManagerEndpoint: endpoint } = options;
    const config = { ...common, region: options.region ?? region, ...(endpoint === undefined ? {} : { endpoint }) };
    return opened(new SecretsManagerClient(config));
  };
  const trailClient = async (): Promise<cloudTrail.CloudTrailClient> => {
    const { CloudTrailClient } = await import('@aws-sdk/client-cloudtrail');
    // Where IAM is signed for, its events are.
    return opened(new CloudTrailClient({ ...common, region }));
  };
  let openTrail: ReturnType<typeof trailClient> | undefined;
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
    eventHistory: createEventHistory(() => (openTrail ??= trailClient())),
    turn: () => pace.turn(),
    write: async (operation, input, lastCheck) => {
      const output = await send(writes, operation, input as Input<typeof operation>, lastCheck);
      const metadata = (output as { $metadata?: { requestId?: string } }).$metadata;
      return { requestId: metadata?.requestId ?? null, output };
    },
    callerIdentity: async () => {
      const { Account = '', Arn = '' } = await shared.send(new GetCallerIdentityCommand({}));
      return { account: Account, partition: Arn.split(':')[1] ?? '', arn: Arn };
    },
    accessKeyId,
    renewCredentials,
  };
}

/** Asked for each call: the clients are shared by all of a namespace's runs, for which a role is assumed once. */
function agentOf({ userAgent }: AwsOptions): Promise<string | undefined> {
  return Promise.resolve(agents.getStore() ?? userAgent);
}

/** Checks when the call is signed and all that is left is to send it. */
function checkLast(command: Parameters<iam.IAMClient['send']>[0], lastCheck: (accessKeyId: string) => void): void {
  command.middlewareStack.add(
    (next) => async (args) => {
      const { headers } = args.request as { readonly headers: Readonly<Record<string, string>> };
      lastCheck(/Credential=([^/]+)/.exec(headers['authorization'] ?? '')?.[1] ?? '');
      return next(args);
    },
    // After the signature, and before the call counts as sent.
    { step: 'finalizeRequest', priority: 'low', name: 'checkLast', override: true },
  );
}

/** Has each attempt wait for its turn, the SDK's own repeats as well, and before it is signed. */
function awaitTurns(client: iam.IAMClient, pace: Pace): void {
  const wait =
    <Args, Answer>(next: (args: Args) => Promise<Answer>) =>
    async (args: Args): Promise<Answer> => {
      await pace.turn();
      return next(args);
    };
  const place = {
    relation: 'before',
    toMiddleware: 'httpSigningMiddleware',
    name: 'awaitTurns',
    override: true,
  } as const;
  client.middlewareStack.addRelativeTo(wait, place);
}

/** Has the pace learn from each answer. */
function keepPace(client: iam.IAMClient, pace: Pace): void {
  const isThrottled = (error: unknown): boolean => failureTypeOf(awsError(error)) === 'Throttled';
  client.middlewareStack.add((next) => (args) => pace.send(() => next(args), isThrottled), {
    step: 'deserialize',
    priority: 'high',
    name: 'keepPace',
    override: true,
  });
}

type AnyClient = iam.IAMClient | STSClient | secretsManager.SecretsManagerClient | cloudTrail.CloudTrailClient;

/** Repeats a call once with other credentials where AWS says that its own are no good any more. */
function renewWhereExpired(
  client: AnyClient,
  accessKeyId: () => Promise<string>,
  renewCredentials: (expired: string | undefined) => Promise<void>,
): void {
  (client.middlewareStack as iam.IAMClient['middlewareStack']).add(
    (next) => async (args) => {
      const key = await accessKeyId().catch(() => undefined);
      try {
        return await next(args);
      } catch (error) {
        if (!isExpired(awsError(error))) throw error;
        await renewCredentials(key);
        return next(args);
      }
    },
    { step: 'initialize', name: 'renewWhereExpired', override: true },
  );
}

type Middleware = iam.IAMClient['middlewareStack'];

/** Counts at the innermost step, where the SDK's own repeats pass too, and has errors say at the outermost what failed. */
function observe(client: AnyClient, onCall: AwsOptions['onCall']): void {
  const stack = client.middlewareStack as Middleware;
  const operationOf = (context: object): string =>
    ((context as { commandName?: string }).commandName ?? '').replace(/Command$/, '');
  const serviceOf = (context: object): string =>
    ((context as { clientName?: string }).clientName ?? '').replace(/Client$/, '');
  stack.add(
    (next, context) => async (args) => {
      const counts = calls.getStore();
      const operation = operationOf(context);
      if (counts !== undefined && operation !== '') counts[operation] = (counts[operation] ?? 0) + 1;
      const startedAt = performance.now();
      const ended = ({ code, requestId, httpStatus }: Pick<AwsCall, 'code' | 'requestId' | 'httpStatus'>): void => {
        const service = serviceOf(context);
        onCall?.({ service, operation, code, requestId, httpStatus, durationMs: performance.now() - startedAt });
      };
      try {
        const answer = await next(args);
        const metadata = answer.output?.$metadata;
        ended({ code: null, requestId: metadata?.requestId ?? null, httpStatus: metadata?.httpStatusCode ?? null });
        return answer;
      } catch (error) {
        ended(awsError(error));
        throw error;
      }
    },
    // Outside of what reads the answer, so that an error is one by now.
    { step: 'deserialize', priority: 'high', name: 'countAttempts', override: true },
  );
  stack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        // Neither the SDK's error nor the network's says which call it was.
        if (error instanceof Error) Object.assign(error, { operation: operationOf(context) });
        throw error;
      }
    },
    { step: 'initialize', name: 'nameOperation', override: true },
  );
}
