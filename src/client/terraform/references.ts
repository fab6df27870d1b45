import { childModule, indexText, moduleStep, parentModule, parseReference, type Reference } from './addresses.js';
import { moduleOf, resourceOf } from './configuration.js';
import type { ResourceChange, TerraformPlan } from './plan.js';

/** Modules that refer to each other's outputs and variables are followed this far. */
const MAX_DEPTH = 20;

/** A resource that an expression refers to, and the attribute that it takes. */
export interface Target {
  readonly change: ResourceChange;
  readonly attribute: string | undefined;
}

/** The place of an expression: what it may refer to, and what its `each.key` and `count.index` are. */
interface Place {
  readonly moduleAddress: string;
  /** The index of the resource or the module call that has the expression, with its brackets; empty for an output. */
  readonly index: string;
  /** The indexes of all instances of that resource or call. */
  readonly siblings: readonly string[];
}

/** Finds the resources that an expression of a configuration refers to. */
export class References {
  readonly #plan: TerraformPlan;
  #unclear: string | undefined;

  constructor(plan: TerraformPlan) {
    this.#plan = plan;
  }

  /** The resource with several instances that was referred to where nothing shows the one that is meant. Undefined where there was none. */
  get unclear(): string | undefined {
    return this.#unclear;
  }

  /** Returns the resources behind an attribute; null where they cannot be told. */
  targetsOf(change: ResourceChange, attribute: string): readonly Target[] | null {
    const { moduleAddress, type, name, index } = change;
    const siblings = this.#instances(moduleAddress, type, name).map((one) => indexText(one.index));
    const expression = resourceOf(this.#plan.root, change)?.expressions?.[attribute];
    return this.#follow({ moduleAddress, index: indexText(index), siblings }, expression, MAX_DEPTH);
  }

  #follow(place: Place, expression: unknown, depth: number): readonly Target[] | null {
    const { references } = (expression ?? {}) as { readonly references?: readonly string[] };
    if (references === undefined || depth === 0) return null;
    const targets: Target[] = [];
    const parsed = mostSpecific(references).map(parseReference);
    // What stands beside a whole resource may choose its instance; beside anything else it is a part of the text.
    const hasWhole = parsed.some(({ first, attribute }) => first.startsWith('aws_iam_') && attribute === undefined);
    const keys = hasWhole ? parsed.filter(({ first }) => first === 'each' || first === 'count') : [];
    for (const reference of parsed) {
      if (keys.includes(reference)) continue;
      const found = this.#resolve(place, reference, keys, depth - 1);
      if (found === null) return null;
      targets.push(...found);
    }
    return targets;
  }

  #resolve(place: Place, reference: Reference, keys: readonly Reference[], depth: number): readonly Target[] | null {
    const { first, name, index, attribute } = reference;
    if (first === 'var') return this.#argument(place, name, depth);
    if (first === 'module') return this.#output(place, reference, depth);
    if (!first.startsWith('aws_iam_')) return null;
    const instances = this.#instances(place.moduleAddress, first, name);
    const change =
      index === '' ? chosen(instances, place, keys) : instances.find((one) => indexText(one.index) === index);
    if (change === undefined && instances.length > 1) this.#unclear = `${first}.${name}`;
    return change === undefined ? null : [{ change, attribute }];
  }

  /** Returns the resources behind a variable of a module, by the call of this instance of it. */
  #argument({ moduleAddress }: Place, name: string, depth: number): readonly Target[] | null {
    const call = moduleStep(moduleAddress);
    if (call === undefined) return null;
    const parent = parentModule(moduleAddress);
    const expression = moduleOf(this.#plan.root, parent)?.module_calls?.[call.name]?.expressions?.[name];
    const siblings = this.#calls(parent, call.name);
    return this.#follow({ moduleAddress: parent, index: call.index, siblings }, expression, depth);
  }

  #output({ moduleAddress }: Place, { name, index, attribute }: Reference, depth: number): readonly Target[] | null {
    if (attribute === undefined) return null;
    const child = childModule(moduleAddress, name, index);
    const expression = moduleOf(this.#plan.root, child)?.outputs?.[attribute]?.expression;
    return this.#follow({ moduleAddress: child, index: '', siblings: [] }, expression, depth);
  }

  /** Returns the instances that a resource has after the plan. */
  #instances(moduleAddress: string, type: string, name: string): readonly ResourceChange[] {
    return this.#plan.changes.filter(
      (change) =>
        change.moduleAddress === moduleAddress &&
        change.type === type &&
        change.name === name &&
        !change.isDeposed &&
        !change.actions.every((action) => action === 'delete' || action === 'forget'),
    );
  }

  /** Returns the indexes of the instances of a module call that have resources of IAM. */
  #calls(parent: string, name: string): readonly string[] {
    const prefix = childModule(parent, name, '');
    const indexes = this.#plan.changes.flatMap(({ moduleAddress }) => {
      for (let address = moduleAddress; address !== ''; address = parentModule(address)) {
        const { index = '' } = moduleStep(address) ?? {};
        if (address === `${prefix}${index}`) return [index];
      }
      return [];
    });
    return [...new Set(indexes)];
  }
}

/**
 * Returns the instance that an expression chooses by its keys. A plan prints `r[count.index + 1]` as it prints
 * `r[count.index]`, so the own index counts only among as many instances as the place itself has: any other would not be there.
 */
function chosen(
  instances: readonly ResourceChange[],
  { index, siblings }: Place,
  keys: readonly Reference[],
): ResourceChange | undefined {
  if (instances.length <= 1) return instances[0];
  const [key, ...more] = keys;
  if (key === undefined || more.length > 0 || key.attribute !== undefined) return undefined;
  const isOwn =
    key.first === 'each'
      ? key.name === 'key'
      : key.name === 'index' && countOf(siblings) === countOf(instances.map((one) => indexText(one.index)));
  return isOwn ? instances.find((one) => index !== '' && indexText(one.index) === index) : undefined;
}

/** Returns the number of instances that `count` has made: their indexes begin at 0, and some may not be shown. */
function countOf(indexes: readonly string[]): number {
  return Math.max(...indexes.map((index) => Number(index.slice(1, -1)))) + 1;
}

/** Returns references without those to a whole object where another one names a part of it. */
function mostSpecific(references: readonly string[]): readonly string[] {
  return references.filter(
    (text) => !references.some((other) => other.startsWith(`${text}.`) || other.startsWith(`${text}[`)),
  );
}
