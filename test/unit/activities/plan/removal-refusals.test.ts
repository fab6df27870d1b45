import type { AssessedEntity } from '../../../../src/activities/plan/assessed-entity.js';
import { refusalOf, trustRefusal } from '../../../../src/activities/plan/removal-refusals.js';
import type { Dependent } from '../../../../src/kinds/kind.js';
import { desired } from '../../../support/desired.js';

test.each([
  ['that is declared', {}, 'set deleteTrusted: true on SAMLProvider/idp or give --delete-trusted SAMLProvider/idp'],
  ['that left the manifest', { orphan: {} }, 'declare SAMLProvider/idp with state: absent and deleteTrusted: true'],
])('the deletion of an identity provider %s is refused with a way that works for it', (_where, more, way) => {
  const entity = desired('SAMLProvider', 'idp', {}, { state: 'destroyed', ...more });
  const refusal = trustRefusal({ entity, planned: entity } as unknown as AssessedEntity, 'Role/ci');
  expect(refusal.remedy).toBe(`change the trust first, or ${way} to delete it anyway`);
});

describe('the removal of a policy that is still attached', () => {
  const ADOPTED = { ownable: true, action: 'release', more: {}, tags: {} };
  const remedyOf = (...kept: readonly Partial<typeof ADOPTED>[]): string | null => {
    const assessed = kept.map((one, index) => {
      const { ownable, action, more, tags } = { ...ADOPTED, ...one };
      const entity = desired('Role', String.fromCharCode(97 + index), {}, { state: 'destroyed', ...more });
      return { entity, kind: { ownable }, observed: { tags }, planned: { decision: { action } } };
    }) as unknown as readonly AssessedEntity[];
    const policy = desired('Policy', 'p', {}, { state: 'destroyed' });
    const removed = { planned: { ...policy, decision: { action: 'delete' } } } as unknown as AssessedEntity;
    const keeping = assessed.map(({ entity }) => entity as unknown as Dependent);
    return refusalOf(removed, keeping, assessed).remedy;
  };

  test.each([
    ['an adopted role', {}, ', or pass --include-adopted'],
    ['a kind without tags', { ownable: false, action: 'no-op' }, ', or pass --include-adopted'],
    ['a refused role', { action: 'refuse' }, ', or resolve the refusal of Role/a'],
    ['a role that AWS cannot delete', { action: 'no-op' }, ''],
    ['an adopted role, with the option', { more: { includeAdopted: true } }, ''],
    ['a protected adopted role', { tags: { 'iam-bootstrap:protected': 'true' } }, ''],
  ])('to %s names only what helps', (_, kept, way) => {
    expect(remedyOf(kept)).toBe(`detach Policy/p from Role/a first${way}`);
  });

  test('names the refusal, and not the option, where one of two roles is refused', () => {
    expect(remedyOf({}, { action: 'refuse' })).toBe(
      'detach Policy/p from Role/a, Role/b first, or resolve the refusal of Role/b',
    );
  });
});
