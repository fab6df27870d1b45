import { sleep } from '@temporalio/activity';
import { untilShown } from '../../aws/propagation.js';
import type { VerifyRequest, VerifyResult } from '../../contract/activities.js';
import { entityKey } from '../../contract/entity.js';
import { assess } from '../../engine/decide.js';
import { resolveReferences } from '../../engine/references.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf, observeEntities } from '../runtime/observe.js';

type Differing = VerifyResult['differing'];

/** Compares until nothing differs or the propagation window ends, and returns what still differs. */
export async function waitUntilConverged(account: Account, request: VerifyRequest): Promise<Differing> {
  let differing: Differing = [];
  let left = request.entities.map((entity, index) => ({ entity, index }));
  await untilShown(async () => {
    differing = await findDiffering(account, request, left);
    const indexes = new Set(differing.map(({ index }) => index));
    left = left.filter(({ index }) => indexes.has(index));
    return left.length === 0 ? true : undefined;
  }, sleep);
  return differing;
}

async function findDiffering(
  account: Account,
  { request: { namespace }, arns }: VerifyRequest,
  candidates: readonly { readonly entity: VerifyRequest['entities'][number]; readonly index: number }[],
): Promise<Differing> {
  const observed = await observeEntities(
    account,
    candidates.map(({ entity }) => entity),
  );
  const context = { namespace, partition: account.target.partition, intent: '' };
  return candidates.flatMap(({ entity, index }) => {
    const spec = resolveReferences(entity.spec, arns);
    // Its owner was decided when it was written: only a difference counts here.
    const owned = { ...entity, adopt: 'foreign' as const };
    const { decision } = assess(kindOf(entity), owned, spec, observed.get(entityKey(entity)), context);
    return decision.action === 'no-op' ? [] : [{ index, decision }];
  });
}
