import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { saveFiles } from '../../../../../src/client/capture/update/save-files.js';
import type { ManifestUpdate } from '../../../../../src/client/capture/update/update-manifest.js';
import type { Json, JsonObject } from '../../../../../src/contract/entity.js';
import { compare } from '../../../../../src/engine/compare.js';
import { findKind } from '../../../../../src/kinds/index.js';
import {
  accountOf,
  declaredIn,
  entityIn,
  filesAfter,
  update,
  type Editable,
  type Files,
} from '../../../../support/manifest-update.js';
import { ACCOUNT, writeManifests, type WrittenEntity } from '../../../../support/written-manifests.js';
import { LONG_FORM } from '../../../../support/trials.js';

const ARNS = [
  ...['ReadOnlyAccess', 'SecurityAudit', 'job-function/Billing'].map((name) => `arn:aws:iam::aws:policy/${name}`),
  ...['a', 'elsewhere'].map((name) => `arn:aws:iam::${ACCOUNT}:policy/${name}`),
];
const ACTIONS = ['s3:GetObject', 's3:PutObject', 'ec2:*', 'sts:AssumeRole', 'iam:PassRole'];
const TEXTS = [
  'for CI',
  'it is: "quoted"',
  "it's",
  '# no comment',
  'true',
  '2012-10-17',
  ' spaced ',
  '{{',
  'a, b',
  '-',
  'two\nlines',
  'an end\n',
  'a paragraph\n\nand another one\n',
];

const arns = fc.uniqueArray(fc.constantFrom(...ARNS), { maxLength: 4 });
const actions = fc.oneof(
  fc.constantFrom(...ACTIONS),
  fc.uniqueArray(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 4 }),
);
const statement = fc
  .record(
    {
      Sid: fc.constantFrom('A', 'B'),
      Effect: fc.constantFrom('Allow', 'Deny'),
      Action: actions,
      Resource: fc.constantFrom<Json>('*', ['arn:aws:s3:::a', 'arn:aws:s3:::a/*'], 'arn:aws:s3:::b'),
      Condition: fc.constantFrom<Json>(
        { Bool: { 'aws:SecureTransport': 'true' } },
        { StringEquals: { 'aws:PrincipalTag/team': ['a', 'b'] } },
      ),
    },
    { requiredKeys: ['Effect', 'Action', 'Resource'] },
  )
  .map((value) => value as JsonObject);
const document = fc
  .uniqueArray(statement, { minLength: 1, maxLength: 3, selector: (one) => one['Sid'] ?? JSON.stringify(one) })
  .map((Statement): JsonObject => ({ Version: '2012-10-17', Statement }));
const documents = fc.dictionary(fc.constantFrom('state', 'logs', 'with.dot'), document, { maxKeys: 3 });
const tags = fc.dictionary(
  fc.constantFrom('team', 'cost', 'a:b'),
  fc.constantFrom('platform', '42', '', 'a b', 'true'),
  { maxKeys: 3 },
);
const description = fc.constantFrom('acme', ...TEXTS);
const trust = fc
  .uniqueArray(fc.constantFrom('ec2.amazonaws.com', 'lambda.amazonaws.com', 'ecs.amazonaws.com'), { minLength: 1 })
  .map((Service): JsonObject => ({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: Service.length === 1 ? (Service[0] ?? '') : Service },
        Action: 'sts:AssumeRole',
      },
    ],
  }));

const properties = {
  Role: fc.record(
    {
      description,
      maxSessionDuration: fc.constantFrom(3600, 7200),
      managedPolicyArns: arns,
      inlinePolicies: documents,
      tags,
      assumeRolePolicyDocument: trust,
    },
    { requiredKeys: ['assumeRolePolicyDocument'] },
  ),
  User: fc.record({ managedPolicyArns: arns, inlinePolicies: documents, tags }, { requiredKeys: [] }),
  Policy: fc.record({ policyDocument: document, tags, description }, { requiredKeys: ['policyDocument'] }),
} as const;

const entity = fc.constantFrom('Role', 'User', 'Policy').chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    properties: properties[kind as 'Role'],
    other: properties[kind as 'Role'],
    drifts: fc.subarray(
      Object.keys({
        description: 0,
        maxSessionDuration: 0,
        managedPolicyArns: 0,
        inlinePolicies: 0,
        tags: 0,
        assumeRolePolicyDocument: 0,
        policyDocument: 0,
      }),
    ),
  }),
);
const scene = fc.record({
  entities: fc.uniqueArray(entity, { minLength: 1, maxLength: 5, selector: ({ kind, name }) => `${kind}/${name}` }),
  numbers: fc.array(fc.nat(59), { minLength: 60, maxLength: 400 }),
  defaultTags: fc.oneof(fc.constant({}), fc.constant({}), tags),
});

type Drifting = WrittenEntity & { readonly other: WrittenEntity['properties']; readonly drifts: readonly string[] };

