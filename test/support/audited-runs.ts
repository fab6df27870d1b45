import { defaultPayloadConverter } from '@temporalio/common';
import type { TemporalConnection } from '../../src/temporal/connect.js';

/** A server that keeps histories in memory, as `audit export` reads them. */

/** A run with its history. */
export interface KeptRun {
  readonly workflowId: string;
  readonly runId: string;
  readonly type?: string;
  readonly status?: string;
  readonly closedAt?: string;
  readonly memo?: Readonly<Record<string, unknown>>;
  /** Undefined where the history is gone. An error where the server fails. */
  readonly events?: readonly object[] | Error;
  /** The list does not have it: it is the run of an entity. */
  readonly isPart?: boolean;
}

/** Returns the payloads of a value in an event. */
export function payloads(value: unknown): { readonly payloads: readonly unknown[] } {
  return { payloads: [defaultPayloadConverter.toPayload(value)] };
}

/** Returns the first event of a history. */
export function started(input: unknown, more: object = {}, event: object = {}): object {
  return { ...event, workflowExecutionStartedEventAttributes: { input: payloads(input), ...more } };
}

/** Returns the last event of a run that has returned a value. */
export function completed(result: unknown): object {
  return { workflowExecutionCompletedEventAttributes: { result: payloads(result) } };
}

/** Returns an error as gRPC makes it. */
export function grpcError(code: number): Error {
  return Object.assign(new Error(`status ${String(code)}`), { code });
}

/** Returns a connection to a server with these runs. */
export function serverWith(runs: readonly KeptRun[]): TemporalConnection {
  const eventsOf = (runId: string | undefined, missing: Error): readonly object[] => {
    const events = runs.find((run) => run.runId === runId)?.events;
    if (events === undefined) throw missing;
    if (events instanceof Error) throw events;
    return events;
  };
  const notFound = Object.assign(new Error('not found'), { name: 'WorkflowNotFoundError' });
  const client = {
    options: { namespace: 'default', loadedDataConverter: { payloadCodecs: [] } },
    withDeadline: (_deadline: number, call: () => unknown) => call(),
    workflow: {
      list: async function* () {
        for (const { isPart, ...run } of runs) if (isPart !== true) yield await Promise.resolve(listed(run));
      },
      getHandle: (_workflowId: string, runId: string) => ({
        // eslint-disable-next-line @typescript-eslint/require-await -- an error has to reject
        fetchHistory: async () => ({ events: eventsOf(runId, notFound) }),
      }),
    },
    workflowService: {
      // eslint-disable-next-line @typescript-eslint/require-await -- an error has to reject
      getWorkflowExecutionHistory: async ({ execution }: { execution: { runId: string } }) => ({
        history: { events: eventsOf(execution.runId, grpcError(5)) },
      }),
    },
  };
  return { client, runUrl: () => null } as unknown as TemporalConnection;
}

function listed({ workflowId, runId, type = 'bootstrap', status = 'COMPLETED', closedAt, memo }: KeptRun): object {
  const time = new Date(closedAt ?? '2026-01-02T00:00:10.000Z');
  const startTime = new Date('2026-01-02T00:00:00.000Z');
  const isOpen = status === 'RUNNING';
  return { workflowId, runId, type, status: { name: status }, startTime, memo, ...(isOpen ? {} : { closeTime: time }) };
}
