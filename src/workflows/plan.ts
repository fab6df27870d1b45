import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import { buildFailedReport, buildReport, planPartsOf, plannedReport, type ReportedRun } from '../report/build.js';
import type { BootstrapRequest } from '../contract/request.js';
import type { Report } from '../contract/report.js';
import { accountReads } from './activities.js';
import { planDetails } from './details.js';
import { describeFailure } from './failures.js';
import { recordRun } from './metrics.js';
import { assertBootstrapRequest } from './requests.js';
import { recordOutcome } from './search-attributes.js';

/** Decides for every entity of a request, and writes nothing. Takes no lock. */
export async function plan(request: BootstrapRequest): Promise<Report> {
  assertBootstrapRequest(request);
  const report = await planReport(request);
  setCurrentDetails(planDetails(report));
  recordOutcome(report.result, 0);
  recordRun(report);
  return report;
}

/** Plans a request in the run that calls it. The report says why where that fails. */
export async function planReport(request: BootstrapRequest): Promise<Report> {
  const { workflowId, runId, startTime } = workflowInfo();
  const run: ReportedRun = { command: 'plan', request, workflowId, runId, startedAt: startTime.getTime() };
  try {
    const plan = await accountReads.planEntities(request);
    const planned = plan.entities.map((entity, index) => plannedReport(entity, request.entities[index]?.source));
    return { ...buildReport(run, planned, plan.calls, Date.now()), ...planPartsOf(plan) };
  } catch (error) {
    const failure = describeFailure(error);
    if (failure === null) throw error;
    return buildFailedReport(run, failure, Date.now());
  }
}
