import type { DesiredEntity } from '../../contract/entity.js';

/** Returns an entity that its manifest does not declare any more: it leaves, and nothing else about it changes. */
export function orphanEntity(
  orphan: Pick<DesiredEntity, 'kind' | 'name' | 'state' | 'protect' | 'orphan' | 'spec'>,
): DesiredEntity {
  return { ...orphan, adopt: 'own', observe: false, shared: false, unmanaged: 'keep', dependsOn: [] };
}
