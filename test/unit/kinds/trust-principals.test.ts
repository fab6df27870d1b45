import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/contract/entity.js';
import { compareGrants } from '../../../src/engine/policy/index.js';
import { role } from '../../../src/kinds/role.js';
import { TRUST_NOBODY, trustAtCreate } from '../../../src/kinds/shared/trust-principals.js';

const ITSELF = 'arn:aws:iam::111111111111:role/ci/deploy';
const SESSION = 'arn:aws:sts::111111111111:assumed-role/deploy/session';
const OTHER = 'arn:aws:iam::222222222222:root';

function allow(principal: Json, more: JsonObject = {}): JsonObject {
  return { Effect: 'Allow', Principal: principal, Action: 'sts:AssumeRole', ...more };
}

function trust(...statements: readonly Json[]): JsonObject {
  return { Version: '2012-10-17', Statement: statements };
}

describe('the trust policy that a role is created with', () => {
  test.each<[says: string, whole: JsonObject, atCreate: JsonObject]>([
    ['is the whole where the role does not trust itself', trust(allow('*')), trust(allow('*'))],
    [
      'is the whole where only a name resembles the own one',
      trust(allow({ AWS: [`${ITSELF}2`, ITSELF.replace('1:', '2:')] })),
      trust(allow({ AWS: [`${ITSELF}2`, ITSELF.replace('1:', '2:')] })),
    ],
    ['lacks the role itself', trust(allow({ AWS: [OTHER, ITSELF] })), trust(allow({ AWS: [OTHER] }))],
    ['lacks its sessions', trust(allow({ AWS: [SESSION, OTHER] })), trust(allow({ AWS: [OTHER] }))],
    [
      'lacks a statement for the role alone, and keeps other types of principals',
      trust(allow({ AWS: ITSELF }), allow({ AWS: ITSELF, Service: 'ec2.amazonaws.com' })),
      trust(allow({ Service: 'ec2.amazonaws.com' })),
    ],
    ['is one without a list', { Statement: allow({ AWS: [ITSELF, OTHER] }) }, { Statement: [allow({ AWS: [OTHER] })] }],
    ['lets nobody in where the role trusts itself alone', trust(allow({ AWS: ITSELF })), TRUST_NOBODY],
    [
      'lets nobody in where nobody but denials are left',
      trust(allow({ AWS: ITSELF }), allow({ AWS: OTHER }, { Effect: 'Deny' })),
      TRUST_NOBODY,
    ],
    [
      'lets nobody in where the role is denied',
      trust(allow('*'), allow({ AWS: ITSELF }, { Effect: 'Deny' })),
      TRUST_NOBODY,
    ],
    [
      'lets nobody in where all but the role are allowed',
      trust({ Effect: 'Allow', NotPrincipal: { AWS: [ITSELF, OTHER] }, Action: 'sts:AssumeRole' }),
      TRUST_NOBODY,
    ],
    ['is the whole where that is malformed', { Statement: 'x' }, { Statement: 'x' }],
  ])('%s', (_says, whole, atCreate) => {
    expect(trustAtCreate(whole, ITSELF)).toEqual(atCreate);
  });

  test('never permits what the whole does not permit', () => {
    const principals = fc.subarray([ITSELF, SESSION, OTHER, '333333333333'], { minLength: 1 });
    const statement = fc
      .record({
        effect: fc.constantFrom('Allow', 'Deny'),
        field: fc.constantFrom('Principal', 'NotPrincipal'),
        AWS: principals,
        service: fc.boolean(),
      })
      .map(({ effect, field, AWS, service }) => ({
        Effect: effect,
        [field]: { AWS, ...(service ? { Service: 'ec2.amazonaws.com' } : {}) },
        Action: 'sts:AssumeRole',
      }));
    fc.assert(
      fc.property(fc.array(statement, { minLength: 1, maxLength: 3 }), (statements) => {
        const atCreate = trustAtCreate(trust(...statements), ITSELF);
        expect(JSON.stringify(atCreate)).not.toMatch(/role\/ci\/deploy"|assumed-role\/deploy\//);
        if (JSON.stringify(atCreate) === JSON.stringify(TRUST_NOBODY)) return;
        expect(compareGrants(trust(...statements), atCreate, { partition: 'aws' })).toBe('narrower');
      }),
    );
  });
});

test('a Create of a role that trusts itself tells what is left to write: the whole trust, in one write', () => {
  const target = { account: '111111111111', partition: 'aws' };
  const denied = allow({ AWS: ITSELF }, { Effect: 'Deny' });
  for (const document of [trust(allow({ AWS: [OTHER, ITSELF] })), trust(allow('*'), denied)]) {
    const spec = { roleName: 'deploy', path: '/ci/', assumeRolePolicyDocument: document };
    const desired = { name: 'deploy', spec, tags: {}, target };
    const { input } = role.create(desired);
    const observed = role.observedAfterCreate(desired, undefined);
    const shown = observed.state['assumeRolePolicyDocument'];
    expect(JSON.parse(String(input['AssumeRolePolicyDocument']))).toEqual(shown);
    expect(JSON.stringify(shown)).not.toContain(ITSELF);
    const [write, ...others] = role.update(desired, observed, {
      assumeRolePolicyDocument: { desired: document, put: [], remove: [] },
    });
    expect(others).toEqual([]);
    expect(write).toMatchObject({ operation: 'UpdateAssumeRolePolicy', effect: 'trusts' });
    expect(write?.narrowing).toBeUndefined();
    expect(JSON.parse(String(write?.input['PolicyDocument']))).toEqual(document);
  }
});
