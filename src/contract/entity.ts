/**
 * Words that every other file uses.
 *
 * - manifest: what the user wrote.
 * - namespace: a set of entities with one owner.
 * - entity: one IAM thing, of a kind, with a key. `Role/prod-deploy` in text.
 * - desired and observed state: what the manifest asks for, and what IAM answered.
 * - drift: one difference between them.
 * - plan: the decisions for a manifest.
 * - converge: reach a state with no drift.
 * - conflict: a Create that AWS answered with "already exists".
 * - intent: the mark by which a Create is recognised as ours afterwards.
 */

/** Anything that JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An object that JSON can hold. */
export type JsonObject = Readonly<Record<string, Json>>;

/** Which existing entities a namespace may take over. `own` is none but its own. */
export type AdoptPolicy = 'own' | 'unowned' | 'foreign';

/** What becomes of what is there but not declared, inside of a declared entity. */
export type UnmanagedPolicy = 'keep' | 'remove';

/** Where a secret is kept: a secret of AWS Secrets Manager by name or ARN, or a file in the worker's secrets folder. */
export type SecretLocation = { readonly secretsManager: string } | { readonly file: string };

/** What is wanted of an entity. `destroyed`: gone if it was made here, given up if it was adopted. */
export type DesiredState = 'present' | 'absent' | 'released' | 'destroyed';

/** One entity as the manifest wants it, templates rendered, references to ARNs still open. */
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
  /** For all properties, or by property; those that are not named go by `*`, and are kept where that is not there. */
  readonly unmanaged: UnmanagedPolicy | Readonly<Record<string, UnmanagedPolicy>>;
  /** The first adoption may remove what is unmanaged, too. Default: false. */
  readonly unmanagedAtAdoption?: boolean;
  /** Where AWS cannot change it as declared, delete it and create it again. Default: false. */
  readonly replace?: boolean;
  /** `destroyed` deletes what was adopted, too. Default: false. */
  readonly includeAdopted?: boolean;
  /** The kind's own properties; a property that is not here is not managed. */
  readonly spec: JsonObject;
  /** Entities of the same manifest that must exist before this one, as `Kind/name`. */
  readonly dependsOn: readonly string[];
  /** Where the manifest declares it. */
  readonly source?: { readonly file: string; readonly line: number };
}

/** `Role/prod-deploy`: how an entity is named to people. */
export function entityId(entity: { readonly kind: string; readonly name: string }): string {
  return `${entity.kind}/${entity.name}`;
}

/** The name as IAM compares it: case does not distinguish two entities. */
export function normalizeName(name: string): string {
  return name.toLowerCase();
}

/** What two entities share exactly when IAM takes them for the same one. */
export function entityKey(entity: { readonly kind: string; readonly name: string }): string {
  return `${entity.kind}/${normalizeName(entity.name)}`;
}

/** The account that a request is for, and the way into it. */
export interface Target {
  /** Twelve digits. */
  readonly account: string;
  /** `aws`, `aws-cn`, `aws-us-gov`, … */
  readonly partition: string;
  /** Role that the worker assumes for all calls, in place of its own credentials. */
  readonly assumeRole?: string;
}

/** Where a request came from. Every field is what the CI service says of itself. */
export interface Pipeline {
  readonly provider: string;
  readonly url: string | null;
  readonly commit: string | null;
  readonly actor: string | null;
  /** What tells this run of the pipeline from every other. */
  readonly run?: string | null;
  /** How the run is counted, for people. */
  readonly runNumber?: string | null;
  readonly job?: string | null;
  readonly branch?: string | null;
  /** What tells a job of a run from the same job, run again: a count, or an ID. */
  readonly attempt?: string | null;
}

/** The shortest that says where a request came from: its link, else who asked, else the service. */
export function originOf({ url, actor, provider }: Pick<Pipeline, 'url' | 'actor' | 'provider'>): string {
  return url ?? actor ?? provider;
}

/** The longest workflow ID that is made here; Temporal's SQL visibility allows 255. */
export const MAX_WORKFLOW_ID_LENGTH = 200;
