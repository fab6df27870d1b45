import type { Role, RoleDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Json, JsonObject, Target } from '../contract/entity.js';
import { decodeDocument, trustWarnings } from '../engine/policy/index.js';
import type { Kind, Observed, Write } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import { MAX_INLINE_LENGTH } from './shared/inline-policies.js';
import {
  MAX_DOCUMENT_LENGTH,
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
import { boundaryWrites } from './shared/principals.js';
import { byName, emptyIfAbsent, lowerCaseNames } from './shared/reads.js';
import {
  attachmentsField,
  boundaryField,
  descriptionField,
  nameField,
  pathField,
  tagsField,
} from './shared/schema-fields.js';
import {
  isoDate,
  omitUndefined,
  SERVICE_ROLE_PATH,
  serializeDocument,
  stringProperty,
  toTagList,
  toTagMap,
} from './shared/spec.js';
import { trustAtCreate, trustProblems } from './shared/trust-principals.js';
import { trustField, trustPolicyOf, trustRecipesOf } from './shared/trust-recipes/index.js';
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
  inlinePolicies: inlinePoliciesField(MAX_INLINE_LENGTH.Role).optional(),
  managedPolicyArns: attachmentsField,
  tags: tagsField,
});

/** Returns a role from what `GetRole` and `GetAccountAuthorizationDetails` both show. */
function observedOf(role: Role | RoleDetail, rest: JsonObject): Observed {
  return {
    name: role.RoleName ?? '',
    arn: role.Arn ?? '',
    createdAt: isoDate(role.CreateDate),
    ...(role.RoleLastUsed && { lastUsedAt: isoDate(role.RoleLastUsed.LastUsedDate) }),
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

const named = namedEntity('role', 'roleName', { inlinePolicies: {}, managedPolicyArns: [] });

/** Returns the trust policy that the Create carries. An update completes it where the role trusts itself. */
function createdTrust(spec: JsonObject, target: Target): Json {
  return trustAtCreate(spec['assumeRolePolicyDocument'] ?? null, named.arnOf(spec, target));
}

/** A role with its trust policy, its policies and its permissions boundary. */
export const role: Kind = {
  name: 'Role',
  ...named,
  ignoresTagKeyCase: true,
  schema,
  shorthand: {
    property: 'trust',
    replaces: 'assumeRolePolicyDocument',
    schema: trustField,
    expand: trustPolicyOf,
    shorten: trustRecipesOf,
  },
  findProblems: (spec, target) =>
    trustProblems(spec['assumeRolePolicyDocument'], {
      id: `Role/${named.nameOf(spec)}`,
      ownArn: named.arnOf(spec, target),
      target,
    }).map((problem) => ({ ...problem, path: ['assumeRolePolicyDocument', ...problem.path] })),
  warnings: ({ assumeRolePolicyDocument = null }) =>
    trustWarnings(assumeRolePolicyDocument).map((warning) => ({
      ...warning,
      path: ['assumeRolePolicyDocument', ...warning.path],
    })),
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
  hidesOwner: true,
  isReadWithOthers: true,
  async readRest(reader, observed) {
    if (observed.owner !== undefined) return observed;
    const found = await reader.find('GetRole', { RoleName: observed.name });
    if (found?.Role === undefined) return observed;
    return { ...observed, owner: ownerOf(found.Role), state: { ...observed.state, ...scalarsOf(found.Role) } };
  },
  async listAll(snapshot) {
    const { roles } = await snapshot.details();
    // The others are of a kind of their own.
    return roles
      .filter(({ Path = '' }) => !Path.startsWith(SERVICE_ROLE_PATH))
      .map(({ RoleName = '' }) => ({
        name: RoleName,
        spec: { roleName: RoleName, description: '', maxSessionDuration: 3600 },
      }));
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
        .filter(({ RoleName = '', Tags }) => names.has(RoleName.toLowerCase()) || snapshot.isOurs(toTagMap(Tags)))
        .map((detail) => {
          const inListing = listed?.get(detail.RoleName);
          const observed = observedOf(detail, {
            ...policiesOf(detail.RolePolicyList, detail.AttachedManagedPolicies),
            ...(inListing && scalarsOf(inListing)),
          });
          // Only a read of its own tells for sure that there is no template.
          const owner = inListing === undefined ? null : ownerOf(inListing);
          return owner === null ? observed : { ...observed, owner };
        }),
    );
  },

  create: ({ name, spec, tags, target }) => ({
    operation: 'CreateRole',
    input: omitUndefined({
      RoleName: name,
      Path: stringProperty(spec, 'path'),
      Description: stringProperty(spec, 'description'),
      AssumeRolePolicyDocument: serializeDocument(createdTrust(spec, target)),
      MaxSessionDuration: spec['maxSessionDuration'],
      PermissionsBoundary: stringProperty(spec, 'permissionsBoundary'),
      Tags: toTagList(tags),
    }),
  }),

  observedAfterCreate(desired) {
    const created = named.observedAfterCreate(desired);
    const assumeRolePolicyDocument = createdTrust(desired.spec, desired.target);
    return { ...created, state: { ...created.state, assumeRolePolicyDocument } };
  },

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
