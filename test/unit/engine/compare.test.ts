import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/contract/entity.js';
import { compare, unmanagedContent } from '../../../src/engine/compare.js';
import type { Comparison, Observed, PropertyRules } from '../../../src/engine/comparison.js';
import { equalJson } from '../../../src/engine/json.js';

const RULES: PropertyRules = {
  path: { type: 'value', default: '/', immutable: true },
  description: { type: 'value', default: '' },
  duration: { type: 'value', default: 3600 },
  boundary: { type: 'value', default: null },
  trust: { type: 'document' },
  inline: { type: 'documents' },
  attached: { type: 'set' },
  members: { type: 'set', ignoreCase: true },
  thumbprints: { type: 'set', authoritative: true, ignoreCase: true },
  roles: { type: 'set', ignoreCase: true, limit: 1 },
};

const ALLOW = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }] };
const ALLOW_REWRITTEN = {
  Statement: { Resource: ['*'], Action: ['S3:getobject'], Effect: 'Allow', Sid: '' },
  Version: '2012-10-17',
};
const DENY = { Version: '2012-10-17', Statement: [{ Effect: 'Deny', Action: 's3:GetObject', Resource: '*' }] };

function observed(state: JsonObject, tags: Record<string, string> = {}): Observed {
  return { name: 'x', arn: 'arn:aws:iam::123456789012:thing/x', createdAt: null, tags, state };
}

function compared(
  spec: JsonObject,
  state: JsonObject,
  options: { removeUnmanaged?: boolean; shared?: boolean; tags?: Record<string, string> } = {},
): Comparison {
  const { removeUnmanaged = false, shared = false, tags = {} } = options;
  return compare(spec, observed(state, tags), {
    rules: RULES,
    partition: 'aws',
    removesUnmanaged: () => removeUnmanaged,
    shared,
  });
}

describe('what is the same', () => {
  test.each<[string, JsonObject, JsonObject]>([
    ['an equal value', { description: 'a' }, { description: 'a' }],
    ['the default, declared and not shown', { description: '', duration: 3600 }, {}],
    ['null, which asks for the default', { duration: null, path: null }, { duration: 3600, path: '/' }],
    ['null, where nothing is set', { boundary: null }, { boundary: null }],
    ['a document with the same meaning', { trust: ALLOW }, { trust: ALLOW_REWRITTEN }],
    ['documents by name with the same meaning', { inline: { a: ALLOW } }, { inline: { a: ALLOW_REWRITTEN } }],
    ['a set in another order', { attached: ['a', 'b'] }, { attached: ['b', 'a'] }],
    ['a set that names a member twice', { attached: ['a', 'a'] }, { attached: ['a'] }],
    ['members in another case, where case does not count', { members: ['Ann'] }, { members: ['ann'] }],
    ['a limited set that is full of what is declared', { roles: ['Ann'] }, { roles: ['ann'] }],
    ['empty sets and documents', { attached: [], inline: {}, roles: [] }, {}],
  ])('%s', (_what, spec, state) => {
    expect(compared(spec, state)).toEqual({ drift: [], unmanaged: [], changes: {} });
  });
});

describe('what is cosmetic', () => {
  const named = (...sids: (string | undefined)[]): JsonObject => ({
    ...ALLOW,
    Statement: sids.map((Sid) => ({ ...ALLOW.Statement[0], ...(Sid !== undefined && { Sid }) })),
  });

  test.each<[string, JsonObject, JsonObject, string]>([
    ['another Sid', named('New'), named('Old'), 'Sid "Old" -> "New"'],
    ['a new Sid', named('New'), named(undefined), 'Sid none -> "New"'],
    ['a Sid that the manifest does not have', named(''), named('Old'), 'Sid "Old" -> none'],
    ['the Sids of a repeated statement', named('A', 'B'), named('B'), 'Sid "B" -> "A", "B"'],
    ['another Id', { ...ALLOW, Id: 'new' }, { ...ALLOW, Id: 'old' }, 'Id "old" -> "new"'],
  ])('%s: it is named, and it is no reason to write', (_what, wanted, found, line) => {
    expect(compared({ trust: wanted, inline: { a: wanted } }, { trust: found, inline: { a: found } })).toEqual({
      drift: [],
      unmanaged: [],
      cosmetic: [`trust: ${line}`, `inline.a: ${line}`],
      changes: {},
    });
  });

  test('is not named beside a change of the same document, which writes all of it', () => {
    const result = compared({ trust: { ...DENY, Id: 'new' } }, { trust: { ...ALLOW, Id: 'old' } });
    expect(result.cosmetic).toBeUndefined();
    expect(result.changes['trust']).toBeDefined();
  });

  test('neither the order of statements nor the way in which they are written', () => {
    const [one, two] = [
      { ...ALLOW.Statement[0], Sid: 'One' },
      { ...DENY.Statement[0], Sid: 'Two' },
    ];
    const wanted = { ...ALLOW, Statement: [one, two] };
    const found = { ...ALLOW, Statement: [two, { ...one, Action: ['S3:getobject'] }] };
    expect(compared({ trust: wanted }, { trust: found })).toEqual({ drift: [], unmanaged: [], changes: {} });
  });

  test('no other version of the language, which changes the meaning', () => {
    const result = compared({ trust: ALLOW }, { trust: { ...ALLOW, Version: '2008-10-17' } });
    expect(result.drift).toMatchObject([{ path: 'trust.Version', observed: '2008-10-17', desired: '2012-10-17' }]);
  });
});

