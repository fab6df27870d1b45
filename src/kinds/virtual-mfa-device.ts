import type { CreateVirtualMFADeviceResponse, VirtualMFADevice } from '@aws-sdk/client-iam';
import { TOTP } from 'otpauth';
import { z } from 'zod';
import { fallBackOn, isEntityAlreadyExists, undefinedIfDenied } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { OwnershipTag } from '../engine/ownership.js';
import type { Kind, ListedEntity, Observed, SecretInput, WantedEntity, Write } from './kind.js';
import { createdWithTags } from './shared/base-kinds.js';
import { byName, wantedLast } from './shared/reads.js';
import { nameField, pathField, secretField, tagsField } from './shared/schema-fields.js';
import {
  iamArn,
  omitUndefined,
  requiredString,
  secretLocation,
  stringProperty,
  toTagList,
  toTagMap,
  nameInArn,
} from './shared/spec.js';
import { removal, tagWrites } from './shared/writes.js';

/** The maximum length of a name: a serial number has up to 256 characters, and begins with the ARN up to the path. */
const MAX_NAME_LENGTH = 256 - 'arn:aws:iam::111111111111:mfa/'.length;

/** The time for which a code is valid. */
const PERIOD_MS = 30_000;

const schema = z.strictObject({
  virtualMfaDeviceName: nameField(MAX_NAME_LENGTH).describe('Unique on its path.'),
  path: pathField
    .regex(/^[\w+=/:,.@-]*$/, 'use letters, digits and _+=/:,.@- only')
    .optional()
    .describe('Part of the key: a different path means a different device.'),
  secret: secretField.describe(
    'Where to store the seed: `SerialNumber` and `Base32StringSeed`. AWS shows the seed in the reply to the Create only, so the seed of an existing device is not available.',
  ),
  userName: nameField(128)
    .nullable()
    .optional()
    .describe(
      'The user that signs in with it; null: no user. The device is enabled for the user with two codes of the stored seed, and taken from the user that has it.',
    ),
  tags: tagsField,
});

function nameOf(spec: JsonObject): string {
  return `${(stringProperty(spec, 'path') ?? '/').slice(1)}${requiredString(spec, 'virtualMfaDeviceName')}`;
}

/** Returns the serial number of a virtual device, which is its ARN. */
function serialOf(name: string, target: Target): string {
  return iamArn(`mfa/${name}`, target);
}

function observedOf(serial: string, tags: Readonly<Record<string, string>>, state: JsonObject): Observed {
  return { name: nameInArn(serial), arn: serial, createdAt: null, tags, state };
}

/** Reads a device's tags; returns undefined where the device does not exist. */
function readTags(reader: Reader, SerialNumber: string): Promise<Readonly<Record<string, string>> | undefined> {
  return fallBackOn(['NoSuchEntity'], undefined, async () =>
    toTagMap(await reader.list('ListMFADeviceTags', { SerialNumber }, 'Tags')),
  );
}

/** Reads one device; its user only where the spec declares one, or none. */
async function read(reader: Reader, wanted: WantedEntity, target: Target): Promise<Observed | undefined> {
  const serial = serialOf(wanted.name, target);
  const [tags, shown] = await Promise.all([
    readTags(reader, serial),
    wanted.spec['userName'] === undefined ? undefined : reader.find('GetMFADevice', { SerialNumber: serial }),
  ]);
  const state = shown === undefined ? {} : { userName: shown.UserName ?? null };
  return tags && withSeedChecked(reader, wanted, observedOf(serial, tags, state));
}

