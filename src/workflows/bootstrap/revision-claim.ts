import { workflowInfo } from '@temporalio/workflow';
import type { BootstrapRequest } from '../../contract/request.js';
import type { ClaimAnswer, Revision } from '../../contract/revision.js';
import { SCHEDULE_ID_PREFIX } from '../../contract/workflow-ids.js';
import { revisionText } from '../../report/text.js';
import { ledgerActivities } from '../activities.js';
import type { Stop } from './stop.js';

/** Reports whether a request is that of a schedule. Nobody looks at what it writes: it must not undo a rollback either. */
export function mustBeLast({ key }: BootstrapRequest): boolean {
  return key.startsWith(SCHEDULE_ID_PREFIX);
}

/** Asks the ledger whether the revision of a request may be applied, and has it recorded. */
export function claimRevision(request: BootstrapRequest, revision: Revision): Promise<ClaimAnswer> {
  const { allowOlder = false, target, namespace, environment, pipeline } = request;
  const { commit, url } = pipeline;
  return ledgerActivities.claimRevision({
    account: target.account,
    namespace,
    revision: { ...revision, environment, commit, url, runId: workflowInfo().runId, at: new Date().toISOString() },
    allowOlder,
    ...(mustBeLast(request) ? { mustBeLast: true } : {}),
  });
}

/** Explains why a revision must not be applied. Null where it may. */
export function explainRefusal(
  request: BootstrapRequest,
  revision: Revision,
  { accepted, last }: ClaimAnswer,
): Stop | null {
  if (accepted || last === null) return null;
  const order = mustBeLast(request) ? 'not' : 'older than';
  const applied = `${revisionText(last, last.commit)}, which was applied at ${last.at} by ${last.url ?? `run ${last.runId}`}`;
  return {
    result: 'refused',
    reason: `revision ${revisionText(revision, request.pipeline.commit)} is ${order} ${applied}`,
    remedy: 'apply the newest commit; to go back to this revision anyway, use --allow-older',
    skipReason: `nothing was written: the manifest is ${order} the one applied last`,
  };
}
