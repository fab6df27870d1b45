import { describeLockHolder } from '../../client/run/lock-holders.js';
import type { FailingActivity } from '../../client/run/failing-activities.js';
import { entityId } from '../../contract/entity.js';
import type { EntityProgress, Progress } from '../../contract/progress.js';
import { isUnderWay } from '../../report/progress.js';
import { SIGNS } from '../../report/words.js';
import type { LiveProgress } from './live-lines.js';

/** Returns the progress of a run for the live display. */
export function liveRun(
  { phase, done, total, outcomes = {}, entities, waitingFor, approval }: Progress,
  retries: readonly FailingActivity[],
): LiveProgress {
  const underWay = entities.filter(({ state }) => isUnderWay(state));
  const isShownAbove = underWay.some(({ state }) => state === 'waiting') && approval === undefined;
  const problems = entities.flatMap((entity) => {
    const { state } = entity;
    return state === 'failed' || state === 'refused' ? [{ sign: SIGNS[state], name: entityId(entity), state }] : [];
  });
  return {
    phase,
    done,
    total,
    counts: outcomes,
    underWay: underWay.map((entity) => {
      const { state, since } = entity;
      return { name: entityId(entity), state, since, details: detailsOf(entity, retries) };
    }),
    problems,
    problemCount: Math.max(problems.length, (outcomes.failed ?? 0) + (outcomes.refused ?? 0)),
    waitingFor: isShownAbove ? null : waitingFor,
  };
}

/** Returns what an entity waits for. */
function detailsOf(
  { workflowId, state, lockHolder }: EntityProgress,
  retries: readonly FailingActivity[],
): readonly string[] {
  const holder = lockHolder === undefined ? 'another run' : describeLockHolder(lockHolder);
  return [
    ...(state === 'waiting' ? [`for ${holder}, which holds its lock`] : []),
    ...retries
      .filter((retry) => retry.workflowId === workflowId)
      .map(({ attempt, message }) => `attempt ${String(attempt)} failed and is retried: ${message}`),
  ];
}
