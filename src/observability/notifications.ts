import type { Logger } from 'pino';
import { type Meter, metric } from './instruments.js';

/** Returns an observer of deliveries, which logs and counts each attempt. */
export function deliveryRecorder(
  log: Logger,
  meter: Meter,
): (channel: string, id: string, error: Error | null) => void {
  const count = metric(meter, 'iam_bootstrap_notifications');
  return (channel, id, error) => {
    count(1, { channel, result: error === null ? 'delivered' : 'failed' });
    if (error === null) log.info({ channel, id }, 'Notification delivered');
    else log.warn({ channel, id, error: error.message }, 'Notification not delivered');
  };
}
