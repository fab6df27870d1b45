import { ExitCode } from '../contract/failures.js';
import type { ReportResult } from '../contract/report.js';

/** Returns the exit code of a result. `pending` is 2 only where the caller asked for detailed exit codes. */
export function exitCodeOf(result: ReportResult, options: { readonly detailed: boolean }): ExitCode {
  switch (result) {
    case 'converged':
      return ExitCode.Converged;
    case 'pending':
      return options.detailed ? ExitCode.Pending : ExitCode.Converged;
    case 'refused':
      return ExitCode.Refused;
    case 'failed':
    case 'cancelled':
      return ExitCode.Failed;
    case 'busy':
      return ExitCode.Busy;
  }
}
