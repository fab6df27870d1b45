import { ApplicationFailure } from '@temporalio/common';

/** Awaits a check that comes before a plan, and counts its refusal. */
export async function countRefusal<T>(
  onRefusal: (at: 'plan') => void,
  check: Promise<T> | undefined,
): Promise<T | undefined> {
  try {
    return await check;
  } catch (error) {
    if (error instanceof ApplicationFailure && error.type === 'NotAllowed') onRefusal('plan');
    throw error;
  }
}
