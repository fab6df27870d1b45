import type { Json, JsonObject } from '../../../contract/entity.js';
import { asList, isList, isObject } from '../../../contract/json.js';
import { equalJson } from '../../../engine/json.js';
import type { Tree } from '../../../engine/manifest/tree.js';
import { equivalentDocuments, foldCase, type DocumentContext } from '../../../engine/policy/index.js';
import { ValueDiffer, type Changed, type ReadTree, type ValueChange } from './value-changes.js';

const NONE: readonly ValueChange[] = [];

/** Finds the changes of policy documents. What means the same to IAM stays as it is written. */
export class DocumentDiffer extends ValueDiffer {
  constructor(
    read: ReadTree,
    private readonly context: DocumentContext,
  ) {
    super(read);
  }

  /** Returns the changes that give a document the meaning of another one. */
  document(tree: Tree, goal: Json, path: readonly PropertyKey[]): Changed {
    const from = this.read(tree);
    if (this.#isSameDocument(from, goal)) return { changes: NONE, result: from };
    if (tree.type !== 'map' || !isObject(goal)) return this.replace(tree, goal, path);
    const changed = this.map(tree, goal, path, (member, to, at, key) =>
      key === 'Statement' ? this.#statements(member, to, at) : this.value(member, to, at),
    );
    return this.#isSameDocument(changed.result, goal) ? changed : this.replace(tree, goal, path);
  }

  /** Brings the end of a document and the beginning of an equal one together: it has another name, and stays as written. */
  renamed(changes: readonly ValueChange[]): readonly ValueChange[] {
    const added = changes.filter(({ op }) => op === 'add');
    const done = new Set<ValueChange>();
    const all = changes.map((change): ValueChange => {
      if (change.op !== 'remove') return change;
      const other = added.find((one) => !done.has(one) && this.#isSameDocument(change.from ?? null, one.to ?? null));
      if (other?.key === undefined) return change;
      done.add(other);
      return { ...change, op: 'rename', from: String(change.path.at(-1)), key: other.key, to: other.key };
    });
    return all.filter((change) => !done.has(change));
  }

  #isSameDocument(a: Json, b: Json): boolean {
    return equivalentDocuments(a, b, this.context);
  }

  /** Pairs the statements with those of the account: equal ones, those with the same Sid, and those most alike. */
  #statements(tree: Tree, goal: Json, path: readonly PropertyKey[]): Changed {
    if (tree.type !== 'list') return this.#onlyStatement(tree, asList(goal), path);
    const written = tree.items.map((item) => this.read(item));
    const left = new Set(asList(goal));
    const pairs = new Map<number, Json>();
    const pair = (index: number, to: Json | undefined): void => {
      if (to === undefined) return;
      pairs.set(index, to);
      left.delete(to);
    };
    const pairBy = (matches: (from: Json, to: Json) => boolean): void => {
      written.forEach((from, index) => {
        if (!pairs.has(index))
          pair(
            index,
            [...left].find((to) => matches(from, to)),
          );
      });
    };
    pairBy((from, to) => equalJson(from, to));
    pairBy((from, to) => this.#isSameStatement(from, to));
    pairBy((from, to) => sidOf(from) !== undefined && sidOf(from) === sidOf(to));
    pairBy((from, to) => this.#isAlike(from, to));
    // One statement for another one is one that has changed: its templates are not lost.
    if (left.size === 1 && pairs.size === written.length - 1) pairBy((from, to) => hasSameEffect(from, to));
    const changes: ValueChange[] = [];
    const result: Json[] = [];
    tree.items.forEach((item, index) => {
      const to = pairs.get(index);
      if (to === undefined) {
        changes.push({ op: 'remove', target: tree, index, path: [...path, index], from: written[index] });
        return;
      }
      const isTaken = asList(goal).some((other) => other !== to && sidOf(other) === sidOf(written[index]));
      const changed = this.#statement(item, to, [...path, index], !isTaken);
      changes.push(...changed.changes);
      result.push(changed.result);
    });
    for (const to of left) changes.push({ op: 'add', target: tree, path, to });
    return { changes, result: [...result, ...left] };
  }

  /** Returns the changes of a statement that is not in a list. It stays as it is written where others come beside it. */
  #onlyStatement(tree: Tree, goal: readonly Json[], path: readonly PropertyKey[]): Changed {
    const [first] = goal;
    if (first !== undefined && goal.length === 1) return this.#statement(tree, first, path);
    const from = this.read(tree);
    const same = goal.find((to) => this.#isSameStatement(from, to));
    const others = goal.filter((to) => to !== same);
    const isSidTaken = sidOf(from) !== undefined && others.some((other) => sidOf(other) === sidOf(from));
    if (tree.type !== 'map' || same === undefined || isSidTaken) return this.replace(tree, goal, path);
    return {
      changes: others.map((to, index) => ({ op: 'add', target: tree, path: [...path, index + 1], to })),
      result: [from, ...others],
    };
  }

  #isSameStatement(a: Json, b: Json): boolean {
    return this.#isSameDocument({ Statement: [a] }, { Statement: [b] });
  }

  /** Reports whether statements with the same effect have another field in common: a change of the rest is smaller. */
  #isAlike(a: Json, b: Json): boolean {
    if (!isObject(a) || !isObject(b) || !hasSameEffect(a, b)) return false;
    const fields = Object.keys(a).filter((field) => field !== 'Sid' && field !== 'Effect' && Object.hasOwn(b, field));
    return fields.some((field) => this.#isSameField(field, a[field] ?? null, b));
  }

  /** Reports whether a field of a statement can stay as it is written. */
  #isSameField(field: string, from: Json, goal: JsonObject): boolean {
    return this.#isSameStatement({ ...goal, [field]: from }, goal);
  }

