import type { Json } from '../../contract/entity.js';
import { isList } from '../../engine/json.js';
import { childModule, indexText, modulePath, parentModule, parseReference, type Reference } from './addresses.js';
import type { ConfigModule, ResourceChange, TerraformPlan } from './plan.js';

/** The values of a resource, as far as they are known before the apply. */
export interface Values {
  /** Returns a text of the resource itself: undefined where it is not set, null where it is known after the apply only. */
  text(attribute: string): string | null | undefined;
  /**
   * Returns the name or the ARN of another resource, which is found by the configuration where the plan does not know it yet.
   */
  link(attribute: string): string | null | undefined;
  /** Returns a list of texts; null where one of them is known after the apply only. */
  texts(attribute: string): readonly string[] | null;
}

/** Modules that refer to each other's outputs and variables are followed this far. */
const MAX_DEPTH = 20;

/** The attributes by which resources of IAM name each other. */
const LINKING = ['arn', 'id', 'name'];

/** A resource that an expression refers to, and the attribute that it takes. */
interface Target {
  readonly change: ResourceChange;
  readonly attribute: string | undefined;
}

/** Returns the values that a resource had before the plan. All are known. */
export function valuesBefore({ before }: Pick<ResourceChange, 'before'>): Values {
  return {
    text: (attribute) => textIn(before[attribute]),
    link: (attribute) => textIn(before[attribute]),
    texts: (attribute) => (isList(before[attribute]) ? textsIn(before[attribute]) : []),
  };
}

/**
 * Returns the values that a resource will have. What is known after the apply only, such as the ID of a role that the plan
 * creates, is found by the configuration: it refers to a resource whose name the plan knows.
 *
 * @param plan - the plan
 * @param change - the resource
 * @param arnOf - returns the ARN of a policy that the plan creates; null where its name or account is not known
 */
export function valuesAfter(
  plan: TerraformPlan,
  change: ResourceChange,
  arnOf: (policy: ResourceChange) => string | null,
): Values {
  const valueOf = ({ change: target, attribute }: Target): string | null => {
    // The ID of a policy is its ARN; that of others is their name.
    if (attribute !== undefined && !LINKING.includes(attribute)) return null;
    if (target.type === 'aws_iam_policy' && attribute !== 'name') return arnOf(target);
    const text = attribute === 'arn' ? undefined : textIn(target.after[nameAttribute(target.type)]);
    return text ?? null;
  };
  const referred = (attribute: string): readonly Target[] | null =>
    new References(plan, change.index).targetsOf(change, attribute);
  return {
    // A name that is made from an ID, as in "${aws_iam_role.ci.id}-profile", refers to that ID only.
    text: (attribute) => (isUnknown(change.afterUnknown[attribute]) ? null : textIn(change.after[attribute])),
    link(attribute) {
      if (!isUnknown(change.afterUnknown[attribute])) return textIn(change.after[attribute]);
      const targets = referred(attribute);
      const [only] = targets ?? [];
      return only === undefined || targets?.length !== 1 ? null : valueOf(only);
    },
    texts(attribute) {
      const known = change.after[attribute];
      if (!isUnknown(change.afterUnknown[attribute])) return isList(known) ? textsIn(known) : [];
      const targets = referred(attribute)?.map(valueOf);
      if (targets === undefined || targets.length === 0 || targets.includes(null)) return null;
      const all = new Set([...(isList(known) ? textsIn(known) : []), ...targets.filter((text) => text !== null)]);
      return isList(known) && all.size < known.length ? null : [...all];
    },
  };
}

/** Returns the attribute that names a resource of IAM, which its ID also is where others refer to it. */
function nameAttribute(type: string): string {
  return type === 'aws_iam_account_alias' ? 'account_alias' : 'name';
}

/** Reports whether a value is known after the apply only, or a part of it is. */
function isUnknown(value: Json | undefined): boolean {
  return value === true || (isList(value) && value.some(isUnknown));
}

function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsIn(list: readonly Json[]): readonly string[] {
  return list.filter((member) => typeof member === 'string');
}

/** Finds the resources that expressions of a configuration refer to. */
class References {
  readonly #plan: TerraformPlan;
  /** The index of the resource that asks: with `for_each`, others are made by the same keys. */
  readonly #index: string | number | undefined;

  constructor(plan: TerraformPlan, index: string | number | undefined) {
    this.#plan = plan;
    this.#index = index;
  }

  /** Returns the resources behind an attribute; null where they cannot be told. */
  targetsOf({ moduleAddress, type, name }: ResourceChange, attribute: string): readonly Target[] | null {
    const resource = this.#module(moduleAddress)?.resources?.find((one) => one.type === type && one.name === name);
    return this.#follow(moduleAddress, resource?.expressions?.[attribute], MAX_DEPTH);
  }

  #module(moduleAddress: string): ConfigModule | undefined {
    let module: ConfigModule | undefined = this.#plan.root;
    for (const name of modulePath(moduleAddress)) module = module?.module_calls?.[name]?.module;
    return module;
  }

  #follow(moduleAddress: string, expression: unknown, depth: number): readonly Target[] | null {
    const { references } = (expression ?? {}) as { readonly references?: readonly string[] };
    if (references === undefined || depth === 0) return null;
    const targets: Target[] = [];
    const parsed = mostSpecific(references).map(parseReference);
    // A key beside a whole resource chooses its instance; beside anything else it is a part of the text.
    const hasWhole = parsed.some(({ first, attribute }) => first.startsWith('aws_iam_') && attribute === undefined);
    for (const reference of parsed) {
      if (hasWhole && ['each', 'count'].includes(reference.first)) continue;
      const found = this.#resolve(moduleAddress, reference, depth - 1);
      if (found === null) return null;
      targets.push(...found);
    }
    return targets;
  }

  #resolve(moduleAddress: string, reference: Reference, depth: number): readonly Target[] | null {
    const { first, name, index, attribute } = reference;
    if (first === 'var') {
      const [call] = modulePath(moduleAddress).slice(-1);
      if (call === undefined) return null;
      const parent = parentModule(moduleAddress);
      return this.#follow(parent, this.#module(parent)?.module_calls?.[call]?.expressions?.[name], depth);
    }
    if (first === 'module') {
      if (attribute === undefined) return null;
      const child = childModule(moduleAddress, name, index);
      return this.#follow(child, this.#module(child)?.outputs?.[attribute]?.expression, depth);
    }
    if (!first.startsWith('aws_iam_')) return null;
    const instances = this.#plan.changes.filter(
      (change) =>
        change.moduleAddress === moduleAddress && change.type === first && change.name === name && !change.isDeposed,
    );
    const change = this.#instance(instances, index);
    return change === undefined ? null : [{ change, attribute }];
  }

  #instance(instances: readonly ResourceChange[], index: string): ResourceChange | undefined {
    if (index !== '') return instances.find((one) => indexText(one.index) === index);
    if (instances.length <= 1) return instances[0];
    return this.#index === undefined ? undefined : instances.find((one) => one.index === this.#index);
  }
}

/** Returns references without those to a whole object where another one names a part of it. */
function mostSpecific(references: readonly string[]): readonly string[] {
  return references.filter(
    (text) => !references.some((other) => other.startsWith(`${text}.`) || other.startsWith(`${text}[`)),
  );
}
