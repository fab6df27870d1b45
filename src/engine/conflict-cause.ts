import type { Cause, Certainty } from '../contract/explain.js';
import { FAILURES } from '../contract/failures.js';
import type { Confirmation, Outcome } from '../contract/report.js';
import { OTHER_CASE } from './decide.js';

/** For so long a replica of IAM may not show what is there, in milliseconds. */
export const REPLICATION_WINDOW_MS = 120_000;

/** CloudTrail counts whole seconds, and clocks differ. */
const CLOCK_MS = 2_000;

/** A Create that succeeded. Times are in milliseconds since 1970. */
export interface Creation {
  readonly at: number;
  /** The run of ours that made it; null where it was none, or where that is not known. */
  readonly runId: string | null;
  /** ARN of who made it; null where CloudTrail was not read. */
  readonly principal: string | null;
  /** Who made it, in words; null where nothing says it. */
  readonly who: string | null;
  readonly requestId: string | null;
}

/** All that is known of one entity in one run. Times are in milliseconds since 1970. */
export interface RunCase {
  readonly name: string;
  readonly runId: string;
  /** When the run's look at the account began. */
  readonly lookedAt: number;
  readonly outcome: Outcome;
  readonly confirmedBy: Confirmation | null;
  /** Whether AWS answered a Create of this run with "already exists". */
  readonly conflict: boolean;
  /** Whether the look at the account showed nothing of it. */
  readonly absentAtLook: boolean;
  /** The path under which it is there, where another was asked for; null otherwise. */
  readonly otherPath: string | null;
  /** What the run said of it. */
  readonly reason: string | null;
  /** The name is taken in another account or by another user, or the credentials belong to another account. */
  readonly elsewhere: boolean;
  /** Creates of it that succeeded, as far as they are known and before the run ended. */
  readonly creations: readonly Creation[];
  /** When an earlier run of the same namespace last had it as its own; null where none is known. */
  readonly ownedAt: number | null;
}

/** A cause, how sure it is, and the sentence for it. */
export interface CauseFinding {
  readonly cause: Cause;
  readonly certainty: Certainty;
  readonly headline: string;
}

/** Tells apart why a run met what is there. The surest sign wins: a mark, then a name, then the order of things. */
export function determineCause(one: RunCase): CauseFinding {
  const { runId, lookedAt, outcome, conflict, absentAtLook, confirmedBy, ownedAt } = one;
  const creation = newestCreation(one.creations);
  const marked = confirmedBy === 'intent-tag' || confirmedBy === 'recorded-attempt';
  if (marked || (conflict && creation?.runId === runId)) {
    const certainty = confirmedBy === 'recorded-attempt' ? 'inferred' : 'proven';
    return conflict
      ? verdict('replayed-retry', certainty, 'the Create was sent again after its reply was lost, and met its own work')
      : verdict(
          'lost-reply',
          certainty,
          'the reply to the Create was lost, and the next attempt found what it had made',
        );
  }
  if (one.elsewhere) {
    return verdict('other-account', 'proven', one.reason ?? 'the name is taken in another account');
  }
  const found = outcome === 'adopted' || outcome === 'refused';
  if (!conflict && !found) return verdict('none', 'proven', 'nothing stood in the way');
  const collision = collisionOf(one);
  if (collision !== null) return verdict('path-or-case-collision', 'proven', collision);
  if (ownedAt !== null && ownedAt < lookedAt && (creation === null || creation.at <= ownedAt + CLOCK_MS)) {
    const headline = `this namespace had it at ${iso(ownedAt)}, and it no longer shows that: its marks were lost or taken off`;
    return verdict('state-rolled-back', 'inferred', headline);
  }
  if (conflict || absentAtLook) {
    if (creation === null) {
      const headline = 'it was made between the look at the account and the Create; by whom is not known';
      return verdict('parallel-writer', 'inferred', headline);
    }
    if (creation.at >= lookedAt - CLOCK_MS) {
      const headline = `${whoOf(creation)} made it at ${iso(creation.at)}, while this run was on its way`;
      return verdict('parallel-writer', creation.who === null ? 'inferred' : 'proven', headline);
    }
    if (creation.at >= lookedAt - REPLICATION_WINDOW_MS) {
      const headline = `${whoOf(creation)} made it at ${iso(creation.at)}, so shortly before that the look at the account did not show it`;
      return verdict('parallel-writer', 'inferred', headline);
    }
  }
  return creation === null
    ? verdict('existed-before', conflict ? 'inferred' : 'proven', 'it was there when this run looked at the account')
    : verdict('existed-before', 'proven', `${whoOf(creation)} had made it before, at ${iso(creation.at)}`);
}

