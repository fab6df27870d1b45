import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Begins the names of the folders for temporary files. */
const FOLDER = 'iam-bootstrap-acceptance-run-';

/** The environment of this process and of those that it starts, while a run has it. */
export interface RunEnvironment {
  /** The folder for temporary files. */
  readonly temporary: string;
  /** Sends all calls of the AWS SDK to the gateway, signed with its key. */
  pointTo(gateway: { readonly url: string; readonly credentials: SigningKey }): void;
  /** Restores the environment, and removes the folder. */
  restore(): Promise<void>;
}

interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/**
 * Removes the settings and credentials of AWS from the environment, and gives temporary files a folder of their own.
 * What this process starts afterwards has no credentials, and finds no file or endpoint that could give it some.
 */
export async function isolateEnvironment(environment: NodeJS.ProcessEnv = process.env): Promise<RunEnvironment> {
  const before = { ...environment };
  const temporary = await mkdtemp(join(tmpdir(), FOLDER));
  for (const name of Object.keys(environment)) if (name.startsWith('AWS_')) Reflect.deleteProperty(environment, name);
  Object.assign(environment, {
    TMPDIR: temporary,
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: join(temporary, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(temporary, 'no-credentials'),
  });
  return {
    temporary,
    pointTo: ({ url, credentials }) => {
      Object.assign(environment, settingsFor({ url, credentials }));
    },
    restore: async () => {
      for (const name of Object.keys(environment)) {
        if (before[name] === undefined) Reflect.deleteProperty(environment, name);
      }
      Object.assign(environment, before);
      await removeTemporary(temporary);
    },
  };
}

/** Returns the settings of AWS for a process that calls the gateway only. */
export function settingsFor({ url, credentials }: { readonly url: string; readonly credentials: SigningKey }) {
  return {
    AWS_ENDPOINT_URL: url,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

/** Removes the folder for temporary files of a run. A folder with another name stays. */
export async function removeTemporary(folder: string): Promise<void> {
  if (basename(folder).startsWith(FOLDER)) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
