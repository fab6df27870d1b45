import { ApplicationFailure, CancelledFailure, log, setCurrentDetails } from '@temporalio/workflow';
import type { Report } from '../../contract/report.js';
import { countsOf } from '../../report/text.js';
import { reportDetails } from '../details.js';
import { recordRun } from '../metrics.js';
import { recordOutcome } from '../search-attributes.js';

/**
 * Records the end of a run, and returns its report.
 *
 * @throws ApplicationFailure where it has failed or was refused, CancelledFailure
 */
export function finish(report: Report): Report {
  const { result, reason } = report;
  setCurrentDetails(reportDetails(report));
  recordOutcome(result, report.summary.conflicts);
  recordRun(report);
  log[result === 'converged' ? 'info' : 'warn'](`Run ${result}`, { result, reason, counts: countsOf(report) });
  switch (result) {
    case 'failed':
    case 'busy':
    case 'refused': {
      const type = result === 'refused' ? 'RunRefused' : 'RunFailed';
      throw ApplicationFailure.nonRetryable(reason ?? countsOf(report), type, report);
    }
    case 'cancelled':
      // Temporal keeps no details of a cancelled run: clients ask for the report by `reportQuery`.
      throw new CancelledFailure('the run was cancelled');
    default:
      return report;
  }
}
