import { plan as run } from '../../client/run/start.js';
import type { ExitCode } from '../../contract/failures.js';
import type { OutputOptions } from '../outputs.js';
import type { RequestOptions } from '../request.js';
import { follow } from './follow.js';

/** Options of `plan`. */
export interface PlanOptions extends RequestOptions, OutputOptions {
  readonly detailedExitcode: boolean;
}

/** Prints each decision and drift, and writes nothing. */
export async function plan(options: PlanOptions): Promise<ExitCode> {
  return follow('plan', run, { ...options, noWait: false, detailed: options.detailedExitcode });
}
