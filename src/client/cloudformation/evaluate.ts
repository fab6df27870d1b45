import { quoted } from '../../engine/manifest/problem.js';
import {
  listTree,
  mapTree,
  scalarTree,
  stringOf,
  type MapEntry,
  type ScalarTree,
  type SourceOffset,
  type Tree,
} from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { Budget } from './budget.js';
import { callOf, NO_VALUE, REFUSED, splitOnce, type Call, type Scope, type Value } from './calls.js';
import { textOf } from './parameters.js';
import { isMisread } from './yaml-numbers.js';

type Path = readonly PropertyKey[];

/** Evaluates the functions of a template. */
export class Evaluator {
  readonly budget: Budget;

  constructor(private readonly scope: Scope) {
    this.budget = new Budget(scope.refuse.bind(scope));
  }

  /** Returns the value of a tree with its functions evaluated. */
  evaluate(tree: Tree, path: Path): Value {
    return this.budget.within(tree.at, path, () => this.value(tree, path));
  }

  private value(tree: Tree, path: Path): Value {
    if (tree.type === 'scalar') return this.resolved(tree, path);
    if (tree.type === 'list') return this.list(tree.items, tree.at, path);
    const call = callOf(tree, path);
    if (call !== undefined) return this.call(call);
    const entries = new Map<string, MapEntry>();
    let isBroken = false;
    for (const [key, { at, value: member }] of tree.entries) {
      // A manifest takes the content of a file for the last one.
      if (key.startsWith('Fn::') || key === '$file') {
        const remedy = key === '$file' ? 'remove it' : 'a function is the only member of its map';
        this.scope.refuse(at, [...path, key], `${quoted(key)} cannot be the name of a property here`, remedy);
        isBroken = true;
        continue;
      }
      const value = this.evaluate(member, [...path, key]);
      if (value === undefined) isBroken = true;
      else if (value !== NO_VALUE) entries.set(key, { at, value });
    }
    return isBroken ? undefined : mapTree(tree.at, entries);
  }

  /** Returns what conditions choose, without a look into it. */
  chosen(tree: Tree, path: Path): Value {
    const call = tree.type === 'map' ? callOf(tree, path) : undefined;
    if (call?.name === 'Ref' && stringOf(call.argument) === 'AWS::NoValue') return NO_VALUE;
    if (call?.name !== 'Fn::If') return tree;
    const branch = this.branch(call);
    return branch && this.budget.within(tree.at, path, () => this.chosen(branch.tree, branch.path));
  }

  /** Returns the text that an expression gives. */
  text(tree: Tree, path: Path): string | undefined {
    const value = this.evaluate(tree, path);
    if (value === undefined) return undefined;
    const text = value === NO_VALUE ? undefined : textOf(value);
    if (text === undefined) this.scope.refuse(tree.at, path, 'this is not a text', 'write a text');
    return text;
  }

  /** Returns the texts of a list. */
  texts(tree: Tree, path: Path): readonly string[] | undefined {
    const value = this.evaluate(tree, path);
    if (value === undefined) return undefined;
    const items = value !== NO_VALUE && value.type === 'list' ? value.items.map(textOf) : [undefined];
    const texts = items.filter((item) => item !== undefined);
    if (texts.length === items.length) return texts;
    this.scope.refuse(tree.at, path, 'this is not a list of texts', 'write a list of texts');
  }

  /** Returns a text with the values of its dynamic references. */
  private resolved(tree: ScalarTree, path: Path): Tree | undefined {
    const { value, at } = tree;
    if (isMisread(tree, path, this.scope)) return undefined;
    if (typeof value !== 'string' || !value.includes('{{resolve:')) return tree;
    const unknown: string[] = [];
    const text = value.replace(/\{\{(resolve:[^{}]*)\}\}/g, (_, reference: string) => {
      const found = this.scope.dynamic(reference, at, path);
      if (found === undefined) unknown.push(reference);
      return found ?? '';
    });
    return unknown.length > 0 ? undefined : scalarTree(at, text);
  }

  /** Returns a value of a parameter or of another stack with the values of its dynamic references. */
  private given(value: Value, path: Path): Value {
    if (value === undefined || value === NO_VALUE || value.type === 'map') return value;
    if (value.type === 'scalar') return this.resolved(value, path);
    const items = value.items.map((item) => (item.type === 'scalar' ? this.resolved(item, path) : item));
    const found = items.filter((item) => item !== undefined);
    return found.length < items.length ? undefined : listTree(value.at, found);
  }

