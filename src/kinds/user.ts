import type { User, UserDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject } from '../contract/entity.js';
import type { Holding } from '../contract/request.js';
import type { Kind, Observed, Write } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import { MAX_INLINE_LENGTH } from './shared/inline-policies.js';
import {
  inlinePoliciesField,
  policiesOf,
  policyQuotaUsage,
  policyRemovals,
  policyWrites,
  readPolicies,
} from './shared/policies.js';
import { boundaryWrites } from './shared/principals.js';
import { byName, emptyIfAbsent, emptyIfGone, lowerCaseNames } from './shared/reads.js';
import { attachmentsField, boundaryField, nameField, pathField, tagsField } from './shared/schema-fields.js';
import { isoDate, omitUndefined, stringProperty, toTagList, toTagMap, nameInArn } from './shared/spec.js';
import { deletion, moveWrites, removal, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  userName: nameField(64).describe('Unique in the account. Path and case do not make two names different.'),
  path: pathField.optional().describe("A new path changes the user's ARN."),
  permissionsBoundary: boundaryField,
  inlinePolicies: inlinePoliciesField(MAX_INLINE_LENGTH.User).optional(),
  managedPolicyArns: attachmentsField,
  tags: tagsField,
});

/** Returns a user from what `GetUser` and `GetAccountAuthorizationDetails` both show. */
function observedOf(user: User | UserDetail, rest: JsonObject): Observed {
  return {
    name: user.UserName ?? '',
    arn: user.Arn ?? '',
    uniqueId: user.UserId,
    createdAt: isoDate(user.CreateDate),
    tags: toTagMap(user.Tags),
    state: {
      path: user.Path ?? '/',
      permissionsBoundary: user.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
      ...rest,
    },
  };
}

/** Reads the IDs of a user's credentials and memberships. No secret is read. */
async function readCredentialsAndMemberships(reader: Reader, UserName: string) {
  const user = { UserName };
  const idsOf = async <T>(listing: Promise<readonly T[]>, idOf: (one: T) => string | undefined): Promise<string[]> =>
    (await emptyIfAbsent(listing)).map((one) => idOf(one) ?? '');
  const [login, keys, certificates, sshKeys, credentials, devices, groups] = await Promise.all([
    reader.find('GetLoginProfile', user),
    idsOf(reader.list('ListAccessKeys', user, 'AccessKeyMetadata'), ({ AccessKeyId }) => AccessKeyId),
    idsOf(reader.list('ListSigningCertificates', user, 'Certificates'), ({ CertificateId }) => CertificateId),
    idsOf(reader.list('ListSSHPublicKeys', user, 'SSHPublicKeys'), ({ SSHPublicKeyId }) => SSHPublicKeyId),
    idsOf(
      reader.list('ListServiceSpecificCredentials', user, 'ServiceSpecificCredentials'),
      ({ ServiceSpecificCredentialId }) => ServiceSpecificCredentialId,
    ),
    idsOf(reader.list('ListMFADevices', user, 'MFADevices'), ({ SerialNumber }) => SerialNumber),
    idsOf(reader.list('ListGroupsForUser', user, 'Groups'), ({ GroupName }) => GroupName),
  ]);
  return { hasLogin: login !== undefined, keys, certificates, sshKeys, credentials, devices, groups };
}

/** Returns what belongs to a user without being a property of it. */
async function readHoldings(reader: Reader, UserName: string): Promise<readonly Holding[]> {
  const held = await readCredentialsAndMemberships(reader, UserName);
  const listOf = (kind: string, label: string, ids: readonly string[]): readonly Holding[] =>
    ids.map((id) => ({ kind, label, id }));
  return [
    ...membershipsOf(held.groups),
    ...listOf('LoginProfile', 'loginProfile', held.hasLogin ? [UserName] : []),
    ...listOf('AccessKey', 'accessKeys', held.keys),
    ...listOf('SigningCertificate', 'signingCertificates', held.certificates),
    ...listOf('SSHPublicKey', 'sshPublicKeys', held.sshKeys),
    ...listOf('ServiceSpecificCredential', 'serviceSpecificCredentials', held.credentials),
    ...listOf('VirtualMFADevice', 'mfaDevices', held.devices),
  ];
}

