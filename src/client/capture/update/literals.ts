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
  const given = Object.entries(variables).filter(([, value]) => value !== '');
  const name = new RegExp(`(?<![A-Za-z0-9])${environment.replaceAll(/\W/g, '\\$&')}(?![A-Za-z0-9])`);
  return (text, isUsedElsewhere) => {
    const found = given.find(([, value]) => (value.length < MIN_PART ? text === value : text.includes(value)));
    if (found !== undefined) return `it has the value of --var ${found[0]}`;
    if (!isUsedElsewhere) return undefined;
    if (text.includes(target.account))
      return `it has the account of environment ${environment}, and others use it, too`;
    return name.test(text) ? `it has the name of environment ${environment}, and others use it, too` : undefined;
  };
}
