import type { Namespace } from '../history.js';
import type { Entry } from '../iam/account.js';
import type { IamEntity } from '../iam/state.js';
import type { Played, PlayedRun } from '../play.js';
import {
  declarationOf,
  entryText,
  isBy,
  isChangedByHandSinceLook,
  isCreate,
  isDelete,
  isForeign,
  isLeaving,
  isOfOtherEntity,
  isUntagged,
  keyOfDeclaration,
  namespacesOf,
  ownerTag,
  reportOf,
  senderOf,
  startedRuns,
  stateAt,
  writes,
} from './facts.js';
import type { Rule } from './facts.js';

/** At most one Create of an entity succeeds in a run, and one more for each time that it was deleted meanwhile. */
export const createsOnce: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      const ofKey = writes(played).filter((entry) => entry.key === key);
      const creates = ofKey.filter((entry) => isBy(entry, run) && isCreate(entry)).length;
      const deletes = ofKey.filter((entry) => isDelete(entry) && entry.version > run.startedAt).length;
      return creates > 1 + deletes ? [`${key} was created ${String(creates)} times by one run`] : [];
    }),
  );

/** Nothing of another owner is written without an override, as of the writer's last look. */
export const leavesForeignAlone: Rule = (played) =>
  writes(played).flatMap((entry) => {
    const run = senderOf(played, entry);
    const entity = entry.before.get(entry.key);
    if (run === undefined || entity === undefined || isUntagged(entry.key)) return [];
    const declaration = declarationOf(run, entry.key);
    if (declaration?.adopt === 'foreign' || takesItsPart(entry, run, entity)) return [];
    // A device is detached from a user that is deleted, and kept.
    if (entry.operation === 'DeactivateMFADevice') return [];
    if (!isForeign(entity, run.spec.namespace, declaration?.shared === true)) return [];
    return isChangedByHandSinceLook(played, entry, run) ? [] : [`${entryText(entry)}, which belongs to another owner`];
  });

/** A namespace that leaves takes what it has brought from an entity that stays. */
function takesItsPart(entry: Entry, run: PlayedRun, entity: IamEntity): boolean {
  const declaration = declarationOf(run, entry.key);
  const isMember = namespacesOf(entity).includes(run.spec.namespace);
  return declaration !== undefined && isLeaving(run, declaration) && isMember && !isDelete(entry);
}

/** No other run, and no other attempt of the same run, writes an entity between an attempt's look at it and its write. */
export const writesAlone: Rule = (played) =>
  writes(played).flatMap((entry) => {
    const { by, lookedAt } = entry;
    if (typeof by === 'string' || lookedAt === null) return [];
    const others = writes(played).filter(
      (other) =>
        other.key === entry.key &&
        other.version > lookedAt &&
        other.version < entry.version &&
        typeof other.by !== 'string' &&
        other.by !== by,
    );
    return others.map((other) => `${entryText(other)} came between the look and ${entryText(entry)}`);
  });

/** An entity is deleted by its last namespace only, whatever form the others' tags have, but for a takeover. */
export const keepsShared: Rule = (played) =>
  writes(played).flatMap((entry) => {
    const run = senderOf(played, entry);
    const entity = entry.before.get(entry.key);
    if (run === undefined || entity === undefined || !isDelete(entry)) return [];
    const declaration = declarationOf(run, entry.key);
    if (declaration === undefined || (declaration.shared !== true && declaration.adopt === 'foreign')) return [];
    const others = namespacesOf(entity).filter((namespace) => namespace !== run.spec.namespace);
    if (others.length === 0 || isChangedByHandSinceLook(played, entry, run)) return [];
    return [`${entryText(entry)}, which ${others.join(' and ')} still had`];
  });

/** Of what a manifest does not declare, only what it has declared before and what its namespace has created is deleted, on request. */
export const removesOwnOrphansOnly: Rule = (played) =>
  writes(played).flatMap((entry) => {
    const run = senderOf(played, entry);
    const entity = entry.before.get(entry.key);
    if (run === undefined || entity === undefined || !isDelete(entry) || isOfOtherEntity(entry)) return [];
    const { namespace, environment, orphans, declares } = run.spec;
    if (declares.some((declaration) => keyOfDeclaration(declaration) === entry.key)) return [];
    if (orphans !== 'remove') return [`${entryText(entry)}, which its manifest does not declare`];
    const isDeclaredBefore = played.runs.some(
      ({ spec, startedAt }) =>
        spec.namespace === namespace &&
        spec.environment === environment &&
        startedAt <= run.startedAt &&
        spec.declares.some((declaration) => keyOfDeclaration(declaration) === entry.key),
    );
    if (!isDeclaredBefore) return [`${entryText(entry)}, which its manifest has never declared`];
    const creation = writes(played).find(
      (other) => isCreate(other) && other.after.get(entry.key)?.incarnation === entity.incarnation,
    );
    if (creation !== undefined && isByOrMarkedAs(played, creation, namespace)) return [];
    if (isChangedByHandSinceLook(played, entry, run)) return [];
    return [`${entryText(entry)}, which it has not created`];
  });

/** A hand that copies the tags of a creation has the last word. */
function isByOrMarkedAs(played: Played, creation: Entry, namespace: Namespace): boolean {
  const { tags = {} } = creation.after.get(creation.key) ?? {};
  const isMarked = tags['iam-bootstrap:namespace'] === namespace && tags['iam-bootstrap:origin'] === 'created';
  return isMarked || senderOf(played, creation)?.spec.namespace === namespace;
}

