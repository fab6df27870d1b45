import type { AssessedEntity } from '../../../../src/activities/plan/assessed-entity.js';
import { trustRefusal } from '../../../../src/activities/plan/removal-refusals.js';
import { desired } from '../../../support/desired.js';

test.each([
  ['that is declared', {}, 'set deleteTrusted: true on SAMLProvider/idp or give --delete-trusted SAMLProvider/idp'],
  ['that left the manifest', { orphan: {} }, 'declare SAMLProvider/idp with state: absent and deleteTrusted: true'],
])('the deletion of an identity provider %s is refused with a way that works for it', (_where, more, way) => {
  const entity = desired('SAMLProvider', 'idp', {}, { state: 'destroyed', ...more });
  const refusal = trustRefusal({ entity, planned: entity } as unknown as AssessedEntity, 'Role/ci');
  expect(refusal.remedy).toBe(`change the trust first, or ${way} to delete it anyway`);
});
