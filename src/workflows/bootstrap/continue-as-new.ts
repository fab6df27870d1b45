import {
  allHandlersFinished,
  condition,
  log,
  makeContinueAsNewFunc,
  setCurrentDetails,
  workflowInfo,
} from '@temporalio/workflow';
import type { BootstrapMemo, BootstrapRequest } from '../../contract/request.js';
import { keptStateActivities } from '../activities.js';
import type { CarriedParts, CarriedRun, KeptState } from './carried-run.js';
import type { RunState } from './run-state.js';

/**
 * Characters of a request and of what goes with it, at most, that are handed to the next run as they are: Temporal accepts
 * arguments of 2 MB, and a character has up to three bytes.
 */
const MAX_INLINE_LENGTH = 600_000;

/** Characters of each text that is kept in the history of a run, at most. Quotation marks in it are escaped. */
const PART_LENGTH = 500_000;

/**
 * Goes on with an empty history. What does not fit into the arguments of the next run is kept in the history of this one,
 * from which the next run has it read: there is no limit to it. Returns only where the run was cancelled.
 *
 * @param state - the run that ends
 * @param parts - what the next run goes on from, which changes where a request joins the run meanwhile
 */
export async function goOnAsNew(state: RunState, parts: () => CarriedParts): Promise<void> {
  const { request, run, approval } = state;
  let kept: { readonly text: string; readonly as: KeptState } | undefined;
  for (;;) {
    await condition(allHandlersFinished);
    if (state.cancellation.isRequested()) return;
    const carried = parts();
    const text = JSON.stringify(carried);
    const isInline = text.length + JSON.stringify(request).length <= MAX_INLINE_LENGTH;
    if (!isInline && kept?.text !== text) {
      kept = { text, as: await keep(text) };
      continue;
    }
    const { done, total } = state.progress();
    const { historyLength, historySize } = workflowInfo();
    log.info('Continuing as new', { historyLength, historySize, done, total, waits: carried.waits.length });
    setCurrentDetails(
      `${String(done)} of ${String(total)} entities have ended. The next run of this workflow goes on.`,
    );
    const { runId, startedAt } = run;
    await goOn(request, {
      ...{ runId, startedAt, done, total },
      approval: approval.result,
      state: isInline || kept === undefined ? carried : kept.as,
    });
  }
}

/** Returns what a run goes on from. */
export async function readParts({ state }: CarriedRun): Promise<CarriedParts> {
  if (!('keptAs' in state)) return state;
  const { keptAs, count } = state;
  const indexes = Array.from({ length: count }, (_, index) => index);
  const texts = await Promise.all(indexes.map((index) => keptStateActivities.readKeptState({ keptAs, index, count })));
  return JSON.parse(texts.join('')) as CarriedParts;
}

async function keep(text: string): Promise<KeptState> {
  const count = Math.ceil(text.length / PART_LENGTH);
  const { runId, historyLength } = workflowInfo();
  const keptAs = `${runId}:${String(historyLength)}`;
  await Promise.all(
    Array.from({ length: count }, (_, index) =>
      keptStateActivities.keepState({
        ...{ keptAs, index, count },
        text: text.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH),
      }),
    ),
  );
  return { keptAs, count };
}

type Continued = (request: BootstrapRequest, carried: CarriedRun) => Promise<unknown>;

function goOn(request: BootstrapRequest, carried: CarriedRun): Promise<never> {
  const { memo, taskTimeoutMs } = workflowInfo();
  const firstRun = { runId: carried.runId, startedAt: new Date(carried.startedAt).toISOString() };
  const known: Readonly<Record<string, unknown>> = { ...memo, firstRun } satisfies Partial<BootstrapMemo>;
  return makeContinueAsNewFunc<Continued>({ memo: known, workflowTaskTimeout: taskTimeoutMs })(request, carried);
}
