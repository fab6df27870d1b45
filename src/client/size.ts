import { entityId } from '../contract/entity.js';
import { MAX_ENTITIES } from '../contract/request.js';
import type { BootstrapRequest } from '../contract/request.js';
import type { SourcePosition, Problem } from '../engine/manifest/problem.js';
import { SPLIT_REMEDY } from '../engine/request.js';

/**
 * Bytes of a request as it is sent, compressed. Temporal takes 2,097,152 of one payload, and the verification sends the
 * entities once more, with the ARN of each.
 */
const MAX_SENT_BYTES = 1_750_000;

/** Bytes that the history of a run is reckoned to grow to: Temporal ends a workflow by force at 50 MB. */
const MAX_HISTORY_BYTES = 45_000_000;

/** What the history has of one entity besides what is declared of it: its start, its plan, and its report twice. */
const HISTORY_BYTES_PER_ENTITY = 5_500;

/** A request as it will be sent, and for each entity where it is declared. */
interface Sized {
  readonly request: Pick<BootstrapRequest, 'entities' | 'environment' | 'namespace' | 'manifest'>;
  readonly positions: readonly SourcePosition[];
}

/**
 * Says of a request that no run could take to its end why that is so; null where it fits. What does not fit would fail
 * in the middle, at a limit of Temporal's: https://docs.temporal.io/cloud/limits
 */
export async function tooLarge({ request, positions }: Sized): Promise<Problem | null> {
  const { entities, environment, namespace, manifest } = request;
  const problem = (message: string, position: number): Problem => ({
    ...(positions[position] ?? { file: manifest, line: 0, column: 0 }),
    path: `entities[${String(position)}]`,
    message: `namespace ${namespace} (${environment}) is too large for one run: ${message}`,
    remedy: SPLIT_REMEDY,
  });
  if (entities.length > MAX_ENTITIES) {
    const message = `this is the first of ${text(entities.length)} entities that is beyond ${text(MAX_ENTITIES)}`;
    return problem(message, MAX_ENTITIES);
  }
  const sizes = entities.map((entity) => JSON.stringify(entity).length);
  const largest = sizes.indexOf(sizes.reduce((most, size) => Math.max(most, size), 0));
  const [entity, size] = [entities[largest], sizes[largest]];
  const whose =
    entity === undefined
      ? ''
      : `; the largest of its ${text(entities.length)} entities is ${entityId(entity)}, with ${text(size ?? 0)}`;
  const data = Buffer.from(JSON.stringify(request));
  const history = data.length + entities.length * HISTORY_BYTES_PER_ENTITY;
  if (history > MAX_HISTORY_BYTES) {
    const message = `its history would have about ${text(history)} bytes, and may have ${text(MAX_HISTORY_BYTES)}`;
    return problem(message + whose, largest);
  }
  const bytes = await sentBytes(data);
  if (bytes <= MAX_SENT_BYTES) return null;
  const message = `the request has ${text(bytes)} bytes, compressed, and may have ${text(MAX_SENT_BYTES)}`;
  return problem(message + whose, largest);
}

/** How much data is once it is compressed; what is small enough without needs no look. */
async function sentBytes(data: Uint8Array): Promise<number> {
  if (data.length <= MAX_SENT_BYTES) return data.length;
  const { dataConverter } = await import('../temporal/payload-codec.js');
  let payloads = [{ metadata: {}, data }];
  for (const codec of dataConverter.payloadCodecs) {
    payloads = (await codec.encode(payloads)).map((payload) => ({ metadata: {}, data: payload.data ?? data }));
  }
  return payloads.reduce((sum, payload) => sum + payload.data.length, 0);
}

function text(count: number): string {
  return count.toLocaleString('en-US');
}
