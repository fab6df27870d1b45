import { optionProblem, quoted, type Problem } from '../../engine/manifest/problem.js';
import { suggestion } from '../../engine/text.js';
import { entityTypeOf, takesSecret } from './resource-types.js';
import type { Template } from './template.js';

/** Returns the problems of names and of locations of secrets that nothing takes. The template itself names some resources. */
export function unusedOptions(
  { resources }: Template,
  { names, secrets }: Readonly<Record<'names' | 'secrets', Readonly<Record<string, string>>>>,
  named: ReadonlySet<string>,
): readonly Problem[] {
  const all = [...resources.values()];
  const nameless = all.filter(({ type, logicalId }) => {
    return entityTypeOf(type)?.name?.isGenerated === true && !named.has(logicalId);
  });
  const secret = all.filter(({ type }) => takesSecret(type));
  return [
    ...unknownIn(names, nameless).map((name) =>
      named.has(name)
        ? optionProblem(`--resource-name ${name}`, `the template names ${name} itself`, 'leave the option out')
        : noResource('--resource-name', name, nameless),
    ),
    ...unknownIn(secrets, secret).map((name) => noResource('--secret', name, secret)),
  ];
}

type Known = readonly { readonly logicalId: string }[];

function unknownIn(values: Readonly<Record<string, string>>, known: Known): readonly string[] {
  return Object.keys(values).filter((name) => !known.some(({ logicalId }) => logicalId === name));
}

function noResource(option: string, name: string, known: Known): Problem {
  const ids = known.map(({ logicalId }) => logicalId);
  const message = `${quoted(name)} does not name a resource that takes ${option}`;
  return optionProblem(`${option} ${name}`, message, suggestion(name, ids, 'name a resource of the template'));
}
