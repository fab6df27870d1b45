import type { Role, RoleDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { decodeDocument } from '../engine/policy/index.js';
import {
  appliedIfAbsent,
  attachmentsField,
  boundaryField,
  isoDate,
  omitUndefined,
  descriptionField,
  documentQuotaUsage,
  documentField,
  serializeDocument,
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
  roleName: nameField(64).describe('Unique in the account; neither path nor case tells two roles apart.'),
  path: pathField.optional().describe('Cannot be changed once the role exists.'),
  description: descriptionField.optional(),
  assumeRolePolicyDocument: documentField('trust', MAX_DOCUMENT_LENGTH.trustPolicy).describe(
    `Who may assume the role; ${String(MAX_DOCUMENT_LENGTH.trustPolicy)} characters, white space not counted.`,
  ),
  maxSessionDuration: z.int().min(3600).max(43_200).optional().describe('Seconds, from one hour to twelve.'),
  permissionsBoundary: boundaryField.optional().describe('ARN of a policy; null takes an existing boundary off.'),
  inlinePolicies: inlinePoliciesField(MAX_DOCUMENT_LENGTH.rolePolicies).optional(),
  managedPolicyArns: attachmentsField.optional(),
  tags: tagsField.optional(),
});

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'roleName') ?? '';
}

function arnOf(spec: JsonObject, target: Target): string {
  return `arn:${target.partition}:iam::${target.account}:role${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

/** What `GetRole` and `GetAccountAuthorizationDetails` both show. */
function observedOf(role: Role | RoleDetail, rest: JsonObject): Observed {
  return {
    name: role.RoleName ?? '',
    arn: role.Arn ?? '',
    createdAt: isoDate(role.CreateDate),
    tags: toTagMap(role.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: {
      path: role.Path ?? '/',
      assumeRolePolicyDocument: decodeDocument(role.AssumeRolePolicyDocument ?? '{}'),
      permissionsBoundary: role.PermissionsBoundary?.PermissionsBoundaryArn ?? null,
      ...rest,
    },
  };
}

export const role: Kind = {
  name: 'Role',
  keyProperties: ['roleName'],
  schema,
  nameOf,
  arnOf,
  dependsOnKinds: ['Policy'],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists, whatever the path or the case',
  recognizedBy: 'the intent tag that the Create carried',
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
      // Where it is replaced.
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
    const policies = await readPolicies(reader, 'Role', name);
    return observedOf(found.Role, {
      description: found.Role.Description ?? '',
      maxSessionDuration: found.Role.MaxSessionDuration ?? 3600,
      ...policies,
    });
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
    const listed = wanted.some(
      ({ spec }) => spec['description'] !== undefined || spec['maxSessionDuration'] !== undefined,
    )
      ? new Map((await snapshot.roles()).map((one) => [one.RoleName, one]))
      : undefined;
    return new Map(
      details.roles
        .filter(({ RoleName = '' }) => names.has(RoleName.toLowerCase()))
        .map((detail) => {
          const more = listed?.get(detail.RoleName);
          const observed = observedOf(detail, {
            ...policiesOf(detail.RolePolicyList, detail.AttachedManagedPolicies),
            ...(more && { description: more.Description ?? '', maxSessionDuration: more.MaxSessionDuration ?? 3600 }),
          });
          return [observed.name.toLowerCase(), observed];
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
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOf(desired.spec, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: { ...desired.spec, inlinePolicies: {}, managedPolicyArns: [] },
  }),

  update(desired, observed, changes) {
    const RoleName = observed.name;
    const { spec } = desired;
    const steps: Write[] = [];
    if (changes['assumeRolePolicyDocument']) {
      steps.push({
        operation: 'UpdateAssumeRolePolicy',
        input: { RoleName, PolicyDocument: serializeDocument(spec['assumeRolePolicyDocument']) },
      });
    }
    if (changes['description'] || changes['maxSessionDuration']) {
      // Both, always: AWS documents that an omitted duration goes back to one hour.
      steps.push({
        operation: 'UpdateRole',
        input: {
          RoleName,
          Description: spec['description'] ?? observed.state['description'] ?? '',
          MaxSessionDuration: spec['maxSessionDuration'] ?? observed.state['maxSessionDuration'] ?? 3600,
        },
      });
    }
    if (changes['permissionsBoundary']) {
      const PermissionsBoundary = spec['permissionsBoundary'];
      steps.push(
        typeof PermissionsBoundary === 'string'
          ? {
              operation: 'PutRolePermissionsBoundary',
              input: { RoleName, PermissionsBoundary },
            }
          : { operation: 'DeleteRolePermissionsBoundary', input: { RoleName }, ...appliedIfAbsent },
      );
    }
    steps.push(...policyWrites('Role', RoleName, spec, changes));
    steps.push(...tagWrites({ tag: 'TagRole', untag: 'UntagRole' }, { RoleName }, desired.tags, changes['tags']));
    return steps;
  },

  delete(_reader, observed) {
    const RoleName = observed.name;
    const steps: Write[] = [
      ...policyRemovals('Role', RoleName, observed.state),
      { operation: 'DeleteRole', input: { RoleName }, ...appliedIfAbsent },
    ];
    return Promise.resolve(steps);
  },

  async listDependents(reader, observed) {
    const RoleName = observed.name;
    const profiles = await emptyIfAbsent(reader.list('ListInstanceProfilesForRole', { RoleName }, 'InstanceProfiles'));
    return profiles.map(({ InstanceProfileName = '' }) => ({
      kind: 'InstanceProfile',
      name: InstanceProfileName,
      detach: {
        operation: 'RemoveRoleFromInstanceProfile' as const,
        input: { InstanceProfileName, RoleName },
        ...appliedIfAbsent,
      },
    }));
  },
};
