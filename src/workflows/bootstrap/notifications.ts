import type { NotificationType } from '../../contract/notification.js';
import type { Approval, EntityReport, Report } from '../../contract/report.js';
import { entityId } from '../../contract/entity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { counted, countsOf, withoutNumbers } from '../../report/text.js';
import { approvalText, isListed } from '../../report/words.js';
import { type NewNotification, notify } from '../notify.js';

/** The types by the result of a run. Others, such as a cancelled run, say nothing of the state of a namespace. */
const ENDS: Readonly<Partial<Record<Report['result'], NotificationType>>> = {
  refused: 'run.refused',
  failed: 'run.failed',
  converged: 'run.recovered',
};

/** Tells people how a run has ended, where that is a change. */
export async function notifyOfEnd({ manifest }: BootstrapRequest, report: Report): Promise<void> {
  const type = ENDS[report.result];
  if (type === undefined) return;
  const { environment, workflow, startedAt } = report;
  const troubled = report.result === 'converged' ? [] : report.entities.filter(isTroubled);
  await notify(
    {
      ...changeOf(type, report, countsOf(report), troubled),
      reason: report.reason,
      remedy: report.remedy ?? troubled.find(({ remedy }) => remedy !== null)?.remedy ?? null,
    },
    {
      ...{ manifest, environment, trouble: troubleOf(report, troubled), runId: workflow.runId, at: startedAt },
      hasLooked: report.entities.length > 0,
    },
  );
}

/** Tells people that a plan waits for an approval. */
export async function notifyOfApproval(report: Report, plan: string): Promise<void> {
  const { account, namespace } = report;
  await notify({
    ...changeOf(
      'approval.waiting',
      report,
      countsOf(report),
      report.entities.filter((entity) => isListed(entity)),
    ),
    remedy: `iam-bootstrap approve --account ${account} --namespace ${namespace} --plan ${plan}`,
  });
}

/** Tells people that nobody has to decide about a plan any more. */
export async function notifyOfDecision(report: Report, approval: Approval): Promise<void> {
  await notify({
    ...changeOf('approval.ended', report, `the plan was ${approval.verdict}`, []),
    reason: approvalText(approval),
  });
}

function changeOf(
  type: NotificationType,
  report: Report,
  summary: string,
  entities: readonly EntityReport[],
): NewNotification {
  const { account, namespace, environment, workflow, request } = report;
  const { workflowId, runId } = workflow;
  const counts = Object.entries(report.summary).filter(([, count]) => count > 0);
  return {
    type,
    key: runId,
    at: new Date().toISOString(),
    subject: { account, namespace, environment, workflowId, runId, url: request.pipeline.url },
    summary,
    reason: null,
    remedy: null,
    counts: { ...Object.fromEntries(counts), entities: report.entities.length },
    entities: entities.map((entity) => ({ id: entityId(entity), line: lineOf(entity) })),
  };
}

function lineOf({ outcome, decision, reason, grants }: EntityReport): string {
  if (outcome === 'failed' || outcome === 'refused') return `${outcome}: ${reason ?? 'see the run'}`;
  return grants.length === 0 ? decision : `${decision}, ${counted(grants.length, 'grant')}`;
}

function isTroubled({ outcome }: EntityReport): boolean {
  return outcome === 'refused' || outcome === 'failed';
}

/**
 * Returns what is the same in the next run that ends for the same reason: the entities with their outcomes, or the reason
 * of the run without numbers and IDs.
 */
function troubleOf(report: Report, troubled: readonly EntityReport[]): readonly string[] {
  if (report.result === 'converged') return [];
  if (troubled.length > 0) return troubled.map((entity) => `${entityId(entity)} ${entity.outcome}`).sort();
  return [`${report.result} ${withoutNumbers(report.reason ?? '')}`];
}
