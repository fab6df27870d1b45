import type { Group, GroupDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { awsError, isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  attachmentsField,
  isoDate,
  omitUndefined,
  inlinePoliciesField,
  MAX_DOCUMENT_LENGTH,
  nameField,
  pathField,
  strings,
  stringProperty,
} from './fields.js';
import { policiesOf, policyQuotaUsage, policyRemovals, policyWrites, readPolicies } from './principal-policies.js';
import type { Kind, Observed, Write } from './kind.js';

const schema = z.strictObject({
  groupName: nameField(128).describe('Unique in the account; neither path nor case tells two groups apart.'),
  path: pathField.optional().describe("A change of it changes the group's ARN."),
  inlinePolicies: inlinePoliciesField(MAX_DOCUMENT_LENGTH.groupPolicies).optional(),
  managedPolicyArns: attachmentsField.optional(),
  users: z.array(nameField(128)).optional().describe('Names of the users that are members.'),
});

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'groupName') ?? '';
}

function arnOf(spec: JsonObject, target: Target): string {
  return `arn:${target.partition}:iam::${target.account}:group${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

/** What `GetGroup` and `GetAccountAuthorizationDetails` both show. */
function observedOf(group: Group | GroupDetail, rest: JsonObject): Observed {
  return {
    name: group.GroupName ?? '',
    arn: group.Arn ?? '',
    createdAt: isoDate(group.CreateDate),
    tags: {},
    state: { path: group.Path ?? '/', ...rest },
  };
}

/** A group with the names of its members, every page of them; undefined where there is no such group. */
async function membersOf(
  reader: Reader,
  GroupName: string,
): Promise<{ readonly group: Group; readonly users: string[] } | undefined> {
  let group: Group | undefined;
  const users: string[] = [];
  try {
    for await (const page of reader.pages('GetGroup', { GroupName })) {
      group ??= page.Group;
      users.push(...(page.Users ?? []).map(({ UserName = '' }) => UserName));
    }
  } catch (error) {
    if (awsError(error).code === 'NoSuchEntity') return undefined;
    throw error;
  }
  return group && { group, users };
}

/** A group with its memberships. It carries no tags, so that nobody can be proven to own it. */
export const group: Kind = {
  name: 'Group',
  keyProperties: ['groupName'],
  schema,
  nameOf,
  arnOf,
  references: (spec) => strings(spec['users']).map((name) => `User/${name}`),
  dependsOnKinds: ['Policy', 'User'],
  ownable: false,
  duplicateProtection: '409 EntityAlreadyExists, whatever the path or the case',
  recognizedBy: 'the recorded attempt and the creation date: a group carries no tags',
  quota: { used: 'Groups', limit: 'GroupsQuota' },
  properties: {
    path: { type: 'value', default: '/' },
    inlinePolicies: { type: 'documents' },
    managedPolicyArns: { type: 'set' },
    users: { type: 'set', ignoreCase: true },
  },
  actions: {
    read: [
      'iam:GetAccountAuthorizationDetails',
      'iam:GetGroup',
      'iam:ListGroupPolicies',
      'iam:GetGroupPolicy',
      'iam:ListAttachedGroupPolicies',
    ],
    write: [
      'iam:CreateGroup',
      'iam:UpdateGroup',
      'iam:PutGroupPolicy',
      'iam:DeleteGroupPolicy',
      'iam:AttachGroupPolicy',
      'iam:DetachGroupPolicy',
      'iam:AddUserToGroup',
      'iam:RemoveUserFromGroup',
      'iam:DeleteGroup',
    ],
  },

  quotaUsage: (spec) => policyQuotaUsage('Group', spec),

  detailType: 'Group',
  readCost: 4,
  async read(reader, { name }) {
    const found = await membersOf(reader, name);
    if (found === undefined) return undefined;
    const policies = await readPolicies(reader, 'Group', name);
    return observedOf(found.group, {
      ...policies,
      users: found.users,
    });
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
    const withUsers = new Set(
      wanted.filter(({ spec }) => spec['users'] !== undefined).map(({ name }) => name.toLowerCase()),
    );
    const observed = await Promise.all(
      details.groups
        .filter(({ GroupName = '' }) => names.has(GroupName.toLowerCase()))
        .map(async (detail) => {
          const { GroupName = '' } = detail;
          const members = withUsers.has(GroupName.toLowerCase())
            ? await snapshot.retryUntilShown(() => membersOf(snapshot.reader, GroupName))
            : undefined;
          return observedOf(detail, {
            ...policiesOf(detail.GroupPolicyList, detail.AttachedManagedPolicies),
            ...(members && { users: members.users }),
          });
        }),
    );
    return new Map(observed.map((one) => [one.name.toLowerCase(), one]));
  },

  create: ({ name, spec }) => ({
    operation: 'CreateGroup',
    input: omitUndefined({ GroupName: name, Path: stringProperty(spec, 'path') }),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOf(desired.spec, desired.target),
    createdAt: null,
    tags: {},
    state: { ...desired.spec, inlinePolicies: {}, managedPolicyArns: [], users: [] },
  }),

  update(desired, observed, changes) {
    const GroupName = observed.name;
    const { spec } = desired;
    const steps: Write[] = [];
    if (changes['path']) {
      steps.push({ operation: 'UpdateGroup', input: { GroupName, NewPath: stringProperty(spec, 'path') ?? '/' } });
    }
    steps.push(...policyWrites('Group', GroupName, spec, changes));
    for (const UserName of changes['users']?.remove ?? []) {
      steps.push({ operation: 'RemoveUserFromGroup', input: { GroupName, UserName }, ...appliedIfAbsent });
    }
    for (const UserName of changes['users']?.put ?? []) {
      steps.push({ operation: 'AddUserToGroup', input: { GroupName, UserName } });
    }
    return steps;
  },

  async delete(reader, observed) {
    const GroupName = observed.name;
    const users = (await membersOf(reader, GroupName))?.users ?? [];
    return [
      ...users.map((UserName) => ({
        operation: 'RemoveUserFromGroup' as const,
        input: { GroupName, UserName },
        ...appliedIfAbsent,
      })),
      ...policyRemovals('Group', GroupName, observed.state),
      { operation: 'DeleteGroup', input: { GroupName }, ...appliedIfAbsent },
    ];
  },
};
