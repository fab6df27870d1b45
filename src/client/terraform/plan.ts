import { z } from 'zod';
import type { Json, JsonObject } from '../../contract/entity.js';
import { isList, isObject } from '../../engine/json.js';

/** One change of a plan: a create, a replacement, an update, a deletion or nothing. */
export interface ResourceChange {
  /** The place in the plan: `resource_changes.0`. */
  readonly place: string;
  readonly address: string;
  /** Empty in the root module. */
  readonly moduleAddress: string;
  readonly type: string;
  readonly name: string;
  readonly index: string | number | undefined;
  readonly actions: readonly string[];
  readonly before: JsonObject;
  readonly after: JsonObject;
  /** `true` for each attribute that is known after the apply only, or sensitive. */
  readonly afterUnknown: JsonObject;
  /** A value is sensitive. Such values are left out of what the change has before and after. */
  readonly isSensitive: boolean;
  readonly isImported: boolean;
  /** The object that an earlier apply has replaced and could not destroy. Another object may be at its address. */
  readonly isDeposed: boolean;
}

/** A module of the configuration. */
export interface ConfigModule {
  readonly resources?: readonly ConfigResource[] | undefined;
  readonly module_calls?: Readonly<Record<string, ModuleCall>> | undefined;
  readonly outputs?: Readonly<Record<string, { readonly expression?: unknown }>> | undefined;
}

/** A resource of the configuration, with the expressions of its arguments. */
export interface ConfigResource {
  readonly type: string;
  readonly name: string;
  readonly mode?: string | undefined;
  readonly provider_config_key?: string | undefined;
  readonly expressions?: Readonly<Record<string, unknown>> | undefined;
}

interface ModuleCall {
  readonly expressions?: Readonly<Record<string, unknown>> | undefined;
  readonly module?: ConfigModule | undefined;
}

/** A provider configuration: the provider, its alias, and how it is set. */
export interface ProviderConfig {
  readonly alias?: string | undefined;
  /** `registry.terraform.io/hashicorp/aws`. */
  readonly full_name?: string | undefined;
  readonly module_address?: string | undefined;
  readonly expressions?: Readonly<Record<string, unknown>> | undefined;
}

/** An object of the state that the plan started from. */
export interface StateResource {
  readonly moduleAddress: string;
  readonly mode: string;
  readonly type: string;
  readonly name: string;
  readonly values: JsonObject;
}

/** A plan as `terraform show -json` prints it, as far as it concerns IAM. */
export interface TerraformPlan {
  readonly file: string;
  /** `Terraform 1.9.5`. */
  readonly program: string;
  readonly formatVersion: string;
  /** Changes of `aws_iam_*`. */
  readonly changes: readonly ResourceChange[];
  /** Addresses of `aws_iam_*` whose changes a later plan will show. */
  readonly deferred: readonly string[];
  readonly root: ConfigModule;
  readonly providers: Readonly<Record<string, ProviderConfig>>;
  /** The values of the variables of the root module. */
  readonly variables: JsonObject;
  readonly state: readonly StateResource[];
}

const objectOr = z.record(z.string(), z.unknown()).nullish();

const change = z.looseObject({
  address: z.string(),
  module_address: z.string().optional(),
  mode: z.string().optional(),
  type: z.string(),
  name: z.string(),
  index: z.union([z.string(), z.number()]).optional(),
  deposed: z.string().nullish(),
  change: z.looseObject({
    actions: z.array(z.string()),
    before: z.unknown().optional(),
    after: z.unknown().optional(),
    after_unknown: z.unknown().optional(),
    before_sensitive: z.unknown().optional(),
    after_sensitive: z.unknown().optional(),
    importing: objectOr,
  }),
});

const configModule: z.ZodType<ConfigModule> = z.lazy(() =>
  z.looseObject({
    resources: z
      .array(
        z.looseObject({
          type: z.string(),
          name: z.string(),
          mode: z.string().optional(),
          provider_config_key: z.string().optional(),
          expressions: z.record(z.string(), z.unknown()).optional(),
        }),
      )
      .optional(),
    module_calls: z
      .record(
        z.string(),
        z.looseObject({ expressions: z.record(z.string(), z.unknown()).optional(), module: configModule.optional() }),
      )
      .optional(),
    outputs: z.record(z.string(), z.looseObject({ expression: z.unknown().optional() })).optional(),
  }),
);

