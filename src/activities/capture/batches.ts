import { setImmediate } from 'node:timers/promises';

/** Entities that are worked on at a time. Each may have ten kilobytes of policies. */
const BATCH_SIZE = 100;

/** Yields items in batches, and lets the worker do other work between them: it has to answer Temporal within seconds. */
export async function* inBatches<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    yield items.slice(start, start + BATCH_SIZE);
    await setImmediate();
  }
}
