import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { apply, plan } from '../../client/run/run.js';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { exitCodeOf } from '../../report/exit-code.js';
import type { Report } from '../../contract/report.js';
import { UsageError } from '../errors.js';
import { requestOf } from '../request.js';
import type { OutputOptions } from '../outputs.js';
import type { RequestOptions } from '../request.js';
import { note } from '../terminal.js';
import { followRequest } from './follow.js';

/** Options of `release` and `destroy`. */
export interface LeaveOptions extends RequestOptions, OutputOptions {
  readonly yes: boolean;
  readonly plan: boolean;
}

/**
 * Gives up what the manifest declares, or removes it: shows the plan, has it confirmed by the account and the namespace
 * that it concerns, and then does it. Each entity is decided again when its turn comes.
 */
export async function leave(command: 'release' | 'destroy', options: LeaveOptions): Promise<ExitCode> {
  const request = await requestOf(options, loadConfig(), command);
  if (request === null) return ExitCode.Usage;
  // Where another person approves the plan, nobody has to confirm it here.
  const asks = !options.yes && !options.plan && options.requireApproval !== true;
  if (asks && (!process.stdin.isTTY || options.output === 'json')) {
    const why = options.output === 'json' ? 'standard output is for the report alone' : 'standard input is no terminal';
    throw new UsageError(
      `${command} asks for confirmation, and ${why}`,
      'give --yes, or --plan to see what would be done',
    );
  }
  const following = { ...options, noWait: false, detailed: false, explained: true };
  if (asks || options.plan) {
    const planned = await followRequest('plan', plan, request, following);
    const stops = planned.result === 'refused' && !options.keepGoing;
    if (options.plan || stops || planned.result === 'failed') return codeOf(planned);
    if (planned.result === 'converged') return ExitCode.Converged;
    if (!(await confirmed(command, request))) {
      note('not confirmed: nothing was written');
      return ExitCode.Refused;
    }
  }
  return codeOf(await followRequest(command, apply, request, following));
}

function codeOf({ result }: Report): ExitCode {
  return exitCodeOf(result, { detailed: false });
}

/** Whether a person has typed which account and namespace this is about. */
async function confirmed(command: string, { target, namespace }: BootstrapRequest): Promise<boolean> {
  const place = `${target.account}/${namespace}`;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and Ctrl-D close it: some versions of Node.js call that an error, others then never answer.
  const closed = once(terminal, 'close').then(() => '');
  try {
    const asked = terminal.question(`Type ${place} to ${command} what is listed above: `).catch(() => '');
    return (await Promise.race([asked, closed])).trim() === place;
  } finally {
    terminal.close();
  }
}
