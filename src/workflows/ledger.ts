import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import { claimUpdate } from '../contract/messages.js';
import type { Claim, ClaimAnswer, Ledger } from '../contract/revision.js';
import { ledgerDetails } from './details.js';
import { assertClaim } from './requests.js';

/** Claims after which the workflow continues as new, with an empty history. */
export const MAX_CLAIMS = 100;

/**
 * Remembers which revisions were applied to a namespace. It never completes, so it outlives the time for which Temporal
 * keeps closed runs. Each account and namespace has one.
 */
export async function ledger(argument?: Ledger): Promise<void> {
  let current: Ledger = { applied: Array.isArray(argument?.applied) ? argument.applied : [] };
  let claims = 0;
  setHandler(
    claimUpdate,
    (claim) => {
      const { answer, ledger: next } = evaluateClaim(current, claim);
      const { value, source, runId } = claim.revision;
      log.info(answer.accepted ? 'Revision recorded' : 'Revision refused', { value, source, runId });
      current = next;
      claims += 1;
      setCurrentDetails(ledgerDetails(current.applied));
      return answer;
    },
    { validator: assertClaim },
  );
  setCurrentDetails(ledgerDetails(current.applied));
  await condition(() => (claims >= MAX_CLAIMS || workflowInfo().continueAsNewSuggested) && allHandlersFinished());
  await continueAsNew<typeof ledger>(current);
}

/**
 * Has Temporal move a workflow to the newest build. A ledger that is pinned to the build that started it would need a
 * worker of that build forever. Only a worker that belongs to a deployment may set a versioning behavior.
 */
export function followNewestBuild(workflow: (argument?: never) => Promise<void>): void {
  setWorkflowOptions(
    () =>
      (workflowInfo().currentDeploymentVersion?.deploymentName ?? '') === ''
        ? {}
        : { versioningBehavior: 'AUTO_UPGRADE' },
    workflow,
  );
}

followNewestBuild(ledger);

/** Accepts a claim unless its revision is older than the environment's last one of the same source. Records an accepted one. */
function evaluateClaim(
  { applied }: Ledger,
  { revision, allowOlder }: Claim,
): { readonly answer: ClaimAnswer; readonly ledger: Ledger } {
  const sameEnvironment = applied.filter(({ environment }) => environment === revision.environment);
  const sameSource = sameEnvironment.find(({ source }) => source === revision.source);
  if (!allowOlder && sameSource !== undefined && revision.value < sameSource.value) {
    return { answer: { accepted: false, last: sameSource }, ledger: { applied } };
  }
  return {
    answer: { accepted: true, last: sameEnvironment.at(-1) ?? null },
    ledger: { applied: [...applied.filter((other) => other !== sameSource), revision] },
  };
}
