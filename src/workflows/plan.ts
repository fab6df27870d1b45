import { setCurrentDetails, workflowInfo } from '@temporalio/workflow';
import type { BootstrapRequest } from '../contract/request.js';
import type { EntityReport, Report } from '../contract/report.js';
import type { PlannedEntity } from '../contract/activities.js';
import { recordRun } from './metrics.js';
import { assertRequest, reportOf, unreadReport } from './report.js';
import { recordOutcome } from './search-attributes.js';
import { reading } from './activities.js';

/** Decides for every entity of a request, and writes nothing. Takes no lock. */
export async function plan(request: BootstrapRequest): Promise<Report> {
  assertRequest(request);
  const startedAt = workflowInfo().startTime.getTime();
  let report: Report;
  try {
    const { entities, calls } = await reading.planEntities(request);
    const planned = entities.map((entity, index) => plannedReport(entity, request.entities[index]?.source));
    report = reportOf('plan', request, planned, calls, startedAt);
  } catch (error) {
    report = unreadReport('plan', request, error, startedAt);
  }
  setCurrentDetails(`**${report.result}**: ${String(report.entities.length)} entities`);
  recordOutcome(report.result, 0);
  recordRun(report);
  return report;
}

/** A planned entity as a report shows it before anything is written. */
export function plannedReport(planned: PlannedEntity, source: EntityReport['source']): EntityReport {
  const { action, drift, unmanaged, reason, remedy, omittedLines } = planned.decision;
  return {
    kind: planned.kind,
    name: planned.name,
    arn: planned.arn,
    decision: action,
    outcome: action === 'no-op' ? 'unchanged' : action === 'refuse' ? 'refused' : 'pending',
    confirmedBy: null,
    drift,
    unmanaged,
    writes: [],
    conflicts: [],
    reason,
    remedy,
    attempts: 0,
    ...(omittedLines === undefined ? {} : { omittedLines }),
    ...(source === undefined ? {} : { source }),
  };
}
