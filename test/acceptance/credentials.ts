import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { SigningCredentials } from './signature.js';

const ROOT = resolve(__dirname, '../..');
const JITI = resolve(ROOT, 'node_modules/jiti/lib/jiti-cli.mjs');

/** Credentials are renewed when they are valid for less time than this, in milliseconds. */
const RENEWED_BEFORE_MS = 5 * 60_000;

/** The environment from which credentials come. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Gets credentials once. */
type Fetch = () => Promise<SigningCredentials & { readonly expiration?: string | undefined }>;

/**
 * Returns the credentials that the AWS SDK finds in an environment, or those of a role that they assume. A process of its
 * own looks for them, so that nothing else needs that environment. They are kept until they are about to expire.
 */
export function credentialsFrom(environment: Environment, region: string, assumeRole: string | null) {
  const args = ['--no-warnings', JITI, resolve(__dirname, 'provide-credentials.ts'), region];
  if (assumeRole !== null) args.push(assumeRole);
  return keptUntilExpiry(async () => {
    const options = { cwd: ROOT, env: environment as NodeJS.ProcessEnv };
    const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error: unknown) => {
      const { stderr = '' } = error as { readonly stderr?: string };
      throw new NoCredentialsError(`no AWS credentials: ${stderr.trim()}`);
    });
    return JSON.parse(stdout) as Awaited<ReturnType<Fetch>>;
  });
}

/** Reports that the environment gives no credentials. */
export class NoCredentialsError extends Error {
  override readonly name = 'NoCredentialsError';
}

/** Returns a function that fetches credentials once, and again before they expire. */
export function keptUntilExpiry(fetch: Fetch): () => Promise<SigningCredentials> {
  let kept: Awaited<ReturnType<Fetch>> | undefined;
  let pending: ReturnType<Fetch> | undefined;
  const isValid = (): boolean =>
    kept?.expiration === undefined || Date.parse(kept.expiration) - Date.now() > RENEWED_BEFORE_MS;
  return async () => {
    if (kept !== undefined && isValid()) return kept;
    pending ??= fetch()
      .then((fetched) => (kept = fetched))
      .finally(() => (pending = undefined));
    return pending;
  };
}
