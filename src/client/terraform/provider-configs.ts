import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, objectOrEmpty, sortedJson, strings } from '../../engine/json.js';
import { partitionOf } from '../../engine/partitions.js';
import { parseReference } from './addresses.js';
import { resourceOf } from './configuration.js';
import type { TerraformPlan } from './plan.js';

/** An account ID. Others are not shown, since a plan may have been written by anybody. */
export const ACCOUNT_ID = /^\d{12}$/;

/** The arguments of the provider that decide about the account. Others, such as the region, do not. */
const DECISIVE = [
  'access_key',
  'allowed_account_ids',
  'assume_role',
  'assume_role_with_web_identity',
  'endpoints',
  'profile',
  'secret_key',
  'shared_config_files',
  'shared_credentials_files',
  'token',
];

/** The provider configurations of a plan. A key names one: `aws`, `aws.prod`, `module.ci:aws.prod`. */
export class ProviderConfigs {
  readonly #plan: TerraformPlan;

  constructor(plan: TerraformPlan) {
    this.#plan = plan;
  }

  /** The keys of those of AWS. */
  get keys(): readonly string[] {
    return Object.entries(this.#plan.providers).flatMap(([key, { full_name: name }]) =>
      (name === undefined ? /(?:^|:)aws(?:\.|$)/.test(key) : name.endsWith('/aws')) ? [key] : [],
    );
  }

  isConfigured(key: string): boolean {
    return this.#plan.providers[key] !== undefined;
  }

  /**
   * Returns the key of the provider configuration of a resource, as near to the root as it is configured. Null for a resource
   * that the configuration does not have, where several provider configurations may have made it.
   */
  keyOf(moduleAddress: string, mode: string, type: string, name: string): string | null {
    const resource = resourceOf(this.#plan.root, { moduleAddress, mode, type, name });
    if (resource === undefined) return this.#onlyKey();
    let key = resource.provider_config_key ?? 'aws';
    while (!this.isConfigured(key) && key.includes(':')) key = inParent(key);
    return key;
  }

  /** Returns a key that stands for all provider configurations of AWS; null where they may be several accounts. */
  #onlyKey(): string | null {
    const { keys } = this;
    const [first = 'aws'] = keys;
    return new Set(keys.map((key) => this.groupOf(key))).size > 1 ? null : first;
  }

  /**
   * Returns a text that is the same for provider configurations that use the same credentials, also those of other plans. One
   * that has anything but constants is in no group with others: of "arn:aws:iam::111111111111:role/${var.role}", a plan shows
   * `var.role` only.
   */
  groupOf(key: string): string {
    const decisive = this.#decisive(key);
    return sortedJson(isConstant(decisive) ? decisive : [this.#plan.file, key]);
  }

  /** Returns the arguments of a provider configuration, as expressions. */
  argumentsOf(key: string): Readonly<Record<string, unknown>> {
    return this.#plan.providers[key]?.expressions ?? {};
  }

  /**
   * Returns the partition of the region of a provider configuration, which may be a variable of the root module; undefined
   * where it does not show.
   */
  regionPartitionOf(key: string): string | undefined {
    const { region: expression } = this.argumentsOf(key);
    const [reference, ...more] = referencesIn((expression ?? null) as Json);
    const region = reference === undefined || more.length > 0 ? constantOf(expression) : this.#variable(key, reference);
    return typeof region === 'string' ? partitionOf(region) : undefined;
  }

  /** Returns the value of a variable of the root module that a provider configuration there reads. */
  #variable(key: string, reference: string): Json | undefined {
    const { first, name } = parseReference(reference);
    if (first !== 'var' || key.includes(':') || !Object.hasOwn(this.#plan.variables, name)) return undefined;
    return this.#plan.variables[name];
  }

  /** Reports whether one provider configuration has an account for each of its instances, as OpenTofu's may. */
  isPerInstance(key: string): boolean {
    return referencesIn(this.#decisive(key)).some((reference) => /^(?:each|count)\./.test(reference));
  }

  #decisive(key: string): JsonObject {
    const expressions = this.argumentsOf(key);
    return Object.fromEntries(DECISIVE.map((argument) => [argument, (expressions[argument] ?? null) as Json]));
  }
}

/** Reports whether expressions of a configuration show their values. A plan prints a function without references as `{}`. */
function isConstant(expression: Json): boolean {
  if (isList(expression)) return expression.every(isConstant);
  const entries = Object.entries(objectOrEmpty(expression));
  if (entries.some(([name]) => name === 'constant_value') || expression === null) return true;
  return entries.length > 0 && entries.every(([name, value]) => name !== 'references' && isConstant(value));
}

/** Returns what expressions of a configuration refer to, those of nested blocks as well. */
function referencesIn(expression: Json): readonly string[] {
  if (isList(expression)) return expression.flatMap(referencesIn);
  return Object.entries(objectOrEmpty(expression)).flatMap(([name, value]) =>
    name === 'references' ? strings(value) : name === 'constant_value' ? [] : referencesIn(value),
  );
}

/** Returns the key of a provider configuration in the module that calls the one of a key. */
function inParent(key: string): string {
  const [module = '', provider = ''] = key.split(/:(?=[^:]*$)/);
  const parent = module.slice(0, Math.max(0, module.lastIndexOf('.module.')));
  return parent === '' ? provider : `${parent}:${provider}`;
}

/** Returns the constant that an expression of a configuration is; undefined for others. */
export function constantOf(expression: unknown) {
  return ((expression ?? {}) as { readonly constant_value?: Parameters<typeof isList>[0] }).constant_value;
}
