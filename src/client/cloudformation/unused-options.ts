import { optionProblem, quoted, type Problem } from '../../engine/manifest/problem.js';
import { problemAt } from '../../engine/manifest/tree.js';
import { suggestion } from '../../engine/text.js';
import { entityTypeOf, takesSecret } from './resource-types.js';
import type { Resource, Template } from './template.js';

/** The names and the locations of secrets that are given, by logical ID. */
type Given = Readonly<Record<'names' | 'secrets', Readonly<Record<string, string>>>>;

/** The use of options that reading a template has shown. */
export class OptionUse {
  /** The resources whose names the template writes. */
  readonly named = new Set<string>();
  /** The resources that have a secret. */
  readonly secret = new Set<string>();
}

/** Returns the problems of names and of locations of secrets that nothing takes. The template itself names some resources. */
export function unusedOptions(
  { resources, refused }: Template,
  { names, secrets }: Given,
  { named }: OptionUse,
): readonly Problem[] {
  const all = [...resources.values()];
  const nameless = all.filter(({ type, logicalId }) => {
    return entityTypeOf(type)?.name?.isGenerated === true && !named.has(logicalId);
  });
  const secret = all.filter(({ type, properties }) => takesSecret(type, properties.entries));
  const unreadable = [...refused].map((logicalId) => ({ logicalId }));
  return [
    ...unknownIn(names, [...nameless, ...unreadable]).map((name) =>
      named.has(name)
        ? optionProblem(`--resource-name ${name}`, `the template names ${name} itself`, 'leave the option out')
        : noResource('--resource-name', name, nameless),
    ),
    ...unknownIn(secrets, [...secret, ...unreadable]).map((name) => noResource('--secret', name, secret)),
  ];
}

/**
 * Returns warnings about names and locations of secrets that have no effect, because a condition removes what they are for.
 * They are no problems: one command line serves stacks whose conditions differ.
 */
export function ineffectiveOptions(
  { resources }: Template,
  { names, secrets }: Given,
  { secret }: OptionUse,
  isCreated: (resource: Resource) => boolean | undefined,
): readonly Problem[] {
  const given = [
    ...Object.keys(names).map((id) => ['--resource-name', id] as const),
    ...Object.keys(secrets).map((id) => ['--secret', id] as const),
  ];
  return given.flatMap(([option, id]) => {
    const resource = resources.get(id);
    if (resource === undefined) return [];
    const { at, condition } = resource;
    const warn = (why: string): Problem[] => {
      const message = `${option} ${id} has no effect: ${why}`;
      return [problemAt(at, ['Resources', id], message, 'leave the option out, or change the parameters')];
    };
    const created = isCreated(resource);
    if (created === false) return warn(`the condition ${condition ?? ''} of ${id} does not hold`);
    const isRemoved = created === true && option === '--secret' && !secret.has(id);
    return isRemoved ? warn(`a condition removes the secret of ${id}`) : [];
  });
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
