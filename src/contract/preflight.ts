/** The prediction for one resource that a plan creates, or renames in place. */
export type Verdict =
  /** Nothing is in its way. */
  | 'create'
  /** It exists and shows no owner: the create would be refused, and an import takes it over. */
  | 'import'
  /** It exists and has another owner: the create would be refused. */
  | 'foreign'
  /** Its name is taken under another path or in another case, or by another entity than the renamed one: AWS would refuse it. */
  | 'collision'
  /** AWS's limit leaves no room for one more: the create would be refused. */
  | 'limit'
  /** The entity that it belongs to is not there: the create would be refused. */
  | 'orphan'
  /** One plan destroys it and creates it again, in place or at another address. */
  | 'recreate'
  /** Another resource, of this plan or of another one, creates or manages it as well. */
  | 'duplicate'
  /** The create is not refused, and replaces or removes what is there. */
  | 'overwrite'
  /** It is there already, and the create changes nothing. */
  | 'present'
  /** Its name is not known before the apply. */
  | 'unknown'
  /** AWS did not show whether it exists. */
  | 'unread';

/** AWS's answer to a create, as it is predicted. */
export interface PredictedError {
  /** The call of the provider: `CreateRole`. */
  readonly operation: string;
  /** AWS's code without the suffix `Exception`: `EntityAlreadyExists`. */
  readonly code: string;
}

/** The prediction for one resource, with its reason. */
export interface Finding {
  /** The file of the plan, as it was named. */
  readonly plan: string;
  /** The address in the plan: `module.ci["prod"].aws_iam_role.deploy[0]`. */
  readonly address: string;
  /** `aws_iam_role`. */
  readonly type: string;
  /** Null where the plan does not tell, and nobody asked AWS. */
  readonly account: string | null;
  /** The kind and the name, as in manifests: `Role/deploy`. Null where the name is not known. */
  readonly entity: string | null;
  readonly verdict: Verdict;
  /** The answer of AWS to the create. Null where it succeeds, or nobody knows. */
  readonly error: PredictedError | null;
  readonly reason: string;
  readonly remedy: string | null;
  /** The other owner of the entity, or of the one that it is a part of. Null where it shows none. */
  readonly owner: string | null;
  readonly arn: string | null;
  /** The ID to import it with. Null where there is nothing to import, or the provider imports no such resource. */
  readonly importId: string | null;
  /** The address in the same plan that destroys it, for a `moved` block. Null if there is none. */
  readonly movedFrom: string | null;
  /** Facts that a person should know before the apply. */
  readonly notes: readonly string[];
}

/** A plan that was read. */
export interface PreflightPlan {
  readonly file: string;
  /** `Terraform 1.9.5`. */
  readonly program: string;
  readonly formatVersion: string;
  /** The accounts that it creates IAM entities in, as far as they are known. */
  readonly accounts: readonly string[];
  /** The resources of IAM that it creates. */
  readonly creates: number;
  /** The resources of IAM that it renames in place. */
  readonly renames: number;
}

/** The result of `preflight`: described by `schema/preflight.schema.json`. */
export interface Preflight {
  readonly version: 1;
  readonly command: 'preflight';
  /** The gravest finding: another owner, a create that would be refused, what could not be read or not be checked, or nothing. */
  readonly result: 'foreign' | 'conflicts' | 'unread' | 'unknown' | 'clear';
  /** The plans were compared with each other only. */
  readonly offline: boolean;
  readonly plans: readonly PreflightPlan[];
  readonly summary: Readonly<Record<Verdict, number>>;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
  readonly apiCalls: { readonly total: number; readonly byOperation: Readonly<Record<string, number>> };
}
