import { ExitCode } from '../contract/failures.js';
import { UserFacingError } from '../contract/user-facing-error.js';

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
