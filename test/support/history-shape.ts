import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { Payload } from '@temporalio/common';
import type { Json, JsonObject } from '../../src/contract/entity.js';
import { dataConverter } from '../../src/temporal/payload-codec.js';

/** One event of a stored history. */
export interface StoredEvent {
  readonly eventType: string;
  workflowExecutionStartedEventAttributes?: { workflowId: string; workflowType: { name: string } };
  activityTaskScheduledEventAttributes?: { activityType: { name: string } };
  startChildWorkflowExecutionInitiatedEventAttributes?: { workflowId: string; workflowType: { name: string } };
  startChildWorkflowExecutionFailedEventAttributes?: { workflowType: { name: string } };
  workflowExecutionSignaledEventAttributes?: { signalName: string };
  workflowExecutionUpdateAcceptedEventAttributes?: { acceptedRequest?: { input?: { name: string } } };
}

/** A history in the form of its file. */
export interface StoredHistory {
  readonly events: StoredEvent[];
}

/** Parts of payloads that tell scenes apart. */
const FACTS =
  /"(?:outcome|result|verdict|confirmedBy|resolvedAs|phase)":"[\w-]+"|"keepGoing":true|"kind":"AccessKey"|is older than|"attempts":[2-9]/g;

/** Reads a history file. */
export async function readHistory(file: Buffer): Promise<StoredHistory> {
  return JSON.parse((await promisify(gunzip)(file)).toString()) as StoredHistory;
}

/** Returns ID and type of the workflow. */
export function startOf(stored: StoredHistory): { readonly workflowId: string; readonly type: string } {
  const start = stored.events[0]?.workflowExecutionStartedEventAttributes;
  if (start === undefined) throw new Error('The history does not begin with the start of its workflow.');
  return { workflowId: start.workflowId, type: start.workflowType.name };
}

/**
 * Returns what distinguishes a history from others of its workflow type: each step with the step after it, how it
 * closed, and the facts in its payloads, such as outcomes.
 */
export async function shapeOf(stored: StoredHistory): Promise<Set<string>> {
  const { workflowId, type } = startOf(stored);
  const steps = stored.events.filter(({ eventType }) => !eventType.includes('WORKFLOW_TASK')).map(stepOf);
  const shape = new Set(steps.map((step, index) => `${type}: ${step} > ${steps[index + 1] ?? 'end'}`));
  for (const text of await payloadTexts(stored.events as unknown as Json)) {
    for (const [fact] of text.matchAll(FACTS)) shape.add(`${type}: ${fact}`);
  }
  if (type === 'bootstrap' && !workflowId.startsWith('iam-bootstrap:')) shape.add('bootstrap: another workflow ID');
  return shape;
}

function stepOf(event: StoredEvent): string {
  const name =
    event.activityTaskScheduledEventAttributes?.activityType.name ??
    event.startChildWorkflowExecutionInitiatedEventAttributes?.workflowType.name ??
    event.startChildWorkflowExecutionFailedEventAttributes?.workflowType.name ??
    event.workflowExecutionSignaledEventAttributes?.signalName ??
    event.workflowExecutionUpdateAcceptedEventAttributes?.acceptedRequest?.input?.name;
  const step = event.eventType.replace('EVENT_TYPE_', '');
  return name === undefined ? step : `${step} ${name}`;
}

/** Returns the text of every payload below a value. */
async function payloadTexts(value: Json): Promise<string[]> {
  if (typeof value !== 'object' || value === null) return [];
  const { data, metadata } = value as JsonObject;
  if (typeof data !== 'string' || typeof metadata !== 'object' || metadata === null) {
    return (await Promise.all(Object.values(value).map(payloadTexts))).flat();
  }
  const parts = Object.entries(metadata as Record<string, string>);
  const payload: Payload = {
    metadata: Object.fromEntries(parts.map(([key, text]) => [key, Buffer.from(text, 'base64')])),
    data: Buffer.from(data, 'base64'),
  };
  const [decoded] = await dataConverter.payloadCodecs[0].decode([payload]);
  return [Buffer.from(decoded?.data ?? []).toString()];
}
