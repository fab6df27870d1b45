import { ExitCode } from '../contract/failures.js';
import { printError } from './terminal.js';

/** Errors that a command may meet, by name, with how it exits and what a person can do. */
const KNOWN: Readonly<
  Record<string, { readonly exitCode: ExitCode; readonly remedy: (error: Error) => string | null }>
> = {
  UnreachableError: {
    exitCode: ExitCode.Busy,
    remedy: () => 'start the server, or set TEMPORAL_ADDRESS; `iam-bootstrap dev` runs one on this machine',
  },
  BusyError: { exitCode: ExitCode.Busy, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
  ApprovalRefusedError: {
    exitCode: ExitCode.Refused,
    remedy: (error) => ('remedy' in error ? String(error.remedy) : null),
  },
  RunLostError: {
    exitCode: ExitCode.Failed,
    remedy: () => 'apply again: what was written is found, and nothing is created twice',
  },
  RequestKeyError: { exitCode: ExitCode.Usage, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
  QueryError: { exitCode: ExitCode.Usage, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
  UsageError: { exitCode: ExitCode.Usage, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
  ConfigError: { exitCode: ExitCode.Usage, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
  InitError: { exitCode: ExitCode.Usage, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
  EmbeddedError: { exitCode: ExitCode.Busy, remedy: () => null },
  InterruptedError: { exitCode: ExitCode.Failed, remedy: (error) => ('remedy' in error ? String(error.remedy) : null) },
};

/** Stopped by a signal while following a run, or while waiting for one. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';

  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** Options that do not go together, or not here. */
export class UsageError extends Error {
  override readonly name = 'UsageError';

  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(message);
  }
}

/** Prints an error with its remedy and gives the exit code. */
export function reportError(error: unknown): ExitCode {
  const thrown = error instanceof Error ? error : new Error(String(error));
  const known = Object.hasOwn(KNOWN, thrown.name) ? KNOWN[thrown.name] : undefined;
  const cause = (thrown.cause as { details?: string } | undefined)?.details;
  printError(
    known === undefined && cause !== undefined ? `${thrown.message}: ${cause}` : thrown.message,
    known === undefined ? 'if it stays, report it with the output of `iam-bootstrap doctor`' : known.remedy(thrown),
  );
  return known?.exitCode ?? ExitCode.Failed;
}