  private list(items: readonly Tree[], at: SourceOffset, path: Path): Value {
    const values = items.map((item, index) => this.evaluate(item, [...path, index]));
    if (values.includes(undefined)) return undefined;
    return listTree(
      at,
      values.filter((value): value is Tree => value !== undefined && value !== NO_VALUE),
    );
  }

  private call(call: Call): Value {
    const run = FUNCTIONS[call.name];
    if (run !== undefined) return run(this, call);
    const { argument, path, name } = call;
    const reason = Object.hasOwn(REFUSED, name) ? REFUSED[name] : undefined;
    const message =
      reason === undefined ? `the function ${name} is not known` : `${name} cannot be evaluated: ${reason}`;
    const remedy = reason === undefined ? functionRemedy(name) : 'write the value itself';
    this.scope.refuse(argument.at, path, message, remedy);
  }

  /** Returns the arguments of a function that takes a fixed number of them. */
  private arguments({ argument, path, name }: Call, form: string): readonly Tree[] | undefined {
    const count = form.split(',').length;
    if (argument.type === 'list' && argument.items.length === count) return argument.items;
    this.scope.refuse(argument.at, path, `${name} takes ${String(count)} arguments`, `write [${form}]`);
  }

  ref({ argument, path }: Call): Value {
    const name = stringOf(argument);
    const value = name === null ? undefined : this.scope.ref(name, argument.at, path);
    if (name !== null) return this.given(value, path);
    this.scope.refuse(argument.at, path, 'Ref takes a name', 'write the logical ID of a resource or parameter');
  }

  getAtt({ argument, path }: Call): Value {
    const items =
      argument.type === 'list'
        ? argument.items
        : splitOnce(stringOf(argument)).map((part) => scalarTree(argument.at, part));
    const [logicalId, named] = items;
    const id = stringOf(logicalId);
    if (items.length === 2 && id !== null && named !== undefined) {
      const attribute = this.text(named, [...path, 1]);
      if (attribute === undefined) return undefined;
      return this.given(this.scope.attribute(id, this.scope.literal(attribute), argument.at, path), path);
    }
    const message = 'Fn::GetAtt takes a logical ID and an attribute';
    this.scope.refuse(argument.at, path, message, 'write LogicalId.Attribute, as in DeployRole.Arn');
  }

