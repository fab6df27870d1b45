import fc from 'fast-check';
import { parseText } from '../../../../src/engine/manifest/source.js';
import type { Parsed } from '../../../../src/engine/manifest/source.js';
import { Limit, toJson } from '../../../../src/engine/manifest/tree.js';
import type { Tree } from '../../../../src/engine/manifest/tree.js';

/** What YAML takes for a comment, and JSON does not know: behind it the YAML parser reads. */
const COMMENT = '#\n';

function byYaml(text: string): Parsed {
  return parseText('file.yaml', `${COMMENT}${text}`);
}

/** A tree as plain data, with its places as if nothing stood before it. */
function plainly(tree: Tree | null, before = 0): unknown {
  if (tree === null) return null;
  const { type, at, size, depth } = tree;
  const common = { type, offset: at.offset - before, size, depth };
  if (tree.type === 'scalar') return { ...common, value: tree.value, raw: tree.raw };
  if (tree.type === 'list') return { ...common, items: tree.items.map((item) => plainly(item, before)) };
  const entries = [...tree.entries].map(([key, { at: place, value }]) => [
    key,
    place.offset - before,
    plainly(value, before),
  ]);
  return { ...common, entries };
}

describe('JSON', () => {
  it('is read as the YAML parser reads it, with the same places', () => {
    const values = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' }));
    fc.assert(
      fc.property(values, fc.constantFrom(0, 2, '\t'), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const read = parseText('file.json', text);
        const expected = byYaml(text);
        fc.pre(expected.tree !== null);
        expect(plainly(read.tree)).toEqual(plainly(expected.tree, COMMENT.length));
        expect(read.problems).toEqual([]);
      }),
    );
  });

  it.each([
    ['a key that stands twice', '{"a": 1, "a": 2}', /"a" appears twice in one map, first on line 1/],
    ['a key that JavaScript keeps for itself', '{"__proto__": {}}', /the key __proto__ is not allowed/],
    ['a number that JSON cannot hold', '{"a": 1e999}', /1e999 is not a number/],
    ['a bracket that is not closed', '{"a": [1, 2}', /./],
    [
      'values in values',
      `{"a": ${'['.repeat(Limit.Depth)}${']'.repeat(Limit.Depth)}}`,
      /nested more than 100 levels deep/,
    ],
    ['values in values without end', `{"a":${'[{"a":'.repeat(100_000)}`, /nested more than 100 levels deep/],
  ])('has a problem with its place for %s', (_, text, message) => {
    const { tree, problems } = parseText('file.json', text);
    expect(tree).toBeNull();
    expect(problems[0]).toMatchObject({
      file: 'file.json',
      line: 1,
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ['{"a": ["x", /* from 2027 */ "y"]}', ['x', 'y']],
    ['// why\n{"a": ["x", // first\n "y"]} // end', ['x', 'y']],
    ['{"a": ["x" /* one */, "y",], }', ['x', 'y']],
    ['{"a": ["/* text */", "// text"]}', ['/* text */', '// text']],
  ])('may have comments and trailing commas, which are no part of a value: %s', (text, a) => {
    const { tree, problems } = parseText('file.json', text);
    expect(problems).toEqual([]);
    expect(tree === null ? null : toJson(tree)).toEqual({ a });
  });

  it.each([
    ['{\n  "a": "x"\n  "b": 1\n}', 3, 3, /not JSON: "\\"b\\": 1".*; write a comma before it/],
    ['{\n  a: 1 }', 2, 3, /not JSON.*; put text in double quotes/],
    ["{\n  'a': 1 }", 2, 3, /not JSON.*; put text in double quotes/],
    ['{\n  "a": 1 # why\n}', 2, 10, /not JSON: "# why".*; begin a comment with \/\//],
    ['{\n  "a": 012345678901 }', 2, 9, /012345678901 is not a number of JSON; quote it: "012345678901"/],
    ['{\n  "a": .5 }', 2, 8, /\.5 is not a number of JSON; quote it/],
    ['{\n  "a": [1, 2}', 2, 13, /not JSON/],
    ['{\n  "a": {{b}} }', 2, 9, /not JSON.*; put text with a template in quotes/],
    ['{ "a": 1 }\nkey: value', 2, 1, /not JSON/],
    ['key: value\n', 1, 1, /not JSON/],
    ['{ "a": 1', 1, 9, /ends too early; close what is open/],
    [' \n', 2, 1, /the file is empty/],
  ])('is not read as YAML where it is broken: %j', (text, line, column, problem) => {
    const { tree, problems } = parseText('policies/x.JSON', text);
    expect(tree).toBeNull();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line, column });
    expect(`${problems[0]?.message ?? ''}; ${problems[0]?.remedy ?? ''}`).toMatch(problem);
  });

  it.each(['{"a": ["x", /* from 2027 */ "y"]}', '{"a": 1 // one\n}', 'a: /* why */ x\n'])(
    'has comments that YAML does not know, and that do not become text there: %j',
    (text) => {
      const { problems } = parseText('m.yaml', text);
      expect(problems[0]?.message).toMatch(/a comment of JSON begins here, which YAML takes for text/);
    },
  );
});
