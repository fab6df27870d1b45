import type { Part } from './plan-update.js';

/** A set of parts of entities. A property has its documents, or its tags, in it. */
export class PartSet {
  readonly #keys: ReadonlySet<string>;

  constructor(parts: readonly Part[]) {
    this.#keys = new Set(parts.map(partKey));
  }

  /** Reports whether a part is one of these, or is in one of them. */
  covers(part: Part): boolean {
    return this.#keys.has(partKey(part)) || this.#keys.has(partKey(propertyOf(part)));
  }
}

/** Returns a key that is the same for equal parts. */
export function partKey({ entity, part }: Part): string {
  return JSON.stringify([entity, part]);
}

/** Returns the property that a part is in, or is. */
export function propertyOf({ entity, part }: Part): Part {
  return { entity, part: part.split('.', 1)[0] ?? part };
}

/** Reports whether a part stands for an entity that is declared absent. */
export function isLeaving({ part }: Part): boolean {
  return part === 'state';
}
