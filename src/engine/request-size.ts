import { entityId } from '../contract/entity.js';
import { type BootstrapRequest, MAX_ENTITIES, MAX_SENT_BYTES } from '../contract/request.js';
import type { Problem, SourcePosition } from './manifest/problem.js';
import { SPLIT_REMEDY } from './request.js';

/** The largest estimated history of a run that cannot continue as new. Temporal terminates a workflow at 50 MB. */
const MAX_HISTORY_BYTES = 45_000_000;

/** The estimated history of one entity besides its declaration: its start, its plan, and its report twice. */
const HISTORY_BYTES_PER_ENTITY = 5_500;

/** A request as it is sent, with the source position of each entity. */
export interface PositionedRequest {
  readonly request: Pick<BootstrapRequest, 'entities' | 'environment' | 'namespace' | 'manifest'>;
  readonly positions: readonly SourcePosition[];
}

/**
 * Returns the problem of a request that is too large for one run. Null where it fits. A request that does not fit would
 * fail halfway, at a limit of Temporal: https://docs.temporal.io/cloud/limits
 *
 * @param positioned - the request
 * @param positioned.request - what is sent
 * @param positioned.positions - the place of each entity in the manifests
 * @param sentBytes - returns the size with which data is sent
 */
export async function requestSizeProblem(
  { request, positions }: PositionedRequest,
  sentBytes: (data: Uint8Array) => Promise<number>,
): Promise<Problem | null> {
  const { entities, environment, namespace, manifest } = request;
  const problem = (message: string, position: number): Problem => ({
    ...(positions[position] ?? { file: manifest, line: 0, column: 0 }),
    path: `entities[${String(position)}]`,
    message: `namespace ${namespace} (${environment}) is too large for one run: ${message}`,
    remedy: SPLIT_REMEDY,
  });
  if (entities.length > MAX_ENTITIES) {
    const message = `it has ${formatCount(entities.length)} entities, and the maximum is ${formatCount(MAX_ENTITIES)}; this is the first one too many`;
    return problem(message, MAX_ENTITIES);
  }
  const sizes = entities.map((entity) => JSON.stringify(entity).length);
  const largest = sizes.indexOf(sizes.reduce((max, size) => Math.max(max, size), 0));
  const [entity, size] = [entities[largest], sizes[largest]];
  const largestText =
    entity === undefined
      ? ''
      : `; the largest of its ${formatCount(entities.length)} entities is ${entityId(entity)}, with ${formatCount(size ?? 0)} bytes`;
  const data = Buffer.from(JSON.stringify(request));
  const history = data.length + entities.length * HISTORY_BYTES_PER_ENTITY;
  if (history > MAX_HISTORY_BYTES) {
    const message = `its history would have about ${formatCount(history)} bytes, and the maximum is ${formatCount(MAX_HISTORY_BYTES)}`;
    return problem(message + largestText, largest);
  }
  const bytes = await sentBytes(data);
  if (bytes <= MAX_SENT_BYTES) return null;
  const message = `the request has ${formatCount(bytes)} bytes, compressed, and the maximum is ${formatCount(MAX_SENT_BYTES)}`;
  return problem(message + largestText, largest);
}

function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
