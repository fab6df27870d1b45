import type { DesiredEntity } from '../../contract/entity.js';
import { entityId, entityKey } from '../../contract/entity.js';
import type { Problem, SourcePosition } from './problem.js';
import { positionText } from './problem.js';
import type { ManifestRequest, ResolvedManifest } from './resolved.js';

/**
 * Finds entities that several environments or namespaces map to the same name in one account: each would overwrite the
 * other. It is no collision if the entity is shared, if at most one of them writes, or if both only remove it.
 */
export function collisionsAcross(resolved: readonly Pick<ResolvedManifest, 'request' | 'positions'>[]): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<
    string,
    { readonly request: ManifestRequest; readonly entity: DesiredEntity; readonly place: SourcePosition | undefined }
  >();
  for (const { request, positions } of resolved) {
    request.entities.forEach((entity, index) => {
      if (entity.observe) return;
      const key = `${request.target.partition}:${request.target.account}:${entityKey(entity)}`;
      const place = positions[index];
      const first = owners.get(key);
      if (first === undefined) {
        owners.set(key, { request, entity, place });
        return;
      }
      if (first.entity.shared && entity.shared) return;
      if (first.entity.state !== 'present' && entity.state !== 'present') return;
      problems.push(collision(first, { request, entity, place }));
    });
  }
  return problems;
}

interface Claim {
  readonly request: ManifestRequest;
  readonly entity: DesiredEntity;
  readonly place: SourcePosition | undefined;
}

function collision(first: Claim, second: Claim): Problem {
  const sameNamespace = first.request.namespace === second.request.namespace;
  const whose = ({ request }: Claim): string =>
    sameNamespace ? `environment ${request.environment}` : `namespace ${request.namespace} (${request.environment})`;
  const position = first.place === undefined ? '' : ` at ${positionText(first.place)}`;
  return {
    file: second.place?.file ?? second.request.manifest,
    line: second.place?.line ?? 0,
    column: second.place?.column ?? 0,
    path: entityId(second.entity),
    message: `${entityId(second.entity)} of ${whose(second)} is ${entityId(first.entity)} of ${whose(first)}${position}, too: both map to account ${second.request.target.account}`,
    remedy: sameNamespace
      ? 'put {{environment}} in the name'
      : 'declare it in one namespace only, rename one, or set shared: true on both where the kind allows it',
  };
}
