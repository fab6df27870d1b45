import type { Played, PlayedRun } from '../play.js';
import type { Declaration } from '../history.js';
import type { EntityReport } from '../../../../src/contract/report.js';
import { missing } from './desired.js';
import {
  declarationOf,
  isCreate,
  isDelete,
  isHand,
  isLeaving,
  isMisled,
  isUntagged,
  keyOfDeclaration,
  namespacesOf,
  reportOf,
  senderOf,
  stateAt,
  writes,
  isBy,
  attemptsFor,
  writesFor,
  writesOf,
  startedRuns,
} from './facts.js';
import type { Rule } from './facts.js';

/** Applies a check to each entity of each report. */
function forEachEntity(
  played: Played,
  check: (run: PlayedRun, declaration: Declaration, report: EntityReport, key: string) => string | null,
): string[] {
  return played.runs.flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      const report = reportOf(run, key);
      const problem = report === undefined ? null : check(run, declaration, report, key);
      return problem === null || report === undefined
        ? []
        : [`${run.spec.namespace} was told that ${key} is ${report.outcome}, ${problem}`];
    }),
  );
}

/**
 * Reports whether a hand or another namespace wrote the entity after this run's last look, and after the client asked.
 * What earlier runs of the same namespace write is no excuse.
 */
function isDisturbed(played: Played, run: PlayedRun, key: string): boolean {
  const look = Math.max(
    played.account.lookOf(run.run, key) ?? run.startedAt,
    run.joined ? run.askedAt : 0,
    // A run that has sent a write looks again before it reports.
    attemptsFor(played, run, key).at(-1)?.version ?? 0,
  );
  return writes(played).some(
    (entry) =>
      entry.key === key &&
      senderOf(played, entry)?.spec.namespace !== run.spec.namespace &&
      entry.version > look &&
      entry.version <= run.endedAt,
  );
}

const PRESENT = ['created', 'adopted', 'updated', 'unchanged', 'replaced'];

/** What a report calls present has everything that is declared at the end of the run. */
export const presentIsTrue: Rule = (played) =>
  forEachEntity(played, (run, declaration, { outcome, changedSince }, key) => {
    if (isLeaving(run, declaration) || declaration.observe === true || !PRESENT.includes(outcome)) return null;
    if (changedSince !== undefined) return null;
    if (run.report?.result !== 'converged' || isDisturbed(played, run, key)) return null;
    if (outcome === 'unchanged' && isMisled(played, run, key)) return null;
    const lacking = missing(declaration, stateAt(played, run.endedAt).get(key), run.spec.namespace);
    return lacking === null ? null : `but ${lacking}`;
  });

/** What a report calls deleted is gone, or keeps only what belongs to others. */
export const deletedIsTrue: Rule = (played) =>
  forEachEntity(played, (run, declaration, { outcome }, key) => {
    if (!isLeaving(run, declaration) || outcome !== 'deleted' || isDisturbed(played, run, key)) return null;
    const entity = stateAt(played, run.endedAt).get(key);
    const isAnew = entity !== undefined && entity.incarnation !== stateAt(played, run.startedAt).get(key)?.incarnation;
    if (entity === undefined || isAnew) return null;
    const others = namespacesOf(entity).filter((namespace) => namespace !== run.spec.namespace);
    return others.length > 0 ? null : 'but it is there';
  });

const LOSSES = /lost|dies|suspended/;

/** What a report says that the run did, the run has done. */
export const claimsAreDone: Rule = (played) =>
  forEachEntity(played, (run, _declaration, { outcome }, key) => {
    if (run.joined) return null;
    const own = writesFor(played, run, key);
    switch (outcome) {
      case 'created':
        if (own.some(isCreate) || key.startsWith('Account')) return null;
        // A group carries no tag that tells it from one that a hand creates while a Create is without a reply.
        return isUntagged(key) && LOSSES.test(JSON.stringify(played.history))
          ? null
          : 'but no Create of the run succeeded';
      case 'deleted':
      case 'released':
      case 'replaced':
      case 'updated':
        // A write that AWS refuses because another one came first still ends in what was wanted. One of a worker that dies
        // may have arrived, and nobody can tell once a hand has deleted the entity, or has written the same.
        return attemptsFor(played, run, key).length > 0 || isHiddenByHand(played, run, key)
          ? null
          : 'but the run sent nothing to it';
      case 'unchanged':
      case 'skipped':
        return own.length === 0 ? null : `but the run wrote ${own.map(({ operation }) => operation).join(', ')}`;
      default:
        return null;
    }
  });

function isHiddenByHand(played: Played, { startedAt, endedAt }: PlayedRun, key: string): boolean {
  return (
    LOSSES.test(JSON.stringify(played.history)) &&
    writes(played).some(
      (entry) => entry.key === key && isHand(entry) && entry.version > startedAt && entry.version <= endedAt,
    )
  );
}

/** A deletion that has happened is not called failed because another one makes the name anew. */
export const deletionIsNoFailure: Rule = (played) =>
  forEachEntity(played, (run, declaration, { outcome }, key) => {
    if (outcome !== 'failed' || !isLeaving(run, declaration) || run.joined) return null;
    // AWS shows neither an ID nor a date of the password policy: one that was set anew looks like one that is still there.
    if (key.startsWith('AccountPasswordPolicy')) return null;
    const own = writesOf(played, run).filter((entry) => entry.key === key);
    const last = own.at(-1);
    return last !== undefined && isDelete(last) && stateAt(played, run.endedAt).has(key)
      ? 'but it was deleted, and another one created it again'
      : null;
  });

