import type { User, UserDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject } from '../contract/entity.js';
import type { Kind, Observed, Write } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import {
  MAX_DOCUMENT_LENGTH,
  boundaryWrites,
  inlinePoliciesField,
  policiesOf,
  policyQuotaUsage,
  policyRemovals,
  policyWrites,
  readPolicies,
} from './shared/policies.js';
import { byName, emptyIfAbsent, lowerCaseNames } from './shared/reads.js';
import { attachmentsField, boundaryField, nameField, pathField, tagsField } from './shared/schema-fields.js';
import { isoDate, omitUndefined, stringProperty, toTagList, toTagMap, nameInArn } from './shared/spec.js';
import { deletion, removal, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  userName: nameField(64).describe('Unique in the account. Path and case do not make two names different.'),
  path: pathField.optional().describe("A new path changes the user's ARN."),
  permissionsBoundary: boundaryField,
  inlinePolicies: inlinePoliciesField(MAX_DOCUMENT_LENGTH.userPolicies).optional(),
  managedPolicyArns: attachmentsField,
  tags: tagsField,
});

/** Returns a user from what `GetUser` and `GetAccountAuthorizationDetails` both show. */
function observedOf(user: User | UserDetail, rest: JsonObject): Observed {
  return {
    name: user.UserName ?? '',
    arn: user.Arn ?? '',
    createdAt: isoDate(user.CreateDate),
    tags: toTagMap(user.Tags),
    state: {
      path: user.Path ?? '/',
      permissionsBoundary: user.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
      ...rest,
    },
  };
}

/** Returns the writes that remove a user's credentials and memberships. No secret is read. */
async function credentialAndMembershipRemovals(reader: Reader, UserName: string): Promise<Write[]> {
  const user = { UserName };
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
    ...(
      await Promise.all(devices.map(({ SerialNumber = '' }) => deviceRemovals(reader, UserName, SerialNumber)))
    ).flat(),
    ...groups.map(({ GroupName }) => removal('RemoveUserFromGroup', { ...user, GroupName })),
  ];
}

/** Returns the writes that remove a device. Only a virtual one is an entity of its own, whose name would stay taken. */
async function deviceRemovals(reader: Reader, UserName: string, SerialNumber: string): Promise<Write[]> {
  const deactivation = removal('DeactivateMFADevice', { UserName, SerialNumber });
  if (!SerialNumber.includes(':mfa/')) return [deactivation];
  const tags = toTagMap([...(await emptyIfAbsent(reader.list('ListMFADeviceTags', { SerialNumber }, 'Tags')))]);
  const deletes = { kind: 'VirtualMFADevice', name: nameInArn(SerialNumber), arn: SerialNumber, tags };
  return [deactivation, { ...removal('DeleteVirtualMFADevice', { SerialNumber }), deletes }];
}

/** A user. Memberships are declared with the group. */
export const user: Kind = {
  name: 'User',
  ...namedEntity('user', 'userName', { inlinePolicies: {}, managedPolicyArns: [] }),
  schema,
  dependsOnKinds: ['Policy'],
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
      'iam:ListMFADeviceTags',
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
    return observedOf(found.User, await readPolicies(reader, 'User', name));
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = lowerCaseNames(wanted);
    return byName(
      details.users
        .filter(({ UserName = '' }) => names.has(UserName.toLowerCase()))
        .map((detail) => observedOf(detail, policiesOf(detail.UserPolicyList, detail.AttachedManagedPolicies))),
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

  update(desired, observed, changes) {
    const UserName = observed.name;
    const { spec } = desired;
    const writes: Write[] = [];
    if (changes['path']) {
      writes.push({ operation: 'UpdateUser', input: { UserName, NewPath: stringProperty(spec, 'path') ?? '/' } });
    }
    return [
      ...writes,
      ...boundaryWrites('User', desired, observed, changes),
      ...policyWrites('User', desired, observed, changes),
      ...tagWrites('User', { UserName }, desired.tags, changes),
    ];
  },

  async delete(reader, observed) {
    const UserName = observed.name;
    return [
      ...(await credentialAndMembershipRemovals(reader, UserName)),
      ...policyRemovals('User', observed),
      deletion('DeleteUser', { UserName }),
    ];
  },
};
