import type { PendingApproval } from '../../../../src/contract/approval.js';
import type { EntityReport } from '../../../../src/contract/report.js';
import type { Entry } from '../iam/account.js';
import { keyOf, type IamEntity } from '../iam/state.js';
import type { Played, PlayedRun } from '../play.js';
import { entryText, isCreate, isDelete, reportOf, startedRuns, stateAt, writesOf, isOfOtherEntity } from './facts.js';
import type { Rule } from './facts.js';

/** Writes of a run that needs an approval are within what the approved plan showed, action and lines. */
export const writesWhatWasApproved: Rule = (played) =>
  startedRuns(played).flatMap((run) => {
    if (run.spec.approval === undefined) return [];
    const own = writesOf(played, run);
    if (run.shown === null || run.report?.approval?.verdict !== 'approved') {
      if (run.report === null && run.shown !== null) return [];
      return own.map((entry) => `${entryText(entry)} without an approval`);
    }
    return own.flatMap((entry) => {
      const problem = beyond(played, run, entry);
      return problem === null ? [] : [`${entryText(entry)} ${problem}`];
    });
  });

/** Tells how a write goes beyond the plan that was shown; null where it does not. */
function beyond(played: Played, { shown }: PlayedRun, entry: Entry): string | null {
  if (shown === null) return null;
  const planned = shown.pending.report.entities.find(({ kind, name }) => keyOf(kind, name) === entry.key);
  // What goes with another entity is shown by the lines of that one.
  if (planned === undefined || isOfOtherEntity(entry))
    return isShownAnywhere(shown.pending.report.entities, entry) ? null : 'was not in the approved plan';
  const before = stateAt(played, shown.version).get(entry.key);
  switch (planned.decision) {
    case 'create':
      // What a hand made and deleted again around the plan is not there any more: what the run has created is its own.
      if (isCreate(entry) || isOwnCreation(played, entry)) return null;
      return before === undefined && (hasCreated(played, entry) || overwritesUnseen(played, entry))
        ? null
        : 'to what existed, under an approved create';
    case 'replace':
      return null;
    case 'delete':
      return lineProblem(planned, entry);
    case 'update':
    case 'adopt':
    case 'release':
      if (isCreate(entry) || isDelete(entry)) return `under an approved ${planned.decision}`;
      return lineProblem(planned, entry);
    default:
      return `under an approved ${planned.decision}`;
  }
}

/**
 * One of the same ARN and with the same intent tag, or both without one, counts as the same: what else differs is judged
 * by its lines.
 */
function isShownEntity(entity: IamEntity | undefined, shown: IamEntity | undefined): boolean {
  if (entity === undefined || shown === undefined) return entity === shown;
  const isCopy = entity.arn === shown.arn && entity.tags['iam-bootstrap:intent'] === shown.tags['iam-bootstrap:intent'];
  return entity.incarnation === shown.incarnation || isCopy;
}

/** Under an approval, only the entity that the plan showed is written, and none that has taken its name since. */
export const writesToWhatWasShown: Rule = (played) =>
  startedRuns(played).flatMap((run) => {
    const { shown } = run;
    if (shown === null) return [];
    return writesOf(played, run)
      .filter((entry) => {
        const { key } = entry;
        const decision = plannedDecision(shown.pending, key);
        if (decision === 'create') {
          return !isCreate(entry) && !isOwnCreation(played, entry) && !overwritesUnseen(played, entry);
        }
        if (!['update', 'adopt', 'release', 'delete'].includes(decision)) return false;
        const wasShown = stateAt(played, shown.version).get(key);
        // A stale read may show an earlier entity of the name, while the one that was shown is written.
        if (isShownEntity(entry.before.get(key), wasShown)) return false;
        // AWS knows no conditional write, so the last read before the call counts.
        const seen = stateAt(played, entry.seen ?? entry.version).get(key);
        return seen === undefined || !isShownEntity(seen, wasShown);
      })
      .map((entry) => `${entryText(entry)}, which is another entity than the one that was shown`);
  });

function plannedDecision({ report }: PendingApproval, key: string): string {
  return report.entities.find(({ kind, name }) => keyOf(kind, name) === key)?.decision ?? '';
}

/** Returns the Creates of the run that sent a write, of the same name. */
function ownCreates(played: Played, { by, key }: Entry): readonly Entry[] {
  return played.account.record.filter(
    (other) =>
      other.code === null &&
      isCreate(other) &&
      other.key === key &&
      typeof by !== 'string' &&
      typeof other.by !== 'string' &&
      other.by.run.root === by.run.root,
  );
}

