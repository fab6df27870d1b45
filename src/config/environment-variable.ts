/** An environment variable, or several that belong together. */
export interface EnvironmentVariable {
  readonly names: readonly string[];
  /** The purpose, as Markdown without a full stop. */
  readonly meaning: string;
  /** The value where the variable is not set, as Markdown. */
  readonly fallback: string;
  readonly readBy: 'commands' | 'worker' | 'commands and worker';
}

/** Returns the row of one variable, or of several, in the table of all variables. */
export function row(
  names: string | readonly string[],
  readBy: EnvironmentVariable['readBy'],
  meaning: string,
  fallback: string,
): EnvironmentVariable {
  return { names: typeof names === 'string' ? [names] : names, meaning, fallback, readBy };
}
