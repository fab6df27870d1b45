import type { CreateServiceLinkedRoleResponse, Role } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { lateError, undefinedIfDenied } from '../aws/errors.js';
import { untilShown } from '../aws/propagation.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject } from '../contract/entity.js';
import type { Kind, ListedEntity, Observed, WantedEntity, Write } from './kind.js';
import { byName, lowerCaseNames } from './shared/reads.js';
import { descriptionField, nameField, tagsField } from './shared/schema-fields.js';
import {
  iamArn,
  isoDate,
  omitUndefined,
  requiredString,
  SERVICE_ROLE_PATH as PATH,
  stringProperty,
  toTagMap,
} from './shared/spec.js';
import { removal, tagWrites } from './shared/writes.js';

const schema = z.strictObject({
  awsServiceName: nameField(128).describe('The principal of the service: `autoscaling.amazonaws.com`. Case matters.'),
  customSuffix: nameField(64).optional().describe('Distinguishes several roles of one service. Few services allow it.'),
  description: descriptionField,
  tags: tagsField,
});

/** The maximum time to wait for a deletion, in milliseconds: a service looks for uses of the role in every region. */
const DELETION_WINDOW_MS = 300_000;

function nameOf(spec: JsonObject): string {
  const service = requiredString(spec, 'awsServiceName');
  const suffix = stringProperty(spec, 'customSuffix');
  return suffix === undefined ? service : `${service}/${suffix}`;
}

/** The properties that name a service-linked role. */
interface KeyOfRole {
  readonly awsServiceName: string;
  readonly customSuffix?: string;
}

/**
 * Returns the entity's key for a role that AWS named: `AWSServiceRoleFor`, a label of the service, and `_` with the
 * suffix if there is one. The label has no underscore, unless the principal is part of a service and so has one more
 * dot, as in `ApplicationAutoScaling_ECSService` of `ecs.application-autoscaling`. The suffix therefore begins after the
 * first underscore, or after the second one, and may itself contain underscores.
 */
function keyOfRole({ Path = '', RoleName = '' }: Partial<Role>): KeyOfRole {
  const awsServiceName = Path.slice(PATH.length, -1);
  const isPart = awsServiceName.replace(/\.amazonaws\.com(\.cn)?$/, '').includes('.');
  const suffix = RoleName.split('_').slice(isPart ? 2 : 1);
  return suffix.length === 0 ? { awsServiceName } : { awsServiceName, customSuffix: suffix.join('_') };
}

function nameOfRole(role: Partial<Role>): string {
  return nameOf({ ...keyOfRole(role) });
}

function entityOf(role: Role): ListedEntity {
  return { name: nameOfRole(role), spec: { ...keyOfRole(role) }, ...(role.Arn !== undefined && { arn: role.Arn }) };
}

function roleNameOf({ arn }: Observed): string {
  return nameInRoleArn(arn);
}

