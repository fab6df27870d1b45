import type { DesiredEntity } from '../../../src/contract/entity.js';
import type { Observed } from '../../../src/engine/comparison.js';
import { mayShowLater, resolveConflict } from '../../../src/engine/resolve-conflict.js';
import type { ConflictFacts, ConflictRules } from '../../../src/engine/resolve-conflict.js';

const STARTED_AT = '2026-11-28T12:00:00.000Z';
const RUN = 'run-of-this-test';

/** A kind with tags, one without, one whose tags follow its Create, and one that AWS names by an ID. */
const TAGGED: ConflictRules = { ownable: true, properties: { path: { type: 'value' } } };
const UNTAGGED: ConflictRules = { ...TAGGED, ownable: false };
const TAGGED_LATER: ConflictRules = { ...TAGGED, tagsAfterCreate: true };
const SHARED: ConflictRules = { ...TAGGED, share: {} };
const WITH_SECRET: ConflictRules = { ...UNTAGGED, secret: { listCandidates: () => Promise.resolve([]) } };
const GLOBAL: ConflictRules = { ...UNTAGGED, globallyTakenReason: 'the alias is taken in another account' };

const ENTITY: DesiredEntity = {
  kind: 'Role',
  name: 'deploy',
  state: 'present',
  adopt: 'unowned',
  observe: false,
  shared: false,
  unmanaged: 'keep',
  spec: { path: '/' },
  dependsOn: [],
};

function observed(part: Partial<Observed> = {}): Observed {
  const arn = 'arn:aws:iam::111111111111:role/deploy';
  return { name: 'deploy', arn, createdAt: STARTED_AT, tags: {}, state: { path: '/' }, ...part };
}

function facts(part: Partial<ConflictFacts> = {}): ConflictFacts {
  return {
    rules: TAGGED,
    entity: ENTITY,
    spec: ENTITY.spec,
    context: { namespace: 'ci', partition: 'aws', intent: RUN },
    observed: observed(),
    attempt: 1,
    startedAtMs: Date.parse(STARTED_AT),
    earlierCreate: 'none',
    orphansChecked: true,
    ...part,
  };
}

const OURS = { 'iam-bootstrap:namespace': 'ci', 'iam-bootstrap:origin': 'created', 'iam-bootstrap:intent': RUN };
const OLDER = '2026-11-28T11:59:58.000Z';
const WITHIN_TOLERANCE = '2026-11-28T11:59:59.000Z';

/** Attempt 2, after an attempt that recorded its Create, or that died before it could report. */
const RECORDED = { attempt: 2, earlierCreate: 'recorded' } as const;
const POSSIBLE = { attempt: 2, earlierCreate: 'possible' } as const;

const CREATED_BY_TAG = { is: 'created', confirmedBy: 'intent-tag', action: 'create' };
const CREATED_BY_RECORD = { is: 'created', confirmedBy: 'recorded-attempt', action: 'create' };
const ADOPTED = { is: 'existing', confirmedBy: null, action: 'adopt' };
const UNCONFIRMED = { is: 'existing', confirmedBy: 'unconfirmed', action: 'adopt' };
const REFUSED = { is: 'refused', confirmedBy: null, action: 'refuse' };

const CASES = [
  ...['tag', 'recorded attempt', 'undated', 'not ownable', 'unowned', 'another owner', 'shared'],
  ...['other case', 'other path', 'secret', 'taken elsewhere', 'not shown'],
];

