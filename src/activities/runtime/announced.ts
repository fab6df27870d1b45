import type { ResolvedFleet } from '../../contract/fleet.js';
import type { Plan } from '../../contract/activities.js';
import { withProgress } from './failures.js';

/** Adds to how a run begins, or to its failure, that the worker tells people what becomes of the run. */
export async function announced<T extends Plan | ResolvedFleet>(
  notifications: object | undefined,
  beginning: Promise<T>,
): Promise<T> {
  if (notifications === undefined) return beginning;
  try {
    return { ...(await beginning), notifies: true };
  } catch (error) {
    throw error instanceof Error ? withProgress(error, { notifies: true }) : error;
  }
}
