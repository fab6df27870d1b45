import pc from 'picocolors';
import { loadConfig } from '../../config/config.js';
import { ExitCode } from '../../contract/failures.js';
import { counted } from '../../report/counts.js';
import { diagnose } from '../doctor.js';
import { plain, print, printJson } from '../terminal.js';

const SIGNS = { ok: pc.green('ok  '), warn: pc.yellow('warn'), fail: pc.red('FAIL') } as const;
const FIXED = pc.cyan('done');

/** Options of `doctor`. */
export interface DoctorOptions {
  readonly fix: boolean;
  readonly output: 'text' | 'json';
}

/** Prints each check, what was fixed, and how to fix the rest. */
export async function doctor(options: DoctorOptions): Promise<ExitCode> {
  const checks = await diagnose(loadConfig(), options);
  const failed = checks.some(({ status }) => status === 'fail');
  if (options.output === 'json') printJson({ version: 1, checks });
  else {
    for (const { name, status, message, remedy, fixed } of checks) {
      print(`${fixed === null ? SIGNS[status] : FIXED} ${name.padEnd(18)} ${plain(fixed ?? message)}`);
      if (remedy !== null) print(`     ${pc.dim('remedy:')} ${plain(remedy)}`);
    }
    if (options.fix) {
      const repaired = checks.filter(({ fixed }) => fixed !== null).length;
      const remaining = checks.filter(({ remedy }) => remedy !== null).length;
      print(`\n${counted(repaired, 'problem')} fixed, ${String(remaining)} left to fix.`);
    }
  }
  return failed ? ExitCode.Failed : ExitCode.Converged;
}