/** Reports a device that is to be assigned, and whose seed is not stored, as one that cannot be. */
async function withSeedChecked(reader: Reader, { spec }: WantedEntity, observed: Observed): Promise<Observed> {
  const userName = stringProperty(spec, 'userName');
  if (userName === undefined || userName === observed.state['userName']) return observed;
  const { SerialNumber, Base32StringSeed, Intent } = (await reader.secret(secretLocation(spec, 'secret'))) ?? {};
  const { [OwnershipTag.Intent]: intent, [OwnershipTag.Origin]: origin } = observed.tags;
  // A later device with the same serial number has another seed.
  const isOfLater = origin === 'created' && Intent !== undefined && Intent !== intent;
  if (SerialNumber === observed.arn && Base32StringSeed !== undefined && !isOfLater) return observed;
  const reason = `cannot be assigned to ${userName}: its seed is not in the location that \`secret\` names`;
  const remedy = `store its SerialNumber and Base32StringSeed there, or delete ${observed.arn} and apply again, which creates it with a new seed`;
  return { ...observed, blocked: { reason, remedy } };
}

/** Returns the code of a device a number of periods before now. AWS checks two that follow each other. */
function codeOf(spec: JsonObject, periodsAgo: number): SecretInput {
  return {
    location: secretLocation(spec, 'secret'),
    field: 'Base32StringSeed',
    derive: (seed, now) => new TOTP({ secret: seed }).generate({ timestamp: now - periodsAgo * PERIOD_MS }),
  };
}

/** Returns the writes that give a device to the declared user, and take it from the one that has it. */
function assignmentWrites(spec: JsonObject, { arn: SerialNumber, state }: Observed): Write[] {
  const [before, after] = [stringProperty(state, 'userName'), stringProperty(spec, 'userName')];
  const deactivation = before === undefined ? [] : [removal('DeactivateMFADevice', { UserName: before, SerialNumber })];
  if (after === undefined) return deactivation;
  const activation: Write = {
    operation: 'EnableMFADevice',
    input: { UserName: after, SerialNumber },
    secretInput: { AuthenticationCode1: codeOf(spec, 1), AuthenticationCode2: codeOf(spec, 0) },
    effect: 'grants',
    // An earlier attempt has assigned it, or another caller has.
    isOutdated: isEntityAlreadyExists,
  };
  return [...deactivation, activation];
}

function entityOf({ SerialNumber = '', User }: VirtualMFADevice): ListedEntity {
  const name = nameInArn(SerialNumber);
  const end = name.lastIndexOf('/') + 1;
  return {
    name,
    arn: SerialNumber,
    spec: {
      virtualMfaDeviceName: name.slice(end),
      path: `/${name.slice(0, end)}`,
      userName: User?.UserName ?? null,
    },
    ...(User?.Arn?.endsWith(':root') === true && { leftOut: 'the root user signs in with it' }),
  };
}

/** Reads the user that signs in with a device; returns undefined where no user does. */
async function readUser(
  reader: Reader,
  serial: string,
): Promise<{ readonly UserName: string | undefined } | undefined> {
  const assigned = await reader.list('ListVirtualMFADevices', { AssignmentStatus: 'Assigned' }, 'VirtualMFADevices');
  const device = assigned.find(({ SerialNumber }) => SerialNumber === serial);
  return device && { UserName: device.User?.UserName };
}

/**
 * Returns an ID for the device of one Create. A later device with the same serial number has a different intent, and a
 * different seed. Neither serial numbers nor tags contain `#`.
 */
function idOf(serial: string, intent = ''): string {
  return `${serial}#${intent}`;
}

function removalOf(SerialNumber: string): Write {
  return removal('DeleteVirtualMFADevice', { SerialNumber });
}

