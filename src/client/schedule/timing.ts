import type { ScheduleOptions } from '@temporalio/client';
import type { Timing } from '../../contract/schedule.js';
import { timeoutText } from '../../report/text.js';

/** The delay after which a cron run is not started any more where the server was down, in milliseconds. */
const CRON_CATCHUP_MS = 24 * 3_600_000;

/** Returns the times of a schedule for people: `every 6h, within 10m`. */
export function timingText({ every, cron, jitter }: Timing): string {
  const when = every === undefined ? `cron "${cron ?? ''}" (UTC)` : `every ${timeoutText(every)}`;
  return jitter === undefined ? when : `${when}, within ${timeoutText(jitter)}`;
}

/** Returns the times of a schedule as Temporal takes them. */
export function specOf({ every, cron, jitter }: Timing): ScheduleOptions['spec'] {
  return {
    ...(every === undefined ? {} : { intervals: [{ every }] }),
    ...(cron === undefined ? {} : { cronExpressions: [cron] }),
    ...(jitter === undefined ? {} : { jitter }),
  };
}

/**
 * Returns how a schedule treats runs that overlap, and times that it has missed. One that overlaps is skipped, so that of
 * several missed times one is caught up. A run that fails stays an exception: the next one looks again.
 */
export function policiesOf({ every }: Timing): NonNullable<ScheduleOptions['policies']> {
  return { overlap: 'SKIP', catchupWindow: every ?? CRON_CATCHUP_MS, pauseOnFailure: false };
}
