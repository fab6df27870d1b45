import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DeliveryError } from './delivery-error.js';
import type { ChannelSecret } from './schema.js';

/** The sources of secrets that channels use. */
export interface SecretSources {
  /** Folder that relative paths of files start at. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Returns the text of a secret in AWS Secrets Manager; undefined where there is none. */
  readonly secretsManager: (name: string) => Promise<string | undefined>;
}

/**
 * Reads a secret of a channel.
 *
 * @throws DeliveryError where it is missing. The message names its location
 */
export async function readChannelSecret(location: ChannelSecret, sources: SecretSources): Promise<string> {
  const name = secretText(location);
  let text: string | undefined;
  try {
    text = await textAt(location, sources);
  } catch (error) {
    const { code, name: errorName } = error as { readonly code?: string; readonly name: string };
    throw new DeliveryError(`${name} cannot be read: ${code ?? errorName}`);
  }
  if (text === undefined || text.trim() === '') throw new DeliveryError(`${name} is empty or missing`);
  return text.trim();
}

/** Names the location of a secret for people. */
function secretText(location: ChannelSecret): string {
  if ('file' in location) return `the secret in file ${location.file}`;
  if ('environment' in location) return `the secret in variable ${location.environment}`;
  return `secret ${location.secretsManager} of Secrets Manager`;
}

async function textAt(location: ChannelSecret, sources: SecretSources): Promise<string | undefined> {
  if ('file' in location) return readFile(resolve(sources.folder, location.file), 'utf8');
  if ('environment' in location) return sources.environment[location.environment];
  return sources.secretsManager(location.secretsManager);
}
