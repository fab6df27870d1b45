import { loadConfig } from '../../config.js';
import { ExitCode } from '../../contract/failures.js';
import { startWorker } from '../../worker.js';

/** Runs the worker until it is asked to stop; what is under way ends first. */
export async function worker(): Promise<ExitCode> {
  const config = loadConfig();
  const running = await startWorker(config, { deployment: config.deployment, metricsAddress: config.metricsAddress });
  await running.stopped;
  return ExitCode.Converged;
}
