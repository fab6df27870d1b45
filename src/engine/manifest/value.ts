import type { MapEntry, ScalarTree, SourceOffset, Tree } from './tree.js';
import { Limit, listTree, mapTree, scalarTree, problemAt } from './tree.js';
import { lowerFirst, thrownText, type Problem, SPLIT_MANIFEST } from './problem.js';
import type { Parsed } from './source.js';

const PLAIN_DATA = 'write plain data';

/** Converts a value that a program made; what JSON cannot hold is a problem. */
export function readValue(file: string, value: unknown): Parsed {
  const reader = new ValueReader(file);
  try {
    const tree = reader.read(value);
    return { tree: reader.problems.length > 0 ? null : tree, problems: reader.problems };
  } catch (error) {
    reader.report(`reading the value threw: ${lowerFirst(thrownText(error))}`, PLAIN_DATA);
    return { tree: null, problems: reader.problems };
  }
}

class ValueReader {
  readonly problems: Problem[] = [];
  readonly #at: SourceOffset;
  /** Objects that contain the current value. */
  readonly #parents = new Set<object>();
  readonly #path: PropertyKey[] = [];
  #values = 0;

  constructor(file: string) {
    this.#at = { origin: { name: file, lines: null }, offset: -1 };
  }

  report(message: string, remedy: string): ScalarTree {
    this.problems.push(problemAt(this.#at, this.#path, message, remedy));
    return scalarTree(this.#at, null);
  }

  read(part: unknown): Tree {
    if (++this.#values > Limit.Values) {
      if (this.#values > Limit.Values + 1) return scalarTree(this.#at, null);
      return this.report(`there are more than ${String(Limit.Values)} values`, SPLIT_MANIFEST);
    }
    if (part === null || typeof part === 'string' || typeof part === 'boolean') return scalarTree(this.#at, part);
    if (typeof part === 'number') {
      if (Number.isFinite(part)) return scalarTree(this.#at, part);
      return this.report(`${String(part)} is not JSON`, 'write a number');
    }
    if (typeof part !== 'object') return this.report(`a value of type ${typeof part} is not JSON`, PLAIN_DATA);
    if (this.#parents.has(part)) return this.report('the value contains itself', PLAIN_DATA);
    if (this.#path.length >= Limit.Depth) {
      return this.report(`values are nested more than ${String(Limit.Depth)} levels deep`, 'flatten them');
    }
    this.#parents.add(part);
    const tree = Array.isArray(part) ? this.#list(part) : this.#map(part);
    this.#parents.delete(part);
    return tree;
  }

  #list(part: readonly unknown[]): Tree {
    // A sparse list can be long without taking any memory.
    if (part.length > Limit.Values) {
      return this.report(
        `a list has ${String(part.length)} values, more than ${String(Limit.Values)}`,
        'declare fewer',
      );
    }
    // `Array.from` visits gaps as undefined; `map` would skip them.
    return listTree(
      this.#at,
      Array.from(part, (item, index) => this.#inside(index, () => this.read(item))),
    );
  }

  #map(part: object): Tree {
    const prototype: unknown = Object.getPrototypeOf(part);
    // Objects of another realm have another Object.prototype, which has no prototype itself.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      return this.report('an object of a class is not JSON', PLAIN_DATA);
    }
    const entries = new Map<string, MapEntry>();
    for (const [key, member] of Object.entries(part) as [string, unknown][]) {
      if (member === undefined) continue;
      this.#inside(key, () => {
        if (key === '__proto__') this.report('the key __proto__ is not allowed', 'remove it');
        else entries.set(key, { at: this.#at, value: this.read(member) });
      });
    }
    return mapTree(this.#at, entries);
  }

  #inside<T>(key: PropertyKey, read: () => T): T {
    this.#path.push(key);
    const result = read();
    this.#path.pop();
    return result;
  }
}
