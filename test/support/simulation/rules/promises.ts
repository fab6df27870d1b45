import type { Declaration } from '../history.js';
import type { Entry } from '../iam/account.js';
import { policyArn } from '../manifests.js';
import type { Played, PlayedRun } from '../play.js';
import {
  attemptsFor,
  declarationOf,
  entryText,
  isBy,
  isCreate,
  isDelete,
  isForeign,
  isHand,
  isLeaving,
  isMisled,
  isOfOtherEntity,
  keyOfDeclaration,
  namespacesOf,
  reportOf,
  senderOf,
  startedRuns,
  stateAt,
  wasOwnBefore,
  writes,
  writesFor,
  writesOf,
} from './facts.js';
import type { Rule } from './facts.js';

/** What is only observed is never written. */
export const onlyObserves: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    run.spec.declares
      .filter(({ observe }) => observe === true)
      .flatMap((declaration) => writesFor(played, run, keyOfDeclaration(declaration)))
      .map((entry) => `${entryText(entry)}, which is only observed`),
  );

/**
 * What is not declared stays, unless the manifest says that it goes. A first adoption removes nothing even then, unless
 * the run was asked for it.
 */
export const keepsUnmanaged: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    writesOf(played, run).flatMap((entry) => {
      const declaration = declarationOf(run, entry.key);
      if (declaration === undefined || isLeaving(run, declaration) || declaration.replace === true) return [];
      const mayRemove = run.spec.removeUnmanaged === true || wasOwnBefore(played, run, entry);
      if (declaration.unmanaged === 'remove' && mayRemove) return [];
      const lost = lostParts(entry).filter((part) => !isReplaced(declaration, entry, part));
      return lost.map((part) => `${entryText(entry)} took ${part}, which is not managed`);
    }),
  );

/** Returns the attached policies, inline policies, members, client IDs and tags that a write takes away. */
function lostParts({ before, after, key }: Entry): string[] {
  const [had, has] = [before.get(key), after.get(key)];
  if (had === undefined || has === undefined) return [];
  const lists = [
    [had.attached, has.attached],
    [Object.keys(had.inline), Object.keys(has.inline)],
    [had.members, has.members],
    [had.clientIds, has.clientIds],
    [Object.keys(had.tags).filter((tag) => !tag.startsWith('iam-bootstrap:')), Object.keys(has.tags)],
  ] as const;
  return lists.flatMap(([all, left]) => all.filter((part) => !left.includes(part)));
}

/** A device loses its user and a group a member where another declaration says so: the user is deleted. */
function isReplaced({ attached = [] }: Declaration, entry: Entry, part: string): boolean {
  return isOfOtherEntity(entry) || attached.map(policyArn).includes(part);
}

/** `destroy` deletes only what its namespace has created. */
export const destroysOnlyItsOwn: Rule = (played) =>
  startedRuns(played)
    .filter(({ spec }) => spec.command !== undefined)
    .flatMap((run) =>
      writesOf(played, run)
        .filter((entry) => isDelete(entry) && declarationOf(run, entry.key)?.shared !== true)
        .filter((entry) => {
          // AWS knows no conditional deletion, so the last read before the call counts.
          const seen = stateAt(played, entry.seen ?? entry.version).get(entry.key);
          const { incarnation } = seen ?? entry.before.get(entry.key) ?? {};
          const made = writes(played).find(
            (other) => isCreate(other) && other.after.get(other.key)?.incarnation === incarnation,
          );
          // A hand that copies the tags of a creation has the last word.
          if (made?.after.get(made.key)?.tags['iam-bootstrap:origin'] === 'created') return false;
          return made === undefined || senderOf(played, made)?.spec.namespace !== run.spec.namespace;
        })
        .map((entry) => `${entryText(entry)}, which this namespace did not create`),
    );

/** Every write that a report names has happened as AWS recorded it, under the request ID that the report gives. */
export const writesAreAttributable: Rule = (played) =>
  played.runs.flatMap(({ report }) =>
    (report?.entities ?? []).flatMap(({ kind, name, writes: reported }) =>
      reported.flatMap(({ operation, requestId }) => {
        if (requestId === null) return [];
        const entry = played.account.record[Number(requestId.replace('request-', '')) - 1];
        return entry?.operation === operation && entry.code === null
          ? []
          : [`the report of ${kind}/${name} names ${operation} under ${requestId}, which is another call`];
      }),
    ),
  );

const LOSSES = /terminated|cancelled|dies|suspended/;

/** Every write of a run is in its report, unless a worker died with what it knew. */
export const writesAreReported: Rule = (played) => {
  const text = JSON.stringify(played.history);
  if (LOSSES.test(text)) return [];
  return startedRuns(played).flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      const report = reportOf(run, key);
      if (report === undefined) return [];
      const left = report.writes.map(({ operation }) => operation);
      const sent = attemptsFor(played, run, key);
      return writesFor(played, run, key).flatMap((entry) => {
        if (isLostWithoutTrace(played, entry) || isSentAgain(entry, sent)) return [];
        const index = left.indexOf(entry.operation);
        if (index !== -1) left.splice(index, 1);
        return index === -1 ? [`${entryText(entry)} is not in the report, which says ${report.outcome}`] : [];
      });
    }),
  );
};

