import { quoted } from '../../engine/manifest/problem.js';
import { stringOf, type ListTree, type MapEntry, type SourceOffset, type Tree } from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { NO_VALUE, type Scope } from './calls.js';
import type { Evaluator } from './evaluate.js';
import { textOf } from './parameters.js';

type Path = readonly PropertyKey[];

/** The functions that give true or false. */
const FUNCTIONS: readonly string[] = ['Fn::Equals', 'Fn::And', 'Fn::Or', 'Fn::Not'];

/** Evaluates the conditions of a template, each once. */
export class Conditions {
  private readonly known = new Map<string, boolean | undefined>();
  private readonly open = new Set<string>();

  constructor(
    private readonly declared: ReadonlyMap<string, MapEntry>,
    private readonly evaluator: Evaluator,
    private readonly scope: Pick<Scope, 'refuse' | 'literal'>,
  ) {}

  /** Returns whether a condition holds; undefined if it has a problem. */
  holds(name: string, at: SourceOffset, path: Path): boolean | undefined {
    if (this.known.has(name)) return this.known.get(name);
    const entry = this.declared.get(name);
    if (entry === undefined) {
      const remedy = suggestion(name, [...this.declared.keys()], 'declare it under Conditions');
      this.scope.refuse(at, path, `the condition ${quoted(name)} is not declared`, remedy);
      return;
    }
    if (this.open.has(name)) {
      this.scope.refuse(at, path, `the condition ${quoted(name)} depends on itself`, 'take one of the uses away');
      return;
    }
    this.open.add(name);
    const result = this.evaluate(entry.value, ['Conditions', name]);
    this.open.delete(name);
    this.known.set(name, result);
    return result;
  }

  private evaluate(tree: Tree, path: Path): boolean | undefined {
    return this.evaluator.budget.within(tree.at, path, () => this.value(tree, path));
  }

  private value(tree: Tree, path: Path): boolean | undefined {
    const [first] = tree.type === 'map' && tree.entries.size === 1 ? tree.entries : [];
    if (first === undefined) {
      this.refuse(tree, path);
      return;
    }
    const [name, { value }] = first;
    const inside = [...path, name];
    if (name === 'Condition') return this.holds(stringOf(value) ?? '', value.at, inside);
    if (value.type !== 'list') {
      this.refuse(value, inside);
      return;
    }
    if (name === 'Fn::Equals') return this.equals(value.items, value, inside);
    return this.combined(name, value, inside);
  }

  private combined(name: string, tree: ListTree, path: Path): boolean | undefined {
    const { items } = tree;
    if (!FUNCTIONS.includes(name)) {
      const remedy = suggestion(name, FUNCTIONS, 'write one of those that give true or false');
      this.scope.refuse(tree.at, path, `the function ${name} is not known in a condition`, remedy);
      return;
    }
    const isNot = name === 'Fn::Not';
    if (isNot && items.length !== 1) {
      this.refuse(tree, path);
      return;
    }
    const results = items.map((one, index) => this.evaluate(one, [...path, index]));
    if (results.includes(undefined)) return undefined;
    if (isNot) return results[0] !== true;
    return name === 'Fn::And' ? results.every(Boolean) : results.some(Boolean);
  }

  private equals(items: readonly Tree[], tree: Tree, path: Path): boolean | undefined {
    if (items.length !== 2) {
      this.refuse(tree, path);
      return;
    }
    const [left, right] = items.map((item, index) => this.evaluator.evaluate(item, [...path, index]));
    if (left === undefined || right === undefined) return undefined;
    const one = this.comparable(left);
    const other = this.comparable(right);
    if (one !== undefined && other !== undefined) return one === other;
    this.scope.refuse(tree.at, path, 'Fn::Equals compares texts, and lists of them', 'write a text');
  }

  /** Returns a text for a value that can be compared. */
  private comparable(value: Tree | typeof NO_VALUE): string | undefined {
    if (value === NO_VALUE) return '';
    if (value.type !== 'list') {
      const text = textOf(value);
      return text === undefined ? undefined : this.scope.literal(text);
    }
    const items = value.items.map((item) => this.comparable(item));
    return items.includes(undefined) ? undefined : JSON.stringify(items);
  }

  private refuse(tree: Tree, path: Path): undefined {
    const remedy = 'write Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition with their arguments';
    this.scope.refuse(tree.at, path, 'this is not a condition', remedy);
  }
}
