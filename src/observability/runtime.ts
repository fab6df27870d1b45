import { Runtime } from '@temporalio/worker';
import type { Logger } from 'pino';
import { ConfigError } from '../contract/user-facing-error.js';
import type { Meter } from './instruments.js';
import { toSdkLogger } from './logging.js';
import { metricsAt, startAtZero } from './metrics.js';

/** Options of the runtime that all workers of a process share. */
interface RuntimeOptions {
  /** Default: true, SIGINT and SIGTERM stop the workers. */
  readonly handleSignals?: boolean;
  /** Address of the metrics. Default: none are served. */
  readonly metricsAddress?: string | undefined;
}

/**
 * Installs the runtime of Temporal's SDK in this process, unless a worker has done so before, and returns the log.
 *
 * @throws ConfigError where the metrics cannot be served
 */
export function installRuntime(log: Logger, { handleSignals = true, metricsAddress }: RuntimeOptions): Logger {
  try {
    Runtime.install({
      logger: toSdkLogger(log),
      telemetryOptions: {
        logging: { filter: { core: 'WARN', other: 'ERROR' }, forward: {} },
        ...(metricsAddress === undefined ? {} : { metrics: metricsAt(metricsAddress) }),
      },
      shutdownSignals: handleSignals ? ['SIGINT', 'SIGTERM'] : [],
    });
  } catch (error) {
    if (metricsAddress !== undefined && error instanceof Error && error.message.includes('metrics exporter')) {
      throw new ConfigError(
        `cannot serve metrics at IAM_BOOTSTRAP_METRICS=${metricsAddress}: ${error.message}`,
        'choose a free address of this machine',
      );
    }
    // A second worker in a process shares the runtime of the first.
    if (!(error instanceof Error) || error.name !== 'IllegalStateError') throw error;
  }
  return log;
}

/** Returns the meter of a worker, with its counters at zero. */
export function openMeter(tags: Readonly<Record<string, string>>): Meter {
  const meter = Runtime.instance().metricMeter.withTags(tags);
  startAtZero(meter);
  return meter;
}
