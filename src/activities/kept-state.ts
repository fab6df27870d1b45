import { activityInfo } from '@temporalio/activity';
import { type Client, isGrpcServiceError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { EntityRun } from '../contract/activities.js';
import type { StatePart } from '../contract/state-part.js';
import { unreadableReason } from '../contract/unreadable.js';
import { firstEventOf } from '../temporal/first-event.js';
import { decodeFirstPayload } from '../temporal/payload-codec.js';

/** Deadline of one call to Temporal. */
const CALL_DEADLINE_MS = 10_000;

/** gRPC's status code of what does not exist. */
const NOT_FOUND: readonly number[] = [5];

/** States that are kept in memory while their parts are asked for one by one. Any run may ask. */
const MAX_STATES = 4;

/** The activity whose argument is a part, in the history of the run that keeps it. */
const KEEPING = 'keepState';

type Part = Omit<StatePart, 'text'>;
type ReverseRequest = Parameters<Client['workflowService']['getWorkflowExecutionHistoryReverse']>[0];

/**
 * Reads what a run has kept for the next one of its chain, from the end of its history. Which run that is, the server has
 * recorded: no client can have a worker read another one.
 */
export class KeptStates {
  readonly #client: Client;
  /** By the run that asks, the longest unused first. */
  readonly #read = new Map<string, Promise<ReadonlyMap<number, string>>>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** Returns a part of the state that the run before this activity's has kept. */
  async part({ keptAs, index, count }: Part): Promise<string> {
    const { workflowExecution } = activityInfo();
    if (workflowExecution === undefined) throw new Error('the states of runs are read in activities of runs');
    const key = `${workflowExecution.runId} ${keptAs} ${String(count)}`;
    const texts = this.#read.get(key) ?? this.#textsFor(workflowExecution, { keptAs, count });
    this.#read.delete(key);
    this.#read.set(key, texts);
    const [unused] = this.#read.keys();
    if (this.#read.size > MAX_STATES && unused !== undefined) this.#read.delete(unused);
    try {
      const text = (await texts).get(index);
      if (text === undefined) throw lost('it has kept no such part');
      return text;
    } catch (error) {
      if (this.#read.get(key) === texts) this.#read.delete(key);
      throw error;
    }
  }

  async #textsFor(
    { workflowId, runId }: EntityRun,
    wanted: Pick<Part, 'keptAs' | 'count'>,
  ): Promise<ReadonlyMap<number, string>> {
    const start = await this.#ask(() => firstEventOf(this.#client, { workflowId, runId }));
    const before = start?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
    if (before === '') throw lost('this run continues no other one');
    return this.#texts({ workflowId, runId: before }, wanted);
  }

  /** Reads backwards: the last that a run does is to keep its state. */
  async #texts(
    execution: EntityRun,
    { keptAs, count }: Pick<Part, 'keptAs' | 'count'>,
  ): Promise<ReadonlyMap<number, string>> {
    const { workflowService, options } = this.#client;
    const texts = new Map<number, string>();
    const { namespace } = options;
    let token: Uint8Array | null = null;
    do {
      const request: ReverseRequest = { namespace, execution, nextPageToken: token };
      const { history, nextPageToken } = await this.#ask(() =>
        workflowService.getWorkflowExecutionHistoryReverse(request),
      );
      for (const { activityTaskScheduledEventAttributes: scheduled } of history?.events ?? []) {
        if (scheduled?.activityType?.name !== KEEPING) continue;
        const part = await decodeFirstPayload<StatePart>(this.#client, scheduled.input?.payloads);
        const unreadable = unreadableReason(part);
        if (unreadable !== null) throw ApplicationFailure.retryable(unreadable, 'ServiceUnavailable');
        if (part?.keptAs === keptAs) texts.set(part.index, part.text);
        if (texts.size === count) return texts;
      }
      token = nextPageToken;
    } while (token.length > 0);
    return texts;
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await this.#client.withDeadline(Date.now() + CALL_DEADLINE_MS, call);
    } catch (error) {
      if (isGrpcServiceError(error) && NOT_FOUND.includes(error.code)) throw lost('its history is gone');
      const reason = error instanceof Error ? error.message : String(error);
      throw ApplicationFailure.retryable(
        `Temporal does not answer about the run before this one: ${reason}`,
        'ServiceUnavailable',
      );
    }
  }
}

function lost(problem: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `the state of the run before this one is lost: ${problem}; apply again: existing entities are found, and nothing is created twice`,
    'RunFailed',
  );
}
