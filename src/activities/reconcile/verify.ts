import { sleep } from '@temporalio/activity';
import { untilShown } from '../../aws/propagation.js';
import { entityKey } from '../../contract/entity.js';
import type { DesiredEntity } from '../../contract/entity.js';
import type { VerifyResult } from '../../contract/activities.js';
import { assess } from '../../engine/decide.js';
import { resolveReferences } from '../../engine/references.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf, observe } from '../runtime/observe.js';

/** Compares until nothing differs or the propagation window ends; what differs then is the answer. */
export async function waitUntilConverged(
  account: Account,
  entities: readonly DesiredEntity[],
  arns: Readonly<Record<string, string>>,
  namespace: string,
): Promise<VerifyResult['differing']> {
  let differing: VerifyResult['differing'] = [];
  let left = entities.map((entity, index) => ({ entity, index }));
  await untilShown(async () => {
    const observed = await observe(
      account,
      left.map(({ entity }) => entity),
    );
    const context = { namespace, partition: account.target.partition, intent: '' };
    differing = left.flatMap(({ entity, index }) => {
      const spec = resolveReferences(entity.spec, arns);
      // Whose it is was decided when it was written; only a difference counts here.
      const taken = { ...entity, adopt: 'foreign' as const };
      const { decision } = assess(kindOf(entity), taken, spec, observed.get(entityKey(entity)), context);
      return decision.action === 'no-op' ? [] : [{ index, decision }];
    });
    const indexes = new Set(differing.map(({ index }) => index));
    left = left.filter(({ index }) => indexes.has(index));
    return left.length === 0 ? true : undefined;
  }, sleep);
  return differing;
}
