import type { DesiredEntity } from '../../src/contract/entity.js';

/** Returns a declared entity. Default: present, with the defaults of a manifest. */
export function desired(
  kind: string,
  name: string,
  spec: DesiredEntity['spec'],
  more: Partial<DesiredEntity> = {},
): DesiredEntity {
  return {
    kind,
    name,
    state: 'present',
    adopt: 'unowned',
    observe: false,
    shared: false,
    unmanaged: 'keep',
    spec,
    dependsOn: [],
    ...more,
  };
}