/** The tag of another owner stays, but for a takeover. */
export const keepsOwner: Rule = (played) =>
  writes(played).flatMap((entry) => {
    const run = senderOf(played, entry);
    const [before, after] = [entry.before.get(entry.key), entry.after.get(entry.key)];
    if (run === undefined || before === undefined || after === undefined) return [];
    const owner = ownerTag(before);
    if (declarationOf(run, entry.key)?.shared !== true || owner === undefined || owner === run.spec.namespace)
      return [];
    return ownerTag(after) === owner ? [] : [`${entryText(entry)} removed the tag of ${owner}`];
  });

/** A namespace that leaves takes its own tags with it. */
export const takesItsTags: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      const left = ['deleted', 'released'].includes(reportOf(run, key)?.outcome ?? '');
      const entity = stateAt(played, run.endedAt).get(key);
      if (!isLeaving(run, declaration) || !left || entity === undefined) return [];
      const isTouchedLater = writes(played).some(
        (entry) =>
          entry.key === key && !isBy(entry, run) && entry.version > run.startedAt && entry.version <= run.endedAt,
      );
      if (isTouchedLater || !namespacesOf(entity).includes(run.spec.namespace)) return [];
      return [`${run.spec.namespace} has left ${key}, and its tag is still there`];
    }),
  );

/** A namespace that leaves a provider takes the client IDs that only it brought, and no others. */
export const takesItsClientIds: Rule = (played) =>
  startedRuns(played).flatMap((run) =>
    run.spec.declares.flatMap((declaration) => {
      const key = keyOfDeclaration(declaration);
      if (!key.startsWith('OpenID') || !isLeaving(run, declaration) || declaration.shared !== true) return [];
      if (run.spec.command === 'release') return [];
      const [before, after] = [stateAt(played, run.startedAt).get(key), stateAt(played, run.endedAt).get(key)];
      const outcome = reportOf(run, key)?.outcome ?? '';
      if (after === undefined || before?.incarnation !== after.incarnation) return [];
      if (!['deleted', 'released'].includes(outcome)) return [];
      const others = played.runs.filter(({ spec }) => spec.namespace !== run.spec.namespace);
      const declaredByOthers = others.flatMap((other) => declarationOf(other, key)?.clientIds ?? []);
      const brought = broughtBy(played, run.spec.namespace, key, run.startedAt, after.incarnation);
      const isDisturbed = writes(played).some(
        (entry) =>
          entry.key === key && !isBy(entry, run) && entry.version > run.startedAt && entry.version <= run.endedAt,
      );
      if (isDisturbed) return [];
      const stays = brought.filter((id) => after.clientIds.includes(id) && !declaredByOthers.includes(id));
      // A part that others had when this namespace came is also its own, once they are gone.
      const inherited = arrivalsOf(played, run.spec.namespace, key).flatMap((arrival) =>
        namespacesOf(arrival.before.get(key) ?? before)
          .filter((other) => !namespacesOf(before).includes(other))
          .flatMap((other) => broughtBy(played, other, key, arrival.version, after.incarnation)),
      );
      const own = [...brought, ...inherited];
      const goes = before.clientIds.filter((id) => !after.clientIds.includes(id) && !own.includes(id));
      return [
        ...stays.map((id) => `${run.spec.namespace} has left ${key}, and its client ID ${id} is still there`),
        ...goes.map(
          (id) => `${run.spec.namespace} has left ${key} and has taken client ID ${id}, which it did not bring`,
        ),
      ];
    }),
  );

/** Returns the writes that gave a namespace its first tag on an entity that was there. */
function arrivalsOf(played: Played, namespace: string, key: string): readonly Entry[] {
  return writes(played).filter(({ key: written, before, after }) => {
    const [had, has] = [before.get(key), after.get(key)];
    if (written !== key || had === undefined || has === undefined) return false;
    return namespacesOf(has).includes(namespace) && !namespacesOf(had).includes(namespace);
  });
}

/** Returns the namespaces whose last tag a write takes from an entity that stays. */
function leavers({ before, after, key }: Entry): string[] {
  const [had, has] = [before.get(key), after.get(key)];
  if (had === undefined || has === undefined) return [];
  return namespacesOf(had).filter((namespace) => !namespacesOf(has).includes(namespace));
}

/**
 * Returns the client IDs that the writes of a namespace added to a provider that is still there. What a namespace has
 * released, or another one has taken over, is no longer its own.
 */
function broughtBy(played: Played, namespace: string, key: string, until: number, incarnation: number): string[] {
  const ofKey = writes(played).filter((entry) => entry.key === key && entry.version <= until);
  const left = ofKey.findLast((entry) => leavers(entry).includes(namespace))?.version ?? 0;
  return ofKey
    .filter((entry) => entry.version > left && senderOf(played, entry)?.spec.namespace === namespace)
    .flatMap(({ before, after }) => {
      const [had, has] = [before.get(key), after.get(key)];
      if (has?.incarnation !== incarnation) return [];
      return has.clientIds.filter((id) => had?.incarnation !== incarnation || !had.clientIds.includes(id));
    });
}