/** Lets the account of a manifest have other values in some properties. */
function drift(account: Map<string, Editable>, entities: readonly Drifting[]): void {
  for (const { kind, name, other, drifts } of entities) {
    const captured = account.get(`${kind}/${name}`);
    if (captured === undefined) continue;
    for (const property of drifts) {
      const value = other[property];
      if (value === undefined) continue;
      if (property === 'tags')
        captured.tags = { ...(value as Record<string, string>), 'iam-bootstrap:namespace': 'ci' };
      else captured.spec[property] = structuredClone(value);
    }
  }
}

function comments(text: string, sort: string): string[] {
  return [...text.matchAll(new RegExp(`(?:#|//) ${sort} \\w+`, 'g'))].map(([found]) => found);
}

/** The entities that a plan would change. */
function differing(files: Files, account: ReadonlyMap<string, Editable>): string[] {
  return declaredIn(files).flatMap(({ kind, name, spec }) => {
    const captured = entityIn(account, `${kind}/${name}`);
    const { drift: found, unmanaged } = compare(
      spec,
      { ...captured, state: captured.spec },
      { rules: findKind(kind)?.properties ?? {}, partition: 'aws', removesUnmanaged: () => false, shared: false },
    );
    return found.length + unmanaged.length > 0 ? [`${kind}/${name}`] : [];
  });
}

/** Checks that a text has all that must stay of one, and its line breaks. */
function expectKept(before: string, now: string): void {
  expect(comments(now, 'own')).toEqual(comments(before, 'own'));
  const tails = comments(now, 'tail');
  expect(comments(before, 'tail').filter((comment) => tails.includes(comment))).toEqual(tails);
  expect(now.includes('\r\n')).toBe(before.includes('\r\n'));
  expect(/[^\r]\n/.test(now)).toBe(/[^\r]\n/.test(before));
  expect(now.endsWith('\n')).toBe(before.endsWith('\n'));
}

/** Writes files with and without byte order marks, saves their update, and checks every byte. */
function expectSaved(files: Files, { files: changed }: Pick<ManifestUpdate, 'files'>, hasMark: boolean): void {
  const folder = mkdtempSync(join(tmpdir(), 'update-'));
  const mark = hasMark ? '\ufeff' : '';
  mkdirSync(join(folder, 'policies'));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), mark + text);
  saveFiles(changed, folder);
  for (const [file, text] of Object.entries(filesAfter(files, { files: changed }))) {
    expect(readFileSync(join(folder, file), 'utf8')).toBe(mark + text);
  }
  rmSync(folder, { recursive: true });
}

/** The same cases each time in `npm test`; others, and more of them, in the long form. */
const runs = LONG_FORM ? { numRuns: 1_000 } : { numRuns: 40, seed: 20_261_201 };

it('leaves every byte of a manifest that agrees with its account', () => {
  fc.assert(
    fc.property(scene, ({ entities, numbers, defaultTags }) => {
      const { files } = writeManifests(entities, numbers, defaultTags);
      const result = update(files, accountOf(files));
      expect(result).toMatchObject({ files: [], changes: [], patches: [] });
    }),
    runs,
  );
});

it('takes over all but what it tells to do by hand, and keeps what does not differ byte for byte', () => {
  fc.assert(
    fc.property(scene, ({ entities, numbers, defaultTags }) => {
      const { files, pieces } = writeManifests(entities, numbers, defaultTags);
      const account = accountOf(files);
      drift(account, entities);
      const result = update(files, account);
      const after = filesAfter(files, result);

      const byHand = new Set(result.patches.flatMap((patch) => patch.entities));
      expect(differing(after, account).filter((id) => !byHand.has(id))).toEqual([]);
      const again = update(after, account);
      expect(again.files).toEqual([]);
      // One patch may stand for several entities, and two for them once another change of theirs was made.
      const byEntity = ({ patches }: Pick<ManifestUpdate, 'patches'>): readonly string[] =>
        patches.flatMap(({ entities: ids, to, reason }) => ids.map((id) => JSON.stringify([id, to, reason]))).sort();
      expect(byEntity(again)).toEqual(byEntity(result));

      const touched = new Set(
        entities.flatMap(({ kind, name, drifts }) => drifts.map((property) => `${kind}/${name} ${property}`)),
      );
      // An alias changes with its anchor, a default with the entities that have it.
      const isStable = ({ of, text }: (typeof pieces)[number]) =>
        of === undefined || !(touched.has(`${of.entity} ${of.property}`) || of.entity === '' || text.includes('&'));
      for (const [file, before] of Object.entries(files)) {
        const now = after[file] ?? '';
        expectKept(before, now);
        let from = 0;
        for (const piece of pieces.filter((one) => one.file === file && isStable(one))) {
          const found = now.indexOf(piece.text, from);
          expect({ piece: piece.text, isThere: found >= 0 }).toEqual({ piece: piece.text, isThere: true });
          from = found + piece.text.length;
        }
      }
      expectSaved(files, result, (numbers[0] ?? 0) % 3 === 0);
    }),
    runs,
  );
});
