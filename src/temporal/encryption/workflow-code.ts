import { readFileSync } from 'node:fs';

const READABLE = /(['"])iam-bootstrap:readable-failures\1/g;

/**
 * Returns the workflow bundle of a worker with encryption, whose workflows encode messages and stack traces of failures.
 *
 * @param bundle - path of the bundle
 * @throws Error where the bundle is of another build
 */
export function workflowsWithEncodedFailures(bundle: string): string {
  const code = readFileSync(bundle, 'utf8');
  const places = [...code.matchAll(READABLE)].length;
  if (places !== 1) throw new Error(`${bundle} does not belong to this build: run npm run build`);
  return code.replace(READABLE, '"iam-bootstrap:encoded-failures"');
}
