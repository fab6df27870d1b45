import { ExitCode } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { configErrorOf } from '../temporal/errors.js';
import { printError } from './terminal.js';

/** The time that a process has to end by itself after its command. */
const EXIT_GRACE_MS = 1_000;

/** Runs the action of a command, prints its error, and sets the exit code of the process. */
export async function runCommand(action: () => Promise<ExitCode>): Promise<void> {
  // A TypeScript manifest may end the process, or wait for a promise that never settles. Neither is a success.
  const failEarlyExit = (): void => {
    printError(
      'the process ended before the command finished',
      'check the manifest for process.exit() and for promises that never settle',
    );
    process.exitCode = ExitCode.Failed;
  };
  process.once('exit', failEarlyExit);
  process.exitCode = await action().catch(reportError);
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

/** Prints an error with its remedy and returns the exit code. */
export function reportError(thrown: unknown): ExitCode {
  const error = thrown instanceof UserFacingError ? thrown : (configErrorOf(thrown) ?? thrown);
  if (error instanceof UserFacingError) {
    printError(error.message, error.remedy);
    return error.exitCode;
  }
  const { message, cause } = error instanceof Error ? error : new Error(String(error));
  const details = (cause as { details?: string } | undefined)?.details;
  printError(
    details === undefined ? message : `${message}: ${details}`,
    'if it happens again, report it with the output of `iam-bootstrap doctor`',
  );
  return ExitCode.Failed;
}

/**
 * Returns a signal that aborts at SIGINT or SIGTERM, so that a command can clean up before it ends. Its reason is an
 * {@link InterruptedError}.
 */
export function untilInterrupted(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const abort = (signal: keyof typeof SIGNAL_EXITS): void => {
    controller.abort(new InterruptedError(signal));
  };
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', abort);
      process.off('SIGTERM', abort);
    },
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
