// Made by `npm run gen` from the kinds' schemas. Do not edit.
import type { PolicyDocument } from './policy-document.js';

/** Text with {{name}} or {{arn Kind/name}} in it. */
export type Template = `${string}{{${string}}}${string}`;

/**
 * A manifest, as YAML writes it.
 */
export interface Manifest {
  /**
   * Version of the format.
   */
  version: 1;
  /**
   * The set of entities that has one owner: this manifest and those of the same namespace.
   */
  namespace: string;
  /**
   * Accounts by environment. --environment chooses one; a single one is the default.
   */
  environments?: {
    [k: string]: {
      /**
       * Twelve digits, in quotes.
       */
      account: string;
      /**
       * Default: aws.
       */
      partition?: string;
      /**
       * The role that the worker assumes for all calls instead of its own credentials.
       */
      assumeRole?: string;
    };
  };
  /**
   * Many accounts by fleet. --fleet chooses one. A manifest declares environments, fleets, or both.
   */
  fleets?: {
    [k: string]: {
      /**
       * The accounts: those listed by ID, and those that AWS Organizations shows.
       */
      accounts: {
        /**
         * Accounts by ID: twelve digits, in quotes.
         *
         * @minItems 1
         */
        ids?: readonly string[];
        /**
         * Organizational units, with the units below them, or the root of the organization.
         *
         * @minItems 1
         */
        organizationalUnits?: readonly string[];
        /**
         * Tags that an account of the units must have, or of the organization if no unit is named.
         */
        tags?: {
          [k: string]: string;
        };
        /**
         * Accounts that are left out, however they are selected.
         */
        exclude?: readonly string[];
        /**
         * The role that may read AWS Organizations. Default: the worker's own credentials.
         */
        organizationRole?: string;
      };
      /**
       * The value of {{environment}}. Default: the name of the fleet.
       */
      environment?: string;
      /**
       * Default: aws.
       */
      partition?: string;
      /**
       * The role that the worker assumes in each account: arn:{{partition}}:iam::{{account}}:role/NAME. Default: its own credentials.
       */
      assumeRole?: string;
      /**
       * Values of variables in this fleet. They may use {{account}}, {{account.name}} and {{account.tags.KEY}}.
       */
      variables?: {
        [k: string]: string;
      };
      /**
       * How far each wave gets, counted from the first account. Default: one wave with all accounts.
       *
       * @minItems 1
       */
      waves?: readonly (
        | {
            /**
             * A number of accounts.
             */
            accounts: number;
          }
        | {
            /**
             * A share of the accounts, in percent.
             */
            percent: number;
          }
      )[];
      /**
       * The largest number of accounts at a time. Default: 20.
       */
      concurrency?: number;
      /**
       * Failed accounts beyond which no other wave starts: a number, or a share such as "10%". Default: 0.
       */
      maxFailures?: number | string;
      /**
       * Values of variables by account ID; they take precedence over those of the fleet.
       */
      accountVariables?:
        | {
            [k: string]: {
              [k: string]: string;
            };
          }
        | FileReference;
    };
  };
  /**
   * Values for {{name}}; --var name=value overrides.
   */
  variables?: {
    [k: string]: string;
  };
  /**
   * Values for every entity that does not set its own.
   */
  defaults?:
    | {
        /**
         * Path of the entities that have one and do not set it.
         */
        path?: string;
        /**
         * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
         */
        tags?:
          | {
              [k: string]: string;
            }
          | FileReference;
        adopt?: ('own' | 'unowned') | Template;
        /**
         * Keep or remove content of declared properties that the manifest does not declare.
         */
        unmanaged?: ('keep' | 'remove') | Template;
        /**
         * Boundary of the entities that can have one and do not set it.
         */
        permissionsBoundary?: string;
      }
    | FileReference;
  /**
   * Entities that the namespace owns and this manifest does not declare any more: report lists them, release ends the ownership, remove deletes what was created here and releases what was adopted. Default: report. --orphans overrides.
   */
  orphans?: 'report' | 'release' | 'remove';
  /**
   * The entities that must exist, or must not.
   */
  entities: readonly (Entity | FileReference)[];
}
/**
 * The content of a file, whose path is relative to the manifest's folder: a value in YAML or JSON, or a text where its name ends in neither.
 *
 */
