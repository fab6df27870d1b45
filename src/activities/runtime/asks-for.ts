/**
 * Reports whether the argument of a run has a digest. Any client may have started the run, with anything.
 *
 * @param argument - of the run
 * @param digest - that of what an activity of the run is to do
 * @param digestOf - returns the digest of a well-formed argument
 */
export function asksFor<T>(argument: unknown, digest: string, digestOf: (argument: T) => string): boolean {
  try {
    return digestOf(argument as T) === digest;
  } catch {
    return false;
  }
}
