import { ExitCode } from '../contract/failures.js';
import { type ErrorOutput, UserFacingError } from '../contract/user-facing-error.js';
import { EmbeddedError } from '../embedded/options.js';
import { configErrorOf } from '../temporal/errors.js';
import { isResultWritten, printError, printJson } from './terminal.js';

/** The time that a process has to end by itself after its command. */
const EXIT_GRACE_MS = 1_000;

/** The parts of a failure that are printed. */
type Failure = Pick<UserFacingError, 'message' | 'remedy' | 'exitCode'>;

/**
 * Runs the action of a command, prints its error, and sets the exit code of the process. With `json`, standard output
 * has one document whatever happens.
 */
export async function runCommand(action: () => Promise<ExitCode>, json: boolean): Promise<void> {
  // A TypeScript manifest may end the process, or wait for a promise that never settles. Neither is a success.
  const failEarlyExit = (): void => {
    const message = 'the process ended before the command finished';
    const remedy = 'check the manifest for process.exit() and for promises that never settle';
    process.exitCode = reportFailure({ message, remedy, exitCode: ExitCode.Failed }, json);
  };
  process.once('exit', failEarlyExit);
  process.exitCode = await action().catch((error: unknown) => reportFailure(failureOf(error), json));
  process.off('exit', failEarlyExit);
  // A connection or a timer of a manifest may keep the process alive, and an orchestrator would wait for its end.
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}

/** Exit codes by the signal that stopped a command. */
const SIGNAL_EXITS = { SIGINT: ExitCode.Interrupted, SIGTERM: ExitCode.Terminated } as const;

/** Reports that a signal stopped a command. */
export class InterruptedError extends UserFacingError {
  override readonly name = 'InterruptedError';
  override readonly exitCode: ExitCode;

  constructor(
    readonly signal: keyof typeof SIGNAL_EXITS,
    message = '',
    remedy: string | null = null,
  ) {
    super(`${signal === 'SIGINT' ? 'interrupted' : 'terminated'}${message}`, remedy);
    this.exitCode = SIGNAL_EXITS[signal];
  }
}

/** Reports options that are invalid, missing, or do not go together. */
export class UsageError extends UserFacingError {
  override readonly name = 'UsageError';
  override readonly exitCode = ExitCode.Usage;
}

/** Returns true for arguments that ask for JSON. They are read before Commander does: it may refuse them. */
export function asksForJson(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      /^(--json|(--output=|-[a-z]*o=?)json)$/.test(arg) ||
      (arg === 'json' && /^(--output|-[a-z]*o)$/.test(args[index - 1] ?? '')),
  );
}

/** Prints a failure with its remedy and returns its exit code. */
function reportFailure(failure: Failure, json: boolean): ExitCode {
  // Reasons of the servers are lines of their own, and what programs printed there is indented.
  const lines = failure instanceof EmbeddedError ? failure.message.split('\n') : failure.message;
  printError(lines, failure.remedy);
  if (json) printFailure(failure);
  return failure.exitCode;
}

/** Prints a failure as JSON on standard output, unless a result is there already: programs read one document. */
export function printFailure(
  { message, remedy, exitCode }: Failure,
  problems: ErrorOutput['error']['problems'] = [],
): void {
  if (isResultWritten()) return;
  const output: ErrorOutput = { version: 1, error: { message, remedy, exitCode, problems } };
  printJson(output);
}

function failureOf(thrown: unknown): Failure {
  if ((thrown as NodeJS.ErrnoException | undefined)?.syscall === 'uv_cwd') {
    const message = 'the working folder does not exist any more';
    return { message, remedy: 'change to a folder that exists', exitCode: ExitCode.Usage };
  }
  const error = thrown instanceof UserFacingError ? thrown : (configErrorOf(thrown) ?? thrown);
  if (error instanceof UserFacingError) return error;
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const details = (cause as { details?: string } | undefined)?.details;
  return {
    message: details === undefined ? message : `${message}: ${details}`,
    remedy: 'if it happens again, report it with the output of `iam-bootstrap doctor`',
    exitCode: ExitCode.Failed,
  };
}

/** A signal that ends the work of a command. */
interface Interrupt {
  readonly signal: AbortSignal;
  /** Aborts it for another reason than a signal of the system. */
  readonly abort: (reason: UserFacingError) => void;
  dispose(): void;
}

/**
 * Returns a signal that aborts at SIGINT or SIGTERM, so that a command can clean up before it ends. Its reason is an
 * {@link InterruptedError}.
 */
export function untilInterrupted(): Interrupt {
  const controller = new AbortController();
  const interrupt = (signal: keyof typeof SIGNAL_EXITS): void => {
    controller.abort(new InterruptedError(signal));
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  const dispose = (): void => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  };
  return {
    signal: controller.signal,
    abort: (reason) => {
      // The command is ending already: a signal ends it at once.
      dispose();
      controller.abort(reason);
    },
    dispose,
  };
}

/** Resolves when the process receives SIGINT or SIGTERM. */
export function interruption(): Promise<void> {
  return new Promise((resolve) => {
    untilInterrupted().signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
