/** Told in a line what is going on, where it takes time or the user may wonder. */
export type Announce = (message: string) => void;

/** What every part of the embedded servers is given by its caller. */
export interface EmbeddedOptions {
  /** Where fetched and built things are kept, outside the checkout. */
  readonly cacheDirectory: string;
  /** The environment of child processes, `PATH` included. Default: that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly announce?: Announce | undefined;
}
