import type { CapturedItem } from '../../../contract/capture.js';
import { resolveManifest } from '../../../engine/manifest/resolve.js';
import { KINDS } from '../../../kinds/index.js';
import type { TemporalConnection } from '../../../temporal/connect.js';
import { isUseless, openManifests, STANDARD_INPUT_NAME } from '../../manifest/load.js';
import { NO_CI, type RequestOptions } from '../../request.js';
import type { RunOptions } from '../../run/events.js';
import { readAccount } from '../read-account.js';
import { appliedEntities } from './applied-entities.js';
import { realPathsIn } from './real-paths.js';
import { updateManifest, type ManifestUpdate, type RefusedUpdate } from './update-manifest.js';
import type { UpdateInput } from './update-input.js';

/** The options of {@link updateFromAccount}. */
export type UpdateOptions = RunOptions &
  Pick<RequestOptions, 'cwd' | 'environment' | 'variables' | 'template' | 'standardInput'> &
  Pick<UpdateInput, 'removed' | 'everywhere'>;

/**
 * Reads the account of an environment, and returns the manifests with what differs there taken over. Writes nothing:
 * `saveFiles` does.
 *
 * @param connect - returns the connection to Temporal. It is not called for manifests with problems
 * @param files - the manifests: YAML, JSON, TypeScript
 * @param options - the environment, and what to take over
 * @throws ReadError where the account cannot be read, BusyError where no worker polls
 */
export async function updateFromAccount(
  connect: () => Promise<TemporalConnection>,
  files: readonly string[],
  options: UpdateOptions,
): Promise<ManifestUpdate | RefusedUpdate> {
  const { variables = {}, removed, everywhere } = options;
  const opened = await openManifests(files, { ...options, variables, pipeline: NO_CI, kinds: KINDS });
  if (opened.sources.some(({ file }) => file === STANDARD_INPUT_NAME)) return { ok: false, problems: [NOT_A_FILE] };
  if (opened.problems.length > 0 && isUseless(opened.sources)) return { ok: false, problems: opened.problems };
  const resolved = resolveManifest(opened.sources, opened.options);
  if (!resolved.ok || opened.problems.length > 0) {
    return { ok: false, problems: [...opened.problems, ...(resolved.ok ? [] : resolved.problems)] };
  }
  const { request } = resolved;
  const { target, namespace, entities } = request;
  const temporal = await connect();
  const kinds = [...new Set(entities.map(({ kind }) => kind))];
  const items: CapturedItem[] = [];
  const filter = { namespace, kinds, names: [], path: null, tags: {}, owner: null };
  const reading = readAccount(temporal, target, filter, options);
  let next = await reading.next();
  for (; next.done !== true; next = await reading.next()) items.push(next.value);
  const applied = removed === true ? await appliedEntities(temporal, request) : undefined;
  return updateManifest({
    identify: realPathsIn(options.cwd ?? process.cwd()),
    sources: opened.sources,
    options: opened.options,
    items,
    unread: next.value.unread,
    ...(applied !== undefined && { applied }),
    ...(removed !== undefined && { removed }),
    ...(everywhere !== undefined && { everywhere }),
  });
}

const NOT_A_FILE = {
  file: STANDARD_INPUT_NAME,
  line: 0,
  column: 0,
  path: '',
  message: 'a manifest from standard input cannot be updated',
  remedy: 'name its file with -f FILE',
};
