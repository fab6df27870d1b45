import type { Json } from '../../../contract/entity.js';
import { isList, isObject } from '../../../contract/json.js';
import { equalJson } from '../../../engine/json.js';
import type { MapEntry, Tree } from '../../../engine/manifest/tree.js';

/** A change that makes the manifest say what the account has. */
export interface ValueChange {
  readonly op: 'replace' | 'remove' | 'add' | 'rename';
  /** The value that is replaced, or the list or map that gets or loses a member. */
  readonly target: Tree;
  /** The place of the member in its list. */
  readonly index?: number;
  /** The key that is added, or that an entry gets. */
  readonly key?: string;
  /** The entry that goes, or gets another key. */
  readonly entry?: MapEntry;
  /** The path of the value, or of the member, in the entity. */
  readonly path: readonly PropertyKey[];
  /** The value of the manifest; undefined where it has none. */
  readonly from?: Json | undefined;
  /** The value of the account; undefined where it has none. */
  readonly to?: Json | undefined;
  /** True if a single value becomes a list that begins with it, as it is written. */
  readonly isKept?: boolean;
  /** The reason for which it is left to a person. Default: it can be made, as far as this tells. */
  readonly byHand?: string;
}

/** Changes of a value, and the value that they lead to. */
export interface Changed {
  readonly changes: readonly ValueChange[];
  readonly result: Json;
}

/** Returns the plain value of a tree, with the ARNs in the place of references. */
export type ReadTree = (tree: Tree) => Json;

/** Returns the changes of a member of a map. */
type CompareMember = (member: Tree, to: Json, path: readonly PropertyKey[], key: string) => Changed;

/** Reports whether two members of a list, or two single values, mean the same. */
type Same = (a: Json, b: Json) => boolean;

/** Finds the changes by which values become those of an account. */
export class ValueDiffer {
  constructor(protected readonly read: ReadTree) {}

  /** Returns the changes that make a value another one: as few and as small ones as its form allows. */
  value(tree: Tree, goal: Json, path: readonly PropertyKey[]): Changed {
    const from = this.read(tree);
    if (equalJson(from, goal)) return { changes: [], result: from };
    if (tree.type === 'map' && isObject(goal)) return this.map(tree, goal, path);
    if (tree.type === 'list' && isList(goal) && isSubsequence(from, goal)) return this.members(tree, goal, path);
    return this.replace(tree, goal, path);
  }

  /** Returns the change that replaces a value as a whole. */
  replace(tree: Tree, to: Json, path: readonly PropertyKey[]): Changed {
    return { changes: [{ op: 'replace', target: tree, path, from: this.read(tree), to }], result: to };
  }

  /** Returns the changes of a map, whose values are compared by `compare`. */
  map(
    tree: Tree & { readonly type: 'map' },
    goal: Readonly<Record<string, Json>>,
    path: readonly PropertyKey[],
    compare: CompareMember = (member, to, at) => this.value(member, to, at),
  ): Changed {
    const changes: ValueChange[] = [];
    const result: [string, Json][] = [];
    const keys = new Set<string>();
    for (const [written, entry] of tree.entries) {
      const key = this.text(written);
      keys.add(key);
      const to = Object.hasOwn(goal, key) ? goal[key] : undefined;
      if (to === undefined) {
        changes.push({ op: 'remove', target: tree, key, entry, path: [...path, key], from: this.read(entry.value) });
      } else {
        const changed = compare(entry.value, to, [...path, key], key);
        changes.push(...changed.changes);
        result.push([key, changed.result]);
      }
    }
    for (const [key, to] of Object.entries(goal)) {
      if (keys.has(key)) continue;
      changes.push({ op: 'add', target: tree, key, path: [...path, key], to });
      result.push([key, to]);
    }
    return { changes, result: Object.fromEntries(result) };
  }

  /** Returns the changes of a list in any order: members that are gone go, and new ones are added at its end. */
  members(tree: Tree, goal: readonly Json[], path: readonly PropertyKey[], same: Same = equalJson): Changed {
    if (tree.type !== 'list') {
      const [only] = goal;
      return this.replace(tree, goal.length === 1 && only !== undefined ? only : goal, path);
    }
    const changes: ValueChange[] = [];
    const result: Json[] = [];
    tree.items.forEach((item, index) => {
      const from = this.read(item);
      if (goal.some((to) => same(from, to))) result.push(from);
      else changes.push({ op: 'remove', target: tree, index, path: [...path, index], from });
    });
    for (const to of goal) {
      if (result.some((from) => same(from, to))) continue;
      changes.push({ op: 'add', target: tree, path, to });
      result.push(to);
    }
    return { changes, result };
  }

  protected text(written: string): string {
    const read = this.read({ type: 'scalar', value: written, raw: null, size: 1, depth: 0, at: NOWHERE });
    return typeof read === 'string' ? read : written;
  }
}

const NOWHERE = { origin: { name: '', lines: null }, offset: -1 };

/** Reports whether the members that stay, and those that come, have the order of the goal. */
function isSubsequence(from: Json, goal: readonly Json[]): boolean {
  if (!isList(from)) return false;
  const kept = from.filter((member) => goal.some((to) => equalJson(member, to)));
  const added = goal.filter((to) => !kept.some((member) => equalJson(member, to)));
  return equalJson([...kept, ...added], goal);
}
