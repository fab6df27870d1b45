import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type * as sdk from '@aws-sdk/client-secrets-manager';
import type { SecretLocation } from '../contract/entity.js';
import { makeFolder } from '../files/make-folder.js';
import { awsError, fallBackOn } from './errors.js';
import { secretFormProblem, type SecretForm } from './secret-form.js';

/** The stored form of one secret: a flat object of strings with AWS's names. */
export type SecretRecord = Readonly<Record<string, string>>;

/** Stores and reads secrets. Values stay in memory: they are not logged, and no error contains one. */
export interface SecretStore {
  /** Reads the stored text; returns undefined where none is stored. */
  readText(location: SecretLocation): Promise<string | undefined>;
  /** Reads the stored record; returns undefined where none is stored. Throws where the location has other content. */
  readRecord(location: SecretLocation): Promise<SecretRecord | undefined>;
  /** Stores a record, replacing the existing one. */
  writeRecord(location: SecretLocation, record: SecretRecord): Promise<void>;
}

/** A secret location that this worker cannot use, or that has other content. The message says what to do. */
export class SecretLocationError extends Error {
  override readonly name = 'SecretLocationError';
}

interface SecretStoreOptions {
  /** Returns a client. Called only when one is needed: most runs need none, and its code is large. */
  readonly client: () => Promise<sdk.SecretsManagerClient>;
  /** Folder of secret files; undefined where this worker stores none. */
  readonly folder: string | undefined;
}

/** Makes a store of secrets in AWS Secrets Manager and in one folder of the worker's machine. */
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
      if (record === undefined) throw hasOtherContent(location);
      return record;
    },
    writeRecord: async (location, record) => {
      const text = `${JSON.stringify(record, null, 2)}\n`;
      if ('file' in location) await onDisk(location, () => writeSecretFile(folder, location.file, text));
      else await writeSecret(await client(), location.secretsManager, text);
    },
  };
}

/** Sources of secret input members, by member. */
type SecretSources = Readonly<
  Record<
    string,
    {
      readonly location: SecretLocation;
      readonly field?: string;
      readonly form?: SecretForm;
      readonly derive?: (stored: string, now: number) => string;
    }
  >
>;

/** Returns the values of secret input members, computed at a time from what is stored. */
export function deriveSecretMembers(
  sources: SecretSources = {},
  stored: Readonly<Record<string, string>>,
  now: number,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(stored).map(([member, value]) => [member, sources[member]?.derive?.(value, now) ?? value]),
  );
}

/**
 * Reads what is stored for secret input members.
 *
 * @throws SecretLocationError where a value is missing, or has another form than it must have
 */
export async function readSecretMembers(
  store: SecretStore,
  secretInput: SecretSources = {},
): Promise<Record<string, string>> {
  const members = await Promise.all(
    Object.entries(secretInput).map(async ([member, { location, field, form }]) => {
      const stored = field === undefined ? await store.readText(location) : (await store.readRecord(location))?.[field];
      if (stored === undefined) {
        const missing = field === undefined ? 'is empty' : `has no ${field}`;
        throw new SecretLocationError(`${describeLocation(location)} ${missing}; store the value for ${member} there`);
      }
      const problem = form === undefined ? undefined : secretFormProblem(form, stored);
      if (problem !== undefined) {
        throw new SecretLocationError(
          `${describeLocation(location)} ${problem}; nothing of it was sent: store the value for ${member} there, or declare its location`,
        );
      }
      return [member, stored] as const;
    }),
  );
  return Object.fromEntries(members);
}

/** Describes a location for people. */
export function describeLocation(location: SecretLocation): string {
  return 'file' in location ? `secret file ${location.file}` : `secret ${location.secretsManager} of Secrets Manager`;
}

/** The maximum size of a secret file in bytes, which is that of a secret in AWS Secrets Manager. */
const MAX_BYTES = 65_536;

/** The minimum length of a value to remove from messages. Secrets are longer, and shorter texts may be ordinary words. */
const MIN_SECRET_LENGTH = 16;

