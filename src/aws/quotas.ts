import type { AwsError } from './errors.js';

/** One of IAM's quotas, as the IAM User Guide and Service Quotas list it. */
export interface Quota {
  /** Name in Service Quotas, or in the words of the IAM User Guide where Service Quotas does not list it. */
  readonly name: string;
  /** The value of a new account. */
  readonly value: number;
  /** The highest value that Service Quotas grants. Default: AWS does not raise this quota. */
  readonly raisedTo?: number;
  /** The way out without a higher quota. */
  readonly instead: string;
  /** Key of `GetAccountSummary`, where it shows the account's value. */
  readonly key?: string;
  /** Names in AWS's messages: `Cannot exceed quota for PoliciesPerRole: 10`. */
  readonly errorNames?: readonly string[];
  /** Messages of another form. The first group is the value, where there is one. */
  readonly message?: RegExp;
  /** Writes that can exceed no other quota. */
  readonly operations?: readonly string[];
}

const UNUSED = 'that are no longer used';

const attachments = (principal: string, raisedTo: number | undefined, instead: string): Quota => ({
  name: `Managed policies per ${principal.toLowerCase()}`,
  value: 10,
  ...(raisedTo === undefined ? {} : { raisedTo }),
  instead,
  key: `AttachedPoliciesPer${principal}Quota`,
  errorNames: [`PoliciesPer${principal}`],
  operations: [`Attach${principal}Policy`],
});

const inlineSize = (principal: string, value: number): Quota => ({
  name: `Characters of all inline policies of a ${principal.toLowerCase()}`,
  value,
  instead: 'shorten its inline policies, or move statements to a managed policy',
  key: `${principal}PolicySizeQuota`,
  message: new RegExp(`policy size of (\\d+) bytes exceeded for ${principal}`, 'i'),
  operations: [`Put${principal}Policy`],
});