describe('what drifts', () => {
  test('a value, with both sides', () => {
    expect(compared({ duration: 7200 }, { duration: 3600 })).toEqual({
      drift: [{ path: 'duration', observed: 3600, desired: 7200 }],
      unmanaged: [],
      changes: { duration: { desired: 7200, put: [], remove: [] } },
    });
  });

  test('a value that is to go back to its default', () => {
    expect(compared({ boundary: null }, { boundary: 'arn:x' }).drift).toEqual([
      { path: 'boundary', observed: 'arn:x', desired: null },
    ]);
  });

  test('a value that cannot be changed says so', () => {
    expect(compared({ path: '/ci/' }, { path: '/' }).drift).toEqual([
      { path: 'path', observed: '/', desired: '/ci/', immutable: true },
    ]);
  });

  test('a document, at the place where it differs', () => {
    const { drift, changes } = compared({ trust: ALLOW }, { trust: DENY });
    expect(drift.map(({ path }) => path)).toEqual(expect.arrayContaining([expect.stringMatching(/^trust\.Statement/)]));
    expect(Object.keys(changes)).toEqual(['trust']);
  });

  test('a document that is not there', () => {
    expect(compared({ trust: ALLOW }, {}).drift).toEqual([expect.objectContaining({ path: 'trust', observed: null })]);
  });

  test('only those of several documents that differ', () => {
    const { drift, changes } = compared(
      { inline: { same: ALLOW, other: ALLOW, missing: ALLOW } },
      { inline: { same: ALLOW_REWRITTEN, other: DENY } },
    );
    expect(changes['inline']).toEqual({ desired: expect.anything() as unknown, put: ['other', 'missing'], remove: [] });
    expect(drift.filter(({ path }) => path.startsWith('inline.same'))).toEqual([]);
  });

  test('case, where case counts', () => {
    expect(compared({ attached: ['A'] }, { attached: ['a'] }).changes['attached']?.put).toEqual(['A']);
  });

  test('tags, by key', () => {
    const { drift, changes } = compared({ tags: { team: 'b', new: '1' } }, {}, { tags: { team: 'a', kept: 'x' } });
    expect(drift).toEqual([
      { path: 'tags.team', observed: 'a', desired: 'b' },
      { path: 'tags.new', observed: null, desired: '1' },
    ]);
    expect(changes['tags']).toMatchObject({ put: ['team', 'new'], remove: [] });
  });

  test('a long value is cut, so that a report stays small', () => {
    const [drift] = compared({ description: 'x'.repeat(5000) }, {}).drift;
    expect(JSON.stringify(drift).length).toBeLessThan(500);
  });
});

describe('what is not declared', () => {
  const state = { attached: ['a', 'b'], inline: { a: ALLOW, b: ALLOW } };
  const spec = { attached: ['a'], inline: { a: ALLOW }, tags: {} };
  const tags = { team: 'a', 'aws:cloudformation:stack-name': 's', 'iam-bootstrap:namespace': 'n' };

  test('is reported and kept', () => {
    expect(compared(spec, state, { tags })).toEqual({
      drift: [],
      unmanaged: ['inline: b', 'attached: b', 'tags: team'],
      changes: {},
    });
  });

  test('is removed where that is asked for; marks and tags of AWS never are', () => {
    const { changes, drift } = compared(spec, state, { tags, removeUnmanaged: true });
    expect(changes).toMatchObject({
      inline: { put: [], remove: ['b'] },
      attached: { put: [], remove: ['b'] },
      tags: { put: [], remove: ['team'] },
    });
    expect(drift.map(({ path }) => path).sort()).toEqual(['attached', 'inline.b', 'tags.team']);
  });

  test('of a shared entity is what others declare: not reported and never removed', () => {
    const shared = { attached: ['a'], tags: { team: 'a' } };
    const theirs = { team: 'a', theirs: 'b' };
    const { drift, unmanaged } = compared(shared, state, { shared: true, removeUnmanaged: true, tags: theirs });
    expect({ drift, unmanaged }).toEqual({ drift: [], unmanaged: [] });
  });
});

