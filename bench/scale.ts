import { bootstrapWorkflowId } from '../src/contract/workflow-ids.js';
import { ACCOUNT } from '../test/support/world.js';
import { manifests } from './contender.js';
import { standingOf } from './process.js';
import type { History, Results } from './results.js';
import type { Stage } from './stage.js';
import { NAMESPACE } from './workload.js';
import type { Workload } from './workload.js';

/** Looks that a soak takes at the worker's memory. */
const LOOKS = 40;

/** Returns the data that the last run left in Temporal. */
export async function historyOf({ temporal }: Stage): Promise<Omit<History, 'workload' | 'name'>> {
  const handle = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, NAMESPACE));
  const run = await handle.describe();
  const { events } = await handle.fetchHistory();
  return {
    events: run.historyLength,
    bytes: Number(run.raw.workflowExecutionInfo?.historySizeBytes),
    largestPayloadBytes: largestIn(events ?? []),
  };
}

/** Returns the length of the longest byte array in an event: the data of a payload, after the codec. */
export function largestIn(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((most: number, part) => Math.max(most, largestIn(part)), 0);
}

/** Has one worker do the same again and again where there is nothing to do, and looks at its memory. */
export async function soak(stage: Stage, workload: Workload, runs: number): Promise<Results['soak']> {
  await stage.empty(workload);
  await stage.fill(workload);
  await stage.restartWorker();
  const paths = (await manifests(stage, workload)).filter((option) => option !== '-f');
  const rssBytes: number[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const { result, apiCalls } = await stage.apply(paths);
    if (result !== 'converged') throw new Error(`run ${String(run)} is ${result}: ${JSON.stringify(apiCalls)}`);
    if (run % Math.max(1, Math.floor(runs / LOOKS)) > 0) continue;
    const standing = await standingOf(stage.workerPid);
    // Linux alone tells.
    if (standing === undefined) return undefined;
    rssBytes.push(standing.rssBytes);
  }
  return { runs, rssBytes };
}
