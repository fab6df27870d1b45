import { setTimeout as pause } from 'node:timers/promises';
import type { CloudTrailClient, Event, LookupAttribute } from '@aws-sdk/client-cloudtrail';
import { runOf } from '../contract/attribution.js';
import type { TrailEvent } from '../contract/explain.js';

/** AWS takes two lookups a second of an account and region; somebody else may ask as well. In milliseconds. */
const LOOKUP_PAUSE_MS = 600;

/** Pages of 50 events that one lookup reads. */
const MAX_PAGES = 12;

/** What is looked up: all events about a name, of an operation, or of a service. AWS takes one of these. */
export interface Lookup {
  readonly by: 'ResourceName' | 'EventName' | 'EventSource';
  readonly value: string;
}

/** An event with the parameters of its call, which go no further than to find out what it is about. */
export interface FullEvent {
  readonly event: Omit<TrailEvent, 'entity'>;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The event history of one account: 90 days, and an event some minutes after its call. */
export interface EventHistory {
  /** @param enough - ends the lookup early */
  lookUp(
    lookup: Lookup,
    from: Date,
    to: Date,
    enough?: (event: FullEvent) => boolean,
  ): Promise<{ readonly events: readonly FullEvent[]; readonly truncated: boolean }>;
}

/** Reads the event history, one lookup at a time and no faster than AWS lets. */
export function createEventHistory(client: () => Promise<CloudTrailClient>): EventHistory {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    const rest = (): Promise<unknown> => pause(LOOKUP_PAUSE_MS);
    turn = result.then(rest, rest);
    return result;
  };
  return {
    lookUp: async ({ by, value }, from, to, enough = () => false) => {
      const { LookupEventsCommand } = await import('@aws-sdk/client-cloudtrail');
      const attribute: LookupAttribute = { AttributeKey: by, AttributeValue: value };
      const events: FullEvent[] = [];
      let NextToken: string | undefined;
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const input = { LookupAttributes: [attribute], StartTime: from, EndTime: to, NextToken };
        const answer = await inTurn(async () => (await client()).send(new LookupEventsCommand(input)));
        events.push(...(answer.Events ?? []).map(eventOf));
        ({ NextToken } = answer);
        if (NextToken === undefined || events.some(enough)) return { events, truncated: false };
      }
      return { events, truncated: true };
    },
  };
}

/** The record of an event, as far as it is used. Other services write into it, too: each field may be missing. */
interface TrailRecord {
  readonly requestID?: string;
  readonly errorCode?: string;
  readonly sourceIPAddress?: string;
  readonly userAgent?: string;
  readonly requestParameters?: Readonly<Record<string, unknown>> | null;
  readonly userIdentity?: {
    readonly arn?: string;
    readonly invokedBy?: string;
    readonly principalId?: string;
    readonly sessionContext?: { readonly sourceIdentity?: string };
  };
}

function eventOf({ EventId = '', EventName = '', EventTime, Username, CloudTrailEvent = '{}' }: Event): FullEvent {
  const record = JSON.parse(CloudTrailEvent) as TrailRecord;
  const { requestID, errorCode, sourceIPAddress, userAgent, userIdentity = {} } = record;
  return {
    event: {
      eventId: EventId,
      at: (EventTime ?? new Date(0)).toISOString(),
      operation: EventName,
      requestId: requestID ?? null,
      code: errorCode?.replace(/Exception$/, '') ?? null,
      principal: userIdentity.arn ?? userIdentity.invokedBy ?? Username ?? userIdentity.principalId ?? 'unknown',
      sourceIdentity: userIdentity.sessionContext?.sourceIdentity ?? null,
      sourceIp: sourceIPAddress ?? null,
      userAgent: userAgent ?? null,
      runId: runOf(userAgent ?? ''),
    },
    parameters: record.requestParameters ?? {},
  };
}
