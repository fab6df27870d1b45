import type * as sdk from '@temporalio/activity';
import { WorkflowNotFoundError } from '@temporalio/common';
import { currentAttempt } from './server.js';
import type { SimulatedServer } from './server.js';

/* Stands in for `@temporalio/activity` where activities run in this process. */

const actual = jest.requireActual<typeof sdk>('@temporalio/activity');

/** The error of a heartbeat that Temporal does not take: another attempt runs the activity, or its run is closed. */
class ActivityNotFoundError extends Error {
  override readonly name = 'ActivityNotFoundError';
}

class ActivityCancelledError extends Error {
  override readonly name = 'ActivityCancelledError';
}

function activityInfo(): unknown {
  const attempt = currentAttempt();
  const { workflowId, runId, type } = attempt.run.start;
  return {
    activityType: attempt.activity,
    attempt: attempt.attempt,
    heartbeatDetails: attempt.inherited,
    heartbeatTimeoutMs: attempt.heartbeatTimeoutMs,
    scheduledTimestampMs: attempt.scheduledAt,
    currentAttemptScheduledTimestampMs: attempt.beganAt,
    startToCloseTimeoutMs: attempt.startToCloseMs,
    taskToken: attempt,
    workflowExecution: { workflowId, runId },
    workflowType: type,
  };
}

function heartbeat(details: unknown): void {
  currentAttempt().latest = JSON.parse(JSON.stringify(details));
}

/** Returns the client that activities use: for heartbeats with an answer, and for the ledger. */
export function clientOf(server: SimulatedServer): unknown {
  return {
    withDeadline: (_at: number, call: () => unknown) => call(),
    activity: {
      heartbeat: (_token: unknown, details: unknown) => {
        const attempt = currentAttempt();
        if (attempt.isOver || !attempt.run.isOpen) return Promise.reject(new ActivityNotFoundError('not found'));
        if (attempt.isCancelRequested) return Promise.reject(new ActivityCancelledError('cancelled'));
        attempt.confirmed = JSON.parse(JSON.stringify(details));
        return Promise.resolve();
      },
    },
    workflow: {
      executeUpdateWithStart: async (
        { name }: { readonly name: string },
        { startWorkflowOperation, args, updateId }: WithStart,
      ) => {
        const { workflowTypeOrFunc: type, options } = startWorkflowOperation;
        const { workflowId } = options;
        const open = server.openRun(workflowId);
        const run = open ?? server.startRun({ type, workflowId, args: options.args, memo: {}, parent: null });
        return server.update(run, name, JSON.parse(JSON.stringify(args)) as readonly unknown[], updateId);
      },
      getHandle: (workflowId: string) => ({
        signal: ({ name }: { readonly name: string }, ...args: readonly unknown[]) => {
          const run = server.openRun(workflowId);
          if (run === undefined) return Promise.reject(new WorkflowNotFoundError('no such run', workflowId, undefined));
          server.signal(run, name, ...(JSON.parse(JSON.stringify(args)) as readonly unknown[]));
          return Promise.resolve();
        },
        query: ({ name }: { readonly name: string }, ...args: readonly unknown[]) => {
          const run = server.openRun(workflowId);
          return run === undefined
            ? Promise.reject(new WorkflowNotFoundError('no such run', workflowId, undefined))
            : Promise.resolve(server.query(run, name, ...args));
        },
      }),
    },
  };
}

interface WithStart {
  readonly startWorkflowOperation: {
    readonly workflowTypeOrFunc: string;
    readonly options: { readonly workflowId: string; readonly args: readonly unknown[] };
  };
  readonly args: readonly unknown[];
  readonly updateId?: string;
}

const nothing = (): undefined => undefined;

export const activitySdk = {
  ...actual,
  activityInfo,
  cancellationSignal: () => currentAttempt().cancellation.signal,
  Context: { current: () => ({ client: clientOf(currentAttempt().run.server) }) },
  heartbeat,
  log: { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing },
  sleep: (ms: number) => currentAttempt().sleep(ms),
};
