import type { EntityReport } from '../../../../src/contract/report.js';
import type { Declaration, Namespace } from '../history.js';
import type { Entry } from '../iam/account.js';
import { keyOf } from '../iam/state.js';
import type { IamEntity, IamState } from '../iam/state.js';
import type { Played, PlayedRun } from '../play.js';

/*
 * What the rules are made from. Nothing here or in a rule is code of src/: the rules say again, on their own, what the
 * engine promises.
 */

/** A rule: returns a line for each time that a history breaks it. */
export type Rule = (played: Played) => readonly string[];

const OWNER = 'iam-bootstrap:namespace';
const SHARER = 'iam-bootstrap:shared-by:';

/** Kinds whose entities carry no tags. */
const UNTAGGED = /^(Group|AccountPasswordPolicy)\//;

export function isUntagged(key: string): boolean {
  return UNTAGGED.test(key);
}

/** Returns the namespaces that have a tag of either form on an entity. */
export function namespacesOf({ tags }: IamEntity): string[] {
  const owner = tags[OWNER];
  const sharers = Object.keys(tags).filter((tag) => tag.startsWith(SHARER));
  return [...new Set([...(owner === undefined ? [] : [owner]), ...sharers.map((tag) => tag.slice(SHARER.length))])];
}

/** Returns the namespace that owns an entity alone. */
export function ownerTag({ tags }: IamEntity): string | undefined {
  return tags[OWNER];
}

/** Reports whether an entity belongs to another owner than a namespace. */
export function isForeign(entity: IamEntity, namespace: Namespace, isSharing: boolean): boolean {
  const namespaces = namespacesOf(entity);
  // An owner and those that share its entity live together.
  if (ownerTag(entity) === namespace) return false;
  if (namespaces.includes(namespace)) return !isSharing && namespaces.length > 1;
  if (ownerTag(entity) !== undefined || entity.tags['pulumi:stack'] !== undefined) return true;
  return namespaces.length > 0 && !isSharing;
}

export function keyOfDeclaration({ entity }: Declaration): string {
  const [kind = '', name = ''] = entity.split('/');
  return keyOf(kind, name);
}

export function declarationOf({ spec }: PlayedRun, key: string): Declaration | undefined {
  const declared = spec.declares.find((declaration) => keyOfDeclaration(declaration) === key);
  if (declared !== undefined || spec.orphans === undefined) return declared;
  // An orphan leaves as an entity does that is declared absent; of what is shared, the part of the namespace goes.
  return { entity: key as Declaration['entity'], state: 'absent', shared: true };
}

/** Reports whether a run removes an entity that it declares. */
export function isLeaving({ spec }: PlayedRun, declaration: Declaration): boolean {
  return declaration.state === 'absent' || spec.command !== undefined;
}

export function reportOf({ report }: PlayedRun, key: string): EntityReport | undefined {
  return report?.entities.find(({ kind, name }) => keyOf(kind, name) === key);
}

/** Returns the runs whose own requests started them. */
export function startedRuns({ runs }: Played): readonly PlayedRun[] {
  return runs.filter(({ joined }) => !joined);
}

/** Reports whether a run sent a write. */
export function isBy(entry: Entry, { run }: PlayedRun): boolean {
  return typeof entry.by !== 'string' && entry.by.run.root === run;
}

/** Returns the writes that AWS carried out. */
export function writes({ account }: Played): readonly Entry[] {
  return account.record.filter(({ code }) => code === null);
}

/** Returns the writes of a run that AWS carried out. */
export function writesOf(played: Played, run: PlayedRun): readonly Entry[] {
  return writes(played).filter((entry) => isBy(entry, run));
}

/** Returns the writes that the workflow of one entity sent for a run, refused ones included. */
export function attemptsFor({ account }: Played, run: PlayedRun, key: string): readonly Entry[] {
  const [kind = '', name = ''] = key.split('/');
  return account.record.filter(
    (entry) =>
      isBy(entry, run) && typeof entry.by !== 'string' && entry.by.run.start.workflowId.endsWith(`:${kind}:${name}`),
  );
}

/** Returns those of {@link attemptsFor} that AWS carried out. */
export function writesFor(played: Played, run: PlayedRun, key: string): readonly Entry[] {
  return attemptsFor(played, run, key).filter(({ code }) => code === null);
}

/** Returns the run that sent a write; undefined for a hand. */
export function senderOf({ runs }: Played, entry: Entry): PlayedRun | undefined {
  return runs.find((run) => isBy(entry, run));
}

export function isHand({ by }: Entry): boolean {
  return typeof by === 'string';
}

/**
 * Reports whether a hand changed the entity after the sender of a write last looked at it. AWS knows no conditional
 * write, so nobody sees such a change.
 */
export function isChangedByHandSinceLook(played: Played, entry: Entry, run: PlayedRun): boolean {
  const made = writesOf(played, run).findLast(
    (other) => other.key === entry.key && isCreate(other) && other.version < entry.version,
  );
  const look = Math.max(entry.seen ?? run.startedAt, made?.version ?? 0);
  return writes(played).some(
    (other) => isHand(other) && other.key === entry.key && other.version > look && other.version < entry.version,
  );
}

/** Reports whether the workflow of another entity sent a write: a user that is deleted leaves its groups. */
export function isOfOtherEntity({ by, key }: Entry): boolean {
  const id = `:${key.replace('/', ':')}`.toLowerCase();
  return typeof by !== 'string' && !by.run.start.workflowId.toLowerCase().endsWith(id);
}

/**
 * Reports whether a replica that was behind has shown a run an entity as it no longer was. A run that finds nothing to do
 * by it cannot know better: only what is written is read again.
 */
export function isMisled({ account }: Played, { run }: PlayedRun, key: string): boolean {
  return account.misled.get(run)?.has(key) === true;
}

export function stateAt({ account }: Played, version: number): IamState {
  return account.states[version] ?? new Map<string, IamEntity>();
}

/** Describes a write. */
export function entryText({ operation, key, by }: Entry): string {
  const sender = typeof by === 'string' ? `by hand (${by})` : by.run.root.start.workflowId.split(':').at(-1);
  return `${operation} of ${key} by ${sender ?? ''}`;
}

/** Reports whether a write creates or deletes the entity itself, and not a part of it. */
export function isCreate({ before, after, key }: Entry): boolean {
  return !before.has(key) && after.has(key);
}

export function isDelete({ before, after, key }: Entry): boolean {
  return before.has(key) && !after.has(key);
}

/**
 * Reports whether an entity was the namespace's own before the run first wrote to it, or is one that the run created. The
 * tags that the run's own adoption has written are no proof of an earlier one.
 */
export function wasOwnBefore(played: Played, run: PlayedRun, { before, key, seen }: Entry): boolean {
  const written = before.get(key);
  const first = writesOf(played, run).find(
    (other) => other.key === key && other.after.get(key)?.incarnation === written?.incarnation,
  );
  if (first === undefined || isCreate(first)) return first !== undefined;
  const shown = [seen, first.seen].map((look) => stateAt(played, look ?? first.version).get(key));
  const isEarlier = (entity: IamEntity | undefined): boolean => entity?.incarnation !== written?.incarnation;
  return [first.before.get(key), ...shown.filter(isEarlier), shown[1]].some(
    (entity) => entity !== undefined && namespacesOf(entity).includes(run.spec.namespace),
  );
}
