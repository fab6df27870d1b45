import type { Role, RoleDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { JsonObject } from '../contract/entity.js';
import { decodeDocument } from '../engine/policy/index.js';
import type { Kind, Observed, Write } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import {
  MAX_DOCUMENT_LENGTH,
  boundaryWrites,
  documentField,
  documentQuotaUsage,
  inlinePoliciesField,
  policiesOf,
  policyQuotaUsage,
  policyRemovals,
  policyWrites,
  readPolicies,
  trustWrite,
} from './shared/policies.js';
import { byName, emptyIfAbsent, lowerCaseNames } from './shared/reads.js';
import {
  attachmentsField,
  boundaryField,
  descriptionField,
  nameField,
  pathField,
  tagsField,
} from './shared/schema-fields.js';
import { isoDate, omitUndefined, serializeDocument, stringProperty, toTagList, toTagMap } from './shared/spec.js';
import { trustField, trustPolicyOf } from './shared/trust-recipes/index.js';
import { deletion, removal, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  roleName: nameField(64).describe('Unique in the account. Path and case do not make two names different.'),
  path: pathField.optional().describe('It cannot be changed after the Create.'),
  description: descriptionField,
  assumeRolePolicyDocument: documentField('trust', MAX_DOCUMENT_LENGTH.trustPolicy).describe(
    `The trust policy: who may assume the role. Up to ${String(MAX_DOCUMENT_LENGTH.trustPolicy)} characters; white space does not count.`,
  ),
  maxSessionDuration: z.int().min(3600).max(43_200).optional().describe('Seconds, from one hour to twelve.'),
  permissionsBoundary: boundaryField,
  inlinePolicies: inlinePoliciesField(MAX_DOCUMENT_LENGTH.rolePolicies).optional(),
  managedPolicyArns: attachmentsField,
  tags: tagsField,
});

/** Returns a role from what `GetRole` and `GetAccountAuthorizationDetails` both show. */
function observedOf(role: Role | RoleDetail, rest: JsonObject): Observed {
  return {
    name: role.RoleName ?? '',
    arn: role.Arn ?? '',
    createdAt: isoDate(role.CreateDate),
    tags: toTagMap(role.Tags),
    state: {
      path: role.Path ?? '/',
      assumeRolePolicyDocument: decodeDocument(role.AssumeRolePolicyDocument ?? '{}'),
      permissionsBoundary: role.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
      ...rest,
    },
  };
}

/** Returns the properties that the account's details leave out. */
function scalarsOf({ Description = '', MaxSessionDuration = 3600 }: Role): JsonObject {
  return { description: Description, maxSessionDuration: MaxSessionDuration };
}

/** Returns the owner of a role that IAM has made from a template; null for any other role. */
function ownerOf({ SourceRoleTemplate }: Role): string | null {
  return SourceRoleTemplate === undefined
    ? null
    : `IAM's role manager (template ${SourceRoleTemplate.TemplateArn ?? ''})`;
}

