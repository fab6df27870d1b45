import { AsyncLocalStorage } from 'node:async_hooks';
import type { AccessAnalyzerClient } from '@aws-sdk/client-accessanalyzer';
import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { OrganizationsClient } from '@aws-sdk/client-organizations';
import type { ResourceGroupsTaggingAPIClient } from '@aws-sdk/client-resource-groups-tagging-api';
import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { STSClient } from '@aws-sdk/client-sts';
import type { AwsClock } from './clock.js';
import { awsError, failureTypeOf } from './errors.js';
import { refuseForeignReplies } from './foreign-replies.js';
import { UnverifiedError, type AccountGuard } from './guard.js';
import type { Pace } from './pace.js';

/** A client of any AWS service that the engine calls. */
export type AnyClient =
  | IAMClient
  | STSClient
  | SecretsManagerClient
  | CloudTrailClient
  | AccessAnalyzerClient
  | SNSClient
  | OrganizationsClient
  | ResourceGroupsTaggingAPIClient;

type MiddlewareStack = IAMClient['middlewareStack'];

/** One attempt on the wire. */
export interface AwsCall {
  /** The service, as the SDK spells it: `IAM`. */
  readonly service: string;
  /** The operation, as AWS spells it: `GetRole`. */
  readonly operation: string;
  /** AWS's error code, or the network's; null where the call succeeded. */
  readonly code: string | null;
  /** Null where no reply came. */
  readonly requestId: string | null;
  /** Null where no reply came. */
  readonly httpStatus: number | null;
  readonly durationMs: number;
}

const callCounts = new AsyncLocalStorage<Record<string, number>>();

const userAgents = new AsyncLocalStorage<string>();

/** Uses this user agent for the AWS calls of `work`, instead of the worker's own. */
export async function callingAs<T>(userAgent: string | null, work: () => Promise<T>): Promise<T> {
  return userAgent === null ? work() : userAgents.run(userAgent, work);
}

/** Counts the calls that `work` makes to AWS, by operation. Each attempt on the wire counts. */
export async function countingCalls<T>(counts: Record<string, number>, work: () => Promise<T>): Promise<T> {
  return callCounts.run(counts, work);
}

const abortSignals = new AsyncLocalStorage<AbortSignal>();

/** Ends waits between the reads that `work` makes once the signal aborts. Calls on the wire finish. */
export async function abortingOn<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return abortSignals.run(signal, work);
}

/** Returns the user agent for the current call. Clients ask for each call, because all runs of a namespace share them. */
export function currentUserAgent(workerUserAgent: string): Promise<string> {
  return Promise.resolve(userAgents.getStore() ?? workerUserAgent);
}

/**
 * Counts and reports each attempt on the wire, the SDK's own retries included, and names the operation in errors. Refuses
 * what does not come from AWS.
 */
export function observeCalls<C extends AnyClient>(client: C, onCall: ((call: AwsCall) => void) | undefined): C {
  const stack = client.middlewareStack as MiddlewareStack;
  refuseForeignReplies.applyToStack(stack);
  stack.add(
    (next, context) => async (args) => {
      const { operation, service } = namesIn(context);
      const counts = callCounts.getStore();
      if (counts !== undefined && operation !== '') counts[operation] = (counts[operation] ?? 0) + 1;
      const startedAt = performance.now();
      const report = ({ code, requestId, httpStatus }: Pick<AwsCall, 'code' | 'requestId' | 'httpStatus'>): void => {
        onCall?.({ service, operation, code, requestId, httpStatus, durationMs: performance.now() - startedAt });
      };
      try {
        const reply = await next(args);
        const metadata = reply.output?.$metadata;
        report({ code: null, requestId: metadata?.requestId ?? null, httpStatus: metadata?.httpStatusCode ?? null });
        return reply;
      } catch (error) {
        report(awsError(error));
        throw error;
      }
    },
    // Outside the deserializer, so that an error reply is an error here.
    { step: 'deserialize', priority: 'high', name: 'countAttempts', override: true },
  );
  stack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        // Neither the SDK's errors nor the network's name the operation.
        if (error instanceof Error) Object.assign(error, { operation: namesIn(context).operation });
        throw error;
      }
    },
    { step: 'initialize', name: 'nameOperation', override: true },
  );
  return client;
}

