import { parsePlan } from '../../src/client/terraform/plan-file.js';
import type { TerraformPlan } from '../../src/client/terraform/plan.js';

/** A change of a plan. What is left out is that of a create of a role in the root module. */
export interface PrintedChange {
  readonly address?: string;
  readonly module_address?: string;
  readonly type?: string;
  readonly name?: string;
  readonly index?: string | number;
  readonly deposed?: string;
  readonly previous_address?: string;
  readonly actions?: readonly string[];
  readonly before?: object | null;
  readonly after?: object | null;
  readonly unknown?: object;
  /** The attributes that are sensitive after the change. */
  readonly sensitive?: object | true;
}

/** Returns a plan with these changes, and other parts beside them. */
export function planWith(changes: readonly PrintedChange[], rest: object = {}): TerraformPlan {
  const resource_changes = changes.map(
    ({ actions = ['create'], before = null, after = null, unknown = {}, sensitive = {}, ...own }) => {
      const { type = 'aws_iam_role', name = 'deploy' } = own;
      return {
        address: `${type}.${name}`,
        ...own,
        mode: 'managed',
        type,
        name,
        change: { actions, before, after, after_unknown: unknown, after_sensitive: sensitive },
      };
    },
  );
  return parsePlan('plan.json', JSON.stringify({ format_version: '1.2', resource_changes, ...rest }));
}

/** Returns the configuration of a root module, by the addresses of its resources and the references of their arguments. */
export function configurationOf(
  resources: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>,
): object {
  return {
    configuration: {
      root_module: {
        resources: Object.entries(resources).map(([address, expressions]) => {
          const [type, name] = address.split('.');
          return {
            type,
            name,
            expressions: Object.fromEntries(
              Object.entries(expressions).map(([argument, references]) => [argument, { references }]),
            ),
          };
        }),
      },
    },
  };
}
