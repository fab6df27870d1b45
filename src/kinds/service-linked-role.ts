import type { CreateServiceLinkedRoleResponse, Role } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { lateError } from '../aws/errors.js';
import { untilShown } from '../aws/propagation.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { sharedByTag } from '../engine/ownership.js';
import {
  appliedIfAbsent,
  isoDate,
  omitUndefined,
  descriptionField,
  nameField,
  toTagMap,
  tagWrites,
  tagsField,
  stringProperty,
  undefinedIfDenied,
} from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  awsServiceName: nameField(128).describe('The service, by its principal: `autoscaling.amazonaws.com`. Case matters.'),
  customSuffix: nameField(64).optional().describe('Tells several roles of one service apart. Few services allow it.'),
  description: descriptionField.optional(),
  tags: tagsField.optional(),
});

const PATH = '/aws-service-role/';

/** A service looks for what still needs the role in every region, which takes it a while. In milliseconds. */
const DELETION_WINDOW_MS = 300_000;

function nameOf(spec: JsonObject): string {
  return nameWith(stringProperty(spec, 'awsServiceName') ?? '', stringProperty(spec, 'customSuffix'));
}

function nameWith(service: string, suffix: string | undefined): string {
  return suffix === undefined ? service : `${service}/${suffix}`;
}

/**
 * The name by which a manifest knows a role. AWS names the role: `AWSServiceRoleFor`, a word of the service, and `_`
 * with the suffix where it was given one. The word has no underscore, unless the principal is a part of a service, with
 * a dot more: then it may have one, as `ApplicationAutoScaling_ECSService` of `ecs.application-autoscaling`. So the
 * suffix is what comes after the first underscore, or after the second: it may have underscores itself.
 */
function nameOfRole({ Path = '', RoleName = '' }: Partial<Role>): string {
  const service = Path.slice(PATH.length, -1);
  const isPart = service.replace(/\.amazonaws\.com(\.cn)?$/, '').includes('.');
  const suffix = RoleName.split('_').slice(isPart ? 2 : 1);
  return nameWith(service, suffix.length === 0 ? undefined : suffix.join('_'));
}

function roleNameOf({ arn }: Observed): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

function observedOf(role: Partial<Role>): Observed {
  return {
    name: nameOfRole(role),
    arn: role.Arn ?? '',
    createdAt: isoDate(role.CreateDate),
    tags: toTagMap(role.Tags?.map(({ Key, Value }) => ({ Key, Value }))),
    state: { description: role.Description ?? '' },
  };
}

/** The wanted ones of the roles under a path; one by one, since the listing leaves the tags out. */
async function find(
  reader: Reader,
  PathPrefix: string,
  wanted: readonly WantedEntity[],
): Promise<Map<string, Observed>> {
  const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
  const roles = await reader.list('ListRoles', { PathPrefix }, 'Roles');
  const found = await Promise.all(
    roles
      .filter((role) => names.has(nameOfRole(role).toLowerCase()))
      .map(({ RoleName }) => reader.find('GetRole', { RoleName })),
  );
  return new Map(
    found.flatMap((one) => {
      if (one?.Role === undefined) return [];
      const observed = observedOf(one.Role);
      return [[observed.name.toLowerCase(), observed] as const];
    }),
  );
}

/** Waits until the service has let the role go, or says why it does not. */
async function waitUntilDeleted(reader: Reader, output: unknown): Promise<void> {
  const { DeletionTaskId } = output as { readonly DeletionTaskId: string };
  const ended = await untilShown(
    async () => {
      const task = await reader.find('GetServiceLinkedRoleDeletionStatus', { DeletionTaskId });
      return task?.Status === 'SUCCEEDED' || task?.Status === 'FAILED' ? task : undefined;
    },
    (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    DELETION_WINDOW_MS,
  );
  if (ended?.Status === 'SUCCEEDED') return;
  if (ended === undefined) {
    const minutes = String(DELETION_WINDOW_MS / 60_000);
    throw lateError('DeleteConflict', `the service has not let the role go for ${minutes} minutes`);
  }
  const { Reason = 'the service gives no reason', RoleUsageList = [] } = ended.Reason ?? {};
  const usage = RoleUsageList.map(({ Region = '', Resources = [] }) => `${Region}: ${Resources.join(', ')}`);
  throw lateError('DeleteConflict', usage.length === 0 ? Reason : `${Reason} (${usage.join('; ')})`);
}

/** A role that a service uses for itself: one per service and suffix, so that namespaces share it. */
export const serviceLinkedRole: Kind = {
  name: 'ServiceLinkedRole',
  keyProperties: ['awsServiceName', 'customSuffix'],
  schema,
  nameOf,
  // A placeholder: the role's name is AWS's choice, and shows in the answer to the Create.
  arnOf: (spec, { account, partition }: Target) =>
    `arn:${partition}:iam::${account}:role${PATH}${stringProperty(spec, 'awsServiceName') ?? ''}/AWSServiceRoleFor…`,
  dependsOnKinds: [],
  ownable: true,
  tagsAfterCreate: true,
  usesReservedPath: true,
  duplicateProtection: '400 InvalidInput "has been taken in this account"',
  recognizedBy: 'when it was made; afterwards the intent tag',
  properties: {
    description: { type: 'value', default: '' },
  },
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
    const service = stringProperty(wanted.spec, 'awsServiceName') ?? '';
    return (await find(reader, `${PATH}${service}/`, [wanted])).get(wanted.name.toLowerCase());
  },
  readMany: ({ reader }, wanted) => undefinedIfDenied(() => find(reader, PATH, wanted)),

  create: ({ spec }) => ({
    operation: 'CreateServiceLinkedRole',
    input: omitUndefined({
      AWSServiceName: stringProperty(spec, 'awsServiceName'),
      CustomSuffix: stringProperty(spec, 'customSuffix'),
      Description: stringProperty(spec, 'description'),
    }),
  }),
  // The code says as well that the service allows no suffix, or has no such role.
  isAlreadyExistsError: ({ code, message }) =>
    code === 'InvalidInput' && message.includes('has been taken in this account'),
  observedAfterCreate: (_desired, output) => observedOf((output as CreateServiceLinkedRoleResponse).Role ?? {}),

  update(desired, observed, changes) {
    const RoleName = roleNameOf(observed);
    const steps: Write[] = [];
    if (changes['description']) {
      // Without the session duration, which AWS refuses to change of such a role.
      const Description = stringProperty(desired.spec, 'description') ?? '';
      steps.push({ operation: 'UpdateRole', input: { RoleName, Description } });
    }
    steps.push(...tagWrites({ tag: 'TagRole', untag: 'UntagRole' }, { RoleName }, desired.tags, changes['tags']));
    return steps;
  },

  delete: (_reader, observed) =>
    Promise.resolve([
      {
        operation: 'DeleteServiceLinkedRole',
        input: { RoleName: roleNameOf(observed) },
        waitUntilApplied: waitUntilDeleted,
        ...appliedIfAbsent,
      },
    ]),

  share: {
    /** Takes this namespace's mark off, and nothing else: the description of the role is everybody's. */
    withdraw(_desired, observed, others) {
      const theirs = new Set(others.map(sharedByTag));
      const TagKeys = Object.keys(observed.tags).filter((tag) => tag.startsWith(sharedByTag('')) && !theirs.has(tag));
      if (TagKeys.length === 0) return [];
      return [{ operation: 'UntagRole', input: { RoleName: roleNameOf(observed), TagKeys }, ...appliedIfAbsent }];
    },
  },
};
