import { ExitCode } from './failures.js';

/** An error that the user of a command can act on: it carries the remedy and the exit code of the command. */
export abstract class UserFacingError extends Error {
  abstract readonly exitCode: ExitCode;

  constructor(
    message: string,
    /** The next action for the user. Null where the message already states it. */
    readonly remedy: string | null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Reports settings that are invalid or do not go together: environment variables, profiles, addresses, certificates. */
export class ConfigError extends UserFacingError {
  override readonly name = 'ConfigError';
  override readonly exitCode = ExitCode.Usage;
}
