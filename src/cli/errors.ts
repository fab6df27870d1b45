import { ExitCode } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';
import { printError } from './terminal.js';

/** Reports that a signal stopped a command. */
export class InterruptedError extends UserFacingError {
  override readonly name = 'InterruptedError';
  override readonly exitCode = ExitCode.Failed;
}

/** Reports options that are invalid, missing, or do not go together. */
export class UsageError extends UserFacingError {
  override readonly name = 'UsageError';
  override readonly exitCode = ExitCode.Usage;
}

/** Prints an error with its remedy and returns the exit code. */
export function reportError(error: unknown): ExitCode {
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