/** A Create of somebody else's that AWS refused. */
export interface ForeignCase {
  readonly at: number;
  /** ARN of who called. */
  readonly principal: string;
  /** Creates of the same that succeeded before. */
  readonly creations: readonly Creation[];
}

/** The same for a caller of which only CloudTrail knows. */
export function determineForeignCause({ at, principal, creations }: ForeignCase): CauseFinding {
  const creation = newestCreation(creations);
  if (creation === null) {
    return verdict('existed-before', 'inferred', 'it was there, and its Create lies before what was looked at');
  }
  const soon = at - creation.at <= REPLICATION_WINDOW_MS;
  if (creation.principal !== null && roleOf(creation.principal) === roleOf(principal)) {
    return soon
      ? verdict(
          'replayed-retry',
          'inferred',
          `the same caller had made it at ${iso(creation.at)}: a repeat met its own work`,
        )
      : verdict(
          'state-rolled-back',
          'inferred',
          `the same caller had made it at ${iso(creation.at)}, and did not know of it any more: its state was lost or rolled back`,
        );
  }
  return soon
    ? verdict('parallel-writer', 'inferred', `${whoOf(creation)} had made it shortly before, at ${iso(creation.at)}`)
    : verdict('existed-before', 'proven', `${whoOf(creation)} had made it before, at ${iso(creation.at)}`);
}

function verdict(cause: Cause, certainty: Certainty, headline: string): CauseFinding {
  return { cause, certainty, headline };
}

/** The Create that made what is there: an earlier one's work is gone again. */
export function newestCreation(creations: readonly Creation[]): Creation | null {
  return creations.reduce<Creation | null>((last, one) => (last === null || one.at > last.at ? one : last), null);
}

function whoOf({ who }: Creation): string {
  return who ?? 'somebody';
}

/** An assumed role has a session of another name each time. */
function roleOf(principal: string): string {
  return principal.includes(':assumed-role/') ? principal.split('/').slice(0, 2).join('/') : principal;
}

/** Whether IAM takes two names for one that are not written alike; what differs, in a sentence. */
function collisionOf({ name, reason, otherPath }: RunCase): string | null {
  if (reason?.startsWith(OTHER_CASE) === true) return reason;
  if (otherPath === null) return null;
  return `the name is taken under another path: ${otherPath}${name}; a path does not tell two names apart in IAM`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** What to do about a cause, as a sentence without its full stop. */
export function remedyForCause(cause: Cause, outcome: Outcome | null): string {
  switch (cause) {
    case 'existed-before':
      return outcome === 'adopted'
        ? 'nothing: it was taken over, and is this namespace’s from now on'
        : 'take it over from its owner, have its owner release it, or choose another name';
    case 'parallel-writer':
      return 'have one pipeline own it: take it out of the other one’s manifest, or set shared: true on kinds that can be shared';
    case 'lost-reply':
    case 'replayed-retry':
      return outcome === null
        ? 'read it before a repeat: a tool that remembers nothing of its first Create takes its own work for another’s'
        : 'nothing: it is known as this run’s own, and was made once';
    case 'state-rolled-back':
      return outcome === null
        ? 'import what is there into the state of the tool that made it; do not repeat the Create'
        : 'apply again, which puts the marks back; CloudTrail says who took them off, by UntagRole and its like';
    case 'path-or-case-collision':
      return 'write the name and the path as they are there, or choose another name';
    case 'other-account':
      return `choose another name, or ${FAILURES.WrongAccount.remedy}`;
    case 'none':
      return 'nothing';
  }
}