/** A later write of an earlier run does not undo what a run has called converged. */
export const staysConverged: Rule = (played) => {
  const runs = startedRuns(played);
  return runs.flatMap((run, index) =>
    run.report?.result !== 'converged'
      ? []
      : writes(played)
          .filter((entry) => entry.version > run.endedAt)
          .filter((entry) => run.spec.declares.some((declaration) => keyOfDeclaration(declaration) === entry.key))
          .filter((entry) =>
            runs
              .slice(0, index)
              .some((earlier) => isBy(entry, earlier) && earlier.spec.namespace === run.spec.namespace),
          )
          .map(
            (entry) =>
              `an earlier run of ${run.spec.namespace} sent ${entry.operation} of ${entry.key} after a later one had converged`,
          ),
  );
};

/** No report has to tell of an error of our own code, or of a call that the simulation does not know. */
export const failsByNoBug: Rule = ({ runs }) =>
  runs.flatMap(({ report }) =>
    [report, ...(report?.entities ?? [])].flatMap((told) => {
      const reason = told?.reason ?? '';
      return BUG.test(reason) ? [`a report says "${reason}"`] : [];
    }),
  );

const BUG = /is not a function|is not iterable|Cannot read|is not defined|the simulated/;

/** Nothing fails where nothing went wrong and nobody else was there. */
export const failsForAReason: Rule = (played) => {
  const { history, runs } = played;
  const isQuiet = history.every(
    (step) => !('run' in step) || (step.beside === undefined && (step.events ?? []).length === 0),
  );
  if (!isQuiet) return [];
  return runs.flatMap(({ report, spec }) => {
    if (report === null || (report.result === 'failed' && report.entities.length === 0)) {
      return [`a run of ${spec.namespace} failed although nothing went wrong: ${report?.reason ?? 'no report'}`];
    }
    return (
      report.entities
        // A member or a policy that does not exist is a reason.
        .filter(({ outcome, reason }) => outcome === 'failed' && !(reason ?? '').includes('answered NoSuchEntity'))
        .map(
          ({ kind, name, reason }) =>
            `${kind}/${name} of ${spec.namespace} failed although nothing went wrong: ${reason ?? ''}`,
        )
    );
  });
};

/** Revisions of two environments are not compared. */
export const revisionsAreOfAnEnvironment: Rule = (played) =>
  startedRuns(played).flatMap((run, index) => {
    const { revision, environment, namespace } = run.spec;
    if (revision === undefined || !(run.report?.reason ?? '').includes('is older than')) return [];
    const isOlder = startedRuns(played)
      .slice(0, index)
      .some(
        ({ spec }) =>
          spec.namespace === namespace && spec.environment === environment && (spec.revision ?? 0) > revision,
      );
    return isOlder
      ? []
      : [`revision ${String(revision)} of ${environment ?? 'test'} was refused as older than another environment's`];
  });

/** A namespace that declares an entity without tags is told who else does. */
export const untaggedIsClaimed: Rule = (played) =>
  startedRuns(played).flatMap((run, index, runs) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      if (!key.startsWith('AccountPasswordPolicy') || isLeaving(run, declaration)) return [];
      if (run.report?.result !== 'converged' || declaration.observe === true || declaration.adopt === 'foreign')
        return [];
      if (runs.some((other) => isAtOneTime(run, other))) return [];
      const claimant = claimantOf(runs.slice(0, index), key);
      if (claimant === undefined || claimant === run.spec.namespace) return [];
      return JSON.stringify(reportOf(run, key)).includes(`\\"${claimant}\\"`)
        ? []
        : [`${run.spec.namespace} was not told that ${claimant} declares ${key}`];
    }),
  );

/** Of two namespaces that ask for an entity without tags at one time, one is refused: a claim has one holder. */
export const untaggedHasOneClaimant: Rule = (played) =>
  startedRuns(played).flatMap((run, index, runs) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      if (!isUntagged(key) || !isClaimedBy(run, key)) return [];
      const rivals = runs.slice(0, index).filter((other) => {
        const isRival = other.spec.namespace !== run.spec.namespace && isAtOneTime(run, other);
        return isRival && isClaimedBy(other, key);
      });
      // A namespace that leaves between the two frees the claim, and one that takes over moves it.
      const hasMoved = runs.some((other) => {
        const moving = declarationOf(other, key);
        return moving !== undefined && (isLeaving(other, moving) || moving.adopt === 'foreign');
      });
      return hasMoved ? [] : rivals.map(({ spec }) => `${run.spec.namespace} and ${spec.namespace} both claim ${key}`);
    }),
  );

/** Reports whether a run ended in a claim on an entity without tags that nothing entitles it to take over. */
function isClaimedBy(run: PlayedRun, key: string): boolean {
  const declaration = declarationOf(run, key);
  if (declaration === undefined || isLeaving(run, declaration) || declaration.observe === true) return false;
  return declaration.adopt !== 'foreign' && run.report?.result === 'converged';
}

function isAtOneTime({ run }: PlayedRun, { run: other }: PlayedRun): boolean {
  return run !== other && run.start.startedAt <= other.closedAt && other.start.startedAt <= run.closedAt;
}

/** Returns the namespace whose claim on an entity without tags counts after some runs; undefined where nobody's does. */
function claimantOf(runs: readonly PlayedRun[], key: string): string | undefined {
  let claimant: string | undefined;
  for (const run of runs) {
    const { spec, report } = run;
    const declaration = spec.declares.find((one) => keyOfDeclaration(one) === key);
    if (declaration === undefined || declaration.observe === true) continue;
    // A run that ends early may have taken a claim or left its own, and of two at a time either may come first.
    if (report?.result !== 'converged' || runs.some((other) => isAtOneTime(run, other))) claimant = undefined;
    else if (!isLeaving(run, declaration)) claimant = spec.namespace;
    else if (claimant === spec.namespace) claimant = undefined;
  }
  return claimant;
}
