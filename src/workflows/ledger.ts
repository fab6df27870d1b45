import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import { code, page } from '../report/markdown.js';
import { claimUpdate } from '../contract/messages.js';
import { revisionText } from '../report/revision.js';
import { evaluateClaim } from './evaluate-claim.js';
import type { Claim, ClaimAnswer, Ledger } from '../contract/revision.js';

/** Claims that one run of the workflow takes before it begins a new history. */
const MAX_CLAIMS = 100;

/**
 * Remembers which revisions a namespace was given, for as long as the namespace is used: it never ends, and so outlives
 * the time for which Temporal keeps what has ended. Its ID is one for each account and namespace.
 */
export async function ledger(argument?: Ledger): Promise<void> {
  let kept: Ledger = { applied: Array.isArray(argument?.applied) ? argument.applied : [] };
  let claims = 0;
  const show = (): void => {
    const rows = kept.applied.map(
      ({ value, source, commit, url, at }) =>
        `| ${code(revisionText({ value, source }, commit))} | ${code(url ?? 'unknown')} | ${at} |`,
    );
    setCurrentDetails(page(['| last revision | by | at |', '| --- | --- | --- |', ...rows]));
  };
  setHandler(
    claimUpdate,
    (claim) => {
      const { answer, ledger: next } = evaluateClaim(kept, claim);
      kept = next;
      claims += 1;
      show();
      return answer;
    },
    { validator: assertClaim },
  );
  show();
  await condition(() => (claims >= MAX_CLAIMS || workflowInfo().continueAsNewSuggested) && allHandlersFinished());
  await continueAsNew<typeof ledger>(kept);
}

// It never ends: pinned to the build that started it, it would keep a worker of that build for ever. A worker without
// a deployment may not say so.
setWorkflowOptions(
  () =>
    (workflowInfo().currentDeploymentVersion?.deploymentName ?? '') === ''
      ? {}
      : { versioningBehavior: 'AUTO_UPGRADE' },
  ledger,
);

/** What another client sends malformed leaves no trace. */
function assertClaim(claim: unknown): void {
  const { revision } = (typeof claim === 'object' && claim !== null ? claim : {}) as Partial<Claim>;
  const { value, source, runId, at } = (typeof revision === 'object' ? revision : {}) as Partial<Claim['revision']>;
  if (Number.isSafeInteger(value) && [source, runId, at].every((text) => typeof text === 'string')) return;
  throw ApplicationFailure.nonRetryable('the argument is no claim: it needs a revision', 'InvalidManifest');
}
