import type { InstanceProfile } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { isEntityAlreadyExists } from '../aws/errors.js';
import type { AwsError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  readListed,
  isoDate,
  omitUndefined,
  nameField,
  pathField,
  strings,
  toTagList,
  toTagMap,
  tagsField,
  tagWrites,
  stringProperty,
} from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  instanceProfileName: nameField(128).describe('Unique in the account; neither path nor case tells two apart.'),
  path: pathField.optional().describe('Cannot be changed once the instance profile exists.'),
  roles: z
    .array(nameField(64))
    .max(1, 'an instance profile holds one role')
    .optional()
    .describe('Name of the role. Another role that is there is replaced only with `unmanaged: remove`.'),
  tags: tagsField.optional(),
});

function nameOf(spec: JsonObject): string {
  return stringProperty(spec, 'instanceProfileName') ?? '';
}

function arnOf(spec: JsonObject, target: Target): string {
  return `arn:${target.partition}:iam::${target.account}:instance-profile${stringProperty(spec, 'path') ?? '/'}${nameOf(spec)}`;
}

function observedOf(profile: InstanceProfile): Observed {
  return {
    name: profile.InstanceProfileName ?? '',
    arn: profile.Arn ?? '',
    createdAt: isoDate(profile.CreateDate),
    tags: toTagMap(profile.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: { path: profile.Path ?? '/', roles: (profile.Roles ?? []).map(({ RoleName = '' }) => RoleName) },
  };
}

function removalOf(InstanceProfileName: string, RoleName: string): Write {
  return { operation: 'RemoveRoleFromInstanceProfile', input: { InstanceProfileName, RoleName }, ...appliedIfAbsent };
}

/** AWS calls the second role an exceeded quota, the only one of that name. */
function isRoleThere(error: AwsError): boolean {
  return error.code === 'LimitExceeded' && error.message.includes('InstanceSessionsPerInstanceProfile');
}

async function read(reader: Reader, { name }: WantedEntity): Promise<Observed | undefined> {
  const found = await reader.find('GetInstanceProfile', { InstanceProfileName: name });
  return found?.InstanceProfile && observedOf(found.InstanceProfile);
}

/** An instance profile with its role. */
export const instanceProfile: Kind = {
  name: 'InstanceProfile',
  keyProperties: ['instanceProfileName'],
  schema,
  nameOf,
  arnOf,
  references: (spec) => strings(spec['roles']).map((name) => `Role/${name}`),
  dependsOnKinds: ['Role'],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists, whatever the path or the case; a second role is 409 LimitExceeded',
  recognizedBy: 'the intent tag that the Create carried',
  quota: { used: 'InstanceProfiles', limit: 'InstanceProfilesQuota' },
  properties: {
    path: { type: 'value', default: '/', immutable: true },
    roles: { type: 'set', ignoreCase: true, limit: 1 },
  },
  actions: {
    read: ['iam:ListInstanceProfiles', 'iam:GetInstanceProfile'],
    write: [
      'iam:CreateInstanceProfile',
      'iam:AddRoleToInstanceProfile',
      'iam:RemoveRoleFromInstanceProfile',
      // AWS asks for it where a role is added; no call of its own.
      'iam:PassRole',
      'iam:TagInstanceProfile',
      'iam:UntagInstanceProfile',
      'iam:DeleteInstanceProfile',
    ],
  },

  detailType: null,
  readCost: 1,
  read,
  // One by one, since the listing leaves the tags out.
  readMany: readListed(
    async (reader) =>
      (await reader.list('ListInstanceProfiles', {}, 'InstanceProfiles')).map(
        ({ InstanceProfileName = '' }) => InstanceProfileName,
      ),
    read,
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'CreateInstanceProfile',
    input: omitUndefined({ InstanceProfileName: name, Path: stringProperty(spec, 'path'), Tags: toTagList(tags) }),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
  observedAfterCreate: (desired) => ({
    name: desired.name,
    arn: arnOf(desired.spec, desired.target),
    createdAt: null,
    tags: desired.tags,
    state: { ...desired.spec, roles: [] },
  }),

  update(desired, observed, changes) {
    const InstanceProfileName = observed.name;
    return [
      ...(changes['roles']?.remove ?? []).map((RoleName) => removalOf(InstanceProfileName, RoleName)),
      ...(changes['roles']?.put ?? []).map((RoleName) => ({
        operation: 'AddRoleToInstanceProfile' as const,
        input: { InstanceProfileName, RoleName },
        // A role is there that the read before did not show: most likely this one, by an earlier attempt. Were it
        // another, verification would show the drift.
        isAlreadyApplied: isRoleThere,
      })),
      ...tagWrites(
        { tag: 'TagInstanceProfile', untag: 'UntagInstanceProfile' },
        { InstanceProfileName },
        desired.tags,
        changes['tags'],
      ),
    ];
  },

  delete(_reader, observed) {
    const InstanceProfileName = observed.name;
    return Promise.resolve([
      ...strings(observed.state['roles']).map((RoleName) => removalOf(InstanceProfileName, RoleName)),
      { operation: 'DeleteInstanceProfile', input: { InstanceProfileName }, ...appliedIfAbsent },
    ]);
  },
};
