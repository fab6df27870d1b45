import { randomBytes, randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseKeys } from '../identity/keys.js';
import { REQUEST_KEY_FILE } from '../identity/signing-key.js';
import { type Announce, hasCode } from './options.js';
import { explainStateErrors, FILE_MODE, openStateFolder } from './state-folder.js';

/** The settings of the keys that a worker and its clients use. */
export interface KeySettings {
  readonly stateDirectory: string;
  readonly permitKey: string | undefined;
  readonly permitKeyFile: string | undefined;
  readonly requestKey: string | undefined;
  readonly requestKeyFile: string | undefined;
}

/**
 * Returns the settings with the keys of the state folder in place of those that are not configured. The first process that
 * needs a key makes it.
 *
 * @throws EmbeddedError, ConfigError where a file of a key is damaged
 */
export async function withStateKeys<T extends KeySettings>(settings: T, announce?: Announce): Promise<T> {
  const { stateDirectory, permitKey, permitKeyFile, requestKey, requestKeyFile } = settings;
  const folder = await openStateFolder(stateDirectory, announce);
  const ensure = async (value: string | undefined, file: string | undefined, name: string): Promise<typeof file> =>
    value === undefined && file === undefined ? ensureKey(folder, name) : file;
  return {
    ...settings,
    permitKeyFile: await ensure(permitKey, permitKeyFile, 'permit.key'),
    requestKeyFile: await ensure(requestKey, requestKeyFile, REQUEST_KEY_FILE),
  };
}

async function ensureKey(folder: string, name: string): Promise<string> {
  const path = join(folder, name);
  const own = `${path}.${randomUUID()}`;
  await explainStateErrors(folder, async () => {
    try {
      await writeFile(own, `${randomBytes(32).toString('base64')}\n`, { mode: FILE_MODE });
      // A link, since no process may read a file that is half written, nor replace the key of another.
      await link(own, path);
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    } finally {
      await rm(own, { force: true });
    }
  });
  const make = `remove ${path}: a new key is made, and what still runs by the old one has to be applied again`;
  parseKeys(await explainStateErrors(folder, () => readFile(path, 'utf8')), path, make);
  return path;
}