describe('a trust policy that names who was deleted', () => {
  const trusting = (...AWS: string[]): JsonObject => ({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS }, Action: 'sts:AssumeRole' }],
  });
  const arn = 'arn:aws:iam::123456789012:role/r';
  const [gone, meant] = ['AROA1234567890ABCDEFG', 'AIDA1234567890ABCDEFG'];

  test('tells the unique ID as what it is', () => {
    const { drift, changes } = compared({ trust: trusting(arn) }, { trust: trusting(gone) });
    expect(drift).toContainEqual({
      path: 'trust.Principal',
      observed: gone,
      desired: null,
      summary: `${gone} is the unique ID of a deleted role or user; the document does not trust a new one of the same name`,
    });
    expect(Object.keys(changes)).toEqual(['trust']);
  });

  test('does not tell of one that the manifest names itself', () => {
    expect(compared({ trust: trusting(meant) }, { trust: trusting(meant) }).drift).toEqual([]);
    const { drift } = compared({ trust: trusting(meant, arn) }, { trust: trusting(meant, gone) });
    expect(drift.filter(({ path }) => path === 'trust.Principal').map(({ observed: seen }) => seen)).toEqual([gone]);
  });
});

describe('everything that is there beyond what is declared', () => {
  const lines = (spec: JsonObject, state: JsonObject, tags: Record<string, string> = {}): string[] =>
    unmanagedContent(RULES, spec, observed(state, tags)).map(({ line }) => line);

  test('is what a deletion would lose: members, documents, tags, and what is set of properties that nobody declares', () => {
    const state = {
      path: '/x/',
      description: 'by hand',
      duration: 7200,
      boundary: 'arn:x',
      trust: ALLOW,
      inline: { own: ALLOW, extra: ALLOW },
      attached: ['a', 'b'],
      members: ['Ann', 'Ben'],
    };
    expect(
      lines({ inline: { own: DENY }, attached: ['a'], members: ['ann'], tags: { team: 'x' } }, state, {
        team: 'y',
        extra: '1',
      }),
    ).toEqual([
      'path: "/x/"',
      'description: "by hand"',
      'duration: 7200',
      'boundary: "arn:x"',
      'trust: (what is there)',
      'inline: extra',
      'attached: b',
      'members: Ben',
      'tags: extra',
    ]);
  });

  test('is nothing where all is declared, or as AWS has it by itself, our marks and tags of AWS aside', () => {
    const state = { path: '/', description: '', duration: 3600, boundary: null, inline: {}, attached: [], roles: [] };
    expect(lines({}, state, { 'aws:cloudformation:stack-name': 's', 'iam-bootstrap:namespace': 'n' })).toEqual([]);
    expect(
      lines({ path: '/y/', description: 'b', trust: ALLOW }, { path: '/x/', description: 'a', trust: DENY }),
    ).toEqual([]);
  });

  test('is what stays of a comparison, too: nothing is both removed and told as unmanaged', () => {
    fc.assert(
      fc.property(state, state, tagging, fc.boolean(), (spec, seen, tags, removeUnmanaged) => {
        const { unmanaged, changes } = compared({ ...spec, tags: {} }, seen, { removeUnmanaged, tags });
        const removed = Object.entries(changes).flatMap(([property, { remove }]) =>
          remove.map((one) => `${property}: ${one}`),
        );
        const beyond = new Set(lines({ ...spec, tags: {} }, seen, tags));
        for (const line of [...unmanaged, ...removed]) expect(beyond).toContain(line);
        expect(unmanaged.filter((line) => removed.includes(line))).toEqual([]);
      }),
    );
  });
});

describe('a set that AWS replaces whole', () => {
  test('loses what is not declared, with or without unmanaged: remove', () => {
    const { changes, unmanaged } = compared({ thumbprints: ['AA', 'cc'] }, { thumbprints: ['aa', 'bb'] });
    expect(unmanaged).toEqual([]);
    expect(changes['thumbprints']).toEqual({ desired: ['AA', 'cc'], put: ['cc'], remove: ['bb'] });
  });

  test('is merged where the entity is shared, so that two namespaces do not undo each other', () => {
    const { changes } = compared({ thumbprints: ['cc'] }, { thumbprints: ['aa'] }, { shared: true });
    expect(changes['thumbprints']).toEqual({ desired: ['cc'], put: ['cc'], remove: [] });
    expect(compared({ thumbprints: ['cc'] }, { thumbprints: ['aa', 'cc'] }, { shared: true }).drift).toEqual([]);
  });
});

