import type { Target } from '../contract/entity.js';
import { ExitCode, FAILURES, type FailureType } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { type TemporalConnection, withDeadline } from '../temporal/connect.js';
import { isWorkflowFailed } from '../temporal/errors.js';
import type { RunOptions } from './run/events.js';
import { rejectOnAbort } from './run/retry.js';

/*
 * Workflows that only read an account, with the credentials of a worker. A person waits for them.
 */

/** Reports that an account could not be read at all. */
export class ReadError extends UserFacingError {
  override readonly name = 'ReadError';

  constructor(
    message: string,
    remedy: string | null,
    readonly exitCode: ExitCode,
  ) {
    super(message, remedy);
  }
}

/** The run of a workflow that reads an account. */
interface Read<Request> {
  readonly type: string;
  readonly workflowId: string;
  readonly request: Request;
  /** Names the run in the Temporal UI. */
  readonly summary: string;
  readonly timeoutMs: number;
}

/**
 * Has a worker read an account, and cancels the run where the caller is aborted.
 *
 * @throws ReadError where the account cannot be read
 */
export async function runRead<Request extends { readonly target: Target }, Result>(
  { client, taskQueue }: TemporalConnection,
  { type, workflowId, request, summary, timeoutMs }: Read<Request>,
  { signal }: RunOptions,
): Promise<Result> {
  const aborted = rejectOnAbort(signal);
  try {
    const handle = await withDeadline(client, () =>
      client.workflow.start<(request: Request) => Promise<Result>>(type, {
        taskQueue,
        workflowId,
        args: [request],
        staticSummary: summary,
        workflowExecutionTimeout: timeoutMs,
      }),
    );
    try {
      return await Promise.race([handle.result(), aborted.promise]);
    } catch (error) {
      if (signal?.aborted === true) await withDeadline(client, () => handle.cancel()).catch(() => undefined);
      throw error;
    }
  } catch (error) {
    throw isWorkflowFailed(error) ? failureOf(error, request.target) : error;
  } finally {
    aborted.dispose();
  }
}

/** A person names the account of a read by options, or by a manifest. */
const WRONG_ACCOUNT_REMEDY =
  "give the worker credentials of the account, or name a role in it: with --assume-role, or as assumeRole of the manifest's environment";

/** Returns the reason that a worker gave for its failure. */
function failureOf(error: Error, { account }: Target): ReadError {
  let cause: unknown = error;
  while (cause instanceof Error && cause.cause !== undefined) ({ cause } = cause);
  const { message, type, details } = cause as { message: string; type?: string; details?: readonly unknown[] };
  const row = type !== undefined && Object.hasOwn(FAILURES, type) ? FAILURES[type as FailureType] : undefined;
  const known = type === 'WrongAccount' ? WRONG_ACCOUNT_REMEDY : (row?.remedy ?? null);
  const { remedy = known } = (details?.[0] ?? {}) as { readonly remedy?: string | null };
  return new ReadError(`account ${account} was not read: ${message}`, remedy, row?.exitCode ?? ExitCode.Failed);
}