/** The parts of a printed plan that are read. */
export const planShape = z.looseObject({
  format_version: z.string(),
  terraform_version: z.string().optional(),
  resource_changes: z.array(change).optional(),
  deferred_changes: z.array(z.looseObject({ resource_change: z.looseObject({}).optional() })).optional(),
  configuration: z
    .looseObject({
      provider_config: z
        .record(
          z.string(),
          z.looseObject({
            full_name: z.string().optional(),
            alias: z.string().optional(),
            module_address: z.string().optional(),
            expressions: z.record(z.string(), z.unknown()).optional(),
          }),
        )
        .optional(),
      root_module: configModule.optional(),
    })
    .optional(),
  prior_state: z.unknown().optional(),
  variables: z.record(z.string(), z.looseObject({ value: z.unknown().optional() })).nullish(),
  complete: z.boolean().optional(),
  errored: z.boolean().optional(),
});

/** Returns a plan that was printed, as far as it concerns IAM. */
export function planOf(file: string, plan: z.infer<typeof planShape>): TerraformPlan {
  const providers = Object.entries(plan.configuration?.provider_config ?? {});
  const isOpenTofu = providers.some(([, { full_name: name = '' }]) => name.startsWith('registry.opentofu.org/'));
  return {
    file,
    program: [isOpenTofu ? 'OpenTofu' : 'Terraform', plan.terraform_version].filter(Boolean).join(' '),
    formatVersion: plan.format_version,
    changes: (plan.resource_changes ?? []).flatMap((one, position) => (isOfIam(one) ? [changeOf(one, position)] : [])),
    deferred: (plan.deferred_changes ?? []).flatMap(({ resource_change: deferred = {} }) => {
      const { address, type } = deferred as { readonly address?: unknown; readonly type?: unknown };
      return typeof address === 'string' && String(type).startsWith('aws_iam_') ? [address] : [];
    }),
    root: plan.configuration?.root_module ?? {},
    providers: Object.fromEntries(providers),
    variables: Object.fromEntries(
      Object.entries(plan.variables ?? {}).map(([name, { value = null }]) => [name, value as Json]),
    ),
    state: stateOf(plan.prior_state),
  };
}

type RawChange = z.infer<typeof change>;

function isOfIam({ type, mode }: RawChange): boolean {
  return type.startsWith('aws_iam_') && mode !== 'data';
}

function changeOf({ change: raw, deposed, ...resource }: RawChange, position: number): ResourceChange {
  const { actions, importing, before_sensitive: hiddenBefore, after_sensitive: hiddenAfter } = raw;
  const hidden = sensitiveIn(valuesOf(raw.after), hiddenAfter);
  return {
    place: `resource_changes.${String(position)}`,
    address: resource.address,
    moduleAddress: resource.module_address ?? '',
    type: resource.type,
    name: resource.name,
    index: resource.index,
    actions,
    before: without(valuesOf(raw.before), sensitiveIn(valuesOf(raw.before), hiddenBefore)),
    after: without(valuesOf(raw.after), hidden),
    afterUnknown: {
      ...valuesOf(raw.after_unknown),
      ...Object.fromEntries(hidden.map((attribute) => [attribute, true])),
    },
    isSensitive: hidden.length > 0,
    isImported: importing !== undefined && importing !== null,
    isDeposed: deposed !== undefined && deposed !== null,
  };
}

/** Returns the attributes that are sensitive, or have a part that is. */
function sensitiveIn(values: JsonObject, marks: unknown): readonly string[] {
  if (marks === true) return Object.keys(values);
  return Object.entries(valuesOf(marks)).flatMap(([attribute, mark]) => (isMarked(mark) ? [attribute] : []));
}

function isMarked(mark: Json): boolean {
  return (
    mark === true || (isList(mark) && mark.some(isMarked)) || (isObject(mark) && Object.values(mark).some(isMarked))
  );
}

function without(values: JsonObject, attributes: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([attribute]) => !attributes.includes(attribute)));
}

/** Returns the objects of a state, those of all modules. */
function stateOf(state: unknown): readonly StateResource[] {
  const rootModule = isRecord(state) && isRecord(state['values']) ? state['values']['root_module'] : undefined;
  return isRecord(rootModule) ? resourcesIn(rootModule) : [];
}

function resourcesIn(module: Readonly<Record<string, unknown>>): readonly StateResource[] {
  const { address = '', resources = [], child_modules: children = [] } = module;
  const own = recordsIn(resources).map(({ mode, type, name, values }) => ({
    moduleAddress: String(address),
    mode: String(mode),
    type: String(type),
    name: String(name),
    values: valuesOf(values),
  }));
  return [...own, ...recordsIn(children).flatMap(resourcesIn)];
}

function recordsIn(list: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** Reports whether a value is an object of JSON. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the values of an object that JSON carried; none for null. */
function valuesOf(value: unknown): JsonObject {
  return isObject(value as Json | undefined) ? (value as JsonObject) : {};
}
