import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { AccountLedger, EntityClaim, EntityClaimChanges, EntityClaimsAnswer } from '../contract/entity-claims.js';
import { claimEntitiesUpdate, entityClaimsQuery } from '../contract/messages.js';
import { entityClaim } from '../contract/request-shapes.js';
import { accountLedgerDetails } from './ledger-details.js';
import { followNewestBuild, MAX_CLAIMS } from './ledger.js';
import { assertEntityClaimChanges, soundEntries } from './requests.js';

/**
 * Remembers which namespace of an account declares which entity, for kinds that cannot carry ownership tags. Like the
 * ledger of a namespace, it never completes.
 */
export async function accountLedger(argument?: AccountLedger): Promise<void> {
  const sound = soundEntries<EntityClaim>(argument, 'claims', entityClaim);
  const claims = new Map(sound.map((claim) => [keyOf(claim.id), claim]));
  let updates = 0;
  const show = (): void => {
    setCurrentDetails(accountLedgerDetails([...claims.values()]));
  };
  setHandler(entityClaimsQuery, (ids) => ids.flatMap((id) => claims.get(keyOf(id)) ?? []));
  setHandler(
    claimEntitiesUpdate,
    (changes) => {
      const answer = changeClaims(claims, changes);
      log.info('Entity claims changed', { ...changes, refused: answer.refused });
      updates += 1;
      show();
      return answer;
    },
    { validator: assertEntityClaimChanges },
  );
  show();
  await condition(() => (updates >= MAX_CLAIMS || workflowInfo().continueAsNewSuggested) && allHandlersFinished());
  await continueAsNew<typeof accountLedger>({ claims: [...claims.values()] });
}

followNewestBuild(accountLedger);

/** Takes and drops claims. A claim that another namespace has made since the plan is refused. */
function changeClaims(
  claims: Map<string, EntityClaim>,
  { take, drop, namespace, runId, at }: EntityClaimChanges,
): EntityClaimsAnswer {
  const refused: EntityClaim[] = [];
  for (const { id, replaces } of take) {
    const current = claims.get(keyOf(id));
    if (current === undefined || current.namespace === namespace || current.namespace === replaces) {
      claims.set(keyOf(id), { id, namespace, runId, at });
    } else refused.push(current);
  }
  for (const id of drop) {
    if (claims.get(keyOf(id))?.namespace === namespace) claims.delete(keyOf(id));
  }
  return { refused };
}

/** IAM ignores case in names. */
function keyOf(id: string): string {
  return id.toLowerCase();
}
