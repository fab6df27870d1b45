import { resolve } from 'node:path';
import { ExitCode } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';

/** Reports progress to the user, one line at a time. */
export type Announce = (message: string) => void;

/** The environment of a child process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Options that every part of the embedded servers takes. */
export interface EmbeddedOptions {
  /** The folder that keeps what was fetched or built. It lies outside the checkout. */
  readonly cacheDirectory: string;
  /** The environment of child processes, `PATH` included. Default: the environment of this process. */
  readonly environment?: Environment | undefined;
  readonly announce?: Announce | undefined;
}

/** Reports that an embedded server cannot be installed or started on this machine. The message states the remedy. */
export class EmbeddedError extends UserFacingError {
  override readonly name = 'EmbeddedError';
  override readonly exitCode = ExitCode.Busy;

  constructor(message: string, options?: ErrorOptions) {
    super(message, null, options);
  }
}

/** Returns an error's message in a line, with the cause of a failed `fetch` or spawn. */
export function reasonOf(error: unknown): string {
  const message = property(error, 'message');
  if (typeof message !== 'string') return String(error);
  const cause = property(property(error, 'cause'), 'message');
  return typeof cause === 'string' && cause !== '' ? `${message}: ${cause}` : message;
}

/** Reports whether an error of the operating system has one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes(String(property(error, 'code')));
}

/** Reads a property by shape and not by class: an error of Node's own may come from another realm. */
function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** The folder of the package, two above this file: in `src/` as in `dist/`, which is built from it. */
export const packageRoot = resolve(__dirname, '..', '..');
