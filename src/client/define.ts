import type { ManifestContext } from '../engine/manifest/resolve.js';
import type { Manifest } from './manifest-types.js';

/**
 * Types a manifest written in TypeScript, as the default export of its file:
 *
 * @example
 * export default defineBootstrap({
 *   version: 1,
 *   namespace: 'ci-platform',
 *   environments: { dev: { account: '111111111111' } },
 *   entities: [{ kind: 'User', userName: 'legacy-ci', state: 'absent' }],
 * });
 */
export function defineBootstrap(manifest: Manifest): Manifest;
/**
 * Types a function that makes a manifest. It is called twice: first for its environments, with an empty account, then for
 * the rest, with the account of the selected environment.
 */
export function defineBootstrap(make: (context: ManifestContext) => Manifest): (context: ManifestContext) => Manifest;
export function defineBootstrap<T>(manifest: T): T {
  return manifest;
}
