import type { AdoptPolicy, UnmanagedPolicy } from '../contract/entity.js';
import type { ManifestContext } from '../engine/manifest/resolve.js';

/** Fields that every entity has, whatever its kind. */
export interface CommonFields {
  /** `absent` removes the entity, if it is ours to remove. Default: present. */
  readonly state?: 'present' | 'absent';
  readonly adopt?: AdoptPolicy;
  /** Report drift, never write. */
  readonly observe?: boolean;
  /** Declared together with other namespaces, instead of owned by one. */
  readonly shared?: boolean;
  /** Keeps or removes existing content of declared properties that is not declared. */
  readonly unmanaged?: UnmanagedPolicy;
  /** Never deletes or replaces it. `false` removes the protection. */
  readonly protect?: boolean;
  /** Deletes an identity provider even if roles trust it that this namespace does not own. */
  readonly deleteTrusted?: boolean;
}

/** An entity of any kind: the kind's own properties are checked when the manifest is loaded. */
export interface EntityDeclaration extends CommonFields {
  readonly kind: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly [property: string]: unknown;
}

/** An account, with the role to assume there. */
export interface EnvironmentDeclaration {
  readonly account: string;
  readonly partition?: string;
  /** Role that the worker assumes for all calls, in place of its own credentials. */
  readonly assumeRole?: string;
}

/** A manifest, as YAML writes it. */
export interface Manifest<Entity = EntityDeclaration> {
  readonly version: 1;
  readonly namespace: string;
  readonly environments: Readonly<Record<string, EnvironmentDeclaration>>;
  /** Values for `{{name}}`; `--var name=value` overrides. */
  readonly variables?: Readonly<Record<string, string>>;
  /** The defaults of every entity. An entity's own fields take precedence. */
  readonly defaults?: {
    readonly path?: string;
    readonly tags?: Readonly<Record<string, string>>;
    readonly adopt?: Exclude<AdoptPolicy, 'foreign'>;
    readonly unmanaged?: UnmanagedPolicy;
    readonly permissionsBoundary?: string;
  };
  readonly entities: readonly Entity[];
}

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
export function defineBootstrap<Entity = EntityDeclaration>(manifest: Manifest<Entity>): Manifest<Entity>;
/**
 * Types a function that makes a manifest. It is called twice: first for its environments, with an empty account, then for
 * the rest, with the account of the selected environment.
 */
export function defineBootstrap<Entity = EntityDeclaration>(
  make: (context: ManifestContext) => Manifest<Entity>,
): (context: ManifestContext) => Manifest<Entity>;
export function defineBootstrap<T>(manifest: T): T {
  return manifest;
}
