import type { InstanceProfile } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { AwsError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import { strings } from '../engine/json.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { namedEntity } from './shared/base-kinds.js';
import { readsByListing } from './shared/reads.js';
import { nameField, pathField, tagsField } from './shared/schema-fields.js';
import { isoDate, omitUndefined, stringProperty, toTagList, toTagMap } from './shared/spec.js';
import { removal, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  instanceProfileName: nameField(128).describe('Unique in the account. Path and case do not make two names different.'),
  path: pathField.optional().describe('Cannot be changed once the instance profile exists.'),
  roles: z
    .array(nameField(64))
    .max(1, 'an instance profile holds one role')
    .optional()
    .describe('Name of the role. A different role is replaced only with `unmanaged: remove`.'),
  tags: tagsField,
});

function observedOf(profile: InstanceProfile): Observed {
  return {
    name: profile.InstanceProfileName ?? '',
    arn: profile.Arn ?? '',
    createdAt: isoDate(profile.CreateDate),
    tags: toTagMap(profile.Tags),
    state: { path: profile.Path ?? '/', roles: (profile.Roles ?? []).map(({ RoleName = '' }) => RoleName) },
  };
}

function removeRole(InstanceProfileName: string, RoleName: string): Write {
  return removal('RemoveRoleFromInstanceProfile', { InstanceProfileName, RoleName });
}

/** Reports the error that means that the profile has a role: AWS calls a second role an exceeded quota. */
function hasRoleAlready(error: AwsError): boolean {
  return error.code === 'LimitExceeded' && error.message.includes('InstanceSessionsPerInstanceProfile');
}

async function read(reader: Reader, { name }: WantedEntity): Promise<Observed | undefined> {
  const found = await reader.find('GetInstanceProfile', { InstanceProfileName: name });
  return found?.InstanceProfile && observedOf(found.InstanceProfile);
}

/** An instance profile with its role. */
export const instanceProfile: Kind = {
  name: 'InstanceProfile',
  ...namedEntity('instance-profile', 'instanceProfileName', { roles: [] }),
  schema,
  references: (spec) => strings(spec['roles']).map((name) => `Role/${name}`),
  dependsOnKinds: ['Role'],
  duplicateProtection:
    '409 EntityAlreadyExists; path and case do not make two names different; a second role is 409 LimitExceeded',
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
      // Not a call: AWS requires this permission to add a role.
      'iam:PassRole',
      'iam:TagInstanceProfile',
      'iam:UntagInstanceProfile',
      'iam:DeleteInstanceProfile',
    ],
  },

  // Single reads, since the listing does not show tags.
  ...readsByListing(
    read,
    async (reader) =>
      (await reader.list('ListInstanceProfiles', {}, 'InstanceProfiles')).map(
        ({ InstanceProfileName = '' }) => InstanceProfileName,
      ),
    (instanceProfileName) => ({ instanceProfileName }),
  ),

  create: ({ name, spec, tags }) => ({
    operation: 'CreateInstanceProfile',
    input: omitUndefined({ InstanceProfileName: name, Path: stringProperty(spec, 'path'), Tags: toTagList(tags) }),
  }),

  update(desired, observed, changes) {
    const InstanceProfileName = observed.name;
    return [
      ...(changes['roles']?.remove ?? []).map((RoleName) => removeRole(InstanceProfileName, RoleName)),
      ...(changes['roles']?.put ?? []).map((RoleName) => ({
        operation: 'AddRoleToInstanceProfile' as const,
        input: { InstanceProfileName, RoleName },
        effect: 'trusts' as const,
        // The profile has a role that the read did not show: this one, added by an earlier attempt, or one that was
        // removed a moment ago and still counts. Only another read tells.
        isOutdated: hasRoleAlready,
      })),
      ...tagWrites('InstanceProfile', { InstanceProfileName }, desired.tags, changes),
    ];
  },

  delete(_reader, observed) {
    const InstanceProfileName = observed.name;
    return [
      ...strings(observed.state['roles']).map((RoleName) => removeRole(InstanceProfileName, RoleName)),
      removal('DeleteInstanceProfile', { InstanceProfileName }),
    ];
  },
};