/** A software MFA device. It is enabled for a user with two of its codes: by this tool, or by a person with the seed. */
export const virtualMfaDevice: Kind = {
  name: 'VirtualMFADevice',
  ...createdWithTags,
  keyProperties: ['virtualMfaDeviceName', 'path'],
  schema,
  nameOf,
  arnOf: (spec, target) => serialOf(nameOf(spec), target),
  references: (spec) => {
    const userName = stringProperty(spec, 'userName');
    return userName === undefined ? [] : [`User/${userName}`];
  },
  dependsOnKinds: ['User'],
  properties: { secret: { type: 'writeOnly' }, userName: { type: 'value', default: null } },
  actions: {
    read: ['iam:ListVirtualMFADevices', 'iam:ListMFADeviceTags', 'iam:GetMFADevice'],
    write: [
      'iam:CreateVirtualMFADevice',
      'iam:EnableMFADevice',
      'iam:TagMFADevice',
      'iam:UntagMFADevice',
      'iam:DeactivateMFADevice',
      'iam:DeleteVirtualMFADevice',
    ],
  },

  detailType: null,
  readCost: 1,
  read,
  listAll: async ({ reader }) => (await reader.list('ListVirtualMFADevices', {}, 'VirtualMFADevices')).map(entityOf),
  async readListed({ reader }, { name, spec: { userName = null } }, target) {
    const serial = serialOf(name, target);
    const tags = await readTags(reader, serial);
    return tags && observedOf(serial, tags, { userName });
  },
  async readMany({ reader }, wanted, target) {
    const listed = await undefinedIfDenied(() => reader.list('ListVirtualMFADevices', {}, 'VirtualMFADevices'));
    if (listed === undefined) return undefined;
    const users = new Map(
      listed.map(({ SerialNumber = '', User }) => [nameInArn(SerialNumber), User?.UserName ?? null]),
    );
    const specs = new Map(wanted.map(({ name, spec }) => [name.toLowerCase(), spec]));
    // Single reads of the tags, since the listing does not show them.
    const devices = wantedLast([...users.keys()], wanted).map(async (name) => {
      const serial = serialOf(name, target);
      const tags = await readTags(reader, serial);
      const observed = tags && observedOf(serial, tags, { userName: users.get(name) ?? null });
      return observed && withSeedChecked(reader, { name, spec: specs.get(name.toLowerCase()) ?? {} }, observed);
    });
    return byName(await Promise.all(devices));
  },

  create: ({ spec, tags }) => ({
    operation: 'CreateVirtualMFADevice',
    input: omitUndefined({
      VirtualMFADeviceName: stringProperty(spec, 'virtualMfaDeviceName'),
      Path: stringProperty(spec, 'path'),
      Tags: toTagList(tags),
    }),
  }),
  secret: {
    locationOf: (spec) => secretLocation(spec, 'secret'),
    recordFromReply(output, { tags }) {
      const { SerialNumber = '', Base32StringSeed } = (output as CreateVirtualMFADeviceResponse).VirtualMFADevice ?? {};
      return omitUndefined({
        SerialNumber,
        Base32StringSeed: new TextDecoder().decode(Base32StringSeed),
        Intent: tags[OwnershipTag.Intent],
      });
    },
    /** Lists the device if a Create of this run made it. A device of another run is not an orphan, stored or not. */
    async listCandidates(reader, { name, target, tags }) {
      const serial = serialOf(name, target);
      const shown = await readTags(reader, serial);
      if (shown === undefined || shown[OwnershipTag.Intent] !== tags[OwnershipTag.Intent]) return [];
      return [{ id: idOf(serial, shown[OwnershipTag.Intent]), createdAt: null }];
    },
    candidateIdOf: ({ SerialNumber = '', Intent }) => idOf(SerialNumber, Intent),
    // Enabling a device takes two codes of its seed. Where this run has the seed, the device is no orphan.
    isCandidateUsed: async (reader, id) => (await readUser(reader, serialOfId(id))) !== undefined,
    deleteCandidate: (id) => [removalOf(serialOfId(id))],
  },
  observedAfterCreate: ({ name, target, tags }) => observedOf(serialOf(name, target), tags, { userName: null }),

  update: ({ spec, tags }, observed, changes) => [
    ...tagWrites('MFADevice', { SerialNumber: observed.arn }, tags, changes),
    ...(changes['userName'] === undefined ? [] : assignmentWrites(spec, observed)),
  ],

  async delete(reader, { arn }) {
    const user = await readUser(reader, arn);
    // The root user has no name, and only the root user can deactivate its device: AWS reports that.
    if (user?.UserName === undefined) return [removalOf(arn)];
    const input = { UserName: user.UserName, SerialNumber: arn };
    return [removal('DeactivateMFADevice', input), removalOf(arn)];
  },
};

function serialOfId(id: string): string {
  return id.slice(0, id.lastIndexOf('#'));
}
