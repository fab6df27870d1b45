import type { CreateVirtualMFADeviceResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import { awsError, isEntityAlreadyExists } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import { OwnershipTag } from '../engine/ownership.js';
import {
  appliedIfAbsent,
  omitUndefined,
  nameField,
  pathField,
  secretField,
  secretLocation,
  toTagList,
  toTagMap,
  tagWrites,
  tagsField,
  stringProperty,
  undefinedIfDenied,
} from './fields.js';
import type { Kind, Observed, Write } from './kind.js';

/** A serial number has 256 characters at most: the ARN up to the path, the path, and the name. */
const LONGEST_NAME = 256 - 'arn:aws:iam::111111111111:mfa/'.length;

const schema = z.strictObject({
  virtualMfaDeviceName: nameField(LONGEST_NAME).describe('Unique on its path.'),
  path: pathField
    .regex(/^[\w+=/:,.@-]*$/, 'use letters, digits and _+=/:,.@- only')
    .optional()
    .describe('Part of what tells the device from others: another path is another device.'),
  secret: secretField.describe(
    'Where the seed goes: `SerialNumber` and `Base32StringSeed`. AWS shows it when the device is made, and never again: that of a device that is there already cannot be had.',
  ),
  tags: tagsField.optional(),
});

function nameOf(spec: JsonObject): string {
  return `${(stringProperty(spec, 'path') ?? '/').slice(1)}${stringProperty(spec, 'virtualMfaDeviceName') ?? ''}`;
}

/** A virtual device's serial number is its ARN. */
function serialOf(name: string, { account, partition }: Target): string {
  return `arn:${partition}:iam::${account}:mfa/${name}`;
}

function nameOfSerial(serial: string): string {
  return serial.slice(serial.indexOf('/') + 1);
}

function observedOf(serial: string, tags: Readonly<Record<string, string>>): Observed {
  return { name: nameOfSerial(serial), arn: serial, createdAt: null, tags, state: {} };
}

/** A device's tags; undefined where there is no such device. */
async function tagsOf(reader: Reader, SerialNumber: string): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const tags = await reader.list('ListMFADeviceTags', { SerialNumber }, 'Tags');
    return toTagMap(tags.map(({ Key, Value }) => ({ Key, Value })));
  } catch (error) {
    if (awsError(error).code === 'NoSuchEntity') return undefined;
    throw error;
  }
}

/** Who signs in with a device; undefined where nobody does. */
async function userOf(reader: Reader, serial: string): Promise<{ readonly UserName: string | undefined } | undefined> {
  const assigned = await reader.list('ListVirtualMFADevices', { AssignmentStatus: 'Assigned' }, 'VirtualMFADevices');
  const device = assigned.find(({ SerialNumber }) => SerialNumber === serial);
  return device && { UserName: device.User?.UserName };
}

/**
 * The device of one Create: one of the same serial number that a later Create made has another intent, and another
 * seed. No serial number holds a `#`, and no tag.
 */
function idOf(serial: string, intent = ''): string {
  return `${serial}#${intent}`;
}

function removalOf(SerialNumber: string): Write {
  return { operation: 'DeleteVirtualMFADevice', input: { SerialNumber }, ...appliedIfAbsent };
}

/** An MFA device that is a program. Who signs in with it has to enable it with two of its codes. */
export const virtualMfaDevice: Kind = {
  name: 'VirtualMFADevice',
  keyProperties: ['virtualMfaDeviceName', 'path'],
  schema,
  nameOf,
  arnOf: (spec, target) => serialOf(nameOf(spec), target),
  dependsOnKinds: ['User'],
  ownable: true,
  duplicateProtection: '409 EntityAlreadyExists',
  recognizedBy: 'the intent tag that the Create carried',
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
  async read(reader, { name }, target) {
    const serial = serialOf(name, target);
    const tags = await tagsOf(reader, serial);
    return tags && observedOf(serial, tags);
  },
  async readMany({ reader }, wanted) {
    const listed = await undefinedIfDenied(() => reader.list('ListVirtualMFADevices', {}, 'VirtualMFADevices'));
    if (listed === undefined) return undefined;
    const names = new Set(wanted.map(({ name }) => name.toLowerCase()));
    const exact = new Set(wanted.map(({ name }) => name));
    const serials = listed
      .map(({ SerialNumber = '' }) => SerialNumber)
      .filter((serial) => names.has(nameOfSerial(serial).toLowerCase()))
      // Last, so that of names that differ in case the declared one is taken.
      .sort((a, b) => Number(exact.has(nameOfSerial(a))) - Number(exact.has(nameOfSerial(b))));
    const found = await Promise.all(
      // One by one, since the listing leaves the tags out.
      serials.map(async (serial) => {
        const tags = await tagsOf(reader, serial);
        return tags && observedOf(serial, tags);
      }),
    );
    return new Map(found.filter((one) => one !== undefined).map((one) => [one.name.toLowerCase(), one]));
  },

  create: ({ spec, tags }) => ({
    operation: 'CreateVirtualMFADevice',
    input: omitUndefined({
      VirtualMFADeviceName: stringProperty(spec, 'virtualMfaDeviceName'),
      Path: stringProperty(spec, 'path'),
      Tags: toTagList(tags),
    }),
  }),
  isAlreadyExistsError: isEntityAlreadyExists,
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
    /** The device, if a Create of this run made it: that of another is no orphan, whether or not its seed is stored. */
    async listCandidates(reader, { name, target, tags }) {
      const serial = serialOf(name, target);
      const shown = await tagsOf(reader, serial);
      if (shown === undefined || shown[OwnershipTag.Intent] !== tags[OwnershipTag.Intent]) return [];
      return [{ id: idOf(serial, shown[OwnershipTag.Intent]), createdAt: null }];
    },
    candidateIdOf: ({ SerialNumber = '', Intent }) => idOf(SerialNumber, Intent),
    // To enable it takes two codes, which nobody has without the seed.
    isCandidateUsed: async (reader, id) => (await userOf(reader, serialOfId(id))) !== undefined,
    deleteCandidate: (id) => [removalOf(serialOfId(id))],
  },
  observedAfterCreate: ({ name, target, tags }) => observedOf(serialOf(name, target), tags),

  update: ({ tags }, { arn }, changes) =>
    tagWrites({ tag: 'TagMFADevice', untag: 'UntagMFADevice' }, { SerialNumber: arn }, tags, changes['tags']),

  async delete(reader, { arn }) {
    const user = await userOf(reader, arn);
    // The account's root user has no name, and nobody else can deactivate its device: AWS says so.
    if (user?.UserName === undefined) return [removalOf(arn)];
    const input = { UserName: user.UserName, SerialNumber: arn };
    return [{ operation: 'DeactivateMFADevice', input, ...appliedIfAbsent }, removalOf(arn)];
  },
};

function serialOfId(id: string): string {
  return id.slice(0, id.lastIndexOf('#'));
}
