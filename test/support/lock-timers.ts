import type { History } from '@temporalio/common/lib/proto-utils';

/** Returns the timers by which a run has waited for a lock, in milliseconds. The timers of its deadline have a summary. */
export function lockTimers({ events }: Pick<History, 'events'>): number[] {
  return (events ?? []).flatMap(({ timerStartedEventAttributes: timer, userMetadata }) => {
    const timeout = timer?.startToFireTimeout;
    if (timeout == null || userMetadata?.summary != null) return [];
    return [Number(timeout.seconds ?? 0) * 1000 + (timeout.nanos ?? 0) / 1e6];
  });
}
