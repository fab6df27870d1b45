import { awsError, failureTypeOf } from '../aws/errors.js';
import type { FullEvent, Lookup } from '../aws/trail.js';
import { entityId, entityKey, type DesiredEntity, type JsonObject } from '../contract/entity.js';
import { UNREAD } from '../contract/explain.js';
import type { Evidence, EvidenceRequest, Found, Trail, TrailEvent } from '../contract/explain.js';
import { OwnershipTag, ownerOf } from '../engine/ownership.js';
import { KINDS } from '../kinds/index.js';
import type { Kind, Observed } from '../kinds/kind.js';
import type { Ledgers } from './ledger.js';
import type { Account } from './runtime/accounts.js';
import { kindOf, observeUnderAnyName } from './runtime/observe.js';

/** Time for reading CloudTrail, for which the user of `explain` waits. */
const TRAIL_BUDGET_MS = 60_000;

/** Reads the entities and their events in CloudTrail. What cannot be read is reported in the evidence, and fails nothing. */
export async function gatherEvidence(
  account: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  request: EvidenceRequest,
): Promise<Evidence> {
  // The events of another account would explain nothing.
  const wrongAccount = await account.guard.ensure().then(
    () => null,
    (error: unknown) => problemOf(error),
  );
  if (wrongAccount !== null) {
    const { message } = wrongAccount;
    const unread = { ...UNREAD, message };
    const trail = { status: 'unavailable' as const, message, events: [], truncated: false };
    return { found: request.entities.map(() => unread), trail };
  }
  const [found, trail] = await Promise.all([
    Promise.all(request.entities.map((entity) => findEntity(account, ledgers, entity))),
    readTrail(account, request),
  ]);
  return { found, trail };
}

async function findEntity(
  account: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  entity: DesiredEntity,
): Promise<Found> {
  const kind = kindOf(entity);
  let observed: Observed | undefined;
  try {
    observed = await observeUnderAnyName(account, entity);
  } catch (error) {
    return { ...UNREAD, message: problemOf(error).message };
  }
  if (observed === undefined) return { ...UNREAD, status: 'absent' };
  const { arn, createdAt, tags } = observed;
  const createdByRun = tags[OwnershipTag.Origin] === 'created' ? (tags[OwnershipTag.Intent] ?? null) : null;
  const owner = kind.ownable ? ownerOf(observed, kind.usesReservedPath) : await claimantOf(account, ledgers, entity);
  return { status: 'present', message: null, arn, createdAt, owner, createdByRun };
}

/** Returns the owner of an entity without tags, in words. Null where no namespace claims it. */
async function claimantOf(
  { target }: Account,
  ledgers: Pick<Ledgers, 'entityClaims'>,
  entity: DesiredEntity,
): Promise<string | null> {
  const [claim] = await ledgers.entityClaims(target.account, [entityId(entity)]);
  return claim === undefined ? null : `iam-bootstrap namespace "${claim.namespace}"`;
}

/** Returns the events of a request's entities in CloudTrail, oldest first. What cannot be read is reported in it. */
export function readTrail(account: Account, request: EvidenceRequest): Promise<Trail> {
  return new TrailReader(account, request).read();
}

/** Reads the events of a request's entities in CloudTrail, and the event of its request ID. */
class TrailReader {
  readonly #account: Account;
  readonly #request: EvidenceRequest;
  readonly #entityKeys: ReadonlySet<string>;
  readonly #events = new Map<string, TrailEvent>();
  readonly #deadline = Date.now() + TRAIL_BUDGET_MS;
  #truncated = false;

  constructor(account: Account, request: EvidenceRequest) {
    this.#account = account;
    this.#request = request;
    this.#entityKeys = new Set(request.entities.map(entityKey));
  }

  async read(): Promise<Trail> {
    const { requestId } = this.#request;
    try {
      for (const lookup of this.#lookups()) await this.#lookUp(lookup, null);
      if (requestId !== null && ![...this.#events.values()].some((event) => event.requestId === requestId)) {
        await this.#lookUp({ by: 'EventSource', value: 'iam.amazonaws.com' }, requestId);
      }
    } catch (error) {
      const { isDenied, message } = problemOf(error);
      return this.#trail(isDenied ? 'denied' : 'unavailable', message);
    }
    return this.#trail('read', null);
  }

  #lookups(): readonly Lookup[] {
    const lookups = new Map<string, Lookup>();
    for (const entity of this.#request.entities) {
      // An event of a call that AWS refused names no resource: it is found by its operation.
      const operation = createOperation(kindOf(entity));
      if (operation !== undefined) lookups.set(operation, { by: 'EventName', value: operation });
      lookups.set(`name ${entity.name}`, { by: 'ResourceName', value: entity.name });
    }
    return [...lookups.values()];
  }

  /** Looks up events, and keeps those of the entities and the one of the request ID. */
  async #lookUp(lookup: Lookup, requestId: string | null): Promise<void> {
    if (Date.now() > this.#deadline) {
      this.#truncated = true;
      return;
    }
    const { from, to } = this.#request;
    const isRequested = ({ event }: FullEvent): boolean => requestId !== null && event.requestId === requestId;
    const { eventHistory } = this.#account.clients;
    const { events, truncated } = await eventHistory.lookUp(lookup, new Date(from), new Date(to), isRequested);
    this.#truncated ||= truncated && !events.some(isRequested);
    for (const full of events) {
      const subject = subjectOf(full);
      if ((subject !== null && this.#entityKeys.has(entityKey(subject))) || isRequested(full)) {
        this.#events.set(full.event.eventId, { ...full.event, entity: subject === null ? null : entityId(subject) });
      }
    }
  }

  #trail(status: Trail['status'], message: string | null): Trail {
    const events = [...this.#events.values()].sort((a, b) => a.at.localeCompare(b.at));
    return { status, message, events, truncated: this.#truncated };
  }
}

function problemOf(error: unknown): { readonly isDenied: boolean; readonly message: string } {
  const aws = awsError(error);
  if (error instanceof Error && aws.operation === null) return { isDenied: false, message: error.message };
  return {
    isDenied: failureTypeOf(aws) === 'AccessDenied',
    message: `${aws.operation ?? 'AWS'} answered ${aws.code}: ${aws.message}`,
  };
}

/** Returns the operation that creates a kind's entities, where it is named after the kind. */
function createOperation({ name, actions }: Kind): string | undefined {
  return [`Create${name}`, `Upload${name}`].find((operation) => actions.write.includes(`iam:${operation}`));
}

/** Returns the entity that a call is about. CloudTrail spells a call's parameters as the manifest spells properties. */
function subjectOf({ event, parameters }: FullEvent): { readonly kind: string; readonly name: string } | null {
  const named = KINDS.filter(
    ({ keyProperties, actions }) =>
      keyProperties.length > 0 &&
      actions.write.includes(`iam:${event.operation}`) &&
      keyProperties.every((property) => typeof parameters[property] === 'string'),
  );
  // A call about a role's policy is about the role. Inline and managed policies both have a policy name.
  const kind =
    named.find((candidate) => createOperation(candidate) === event.operation) ??
    named.find((candidate) => event.operation.includes(candidate.name)) ??
    named[0];
  if (kind === undefined) return null;
  try {
    return { kind: kind.name, name: kind.nameOf(parameters as JsonObject) };
  } catch {
    return null;
  }
}
