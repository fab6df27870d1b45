import { createHash, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { SSHPublicKey, UploadSSHPublicKeyResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import {
  appliedIfAbsent,
  isoDate,
  emptyIfAbsent,
  nameField,
  readEach,
  normalizePem,
  statusField,
  stringProperty,
  userArn,
} from './fields.js';
import type { Kind, Observed, WantedEntity } from './kind.js';

/** Hexadecimal digits that tell a user's keys apart. */
const DIGITS = 16;

/** Bits that AWS asks for. */
const MIN_BITS = 2048;

const schema = z.strictObject({
  userName: nameField(64).describe('The user whose key it is.'),
  sshPublicKeyBody: z
    .string()
    .min(1)
    .max(16_384)
    .regex(/^[\t\n\r\u0020-\u00ff]+$/, 'use Latin characters only')
    .superRefine((body, context) => {
      const bits = publicKeyOf(body)?.asymmetricKeyDetails?.modulusLength;
      if (bits !== undefined && bits >= MIN_BITS) return;
      context.addIssue({
        code: 'custom',
        message: bits === undefined ? 'is no public RSA key' : `has ${String(bits)} bits, and AWS asks for 2048`,
        params: { remedy: 'write an RSA key of 2048 bits or more: a line that begins with ssh-rsa, or PEM' },
      });
    })
    .describe(
      'A public RSA key: the line of a .pub file, or PEM. Another key is another entity: its name ends in digits of its SHA-256 fingerprint.',
    ),
  status: statusField.optional(),
});

/** The key in a text; undefined where there is none that IAM knows. */
function publicKeyOf(body: string): KeyObject | undefined {
  try {
    const [type, blob = ''] = body.trim().split(/\s+/);
    if (type === 'ssh-rsa') return keyOfBlob(Buffer.from(blob, 'base64'));
    // Of a private key, too, the public one could be made: but it does not belong here.
    const block = normalizePem(body);
    const isPublic = /^-----BEGIN (RSA )?PUBLIC KEY-----\n[^-]*-----END [A-Z ]+-----$/.test(block);
    const key = isPublic ? createPublicKey(block) : undefined;
    return key?.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The key of a blob as RFC 4253 has it: the type, the exponent and the modulus, each with its length before it. */
function keyOfBlob(blob: Buffer): KeyObject {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length;) {
    const from = at + 4;
    at = from + blob.readUInt32BE(at);
    if (at > blob.length) throw new RangeError('the key has been cut off');
    fields.push(blob.subarray(from, at));
  }
  const [type, e, n] = fields.map((field, index) => field.toString(index === 0 ? 'latin1' : 'base64url'));
  if (type !== 'ssh-rsa' || e === undefined || n === undefined || fields.length > 3) throw new RangeError('no RSA key');
  return createPublicKey({ format: 'jwk', key: { kty: 'RSA', e, n } });
}

/** The blob of a key: the same one, whatever the key was written in. */
function blobOf(key: KeyObject): Buffer {
  const { e = '', n = '' } = key.export({ format: 'jwk' });
  const numbers = [e, n].map((number) => Buffer.from(number, 'base64url'));
  // A number that begins with a set bit would be negative.
  const unsigned = numbers.map((number) => Buffer.concat([Buffer.alloc((number[0] ?? 0) >> 7), number]));
  return Buffer.concat(
    [Buffer.from('ssh-rsa'), ...unsigned].flatMap((field) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(field.length);
      return [length, field];
    }),
  );
}

function nameOf(spec: JsonObject): string {
  return nameOfContent(stringProperty(spec, 'userName'), stringProperty(spec, 'sshPublicKeyBody')) ?? '';
}

/** Recognises a key by its numbers, however it is written; undefined for what is none. */
function nameOfContent(userName = '', body = ''): string | undefined {
  const key = publicKeyOf(body);
  return key && `${userName}/${createHash('sha256').update(blobOf(key)).digest('hex').slice(0, DIGITS)}`;
}

function userOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/'));
}

/** AWS gives a key an ID that says nothing, and the listing shows no more: the content does. */
async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const UserName = userOf(name);
  const listed = await emptyIfAbsent(reader.list('ListSSHPublicKeys', { UserName }, 'SSHPublicKeys'));
  const keys = await Promise.all(
    listed.map(({ SSHPublicKeyId }) => reader.find('GetSSHPublicKey', { UserName, SSHPublicKeyId, Encoding: 'SSH' })),
  );
  return keys
    .flatMap((one) => (one?.SSHPublicKey && observedOf(one.SSHPublicKey, target)) ?? [])
    .find((observed) => observed.name.toLowerCase() === name.toLowerCase());
}

function observedOf(key: SSHPublicKey, target: Target): Observed | undefined {
  const { UserName, SSHPublicKeyBody, SSHPublicKeyId = '', Status = 'Active', UploadDate } = key;
  const name = nameOfContent(UserName, SSHPublicKeyBody);
  if (name === undefined) return undefined;
  return {
    name,
    arn: userArn(userOf(name), target),
    createdAt: isoDate(UploadDate),
    tags: {},
    state: { status: Status },
    facts: { sshPublicKeyId: SSHPublicKeyId },
  };
}

function keyOf({ name, facts = {} }: Observed): { readonly UserName: string; readonly SSHPublicKeyId: string } {
  return { UserName: userOf(name), SSHPublicKeyId: stringProperty(facts, 'sshPublicKeyId') ?? '' };
}

/** A user's public key for CodeCommit. */
export const sshPublicKey: Kind = {
  name: 'SSHPublicKey',
  keyProperties: ['userName', 'sshPublicKeyBody'],
  schema,
  nameOf,
  arnOf: (spec, target) => userArn(stringProperty(spec, 'userName') ?? '', target),
  references: (spec) => [`User/${stringProperty(spec, 'userName') ?? ''}`],
  dependsOnKinds: ['User'],
  ownable: false,
  hasAwsAssignedId: true,
  duplicateProtection: '400 DuplicateSSHPublicKey',
  recognizedBy: 'its content; when it was uploaded',
  properties: { status: { type: 'value', default: 'Active' } },
  actions: {
    read: ['iam:ListSSHPublicKeys', 'iam:GetSSHPublicKey'],
    write: ['iam:UploadSSHPublicKey', 'iam:UpdateSSHPublicKey', 'iam:DeleteSSHPublicKey'],
  },

  detailType: null,
  readCost: 2,
  read,
  readMany: readEach(read),

  create: ({ spec }) => ({
    operation: 'UploadSSHPublicKey',
    input: {
      UserName: stringProperty(spec, 'userName'),
      SSHPublicKeyBody: normalizePem(stringProperty(spec, 'sshPublicKeyBody') ?? ''),
    },
  }),
  isAlreadyExistsError: ({ code }) => code === 'DuplicateSSHPublicKey',
  observedAfterCreate: ({ name, target }, output) => ({
    name,
    arn: userArn(userOf(name), target),
    createdAt: null,
    tags: {},
    state: { status: 'Active' },
    facts: { sshPublicKeyId: (output as UploadSSHPublicKeyResponse).SSHPublicKey?.SSHPublicKeyId ?? '' },
  }),

  update(desired, observed, changes) {
    if (changes['status'] === undefined) return [];
    const Status = stringProperty(desired.spec, 'status') ?? 'Active';
    return [{ operation: 'UpdateSSHPublicKey', input: { ...keyOf(observed), Status } }];
  },

  delete: (_reader, observed) =>
    Promise.resolve([{ operation: 'DeleteSSHPublicKey', input: keyOf(observed), ...appliedIfAbsent }]),
};