describe('a set with a limit', () => {
  test('takes a member while there is room', () => {
    expect(compared({ roles: ['mine'] }, { roles: [] })).toEqual({
      drift: [{ path: 'roles', observed: null, desired: 'mine', summary: '+ mine' }],
      unmanaged: [],
      changes: { roles: { desired: ['mine'], put: ['mine'], remove: [] } },
    });
  });

  test('cannot take one beside what is not declared: both sides are shown, nothing would be written', () => {
    const { drift, unmanaged, changes } = compared({ roles: ['mine'] }, { roles: ['theirs'] });
    expect(drift).toEqual([
      {
        path: 'roles',
        observed: ['theirs'],
        desired: ['mine'],
        immutable: true,
        summary: 'no room for mine beside theirs, which the manifest does not declare: AWS allows 1',
      },
    ]);
    expect(unmanaged).toEqual(['roles: theirs']);
    expect(changes['roles']).toMatchObject({ put: [], remove: [] });
  });

  test('changes its member where what is unmanaged goes', () => {
    const { drift, changes } = compared({ roles: ['mine'] }, { roles: ['theirs'] }, { removeUnmanaged: true });
    expect(changes['roles']).toMatchObject({ put: ['mine'], remove: ['theirs'] });
    expect(drift.some(({ immutable }) => immutable === true)).toBe(false);
  });

  test('declared as empty, keeps and reports what is there', () => {
    expect(compared({ roles: [] }, { roles: ['theirs'] })).toEqual({
      drift: [],
      unmanaged: ['roles: theirs'],
      changes: {},
    });
  });
});

const document = fc.constantFrom<Json>(ALLOW, ALLOW_REWRITTEN, DENY);
const names = fc.uniqueArray(fc.constantFrom('a', 'A', 'b', 'c', 'd'), { maxLength: 4 });
const state: fc.Arbitrary<JsonObject> = fc.record(
  {
    path: fc.constantFrom('/', '/ci/'),
    description: fc.string({ maxLength: 5 }),
    duration: fc.constantFrom(3600, 7200),
    boundary: fc.option(fc.constantFrom('arn:x', 'arn:y')),
    trust: document,
    inline: fc.dictionary(fc.constantFrom('a', 'b', 'c'), document),
    attached: names,
    members: names,
    thumbprints: names,
    roles: fc.uniqueArray(fc.constantFrom('a', 'A', 'b'), { maxLength: 1 }),
  },
  { requiredKeys: [] },
);
const tagging = fc.dictionary(
  fc.constantFrom('team', 'stage', 'iam-bootstrap:intent', 'aws:x'),
  fc.constantFrom('1', '2'),
);

describe('for any spec and any observed state', () => {
  test('a property that is not set never drifts, is never unmanaged and never changes', () => {
    fc.assert(
      fc.property(state, state, tagging, fc.boolean(), fc.boolean(), (spec, seen, tags, removeUnmanaged, shared) => {
        const { drift, unmanaged, changes } = compared(spec, seen, { removeUnmanaged, shared, tags });
        const touched = [
          ...drift.map(({ path }) => path.split('.')[0]),
          ...unmanaged.map((line) => line.split(':')[0]),
          ...Object.keys(changes),
        ];
        return touched.every((property) => property !== undefined && Object.hasOwn(spec, property));
      }),
    );
  });

  test('a state that is taken as the spec does not drift from itself', () => {
    fc.assert(
      fc.property(state, tagging, fc.boolean(), (spec, tags, removeUnmanaged) => {
        const { drift, changes } = compared({ ...spec, tags }, spec, { removeUnmanaged, tags });
        return drift.length === 0 && Object.keys(changes).length === 0;
      }),
    );
  });

  test('there are changes exactly where there is drift', () => {
    fc.assert(
      fc.property(state, state, tagging, tagging, fc.boolean(), (spec, seen, wanted, tags, removeUnmanaged) => {
        const { drift, changes } = compared({ ...spec, tags: wanted }, seen, { removeUnmanaged, tags });
        const drifted = new Set(drift.map(({ path }) => path.split('.')[0]));
        expect(new Set(Object.keys(changes))).toEqual(drifted);
      }),
    );
  });

  test('nothing is removed unless that is asked for, but from sets that AWS replaces whole', () => {
    fc.assert(
      fc.property(state, state, tagging, (spec, seen, tags) => {
        const { changes } = compared({ ...spec, tags: {} }, seen, { tags });
        return Object.entries(changes).every(
          ([property, change]) => property === 'thumbprints' || change.remove.length === 0,
        );
      }),
    );
  });
});

test.each<[Json | undefined, Json | undefined, boolean]>([
  [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
  [[1, 2], [2, 1], false],
  [[], {}, false],
  [{ a: 1 }, { a: 1, b: 2 }, false],
  [{ toString: 1 }, { a: 1 }, false],
  [null, {}, false],
  ['1', 1, false],
  [undefined, null, false],
])('equalJson(%j, %j) is %s', (a, b, equal) => {
  expect(equalJson(a, b)).toBe(equal);
  expect(equalJson(b, a)).toBe(equal);
});
