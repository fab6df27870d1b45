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

/**
 * The output of a command with `--output json` that failed before it had a result: described by
 * `schema/error.schema.json`.
 */
export interface ErrorOutput {
  readonly version: 1;
  readonly error: {
    readonly message: string;
    /** The next action for the user. Null where the message already states it. */
    readonly remedy: string | null;
    readonly exitCode: number;
    /** Problems of an invalid manifest. */
    readonly problems: readonly {
      readonly file: string;
      /** From 1; 0 where the problem has no line. */
      readonly line: number;
      readonly column: number;
      /** The place in the manifest: `entities[0].roleName`. */
      readonly path: string;
      readonly message: string;
      readonly remedy: string;
      /** The text of the line, where the file has text. */
      readonly sourceLine?: string | undefined;
    }[];
  };
}

/** Reports settings that are invalid or do not go together: environment variables, profiles, addresses, certificates. */
export class ConfigError extends UserFacingError {
  override readonly name = 'ConfigError';
  override readonly exitCode = ExitCode.Usage;
}
