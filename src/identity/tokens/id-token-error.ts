import type { ExitCode } from '../../contract/failures.js';
import { UserFacingError } from '../../contract/user-facing-error.js';

/** Reports that a client cannot get the token that proves who it is. */
export class IdTokenError extends UserFacingError {
  override readonly name = 'IdTokenError';

  constructor(
    message: string,
    remedy: string,
    override readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(message, remedy, options);
  }
}

/** The longest text of another program or server that a message quotes. */
const MAX_QUOTE_LENGTH = 300;

/** Returns the first line of what a program or a server says, without anything that looks like a token. */
export function quoted(text: string): string {
  const line = text.split('\n').find((one) => one.trim() !== '') ?? '';
  return line
    .trim()
    .replace(/[\w+/=-]{8,}(?:\.[\w+/=-]{4,}){2,}/g, '[token]')
    .replace(/[\w+/=-]{60,}/g, '[secret]')
    .slice(0, MAX_QUOTE_LENGTH);
}

/** Returns a claim as messages show it: it is no secret, but may be long. */
export function shown(claim: string): string {
  return claim.slice(0, MAX_QUOTE_LENGTH);
}
