import type { JsonObject, Timestamp } from './entity.js';

/** The manifest, with one of its environments, that declares an entity. Several of them can share a namespace of an account. */
export interface DeclaringManifest {
  /** The path that the command line names: `iam/bootstrap.yaml`. */
  readonly manifest: string;
  readonly environment: string;
}

/** The manifest that declared an entity last, and its run. */
export interface LastDeclaration extends DeclaringManifest {
  /** The run ID of the bootstrap. */
  readonly runId: string;
  readonly at: Timestamp;
}

/** One entity of a namespace, in the namespace's ledger. */
export interface Declaration extends LastDeclaration {
  /** `Kind/name`. */
  readonly id: string;
  /** The properties that identify the entity, which suffice to release or delete it. */
  readonly key: JsonObject;
  /** The manifest protects the entity, and its kind cannot carry the tag that would show it. Default: false. */
  readonly protect?: true;
  /** The creation date that AWS shows, if this namespace created the entity and its kind cannot carry tags. */
  readonly createdAt?: Timestamp;
}

/** The changes that a run makes to the declarations of its namespace, under the namespace's lock. */
export interface DeclarationChanges extends LastDeclaration {
  readonly declare: readonly Pick<Declaration, 'id' | 'key' | 'protect' | 'createdAt'>[];
  /** Entities that the run has created, of kinds without tags. */
  readonly created: readonly { readonly id: string; readonly createdAt: Timestamp }[];
  /** `Kind/name` of what has left the namespace. */
  readonly forget: readonly string[];
}

/** The change of an entity's declaration that a plan asks for. */
export type PlannedDeclaration =
  /** The manifest declares the entity, and the ledger does not know yet. */
  | ({ readonly is: 'declared' } & Pick<Declaration, 'key' | 'protect' | 'createdAt'>)
  /** The entity leaves the namespace. */
  | { readonly is: 'dropped' };
