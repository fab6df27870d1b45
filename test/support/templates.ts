import { convertTemplate, type Converted } from '../../src/client/cloudformation/convert.js';
import { readTemplateSource } from '../../src/client/cloudformation/source.js';
import type { DesiredEntity, JsonObject } from '../../src/contract/entity.js';
import type { ManifestSource } from '../../src/engine/manifest/header.js';
import { resolveManifest } from '../../src/engine/manifest/resolve.js';
import { KINDS } from '../../src/kinds/index.js';

/** CloudFormation templates that become manifests. */

export interface Options {
  readonly region?: string;
  readonly stackName?: string;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly names?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
}

export const ACCOUNT = '111111111111';

export function convert(template: unknown, options: Options = {}, file = 'stack.yaml'): Converted {
  const text = typeof template === 'string' ? template : JSON.stringify(template, null, 2);
  return convertTemplate(file, text, {
    account: ACCOUNT,
    namespace: 'stack',
    environment: 'default',
    parameters: {},
    names: {},
    secrets: {},
    ...options,
  });
}

/** Returns the problems of a template as texts with their positions. */
export function problemsOf(template: unknown, options?: Options): string[] {
  const result = convert(template, options);
  return result.ok
    ? []
    : result.problems.map(
        ({ line, column, message, remedy }) => `${String(line)}:${String(column)} ${message} | ${remedy}`,
      );
}

/** Converts a template, and resolves the manifest as `plan` does. */
export function entitiesOf(template: unknown, options?: Options): readonly DesiredEntity[] {
  const converted = convert(template, options);
  if (!converted.ok) throw new Error(JSON.stringify(converted.problems, null, 2));
  return resolved({ file: 'stack.yaml', text: converted.manifest }, converted.manifest);
}

/** Reads a template in the place of a manifest. */
export function entitiesOfSource(template: string, options?: Options): readonly DesiredEntity[] {
  const read = readTemplateSource('stack.yaml', template, { account: ACCOUNT, namespace: 'stack', ...options });
  if (read === undefined || read.problems.length > 0) throw new Error(JSON.stringify(read?.problems, null, 2));
  return resolved(read.source, template);
}

function resolved(source: ManifestSource, text: string): readonly DesiredEntity[] {
  const result = resolveManifest([source], {
    kinds: KINDS,
    environment: undefined,
    variables: {},
    adopt: [],
    deleteTrusted: [],
    readFile: () => {
      throw new Error('no file');
    },
    manifestName: 'stack.yaml',
  } as never);
  if (!result.ok) throw new Error(JSON.stringify([result.problems, text], null, 2));
  return result.request.entities;
}

export function specOf(template: unknown, options?: Options): JsonObject {
  const [entity] = entitiesOf(template, options);
  return entity?.spec ?? {};
}

export const TRUST = {
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } }],
};
export const READ = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] };

export const role = (properties: object = {}, more: object = {}): object => ({
  Type: 'AWS::IAM::Role',
  Properties: { RoleName: 'app', AssumeRolePolicyDocument: TRUST, ...properties },
  ...more,
});
export const stack = (Resources: object, more: object = {}): object => ({ Resources, ...more });

/** Returns the description that an expression gives to a role. */
export function valueOf(expression: unknown, more: object = {}, options?: Options): unknown {
  return specOf(stack({ App: role({ Description: expression }) }, more), options)['description'];
}

/** Returns the problem of the expression. */
export function problemOf(expression: unknown, more: object = {}, options?: Options): string {
  return problemsOf(stack({ App: role({ Description: expression }) }, more), options)
    .map((problem) => problem.replace(/^\d+:\d+ /, ''))
    .join('\n');
}
