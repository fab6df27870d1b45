import { isDeepStrictEqual } from 'node:util';
import * as sdk from '@aws-sdk/client-iam';
import { awsError } from '../../src/aws/errors.js';
import type { Json, JsonObject } from '../../src/contract/entity.js';
import { strings } from '../../src/engine/json.js';
import { orderByEffect } from '../../src/engine/write-order.js';
import { KINDS, findKind } from '../../src/kinds/index.js';
import type { Kind, Observed, Write } from '../../src/kinds/kind.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import { compareSpec, desiredOf, harness, TARGET, useHarness, withSortedSets } from './kind-harness.js';

/** What every kind keeps, tried against the sandbox. A new kind brings its fixture and nothing else. */

/** Actions that AWS asks for and that no operation is named after. */
const PERMISSIONS_ONLY = ['iam:PassRole'];

const NOTHING = { drift: [], unmanaged: [], changes: {} };

useHarness({ reset: false });

function fixtureOf(kind: Kind): KindFixture {
  const fixture = KIND_FIXTURES[kind.name];
  if (fixture === undefined) throw new Error(`${kind.name} has no fixture in test/support/kind-fixtures/`);
  return fixture;
}

/** Steps as they compare: each `isAlreadyApplied` is a function of its own. */
function comparableStep(step: Write): unknown {
  return { ...step, ...(step.isAlreadyApplied && { isAlreadyApplied: expect.any(Function) as unknown }) };
}

/** Whether an action shows many entities at a time, and can be denied apart from those that show one. */
function isListing(action: string): boolean {
  return /^iam:(List|GetAccountAuthorizationDetails)/.test(action);
}

/** Returns the entity that a prerequisite creates, with a pattern of its ARN; nothing for a write that is no Create. */
function createdEntity(write: Write): { id: string; arnPattern: RegExp; write: Write }[] {
  const kind = findKind(write.operation.replace(/^Create/, ''));
  if (kind === undefined) return [];
  const name = String(write.input[`${kind.name}Name`]);
  return [
    { id: `${kind.name}/${name}`, arnPattern: new RegExp(`:${kind.name.toLowerCase()}/([^"]*/)?${name}"`), write },
  ];
}

/** The property that a drift path or a line begins with. */
function propertyOf(path: string): string {
  return path.replace(/[.:].*$/, '');
}

