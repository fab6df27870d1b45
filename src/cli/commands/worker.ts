import { setFlagsFromString } from 'node:v8';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { type RunningWorker, startWorker } from '../../worker.js';
import { untilInterrupted } from '../run-command.js';

/**
 * The growth of the heap, in percent, that triggers a garbage collection. V8's default is generous on machines with much
 * memory: a worker that had nothing to do for 5,000 roles used 488 MB, and uses 343 MB with this.
 */
const HEAP_GROWING_PERCENT = 60;

/**
 * Runs the worker until it is asked to stop, or the certificates of its connection were renewed. Activities in progress
 * finish first. What has to be started again has the exit code 4.
 */
export async function worker(): Promise<ExitCode> {
  setFlagsFromString(`--heap-growing-percent=${String(HEAP_GROWING_PERCENT)}`);
  const config = loadConfig();
  let exitCode: ExitCode = ExitCode.Converged;
  const onRenewal = (): void => {
    exitCode = ExitCode.Busy;
  };
  const interrupt = untilInterrupted();
  const { signal } = interrupt;
  const options = { deployment: config.deployment, metricsAddress: config.metricsAddress, onRenewal, signal };
  const running = await unlessAborted(startWorker(config, options), signal).finally(() => {
    interrupt.dispose();
  });
  await running?.stopped;
  return exitCode;
}

/**
 * Waits for the start of a worker. Returns undefined as soon as a signal ends it: a step of the start may wait long for
 * a server, and has begun nothing that it would have to finish.
 */
async function unlessAborted(
  starting: Promise<RunningWorker>,
  signal: AbortSignal,
): Promise<RunningWorker | undefined> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  return Promise.race([starting, aborted]);
}
