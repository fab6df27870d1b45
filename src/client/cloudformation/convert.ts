import type { JsonObject } from '../../contract/entity.js';
import { sortProblems, type Problem } from '../../engine/manifest/problem.js';
import { toJson } from '../../engine/manifest/tree.js';
import { formatYaml } from '../manifest/yaml-text.js';
import { readStack, type ManifestStackOptions, type Stack } from './stack.js';
import { parseTemplate } from './template.js';

/** A template as a manifest, or its problems. */
export type Converted =
  | {
      readonly ok: true;
      /** YAML. */
      readonly manifest: string;
      /** The number of entities by kind, and of resources that were left out by type. */
      readonly entities: ReadonlyMap<string, number>;
      readonly ignored: ReadonlyMap<string, number>;
      /** Warnings about what is written and has no effect. */
      readonly warnings: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Converts a CloudFormation template, as the CDK writes it, too, to a manifest. Nothing is sent to AWS. */
export function convertTemplate(file: string, text: string, options: ManifestStackOptions): Converted {
  const problems: Problem[] = [];
  const stack = readStack(parseTemplate(file, text), options, (problem) => problems.push(problem));
  problems.push(...(stack?.unused ?? []));
  if (stack === undefined || problems.length > 0) return { ok: false, problems: sortProblems(problems, [file]) };
  const counts = new Map<string, number>();
  for (const { kind } of stack.entities) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return {
    ok: true,
    manifest: yamlOf(file, stack),
    entities: counts,
    ignored: stack.ignored,
    warnings: stack.warnings,
  };
}

function yamlOf(file: string, { tree, entities }: Stack): string {
  const { entities: values, ...head } = toJson(tree) as JsonObject & { readonly entities: readonly JsonObject[] };
  return formatYaml({
    comment: [`Converted from ${file}`],
    head,
    entities: values.map((value, index) => {
      const { logicalId, notes = [] } = entities[index] ?? {};
      return { value, comment: [...(logicalId === undefined ? [] : [logicalId]), ...notes] };
    }),
  });
}