  sub(call: Call): Value {
    const { argument, path } = call;
    const [template, values] = argument.type === 'list' ? (this.arguments(call, 'text, values') ?? []) : [argument];
    if (template === undefined) return undefined;
    const text = stringOf(template);
    if (text === null || (values !== undefined && values.type !== 'map')) {
      const message = 'Fn::Sub takes a text, and a map of values';
      this.scope.refuse(argument.at, path, message, 'write "…${Name}…", or ["…${Name}…", { Name: value }]');
      return;
    }
    if (this.evaluate(template, path) === undefined) return undefined;
    const own = values?.entries ?? new Map<string, MapEntry>();
    const at = template.at;
    const broken: string[] = [];
    const result = text.replace(/\$\{([^}]*)\}/g, (whole, expression: string) => {
      if (expression.startsWith('!')) return `\${${expression.slice(1)}}`;
      const name = expression.trim();
      const inserted = this.inserted(name, own, at, path);
      if (inserted === undefined || !this.budget.take(inserted.length, at, path)) broken.push(name);
      return broken.length > 0 ? whole : (inserted ?? whole);
    });
    return broken.length > 0 ? undefined : this.resolved(scalarTree(at, result), path);
  }

  private inserted(name: string, own: ReadonlyMap<string, MapEntry>, at: SourceOffset, path: Path): string | undefined {
    const entry = own.get(name);
    if (entry !== undefined) return this.text(entry.value, [...path, name]);
    if (name.includes(':') && !name.startsWith('AWS::')) {
      const message = `\${${name}} does not name a parameter or resource of the template`;
      this.scope.refuse(at, path, message, `write \${!${name}} for a variable of IAM`);
      return;
    }
    const [logicalId = '', attribute] = splitOnce(name);
    const value =
      attribute === undefined
        ? this.scope.ref(logicalId, at, path)
        : this.scope.attribute(logicalId, attribute, at, path);
    if (value === undefined) return undefined;
    const text = value === NO_VALUE ? undefined : textOf(value);
    if (text === undefined) this.scope.refuse(at, path, `\${${name}} is not a text`, 'use Fn::Join for a list');
    return text;
  }

  join(call: Call): Value {
    const [delimiter, list] = this.arguments(call, 'delimiter, list') ?? [];
    if (delimiter === undefined || list === undefined) return undefined;
    const by = this.text(delimiter, [...call.path, 0]);
    const texts = this.texts(list, [...call.path, 1]);
    if (by === undefined || texts === undefined) return undefined;
    const { at } = call.argument;
    const length = texts.reduce((sum, text) => sum + by.length + text.length, 0);
    if (!this.budget.take(length, at, call.path)) return undefined;
    return this.resolved(scalarTree(at, texts.join(by)), call.path);
  }

  split(call: Call): Value {
    const [delimiter, source] = this.arguments(call, 'delimiter, text') ?? [];
    if (delimiter === undefined || source === undefined) return undefined;
    const by = this.text(delimiter, [...call.path, 0]);
    const text = this.text(source, [...call.path, 1]);
    if (by === undefined || text === undefined) return undefined;
    const { at } = call.argument;
    return listTree(
      at,
      this.scope
        .literal(text)
        .split(this.scope.literal(by))
        .map((part) => scalarTree(at, part)),
    );
  }

  select(call: Call): Value {
    const [position, list] = this.arguments(call, 'index, list') ?? [];
    if (position === undefined || list === undefined) return undefined;
    const index = this.text(position, [...call.path, 0]);
    const value = this.evaluate(list, [...call.path, 1]);
    if (index === undefined || value === undefined) return undefined;
    const written = this.scope.literal(index);
    const items = /^\d+$/.test(written) && value !== NO_VALUE && value.type === 'list' ? value.items : [];
    const item = items[Number(written)];
    if (item !== undefined) return item;
    const message = `Fn::Select finds no item ${quoted(index)}`;
    this.scope.refuse(call.argument.at, call.path, message, 'give an index from 0 and a list that has it');
  }

  if(call: Call): Value {
    const branch = this.branch(call);
    return branch && this.evaluate(branch.tree, branch.path);
  }

  /** Returns the branch of an `Fn::If` that its condition chooses. */
  private branch(call: Call): { readonly tree: Tree; readonly path: Path } | undefined {
    const [name, yes, no] = this.arguments(call, 'condition, then, else') ?? [];
    if (name === undefined || yes === undefined || no === undefined) return undefined;
    const holds = this.scope.condition(stringOf(name) ?? '', name.at, call.path);
    if (holds === undefined) return undefined;
    return holds ? { tree: yes, path: [...call.path, 1] } : { tree: no, path: [...call.path, 2] };
  }

  findInMap(call: Call): Value {
    const [map, top, second] = this.arguments(call, 'map, key, key') ?? [];
    if (map === undefined || top === undefined || second === undefined) return undefined;
    const keys = [map, top, second].map((key, index) => this.text(key, [...call.path, index]));
    let entries = this.scope.mappings;
    let found: Tree | undefined;
    for (const written of keys) {
      if (written === undefined) return undefined;
      const key = this.scope.literal(written);
      found = entries.get(key)?.value;
      if (found === undefined) {
        const remedy = suggestion(key, [...entries.keys()], 'add it to Mappings');
        this.scope.refuse(call.argument.at, call.path, `Fn::FindInMap finds no key ${quoted(key)}`, remedy);
        return;
      }
      entries = found.type === 'map' ? found.entries : new Map<string, MapEntry>();
    }
    return found === undefined ? undefined : this.evaluate(found, call.path);
  }

  importValue({ argument, path }: Call): Value {
    const name = this.text(argument, path);
    if (name === undefined) return undefined;
    return this.given(this.scope.imported(this.scope.literal(name), argument.at, path), path);
  }
}

/** Suggests a function. A short tag gives an unknown name the prefix that `Ref` does not have. */
function functionRemedy(name: string): string {
  const known = ['Fn::Ref', ...Object.keys(FUNCTIONS).slice(1)];
  return suggestion(name, known, 'write the value itself').replace('Fn::Ref', 'Ref');
}

const FUNCTIONS: Readonly<Record<string, (evaluator: Evaluator, call: Call) => Value>> = {
  Ref: (evaluator, call) => evaluator.ref(call),
  'Fn::GetAtt': (evaluator, call) => evaluator.getAtt(call),
  'Fn::Sub': (evaluator, call) => evaluator.sub(call),
  'Fn::Join': (evaluator, call) => evaluator.join(call),
  'Fn::Split': (evaluator, call) => evaluator.split(call),
  'Fn::Select': (evaluator, call) => evaluator.select(call),
  'Fn::If': (evaluator, call) => evaluator.if(call),
  'Fn::FindInMap': (evaluator, call) => evaluator.findInMap(call),
  'Fn::ImportValue': (evaluator, call) => evaluator.importValue(call),
};