export interface FileReference {
  $file: string;
}
export interface RoleWithAssumeRolePolicyDocument {
  kind: 'Role';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  roleName: string;
  /**
   * It cannot be changed after the Create.
   */
  path?: string;
  /**
   * What the role is for. For people only.
   */
  description?: string;
  /**
   * The trust policy: who may assume the role. Up to 8192 characters; white space does not count.
   */
  assumeRolePolicyDocument: PolicyDocument | FileReference;
  /**
   * Seconds, from one hour to twelve.
   */
  maxSessionDuration?: number;
  /**
   * ARN of a policy; null removes an existing boundary.
   */
  permissionsBoundary?: string | null;
  /**
   * Policy documents by name, 10240 characters in total. White space does not count.
   */
  inlinePolicies?:
    | {
        [k: string]: PolicyDocument | FileReference;
      }
    | FileReference;
  /**
   * ARNs of managed policies: AWS's own, and those of the account.
   */
  managedPolicyArns?: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Findings of AWS IAM Access Analyzer that are accepted. Guardrails decide whether the worker checks policies, and which refusals a manifest may suppress.
   */
  suppressFindings?:
    | readonly (
        | {
            /**
             * AWS's issue code, or NEW_ACCESS.
             */
            code: string;
            /**
             * Why the finding is accepted. The plan shows it.
             */
            reason: string;
          }
        | FileReference
      )[]
    | FileReference;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  trust?: never;
  /**
   * The default.
   */
  state?: 'present';
}
export interface RoleWithTrust {
  kind: 'Role';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  roleName: string;
  /**
   * It cannot be changed after the Create.
   */
  path?: string;
  /**
   * What the role is for. For people only.
   */
  description?: string;
  assumeRolePolicyDocument?: never;
  /**
   * Seconds, from one hour to twelve.
   */
  maxSessionDuration?: number;
  /**
   * ARN of a policy; null removes an existing boundary.
   */
  permissionsBoundary?: string | null;
  /**
   * Policy documents by name, 10240 characters in total. White space does not count.
   */
  inlinePolicies?:
    | {
        [k: string]: PolicyDocument | FileReference;
      }
    | FileReference;
  /**
   * ARNs of managed policies: AWS's own, and those of the account.
   */
  managedPolicyArns?: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Findings of AWS IAM Access Analyzer that are accepted. Guardrails decide whether the worker checks policies, and which refusals a manifest may suppress.
   */
  suppressFindings?:
    | readonly (
        | {
            /**
             * AWS's issue code, or NEW_ACCESS.
             */
            code: string;
            /**
             * Why the finding is accepted. The plan shows it.
             */
            reason: string;
          }
        | FileReference
      )[]
    | FileReference;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * Recipes for the trust policy, in place of `assumeRolePolicyDocument`.
   */
  trust:
    | {
        buildkite?:
          | {
              /**
               * The issuer without `https://`, for an installation of your own.
               */
              issuer?: string;
              /**
               * The `aud` of the token.
               */
              audience?: string;
              /**
               * The ARN of the provider, or a reference to one that is declared. Default: the one in this account.
               */
              provider?: string;
              organization: string;
              pipeline: string;
              branch?: string | readonly string[];
              tag?: string | readonly string[];
              /**
               * Trusts every branch and tag.
               */
              anyRef?: true;
            }
          | FileReference;
        circleci?:
          | {
              /**
               * The issuer without `https://`, for an installation of your own.
               */
              issuer?: string;
              /**
               * The `aud` of the token.
               */
              audience?: string;
              /**
               * The ARN of the provider, or a reference to one that is declared. Default: the one in this account.
               */
              provider?: string;
              organizationId: string;
              projectId: string;
              /**
               * The host and path of the repository, as in `github.com/acme/infra`.
               */
              repository?: string;
              branch?: string | readonly string[];
              tag?: string | readonly string[];
              /**
               * Trusts every branch and tag.
               */
              anyRef?: true;
            }
          | FileReference;
        eks?:
          | {
              issuer: string;
              /**
               * The `aud` of the token.
               */
              audience?: string;
              /**
               * The ARN of the provider, or a reference to one that is declared. Default: the one in this account.
               */
              provider?: string;
              namespace: string;
              serviceAccount: string | readonly string[];
            }
          | FileReference;
        eksPodIdentity?:
          | {
              namespace: string;
              serviceAccount: string | readonly string[];
              /**
               * The ARN of the cluster. Default: every cluster of the account.
               */
              cluster?: string | readonly string[];
            }
          | FileReference;
        github?:
          | {
              /**
               * The issuer without `https://`, for an installation of your own.
               */
              issuer?: string;
              /**
               * The `aud` of the token.
               */
              audience?: string;
              /**
               * The ARN of the provider, or a reference to one that is declared. Default: the one in this account.
               */
              provider?: string;
              repository?: string;
              repositoryId?: string;
              /**
               * Only with `anyRepository`.
               */
              owner?: string;
              ownerId?: string;
              /**
               * GitHub writes a colon in its name as `%3A`.
               */
              environment?: string | readonly string[];
              branch?: string | readonly string[];
              tag?: string | readonly string[];
              pullRequest?: true;
              /**
               * Trusts every branch, tag, pull request and environment.
               */
              anyRef?: true;
              /**
               * Trusts every repository of `owner`.
               */
              anyRepository?: true;
            }
          | FileReference;
        gitlab?:
          | {
              /**
               * The issuer without `https://`, for an installation of your own.
               */
              issuer?: string;
              /**
               * The `aud` of the token.
               */
              audience?: string;
              /**
               * The ARN of the provider, or a reference to one that is declared. Default: the one in this account.
               */
              provider?: string;
              /**
               * The path of the project: `group/project`.
               */
              project: string;
              branch?: string | readonly string[];
              tag?: string | readonly string[];
              /**
               * Trusts every branch and tag.
               */
              anyRef?: true;
            }
          | FileReference;
        terraformCloud?:
          | {
              /**
               * The issuer without `https://`, for an installation of your own.
               */
              issuer?: string;
              /**
               * The `aud` of the token.
               */
              audience?: string;
              /**
               * The ARN of the provider, or a reference to one that is declared. Default: the one in this account.
               */
              provider?: string;
              organization: string;
              project: string;
              workspace?: string | readonly string[];
              /**
               * Trusts every workspace of the project.
               */
              anyWorkspace?: true;
              /**
               * The phase of the run. Default: both.
               */
              runPhase?: (('plan' | 'apply') | Template) | readonly (('plan' | 'apply') | Template)[];
            }
          | FileReference;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface Policy {
  kind: 'Policy';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  policyName: string;
  /**
   * It cannot be changed after the Create.
   */
  path?: string;
  /**
   * It cannot be changed after the Create.
   */
  description?: string;
  /**
   * The permissions. Up to 6144 characters; white space does not count.
   */
  policyDocument: PolicyDocument | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Findings of AWS IAM Access Analyzer that are accepted. Guardrails decide whether the worker checks policies, and which refusals a manifest may suppress.
   */
  suppressFindings?:
    | readonly (
        | {
            /**
             * AWS's issue code, or NEW_ACCESS.
             */
            code: string;
            /**
             * Why the finding is accepted. The plan shows it.
             */
            reason: string;
          }
        | FileReference
      )[]
    | FileReference;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface User {
  kind: 'User';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  userName: string;
  /**
   * A new path changes the user's ARN.
   */
  path?: string;
  /**
   * ARN of a policy; null removes an existing boundary.
   */
  permissionsBoundary?: string | null;
  /**
   * Policy documents by name, 2048 characters in total. White space does not count.
   */
  inlinePolicies?:
    | {
        [k: string]: PolicyDocument | FileReference;
      }
    | FileReference;
  /**
   * ARNs of managed policies: AWS's own, and those of the account.
   */
  managedPolicyArns?: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Findings of AWS IAM Access Analyzer that are accepted. Guardrails decide whether the worker checks policies, and which refusals a manifest may suppress.
   */
  suppressFindings?:
    | readonly (
        | {
            /**
             * AWS's issue code, or NEW_ACCESS.
             */
            code: string;
            /**
             * Why the finding is accepted. The plan shows it.
             */
            reason: string;
          }
        | FileReference
      )[]
    | FileReference;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface Group {
  kind: 'Group';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  groupName: string;
  /**
   * A new path changes the group's ARN.
   */
  path?: string;
  /**
   * Policy documents by name, 5120 characters in total. White space does not count.
   */
  inlinePolicies?:
    | {
        [k: string]: PolicyDocument | FileReference;
      }
    | FileReference;
  /**
   * ARNs of managed policies: AWS's own, and those of the account.
   */
  managedPolicyArns?: readonly string[] | FileReference;
  /**
   * Names of the member users.
   */
  users?: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Findings of AWS IAM Access Analyzer that are accepted. Guardrails decide whether the worker checks policies, and which refusals a manifest may suppress.
   */
  suppressFindings?:
    | readonly (
        | {
            /**
             * AWS's issue code, or NEW_ACCESS.
             */
            code: string;
            /**
             * Why the finding is accepted. The plan shows it.
             */
            reason: string;
          }
        | FileReference
      )[]
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface InstanceProfile {
  kind: 'InstanceProfile';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  instanceProfileName: string;
  /**
   * Cannot be changed once the instance profile exists.
   */
  path?: string;
  /**
   * Name of the role. A different role is replaced only with `unmanaged: remove`.
   */
  roles?: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface OpenIDConnectProvider {
  kind: 'OpenIDConnectProvider';
  /**
   * The issuer of the tokens, as in their `iss` claim. An account has one provider per URL.
   */
  url: string;
  /**
   * Audiences, as in `aud`.
   */
  clientIdList?: readonly string[] | FileReference;
  /**
   * SHA-1 of the certificate that signs. AWS determines it if it is not set.
   */
  thumbprintList?: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  /**
   * Merged with what other namespaces declare, instead of owned.
   */
  shared?: boolean;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * Delete it even if roles trust it that this namespace does not own.
   */
  deleteTrusted?: boolean;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface AccessKey {
  kind: 'AccessKey';
  /**
   * The user that the key belongs to. A manifest declares one key per user; other keys stay unchanged.
   */
  userName: string;
  /**
   * Where to store the key: `UserName`, `AccessKeyId` and `SecretAccessKey`. The stored record identifies the key.
   */
  secret:
    | {
        /**
         * Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.
         */
        secretsManager: string;
      }
    | {
        /**
         * Path inside the worker's secrets folder; the file gets mode 0600.
         */
        file: string;
      };
  /**
   * Whether AWS accepts it. AWS creates it active.
   */
  status?: ('Active' | 'Inactive') | Template;
  /**
   * Exchanges the key by its age. Each apply takes the step that is due: a new key, then the old one inactive, then deleted.
   */
  rotate?:
    | {
        /**
         * The age at which a new key takes the place of the stored one.
         */
        every: string;
        /**
         * The time for which the old key stays active beside the new one, and then inactive until it is deleted.
         */
        overlap: string;
        /**
         * The old key stays active until it was not used for this time. Default: 24h; 0h: it does not matter.
         */
        unusedFor?: string;
      }
    | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface AccountAlias {
  kind: 'AccountAlias';
  /**
   * The alias of the account, unique in all of AWS. A different alias is replaced only with `unmanaged: remove`.
   */
  accountAliases: readonly string[] | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface AccountPasswordPolicy {
  kind: 'AccountPasswordPolicy';
  /**
   * Minimum number of characters.
   */
  minimumPasswordLength?: number;
  /**
   * At least one of ! @ # $ % ^ & * ( ) _ + - = [ ] { } | '.
   */
  requireSymbols?: boolean;
  /**
   * At least one digit.
   */
  requireNumbers?: boolean;
  /**
   * At least one of A to Z.
   */
  requireUppercaseCharacters?: boolean;
  /**
   * At least one of a to z.
   */
  requireLowercaseCharacters?: boolean;
  /**
   * Users may change their own passwords in the console.
   */
  allowUsersToChangePassword?: boolean;
  /**
   * In days; null: passwords do not expire.
   */
  maxPasswordAge?: number | null;
  /**
   * Number of earlier passwords that a user may not use again; null: any may be used again.
   */
  passwordReusePrevention?: number | null;
  /**
   * Only an administrator can set a new password after one has expired.
   */
  hardExpiry?: boolean;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface AccountProperties {
  kind: 'AccountProperties';
  /**
   * Values by `Namespace/PropertyName`, all of them text: "true". Other properties stay unchanged. AWS can set a property but cannot remove one: `state: absent` is refused where the account has any.
   */
  properties:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface LoginProfile {
  kind: 'LoginProfile';
  /**
   * The user that may sign in to the console.
   */
  userName: string;
  /**
   * Where to store the first password: `UserName` and `Password`. The password is generated. The password of an existing login profile stays unchanged.
   */
  secret:
    | {
        /**
         * Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.
         */
        secretsManager: string;
      }
    | {
        /**
         * Path inside the worker's secrets folder; the file gets mode 0600.
         */
        file: string;
      };
  /**
   * The user must choose a new password at the next sign-in, which AWS then takes back. `true` is set once, with the password or when the manifest changes to it.
   */
  passwordResetRequired?: boolean;
  /**
   * Asks for a new secret: any text, such as a date. Each new text leads to one reset, and the new secret is stored in place of the old one, which is invalid from then on.
   */
  reset?: string;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface OrganizationsRootAccess {
  kind: 'OrganizationsRootAccess';
  /**
   * The management account may delete and restore the credentials of the root users of member accounts.
   */
  rootCredentialsManagement?: boolean;
  /**
   * The management account may do privileged tasks as the root user of a member account (AssumeRoot).
   */
  rootSessions?: boolean;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface OutboundWebIdentityFederation {
  kind: 'OutboundWebIdentityFederation';
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface SecurityTokenServicePreferences {
  kind: 'SecurityTokenServicePreferences';
  /**
   * The version of the tokens that the global endpoint of STS issues: v1Token is valid in the regions that are enabled by default, v2Token in all regions. Every account has a version: `state: absent` restores AWS's default, v1Token.
   */
  globalEndpointTokenVersion: ('v1Token' | 'v2Token') | Template;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface ServiceLinkedRole {
  kind: 'ServiceLinkedRole';
  /**
   * The principal of the service: `autoscaling.amazonaws.com`. Case matters.
   */
  awsServiceName: string;
  /**
   * Distinguishes several roles of one service. Few services allow it.
   */
  customSuffix?: string;
  /**
   * What the role is for. For people only.
   */
  description?: string;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  /**
   * Merged with what other namespaces declare, instead of owned.
   */
  shared?: boolean;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface ServiceSpecificCredential {
  kind: 'ServiceSpecificCredential';
  /**
   * The user that the credential belongs to.
   */
  userName: string;
  /**
   * The service that accepts it: `codecommit.amazonaws.com`. A manifest declares one credential per user and service; other credentials stay unchanged.
   */
  serviceName: string;
  /**
   * Where to store the credential: `ServiceUserName` and `ServicePassword`, or `ServiceCredentialAlias` and `ServiceCredentialSecret`. The stored record identifies the credential.
   */
  secret:
    | {
        /**
         * Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.
         */
        secretsManager: string;
      }
    | {
        /**
         * Path inside the worker's secrets folder; the file gets mode 0600.
         */
        file: string;
      };
  /**
   * Whether AWS accepts it. AWS creates it active.
   */
  status?: ('Active' | 'Inactive') | Template;
  /**
   * Days until it expires, for services with API keys. It cannot be changed after the Create.
   */
  credentialAgeDays?: number;
  /**
   * Asks for a new secret: any text, such as a date. Each new text leads to one reset, and the new secret is stored in place of the old one, which is invalid from then on.
   */
  reset?: string;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface SAMLProvider {
  kind: 'SAMLProvider';
  /**
   * Unique in the account. It is the last part of the ARN.
   */
  name: string;
  /**
   * The identity provider's metadata: XML.
   */
  samlMetadataDocument: string | FileReference;
  /**
   * Required: assertions must be encrypted; Allowed: they may be. Declare it together with privateKey.
   */
  assertionEncryptionMode?: ('Required' | 'Allowed') | Template;
  /**
   * The location of the private key that decrypts assertions, in PEM. It is added if the provider has no key besides those of oldPrivateKeys; an existing key stays.
   */
  privateKey?:
    | {
        /**
         * Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.
         */
        secretsManager: string;
      }
    | {
        /**
         * Path inside the worker's secrets folder; the file gets mode 0600.
         */
        file: string;
      };
  /**
   * Keys to replace by privateKey, by their IDs. With `keep` the new key is added beside the old one; `remove`, once the identity provider encrypts for the new one, removes the old one. AWS allows two keys.
   */
  oldPrivateKeys?:
    | {
        [k: string]: 'keep' | 'remove' | Template;
      }
    | FileReference;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  /**
   * Delete it even if roles trust it that this namespace does not own.
   */
  deleteTrusted?: boolean;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface ServerCertificate {
  kind: 'ServerCertificate';
  /**
   * Unique in the account. Path and case do not make two names different.
   */
  serverCertificateName: string;
  /**
   * A new path changes the certificate's ARN. CloudFront requires a path that begins with /cloudfront/.
   */
  path?: string;
  /**
   * The certificate in PEM. It cannot be changed: a different certificate needs a different name.
   */
  certificateBody: string | FileReference;
  /**
   * The issuer's certificate in PEM, then the certificate of its issuer, and so on. It cannot be changed.
   */
  certificateChain?: string | FileReference;
  /**
   * The location of the private key, in PEM and without a password. It is read when the certificate is uploaded.
   */
  privateKey:
    | {
        /**
         * Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.
         */
        secretsManager: string;
      }
    | {
        /**
         * Path inside the worker's secrets folder; the file gets mode 0600.
         */
        file: string;
      };
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  /**
   * The name that it had before. AWS renames users, groups and server certificates. Others are made anew, references in the manifest move over, and the old one is removed. Afterwards, this has no effect and can be removed.
   */
  renamedFrom?: string;
  deleteTrusted?: false;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}
export interface SigningCertificate {
  kind: 'SigningCertificate';
  /**
   * The user that the certificate belongs to.
   */
  userName: string;
  /**
   * The certificate in PEM. A different certificate is a different entity: the name ends with digits of the SHA-256 fingerprint.
   */
  certificateBody: string | FileReference;
  /**
   * Whether AWS accepts it. AWS creates it active.
   */
  status?: ('Active' | 'Inactive') | Template;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface SSHPublicKey {
  kind: 'SSHPublicKey';
  /**
   * The user that the key belongs to.
   */
  userName: string;
  /**
   * A public RSA key: the line of a .pub file, or PEM. A different key is a different entity: the name ends with digits of the SHA-256 fingerprint.
   */
  sshPublicKeyBody: string | FileReference;
  /**
   * Whether AWS accepts it. AWS creates it active.
   */
  status?: ('Active' | 'Inactive') | Template;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * The default.
   */
  state?: 'present';
}
export interface VirtualMFADevice {
  kind: 'VirtualMFADevice';
  /**
   * Unique on its path.
   */
  virtualMfaDeviceName: string;
  /**
   * Part of the key: a different path means a different device.
   */
  path?: string;
  /**
   * Where to store the seed: `SerialNumber` and `Base32StringSeed`. AWS shows the seed in the reply to the Create only, so the seed of an existing device is not available.
   */
  secret:
    | {
        /**
         * Name or ARN of a secret in AWS Secrets Manager; the worker creates it if it does not exist.
         */
        secretsManager: string;
      }
    | {
        /**
         * Path inside the worker's secrets folder; the file gets mode 0600.
         */
        file: string;
      };
  /**
   * The user that signs in with it; null: no user. The device is enabled for the user with two codes of the stored seed, and taken from the user that has it.
   */
  userName?: string | null;
  /**
   * The existing entities that may be taken over: only our own, those without an owner, or any.
   */
  adopt?: ('own' | 'unowned' | 'foreign') | Template;
  /**
   * Report drift, never write.
   */
  observe?: boolean;
  shared?: false;
  /**
   * Keep or remove content that the manifest does not declare, for all properties or by property.
   */
  unmanaged?:
    | (('keep' | 'remove') | Template)
    | {
        [k: string]: 'keep' | 'remove' | Template;
      };
  /**
   * Delete it and create it again if AWS cannot change it as declared, unless unmanaged content would be lost.
   */
  replace?: boolean;
  /**
   * Never delete or replace it, whatever a manifest or a command asks for. A tag records it where the kind has tags; false removes the tag.
   */
  protect?: boolean;
  deleteTrusted?: false;
  /**
   * Tags by key. The tags of an entity are added to those of defaults. On roles and users, IAM compares the keys without case.
   */
  tags?:
    | {
        [k: string]: string;
      }
    | FileReference;
  /**
   * The default.
   */
  state?: 'present';
}

/** An entity that is to be removed, or to be let go: its name is enough. */
export type Removed<T, Name extends keyof T> = T extends unknown
  ? Pick<T, Name> & Partial<Omit<T, Name | 'state'>> & { state: 'absent' | 'released' }
  : never;

export type Role = RoleWithAssumeRolePolicyDocument | RoleWithTrust;

/** An entity of any kind. */
export type Entity =
  | Removed<Role, 'kind' | 'roleName'>
  | Role
  | Removed<Policy, 'kind' | 'policyName'>
  | Policy
  | Removed<User, 'kind' | 'userName'>
  | User
  | Removed<Group, 'kind' | 'groupName'>
  | Group
  | Removed<InstanceProfile, 'kind' | 'instanceProfileName'>
  | InstanceProfile
  | Removed<OpenIDConnectProvider, 'kind' | 'url'>
  | OpenIDConnectProvider
  | Removed<AccessKey, 'kind' | 'userName' | 'secret'>
  | AccessKey
  | Removed<AccountAlias, 'kind'>
  | AccountAlias
  | Removed<AccountPasswordPolicy, 'kind'>
  | AccountPasswordPolicy
  | Removed<AccountProperties, 'kind'>
  | AccountProperties
  | Removed<LoginProfile, 'kind' | 'userName'>
  | LoginProfile
  | Removed<OrganizationsRootAccess, 'kind'>
  | OrganizationsRootAccess
  | Removed<OutboundWebIdentityFederation, 'kind'>
  | OutboundWebIdentityFederation
  | Removed<SecurityTokenServicePreferences, 'kind'>
  | SecurityTokenServicePreferences
  | Removed<ServiceLinkedRole, 'kind' | 'awsServiceName'>
  | ServiceLinkedRole
  | Removed<ServiceSpecificCredential, 'kind' | 'userName' | 'serviceName' | 'secret'>
  | ServiceSpecificCredential
  | Removed<SAMLProvider, 'kind' | 'name'>
  | SAMLProvider
  | Removed<ServerCertificate, 'kind' | 'serverCertificateName'>
  | ServerCertificate
  | Removed<SigningCertificate, 'kind' | 'userName' | 'certificateBody'>
  | SigningCertificate
  | Removed<SSHPublicKey, 'kind' | 'userName' | 'sshPublicKeyBody'>
  | SSHPublicKey
  | Removed<VirtualMFADevice, 'kind' | 'virtualMfaDeviceName'>
  | VirtualMFADevice;
