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
import type { Declaration, DeclarationChanges } from '../contract/declarations.js';
import { entityKeyOfId } from '../contract/entity.js';
import { appliedQuery, claimUpdate, declarationsQuery, declareUpdate, outcomeUpdate } from '../contract/messages.js';
import type { LastOutcome } from '../contract/notification.js';
import { appliedRevision, declaration, lastOutcome } from '../contract/request-shapes.js';
import {
  type AppliedRevision,
  type Claim,
  type ClaimAnswer,
  type Ledger,
  MAX_OUTCOMES,
  revisionProblem,
  startProblem,
} from '../contract/revision.js';
import { ledgerDetails } from './ledger-details.js';
import { FAIL_ON_ANY_ERROR } from './failures.js';
import { assertClaim, assertDeclarationChanges, assertOutcome, soundEntries } from './requests.js';

/** Changes after which the workflow continues as new, with an empty history. */
export const MAX_CLAIMS = 100;

/**
 * Remembers which revisions were applied to a namespace, and which manifest declared which entity last. It never completes, so it outlives the time for which Temporal
 * keeps closed runs. Each account and namespace has one.
 */
export async function ledger(argument?: Ledger): Promise<void> {
  let applied: readonly AppliedRevision[] = soundEntries<AppliedRevision>(argument, 'applied', appliedRevision).filter(
    (revision) => revisionProblem(revision, Date.now()) === null,
  );
  const sound = soundEntries<Declaration>(argument, 'declarations', declaration);
  const declarations = new Map(sound.map((one) => [entityKeyOfId(one.id), one]));
  const outcomes = new Map(
    soundEntries<LastOutcome>(argument, 'outcomes', lastOutcome)
      .filter(({ at }) => startProblem(at, Date.now()) === null)
      .slice(-MAX_OUTCOMES)
      .map((one) => [keyOfOutcome(one), one]),
  );
  let changes = 0;
  const show = (): void => {
    setCurrentDetails(ledgerDetails(applied, [...declarations.values()]));
  };
  setHandler(
    claimUpdate,
    (claim) => {
      const { answer, applied: next } = evaluateClaim(applied, claim);
      const { value, source, runId } = claim.revision;
      log.info(answer.accepted ? 'Revision recorded' : 'Revision refused', { value, source, runId });
      applied = next;
      changes += 1;
      show();
      return answer;
    },
    { validator: assertClaim },
  );
  setHandler(appliedQuery, () => applied);
  setHandler(declarationsQuery, () => [...declarations.values()]);
  setHandler(
    declareUpdate,
    (change) => {
      changeDeclarations(declarations, change);
      changes += 1;
      show();
      return undefined;
    },
    { validator: assertDeclarationChanges },
  );
  setHandler(
    outcomeUpdate,
    (outcome) => {
      changes += 1;
      return recordOutcome(outcomes, outcome);
    },
    { validator: assertOutcome },
  );
  show();
  await condition(() => (changes >= MAX_CLAIMS || workflowInfo().continueAsNewSuggested) && allHandlersFinished());
  await continueAsNew<typeof ledger>({
    applied,
    declarations: [...declarations.values()],
    ...(outcomes.size === 0 ? {} : { outcomes: [...outcomes.values()] }),
  });
}

/**
 * Has Temporal move a workflow that stays open for long to the newest build. A ledger that is pinned to the build that started it would need a
 * worker of that build forever. Only a worker that belongs to a deployment may set a versioning behavior.
 */
export function followNewestBuild(workflow: (...given: never[]) => Promise<unknown>): void {
  setWorkflowOptions(
    () =>
      (workflowInfo().currentDeploymentVersion?.deploymentName ?? '') === ''
        ? FAIL_ON_ANY_ERROR
        : { ...FAIL_ON_ANY_ERROR, versioningBehavior: 'AUTO_UPGRADE' },
    workflow,
  );
}

followNewestBuild(ledger);

/**
 * Accepts a claim unless its revision is older than the environment's last one of the same source, or another one where it
 * has to be the last. Records an accepted one.
 */
function evaluateClaim(
  applied: Ledger['applied'],
  { revision, allowOlder, mustBeLast = false }: Claim,
): { readonly answer: ClaimAnswer } & Pick<Ledger, 'applied'> {
  const sameEnvironment = applied.filter(({ environment }) => environment === revision.environment);
  const sameSource = sameEnvironment.find(({ source }) => source === revision.source);
  const { value: last = revision.value } = sameSource ?? {};
  const isRefused = mustBeLast ? revision.value !== last : !allowOlder && revision.value < last;
  if (isRefused && sameSource !== undefined) {
    return { answer: { accepted: false, last: sameSource }, applied };
  }
  return {
    answer: { accepted: true, last: sameEnvironment.at(-1) ?? null },
    applied: [...applied.filter((other) => other !== sameSource), revision],
  };
}

/** Records what a run declares and has created, and forgets what has left the namespace. */
function changeDeclarations(
  declarations: Map<string, Declaration>,
  { declare, created, forget, ...last }: DeclarationChanges,
): void {
  for (const declared of declare) {
    const { id } = declared;
    const { createdAt } = declarations.get(entityKeyOfId(id)) ?? {};
    declarations.set(entityKeyOfId(id), { ...last, ...declared, ...(createdAt === undefined ? {} : { createdAt }) });
  }
  for (const { id, createdAt } of created) {
    const known = declarations.get(entityKeyOfId(id));
    if (known !== undefined) declarations.set(entityKeyOfId(id), { ...known, createdAt });
  }
  for (const id of forget) declarations.delete(entityKeyOfId(id));
}

function keyOfOutcome({ manifest, environment }: Pick<LastOutcome, 'manifest' | 'environment'>): string {
  return JSON.stringify([manifest, environment]);
}

/** Records the end of a run, and reports whether it is a change. Runs end in turn, but their ends may be recorded in any order. */
function recordOutcome(outcomes: Map<string, LastOutcome>, outcome: Omit<LastOutcome, 'isChange'>): boolean {
  const key = keyOfOutcome(outcome);
  const last = outcomes.get(key);
  if (last?.runId === outcome.runId) return last.isChange;
  if (last !== undefined && last.at > outcome.at) return false;
  const isChange = (last?.trouble ?? null) !== outcome.trouble;
  // The last one recorded comes last: the first ones are forgotten first.
  outcomes.delete(key);
  outcomes.set(key, { ...outcome, isChange });
  const [oldest] = outcomes.keys();
  if (outcomes.size > MAX_OUTCOMES && oldest !== undefined) outcomes.delete(oldest);
  return isChange;
}
