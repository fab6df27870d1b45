import { userInfo } from 'node:os';
import type { Pipeline } from '../contract/entity.js';
import { UsageError } from './run-command.js';

/** Returns the name of the person that runs a command: as given, of the CI job, or of the local user. Null if unknown. */
export function requesterName(given: string | undefined, { provider, actor }: Pipeline): string | null {
  if (given !== undefined || actor !== null) return given ?? actor;
  // The user of a CI job is the account of its runner, not a person.
  if (provider !== 'local') return null;
  try {
    return userInfo().username;
  } catch {
    // A user ID without an entry in the user database, as in a container that runs as any user ID.
    return null;
  }
}

/**
 * Returns the name of the person that decides, which the report and the history keep.
 *
 * @throws UsageError where it is unknown
 */
export function requireRequesterName(given: string | undefined, pipeline: Pipeline): string {
  const name = requesterName(given, pipeline);
  if (name !== null) return name;
  const why =
    pipeline.provider === 'local'
      ? `USER is not set, and user ID ${String(process.getuid?.())} has no name`
      : `the variables of the CI service (${pipeline.provider}) name no person`;
  throw new UsageError(`your name is unknown: ${why}`, 'add --as NAME');
}
