import fc from 'fast-check';
import type { JsonObject } from '../../../src/contract/entity.js';
import { compare, unmanagedContent } from '../../../src/engine/compare.js';
import {
  commonGrants,
  compareDenials,
  compareGrants,
  documentDrift,
  validateDocument,
} from '../../../src/engine/policy/index.js';
import { role } from '../../../src/kinds/role.js';
import { manifestOptions, resolveText } from '../../support/manifests.js';
import { validateManifests } from '../../../src/engine/manifest/validate.js';

/** Names that every object inherits. A record that is indexed by a user's or AWS's text must not find them. */
const INHERITED = Object.getOwnPropertyNames(Object.prototype);
const name = fc.constantFrom(...INHERITED, 'ordinary');
const names = fc.uniqueArray(name, { maxLength: 4 });

const context = { partition: 'aws' };
const ROLE = { name: 'r', arn: 'arn:aws:iam::111111111111:role/r', createdAt: null };

/** A document in which names stand wherever a document has keys. */
function documentOf(keys: readonly string[], value = 'v'): JsonObject {
  const block = Object.fromEntries(keys.map((key) => [key, value]));
  const Condition = { StringEquals: block, ...Object.fromEntries(keys.map((key) => [key, block])) };
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 's3:*', Resource: '*', Condition },
      { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: '*', ...block } },
    ],
  };
}

describe('names that every object inherits', () => {
  it('are tags and inline policies like any other, declared and observed', () => {
    fc.assert(
      fc.property(names, names, fc.boolean(), (declared, existing, removes) => {
        const state = { inlinePolicies: Object.fromEntries(existing.map((key) => [key, documentOf(['a'])])) };
        const tags = Object.fromEntries(existing.map((key) => [key, 'v']));
        const spec = {
          inlinePolicies: Object.fromEntries(declared.map((key) => [key, documentOf(['a'])])),
          tags: Object.fromEntries(declared.map((key) => [key, 'v'])),
        };
        const observed = { ...ROLE, tags, state };
        const { changes } = compare(spec, observed, {
          rules: role.properties,
          partition: 'aws',
          removesUnmanaged: () => removes,
          shared: false,
        });
        const missing = declared.filter((key) => !existing.includes(key));
        const extra = removes ? existing.filter((key) => !declared.includes(key)) : [];
        for (const property of ['inlinePolicies', 'tags']) {
          expect([changes[property]?.put ?? [], changes[property]?.remove ?? []]).toEqual([missing, extra]);
        }
        expect(unmanagedContent(role.properties, {}, observed).length).toBe(2 * existing.length);
        const target = { account: '111111111111', partition: 'aws' };
        const writes = role.update({ name: 'r', spec, tags: spec.tags, target }, observed, changes);
        const documents = writes.flatMap(({ input }) => input['PolicyDocument'] ?? []);
        expect(documents).toEqual(missing.map(() => JSON.stringify(documentOf(['a']))));
      }),
    );
  });

  it('are keys, operators and principals of documents like any other', () => {
    fc.assert(
      fc.property(names, names, (one, other) => {
        const [a, b] = [documentOf(one), documentOf(other)];
        const isSame = [...one].sort().join() === [...other].sort().join();
        expect(documentDrift(a, b, context).length === 0).toBe(isSame);
        expect(documentDrift(a, documentOf(one), context)).toEqual([]);
        expect(['narrower', 'wider', 'mixed']).toContain(compareGrants(a, b, context));
        expect(compareGrants(a, documentOf(one), context)).toBe('narrower');
        expect(compareDenials(a, b, context)).toBe('same');
        const common = commonGrants(a, b, context);
        if (common !== null) expect(compareGrants(a, common, context)).toBe('narrower');
        expect(Array.isArray(validateDocument(a, 'identity'))).toBe(true);
      }),
    );
  });

  it('are names of entities, policies, variables, environments and tags in a manifest', () => {
    const allowed = name.filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(allowed, (text) => {
        const document = '{ Version: "2012-10-17", Statement: { Effect: Allow, Action: "s3:*", Resource: "*" } }';
        const manifest = `version: 1
namespace: ci
environments: { "${text.replace(/^_+/, 'x')}": { account: "111111111111" } }
variables: { "${text}": value }
defaults: { tags: { "${text}": "{{${text}}}" } }
entities:
  - { kind: User, userName: "${text}", tags: { "${text}": own }, inlinePolicies: { "${text}": ${document} } }
  - { kind: Policy, policyName: "${text}", policyDocument: ${document} }
  - { kind: Group, groupName: "${text}", managedPolicyArns: ["{{arn Policy/${text}}}"] }
`;
        const result = resolveText(manifest, { variables: { [text]: 'other' } });
        expect(result.ok ? [] : result.problems).toEqual([]);
        const entities = result.ok ? result.request.entities : [];
        expect(entities.map((entity) => entity.name)).toEqual([text, text, text]);
        expect(entities[0]?.spec['tags']).toEqual({ [text]: 'own' });
        expect(entities[1]?.spec['tags']).toEqual({ [text]: 'other' });
        expect(entities[2]?.dependsOn).toEqual([`Policy/${text}`]);
        expect(validateManifests([{ file: 'm.yaml', text: manifest }], manifestOptions).problems).toEqual([]);
      }),
    );
  });

  it('are unknown fields, kinds and operators in a manifest', () => {
    for (const text of INHERITED.filter((one) => one !== '__proto__')) {
      const result = resolveText(`version: 1
namespace: ci
environments: { dev: { account: "111111111111", "${text}": 1 } }
defaults: { "${text}": 1 }
"${text}": 1
entities: [{ kind: User, userName: u, "${text}": 1, unmanaged: { "${text}": remove } }, { kind: "${text}" }]
`);
      expect(result.ok ? [] : result.problems).toHaveLength(6);
    }
  });
});