/** Removes secret values from an error's message. */
export function redactSecrets(error: unknown, values: readonly string[]): unknown {
  if (!(error instanceof Error)) return error;
  for (const value of values.filter(({ length }) => length >= MIN_SECRET_LENGTH)) {
    error.message = error.message.replaceAll(value, '(secret)');
  }
  return error;
}

function hasOtherContent(location: SecretLocation): SecretLocationError {
  return new SecretLocationError(
    `${describeLocation(location)} has content that iam-bootstrap did not store; declare a different location, or empty it`,
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
  const command = new GetSecretValueCommand({ SecretId: location.secretsManager });
  const found = await fallBackOn(['ResourceNotFound'], undefined, () => client.send(command));
  if (found?.SecretBinary !== undefined) throw hasOtherContent(location);
  return found?.SecretString;
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
    } catch (createError) {
      // The secret exists by now, as after a lost reply to the SDK's own first attempt.
      if (awsError(createError).code !== 'ResourceExists') throw createError;
      await client.send(put);
    }
  }
}

/** Reports an error of the disk as one that a person must fix, since a retry does not help. */
async function onDisk<T>(location: { readonly file: string }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SecretLocationError) throw error;
    throw new SecretLocationError(
      `${describeLocation(location)} cannot be used (${awsError(error).code}); check the worker's secrets folder`,
    );
  }
}

/** Returns the file's path. It is always inside the folder, symbolic links included. */
async function pathOf(folder: string | undefined, file: string): Promise<string> {
  if (folder === undefined) {
    throw new SecretLocationError(
      `secret file ${file}: this worker has no secrets folder; set IAM_BOOTSTRAP_SECRETS to a folder, or declare a secret of Secrets Manager`,
    );
  }
  await makeFolder(folder, { mode: 0o700 });
  const root = await realpath(folder);
  const path = resolve(root, file);
  const inside = relative(root, path);
  if (inside === '' || inside.startsWith(`..${sep}`) || inside === '..' || isAbsolute(inside)) {
    throw new SecretLocationError(
      `secret file ${file} is outside the secrets folder; declare a path inside the folder`,
    );
  }
  // From the top, because a link would lead outside. Another activity may make the same folders at this moment.
  let parent = root;
  for (const name of dirname(inside).split(sep)) {
    parent = join(parent, name);
    await fallBackOn(['EEXIST'], undefined, () => mkdir(parent, { mode: 0o700 }));
    if ((await lstat(parent)).isSymbolicLink()) {
      throw new SecretLocationError(`secret file ${file} leads through a symbolic link; declare its real path`);
    }
  }
  return path;
}

async function readSecretFile(folder: string | undefined, file: string): Promise<string | undefined> {
  const path = await pathOf(folder, file);
  const found = await lstatIfExists(path);
  if (found === undefined) return undefined;
  if (!found.isFile())
    throw new SecretLocationError(`secret file ${file} is not a regular file; declare a different file`);
  if (found.size > MAX_BYTES) {
    throw new SecretLocationError(
      `secret file ${file} has ${String(found.size)} bytes, which is too large for a secret; declare a different file`,
    );
  }
  return readFile(path, 'utf8');
}

function lstatIfExists(path: string): Promise<Stats | undefined> {
  return fallBackOn(['ENOENT'], undefined, () => lstat(path));
}

/** Writes a file atomically: to a temporary file first, then renamed. Other users can read neither. */
async function writeSecretFile(folder: string | undefined, file: string, text: string): Promise<void> {
  const path = await pathOf(folder, file);
  // The temporary file of a write that was killed contains a secret too.
  const prefix = `.${basename(path)}.`;
  for (const name of await readdir(dirname(path))) {
    if (name.startsWith(prefix) && name.endsWith('.tmp')) await rm(join(dirname(path), name), { force: true });
  }
  const temporary = join(dirname(path), `${prefix}${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
