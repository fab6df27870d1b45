import * as fc from 'fast-check';
import { compare } from '../../../src/engine/compare.js';
import type { Observed } from '../../../src/engine/comparison.js';
import { withDeclaredTagKeys, withTagKeysOf } from '../../../src/engine/tag-keys.js';

function entityWith(tags: Record<string, string>): Observed {
  return { name: 'r', arn: 'arn:aws:iam::111111111111:role/r', createdAt: null, tags, state: {} };
}

const tagsOf = (tags: Record<string, string>, declared: readonly string[]) =>
  withDeclaredTagKeys(entityWith(tags), declared).tags;

test('a tag has the spelling of the manifest; tags that it does not declare keep their own', () => {
  expect(tagsOf({ CostCentre: '42', Team: 'a' }, ['costcentre'])).toEqual({ costcentre: '42', Team: 'a' });
});

test.each([
  ['the spelling of the manifest where its kind ignores case', true, { team: 'a' }],
  ['its own spelling where its kind tells cases apart', undefined, { Team: 'a' }],
])('a tag has %s', (_, ignoresTagKeyCase, tags) => {
  const kind = ignoresTagKeyCase === undefined ? {} : { ignoresTagKeyCase };
  expect(withTagKeysOf(entityWith({ Team: 'a' }), { tags: { team: 'a' } }, kind).tags).toEqual(tags);
  expect(withTagKeysOf(entityWith({ Team: 'a' }), {}, kind).tags).toEqual({ Team: 'a' });
});

test('an ownership tag in another case, as a hand may have set it, is read as ours', () => {
  expect(tagsOf({ 'IAM-Bootstrap:Namespace': 'ci' }, [])).toEqual({ 'iam-bootstrap:namespace': 'ci' });
});

test('a tag may have the name of something that objects inherit', () => {
  expect(Object.entries(tagsOf(Object.fromEntries([['__PROTO__', '1']]), ['constructor', '__proto__']))).toEqual([
    ['__proto__', '1'],
  ]);
});

test('whatever the spellings: equal values are no drift, and no tag is both set and removed', () => {
  const key = fc.constantFrom('Team', 'team', 'TEAM', 'Owner', 'owner', 'x', 'ÄRA', 'ära');
  const tags = fc
    .uniqueArray(fc.tuple(key, fc.constantFrom('1', '2')), { selector: ([name]) => name.toLowerCase() })
    .map((entries) => Object.fromEntries(entries));
  const folded = (all: Record<string, string>): Map<string, string> =>
    new Map(Object.entries(all).map(([name, value]) => [name.toLowerCase(), value]));
  fc.assert(
    fc.property(tags, tags, (declared, observed) => {
      const { changes } = compare(
        { tags: declared },
        withDeclaredTagKeys(entityWith(observed), Object.keys(declared)),
        {
          rules: {},
          partition: 'aws',
          removesUnmanaged: () => true,
          shared: false,
        },
      );
      const { put = [], remove = [] } = changes['tags'] ?? {};
      // IAM applies both to tags whose keys have no case.
      const result = folded(observed);
      for (const name of remove) result.delete(name.toLowerCase());
      for (const name of put) result.set(name.toLowerCase(), declared[name] ?? '');
      expect([...result].sort()).toEqual([...folded(declared)].sort());
      expect(put.filter((name) => remove.some((other) => other.toLowerCase() === name.toLowerCase()))).toEqual([]);
      if (JSON.stringify([...folded(observed)].sort()) === JSON.stringify([...folded(declared)].sort())) {
        expect(changes).toEqual({});
      }
    }),
  );
});
