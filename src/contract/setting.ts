/** A setting that is in force, and where it comes from: a variable, a profile, or `default`. */
export interface Setting {
  readonly value: string;
  readonly source: string;
}

/** A setting as a person reads it. Its value has no secret. */
export interface NamedSetting extends Setting {
  readonly name: string;
}