  /** A Sid has no effect, and stays unless another statement has taken it. */
  #statement(tree: Tree, goal: Json, path: readonly PropertyKey[], keepsSid = true): Changed {
    const from = this.read(tree);
    const hasSid = sidOf(from) !== undefined;
    if ((keepsSid || !hasSid) && this.#isSameStatement(from, goal)) return { changes: NONE, result: from };
    if (tree.type !== 'map' || !isObject(goal)) return this.replace(tree, goal, path);
    const wanted = withSid(goal, keepsSid ? from : {});
    const changed = this.map(tree, wanted, path, (member, to, at, field) => this.#field(member, to, at, field, goal));
    return this.#isSameStatement(changed.result, goal) ? changed : this.replace(tree, goal, path);
  }

  #field(tree: Tree, to: Json, path: readonly PropertyKey[], field: string, statement: JsonObject): Changed {
    const from = this.read(tree);
    if (field !== 'Sid' && this.#isSameField(field, from, statement)) return { changes: NONE, result: from };
    const goal = field === 'Condition' ? spelledAs(from, to) : to;
    return this.#values(tree, goal, path, (a, b) => equalJson(a, b) || this.#isSameValue(field, path, a, b, statement));
  }

  /** Returns the changes of lists of values, at any depth of maps: of principals by type, of conditions by operator and key. */
  #values(tree: Tree, goal: Json, path: readonly PropertyKey[], same: (a: Json, b: Json) => boolean): Changed {
    if (tree.type === 'map' && isObject(goal)) {
      return this.map(tree, goal, path, (member, to, at) => this.#values(member, to, at, same));
    }
    if (tree.type === 'map' || isObject(goal)) return this.value(tree, goal, path);
    const from = this.read(tree);
    if (tree.type === 'scalar' && !isList(goal)) {
      return same(from, goal) ? { changes: NONE, result: from } : this.replace(tree, goal, path);
    }
    if (tree.type === 'scalar' && isList(goal) && goal.some((to) => same(from, to))) {
      const to = [from, ...goal.filter((one) => !same(from, one))];
      return { changes: [{ op: 'replace', target: tree, path, from, to, isKept: true }], result: to };
    }
    if (tree.type === 'list' && tree.items.every((item) => item.type === 'scalar')) {
      return this.members(tree, asList(goal), path, same);
    }
    return this.replace(tree, goal, path);
  }

  /** Reports whether two values of a list mean the same, such as actions in another case. */
  #isSameValue(field: string, _path: readonly PropertyKey[], a: Json, b: Json, statement: JsonObject): boolean {
    if (field !== 'Action' && field !== 'NotAction') return false;
    return this.#isSameField(field, [a], { ...statement, [field]: [b] });
  }
}

/** Returns the Sid of a statement that has one. */
function sidOf(statement: Json | undefined): Json | undefined {
  return isObject(statement) && statement['Sid'] !== '' ? statement['Sid'] : undefined;
}

/** Returns a statement with the Sid of the manifest where its own is missing or empty. */
function withSid(goal: JsonObject, written: Json): JsonObject {
  if (sidOf(goal) !== undefined) return goal;
  const rest = Object.fromEntries(Object.entries(goal).filter(([field]) => field !== 'Sid'));
  const kept = isObject(written) ? written['Sid'] : undefined;
  return kept === undefined ? rest : { ...rest, Sid: kept };
}

/** Returns a condition with its keys as the manifest spells them. IAM compares keys without case, and operators with it. */
function spelledAs(written: Json, goal: Json): Json {
  if (!isObject(written) || !isObject(goal)) return goal;
  return Object.fromEntries(
    Object.entries(goal).map(([operator, block]) => {
      const before = written[operator];
      if (!isObject(before) || !isObject(block)) return [operator, block];
      const named = (keys: JsonObject, key: string): readonly string[] =>
        Object.keys(keys).filter((other) => foldCase(other) === foldCase(key));
      const spelled = Object.entries(block).map(([key, values]) => {
        // Two keys that differ in case only are not one: AWS does not say what they mean.
        const [name = key, ...others] = named(before, key);
        return [others.length === 0 && named(block, key).length === 1 ? name : key, values];
      });
      return [operator, Object.fromEntries(spelled) as JsonObject];
    }),
  );
}

function hasSameEffect(a: Json, b: Json): boolean {
  return isObject(a) && isObject(b) && a['Effect'] === b['Effect'];
}
