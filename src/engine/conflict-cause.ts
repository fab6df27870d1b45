import type { Cause, Certainty } from '../contract/explain.js';
import { FAILURES } from '../contract/failures.js';
import type { Confirmation, Outcome } from '../contract/report.js';
import { OTHER_CASE } from './decision-rules.js';

/** The difference between two clocks up to which an explanation tells the order of two events, in milliseconds. */
export const CLOCK_TOLERANCE_MS = 2_000;

/** The difference between AWS's clock and Temporal's that an explanation allows for where it calls an order proven. */
const MAX_CLOCK_DIFFERENCE_MS = 900_000;

/** The time until every replica of IAM shows a new entity. */
export const REPLICATION_WINDOW_MS = 120_000;

/** A Create that succeeded. Times are in milliseconds since 1970. */
export interface Creation {
  readonly at: number;
  /** The run of this tool that sent it. Null if it was another caller, or is not known. */
  readonly runId: string | null;
  /** ARN of the caller. Null if CloudTrail was not read. */
  readonly principal: string | null;
  /** The caller in words. Null if it is not known. */
  readonly caller: string | null;
  readonly requestId: string | null;
}

/** Everything that is known of one entity in one run. Times are in milliseconds since 1970. */
export interface RunCase {
  readonly name: string;
  readonly runId: string;
  /** The start of the run's inventory of the account. */
  readonly inventoryStartedAt: number;
  readonly outcome: Outcome;
  readonly confirmedBy: Confirmation | null;
  /** AWS answered a Create of this run with "already exists". */
  readonly conflict: boolean;
  readonly isAbsentInInventory: boolean;
  /** The path under which it exists, if the manifest declares another one; else null. */
  readonly otherPath: string | null;
  readonly reason: string | null;
  /** The name is taken in another account or by another user, or the credentials belong to another account. */
  readonly elsewhere: boolean;
  /** Known Creates of it that succeeded before the run ended. */
  readonly creations: readonly Creation[];
  /** The last time that an earlier run of the same namespace owned it. Null if unknown. */
  readonly ownedAt: number | null;
}

/** A cause, how certain it is, and its explanation. */
export interface CauseFinding {
  readonly cause: Cause;
  readonly certainty: Certainty;
  readonly headline: string;
}

/** A case with the newest of its Creates: an earlier one's entity was deleted since. */
type DatedCase = RunCase & { readonly creation: Creation | null };

/** Finds a cause, or leaves the case to the next rule. */
type CauseRule = (run: DatedCase) => CauseFinding | undefined;

/** The rules in their order, the most certain evidence first: a tag, then a name, then the order of events. */
const CAUSE_RULES: readonly CauseRule[] = [
  createdByThisRun,
  takenInOtherAccount,
  noConflict,
  nameCollision,
  lostOwnership,
  createdDuringRun,
];

/** Determines why a run met an entity that exists. */
export function determineCause(run: RunCase): CauseFinding {
  const dated = { ...run, creation: newestCreation(run.creations) };
  for (const rule of CAUSE_RULES) {
    const cause = rule(dated);
    if (cause !== undefined) return cause;
  }
  return existedBefore(dated);
}

function createdByThisRun({ runId, conflict, confirmedBy, creation }: DatedCase): CauseFinding | undefined {
  const confirmed = confirmedBy === 'intent-tag' || confirmedBy === 'recorded-attempt';
  if (!confirmed && !(conflict && creation?.runId === runId)) return undefined;
  const certainty = confirmedBy === 'recorded-attempt' ? 'inferred' : 'proven';
  return conflict
    ? finding(
        'replayed-retry',
        certainty,
        'the reply to the Create was lost; the retry found the entity already created',
      )
    : finding(
        'lost-reply',
        certainty,
        'the reply to the Create was lost; the next attempt found the entity it created',
      );
}

function takenInOtherAccount({ elsewhere, reason }: DatedCase): CauseFinding | undefined {
  return elsewhere ? finding('other-account', 'proven', reason ?? 'the name is taken in another account') : undefined;
}

function noConflict({ conflict, outcome }: DatedCase): CauseFinding | undefined {
  const existed = conflict || outcome === 'adopted' || outcome === 'refused';
  return existed ? undefined : finding('none', 'proven', 'no Create of this entity met an existing one');
}

/** IAM takes two names that are written differently for the same one. */
function nameCollision({ name, reason, otherPath }: DatedCase): CauseFinding | undefined {
  if (reason?.startsWith(OTHER_CASE) === true) return finding('path-or-case-collision', 'proven', reason);
  if (otherPath === null) return undefined;
  const headline = `the name is taken under another path: ${otherPath}${name}; IAM ignores the path when it compares names`;
  return finding('path-or-case-collision', 'proven', headline);
}