/** Reports whether the run has created an entity of this name, up to this write. */
function hasCreated(played: Played, entry: Entry): boolean {
  return ownCreates(played, entry).some(({ version }) => version <= entry.version);
}

/**
 * Reports whether a write is a Create that overwrites what its sender cannot tell from nothing or from its own: what its
 * last read did not show, or what is there after a Create without a reply. Only one Create overwrites.
 */
function overwritesUnseen(played: Played, { operation, key, seen }: Entry): boolean {
  if (operation !== 'UpdateAccountPasswordPolicy') return false;
  const isUnclear = /lost|dies|suspended/.test(JSON.stringify(played.history));
  return isUnclear || (seen !== null && !stateAt(played, seen).has(key));
}

/** Reports whether the entity of a write is one that the same run created. */
function isOwnCreation(played: Played, entry: Entry): boolean {
  const creates = ownCreates(played, entry).filter(({ version }) => version <= entry.version);
  // AWS knows no conditional write, so the last look before the call counts: a read, or the reply to the run's own Create.
  const look = Math.max(entry.seen ?? -1, ...creates.map(({ version }) => version));
  const { incarnation } = (look === -1 ? entry.before : stateAt(played, look)).get(entry.key) ?? {};
  return creates.some(({ after, key }) => after.get(key)?.incarnation === incarnation);
}

/** The input members that name what a write adds or takes away. */
const SUBJECTS = ['PolicyArn', 'PolicyName', 'RoleName', 'UserName', 'ClientID'] as const;
const PARTS =
  /^(Attach|Detach|Put|Delete)(Role|User|Group)Policy$|InstanceProfile$|ToGroup$|FromGroup$|ClientID|PermissionsBoundary$/;

/** A write of a part needs a line that names the part. */
function lineProblem(planned: EntityReport, entry: Entry): string | null {
  if (!PARTS.test(entry.operation) || isDelete(entry) || isCreate(entry)) return null;
  const lines = JSON.stringify([planned.drift, planned.reason]);
  const [kind] = entry.key.split('/');
  const subjects = SUBJECTS.filter((member) => member !== `${kind ?? ''}Name`)
    .map((member) => entry.input[member])
    .filter((value): value is string => typeof value === 'string');
  if (entry.operation.endsWith('PermissionsBoundary')) {
    return lines.includes('permissionsBoundary') || planned.decision === 'delete'
      ? null
      : 'which the approved plan did not show';
  }
  const hidden = subjects.filter((subject) => !lines.includes(subject));
  return hidden.length === 0 ? null : `with ${hidden.join(', ')}, which the approved plan did not show`;
}

function isShownAnywhere(entities: readonly EntityReport[], { operation, input }: Entry): boolean {
  const lines = JSON.stringify(entities.map(({ drift }) => drift));
  return (
    lines.includes(operation) &&
    Object.values(input).every((value) => typeof value !== 'string' || lines.includes(value))
  );
}

/** A version of a policy that goes is named by the plan or the report. */
export const namesLostVersions: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    writesOf(played, run)
      .filter(({ operation, after, key }) => operation === 'DeletePolicyVersion' && after.has(key))
      .filter(({ key, input }) => !JSON.stringify(reportOf(run, key) ?? {}).includes(String(input['VersionId'])))
      .filter(({ key }) => run.report !== null && reportOf(run, key)?.outcome !== 'deleted')
      .map((entry) => `${entryText(entry)} took version ${String(entry.input['VersionId'])}, which no plan named`),
  );

/** A race for the last room of a policy's versions is no quota. */
export const fifthVersionIsNoQuota: Rule = (played) =>
  startedRuns(played).flatMap(
    (run) =>
      run.report?.entities
        .filter(
          ({ outcome, reason }) =>
            outcome === 'failed' && (reason ?? '').includes('CreatePolicyVersion answered LimitExceeded'),
        )
        .map(({ name }) => `the race for a version of Policy/${name} was called a quota`) ?? [],
  );

/** A role of another owner that trusts a provider is named where the provider goes. */
export const namesWhoTrusts: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    writesOf(played, run)
      .filter((entry) => entry.key.startsWith('OpenID') && isDelete(entry))
      .flatMap((entry) => {
        const arn = entry.before.get(entry.key)?.arn ?? '';
        const trusting = [...stateAt(played, run.startedAt).values()].filter(({ trust }) => trust.includes(arn));
        const text = JSON.stringify(reportOf(run, entry.key) ?? {});
        return trusting
          .filter(({ name }) => !text.includes(name))
          .map(({ name }) => `${entryText(entry)} cut off Role/${name}, unsaid`);
      }),
  );
