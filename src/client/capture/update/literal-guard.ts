import type { Patch } from '../../../contract/capture-update.js';
import type { Json } from '../../../contract/entity.js';
import { isList, isObject } from '../../../contract/json.js';
import type { ManifestRequest } from '../../../engine/manifest/resolve.js';

/** Shorter values of variables are found in other texts by chance. */
const MIN_PART = 4;

/**
 * Returns a test of texts that are written into a manifest: it gives the reason why one must not be. The value of a `--var` may be
 * a secret, and belongs to one call. The account and the name of an environment mean something else in the others.
 */
export function literalGuard(
  { environment, target }: Pick<ManifestRequest, 'environment' | 'target'>,
  variables: Readonly<Record<string, string>>,
): (text: string, isUsedElsewhere: boolean) => string | undefined {
  const given = valuesOf(variables);
  const name = new RegExp(`(?<![A-Za-z0-9])${environment.replaceAll(/\W/g, '\\$&')}(?![A-Za-z0-9])`);
  return (text, isUsedElsewhere) => {
    const found = given.find(([, value]) => isIn(text, value));
    if (found !== undefined) return `it has the value of --var ${found[0]}`;
    if (!isUsedElsewhere) return undefined;
    if (text.includes(target.account))
      return `it has the account of environment ${environment}, and others use it, too`;
    return name.test(text) ? `it has the name of environment ${environment}, and others use it, too` : undefined;
  };
}

/** Returns a function that shows the name of a `--var` in place of its value, which may be a secret, in what a patch says. */
export function variableMask(variables: Readonly<Record<string, string>>): (patch: Patch) => Patch {
  const given = valuesOf(variables);
  const masked = (value: Json): Json => {
    if (isList(value)) return value.map(masked);
    if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, masked(item)]));
    if (value === null || typeof value === 'boolean') return value;
    const found = given.filter(([, secret]) => isIn(String(value), secret));
    if (found.length === 0) return value;
    return found.reduce((text, [name, secret]) => text.replaceAll(secret, `{{${name}}}`), String(value));
  };
  return ({ from, to, ...patch }) => ({
    ...patch,
    ...(from !== undefined && { from: masked(from) }),
    ...(to !== undefined && { to: masked(to) }),
  });
}

function valuesOf(variables: Readonly<Record<string, string>>): (readonly [name: string, value: string])[] {
  return Object.entries(variables).filter(([, value]) => value !== '');
}

function isIn(text: string, value: string): boolean {
  return value.length < MIN_PART ? text === value : text.includes(value);
}
