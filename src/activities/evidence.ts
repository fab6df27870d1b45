import { awsError, failureTypeOf } from '../aws/errors.js';
import type { FullEvent, Lookup } from '../aws/trail.js';
import { entityId, entityKey } from '../contract/entity.js';
import type { DesiredEntity, JsonObject } from '../contract/entity.js';
import { UNREAD } from '../contract/explain.js';
import type { Evidence, EvidenceRequest, Found, Trail, TrailEvent } from '../contract/explain.js';
import { OwnershipTag, ownerOf } from '../engine/ownership.js';
import { KINDS } from '../kinds/index.js';
import type { Kind, Observed } from '../kinds/kind.js';
import type { Account } from './runtime/accounts.js';
import { kindOf, look, observe } from './runtime/observe.js';

/** CloudTrail is asked for so long: whoever asks waits. In milliseconds. */
const TRAIL_BUDGET_MS = 60_000;

/** Reads the entities and what CloudTrail has of them. What AWS does not tell is part of the answer. */
export async function gatherEvidence(account: Account, request: EvidenceRequest): Promise<Evidence> {
  // The events of another account would explain nothing.
  const wrong = await account.guard.ensure().then(
    () => null,
    (error: unknown) => problemOf(error),
  );
  if (wrong !== null) {
    const { message } = wrong;
    const unread = { ...UNREAD, message };
    const trail = { status: 'unavailable' as const, message, events: [], truncated: false };
    return { found: request.entities.map(() => unread), trail };
  }
  const [found, trail] = await Promise.all([
    Promise.all(request.entities.map((entity) => find(account, entity))),
    trailOf(account, request),
  ]);
  return { found, trail };
}

async function find(account: Account, entity: DesiredEntity): Promise<Found> {
  const kind = kindOf(entity);
  let observed: Observed | undefined;
  try {
    // A name in another case, or under another path, answers to no Get.
    observed = (await look(account, entity)) ?? (await observe(account, [entity])).get(entityKey(entity));
  } catch (error) {
    return { ...UNREAD, message: problemOf(error).message };
  }
  if (observed === undefined) return { ...UNREAD, status: 'absent' };
  const { arn, createdAt, tags } = observed;
  const made = tags[OwnershipTag.Origin] === 'created' ? tags[OwnershipTag.Intent] : undefined;
  const owner = ownerOf(observed, kind.usesReservedPath);
  return { status: 'there', message: null, arn, createdAt, owner, madeByRun: made ?? null };
}

async function trailOf({ clients }: Account, { entities, requestId, from, to }: EvidenceRequest): Promise<Trail> {
  const wanted = new Set(entities.map(entityKey));
  const isWanted = ({ event }: FullEvent): boolean => event.requestId === requestId;
  const lookups = new Map<string, Lookup>();
  for (const entity of entities) {
    // AWS names no resource of a call that it refused: those are found by their operation.
    const operation = createOf(kindOf(entity));
    if (operation !== undefined) lookups.set(operation, { by: 'EventName', value: operation });
    lookups.set(`name ${entity.name}`, { by: 'ResourceName', value: entity.name });
  }
  const events = new Map<string, TrailEvent>();
  let truncated = false;
  const deadline = Date.now() + TRAIL_BUDGET_MS;
  const read = async (
    lookup: Lookup,
    take: (event: TrailEvent) => boolean,
    enough?: typeof isWanted,
  ): Promise<void> => {
    if (Date.now() > deadline) {
      truncated = true;
      return;
    }
    const answer = await clients.eventHistory.lookUp(lookup, new Date(from), new Date(to), enough);
    truncated ||= answer.truncated && (enough === undefined || !answer.events.some(enough));
    for (const full of answer.events) {
      const about = subjectOf(full);
      const event = { ...full.event, entity: about === null ? null : entityId(about) };
      if (about !== null && wanted.has(entityKey(about))) events.set(event.eventId, event);
      else if (take(event)) events.set(event.eventId, event);
    }
  };
  try {
    const noOther = (): boolean => false;
    for (const lookup of lookups.values()) await read(lookup, noOther);
    if (requestId !== null && ![...events.values()].some((event) => event.requestId === requestId)) {
      const everything: Lookup = { by: 'EventSource', value: 'iam.amazonaws.com' };
      await read(everything, (event) => event.requestId === requestId, isWanted);
    }
  } catch (error) {
    const { denied, message } = problemOf(error);
    return { status: denied ? 'denied' : 'unavailable', message, events: sorted(events), truncated };
  }
  return { status: 'read', message: null, events: sorted(events), truncated };
}

function sorted(events: ReadonlyMap<string, TrailEvent>): TrailEvent[] {
  return [...events.values()].sort((a, b) => a.at.localeCompare(b.at));
}

function problemOf(error: unknown): { denied: boolean; message: string } {
  const aws = awsError(error);
  if (error instanceof Error && aws.operation === null) return { denied: false, message: error.message };
  return {
    denied: failureTypeOf(aws) === 'AccessDenied',
    message: `${aws.operation ?? 'AWS'} answered ${aws.code}: ${aws.message}`,
  };
}

/** The operation that makes a kind's entities, where it is called by the kind's name. */
function createOf({ name, actions }: Kind): string | undefined {
  return [`Create${name}`, `Upload${name}`].find((operation) => actions.write.includes(`iam:${operation}`));
}

/** What a call is about, by the parameter that names it: CloudTrail's are spelled as the manifest's properties are. */
function subjectOf({ event, parameters }: FullEvent): { readonly kind: string; readonly name: string } | null {
  const named = KINDS.filter(
    ({ keyProperties, actions }) =>
      keyProperties.length > 0 &&
      actions.write.includes(`iam:${event.operation}`) &&
      keyProperties.every((property) => typeof parameters[property] === 'string'),
  );
  // A policy of a role is a matter of the role; an inline policy has a name as a managed one has.
  const kind =
    named.find((one) => createOf(one) === event.operation) ??
    named.find((one) => event.operation.includes(one.name)) ??
    named[0];
  if (kind === undefined) return null;
  try {
    return { kind: kind.name, name: kind.nameOf(parameters as JsonObject) };
  } catch {
    return null;
  }
}
