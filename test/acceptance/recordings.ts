import type { Assumption } from './assumptions.js';
import { testAssumption } from './probe.js';
import type { Observed, Place, Tested } from './probe.js';
import { without } from './without.js';

/** Version of {@link Differences}. */
const VERSION = 1;

/** One answer that is not as assumed: enough to play it again elsewhere. Names and account are placeholders. */
export interface Recording extends Omit<Assumption, 'message'> {
  readonly observed: Observed;
}

/** What an acceptance run has found to differ. A test of the sandbox plays it again: see docs/acceptance.md. */
export interface Differences {
  readonly version: number;
  /** The endpoint that gave the answers: `AWS (partition aws)`. */
  readonly platform: string;
  /** ISO 8601. */
  readonly recordedAt: string;
  readonly recordings: readonly Recording[];
}

/** Returns the differences that a run has found. */
export function differencesOf(platform: string, tested: readonly Tested[]): Differences {
  const recordings = tested.flatMap(({ assumption, verdict, observed }) =>
    verdict === 'differs' && observed !== null ? [{ ...without(assumption, 'message'), observed }] : [],
  );
  return { version: VERSION, platform, recordedAt: new Date().toISOString(), recordings };
}

/** Plays a recording again. It holds where the endpoint answers as the recorded one did; messages are not compared. */
export function replayRecording(place: Place, { observed, ...recording }: Recording): Promise<Tested> {
  return testAssumption(place, { ...recording, expected: without(observed, 'message') });
}
