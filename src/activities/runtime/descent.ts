import type { EntityRun } from '../../contract/activities.js';

/** The parts of a run's first event that tell what it goes on from. */
export interface StartAttributes {
  readonly originalExecutionRunId?: string | null;
  readonly continuedExecutionRunId?: string | null;
  readonly firstExecutionRunId?: string | null;
}

/** The way in which a run goes on from an earlier one of its workflow: by continuing as new, one or several times. */
export interface Descent {
  /** A run on the way goes on from a reset. */
  readonly isReset: boolean;
}

/**
 * Returns how a run goes on from an earlier one, as Temporal has recorded it. Null where it does not. Where a run on the way
 * is gone, the first run of the chain counts, which each later one names.
 */
export async function descentFrom(
  earlierRunId: string,
  { workflowId, runId }: EntityRun,
  startOf: (run: EntityRun) => Promise<StartAttributes | undefined>,
): Promise<Descent | null> {
  let [isReset, first] = [false, ''];
  for (let current = runId; current !== earlierRunId;) {
    const start = await startOf({ workflowId, runId: current });
    if (start === undefined) return first === earlierRunId ? { isReset } : null;
    const original = start.originalExecutionRunId ?? '';
    isReset ||= original !== '' && original !== current;
    first = start.firstExecutionRunId ?? '';
    current = start.continuedExecutionRunId ?? '';
    if (current === '') return null;
  }
  return { isReset };
}
