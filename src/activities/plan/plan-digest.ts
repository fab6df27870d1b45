import { createHash } from 'node:crypto';
import { isWrite } from '../../contract/actions.js';
import type { BootstrapRequest } from '../../contract/request.js';
import type { AssessedEntity } from './assessed-entity.js';

/**
 * The digest of a plan that a person is to approve, and a mark for each entity that is to be written: over its decision,
 * uncut, and over what was read of it. Two plans have one digest only where they mean the same and have seen the same.
 */
export function digestPlan(
  request: Pick<BootstrapRequest, 'digest'>,
  entities: readonly AssessedEntity[],
): { readonly digest: string; readonly entityDigests: readonly (string | undefined)[] } {
  const entityDigests = entities.map(({ planned, observed }) =>
    isWrite(planned.decision.action)
      ? hash([planned.decision, planned.arn, observed?.state, observed?.tags])
      : undefined,
  );
  const lines = entities.map(({ planned: { kind, name, decision } }, index) => [
    `${kind}/${name}`,
    decision.action,
    entityDigests[index],
  ]);
  return { digest: `sha256:${hash([request.digest, lines])}`, entityDigests };
}

/** Of JSON, whatever the order of its keys, and of texts in a list: AWS gives them in no order that it keeps. */
function hash(value: unknown): string {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    if (Array.isArray(part)) {
      const list: readonly unknown[] = part;
      return list.every((one) => typeof one === 'string') ? [...list].sort() : list;
    }
    if (typeof part !== 'object' || part === null) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256').update(text).digest('hex');
}
