import { apply as run } from '../../client/run/start.js';
import type { ExitCode } from '../../contract/failures.js';
import type { OutputOptions } from '../outputs.js';
import type { RequestOptions } from '../request.js';
import { follow } from './follow.js';

/** Options of `apply`. */
export interface ApplyOptions extends RequestOptions, OutputOptions {
  /** False for `--no-wait`. */
  readonly wait: boolean;
}

/** Starts or joins a run, follows it, and prints its report. */
export async function apply(options: ApplyOptions): Promise<ExitCode> {
  return follow('apply', run, { ...options, noWait: !options.wait, detailed: false });
}