/** IAM's quotas, and which of them AWS raises. Sources: "IAM and AWS STS quotas" of the IAM User Guide, Service Quotas. */
export const QUOTAS: readonly Quota[] = [
  {
    name: 'Roles per account',
    value: 1_000,
    raisedTo: 10_000,
    instead: `delete roles ${UNUSED}`,
    key: 'RolesQuota',
    errorNames: ['RolesPerAccount'],
  },
  {
    name: 'Customer managed policies per account',
    value: 1_500,
    raisedTo: 10_000,
    instead: `delete policies ${UNUSED}`,
    key: 'PoliciesQuota',
    errorNames: ['PoliciesPerAccount'],
  },
  {
    name: 'Groups per account',
    value: 300,
    raisedTo: 500,
    instead: `delete groups ${UNUSED}`,
    key: 'GroupsQuota',
    errorNames: ['GroupsPerAccount'],
    operations: ['CreateGroup'],
  },
  {
    name: 'Instance profiles per account',
    value: 1_000,
    raisedTo: 10_000,
    instead: `delete instance profiles ${UNUSED}`,
    key: 'InstanceProfilesQuota',
    errorNames: ['InstanceProfilesPerAccount'],
  },
  {
    name: 'Server certificates per account',
    value: 20,
    raisedTo: 1_000,
    instead: `delete server certificates ${UNUSED}, or keep them in AWS Certificate Manager`,
    key: 'ServerCertificatesQuota',
    errorNames: ['ServerCertificatesPerAccount', 'ServerCertificates'],
  },
  {
    name: 'OpenId connect providers per account',
    value: 100,
    raisedTo: 700,
    instead: `delete OIDC providers ${UNUSED}`,
    errorNames: ['OpenIdConnectProvidersPerAccount'],
  },
  {
    name: 'Role trust policy length',
    value: 2_048,
    raisedTo: 8_192,
    instead: 'shorten the trust policy, or divide it between several roles',
    key: 'AssumeRolePolicySizeQuota',
    errorNames: ['ACLSizePerRole'],
    operations: ['UpdateAssumeRolePolicy'],
  },
  attachments('Role', 25, 'merge policies, or move statements to inline policies'),
  attachments('User', 20, 'merge policies, or attach them to groups of the user'),
  attachments('Group', undefined, 'merge policies, or divide them between several groups'),
  inlineSize('Role', 10_240),
  inlineSize('User', 2_048),
  inlineSize('Group', 5_120),
  {
    name: 'Characters of a managed policy',
    value: 6_144,
    instead: 'shorten the document, or divide it between several policies',
    key: 'PolicySizeQuota',
    errorNames: ['PolicySize'],
  },
  {
    name: 'Versions of a managed policy',
    value: 5,
    instead: `delete versions of the policy ${UNUSED}`,
    key: 'VersionsPerPolicyQuota',
    errorNames: ['VersionsPerPolicy'],
    message: /up to (\d+) versions/,
  },
  {
    name: 'Users per account',
    value: 5_000,
    instead: `delete users ${UNUSED}, or let people and workloads use roles`,
    key: 'UsersQuota',
    errorNames: ['UsersPerAccount'],
  },
  {
    name: 'Groups per user',
    value: 10,
    instead: 'take the user out of a group, or merge groups',
    key: 'GroupsPerUserQuota',
    errorNames: ['GroupsPerUser'],
    operations: ['AddUserToGroup'],
  },
  {
    name: 'Access keys per user',
    value: 2,
    instead: `delete an access key of the user that is no longer used`,
    key: 'AccessKeysPerUserQuota',
    errorNames: ['AccessKeysPerUser'],
    operations: ['CreateAccessKey'],
  },
  {
    name: 'Signing certificates per user',
    value: 2,
    instead: `delete a signing certificate of the user that is no longer used`,
    key: 'SigningCertificatesPerUserQuota',
    errorNames: ['CertificatesPerUser', 'SigningCertificatesPerUser'],
    operations: ['UploadSigningCertificate'],
  },
  {
    name: 'SSH public keys per user',
    value: 5,
    instead: `delete an SSH public key of the user that is no longer used`,
    errorNames: ['SSHPublicKeysPerUser'],
    operations: ['UploadSSHPublicKey'],
  },
  {
    name: 'Service-specific credentials per user and service',
    value: 2,
    instead: `delete a credential of the user for this service that is no longer used`,
    errorNames: ['ServiceSpecificCredentialsPerUser'],
    operations: ['CreateServiceSpecificCredential'],
  },
  {
    name: 'MFA devices per user',
    value: 8,
    instead: `deactivate an MFA device of the user that is no longer used`,
    errorNames: ['MFADevicesPerUser'],
    operations: ['EnableMFADevice'],
  },
  {
    name: 'SAML providers per account',
    value: 100,
    instead: `delete SAML providers ${UNUSED}`,
    errorNames: ['SAMLProvidersPerAccount'],
  },
  {
    name: 'Private keys per SAML provider',
    value: 2,
    instead: 'remove a private key of the provider first',
    errorNames: ['PrivateKeysPerSAMLProvider'],
  },
  {
    name: 'Client IDs per OIDC provider',
    value: 100,
    instead: 'remove client IDs of the provider that are no longer used',
    errorNames: ['ClientIdsPerOpenIdConnectProvider'],
    operations: ['AddClientIDToOpenIDConnectProvider'],
  },
  {
    name: 'Thumbprints per OIDC provider',
    value: 5,
    instead: 'remove thumbprints of the provider that are no longer used',
    errorNames: ['ThumbprintsPerOpenIdConnectProvider'],
    operations: ['UpdateOpenIDConnectProviderThumbprint'],
  },
  {
    name: 'Roles in an instance profile',
    value: 1,
    instead: 'remove the role that the instance profile has, or make another instance profile',
    errorNames: ['InstanceSessionsPerInstanceProfile'],
    operations: ['AddRoleToInstanceProfile'],
  },
  {
    name: 'Tags per entity',
    value: 50,
    instead: 'remove tags of the entity; some are the ownership tags of iam-bootstrap',
    message: /number of tags .*?(\d+)/i,
    operations: [
      ...['TagRole', 'TagUser', 'TagPolicy', 'TagInstanceProfile', 'TagOpenIDConnectProvider'],
      ...['TagSAMLProvider', 'TagServerCertificate', 'TagMFADevice'],
    ],
  },
];

/**
 * Returns what to do about a quota of `GetAccountSummary` that is used up, for a person. Undefined for a quota that is not
 * in the table.
 */
export function remedyOfQuota(key: string, limit: number): string | undefined {
  const quota = QUOTAS.find((candidate) => candidate.key === key);
  return quota && remedyOf(quota, limit);
}

/** Returns what to do about an error with which AWS refuses to exceed a quota. Undefined where it is none in the table. */
export function remedyOfLimit({ message, operation }: Pick<AwsError, 'message' | 'operation'>): string | undefined {
  const [, name, value] = /quota for (\w+): (\d+)/.exec(message) ?? [];
  if (name !== undefined) {
    const named = QUOTAS.find(({ errorNames = [] }) => errorNames.some((one) => isSameName(one, name)));
    return named && remedyOf(named, Number(value));
  }
  for (const quota of QUOTAS) {
    const [, limit] = quota.message?.exec(message) ?? [];
    if (limit !== undefined) return remedyOf(quota, Number(limit));
  }
  const only = QUOTAS.find(({ operations = [] }) => operations.includes(operation ?? ''));
  return only && remedyOf(only, undefined);
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function remedyOf({ name, raisedTo, instead, value }: Quota, limit: number | undefined): string {
  const quota = `"${name}"`;
  if (raisedTo === undefined) return `${instead}: AWS does not raise the quota ${quota} of ${String(limit ?? value)}`;
  if (limit !== undefined && limit >= raisedTo) {
    return `${instead}: AWS does not raise the quota ${quota} above ${String(raisedTo)}`;
  }
  return `ask for a higher quota ${quota} in Service Quotas, where AWS raises it up to ${String(raisedTo)}, or ${instead}`;
}
