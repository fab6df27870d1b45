import { CancelledFailure, sleep } from '@temporalio/activity';
import { HIDDEN_WINDOW_MS, untilShown } from '../../aws/propagation.js';
import type { ExpectedEntity, VerifyRequest, VerifyResult } from '../../contract/activities.js';
import { entityKey } from '../../contract/entity.js';
import { assess } from '../../engine/decide.js';
import { OwnershipTag, ownerOf, ownershipOf } from '../../engine/ownership.js';
import type { Observed } from '../../kinds/kind.js';
import type { Account } from '../runtime/accounts.js';
import { kindOf, observeEach, observeEntities, observeEntity, type ObservedNamespace } from '../runtime/observe.js';
import { unreadDecision } from '../runtime/unread-decision.js';
import { resolvedSpec } from './desired-state.js';

/** An entity with its position in the request. */
interface Candidate {
  readonly entity: ExpectedEntity;
  readonly index: number;
}

/** The entities that differ, those that exist anew, and the creation dates of those without tags that are as declared. */
type Found = Required<Pick<VerifyResult, 'differing' | 'recreated' | 'createdAt'>>;

/** The result of a verification. Where it was cut short, what it had not seen as written is unverified. */
type Verified = Found & Required<Pick<VerifyResult, 'unverified'>>;

/** Looks at the account in bulk, before an entity that still differs is read by itself. Most replicas have caught up then. */
const BULK_LOOKS = 2;

/** Entities that are read by themselves in one look. The others are looked at in bulk, and by themselves at the end. */
const MAX_SINGLE_READS = 50;

/**
 * Compares until nothing differs or the propagation window ends, and returns what still differs. What the run has not
 * written is compared for a few seconds only.
 *
 * No entity counts as different before its own Get has shown it: a bulk read may leave out what it does not know.
 *
 * A cancellation ends the wait. What differs then may only not show yet, so it counts as unverified.
 *
 * What AWS refuses to show differs by a decision with `unread`, and is not read again.
 */
export async function waitUntilConverged(account: Account, request: VerifyRequest): Promise<Verified> {
  const { entities } = request;
  const recreated: Found['recreated'][number][] = [];
  const createdAt: Found['createdAt'][number][] = [];
  let differing: Found['differing'] = [];
  const unread: Found['differing'][number][] = [];
  let left: readonly Candidate[] = entities.map((entity, index) => ({ entity, index }));
  let looks = 0;
  const take = (found: Found): void => {
    recreated.push(...found.recreated);
    createdAt.push(...found.createdAt);
    unread.push(...found.differing.filter(({ decision }) => decision.unread !== undefined));
    differing = found.differing.filter(({ decision }) => decision.unread === undefined);
  };
  const candidatesIn = (found: Found['differing']): readonly Candidate[] =>
    found.flatMap(({ index }) => left.find((candidate) => candidate.index === index) ?? []);
  const compare = async (): Promise<true | undefined> => {
    looks += 1;
    const found = findDiffering(request, left, await observeCandidates(account, left));
    const readable = found.differing.filter(({ decision }) => decision.unread === undefined);
    const alone = looks > BULK_LOOKS ? candidatesIn(readable).slice(0, MAX_SINGLE_READS) : [];
    take(await confirmed(account, request, found, alone));
    left = candidatesIn(differing);
    return left.length === 0 ? true : undefined;
  };
  const wait = async (): Promise<void> => {
    if (!entities.some(({ isUnwritten }) => isUnwritten)) {
      await untilShown(compare, sleep);
      return;
    }
    await untilShown(compare, sleep, HIDDEN_WINDOW_MS);
    const unwritten = left.filter(({ entity }) => entity.isUnwritten === true);
    left = left.filter(({ entity }) => entity.isUnwritten !== true);
    if (left.length > 0) await untilShown(compare, sleep);
    left = [...left, ...unwritten];
  };
  const isCut = request.once === true ? !((await compare()) ?? false) : await isCancelledDuring(wait);
  if (isCut) return { differing: unread, recreated, createdAt, unverified: left.map(({ index }) => index) };
  take(findDiffering(request, left, await observeAlone(account, left)));
  return { differing: [...differing, ...unread], recreated, createdAt, unverified: [] };
}

async function isCancelledDuring(wait: () => Promise<void>): Promise<boolean> {
  try {
    await wait();
    return false;
  } catch (error) {
    if (error instanceof CancelledFailure) return true;
    throw error;
  }
}

/** Replaces what a bulk read has found about entities by what their own Gets show. */
async function confirmed(
  account: Account,
  request: VerifyRequest,
  found: Found,
  alone: readonly Candidate[],
): Promise<Found> {
  if (alone.length === 0) return found;
  const shown = findDiffering(request, alone, await observeAlone(account, alone));
  const isRead = new Set(alone.map(({ index }) => index));
  return {
    differing: [...found.differing.filter(({ index }) => !isRead.has(index)), ...shown.differing],
    recreated: [...found.recreated, ...shown.recreated],
    createdAt: [...found.createdAt, ...shown.createdAt],
  };
}

/** The entities that AWS has shown, and those that it refused to show. */
type Shown = Pick<ObservedNamespace, 'observed' | 'unread'>;

function observeCandidates(account: Account, candidates: readonly Candidate[]): Promise<Shown> {
  return observeEntities(
    account,
    candidates.map(({ entity }) => entity),
  );
}

/** Reads each entity by its own Get. */
function observeAlone(account: Account, candidates: readonly Candidate[]): Promise<Shown> {
  return observeEach(
    candidates.map(({ entity }) => entity),
    (entity) => observeEntity(account, entity),
  );
}

function findDiffering(
  { request: { namespace, target }, arns }: VerifyRequest,
  candidates: readonly Candidate[],
  { observed, unread }: Shown,
): Found {
  const context = { namespace, partition: target.partition, intent: '' };
  const differing: Found['differing'][number][] = [];
  const recreated: Found['recreated'][number][] = [];
  const createdAt: Found['createdAt'][number][] = [];
  for (const { entity, index } of candidates) {
    const kind = kindOf(entity);
    const refused = unread.get(entityKey(entity));
    if (refused !== undefined) {
      differing.push({ index, decision: unreadDecision(refused, entity.kind, target) });
      continue;
    }
    const shown = observed.get(entityKey(entity));
    if (shown !== undefined && isNewIncarnation(entity, shown, namespace, kind.usesReservedPath)) {
      recreated.push({ index, owner: ownerOf(shown, kind.usesReservedPath) });
      continue;
    }
    // Its owner was decided when it was written: only a difference counts here.
    const owned = { ...entity, adopt: 'foreign' as const };
    const { decision } = assess(kind, owned, resolvedSpec(entity, arns), shown, context);
    if (decision.action !== 'no-op') differing.push({ index, decision });
    else if (!kind.ownable && typeof shown?.createdAt === 'string')
      createdAt.push({ index, createdAt: shown.createdAt });
  }
  return { differing, recreated, createdAt };
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
