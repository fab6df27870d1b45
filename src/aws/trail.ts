import { setTimeout as pause } from 'node:timers/promises';
import type { CloudTrailClient, Event, LookupAttribute } from '@aws-sdk/client-cloudtrail';
import { runOf } from '../contract/attribution.js';
import type { TrailEvent } from '../contract/explain.js';

/** The pause after a lookup, in milliseconds. AWS allows two lookups a second for an account and region. */
const LOOKUP_PAUSE_MS = 600;

/** The maximum number of pages, of 50 events each, that one lookup reads. */
const MAX_PAGES = 12;

/** The subject of a lookup: a resource name, an operation, or a service. AWS takes one of these. */
export interface Lookup {
  readonly by: 'ResourceName' | 'EventName' | 'EventSource';
  readonly value: string;
}

/** An event with the parameters of its call. The parameters only serve to find the entity, and are not passed on. */
export interface FullEvent {
  readonly event: Omit<TrailEvent, 'entity'>;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The event history of one account. It covers 90 days, and shows an event some minutes after its call. */
export interface EventHistory {
  /** Returns events of a time range, newest first. `isEnough` ends the lookup early. */
  lookUp(
    lookup: Lookup,
    from: Date,
    to: Date,
    isEnough?: (event: FullEvent) => boolean,
  ): Promise<{ readonly events: readonly FullEvent[]; readonly truncated: boolean }>;
}

/** Makes an event history that sends one lookup at a time, no faster than AWS allows. */
export function createEventHistory(client: () => Promise<CloudTrailClient>): EventHistory {
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work);
    const rest = (): Promise<unknown> => pause(LOOKUP_PAUSE_MS);
    turn = result.then(rest, rest);
    return result;
  };
  return {
    lookUp: async ({ by, value }, from, to, isEnough = () => false) => {
      const { LookupEventsCommand } = await import('@aws-sdk/client-cloudtrail');
      const attribute: LookupAttribute = { AttributeKey: by, AttributeValue: value };
      const events: FullEvent[] = [];
      let NextToken: string | undefined;
      for (let page = 1; page <= MAX_PAGES; page += 1) {
        const input = { LookupAttributes: [attribute], StartTime: from, EndTime: to, NextToken };
        const reply = await inTurn(async () => (await client()).send(new LookupEventsCommand(input)));
        events.push(...(reply.Events ?? []).map(eventOf));
        ({ NextToken } = reply);
        if (NextToken === undefined || events.some(isEnough)) return { events, truncated: false };
      }
      return { events, truncated: true };
    },
  };
}

/** The fields of an event's record that are used. Each may be missing, since other services write records too. */
interface TrailRecord {
  readonly requestID?: string;
  readonly errorCode?: string;
  readonly sourceIPAddress?: string;
  readonly userAgent?: string;
  readonly requestParameters?: Readonly<Record<string, unknown>> | null;
  readonly userIdentity?: UserIdentity;
}

interface UserIdentity {
  readonly arn?: string;
  readonly invokedBy?: string;
  readonly principalId?: string;
  readonly sessionContext?: { readonly sourceIdentity?: string };
}

function eventOf({ EventId = '', EventName = '', EventTime, Username, CloudTrailEvent = '{}' }: Event): FullEvent {
  const record = JSON.parse(CloudTrailEvent) as TrailRecord;
  const { requestID = null, errorCode, sourceIPAddress = null, userAgent = null, userIdentity = {} } = record;
  return {
    event: {
      eventId: EventId,
      at: (EventTime ?? new Date(0)).toISOString(),
      operation: EventName,
      requestId: requestID,
      code: errorCode?.replace(/Exception$/, '') ?? null,
      principal: principalOf(userIdentity, Username),
      sourceIdentity: userIdentity.sessionContext?.sourceIdentity ?? null,
      sourceIp: sourceIPAddress,
      userAgent,
      runId: runOf(userAgent ?? ''),
    },
    parameters: record.requestParameters ?? {},
  };
}

function principalOf({ arn, invokedBy, principalId }: UserIdentity, userName: string | undefined): string {
  return arn ?? invokedBy ?? userName ?? principalId ?? 'unknown';
}
