import type { NamespaceReference } from '../client/runs.js';
import type { Config } from '../config/config.js';
import { UsageError } from './errors.js';
import { loadManifestRequest } from './request.js';

/** Options that name a run, by account and namespace or by manifest. */
export interface NamespaceOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly output: 'text' | 'json';
}

/** Returns the run that the options name. Prints the problems of an invalid manifest and returns null. */
export async function resolveNamespace(options: NamespaceOptions, config: Config): Promise<NamespaceReference | null> {
  const { account, namespace, file, run: runId } = options;
  if (account !== undefined && namespace !== undefined && file.length === 0) return { account, namespace, runId };
  if (account !== undefined || namespace !== undefined || file.length === 0) {
    throw new UsageError(
      'the options do not name one namespace',
      'give --account and --namespace, or --file and --environment',
    );
  }
  const request = await loadManifestRequest({ ...options, keepGoing: false, waitTimeout: 0, quiet: true }, config);
  return request === null ? null : { account: request.target.account, namespace: request.namespace, runId };
}