function namesIn(context: object): { readonly operation: string; readonly service: string } {
  const { commandName = '', clientName = '' } = context as { commandName?: string; clientName?: string };
  return { operation: commandName.replace(/Command$/, ''), service: clientName.replace(/Client$/, '') };
}

/** Makes each attempt wait for its turn before it is signed, the SDK's own retries included. */
export function waitForTurns(client: IAMClient, pace: Pace): void {
  const wait =
    <Args, Reply>(next: (args: Args) => Promise<Reply>) =>
    async (args: Args): Promise<Reply> => {
      await pace.turn(abortSignals.getStore());
      return next(args);
    };
  client.middlewareStack.addRelativeTo(wait, {
    relation: 'before',
    toMiddleware: 'httpSigningMiddleware',
    name: 'waitForTurns',
    override: true,
  } as const);
}

/** Lets the pace learn from each reply. */
export function adjustPace(client: IAMClient, pace: Pace): void {
  const isThrottled = (error: unknown): boolean => failureTypeOf(awsError(error)) === 'Throttled';
  client.middlewareStack.add((next) => (args) => pace.send(() => next(args), isThrottled), {
    step: 'deserialize',
    priority: 'high',
    name: 'adjustPace',
    override: true,
  });
}

/** Sets a clock by the date of each reply. */
export function readClock(client: IAMClient | STSClient, clock: AwsClock): void {
  (client.middlewareStack as MiddlewareStack).add(
    (next) => async (args) => {
      const reply = await next(args);
      clock.set((reply.response as { readonly headers?: Readonly<Record<string, string>> }).headers?.['date']);
      return reply;
    },
    { step: 'deserialize', priority: 'high', name: 'readClock', override: true },
  );
}

/** Repeats of a call whose credentials change between their verification and its signature. */
const MAX_VERIFICATIONS = 5;

/**
 * Has every call of a client wait until its credentials are verified, and checks those that signed it before it is sent:
 * credentials that change to another account must not read it either.
 */
export function guardCalls<C extends AnyClient>(client: C, guard: () => AccountGuard | undefined): C {
  const stack = client.middlewareStack as MiddlewareStack;
  stack.add(
    (next) => async (args) => {
      for (let repeat = 1; ; repeat += 1) {
        await guard()?.ensure();
        try {
          return await next(args);
        } catch (error) {
          if (!(error instanceof UnverifiedError) || repeat >= MAX_VERIFICATIONS) throw error;
        }
      }
    },
    { step: 'initialize', priority: 'high', name: 'ensureAccount', override: true },
  );
  checkBeforeSend(client, (accessKeyId) => guard()?.assertVerified(accessKeyId));
  return client;
}

/** Returns the access key that signed a request. */
function accessKeyOf(request: unknown): string {
  const { headers } = request as { readonly headers: Readonly<Record<string, string>> };
  return /Credential=([^/]+)/.exec(headers['authorization'] ?? '')?.[1] ?? '';
}

/** Runs a last check of a call, or of each call of a client, when it is signed, with the access key that signed it. */
export function checkBeforeSend(
  caller: AnyClient | Parameters<IAMClient['send']>[0],
  check: (accessKeyId: string) => void,
): void {
  (caller.middlewareStack as MiddlewareStack).add(
    (next) => async (args) => {
      check(accessKeyOf(args.request));
      return next(args);
    },
    // After the signature, and before the call counts as sent.
    { step: 'finalizeRequest', priority: 'low', name: 'checkBeforeSend', override: true },
  );
}
