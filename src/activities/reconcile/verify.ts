import { sleep } from '@temporalio/activity';
import { HIDDEN_WINDOW_MS, untilShown } from '../../aws/propagation.js';
import type { ExpectedEntity, VerifyRequest, VerifyResult } from '../../contract/activities.js';
import { entityKey } from '../../contract/entity.js';
import { assess } from '../../engine/decide.js';
import { OwnershipTag, ownerOf, ownershipOf } from '../../engine/ownership.js';
import type { Observed } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf, observeEntities } from '../runtime/observe.js';
import { resolvedSpec } from './desired-state.js';

/** An entity with its position in the request. */
interface Candidate {
  readonly entity: ExpectedEntity;
  readonly index: number;
}

/** The entities that differ, and those that exist anew. */
type Found = Required<Pick<VerifyResult, 'differing' | 'recreated'>>;

/**
 * Compares until nothing differs or the propagation window ends, and returns what still differs. What the run has not
 * written is compared for a few seconds only.
 */
export async function waitUntilConverged(account: Account, request: VerifyRequest): Promise<Found> {
  const { entities } = request;
  const recreated: Found['recreated'][number][] = [];
  let differing: Found['differing'] = [];
  let left: readonly Candidate[] = entities.map((entity, index) => ({ entity, index }));
  const compare = async (): Promise<true | undefined> => {
    const found = await findDiffering(account, request, left);
    recreated.push(...found.recreated);
    differing = found.differing;
    left = found.differing.flatMap(({ index }) => left.find((candidate) => candidate.index === index) ?? []);
    return left.length === 0 ? true : undefined;
  };
  if (!entities.some(({ isUnwritten }) => isUnwritten)) await untilShown(compare, sleep);
  else {
    await untilShown(compare, sleep, HIDDEN_WINDOW_MS);
    const unwritten = differing.filter(({ index }) => entities[index]?.isUnwritten);
    left = left.filter(({ entity }) => entity.isUnwritten !== true);
    if (left.length === 0) return { differing, recreated };
    await untilShown(compare, sleep);
    differing = [...differing, ...unwritten];
  }
  return { differing, recreated };
}

async function findDiffering(
  account: Account,
  { request: { namespace }, arns }: VerifyRequest,
  candidates: readonly Candidate[],
): Promise<Found> {
  const observed = await observeEntities(
    account,
    candidates.map(({ entity }) => entity),
  );
  const context = { namespace, partition: account.target.partition, intent: '' };
  const differing: Found['differing'][number][] = [];
  const recreated: Found['recreated'][number][] = [];
  for (const { entity, index } of candidates) {
    const kind = kindOf(entity);
    const shown = observed.get(entityKey(entity));
    if (shown !== undefined && isNewIncarnation(entity, shown, namespace, kind.usesReservedPath)) {
      recreated.push({ index, owner: ownerOf(shown, kind.usesReservedPath) });
      continue;
    }
    // Its owner was decided when it was written: only a difference counts here.
    const owned = { ...entity, adopt: 'foreign' as const };
    const { decision } = assess(kind, owned, resolvedSpec(entity, arns), shown, context);
    if (decision.action !== 'no-op') differing.push({ index, decision });
  }
  return { differing, recreated };
}

/** Reports whether what AWS shows is not the entity that the run has deleted, but a later one of the same name. */
function isNewIncarnation(
  { deleted }: ExpectedEntity,
  observed: Observed,
  namespace: string,
  usesReservedPath: boolean | undefined,
): boolean {
  if (deleted === undefined) return false;
  if (ownershipOf(observed, namespace, usesReservedPath).is === 'foreign') return true;
  const intent = observed.tags[OwnershipTag.Intent];
  if (intent !== undefined && deleted.intent !== null && intent !== deleted.intent) return true;
  const [before, now] = [Date.parse(deleted.createdAt ?? ''), Date.parse(observed.createdAt ?? '')];
  return now > before;
}
