import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type * as sdk from '@aws-sdk/client-secrets-manager';
import type { SecretLocation } from '../contract/entity.js';
import { awsError } from './errors.js';

/** What is stored of one secret: a flat object of strings in AWS's names. */
export type SecretRecord = Readonly<Record<string, string>>;

/** Where secrets go and come from. Values pass through memory only: nothing here logs, and no error holds one. */
export interface SecretStore {
  /** The text that is stored; undefined where there is none. */
  readText(location: SecretLocation): Promise<string | undefined>;
  /** The record that is stored; undefined where there is none. What is there and is no record is an error. */
  readRecord(location: SecretLocation): Promise<SecretRecord | undefined>;
  /** Stores a record in place of the one that is there. */
  writeRecord(location: SecretLocation, record: SecretRecord): Promise<void>;
}

/** A location that this worker does not serve, or that holds something else; the message says what to do. */
export class SecretLocationError extends Error {
  override readonly name = 'SecretLocationError';
}

interface SecretStoreOptions {
  /** Makes a client the first time that one is needed: most runs need none, and its code is large. */
  readonly client: () => Promise<sdk.SecretsManagerClient>;
  /** Folder of {@link SecretLocation}s that are files; undefined refuses them. */
  readonly folder: string | undefined;
}

/** Opens the places where secrets are stored: AWS Secrets Manager, and one folder of the worker's machine. */
export function createSecretStore({ client, folder }: SecretStoreOptions): SecretStore {
  const readText = async (location: SecretLocation): Promise<string | undefined> => {
    const text =
      'file' in location
        ? await onDisk(location, () => readSecretFile(folder, location.file))
        : await readSecret(await client(), location);
    return text?.trim() === '' ? undefined : text;
  };
  return {
    readText,
    readRecord: async (location) => {
      const text = await readText(location);
      if (text === undefined) return undefined;
      const record = recordOf(text);
      if (record === undefined) throw holdsAnother(location);
      return record;
    },
    writeRecord: async (location, record) => {
      const text = `${JSON.stringify(record, null, 2)}\n`;
      if ('file' in location) await onDisk(location, () => writeSecretFile(folder, location.file, text));
      else await writeSecret(await client(), location.secretsManager, text);
    },
  };
}

/** Values of secret input members, from where they are stored. */
export async function secretMembers(
  store: SecretStore,
  secretInput: Readonly<Record<string, { readonly location: SecretLocation; readonly field?: string }>> = {},
): Promise<Record<string, string>> {
  const members = await Promise.all(
    Object.entries(secretInput).map(async ([member, { location, field }]) => {
      const stored = field === undefined ? await store.readText(location) : (await store.readRecord(location))?.[field];
      if (stored === undefined) {
        const what = field === undefined ? 'nothing' : `no ${field}`;
        throw new SecretLocationError(`${placeOf(location)} holds ${what}, and ${member} is to come from there`);
      }
      return [member, stored] as const;
    }),
  );
  return Object.fromEntries(members);
}

/** A location as people name it. */
export function placeOf(location: SecretLocation): string {
  return 'file' in location ? `secret file ${location.file}` : `secret ${location.secretsManager} of Secrets Manager`;
}

/** Bytes of a secret file that are read: AWS Secrets Manager keeps as much of one secret. */
const MAX_BYTES = 65_536;

/** No secret is shorter, and what is shorter may well be a word of the message. */
const MIN_SECRET_LENGTH = 16;

/** Takes secret values out of an error's message, whatever has echoed them. */
export function withoutValues(error: unknown, values: readonly string[]): unknown {
  if (!(error instanceof Error)) return error;
  for (const value of values.filter(({ length }) => length >= MIN_SECRET_LENGTH)) {
    error.message = error.message.replaceAll(value, '(secret)');
  }
  return error;
}

function holdsAnother(location: SecretLocation): SecretLocationError {
  return new SecretLocationError(
    `${placeOf(location)} holds something that was not stored by iam-bootstrap; name another place, or empty it`,
  );
}