/** Returns memberships as what belongs to a user. */
function membershipsOf(groups: readonly (string | undefined)[]): readonly Holding[] {
  return groups.map((id = '') => ({ kind: 'Group', label: 'groups', id }));
}

/** Returns the writes that remove a user's credentials and memberships. */
async function credentialAndMembershipRemovals(reader: Reader, UserName: string): Promise<Write[]> {
  const user = { UserName };
  const held = await readCredentialsAndMemberships(reader, UserName);
  const devices = await Promise.all(held.devices.map((serial) => deviceRemovals(reader, UserName, serial)));
  return [
    ...(held.hasLogin ? [removal('DeleteLoginProfile', user)] : []),
    ...held.keys.map((AccessKeyId) => removal('DeleteAccessKey', { ...user, AccessKeyId })),
    ...held.certificates.map((CertificateId) => removal('DeleteSigningCertificate', { ...user, CertificateId })),
    ...held.sshKeys.map((SSHPublicKeyId) => removal('DeleteSSHPublicKey', { ...user, SSHPublicKeyId })),
    ...held.credentials.map((ServiceSpecificCredentialId) =>
      removal('DeleteServiceSpecificCredential', { ...user, ServiceSpecificCredentialId }),
    ),
    ...devices.flat(),
    ...held.groups.map((GroupName) => removal('RemoveUserFromGroup', { ...user, GroupName })),
  ];
}

/** Returns the writes that remove a device. Only a virtual one is an entity of its own, whose name would stay taken. */
async function deviceRemovals(reader: Reader, UserName: string, SerialNumber: string): Promise<Write[]> {
  const deactivation = removal('DeactivateMFADevice', { UserName, SerialNumber });
  if (!SerialNumber.includes(':mfa/')) return [deactivation];
  const tags = toTagMap([...(await emptyIfGone(reader.list('ListMFADeviceTags', { SerialNumber }, 'Tags')))]);
  const deletes = { kind: 'VirtualMFADevice', name: nameInArn(SerialNumber), arn: SerialNumber, tags };
  return [deactivation, { ...removal('DeleteVirtualMFADevice', { SerialNumber }), deletes }];
}

/** A user. Memberships are declared with the group. */
export const user: Kind = {
  name: 'User',
  ...namedEntity('user', 'userName', { inlinePolicies: {}, managedPolicyArns: [] }),
  renaming: 'call',
  ignoresTagKeyCase: true,
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
  isReadWithOthers: true,
  readCost: 4,
  async read(reader, { name }) {
    const found = await reader.find('GetUser', { UserName: name });
    if (found?.User === undefined) return undefined;
    return observedOf(found.User, await readPolicies(reader, 'User', name));
  },
  async readRest(reader, observed) {
    return { ...observed, holdings: await readHoldings(reader, observed.name) };
  },
  async listAll(snapshot) {
    const { users } = await snapshot.details();
    return users.map(({ UserName = '' }) => ({ name: UserName, spec: { userName: UserName } }));
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = lowerCaseNames(wanted);
    return byName(
      details.users
        .filter(({ UserName = '', Tags }) => names.has(UserName.toLowerCase()) || snapshot.isOurs(toTagMap(Tags)))
        .map((detail) => ({
          ...observedOf(detail, policiesOf(detail.UserPolicyList, detail.AttachedManagedPolicies)),
          ...(detail.GroupList === undefined ? {} : { holdings: membershipsOf(detail.GroupList) }),
        })),
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
    return [
      ...moveWrites('User', { ...desired, keyProperty: 'userName' }, observed, changes),
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
