import { setTimeout as pause } from 'node:timers/promises';
import { awsError, failureTypeOf } from '../../src/aws/errors.js';

/** The rest between two looks at AWS, in milliseconds. */
const REST_MS = 1_000;

/** Failures that pass by themselves: what was made a moment ago is not known everywhere yet, or AWS is busy. */
const PASSING: ReadonlySet<string> = new Set([
  ...['NotPropagated', 'InvalidPrincipal', 'ConcurrentModification', 'Throttled'],
]);

/** Reports what does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

/** Throws unless a statement holds. `shown` is added to the message. */
export function hold(isTrue: boolean, statement: string, shown?: unknown): void {
  if (isTrue) return;
  const detail = shown === undefined ? '' : `: ${JSON.stringify(shown)}`;
  throw new Violation(`${statement}${detail}`);
}

/** Returns a value that has to be there. */
export function required<T>(value: T | undefined, statement: string): T {
  if (value === undefined) throw new Violation(statement);
  return value;
}

/**
 * Repeats a look until it throws no violation, or the window has passed: AWS shows a write in each of its reads a little
 * later. Returns what the look returned.
 */
export async function until<T>(windowMs: number, look: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  for (;;) {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof Violation) || Date.now() - startedAt >= windowMs) throw error;
      await pause(REST_MS);
    }
  }
}

/** Repeats a call that AWS refuses for a reason that passes, until it succeeds or the window has passed. */
export async function eventually<T>(windowMs: number, send: () => Promise<T>): Promise<T> {
  const startedAt = Date.now();
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!PASSING.has(failureTypeOf(awsError(error))) || Date.now() - startedAt >= windowMs) throw error;
      await pause(REST_MS);
    }
  }
}
