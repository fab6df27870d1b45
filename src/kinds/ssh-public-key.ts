import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { SSHPublicKey, SSHPublicKeyMetadata, UploadSSHPublicKeyResponse } from '@aws-sdk/client-iam';
import { z } from 'zod';
import type { Reader } from '../aws/reader.js';
import type { JsonObject, Target } from '../contract/entity.js';
import type { Kind, ListedEntity, Observed, WantedEntity } from './kind.js';
import { userCredential } from './shared/base-kinds.js';
import { normalizePem } from './shared/pem.js';
import { emptyIfGone } from './shared/reads.js';
import { nameField, statusField } from './shared/schema-fields.js';
import { isoDate, newlyCreated, requiredString, stringProperty, userArn, userInName } from './shared/spec.js';
import { credentialWrites } from './shared/writes.js';

/** The number of hexadecimal digits of the fingerprint in a name. */
const FINGERPRINT_DIGITS = 16;

/** The minimum key length that AWS takes. */
const MIN_BITS = 2048;

const schema = z.strictObject({
  userName: nameField(64).describe('The user that the key belongs to.'),
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
        message:
          bits === undefined
            ? 'is not a public RSA key'
            : `has ${String(bits)} bits, and AWS requires ${String(MIN_BITS)}`,
        params: { remedy: 'write an RSA key of 2048 bits or more: a line that begins with ssh-rsa, or PEM' },
      });
    })
    .describe(
      'A public RSA key: the line of a .pub file, or PEM. A different key is a different entity: the name ends with digits of the SHA-256 fingerprint.',
    ),
  status: statusField,
});

/** Reads the public key in a text; undefined where IAM would not accept one. */
function publicKeyOf(body: string): KeyObject | undefined {
  try {
    const [type, blob = ''] = body.trim().split(/\s+/);
    if (type === 'ssh-rsa') return keyOfBlob(Buffer.from(blob, 'base64'));
    // Node.js would derive a public key from a private one, but a private key does not belong in a manifest.
    const block = normalizePem(body);
    const isPublic = /^-----BEGIN (RSA )?PUBLIC KEY-----\n[^-]*-----END [A-Z ]+-----$/.test(block);
    const key = isPublic ? createPublicKey(block) : undefined;
    return key?.asymmetricKeyType === 'rsa' ? key : undefined;
  } catch {
    return undefined;
  }
}

/** Decodes a key blob of RFC 4253: the type, the exponent and the modulus, each preceded by its length. */
function keyOfBlob(blob: Buffer): KeyObject {
  const fields: Buffer[] = [];
  for (let end = 0; end < blob.length;) {
    const start = end + 4;
    end = start + blob.readUInt32BE(end);
    if (end > blob.length) throw new RangeError('the key is truncated');
    fields.push(blob.subarray(start, end));
  }
  const [type, e, n] = fields.map((field, index) => field.toString(index === 0 ? 'latin1' : 'base64url'));
  if (type !== 'ssh-rsa' || e === undefined || n === undefined || fields.length > 3)
    throw new RangeError('not an RSA key');
  return createPublicKey({ format: 'jwk', key: { kty: 'RSA', e, n } });
}

/** Encodes a key as a blob of RFC 4253, which is the same for all notations of the key. */
function blobOf(key: KeyObject): Buffer {
  const { e = '', n = '' } = key.export({ format: 'jwk' });
  const numbers = [e, n].map((number) => Buffer.from(number, 'base64url'));
  // A leading zero byte keeps a number with the top bit set from being negative.
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

/** Names a key by its fingerprint, which does not depend on the notation; undefined for other text. */
function nameOfContent(userName = '', body = ''): string | undefined {
  const key = publicKeyOf(body);
  return key && `${userName}/${createHash('sha256').update(blobOf(key)).digest('hex').slice(0, FINGERPRINT_DIGITS)}`;
}

/** AWS gives a key an ID that says nothing, and the listing shows no more: the content does. */
async function read(reader: Reader, { name }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const listed = await emptyIfGone(listKeys(reader, userInName(name)));
  const keys = await readKeys(reader, listed, userInName(name));
  return keys
    .flatMap((key) => observedOf(key, target) ?? [])
    .find((observed) => observed.name.toLowerCase() === name.toLowerCase());
}

function listKeys(reader: Reader, UserName: string): Promise<readonly SSHPublicKeyMetadata[]> {
  return reader.list('ListSSHPublicKeys', { UserName }, 'SSHPublicKeys');
}

async function readKeys(
  reader: Reader,
  listed: readonly SSHPublicKeyMetadata[],
  UserName: string,
): Promise<readonly SSHPublicKey[]> {
  const keys = await Promise.all(
    listed.map(({ SSHPublicKeyId }) => reader.find('GetSSHPublicKey', { UserName, SSHPublicKeyId, Encoding: 'SSH' })),
  );
  return keys.flatMap((one) => one?.SSHPublicKey ?? []);
}

/** Lists the keys of a user. */
async function listEntities(reader: Reader, userName: string): Promise<readonly ListedEntity[]> {
  const keys = await readKeys(reader, await listKeys(reader, userName), userName);
  return keys.map(({ SSHPublicKeyBody: sshPublicKeyBody = '', SSHPublicKeyId = '' }) => {
    const name = nameOfContent(userName, sshPublicKeyBody);
    return name === undefined
      ? { name: `${userName}/${SSHPublicKeyId}`, spec: { userName }, leftOut: 'it is not a public RSA key' }
      : { name, spec: { userName, sshPublicKeyBody } };
  });
}

function observedOf(key: SSHPublicKey, target: Target): Observed | undefined {
  const { UserName, SSHPublicKeyBody, SSHPublicKeyId = '', Status = 'Active', UploadDate } = key;
  const name = nameOfContent(UserName, SSHPublicKeyBody);
  if (name === undefined) return undefined;
  return {
    name,
    arn: userArn(userInName(name), target),
    createdAt: isoDate(UploadDate),
    tags: {},
    state: { status: Status },
    facts: { UserName: userInName(name), SSHPublicKeyId },
  };
}

/** A user's public key for CodeCommit. */
export const sshPublicKey: Kind = {
  name: 'SSHPublicKey',
  ...userCredential(read, listEntities),
  ...credentialWrites('SSHPublicKey'),
  readCost: 2,
  keyProperties: ['userName', 'sshPublicKeyBody'],
  schema,
  nameOf,
  hasAwsAssignedId: true,
  duplicateProtection: '400 DuplicateSSHPublicKey',
  recognizedBy: 'its content and its upload date',
  properties: { status: { type: 'value', default: 'Active' } },
  actions: {
    read: ['iam:ListSSHPublicKeys', 'iam:GetSSHPublicKey', 'iam:GetAccountAuthorizationDetails'],
    write: ['iam:UploadSSHPublicKey', 'iam:UpdateSSHPublicKey', 'iam:DeleteSSHPublicKey'],
  },

  create: ({ spec }) => ({
    operation: 'UploadSSHPublicKey',
    input: {
      UserName: stringProperty(spec, 'userName'),
      SSHPublicKeyBody: normalizePem(requiredString(spec, 'sshPublicKeyBody')),
    },
  }),
  isAlreadyExistsError: ({ code }) => code === 'DuplicateSSHPublicKey',
  observedAfterCreate(desired, output) {
    const UserName = userInName(desired.name);
    const { SSHPublicKeyId = '' } = (output as UploadSSHPublicKeyResponse).SSHPublicKey ?? {};
    return newlyCreated(desired, userArn(UserName, desired.target), { status: 'Active' }, { UserName, SSHPublicKeyId });
  },
};