function recordOf(text: string): SecretRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.values(value).every((field) => typeof field === 'string') ? (value as SecretRecord) : undefined;
  } catch {
    return undefined;
  }
}

async function readSecret(
  client: sdk.SecretsManagerClient,
  location: { readonly secretsManager: string },
): Promise<string | undefined> {
  const { GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  try {
    const found = await client.send(new GetSecretValueCommand({ SecretId: location.secretsManager }));
    if (found.SecretBinary !== undefined) throw holdsAnother(location);
    return found.SecretString;
  } catch (error) {
    if (awsError(error).code === 'ResourceNotFound') return undefined;
    throw error;
  }
}

async function writeSecret(client: sdk.SecretsManagerClient, SecretId: string, SecretString: string): Promise<void> {
  const { CreateSecretCommand, PutSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  const put = new PutSecretValueCommand({ SecretId, SecretString });
  try {
    await client.send(put);
  } catch (error) {
    if (awsError(error).code !== 'ResourceNotFound') throw error;
    try {
      await client.send(new CreateSecretCommand({ Name: SecretId, SecretString }));
    } catch (late) {
      // It is there by now, as after a reply to the SDK's own first attempt that was lost.
      if (awsError(late).code !== 'ResourceExists') throw late;
      await client.send(put);
    }
  }
}

/** What the disk refuses is for a person to mend: no repeat does. */
async function onDisk<T>(location: { readonly file: string }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SecretLocationError) throw error;
    throw new SecretLocationError(`${placeOf(location)} cannot be used: ${awsError(error).code}`);
  }
}

/** The file's path inside of the folder; nothing leads out of it, links neither. */
async function pathOf(folder: string | undefined, file: string): Promise<string> {
  if (folder === undefined) {
    throw new SecretLocationError(
      `secret file ${file}: this worker keeps no secret files; set IAM_BOOTSTRAP_SECRETS to a folder, or name a secret of Secrets Manager`,
    );
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const root = await realpath(folder);
  const path = resolve(root, file);
  const inside = relative(root, path);
  if (inside === '' || inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside)) {
    throw new SecretLocationError(`secret file ${file} leads out of the secrets folder; name it inside of the folder`);
  }
  // Before a folder is made on the way: a link would have it made somewhere else.
  const passes = new SecretLocationError(`secret file ${file} passes through a link; name it without`);
  if (await leadsElsewhere(dirname(path))) throw passes;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  if ((await realpath(dirname(path))) !== dirname(path)) throw passes;
  return path;
}

/** Whether a link is in the part of a path that is there. */
async function leadsElsewhere(path: string): Promise<boolean> {
  const real = await realpath(path).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  });
  if (real !== undefined) return real !== path;
  // A link to nothing is one, too.
  return (await lstatOrNone(path)) !== undefined || leadsElsewhere(dirname(path));
}

async function readSecretFile(folder: string | undefined, file: string): Promise<string | undefined> {
  const path = await pathOf(folder, file);
  const found = await lstatOrNone(path);
  if (found === undefined) return undefined;
  if (!found.isFile()) throw new SecretLocationError(`secret file ${file} is no regular file; name another`);
  if (found.size > MAX_BYTES) {
    throw new SecretLocationError(
      `secret file ${file} has ${String(found.size)} bytes, and no secret has; name another`,
    );
  }
  return readFile(path, 'utf8');
}

async function lstatOrNone(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: unknown) => {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  });
}

/** Whole or not at all, and never readable to others: written aside, then renamed. */
async function writeSecretFile(folder: string | undefined, file: string, text: string): Promise<void> {
  const path = await pathOf(folder, file);
  // What a write that was killed has left aside holds a secret, too.
  const begun = `.${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(begun) && name.endsWith('.tmp')) await rm(join(dirname(path), name), { force: true });
  }
  const aside = join(dirname(path), `${begun}${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}
