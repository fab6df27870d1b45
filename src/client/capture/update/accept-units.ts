/** A fault of changes that are made together. */
export interface Fault<Unit> {
  readonly reason: string;
  /** The changes that are at fault by themselves, as far as that shows, each with its reason. */
  readonly blamed: ReadonlyMap<Unit, string>;
}

/** The means by which changes are tried. */
export interface Trial<Unit> {
  /** Returns what is wrong with changes that are made together; undefined where they may be made. */
  readonly faultOf: (units: readonly Unit[]) => Fault<Unit> | undefined;
  /** Takes a change that cannot be made. */
  readonly reject: (unit: Unit, reason: string) => void;
}

/**
 * Returns the changes that can be made on top of others. Those that are blamed are tried again on top of the rest, since
 * one may be at fault only beside another one. Where none is blamed, each half is tried.
 */
export function acceptUnits<Unit>(units: readonly Unit[], kept: readonly Unit[], trial: Trial<Unit>): readonly Unit[] {
  if (units.length === 0) return kept;
  const all = [...kept, ...units];
  const fault = trial.faultOf(all);
  if (fault === undefined) return all;
  const blamed = units.filter((unit) => fault.blamed.has(unit));
  const rest = units.filter((unit) => !fault.blamed.has(unit));
  if (rest.length === 0 || units.length === 1) {
    for (const unit of units) trial.reject(unit, fault.blamed.get(unit) ?? fault.reason);
    return kept;
  }
  if (blamed.length > 0) return acceptUnits(blamed, acceptUnits(rest, kept, trial), trial);
  const half = Math.ceil(units.length / 2);
  return acceptUnits(units.slice(half), acceptUnits(units.slice(0, half), kept, trial), trial);
}
