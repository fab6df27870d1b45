import type { CreateVirtualMFADeviceResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { fallBackOn, undefinedIfDenied } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { OwnershipTag } from '../engine/ownership.js';
import type { Kind, Observed, Write } from './kind.js';
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

const schema = z.strictObject({
  virtualMfaDeviceName: nameField(MAX_NAME_LENGTH).describe('Unique on its path.'),
  path: pathField
    .regex(/^[\w+=/:,.@-]*$/, 'use letters, digits and _+=/:,.@- only')
    .optional()
    .describe('Part of the key: a different path means a different device.'),
  secret: secretField.describe(
    'Where to store the seed: `SerialNumber` and `Base32StringSeed`. AWS shows the seed in the reply to the Create only, so the seed of an existing device is not available.',
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

function observedOf(serial: string, tags: Readonly<Record<string, string>>): Observed {
  return { name: nameInArn(serial), arn: serial, createdAt: null, tags, state: {} };
}

/** Reads a device's tags; returns undefined where the device does not exist. */
function readTags(reader: Reader, SerialNumber: string): Promise<Readonly<Record<string, string>> | undefined> {
  return fallBackOn(['NoSuchEntity'], undefined, async () =>
    toTagMap(await reader.list('ListMFADeviceTags', { SerialNumber }, 'Tags')),
  );
}

async function readDevice(reader: Reader, name: string, target: Target): Promise<Observed | undefined> {
  const serial = serialOf(name, target);
  const tags = await readTags(reader, serial);
  return tags && observedOf(serial, tags);
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

/** A software MFA device. Its user must enable it with two of its codes. */
export const virtualMfaDevice: Kind = {
  name: 'VirtualMFADevice',
  ...createdWithTags,
  keyProperties: ['virtualMfaDeviceName', 'path'],
  schema,
  nameOf,
  arnOf: (spec, target) => serialOf(nameOf(spec), target),
  dependsOnKinds: ['User'],
  properties: { secret: { type: 'writeOnly' } },
  actions: {
    read: ['iam:ListVirtualMFADevices', 'iam:ListMFADeviceTags'],
    write: [
      'iam:CreateVirtualMFADevice',
      'iam:TagMFADevice',
      'iam:UntagMFADevice',
      'iam:DeactivateMFADevice',
      'iam:DeleteVirtualMFADevice',
    ],
  },

  detailType: null,
  readCost: 1,
  read: (reader, { name }, target) => readDevice(reader, name, target),
  async readMany({ reader }, wanted, target) {
    const listed = await undefinedIfDenied(() => reader.list('ListVirtualMFADevices', {}, 'VirtualMFADevices'));
    if (listed === undefined) return undefined;
    const names = listed.map(({ SerialNumber = '' }) => nameInArn(SerialNumber));
    // Single reads, since the listing does not show tags.
    return byName(await Promise.all(wantedLast(names, wanted).map((name) => readDevice(reader, name, target))));
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
    // Enabling a device takes two codes, and only a person with the seed has those.
    isCandidateUsed: async (reader, id) => (await readUser(reader, serialOfId(id))) !== undefined,
    deleteCandidate: (id) => [removalOf(serialOfId(id))],
  },
  observedAfterCreate: ({ name, target, tags }) => observedOf(serialOf(name, target), tags),

  update: ({ tags }, { arn }, changes) => tagWrites('MFADevice', { SerialNumber: arn }, tags, changes),

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