function lostOwnership({ ownedAt, inventoryStartedAt, creation }: DatedCase): CauseFinding | undefined {
  if (ownedAt === null || ownedAt >= inventoryStartedAt) return undefined;
  if (creation !== null && creation.at > ownedAt + CLOCK_TOLERANCE_MS) return undefined;
  const headline = `this namespace owned it at ${iso(ownedAt)}; its ownership tags were removed since`;
  return finding('state-rolled-back', 'inferred', headline);
}

function createdDuringRun({
  conflict,
  isAbsentInInventory,
  inventoryStartedAt,
  creation,
}: DatedCase): CauseFinding | undefined {
  if (!conflict && !isAbsentInInventory) return undefined;
  if (creation === null) {
    const headline = 'it was created between the inventory and the Create, by an unknown caller';
    return finding('parallel-writer', 'inferred', headline);
  }
  const created = `${callerOf(creation)} created it at ${iso(creation.at)}`;
  if (creation.at >= inventoryStartedAt - CLOCK_TOLERANCE_MS) {
    const certainty = creation.caller === null ? 'inferred' : 'proven';
    return finding('parallel-writer', certainty, `${created}, while this run was in progress`);
  }
  if (creation.at >= inventoryStartedAt - REPLICATION_WINDOW_MS) {
    return finding(
      'parallel-writer',
      'inferred',
      `${created}, so shortly before the run that the inventory did not show it`,
    );
  }
  return undefined;
}

function existedBefore({ conflict, inventoryStartedAt, creation }: DatedCase): CauseFinding {
  if (creation === null) {
    return finding('existed-before', conflict ? 'inferred' : 'proven', 'it existed when this run read the account');
  }
  const isCertain = !conflict || creation.at < inventoryStartedAt - MAX_CLOCK_DIFFERENCE_MS;
  const headline = `${callerOf(creation)} created it at ${iso(creation.at)}`;
  return finding('existed-before', isCertain ? 'proven' : 'inferred', headline);
}

/** A Create of another caller that AWS refused. */
export interface ForeignCase {
  readonly at: number;
  readonly principal: string;
  readonly creations: readonly Creation[];
}

/** Determines the cause for a caller that only CloudTrail knows. */
export function determineForeignCause({ at, principal, creations }: ForeignCase): CauseFinding {
  const creation = newestCreation(creations);
  if (creation === null) {
    return finding('existed-before', 'inferred', 'it existed; its Create is older than the events that were read');
  }
  const soon = at - creation.at <= REPLICATION_WINDOW_MS;
  const createdAt = `at ${iso(creation.at)}`;
  if (creation.principal !== null && withoutSession(creation.principal) === withoutSession(principal)) {
    return soon
      ? finding('replayed-retry', 'inferred', `the same caller created it ${createdAt}; this is a retry of that Create`)
      : finding(
          'state-rolled-back',
          'inferred',
          `the same caller created it ${createdAt}; its state was lost or rolled back since`,
        );
  }
  return soon
    ? finding('parallel-writer', 'inferred', `${callerOf(creation)} created it shortly before, ${createdAt}`)
    : finding('existed-before', 'proven', `${callerOf(creation)} created it ${createdAt}`);
}

function finding(cause: Cause, certainty: Certainty, headline: string): CauseFinding {
  return { cause, certainty, headline };
}

/** Returns the newest Create, which made the entity that exists now. */
export function newestCreation(creations: readonly Creation[]): Creation | null {
  return creations.reduce<Creation | null>(
    (newest, next) => (newest === null || next.at > newest.at ? next : newest),
    null,
  );
}

function callerOf({ caller }: Creation): string {
  return caller ?? 'an unknown caller';
}

/** Drops the session name of an assumed role, which differs each time. */
function withoutSession(principal: string): string {
  return principal.includes(':assumed-role/') ? principal.split('/').slice(0, 2).join('/') : principal;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** Returns what to do about a cause, as a sentence without its full stop. */
export function remedyForCause(cause: Cause, outcome: Outcome | null): string {
  switch (cause) {
    case 'existed-before':
      return outcome === 'adopted'
        ? 'nothing to do: this namespace adopted it and owns it now'
        : 'take it over from its owner, have its owner release it, or choose another name';
    case 'parallel-writer':
      return 'let one pipeline own it: remove it from the other manifest, or set shared: true on kinds that can be shared';
    case 'lost-reply':
    case 'replayed-retry':
      return outcome === null
        ? 'read the entity before a retry: a tool that does not remember its first Create takes its own entity for another one'
        : 'nothing to do: the entity was created once, by this run';
    case 'state-rolled-back':
      return outcome === null
        ? 'import the entity into the state of the tool that created it; do not repeat the Create'
        : 'apply again, which restores the ownership tags; CloudTrail shows who removed them (UntagRole and similar calls)';
    case 'path-or-case-collision':
      return 'write the name and the path as they exist, or choose another name';
    case 'other-account':
      return `choose another name, or ${FAILURES.WrongAccount.remedy}`;
    case 'none':
      return 'nothing to do';
  }
}
