import pc from 'picocolors';
import { loadConfig } from '../../config.js';
import { ExitCode } from '../../contract/failures.js';
import { diagnose } from '../../doctor.js';
import { plain, print, printJson } from '../terminal.js';

const SIGNS = { ok: pc.green('ok  '), warn: pc.yellow('warn'), fail: pc.red('FAIL') } as const;

/** Options of `doctor`. */
export interface DoctorOptions {
  readonly register: boolean;
  readonly output: 'text' | 'json';
}

/** Prints what was looked at, and how to mend what is amiss. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const checks = await diagnose(loadConfig(), options);
  if (options.output === 'json') printJson({ version: 1, checks });
  else {
    for (const { name, status, message, remedy } of checks) {
      print(`${SIGNS[status]} ${name.padEnd(18)} ${plain(message)}`);
      if (remedy !== null) print(`     ${pc.dim('remedy:')} ${plain(remedy)}`);
    }
  }
  return checks.some(({ status }) => status === 'fail') ? ExitCode.Failed : ExitCode.Converged;
}
