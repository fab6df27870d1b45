import type { FindingSuppression } from './policy-findings.js';

/**
 * The terms that all files use.
 *
 * - manifest: what the user wrote.
 * - namespace: a set of entities with one owner.
 * - entity: one object of IAM, with a kind and a key. `Role/prod-deploy` in text.
 * - desired and observed state: the state that the manifest declares, and the state that IAM shows.
 * - drift: one difference between them.
 * - plan: the decisions for a manifest.
 * - converge: reach a state with no drift.
 * - conflict: a Create that AWS answered with "already exists".
 * - intent: the tag by which a Create is recognized as ours afterwards.
 */

/** A point in time, in ISO 8601. */
export type Timestamp = string;

/** Any JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = Readonly<Record<string, Json>>;

/** The existing entities that a namespace may take over. `own` means only its own. */
export type AdoptPolicy = 'own' | 'unowned' | 'foreign';

/** The treatment of content that a declared entity has and the manifest does not declare. */
export type UnmanagedPolicy = 'keep' | 'remove';

/** The location of a secret: AWS Secrets Manager, by name or ARN, or a file in the worker's secrets folder. */
export type SecretLocation = { readonly secretsManager: string } | { readonly file: string };

/** The desired state of an entity. `destroyed` deletes what was created here, and releases what was adopted. */
export type DesiredState = 'present' | 'absent' | 'released' | 'destroyed';

/** The treatment of entities that the namespace owns and the manifest does not declare any more. */
export type OrphanPolicy = 'report' | 'release' | 'remove';

/** One entity as the manifest declares it: templates are rendered, references to ARNs are not resolved yet. */
export interface DesiredEntity {
  /** The kind's name, as in CloudFormation without the service: `Role`. */
  readonly kind: string;
  /** The key as IAM writes it: a role's name, an OIDC provider's host and path. */
  readonly name: string;
  readonly state: DesiredState;
  readonly adopt: AdoptPolicy;
  /** Report drift, never write. */
  readonly observe: boolean;
  /** Merged with what other namespaces declare, instead of owned. */
  readonly shared: boolean;
  /** One policy for all properties, or one by property; `*` is the policy of all others. Default: keep. */
  readonly unmanaged: UnmanagedPolicy | Readonly<Record<string, UnmanagedPolicy>>;
  /** The first adoption also removes what is unmanaged. Default: false. */
  readonly unmanagedAtAdoption?: boolean;
  /** Delete it and create it again if AWS cannot change it as declared. Default: false. */
  readonly replace?: boolean;
  /**
   * Never delete or replace it. Kinds with tags record it in a tag, which binds other manifests too. Default: the tag of
   * the entity decides.
   */
  readonly protect?: boolean;
  /** Delete it even if entities trust it that this namespace does not own. Default: false. */
  readonly deleteTrusted?: boolean;
  /** The name that it had before. An entity of that name is renamed. Default: it had no other name. */
  readonly renamedFrom?: string;
  /**
   * The old names, as `Kind/name`, of entities that it refers to and that are made anew: it may still refer to them. Such
   * members of its sets are removed, although they are not declared. Default: none.
   */
  readonly formerReferences?: readonly string[];
  /** `destroyed` deletes what was adopted, too. Default: false. */
  readonly includeAdopted?: boolean;
  /**
   * It has left the manifest. `createdAt` is the creation date of what this namespace created, for kinds without tags.
   * `renamedTo` is the entity, as `Kind/name`, that was made anew in its place. Default: it is declared.
   */
  readonly orphan?: { readonly createdAt?: Timestamp; readonly renamedTo?: string };
  /** Findings of Access Analyzer that are accepted. Default: none. */
  readonly suppressFindings?: readonly FindingSuppression[];
  /** The kind's own properties. A missing property is not managed. */
  readonly spec: JsonObject;
  /** Entities of the same manifest that must exist before this one, as `Kind/name`. */
  readonly dependsOn: readonly string[];
  readonly source?: { readonly file: string; readonly line: number };
}

/** Returns the ID of an entity in messages: `Role/prod-deploy`. */
export function entityId(entity: { readonly kind: string; readonly name: string }): string {
  return `${entity.kind}/${entity.name}`;
}

/** Reports whether an entity refers to its own ARN. It does not depend on itself: its ARN is known before it exists. */
export function refersToItself(entity: Pick<DesiredEntity, 'kind' | 'name' | 'spec'>): boolean {
  return JSON.stringify(entity.spec).includes(`{{arn ${entityId(entity)}}}`);
}

/** Returns the name as IAM compares it: case does not distinguish two entities. */
export function normalizeName(name: string): string {
  return name.toLowerCase();
}

/** Returns a key that two entities share exactly if IAM takes them for the same one. */
export function entityKey(entity: { readonly kind: string; readonly name: string }): string {
  return `${entity.kind}/${normalizeName(entity.name)}`;
}

/** Returns the {@link entityKey} of an entity by its ID. */
export function entityKeyOfId(id: string): string {
  const [kind = '', ...name] = id.split('/');
  return entityKey({ kind, name: name.join('/') });
}

/** The account of a request, and the way into it. */
export interface Target {
  readonly account: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly partition: string;
  /** The role that the worker assumes for all calls instead of its own credentials. */
  readonly assumeRole?: string;
}

/** The CI job that sent a request. The CI service provides every field; nothing is verified. */
export interface Pipeline {
  readonly provider: string;
  readonly url: string | null;
  readonly commit: string | null;
  readonly actor: string | null;
  readonly run?: string | null;
  readonly runNumber?: string | null;
  readonly job?: string | null;
  readonly branch?: string | null;
  /** Distinguishes a job from the same job run again: a count, or an ID. */
  readonly attempt?: string | null;
}

/** A reference to the ARN of an entity in the strings of a spec: `{{arn Kind/name}}`. */
export const ARN_REFERENCE = /\{\{arn ([^{}]+)\}\}/g;

/** The maximum length of our workflow IDs; Temporal's SQL visibility allows 255. */
export const MAX_WORKFLOW_ID_LENGTH = 200;