function nameInRoleArn(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

function observedOf(role: Partial<Role>): Observed {
  return {
    name: nameOfRole(role),
    arn: role.Arn ?? '',
    createdAt: isoDate(role.CreateDate),
    tags: toTagMap(role.Tags),
    state: { description: role.Description ?? '' },
  };
}

/** Reads the wanted roles under a path, by single reads, since the listing does not show tags. */
async function readRoles(
  reader: Reader,
  PathPrefix: string,
  wanted: readonly WantedEntity[],
): Promise<ReadonlyMap<string, Observed>> {
  const names = lowerCaseNames(wanted);
  const roles = await reader.list('ListRoles', { PathPrefix }, 'Roles');
  const found = await Promise.all(
    roles
      .filter((role) => names.has(nameOfRole(role).toLowerCase()))
      .map(({ RoleName }) => reader.find('GetRole', { RoleName })),
  );
  return byName(found.map((reply) => reply?.Role && observedOf(reply.Role)));
}

/** Waits until AWS has deleted the role; throws the service's reason if it does not. */
async function waitUntilDeleted(reader: Reader, output: unknown): Promise<void> {
  const { DeletionTaskId } = output as { readonly DeletionTaskId: string };
  const result = await untilShown(
    async () => {
      const task = await reader.find('GetServiceLinkedRoleDeletionStatus', { DeletionTaskId });
      return task?.Status === 'SUCCEEDED' || task?.Status === 'FAILED' ? task : undefined;
    },
    (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    DELETION_WINDOW_MS,
  );
  if (result?.Status === 'SUCCEEDED') return;
  if (result === undefined) {
    const minutes = String(DELETION_WINDOW_MS / 60_000);
    throw lateError('DeleteConflict', `the service has not released the role within ${minutes} minutes`);
  }
  const { Reason = 'the service gives no reason', RoleUsageList = [] } = result.Reason ?? {};
  const usage = RoleUsageList.map(({ Region = '', Resources = [] }) => `${Region}: ${Resources.join(', ')}`);
  throw lateError('DeleteConflict', usage.length === 0 ? Reason : `${Reason} (${usage.join('; ')})`);
}

/** A role that an AWS service uses. There is one per service and suffix, so namespaces can share it. */
export const serviceLinkedRole: Kind = {
  name: 'ServiceLinkedRole',
  keyProperties: ['awsServiceName', 'customSuffix'],
  schema,
  nameOf,
  // A placeholder: AWS chooses the role's name and shows it in the reply to the Create.
  arnOf: (spec, target) => iamArn(`role${PATH}${requiredString(spec, 'awsServiceName')}/AWSServiceRoleFor…`, target),
  dependsOnKinds: [],
  ownable: true,
  ignoresTagKeyCase: true,
  tagsAfterCreate: true,
  usesReservedPath: true,
  duplicateProtection: '400 InvalidInput "has been taken in this account"',
  recognizedBy: 'its creation date, and later the intent tag',
  properties: { description: { type: 'value', default: '' } },
  actions: {
    read: ['iam:ListRoles', 'iam:GetRole', 'iam:GetServiceLinkedRoleDeletionStatus'],
    write: [
      'iam:CreateServiceLinkedRole',
      'iam:UpdateRole',
      'iam:TagRole',
      'iam:UntagRole',
      'iam:DeleteServiceLinkedRole',
    ],
  },

  detailType: null,
  readCost: 2,
  async read(reader, wanted) {
    const service = requiredString(wanted.spec, 'awsServiceName');
    return (await readRoles(reader, `${PATH}${service}/`, [wanted])).get(wanted.name.toLowerCase());
  },
  leftOut: { reason: 'its AWS service makes it; name the kind ServiceLinkedRole to declare it', unlessNamed: true },
  listAll: async (snapshot) => (await snapshot.roles()).filter(({ Path = '' }) => Path.startsWith(PATH)).map(entityOf),
  async readListed({ reader }, { arn = '' }) {
    const found = await reader.find('GetRole', { RoleName: nameInRoleArn(arn) });
    return found?.Role && observedOf(found.Role);
  },
  readMany: ({ reader }, wanted) => undefinedIfDenied(() => readRoles(reader, PATH, wanted)),

  create: ({ spec }) => ({
    operation: 'CreateServiceLinkedRole',
    input: omitUndefined({
      AWSServiceName: stringProperty(spec, 'awsServiceName'),
      CustomSuffix: stringProperty(spec, 'customSuffix'),
      Description: stringProperty(spec, 'description'),
    }),
  }),
  // AWS uses the same code where the service does not allow the suffix or has no such role.
  isAlreadyExistsError: ({ code, message }) =>
    code === 'InvalidInput' && message.includes('has been taken in this account'),
  observedAfterCreate: (_desired, output) => observedOf((output as CreateServiceLinkedRoleResponse).Role ?? {}),

  update(desired, observed, changes) {
    const RoleName = roleNameOf(observed);
    const writes: Write[] = [];
    if (changes['description']) {
      // Without a session duration: AWS refuses to change it for such a role.
      const Description = stringProperty(desired.spec, 'description') ?? '';
      writes.push({ operation: 'UpdateRole', input: { RoleName, Description } });
    }
    writes.push(...tagWrites('Role', { RoleName }, desired.tags, changes));
    return writes;
  },

  delete: (_reader, observed) => [
    { ...removal('DeleteServiceLinkedRole', { RoleName: roleNameOf(observed) }), waitUntilApplied: waitUntilDeleted },
  ],

  // The description belongs to all namespaces.
  share: {},
};
