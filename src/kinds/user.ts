import type { User, UserDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { Operation } from '../aws/operations.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  attachmentsField,
  boundaryField,
  isoDate,
  omitUndefined,
  emptyIfAbsent,
  inlinePoliciesField,
  MAX_DOCUMENT_LENGTH,
  nameField,
  pathField,
  toTagList,
  toTagMap,
  tagsField,
  tagWrites,
  stringProperty,
} from './fields.js';
import { policiesOf, policyQuotaUsage, policyRemovals, policyWrites, readPolicies } from './principal-policies.js';
import type { Kind, Observed, Write } from './kind.js';

const schema = z.strictObject({
  userName: nameField(64).describe('Unique in the account; neither path nor case tells two users apart.'),
  path: pathField.optional().describe("A change of it changes the user's ARN."),
  permissionsBoundary: boundaryField.optional().describe('ARN of a policy; null takes an existing boundary off.'),
  inlinePolicies: inlinePoliciesField(MAX_DOCUMENT_LENGTH.userPolicies).optional(),
  managedPolicyArns: attachmentsField.optional(),
  tags: tagsField.optional(),
});

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'userName') ?? '';
}

function arnOf(spec: JsonObject, target: Target): string {
  return `arn:${target.partition}:iam::${target.account}:user${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

/** What `GetUser` and `GetAccountAuthorizationDetails` both show. */
function observedOf(user: User | UserDetail, rest: JsonObject): Observed {
  return {
    name: user.UserName ?? '',
    arn: user.Arn ?? '',
    createdAt: isoDate(user.CreateDate),
    tags: toTagMap(user.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: {
      path: user.Path ?? '/',
      permissionsBoundary: user.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
      ...rest,
    },
  };
}

/** Writes that take away what a user holds beside policies. Nothing here reads or shows a secret. */
async function credentialAndMembershipRemovals(reader: Reader, UserName: string): Promise<Write[]> {
  const user = { UserName };
  const removal = (operation: Operation, input: Readonly<Record<string, unknown>>): Write => ({
    operation,
    input,
    ...appliedIfAbsent,
  });
  const [login, keys, certificates, sshKeys, credentials, devices, groups] = await Promise.all([
    reader.find('GetLoginProfile', user),
    emptyIfAbsent(reader.list('ListAccessKeys', user, 'AccessKeyMetadata')),
    emptyIfAbsent(reader.list('ListSigningCertificates', user, 'Certificates')),
    emptyIfAbsent(reader.list('ListSSHPublicKeys', user, 'SSHPublicKeys')),
    emptyIfAbsent(reader.list('ListServiceSpecificCredentials', user, 'ServiceSpecificCredentials')),
    emptyIfAbsent(reader.list('ListMFADevices', user, 'MFADevices')),
    emptyIfAbsent(reader.list('ListGroupsForUser', user, 'Groups')),
  ]);
  return [
    ...(login === undefined ? [] : [removal('DeleteLoginProfile', user)]),
    ...keys.map(({ AccessKeyId }) => removal('DeleteAccessKey', { ...user, AccessKeyId })),
    ...certificates.map(({ CertificateId }) => removal('DeleteSigningCertificate', { ...user, CertificateId })),
    ...sshKeys.map(({ SSHPublicKeyId }) => removal('DeleteSSHPublicKey', { ...user, SSHPublicKeyId })),
    ...credentials.map(({ ServiceSpecificCredentialId }) =>
      removal('DeleteServiceSpecificCredential', { ...user, ServiceSpecificCredentialId }),
    ),
    ...devices.flatMap(({ SerialNumber = '' }) => [
      removal('DeactivateMFADevice', { ...user, SerialNumber }),
      // Only a virtual device is an entity of its own, which would stand in the way of the next one of its name.
      ...(SerialNumber.includes(':mfa/') ? [removal('DeleteVirtualMFADevice', { SerialNumber })] : []),
    ]),
    ...groups.map(({ GroupName }) => removal('RemoveUserFromGroup', { ...user, GroupName })),
  ];
}

/** A user. Memberships are declared at the group. */
export const user: Kind = {
  name: 'User',
  keyProperties: ['userName'],
  schema,
  nameOf,
  arnOf,
  dependsOnKinds: ['Policy'],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists, whatever the path or the case',
  recognizedBy: 'the intent tag that the Create carried',
  quota: { used: 'Users', limit: 'UsersQuota' },
  properties: {
    path: { type: 'value', default: '/' },
    permissionsBoundary: { type: 'value', default: null },
    inlinePolicies: { type: 'documents' },
    managedPolicyArns: { type: 'set' },
  },
  actions: {
    read: [
      'iam:GetAccountAuthorizationDetails',
      'iam:GetUser',
      'iam:ListUserPolicies',
      'iam:GetUserPolicy',
      'iam:ListAttachedUserPolicies',
      'iam:GetLoginProfile',
      'iam:ListAccessKeys',
      'iam:ListSigningCertificates',
      'iam:ListSSHPublicKeys',
      'iam:ListServiceSpecificCredentials',
      'iam:ListMFADevices',
      'iam:ListGroupsForUser',
    ],
    write: [
      'iam:CreateUser',
      'iam:UpdateUser',
      'iam:PutUserPermissionsBoundary',
      'iam:DeleteUserPermissionsBoundary',
      'iam:PutUserPolicy',
      'iam:DeleteUserPolicy',
      'iam:AttachUserPolicy',
      'iam:DetachUserPolicy',
      'iam:TagUser',
      'iam:UntagUser',
      'iam:DeleteLoginProfile',
      'iam:DeleteAccessKey',
      'iam:DeleteSigningCertificate',
      'iam:DeleteSSHPublicKey',
      'iam:DeleteServiceSpecificCredential',
      'iam:DeactivateMFADevice',
      'iam:DeleteVirtualMFADevice',
      'iam:RemoveUserFromGroup',
      'iam:DeleteUser',
    ],
  },

  quotaUsage: (spec) => policyQuotaUsage('User', spec),

  detailType: 'User',
  readCost: 4,
  async read(reader, { name }) {
    const found = await reader.find('GetUser', { UserName: name });
    if (found?.User === undefined) return undefined;
    const policies = await readPolicies(reader, 'User', name);
    return observedOf(found.User, {
      ...policies,
    });
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
    return new Map(
      details.users
        .filter(({ UserName = '' }) => names.has(UserName.toLowerCase()))
        .map((detail) => {
          const observed = observedOf(detail, {
            ...policiesOf(detail.UserPolicyList, detail.AttachedManagedPolicies),
          });
          return [observed.name.toLowerCase(), observed];
        }),
    );
  },

  create: ({ name, spec, tags }) => ({
    operation: 'CreateUser',
    input: omitUndefined({
      UserName: name,
      Path: stringProperty(spec, 'path'),
      PermissionsBoundary: stringProperty(spec, 'permissionsBoundary'),
      Tags: toTagList(tags),
    }),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOf(desired.spec, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: { ...desired.spec, inlinePolicies: {}, managedPolicyArns: [] },
  }),

  update(desired, observed, changes) {
    const UserName = observed.name;
    const { spec } = desired;
    const steps: Write[] = [];
    if (changes['path']) {
      steps.push({ operation: 'UpdateUser', input: { UserName, NewPath: stringProperty(spec, 'path') ?? '/' } });
    }
    if (changes['permissionsBoundary']) {
      const PermissionsBoundary = spec['permissionsBoundary'];
      steps.push(
        typeof PermissionsBoundary === 'string'
          ? {
              operation: 'PutUserPermissionsBoundary',
              input: { UserName, PermissionsBoundary },
            }
          : { operation: 'DeleteUserPermissionsBoundary', input: { UserName }, ...appliedIfAbsent },
      );
    }
    steps.push(...policyWrites('User', UserName, spec, changes));
    steps.push(...tagWrites({ tag: 'TagUser', untag: 'UntagUser' }, { UserName }, desired.tags, changes['tags']));
    return steps;
  },

  async delete(reader, observed) {
    const UserName = observed.name;
    return [
      ...(await credentialAndMembershipRemovals(reader, UserName)),
      ...policyRemovals('User', UserName, observed.state),
      { operation: 'DeleteUser', input: { UserName }, ...appliedIfAbsent },
    ];
  },
};