describe.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', (_name, kind) => {
  const fixture = fixtureOf(kind);
  const { minimal, full, equivalent, otherCase, sibling, unmanaged } = fixture;
  const properties = Object.entries(fixture.properties).filter(([, { hasOwnTests }]) => hasOwnTests !== true);
  const isKey = (property: string): boolean => kind.keyProperties.includes(property);
  const key = Object.fromEntries(Object.entries(full).filter(([property]) => isKey(property)));
  const absent = fixture.alwaysPresent === undefined ? full : key;
  const isForGood = fixture.alwaysPresent === 'for good';
  // That of users whose credentials are listed is no part of the bulk read.
  const isOfUsers = (action: string): boolean =>
    kind.listedFrom !== undefined && /:(GetAccountAuthorizationDetails|ListUsers)$/.test(action);
  const isListed = kind.actions.read.some((action) => isListing(action) && !isOfUsers(action));

  describe('its words', () => {
    test('every property of the schema is compared, and no other; tags are there where it is ownable', () => {
      const shape = Object.keys(kind.schema.shape);
      for (const property of kind.keyProperties) expect(shape).toContain(property);
      expect(shape.includes('tags')).toBe(kind.ownable);
      const declared = shape.filter((property) => !isKey(property) && property !== 'tags');
      expect(
        Object.keys(kind.properties)
          .filter((property) => !isKey(property))
          .sort(),
      ).toEqual(declared.sort());
    });

    test('the fixture has every property, and says what happens to each', () => {
      expect(Object.keys(full).sort()).toEqual(Object.keys(kind.schema.shape).sort());
      expect(Object.keys(fixture.properties).sort()).toEqual(Object.keys(kind.properties).sort());
      const silent = properties.filter(
        ([, { immutable, writeOnly, isRequest, manualWrites }]) =>
          immutable !== true && writeOnly !== true && isRequest !== true && manualWrites === undefined,
      );
      expect(silent).toEqual([]);
    });

    test('the schema takes the fixtures', () => {
      const changed = properties.map(([property, law]) => ({ ...full, [property]: law.changed }));
      for (const spec of [minimal, full, equivalent, otherCase, sibling, ...changed].filter(
        (one) => one !== undefined,
      )) {
        expect(kind.schema.safeParse(spec).error?.issues ?? []).toEqual([]);
      }
    });

    test.each([...Object.entries(fixture.invalid), ['an unknown property', { ...full, unknownValue: 1 }] as const])(
      'the schema refuses %s',
      (_what, spec) => {
        expect(kind.schema.safeParse(spec).success).toBe(false);
      },
    );

    test('its actions are operations of IAM, and named once', () => {
      const actions = [...kind.actions.read, ...kind.actions.write];
      const operations = actions.filter((action) => !PERMISSIONS_ONLY.includes(action));
      expect(operations.filter((action) => !(`${action.replace(/^iam:/, '')}Command` in sdk))).toEqual([]);
      expect(new Set(actions).size).toBe(actions.length);
    });

    test('what it refers to and what it holds is of kinds that there are', () => {
      const referred = (kind.references?.(full) ?? []).map((id) => id.slice(0, id.indexOf('/')));
      for (const name of [...referred, ...kind.dependsOnKinds]) expect(findKind(name)?.name).toBe(name);
      // What belongs to a user needs the user, whatever else it declares.
      expect(kind.references?.(minimal) ?? []).toEqual(kind.references?.(key) ?? []);
    });
  });

  describe('its entities', () => {
    beforeEach(async () => {
      await harness.reset();
      for (const [file, text] of Object.entries(fixture.secrets ?? {})) await harness.storeSecret(file, text);
      await harness.sendDirectly(fixture.prerequisites);
    });

    test('one that is absent reads as absent, both ways', async () => {
      expect(await harness.read(kind, absent)).toBeUndefined();
      expect((await harness.readMany(kind, [absent])).result).toEqual(new Map());
    });

    test.each([
      ['minimal', minimal],
      ['full', full],
    ])('a %s one shows no drift once it is created and updated', async (_size, spec) => {
      const observed = await harness.converge(kind, spec);
      expect(compareSpec(kind, spec, observed)).toEqual(NOTHING);
      expect(observed.name).toBe(kind.nameOf(spec));
      if (fixture.hasAwsAssignedArn !== true) expect(observed.arn).toBe(kind.arnOf(spec, TARGET));
      expect(observed.tags).toEqual(spec['tags'] ?? {});
      expect(observed.createdAt).toEqual(
        fixture.hasNoCreationDate === true ? null : expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      );

      // A capture shows all of it: what it writes to a manifest changes nothing, and declares as much.
      const { items, unread } = await harness.capture(kind);
      expect(unread).toEqual([]);
      if (kind.leftOut !== undefined && kind.leftOut.unlessNamed !== true) {
        expect(items).toEqual([expect.objectContaining({ leftOut: kind.leftOut.reason })]);
        return;
      }
      const captured = items.find((item) => item.name === observed.name);
      if (captured === undefined) {
        expect(await harness.read(kind, key)).toBeUndefined();
        return;
      }
      if ('leftOut' in captured) throw new Error(captured.leftOut);
      const { arn, createdAt, tags } = observed;
      expect(captured).toMatchObject({ arn, createdAt, tags, isOurs: false });
      expect(compareSpec(kind, captured.spec, observed)).toEqual(NOTHING);
      const isHidden = (property: string): boolean =>
        kind.properties[property]?.type === 'writeOnly' ||
        fixture.properties[property]?.isRequest === true ||
        fixture.properties[property]?.hasOwnTests === true;
      const shown = Object.fromEntries(Object.entries(spec).filter(([property]) => !isHidden(property)));
      expect(compareSpec(kind, shown, { ...observed, state: captured.spec })).toEqual(NOTHING);
      expect(
        Object.keys(spec)
          .filter((property) => !isHidden(property))
          .sort(),
      ).toEqual([...Object.keys(captured.spec), 'tags'].filter((property) => spec[property] !== undefined).sort());
      const locations = Object.fromEntries(captured.missing.map((property) => [property, { file: 'secret' }]));
      const declared = { ...captured.spec, ...locations };
      expect(kind.schema.safeParse(declared).error?.issues ?? []).toEqual([]);
      expect(kind.nameOf(declared)).toBe(observed.name);
    });

    test('what the Create has set is known without a read', async () => {
      const { arn, name, tags, ...created } = await harness.create(kind, full);
      const observed = await harness.observe(kind, full);
      if (kind.tagsAfterCreate === true) expect(tags).toEqual({});
      expect({ arn, name, tags }).toEqual({ arn: observed.arn, name: observed.name, tags: observed.tags });
      expect(compareSpec(kind, full, { arn, name, tags, ...created })).toEqual(compareSpec(kind, full, observed));
    });

    if (kind.secret === undefined && kind.tagsAfterCreate !== true && kind.hasAwsAssignedId !== true) {
      test('what follows the Create is known without its reply', async () => {
        const following = (observed: Observed): readonly Write[] =>
          kind.update(desiredOf(kind, full), observed, compareSpec(kind, full, observed).changes);
        const made = await harness.create(kind, full);
        expect(following(kind.observedAfterCreate(desiredOf(kind, full), undefined))).toEqual(
          following(made).map(comparableStep),
        );
      });
    }

    if (fixture.acceptsSecondCreate === true) {
      test('a second Create writes the same again', async () => {
        await harness.converge(kind, full);
        await harness.create(kind, full);
        expect(compareSpec(kind, full, await harness.observe(kind, full))).toEqual(NOTHING);
      });
    } else if (kind.secret?.listCandidates === undefined || fixture.otherCase !== undefined) {
      test('a second Create is recognised, and another error is not', async () => {
        await harness.create(kind, minimal);
        const again = await harness.errorFrom(kind.create(desiredOf(kind, minimal)));
        expect(kind.isAlreadyExistsError(again)).toBe(true);
        for (const code of ['LimitExceeded', 'ConcurrentModification', 'NoSuchEntity', 'Throttling']) {
          expect(kind.isAlreadyExistsError({ ...again, code, message: '' })).toBe(false);
        }
      });
    }

    test('a Create that replaces an existing entity is declared as createOverwrites', async () => {
      const isAbsent = (await harness.read(kind, full)) === undefined;
      await harness.create(kind, full);
      const before = await harness.read(kind, full);
      const other: Record<string, Json> = { ...full };
      for (const [property, law] of properties) if (law.writeOnly !== true) other[property] = law.changed;
      const error = await harness.sendDirectly([kind.create(desiredOf(kind, other))]).then(() => null, awsError);
      expect(error === null || kind.isAlreadyExistsError(error)).toBe(true);
      // A declared entity that never reads as absent is never created.
      const overwrites = isAbsent && !isDeepStrictEqual(await harness.read(kind, full), before);
      expect(kind.createOverwrites ?? false).toBe(overwrites);
    });

    for (const { id, arnPattern, write } of fixture.prerequisites.flatMap(createdEntity)) {
      test(`references names ${id} exactly if the spec needs it and does not write its ARN`, async () => {
        await harness.reset();
        for (const [file, text] of Object.entries(fixture.secrets ?? {})) await harness.storeSecret(file, text);
        await harness.sendDirectly(fixture.prerequisites.filter((other) => other !== write));
        const error = await harness.converge(kind, full).then(() => null, awsError);
        expect(error?.code ?? 'NoSuchEntity').toBe('NoSuchEntity');
        const isNeededByName = error !== null && !arnPattern.test(JSON.stringify(full));
        expect((kind.references?.(full) ?? []).includes(id)).toBe(isNeededByName);
      });
    }

    if (kind.secret?.listCandidates !== undefined) {
      const {
        listCandidates: candidates,
        candidateIdOf: idOf,
        isCandidateUsed: isUsed,
        deleteCandidate: removal,
      } = kind.secret;
      test('of what Creates have made, the one whose secret is stored is told from an orphan, which can go', async () => {
        const desired = desiredOf(kind, minimal);
        const ids = async (): Promise<string[]> =>
          (await harness.recordCalls(kind, () => candidates(harness.reader, desired))).result.map(({ id }) => id);
        expect(await ids()).toEqual([]);
        await harness.create(kind, minimal);
        const record = await harness.storedRecord(kind, minimal);
        expect(await ids()).toEqual([idOf?.(record ?? {})]);
        const [id = ''] = await ids();
        expect((await harness.recordCalls(kind, async () => isUsed?.(harness.reader, id))).result).not.toBe(true);
        await harness.send(kind, removal?.(id, desired) ?? []);
        expect(await ids()).toEqual([]);
        expect(await harness.read(kind, minimal)).toBeUndefined();
      });
    }

    if (otherCase !== undefined) {
      test('a Create in another case is recognised, and the bulk read shows what stands in its way', async () => {
        await harness.create(kind, minimal);
        expect(kind.isAlreadyExistsError(await harness.errorFrom(kind.create(desiredOf(kind, otherCase))))).toBe(true);
        const { result } = await harness.readMany(kind, [otherCase]);
        expect(result?.get(kind.nameOf(otherCase).toLowerCase())?.name).toBe(kind.nameOf(minimal));
      });
    }

    if (sibling !== undefined) {
      test('the bulk read gives what is wanted and there, and no other', async () => {
        await harness.create(kind, minimal);
        await harness.create(kind, sibling);
        const [first, second] = [minimal, sibling].map((spec) => kind.nameOf(spec).toLowerCase());
        const both = await harness.readMany(kind, [minimal, sibling]);
        expect([...(both.result?.keys() ?? [])].sort()).toEqual([first, second].sort());
        const one = await harness.readMany(kind, [sibling]);
        expect([...(one.result?.keys() ?? [])]).toEqual([second]);
      });
    }

    test('the bulk read says so where it is denied', async () => {
      await harness.create(kind, minimal);
      const reader = isListed ? harness.readerWithoutLists() : harness.readerDenied();
      expect((await harness.readMany(kind, [minimal], reader)).result).toBeUndefined();
    });

    test('every page is read, those of nested lists too', async () => {
      const small = harness.readerWithSmallPages();
      if (sibling !== undefined) await harness.converge(kind, sibling);
      await harness.converge(kind, full);
      await harness.sendDirectly(unmanaged?.byHand ?? []);
      await harness.sendDirectly(fixture.deletionBlockers);
      const whole = await harness.observe(kind, full);
      const all = Object.keys(kind.properties);
      expect(withSortedSets(await harness.observe(kind, full, small), all)).toEqual(withSortedSets(whole, all));
      expect(await harness.capture(kind, small)).toEqual(await harness.capture(kind));
      if (isForGood) return;
      const steps = await harness.deletionWrites(kind, whole);
      expect(await harness.deletionWrites(kind, whole, small)).toEqual(steps.map(comparableStep));
    });

    test('an equivalent spec does not drift', async () => {
      const observed = await harness.converge(kind, full);
      expect(compareSpec(kind, equivalent, observed).drift).toEqual([]);
      expect(kind.nameOf(equivalent)).toBe(kind.nameOf(full));
    });

    test('a property that is not set does not drift, whatever is there', async () => {
      const observed = await harness.converge(kind, full);
      const without = (property: string): JsonObject =>
        Object.fromEntries(Object.entries(full).filter(([name]) => name !== property));
      const specs = [...Object.keys(kind.properties).filter((property) => !isKey(property)), 'tags'].map(without);
      for (const spec of [...specs, key]) {
        expect(compareSpec(kind, spec, observed, { removeUnmanaged: true })).toEqual(NOTHING);
      }
    });

    for (const [
      property,
      { changed, immutable, writeOnly, manualWrites: byHand, paths = [], operations = [] },
    ] of properties) {
      const isMeant = (call: string): boolean => operations.some((operation) => operation === call);

      if (byHand !== undefined) {
        test(`${property}, changed by hand, is detected and repaired without other writes`, async () => {
          const before = await harness.converge(kind, full);
          await harness.sendDirectly(typeof byHand === 'function' ? byHand(before) : byHand);
          const drifted = await harness.observe(kind, full);
          const found = compareSpec(kind, full, drifted).drift.map(({ path }) => path);
          expect(found.filter((path) => !paths.some((start) => path.startsWith(start)))).toEqual([]);
          expect(paths.filter((start) => !found.some((path) => path.startsWith(start)))).toEqual([]);

          const calls = await harness.update(kind, full, drifted);
          expect(calls).not.toEqual([]);
          expect(calls.filter((call) => !isMeant(call))).toEqual([]);
          expect(compareSpec(kind, full, await harness.observe(kind, full)).drift).toEqual([]);
        });
      }

      if (writeOnly === true) {
        test(`${property} is not shown by AWS, and never drifts`, async () => {
          const observed = await harness.converge(kind, full);
          expect(observed.state[property]).toBeUndefined();
          expect(compareSpec(kind, { ...full, [property]: changed }, observed)).toEqual(NOTHING);
        });
      } else if (immutable === true) {
        test(`${property} cannot be changed, and says so`, async () => {
          const observed = await harness.converge(kind, full);
          const { drift } = compareSpec(kind, { ...full, [property]: changed }, observed);
          expect(drift).toEqual([expect.objectContaining({ path: property, immutable: true })]);
        });
      } else {
        test(`${property}, declared with a new value, is updated without other writes`, async () => {
          const before = await harness.converge(kind, full);
          const spec = { ...full, [property]: changed };
          const { drift } = compareSpec(kind, spec, before);
          expect(new Set(drift.map(({ path }) => propertyOf(path)))).toEqual(new Set([property]));

          const calls = await harness.update(kind, spec, before);
          expect(calls).not.toEqual([]);
          expect(calls.filter((call) => !isMeant(call))).toEqual([]);
          const after = await harness.observe(kind, spec);
          expect(compareSpec(kind, spec, after).drift).toEqual([]);
          const others = Object.keys(kind.properties).filter((name) => name !== property);
          // A path is part of the ARN, and a document of the versions.
          const still = (observed: Observed): unknown => withSortedSets({ ...observed, arn: '', facts: {} }, others);
          expect(still(after)).toEqual(still(before));
        });
      }
    }

    if (kind.ownable) {
      test('tags are updated without other writes, ownership tags included', async () => {
        const observed = await harness.converge(kind, full);
        const spec = { ...full, tags: { team: 'other', stage: 'test', 'iam-bootstrap:intent': 'run-1' } };
        expect(await harness.update(kind, spec, observed)).toEqual([expect.stringMatching(/^Tag/)]);
        expect((await harness.observe(kind, spec)).tags).toEqual(spec.tags);
      });
    }

    if (unmanaged !== undefined) {
      test('what is unmanaged is reported and kept', async () => {
        await harness.converge(kind, full);
        await harness.sendDirectly(unmanaged.byHand);
        const observed = await harness.observe(kind, full);
        const found = compareSpec(kind, full, observed);
        expect({ ...found, unmanaged: [...found.unmanaged].sort() }).toEqual({
          ...NOTHING,
          unmanaged: [...unmanaged.lines].sort(),
        });
        expect(kind.update(desiredOf(kind, full), observed, found.changes)).toEqual([]);
      });

      test('what is unmanaged is removed where that is asked for, and nothing else is', async () => {
        const before = await harness.converge(kind, full);
        await harness.sendDirectly(unmanaged.byHand);
        const calls = await harness.update(kind, full, await harness.observe(kind, full), { removeUnmanaged: true });
        expect(calls.sort()).toEqual([...unmanaged.operations].sort());
        const all = Object.keys(kind.properties);
        expect(withSortedSets(await harness.observe(kind, full), all)).toEqual(withSortedSets(before, all));
      });
    }

    if (kind.renaming === 'call') {
      test('it is renamed with all that it has, by one call that is the last, and a second one is told as outdated', async () => {
        const [property = ''] = kind.keyProperties;
        await harness.converge(kind, full);
        const before = await harness.observe(kind, full);
        const renamed: JsonObject = { ...full, [property]: sibling?.[property] ?? '' };
        const { changes } = compareSpec(kind, { ...renamed, path: '/renamed/' }, before);
        const change = { desired: renamed[property] ?? '', put: [], remove: [] };
        const desired = desiredOf(kind, { ...renamed, path: '/renamed/' });
        const writes = orderByEffect(kind.update(desired, before, { ...changes, [property]: change }));
        expect(writes).toHaveLength(1);
        await harness.send(kind, writes);
        expect(await harness.read(kind, full)).toBeUndefined();
        const after = await harness.observe(kind, renamed);
        expect(after).toEqual({
          ...before,
          name: desired.name,
          arn: after.arn,
          state: { ...before.state, path: '/renamed/' },
        });
        expect(after.arn).toBe(kind.arnOf({ ...renamed, path: '/renamed/' }, TARGET));
        for (const write of writes) {
          expect(write.isOutdated?.(await harness.errorFrom(write))).toBe(true);
          await harness.converge(kind, full);
          expect(write.isOutdated?.(await harness.errorFrom(write))).toBe(true);
        }
      });
    }

    test('every write can be sent twice, but those that say that AWS does not guard them', async () => {
      const sendTwice = async (spec: JsonObject, observed: Observed): Promise<void> => {
        const { changes } = compareSpec(kind, spec, observed, { removeUnmanaged: true });
        for (const step of kind.update(desiredOf(kind, spec), observed, changes)) {
          await harness.send(kind, step.unguarded === true ? [step] : [step, step]);
        }
        expect(compareSpec(kind, spec, await harness.observe(kind, spec), { removeUnmanaged: true }).drift).toEqual([]);
      };
      await sendTwice(full, await harness.create(kind, full));
      await harness.sendDirectly(unmanaged?.byHand ?? []);
      for (const [property, { changed, immutable, writeOnly }] of properties) {
        if (immutable === true || writeOnly === true) continue;
        await sendTwice({ ...full, [property]: changed }, await harness.observe(kind, full));
        await sendTwice(full, await harness.observe(kind, full));
      }
    });

    if (isForGood) {
      test('deletion says that it cannot be, and sends nothing', async () => {
        const observed = await harness.converge(kind, full);
        await expect(harness.deletionWrites(kind, observed)).rejects.toThrow('cannot');
      });
    } else {
      test('deletion takes along what stands in its way, and to delete twice is fine', async () => {
        const early = await harness.converge(kind, full);
        await harness.sendDirectly(unmanaged?.byHand ?? []);
        await harness.sendDirectly(fixture.deletionBlockers);
        const steps = await harness.deletionWrites(kind, await harness.observe(kind, full));
        await harness.send(kind, steps);
        expect(await harness.read(kind, absent)).toBeUndefined();
        expect((await harness.readMany(kind, [absent])).result).toEqual(new Map());

        await harness.send(kind, steps);
        await harness.send(kind, await harness.deletionWrites(kind, early));
      });

      test('an entity is made anew after it was deleted', async () => {
        await harness.send(kind, await harness.deletionWrites(kind, await harness.converge(kind, full)));
        expect(compareSpec(kind, full, await harness.converge(kind, full))).toEqual(NOTHING);
      });
    }

    if (kind.listTrusting !== undefined) {
      test('the roles that trust it are told with their tags, and no others', async () => {
        const { arn } = await harness.converge(kind, full);
        const observed = await harness.observe(kind, full);
        const create = (RoleName: string, Effect: string, Federated: string | string[]): Write => {
          const statement = { Effect, Principal: { Federated }, Action: 'sts:AssumeRoleWithSAML' };
          const document = { Version: '2012-10-17', Statement: [statement] };
          const Tags = [{ Key: 'of', Value: RoleName }];
          const input = { RoleName, AssumeRolePolicyDocument: JSON.stringify(document), Tags };
          return { operation: 'CreateRole', input };
        };
        await harness.sendDirectly([
          create('one', 'Allow', arn),
          create('many', 'Allow', [`${arn}-other`, arn]),
          create('other', 'Allow', `${arn}-other`),
          create('denied', 'Deny', arn),
        ]);
        for (const reader of [harness.reader, harness.readerWithSmallPages()]) {
          const found = await harness.listTrusting(kind, observed, reader);
          expect(found.map(({ name, tags }) => [name, tags]).sort()).toEqual([
            ['many', { of: 'many' }],
            ['one', { of: 'one' }],
          ]);
        }
      });
    }

    if (kind.memberships !== undefined) {
      const { property } = kind.memberships;
      test('each member of its set tells where it is in, and one that does not exist is nowhere', async () => {
        await harness.converge(kind, full);
        const members = strings(full[property]);
        expect(members).not.toEqual([]);
        for (const member of members) {
          expect(await harness.listMemberships(kind, member)).toContain(kind.nameOf(full));
          expect(await harness.listMemberships(kind, member, harness.readerWithSmallPages())).toContain(
            kind.nameOf(full),
          );
        }
        expect(await harness.listMemberships(kind, 'nobody')).toEqual([]);
      });
    }

    if (fixture.dependents !== undefined) {
      const { byHand, names } = fixture.dependents;
      test('what holds on to it is told, and can be taken off', async () => {
        await harness.converge(kind, full);
        await harness.sendDirectly(byHand);
        const observed = await harness.observe(kind, full);
        const holders = await harness.listDependents(kind, observed);
        expect(holders.map((holder) => `${holder.kind}/${holder.name}`).sort()).toEqual([...names].sort());
        const paged = await harness.listDependents(kind, observed, harness.readerWithSmallPages());
        expect(paged.map((holder) => `${holder.kind}/${holder.name}`).sort()).toEqual([...names].sort());
        const detachments = holders.flatMap(({ detach }) => detach ?? []);
        await harness.send(kind, [...detachments, ...detachments, ...(await harness.deletionWrites(kind, observed))]);
        expect(await harness.read(kind, full)).toBeUndefined();
        expect(await harness.listDependents(kind, observed)).toEqual([]);
      });
    }
  });

  // After all the others, whose calls it judges.
  test('the laws above made the calls that its actions allow, and all of them', () => {
    const actions = [...kind.actions.read, ...kind.actions.write];
    const declared = actions.filter((action) => !PERMISSIONS_ONLY.includes(action));
    expect(harness.actionsUsedBy(kind)).toEqual(declared.sort());
  });
});

test('every kind has a fixture and every fixture a kind, and names are unique', () => {
  const names = KINDS.map(({ name }) => name);
  expect(Object.keys(KIND_FIXTURES).sort()).toEqual([...names].sort());
  expect(new Set(names).size).toBe(names.length);
  expect(findKind('Bucket')).toBeUndefined();
});
