import type { WorkflowClientInterceptor } from '@temporalio/client';
import { DefaultLogger } from '@temporalio/worker';
import pino from 'pino';
import type { Logger } from 'pino';
import type { AwsCall } from '../aws/calls.js';
import { isFailureType } from '../contract/failures.js';

/** A destination of log lines: a file, a file descriptor, or a function's object. */
export type LogDestination = string | number | { write(line: string): void };

/** The size of the lines that wait for a full disk, in bytes. Later ones are dropped. */
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024;

/** Creates a logger that writes JSON lines. Errors keep their type, message and cause. */
export function createLogger(level: string, destination: LogDestination): Logger {
  const stream = typeof destination === 'object' ? destination : openDestination(destination);
  const serializers = { error: describeError, err: describeError };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers }, stream);
}

function openDestination(dest: string | number): ReturnType<typeof pino.destination> {
  const stream = pino.destination({ dest, mkdir: true, sync: true, mode: 0o600, maxLength: MAX_UNWRITTEN_BYTES });
  // Without a listener, a log on a full disk would end the process, and the runs that it works on.
  return stream.on('error', () => undefined);
}

const SDK_LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Returns a logger for the Temporal SDK, workflows and activities that writes to the given one. */
export function toSdkLogger(log: Logger): DefaultLogger {
  const levels = Object.keys(SDK_LEVELS) as (keyof typeof SDK_LEVELS)[];
  const minLevel = levels.find((level) => log.isLevelEnabled(SDK_LEVELS[level])) ?? 'ERROR';
  return new DefaultLogger(minLevel, ({ level, message, meta }) => {
    log[SDK_LEVELS[level]](meta ?? {}, message);
  });
}

/** Logs which keys a worker has. */
export function logEncryption(log: Logger, { keyIds, isRequired = false }: EncryptionState): void {
  if (keyIds.length > 0)
    log.info({ encryptsWith: keyIds[0], decryptsWith: keyIds, isRequired }, 'Payloads are encrypted');
}

interface EncryptionState {
  readonly keyIds: readonly string[];
  readonly isRequired?: boolean;
}

/** Returns an observer that logs changes of the file of keys. */
export function logKeyChanges(
  log: Logger,
): (change: { readonly ids: readonly string[]; readonly error: Error | null }) => void {
  return ({ ids, error }) => {
    if (error === null) log.info({ encryptsWith: ids[0], decryptsWith: ids }, 'Encryption keys read again');
    else
      log.error(
        { keys: ids, error: error.message },
        'Encryption keys cannot be used: the keys from before stay in use',
      );
  };
}

/** Returns an observer that logs each call to AWS at level debug, without input and output. */
export function logAwsCalls(log: Logger): (call: AwsCall) => void {
  return ({ service, operation, code, requestId, durationMs }) => {
    log.debug({ service, operation, code: code ?? 'OK', requestId, ms: Math.round(durationMs) }, 'AWS call');
  };
}

/** Returns a client interceptor that logs each message to Temporal at level debug, without its arguments. */
export function logTemporalMessages(log: Logger): WorkflowClientInterceptor {
  const timed = async <T>(fields: Readonly<Record<string, unknown>>, send: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now();
    const logEnd = (code: string): void => {
      log.debug({ ...fields, code, ms: Math.round(performance.now() - startedAt) }, 'Temporal message');
    };
    try {
      const reply = await send();
      logEnd('OK');
      return reply;
    } catch (error) {
      logEnd(error instanceof Error ? error.name : 'Error');
      throw error;
    }
  };
  return {
    startWithDetails: (input, next) => {
      const { workflowId, taskQueue } = input.options;
      return timed({ message: 'start', workflowType: input.workflowType, workflowId, taskQueue }, () => next(input));
    },
    startUpdate: (input, next) =>
      timed({ message: 'update', name: input.updateName, ...input.workflowExecution }, () => next(input)),
    startUpdateWithStart: (input, next) => {
      const { workflowId } = input.workflowStartOptions;
      return timed({ message: 'update with start', name: input.updateName, workflowId }, () => next(input));
    },
    signal: (input, next) =>
      timed({ message: 'signal', name: input.signalName, ...input.workflowExecution }, () => next(input)),
    query: (input, next) =>
      timed({ message: 'query', name: input.queryType, ...input.workflowExecution }, () => next(input)),
    describe: (input, next) => timed({ message: 'describe', ...input.workflowExecution }, () => next(input)),
    cancel: (input, next) => timed({ message: 'cancel', ...input.workflowExecution }, () => next(input)),
    terminate: (input, next) => timed({ message: 'terminate', ...input.workflowExecution }, () => next(input)),
  };
}

/** Errors that workflows throw on purpose, or that only wrap their cause. */
const EXPECTED = ['ApplicationFailure', 'ActivityFailure', 'ChildWorkflowFailure', 'WorkflowFailedError'];

/** Converts an error into plain data. Expected failures, such as refusals, have no stack. */
export function describeError(error: unknown): unknown {
  if (!isErrorLike(error)) return error;
  const { message, type, stack, cause } = error;
  // An error of workflow code arrives without its class and type. Its stack still starts with the name.
  const name = /^\w+(?=:)/.exec(stack ?? '')?.[0] ?? error.name;
  const isExpected = isFailureType(type) ? type !== 'Unexpected' : EXPECTED.includes(name);
  return {
    name,
    ...(typeof type === 'string' ? { type } : {}),
    message,
    ...(isExpected || stack === undefined ? {} : { stack }),
    ...(cause === undefined || cause === null ? {} : { cause: describeError(cause) }),
  };
}

interface ErrorLike {
  readonly name: string;
  readonly message: string;
  readonly type?: string | null;
  readonly stack?: string;
  readonly cause?: unknown;
}

/** Checks the shape, because an error of workflow code comes from another realm. */
function isErrorLike(error: unknown): error is ErrorLike {
  return typeof error === 'object' && error !== null && 'message' in error && 'name' in error;
}
