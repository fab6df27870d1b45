import { setFlagsFromString } from 'node:v8';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { startWorker } from '../../worker.js';

/**
 * How much the heap may grow, in percent of what was in use, before it is cleaned. V8's own measure is generous where a
 * machine has much memory: where nothing was to do with 5,000 roles a worker came to 488 MB, and to 343 with this.
 */
const HEAP_GROWING_PERCENT = 60;

/** Runs the worker until it is asked to stop; what is under way ends first. */
export async function worker(): Promise<ExitCode> {
  setFlagsFromString(`--heap-growing-percent=${String(HEAP_GROWING_PERCENT)}`);
  const config = loadConfig();
  const running = await startWorker(config, { deployment: config.deployment, metricsAddress: config.metricsAddress });
  await running.stopped;
  return ExitCode.Converged;
}
