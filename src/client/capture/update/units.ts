import type { Fault } from './accept-units.js';
import { partKey, propertyOf } from './parts.js';
import type { Part, PlannedEdit, UpdatePlan } from './plan-update.js';
import type { FaultSign, ManifestFault } from './verify.js';

/**
 * Changes that are made together, or not at all: those of one property, one document or one tag, and of all that share
 * them. Half of the changes of a statement would permit what neither side did.
 */
export type Unit = readonly PlannedEdit[];

/** Brings the changes together that have a part in common. Those with a part that is left to a person are left to them. */
export function unitsOf({
  edits,
  patches,
}: UpdatePlan): readonly { readonly edits: Unit; readonly isByHand: boolean }[] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    const parent = parents.get(key) ?? key;
    return parent === key ? key : rootOf(parent);
  };
  const keysOf = (parts: readonly Part[]): string[] => parts.map(partKey);
  for (const { parts } of [...edits, ...patches]) {
    const [first = '', ...others] = keysOf(parts);
    for (const other of others) parents.set(rootOf(other), rootOf(first));
  }
  const byHand = new Set(patches.flatMap(({ parts }) => keysOf(parts).map(rootOf)));
  const units = new Map<string, PlannedEdit[]>();
  for (const edit of edits) {
    const root = rootOf(keysOf(edit.parts)[0] ?? '');
    const unit = units.get(root);
    if (unit === undefined) units.set(root, [edit]);
    else unit.push(edit);
  }
  return [...units].map(([root, unit]) => ({ edits: unit, isByHand: byHand.has(root) }));
}

/** Returns a fault with the units that are to blame. A sign that points to several of them shows nothing. */
export function blame(units: readonly Unit[], { reason, signs }: ManifestFault): Fault<Unit> {
  const find = finderOf(units);
  const blamed = new Map<Unit, string>();
  for (const sign of signs) {
    const [unit, ...others] = find(sign);
    if (unit !== undefined && others.length === 0 && !blamed.has(unit)) blamed.set(unit, sign.reason);
  }
  return { reason, blamed };
}

/** Returns a function that finds the units which a sign points to. */
function finderOf(units: readonly Unit[]): (sign: FaultSign) => readonly Unit[] {
  const byPart = new Map<string, Set<Unit>>();
  const byPath = new Map<string, Set<Unit>>();
  const note = (map: Map<string, Set<Unit>>, key: string, unit: Unit): void => {
    map.set(key, (map.get(key) ?? new Set()).add(unit));
  };
  for (const unit of units) {
    for (const { difference, parts } of unit) {
      for (const part of parts) note(byPart, partKey(part), unit);
      for (const path of pathsTo(difference.path)) note(byPath, path, unit);
    }
  }
  return (sign) => {
    if ('part' in sign) {
      return [...(byPart.get(partKey(sign.part)) ?? byPart.get(partKey(propertyOf(sign.part))) ?? [])];
    }
    // An index of a list may be another one than before, so what is around it counts, up to the property.
    const paths = pathsTo(sign.path);
    const around = paths.slice(Math.min(PROPERTY_DEPTH, paths.length) - 1).reverse();
    return [...(around.map((path) => byPath.get(path)).find((found) => found !== undefined) ?? [])];
  };
}

/** The segments of the path of a property: `entities`, `[3]`, `description`. */
const PROPERTY_DEPTH = 3;

const SEGMENT = /\.?[\w$-]+|\[(?:\d+|"(?:[^"\\]|\\.)*")\]/g;

/** Returns the paths that lead to a path, and the path itself, which comes last. */
function pathsTo(path: string): readonly string[] {
  return [...path.matchAll(SEGMENT)].map(({ index, 0: segment }) => path.slice(0, index + segment.length));
}
