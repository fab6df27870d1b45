import { entityId } from '../contract/entity.js';
import { MAX_ENTITIES } from '../contract/request.js';
import type { BootstrapRequest } from '../contract/request.js';
import type { SourcePosition, Problem } from '../engine/manifest/problem.js';
import { SPLIT_REMEDY } from '../engine/request.js';

/**
 * The largest request, compressed. Temporal accepts payloads of up to 2,097,152 bytes, and the verification sends the
 * entities once more, with the ARN of each.
 */
const MAX_SENT_BYTES = 1_750_000;

/** The largest estimated history of a run. Temporal terminates a workflow at 50 MB. */
const MAX_HISTORY_BYTES = 45_000_000;

/** The estimated history of one entity besides its declaration: its start, its plan, and its report twice. */
const HISTORY_BYTES_PER_ENTITY = 5_500;

/** A request as it is sent, with the source position of each entity. */
interface PositionedRequest {
  readonly request: Pick<BootstrapRequest, 'entities' | 'environment' | 'namespace' | 'manifest'>;
  readonly positions: readonly SourcePosition[];
}

/**
 * Returns the problem of a request that is too large for one run. Null where it fits. A request that does not fit would
 * fail halfway, at a limit of Temporal: https://docs.temporal.io/cloud/limits
 */
export async function requestSizeProblem({ request, positions }: PositionedRequest): Promise<Problem | null> {
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

/** Returns the compressed size of data, or its size where that is small enough already. */
async function sentBytes(data: Uint8Array): Promise<number> {
  if (data.length <= MAX_SENT_BYTES) return data.length;
  const { dataConverter } = await import('../temporal/payload-codec.js');
  let payloads = [{ metadata: {}, data }];
  for (const codec of dataConverter.payloadCodecs) {
    payloads = (await codec.encode(payloads)).map((payload) => ({ metadata: {}, data: payload.data ?? data }));
  }
  return payloads.reduce((sum, payload) => sum + payload.data.length, 0);
}

function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