/** A role with its trust policy, its policies and its permissions boundary. */
export const role: Kind = {
  name: 'Role',
  ...namedEntity('role', 'roleName', { inlinePolicies: {}, managedPolicyArns: [] }),
  schema,
  shorthand: { property: 'trust', replaces: 'assumeRolePolicyDocument', schema: trustField, expand: trustPolicyOf },
  dependsOnKinds: ['Policy'],
  quota: { used: 'Roles', limit: 'RolesQuota' },
  properties: {
    path: { type: 'value', default: '/', immutable: true },
    description: { type: 'value', default: '' },
    assumeRolePolicyDocument: { type: 'document' },
    maxSessionDuration: { type: 'value', default: 3600 },
    permissionsBoundary: { type: 'value', default: null },
    inlinePolicies: { type: 'documents' },
    managedPolicyArns: { type: 'set' },
  },
  actions: {
    read: [
      'iam:ListInstanceProfilesForRole',
      'iam:GetAccountAuthorizationDetails',
      'iam:ListRoles',
      'iam:GetRole',
      'iam:ListRolePolicies',
      'iam:GetRolePolicy',
      'iam:ListAttachedRolePolicies',
    ],
    write: [
      'iam:CreateRole',
      'iam:UpdateAssumeRolePolicy',
      'iam:UpdateRole',
      'iam:PutRolePermissionsBoundary',
      'iam:DeleteRolePermissionsBoundary',
      'iam:PutRolePolicy',
      'iam:DeleteRolePolicy',
      'iam:AttachRolePolicy',
      'iam:DetachRolePolicy',
      'iam:TagRole',
      'iam:UntagRole',
      // For a replacement.
      'iam:RemoveRoleFromInstanceProfile',
      'iam:DeleteRole',
    ],
  },

  quotaUsage: (spec) => [
    ...policyQuotaUsage('Role', spec),
    ...documentQuotaUsage('AssumeRolePolicySizeQuota', 'characters of trust policy', spec['assumeRolePolicyDocument']),
  ],

  detailType: 'Role',
  readCost: 4,
  async read(reader, { name }) {
    const found = await reader.find('GetRole', { RoleName: name });
    if (found?.Role === undefined) return undefined;
    const rest = { ...scalarsOf(found.Role), ...(await readPolicies(reader, 'Role', name)) };
    return { ...observedOf(found.Role, rest), owner: ownerOf(found.Role) };
  },
  async readOwner(reader, { name }) {
    const found = await reader.find('GetRole', { RoleName: name });
    return found?.Role === undefined ? null : ownerOf(found.Role);
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = lowerCaseNames(wanted);
    const listed = wanted.some(
      ({ spec }) => spec['description'] !== undefined || spec['maxSessionDuration'] !== undefined,
    )
      ? new Map((await snapshot.roles()).map((listedRole) => [listedRole.RoleName, listedRole]))
      : undefined;
    return byName(
      details.roles
        .filter(({ RoleName = '' }) => names.has(RoleName.toLowerCase()))
        .map((detail) => {
          const inListing = listed?.get(detail.RoleName);
          return observedOf(detail, {
            ...policiesOf(detail.RolePolicyList, detail.AttachedManagedPolicies),
            ...(inListing && scalarsOf(inListing)),
          });
        }),
    );
  },

  create: ({ name, spec, tags }) => ({
    operation: 'CreateRole',
    input: omitUndefined({
      RoleName: name,
      Path: stringProperty(spec, 'path'),
      Description: stringProperty(spec, 'description'),
      AssumeRolePolicyDocument: serializeDocument(spec['assumeRolePolicyDocument']),
      MaxSessionDuration: spec['maxSessionDuration'],
      PermissionsBoundary: stringProperty(spec, 'permissionsBoundary'),
      Tags: toTagList(tags),
    }),
  }),

  update(desired, observed, changes) {
    const RoleName = observed.name;
    const { spec, target } = desired;
    const writes: Write[] = [];
    if (changes['assumeRolePolicyDocument']) {
      const before = observed.state['assumeRolePolicyDocument'] ?? null;
      writes.push(trustWrite(RoleName, before, spec['assumeRolePolicyDocument'] ?? null, target));
    }
    if (changes['description'] || changes['maxSessionDuration']) {
      // Always both: AWS documents that it resets an omitted duration to one hour.
      writes.push({
        operation: 'UpdateRole',
        input: {
          RoleName,
          Description: spec['description'] ?? observed.state['description'] ?? '',
          MaxSessionDuration: spec['maxSessionDuration'] ?? observed.state['maxSessionDuration'] ?? 3600,
        },
      });
    }
    return [
      ...writes,
      ...boundaryWrites('Role', desired, observed, changes),
      ...policyWrites('Role', desired, observed, changes),
      ...tagWrites('Role', { RoleName }, desired.tags, changes),
    ];
  },

  delete(_reader, observed) {
    return [...policyRemovals('Role', observed), deletion('DeleteRole', { RoleName: observed.name })];
  },

  async listDependents(reader, observed) {
    const RoleName = observed.name;
    const profiles = await emptyIfAbsent(reader.list('ListInstanceProfilesForRole', { RoleName }, 'InstanceProfiles'));
    return profiles.map(({ InstanceProfileName = '' }) => ({
      kind: 'InstanceProfile',
      name: InstanceProfileName,
      detach: removal('RemoveRoleFromInstanceProfile', { InstanceProfileName, RoleName }),
    }));
  },
};
