import { createHash } from 'node:crypto';
import type { BootstrapRequest } from '../contract/request.js';
import { sortedJson } from '../engine/json.js';

/** The fields of a request that decide what it does. */
export type DigestedRequest = Pick<
  BootstrapRequest,
  'target' | 'namespace' | 'environment' | 'entities' | 'keepGoing' | 'approval'
>;

/**
 * Returns the digest of a request, as `sha256:…`. Requests with the same digest do the same, whatever the source
 * positions of their entities and whatever the pipeline.
 */
export function requestDigest(request: DigestedRequest): string {
  const { target, namespace, environment, entities, keepGoing, approval } = request;
  const content = {
    target,
    namespace,
    environment,
    entities: entities.map((entity) => ({ ...entity, source: undefined })),
    keepGoing,
    // A request that requires an approval must not join one that does not. The timeout makes no difference.
    approval: approval === undefined ? undefined : true,
  };
  return `sha256:${createHash('sha256').update(sortedJson(content)).digest('hex')}`;
}
