import { createHash } from 'node:crypto';
import { isWrite } from '../../contract/actions.js';
import { entityId, type Json } from '../../contract/entity.js';
import type { BootstrapRequest } from '../../contract/request.js';
import { isList, jsonFrom, sortKeys, strings } from '../../engine/json.js';
import type { AssessedEntity } from './assessed-entity.js';

/**
 * Returns the digest of a plan that waits for an approval, and a digest of each entity that is written: of its complete
 * decision and of what was read of it. Two plans have the same digest only where they decide the same from the same.
 */
export function digestPlan(
  request: Pick<BootstrapRequest, 'digest'>,
  entities: readonly AssessedEntity[],
): { readonly digest: string; readonly entityDigests: readonly (string | undefined)[] } {
  const entityDigests = entities.map(({ planned: { decision, arn }, observed }) =>
    isWrite(decision.action) ? hash([decision, arn, observed?.state, observed?.tags]) : undefined,
  );
  const lines = entities.map(({ planned }, index) => [
    entityId(planned),
    planned.decision.action,
    entityDigests[index],
  ]);
  return { digest: `sha256:${hash([request.digest, lines])}`, entityDigests };
}

/** Hashes a value as JSON. The order of keys, and of strings in a list, does not count: AWS returns them in any order. */
function hash(value: unknown): string {
  const text = JSON.stringify(sortKeys(jsonFrom(value)), (_key, part: Json) =>
    isList(part) && part.length === strings(part).length ? [...strings(part)].sort() : part,
  );
  return createHash('sha256').update(text).digest('hex');
}
