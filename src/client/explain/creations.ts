import type { Found, TrailEvent } from '../../contract/explain.js';
import { CLOCK_TOLERANCE_MS, type Creation, newestCreation } from '../../engine/conflict-cause.js';
import { describeRun } from '../describe.js';
import { CREATE_OPERATIONS, creationsOf, type EntityRun, isKept } from './entity-run.js';

/** The longest time between sending a Create and the creation date that AWS records. */
const MAX_CREATE_MS = 20_000;

/** The Creates of an entity, each once. */
export interface Creations {
  /** Creates that runs in Temporal, CloudTrail and the entity itself show. */
  readonly shown: readonly Creation[];
  /** All Creates: those that only files tell of as well. */
  readonly all: readonly Creation[];
  /** The one that made the entity as it exists now. Null where nothing tells. */
  readonly existing: Creation | null;
  /** Only a file tells of {@link existing}. */
  readonly isTold: boolean;
}

/** Finds the Creates of an entity. What files tell replaces nothing that Temporal, CloudTrail and IAM show. */
export function findCreations(
  entityRuns: readonly EntityRun[],
  events: readonly TrailEvent[],
  found: Found,
): Creations {
  const kept = entityRuns.filter(isKept);
  const others = entityRuns.filter((run) => !isKept(run));
  const calls = shownCalls(kept, events);
  const ofEntity = creationOfEntity(kept, calls, found);
  const told = creationsOf(others).filter((creation) => !calls.some((call) => isSameCreation(call, creation)));
  const agreeing = ofEntity === null && calls.length > 0 ? [] : agreeingWith(found, told, others);
  const existing = newestCreation(agreeing);
  const shown = [...calls, ...(ofEntity === null ? [] : [ofEntity])];
  return {
    shown,
    all: [...calls, ...new Set([...told, ...agreeing]), ...(ofEntity === null || existing !== null ? [] : [ofEntity])],
    existing: existing ?? newestCreation(shown),
    isTold: existing !== null,
  };
}

/** Returns the Create that the entity itself shows. Null where it shows none, or a known call is that Create. */
function creationOfEntity(kept: readonly EntityRun[], calls: readonly Creation[], found: Found): Creation | null {
  const at = Date.parse(found.createdAt ?? '');
  if (Number.isNaN(at) || calls.some((call) => isAtTime(call, at))) return null;
  const { createdByRun: runId } = found;
  const creator = kept.find(({ run }) => run.runId === runId);
  const caller = creator !== undefined ? describeRun(creator.run) : runId === null ? null : `run ${runId}`;
  return { at, runId, principal: null, caller, requestId: null };
}

/** Returns the Creates in files that the creation date and the intent tag of the entity do not contradict. */
function agreeingWith(
  { createdAt, createdByRun }: Found,
  told: readonly Creation[],
  others: readonly EntityRun[],
): readonly Creation[] {
  const at = Date.parse(createdAt ?? '');
  const agreeing = told.filter(
    (creation) =>
      (createdByRun === null || creation.runId === createdByRun) && (Number.isNaN(at) || isAtTime(creation, at)),
  );
  if (agreeing.length > 0 || Number.isNaN(at)) return agreeing;
  const creator = others.find(({ run }) => run.runId === createdByRun)?.run;
  if (creator === undefined) return [];
  return [{ at, runId: createdByRun, principal: null, caller: describeRun(creator), requestId: null }];
}

function isAtTime(creation: Creation, createdAt: number): boolean {
  return createdAt >= creation.at - CLOCK_TOLERANCE_MS && createdAt <= creation.at + MAX_CREATE_MS;
}

function shownCalls(kept: readonly EntityRun[], events: readonly TrailEvent[]): readonly Creation[] {
  const ofTrail = creationsInTrail(kept, events);
  const ofRuns = creationsOf(kept).map((creation) => {
    const same = ofTrail.find((other) => isSameCreation(other, creation));
    // A run does not know the request ID of a lost reply; CloudTrail does.
    return same === undefined ? creation : { ...creation, principal: same.principal, requestId: same.requestId };
  });
  const others = ofTrail.filter((creation) => !ofRuns.some((other) => isSameCreation(creation, other)));
  return [...ofRuns, ...others];
}

function creationsInTrail(entityRuns: readonly EntityRun[], events: readonly TrailEvent[]): Creation[] {
  return events
    .filter(({ code, operation }) => code === null && CREATE_OPERATIONS.test(operation))
    .map(({ at, runId, principal, requestId }) => {
      const run = entityRuns.find((entityRun) => entityRun.run.runId === runId)?.run;
      return {
        at: Date.parse(at),
        runId,
        principal,
        caller: run === undefined ? principal : describeRun(run),
        requestId,
      };
    });
}

function isSameCreation(event: Creation, creation: Creation): boolean {
  if (creation.requestId !== null) return event.requestId === creation.requestId;
  return event.runId !== null && event.runId === creation.runId;
}
