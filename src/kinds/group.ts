import type { Group, GroupDetail } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { fallBackOn } from '../aws/errors.js';
import type { Snapshot } from '../aws/inventory.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject } from '../contract/entity.js';
import { strings } from '../engine/json.js';
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
import { byName, emptyIfAbsent, lowerCaseNames } from './shared/reads.js';
import { attachmentsField, nameField, pathField } from './shared/schema-fields.js';
import { isoDate, omitUndefined, stringProperty } from './shared/spec.js';
import { deletion, moveWrites, removal } from './shared/writes.js';

const schema = z.strictObject({
  groupName: nameField(128).describe('Unique in the account. Path and case do not make two names different.'),
  path: pathField.optional().describe("A new path changes the group's ARN."),
  inlinePolicies: inlinePoliciesField(MAX_INLINE_LENGTH.Group).optional(),
  managedPolicyArns: attachmentsField,
  users: z.array(nameField(128)).optional().describe('Names of the member users.'),
});

/** Returns a group from what `GetGroup` and `GetAccountAuthorizationDetails` both show. */
function observedOf(group: Group | GroupDetail, rest: JsonObject): Observed {
  return {
    name: group.GroupName ?? '',
    arn: group.Arn ?? '',
    uniqueId: group.GroupId,
    createdAt: isoDate(group.CreateDate),
    tags: {},
    state: { path: group.Path ?? '/', ...rest },
  };
}

/** Reads a group with the names of all members; returns undefined where the group does not exist. */
function readMembers(
  reader: Reader,
  GroupName: string,
): Promise<{ readonly group: Group; readonly users: string[] } | undefined> {
  return fallBackOn(['NoSuchEntity'], undefined, async () => {
    let group: Group | undefined;
    const users: string[] = [];
    for await (const page of reader.pages('GetGroup', { GroupName })) {
      group ??= page.Group;
      users.push(...(page.Users ?? []).map(({ UserName = '' }) => UserName));
    }
    return group && { group, users };
  });
}

function policiesIn({ GroupPolicyList, AttachedManagedPolicies }: GroupDetail): JsonObject {
  return policiesOf(GroupPolicyList, AttachedManagedPolicies);
}

/** Completes what the account's details show of a group; undefined where it was deleted since. */
async function observedWithMembers(
  { reader, retryUntilShown }: Snapshot,
  detail: GroupDetail,
): Promise<Observed | undefined> {
  const members = await retryUntilShown(() => readMembers(reader, detail.GroupName ?? ''));
  return members && observedOf(detail, { ...policiesIn(detail), users: members.users });
}

/** A group with its memberships. It cannot carry tags, so its ownership cannot be proven. */
export const group: Kind = {
  name: 'Group',
  ...namedEntity('group', 'groupName', { inlinePolicies: {}, managedPolicyArns: [], users: [] }),
  renaming: 'call',
  schema,
  references: (spec) => strings(spec['users']).map((name) => `User/${name}`),
  dependsOnKinds: ['Policy', 'User'],
  ownable: false,
  recognizedBy: 'the recorded attempt and the creation date, since a group carries no tags',
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
      'iam:ListGroupsForUser',
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
  memberships: {
    property: 'users',
    max: 10,
    quota: 'GroupsPerUserQuota',
    label: 'groups',
    list: async (reader, UserName) =>
      (await emptyIfAbsent(reader.list('ListGroupsForUser', { UserName }, 'Groups'))).map(
        ({ GroupName = '' }) => GroupName,
      ),
  },

  detailType: 'Group',
  isReadWithOthers: true,
  readCost: 4,
  async read(reader, { name }) {
    const found = await readMembers(reader, name);
    if (found === undefined) return undefined;
    return observedOf(found.group, { ...(await readPolicies(reader, 'Group', name)), users: found.users });
  },
  async readRest(reader, observed) {
    if (observed.state['users'] !== undefined) return { ...observed, holdings: [] };
    const users = (await readMembers(reader, observed.name))?.users ?? [];
    return { ...observed, holdings: [], state: { ...observed.state, users } };
  },
  async listAll(snapshot) {
    const { groups } = await snapshot.details();
    return groups.map(({ GroupName = '' }) => ({ name: GroupName, spec: { groupName: GroupName, users: [] } }));
  },
  async readListed(snapshot, { name }) {
    const { groups } = await snapshot.details();
    const detail = groups.find(({ GroupName }) => GroupName === name);
    return detail && observedWithMembers(snapshot, detail);
  },
  async readMany(snapshot, wanted) {
    const details = await snapshot.details();
    if (details === undefined) return undefined;
    const names = lowerCaseNames(wanted);
    const withUsers = lowerCaseNames(wanted.filter(({ spec }) => spec['users'] !== undefined));
    const observed = await Promise.all(
      details.groups
        .filter(({ GroupName = '' }) => names.has(GroupName.toLowerCase()))
        .map(async (detail) => {
          const { GroupName = '' } = detail;
          return withUsers.has(GroupName.toLowerCase())
            ? observedWithMembers(snapshot, detail)
            : observedOf(detail, policiesIn(detail));
        }),
    );
    return byName(observed);
  },

  create: ({ name, spec }) => ({
    operation: 'CreateGroup',
    input: omitUndefined({ GroupName: name, Path: stringProperty(spec, 'path') }),
  }),

  update(desired, observed, changes) {
    const GroupName = observed.name;
    const writes: Write[] = [
      ...moveWrites('Group', { ...desired, keyProperty: 'groupName' }, observed, changes),
      ...policyWrites('Group', desired, observed, changes),
    ];
    for (const UserName of changes['users']?.remove ?? []) {
      writes.push(removal('RemoveUserFromGroup', { GroupName, UserName }));
    }
    for (const UserName of changes['users']?.put ?? []) {
      writes.push({ operation: 'AddUserToGroup', input: { GroupName, UserName }, effect: 'trusts' });
    }
    return writes;
  },

  async delete(reader, observed) {
    const GroupName = observed.name;
    const users = (await readMembers(reader, GroupName))?.users ?? [];
    return [
      ...users.map((UserName) => removal('RemoveUserFromGroup', { GroupName, UserName })),
      ...policyRemovals('Group', observed),
      deletion('DeleteGroup', { GroupName }),
    ];
  },
};
