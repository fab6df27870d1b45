import type { Duration } from '@temporalio/common';
import { msToNumber } from '@temporalio/common/lib/time';
import type * as sdk from '@temporalio/workflow';
import { runActivity } from './attempt.js';
import type { ActivityOptions } from './attempt.js';
import { ContinueAsNewRequest, currentCancellation, currentRun, withCancellation } from './server.js';
import type { CancelToken } from './server.js';
import type { Run } from './run.js';

/*
 * Stands in for `@temporalio/workflow` where workflows run in this process. Errors, definitions and types are the SDK's
 * own; what talks to the server talks to the simulated one.
 */

const actual = jest.requireActual<typeof sdk>('@temporalio/workflow');

const nothing = (): undefined => undefined;

interface Definition {
  readonly type: 'query' | 'signal' | 'update';
  readonly name: string;
}

function workflowInfo(): unknown {
  const { start, server, memo } = currentRun();
  return {
    ...start,
    memo,
    workflowType: start.type,
    startTime: new Date(start.startedAt),
    firstExecutionRunId: start.runId,
    taskQueue: 'simulation',
    continueAsNewSuggested: false,
    historyLength: server.runs.length,
    typedSearchAttributes: { get: () => undefined },
  };
}

function proxyActivities(options: ActivityOptions): unknown {
  return new Proxy(
    {},
    {
      get:
        (_target, name) =>
        (...given: readonly unknown[]) =>
          runActivity(currentRun(), String(name), given, options),
    },
  );
}

function startChild(
  workflow: { readonly name: string } | string,
  {
    workflowId,
    args = [],
    memo = {},
    parentClosePolicy,
  }: sdk.ChildWorkflowOptions & { readonly args?: readonly unknown[] },
): unknown {
  const parent = currentRun();
  const type = typeof workflow === 'string' ? workflow : workflow.name;
  const run = parent.server.startRun({
    type,
    workflowId: workflowId ?? '',
    args: JSON.parse(JSON.stringify(args)) as readonly unknown[],
    memo,
    parent,
    parentClosePolicy,
  });
  currentCancellation()?.cancelRequested.catch(() => {
    run.requestCancel();
  });
  return {
    workflowId,
    firstExecutionRunId: run.start.runId,
    result: () =>
      whileOpen(
        parent,
        run.result.catch((error: unknown) => {
          throw childFailure(run, error);
        }),
      ),
  };
}

function childFailure({ start }: Run, cause: unknown): Error {
  const { workflowId, runId, type } = start;
  return new actual.ChildWorkflowFailure(
    'default',
    { workflowId, runId },
    type,
    'NON_RETRYABLE_FAILURE',
    cause as Error,
  );
}

/** Returns a promise that never settles once the run that waits for it is closed. */
async function whileOpen<T>(run: Run, promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } finally {
    if (!run.isOpen) await new Promise(() => undefined);
  }
}

/** Rejects where the present code is cancelled before the promise settles. */
function unlessCancelled<T>(promise: Promise<T>): Promise<T> {
  const cancellation = currentCancellation();
  return cancellation === null ? promise : Promise.race([promise, cancellation.cancelRequested]);
}

/** A part of workflow code that can be cancelled by itself, or with the code around it. */
class CancellationScope implements CancelToken {
  static current = (): CancelToken => currentCancellation() ?? new CancellationScope();
  static nonCancellable = <T>(code: () => Promise<T>): Promise<T> => withCancellation(null, code);
  static cancellable = <T>(code: () => Promise<T>): Promise<T> => new CancellationScope().run(code);
  isCancelRequested = false;
  readonly cancelRequested: Promise<never>;
  #reject: (error: Error) => void = nothing;

  constructor() {
    this.cancelRequested = new Promise((_resolve, reject) => (this.#reject = reject));
    this.cancelRequested.catch(nothing);
    currentCancellation()?.cancelRequested.catch(() => {
      this.cancel();
    });
  }

  run<T>(code: () => Promise<T>): Promise<T> {
    return withCancellation(this, code);
  }

  cancel(): void {
    this.isCancelRequested = true;
    this.#reject(new actual.CancelledFailure('the scope is cancelled'));
  }
}

function sleep(duration: Duration): Promise<void> {
  const run = currentRun();
  return whileOpen(run, unlessCancelled(run.server.scheduler.sleep(msToNumber(duration))));
}

async function condition(test: () => boolean, timeout?: Duration): Promise<boolean | undefined> {
  const run = currentRun();
  if (test()) return timeout === undefined ? undefined : true;
  const met = run.until(test).then(() => true);
  if (timeout === undefined) {
    await unlessCancelled(met);
    return undefined;
  }
  return Promise.race([unlessCancelled(met), sleep(timeout).then(() => test())]);
}

function setHandler(
  { type, name }: Definition,
  handle: (...args: unknown[]) => unknown,
  options?: { readonly validator?: (...args: unknown[]) => void },
): void {
  currentRun().handlers.set(`${type}:${name}`, { handle, validate: options?.validator });
}

function upsertMemo(memo: Readonly<Record<string, unknown>>): void {
  const run = currentRun();
  Object.assign(run.memo, memo);
  run.server.onMemo(run, memo);
}

const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

export const workflowSdk = {
  ...actual,
  allHandlersFinished: () => currentRun().runningUpdates === 0,
  CancellationScope,
  condition,
  continueAsNew: (...args: readonly unknown[]) => Promise.reject(new ContinueAsNewRequest(args)),
  executeChild: (...given: Parameters<typeof startChild>) =>
    (startChild(...given) as { result: () => Promise<unknown> }).result(),
  log: silent,
  metricMeter: { createCounter: () => ({ add: nothing }), createHistogram: () => ({ record: nothing }) },
  patched: () => true,
  proxyActivities,
  setCurrentDetails: nothing,
  setHandler,
  setWorkflowOptions: nothing,
  sleep,
  startChild: (...given: Parameters<typeof startChild>) => Promise.resolve().then(() => startChild(...given)),
  upsertMemo,
  upsertSearchAttributes: nothing,
  workflowInfo,
};