const ROWS: readonly (readonly [string, Partial<ConflictFacts>, Readonly<Record<string, unknown>>])[] = [
  ['tag: the intent tag is of this run', { observed: observed({ tags: OURS }) }, CREATED_BY_TAG],
  [
    'tag: the intent tag is of another run of this namespace',
    { observed: observed({ tags: { ...OURS, 'iam-bootstrap:intent': 'another' } }) },
    { is: 'existing', confirmedBy: null, action: 'no-op' },
  ],
  [
    'tag: a tag on a kind that carries none proves nothing',
    { rules: UNTAGGED, observed: observed({ tags: OURS }) },
    { is: 'existing', confirmedBy: null },
  ],
  ['recorded attempt: an untagged kind, created since', { rules: UNTAGGED, ...RECORDED }, CREATED_BY_RECORD],
  ['recorded attempt: tags follow the Create', { rules: TAGGED_LATER, ...RECORDED }, CREATED_BY_RECORD],
  ['undated: AWS has shown no date to compare with', { rules: UNTAGGED, ...POSSIBLE, startedAtMs: null }, UNCONFIRMED],
  ['recorded attempt: an attempt died unheard', { rules: UNTAGGED, ...POSSIBLE }, CREATED_BY_RECORD],
  [
    'recorded attempt: AWS cuts off the fraction of a second',
    { rules: UNTAGGED, ...RECORDED, observed: observed({ createdAt: WITHIN_TOLERANCE }) },
    CREATED_BY_RECORD,
  ],
  [
    'recorded attempt: it is this run’s even where the manifest adopts nothing',
    { rules: UNTAGGED, ...RECORDED, entity: { ...ENTITY, adopt: 'own' } },
    CREATED_BY_RECORD,
  ],
  ['recorded attempt: a kind whose Create carries the tag needs the tag', RECORDED, ADOPTED],
  [
    'recorded attempt: unmanaged members of what this run created are to be removed',
    {
      ...RECORDED,
      rules: { ...UNTAGGED, properties: { members: { type: 'set' } } },
      entity: { ...ENTITY, unmanaged: 'remove' },
      spec: { members: ['a'] },
      observed: observed({ state: { members: ['a', 'b'] } }),
    },
    { ...CREATED_BY_RECORD, remaining: true },
  ],
  [
    'undated: a recorded Create',
    { rules: UNTAGGED, ...RECORDED, observed: observed({ createdAt: null }) },
    CREATED_BY_RECORD,
  ],
  [
    'undated: a possible Create',
    { rules: UNTAGGED, ...POSSIBLE, observed: observed({ createdAt: null }) },
    UNCONFIRMED,
  ],
  ['undated: no Create was sent', { rules: UNTAGGED, observed: observed({ createdAt: null }) }, ADOPTED],
  [
    'undated: tags can show an owner',
    { rules: TAGGED_LATER, ...POSSIBLE, observed: observed({ createdAt: null }) },
    ADOPTED,
  ],
  ['not ownable: it matches already, and another caller created it', { rules: UNTAGGED }, ADOPTED],
  [
    'not ownable: it differs, and another caller created it',
    { rules: UNTAGGED, observed: observed({ state: { path: '/old/' } }) },
    { ...ADOPTED, remaining: true },
  ],
  [
    'not ownable: it is older than the recorded Create',
    { rules: UNTAGGED, ...RECORDED, observed: observed({ createdAt: OLDER }) },
    ADOPTED,
  ],
  [
    'not ownable: it is older than the Create that may have been sent',
    { rules: UNTAGGED, ...POSSIBLE, observed: observed({ createdAt: OLDER }) },
    ADOPTED,
  ],
  ['not ownable: the manifest adopts nothing', { rules: UNTAGGED, entity: { ...ENTITY, adopt: 'own' } }, REFUSED],
  ['unowned: it is adopted, and its tags remain to be written', {}, { ...ADOPTED, remaining: true }],
  [
    'shared: another namespace shares it',
    {
      rules: SHARED,
      entity: { ...ENTITY, shared: true },
      observed: observed({ tags: { 'iam-bootstrap:shared-by:other': '' } }),
    },
    { ...ADOPTED, remaining: true },
  ],
  [
    'shared: this run created it',
    {
      rules: SHARED,
      entity: { ...ENTITY, shared: true },
      observed: observed({ tags: { 'iam-bootstrap:shared-by:ci': '', 'iam-bootstrap:intent': RUN } }),
    },
    { ...CREATED_BY_TAG, remaining: false },
  ],
  [
    'shared: the manifest does not share it',
    { rules: SHARED, observed: observed({ tags: { 'iam-bootstrap:shared-by:other': '' } }) },
    REFUSED,
  ],
  ['other case: the name is taken', { observed: observed({ name: 'Deploy' }) }, REFUSED],
  [
    'other path: it cannot be changed',
    {
      rules: { ...TAGGED, properties: { path: { type: 'value', immutable: true } } },
      observed: observed({ state: { path: '/old/' } }),
    },
    REFUSED,
  ],
  [
    'another owner: another namespace',
    { observed: observed({ tags: { 'iam-bootstrap:namespace': 'other' } }) },
    REFUSED,
  ],
  [
    'secret: a later attempt looks for orphans',
    { rules: WITH_SECRET, ...RECORDED, orphansChecked: false },
    { is: 'possible-orphan' },
  ],
  [
    'secret: a kind with names leaves no orphan',
    { rules: UNTAGGED, ...RECORDED, orphansChecked: false },
    CREATED_BY_RECORD,
  ],
  ['secret: orphans have been looked for', { rules: WITH_SECRET, ...RECORDED }, CREATED_BY_RECORD],
  ['secret: a first attempt leaves no orphan', { rules: WITH_SECRET, orphansChecked: false }, ADOPTED],
  [
    'taken elsewhere: no read of this account shows it',
    { rules: GLOBAL, observed: undefined },
    { ...REFUSED, reason: 'the alias is taken in another account' },
  ],
  ['taken elsewhere: it shows in this account', { rules: GLOBAL }, ADOPTED],
  ['not shown: AWS says that it exists, and no read shows it', { observed: undefined }, { is: 'not-shown' }],
];

test.each(ROWS)('%s', (_title, part, expected) => {
  const { decision, ...resolution } = { decision: undefined, ...resolveConflict(facts(part)) };
  expect({ ...resolution, action: decision?.action, reason: decision?.reason }).toMatchObject(expected);
});

test('the table has rows for each case', () => {
  expect(new Set(ROWS.map(([title]) => title.slice(0, title.indexOf(':'))))).toEqual(new Set(CASES));
});

test('an entity that this run created shows no drift, since the report calls it created', () => {
  const differing = observed({ tags: OURS, state: { path: '/old/' } });
  expect(resolveConflict(facts({ observed: differing }))).toMatchObject({ decision: { drift: [] }, remaining: true });
});

test.each<[string, ConflictRules, number, boolean]>([
  ['a name of this account', TAGGED, 1, true],
  ['a global name, which a first attempt cannot have created', GLOBAL, 1, false],
  ['a global name, which an earlier attempt may have created', GLOBAL, 2, true],
])('whether reads are repeated for %s', (_title, rules, attempt, expected) => {
  expect(mayShowLater(rules, attempt)).toBe(expected);
});
