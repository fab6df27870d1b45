import { ApplicationFailure, workflowInfo } from '@temporalio/workflow';
import type { FleetReport } from '../../contract/fleet.js';
import type { NotificationType } from '../../contract/notification.js';
import type { Approval } from '../../contract/report.js';
import { accountsWithoutRun, approveWaveCommand, fleetTrouble, resultsOf } from '../../report/fleet.js';
import { counted } from '../../report/text.js';
import { approvalText } from '../../report/words.js';
import { type NewNotification, notify } from '../notify.js';

/**
 * Returns what went wrong with the last run of the schedule that this run is of, as {@link fleetTrouble} tells it. Empty
 * where that run went well, and for a run of no schedule. Temporal hands its failure to this run.
 */
export function troubleBefore(): readonly string[] {
  const { lastFailure } = workflowInfo();
  if (!(lastFailure instanceof ApplicationFailure)) return [];
  const [report] = (lastFailure.details ?? []) as [Partial<FleetReport>?];
  return Array.isArray(report?.accounts) ? fleetTrouble(report as FleetReport) : [];
}

/** Tells people what no run of an account tells: that accounts had no run, and that they have one again. */
export async function notifyOfFleetEnd(report: FleetReport, before: readonly string[]): Promise<void> {
  const trouble = fleetTrouble(report);
  if (report.result === 'cancelled' || isEqual(trouble, before)) return;
  const { runId } = workflowInfo();
  if (trouble.length === 0) {
    await notify(changeOf('run.recovered', report, runId, 'each account of the fleet has its run again'));
    return;
  }
  const withoutRun = accountsWithoutRun(report);
  await notify({
    ...changeOf(report.result === 'refused' ? 'run.refused' : 'run.failed', report, runId, summaryOf(report)),
    reason: report.reason,
    remedy: report.remedy ?? withoutRun.find(({ remedy }) => remedy !== null)?.remedy ?? null,
    entities: withoutRun.map(({ account, result, reason }) => ({ id: account, line: `${result}: ${reason ?? ''}` })),
  });
}

/** Tells people that a wave waits for an approval. */
export async function notifyOfWave(report: FleetReport, wave: number, plan: string): Promise<void> {
  const { namespace, fleet } = report;
  await notify({
    ...changeOf('approval.waiting', report, plan, `wave ${String(wave)} waits for an approval`),
    remedy: approveWaveCommand(namespace, fleet, plan),
  });
}

/** Tells people that nobody has to decide about a wave any more. */
export async function notifyOfWaveDecision(report: FleetReport, wave: number, approval: Approval): Promise<void> {
  await notify({
    ...changeOf('approval.ended', report, approval.plan, `wave ${String(wave)} was ${approval.verdict}`),
    reason: approvalText(approval),
  });
}

function changeOf(type: NotificationType, report: FleetReport, key: string, summary: string): NewNotification {
  const { namespace, environment, fleet, request, accounts } = report;
  const { workflowId, runId } = workflowInfo();
  return {
    type,
    key,
    at: new Date().toISOString(),
    subject: { account: null, namespace, environment, fleet, workflowId, runId, url: request.pipeline.url },
    summary,
    reason: null,
    remedy: null,
    counts: { ...resultsOf(accounts), accounts: accounts.length },
    entities: [],
  };
}

function summaryOf({ accounts }: FleetReport): string {
  const withRun = accounts.filter(({ workflow }) => workflow !== null).length;
  return withRun === 0
    ? 'no account had a run'
    : `${String(withRun)} of ${counted(accounts.length, 'account')} had a run`;
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, index) => line === b[index]);
}
