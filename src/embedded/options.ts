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
