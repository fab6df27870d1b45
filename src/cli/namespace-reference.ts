import type { NamespaceReference } from '../client/runs.js';
import type { Config } from '../config/config.js';
import { UsageError } from './errors.js';
import { requestOf } from './request.js';

/** Options that say which run is meant: by account and namespace, or by a manifest. */
export interface PlaceOptions {
  readonly account?: string;
  readonly namespace?: string;
  readonly file: readonly string[];
  readonly environment?: string;
  readonly var: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly output: 'text' | 'json';
}

/** Which run is meant; null where the manifest is wrong, which has then been said. */
export async function placeOf(options: PlaceOptions, config: Config): Promise<NamespaceReference | null> {
  const { account, namespace, file, run: runId } = options;
  if (account !== undefined && namespace !== undefined && file.length === 0) return { account, namespace, runId };
  if (account !== undefined || namespace !== undefined || file.length === 0) {
    throw new UsageError(
      'which run is meant is not clear',
      'give --account and --namespace, or --file and --environment',
    );
  }
  const request = await requestOf({ ...options, keepGoing: false, waitTimeout: 0, quiet: true }, config);
  return request === null ? null : { account: request.target.account, namespace: request.namespace, runId };
}