/** A Create without a reply, whose entity a hand deleted before it was read, looks like a call that never arrived. */
function isLostWithoutTrace(played: Played, entry: Entry): boolean {
  return entry.isReplyLost && isCreate(entry) && writes(played).some((other) => isDeletedByHand(other, entry));
}

/**
 * Reports whether the next write is the same one and this one had no reply: its sender cannot tell whether it has arrived,
 * and the report names the two as one.
 */
function isSentAgain(entry: Entry, sent: readonly Entry[]): boolean {
  const next = sent[sent.indexOf(entry) + 1];
  if (!entry.isReplyLost || next === undefined) return false;
  return next.operation === entry.operation && JSON.stringify(next.input) === JSON.stringify(entry.input);
}

function isDeletedByHand(other: Entry, { key, version }: Entry): boolean {
  return isHand(other) && isDelete(other) && other.key === key && other.version > version;
}

/** What a run created carries its tags: who owns it, that it was created, and by which run. */
export const createdIsMarked: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      const outcome = reportOf(run, key)?.outcome;
      const entity = stateAt(played, run.endedAt).get(key);
      if (entity === undefined || (outcome !== 'created' && outcome !== 'adopted')) return [];
      if (key.startsWith('Group/') || key.startsWith('Account') || declaration.shared === true) return [];
      if (isTouchedByOther(played, run, key)) return [];
      const origin = entity.tags['iam-bootstrap:origin'];
      const isMarked = namespacesOf(entity).includes(run.spec.namespace) && origin === outcome;
      return isMarked ? [] : [`${key} was ${outcome}, and its tags say ${JSON.stringify(entity.tags)}`];
    }),
  );

function isTouchedByOther(played: Played, run: PlayedRun, key: string): boolean {
  return writes(played).some(
    (entry) => entry.key === key && !isBy(entry, run) && entry.version > run.startedAt && entry.version <= run.endedAt,
  );
}

/** An equal run right after one that has converged writes nothing. */
export const secondRunIsQuiet: Rule = (played) =>
  startedRuns(played).flatMap((run, index, runs) => {
    const earlier = runs[index - 1];
    if (earlier === undefined || earlier.report?.result !== 'converged') return [];
    if (JSON.stringify(earlier.spec.declares) !== JSON.stringify(run.spec.declares)) return [];
    if (earlier.spec.namespace !== run.spec.namespace || earlier.spec.command !== run.spec.command) return [];
    const keys = run.spec.declares.map(keyOfDeclaration);
    const isDisturbed = writes(played).some(
      (entry) =>
        keys.includes(entry.key) && !isBy(entry, run) && entry.version > earlier.startedAt && !isBy(entry, earlier),
    );
    // A first adoption keeps what is unmanaged, and the second run removes it.
    const hasAdopted = earlier.report.entities.some(({ outcome }) => outcome === 'adopted');
    if (isDisturbed || hasAdopted) return [];
    const own = writesOf(played, run).filter(({ key }) => !isMisled(played, earlier, key));
    return own.map((entry) => `${entryText(entry)} in a second run of what had converged`);
  });

/** What waited for the lock of an entity reads the entity before its first write: the other run may have written it. */
export const looksAfterWaiting: Rule = ({ account, server }) =>
  server.runs
    .filter(({ hasWaited }) => hasWaited)
    .flatMap((run) => {
      const first = account.record.find(({ by }) => typeof by !== 'string' && by.run === run);
      if (first?.isBlind !== true) return [];
      return [`${entryText(first)} without a look at it since another run held its lock`];
    });

/** Two namespaces never both own an entity that neither of them shares or may take over. */
export const ownersNeverBothSucceed: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      const entity = stateAt(played, run.endedAt).get(key);
      const outcome = reportOf(run, key)?.outcome ?? '';
      const claims = ['created', 'adopted', 'updated', 'unchanged'].includes(outcome);
      // A run that a stale read shows its entity as it was finds nothing to do, and looks no more.
      if (outcome === 'unchanged' && isMisled(played, run, key)) return [];
      if (!claims || entity === undefined || isLeaving(run, declaration) || declaration.observe === true) return [];
      if (run.report?.result !== 'converged' || declaration.adopt === 'foreign') return [];
      if (isTouchedByOther(played, run, key) || key.startsWith('Group/') || key.startsWith('Account')) return [];
      return isForeign(entity, run.spec.namespace, declaration.shared === true)
        ? [`${run.spec.namespace} claims ${key}, whose tags name ${namespacesOf(entity).join(' and ')}`]
        : [];
    }),
  );
