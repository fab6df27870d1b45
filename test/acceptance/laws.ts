import { awsError, isUnsupported } from '../../src/aws/errors.js';
import type { AwsError } from '../../src/aws/errors.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Kind, Observed, Write } from '../../src/kinds/kind.js';
import { compareSpec, desiredOf } from '../kinds/kind-harness.js';
import type { KindHarness } from '../kinds/kind-harness.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import { hold, required, until, Violation } from './until.js';

/** One kind with a fixture of names that no other law has. */
export interface LawCase {
  readonly kind: Kind;
  readonly fixture: KindFixture;
  readonly harness: KindHarness;
  readonly target: { readonly account: string; readonly partition: string };
  readonly propagationMs: number;
}

/** A law that every kind keeps. The fixtures of the kinds are those of the laws in `test/kinds/`. */
export interface Law {
  readonly name: string;
  /** Default: it applies to every kind. */
  readonly appliesTo?: (one: LawCase) => boolean;
  readonly check: (one: LawCase) => Promise<void>;
}

type Options = Parameters<typeof compareSpec>[3];

const isForGood = ({ fixture }: LawCase): boolean => fixture.alwaysPresent === 'for good';
const hasUnmanaged = ({ fixture }: LawCase): boolean => fixture.unmanaged !== undefined;
const isCredential = ({ kind, fixture }: LawCase): boolean =>
  kind.secret?.listCandidates !== undefined && fixture.otherCase === undefined;

/** The laws, in the order in which they are played. */
export const LAWS: readonly Law[] = [
  {
    name: 'an entity that is absent reads as absent, alone and in bulk',
    check: async (one) => {
      const spec = one.fixture.alwaysPresent === undefined ? one.fixture.full : keyOf(one);
      await until(one.propagationMs, async () => {
        hold((await one.harness.read(one.kind, spec)) === undefined, 'a read shows it');
        hold((await inBulk(one, spec)) === undefined, 'the bulk read shows it');
      });
    },
  },
  ...(['minimal', 'full'] as const).map((size) => ({
    name: `a ${size} entity shows no drift once it is created and updated, alone and in bulk`,
    check: async (one: LawCase) => {
      const spec = one.fixture[size];
      const observed = await converge(one, spec);
      hold(observed.name === one.kind.nameOf(spec), 'it has another name', observed.name);
      const arn = one.kind.arnOf(spec, one.target);
      hold(one.fixture.hasAwsAssignedArn === true || observed.arn === arn, 'it has another ARN', observed.arn);
      await until(one.propagationMs, async () => {
        const bulk = await inBulk(one, spec);
        const { drift } = compareSpec(one.kind, spec, required(bulk, 'the bulk read does not show it'));
        hold(drift.length === 0, 'the bulk read shows drift', drift);
      });
    },
  })),
  {
    name: 'what the Create has set is known without a read',
    check: async (one) => {
      const { kind, fixture } = one;
      const made = await one.harness.create(kind, fixture.full);
      await until(one.propagationMs, async () => {
        const observed = await present(one, fixture.full);
        const [known, shown] = [made, observed].map((state) => compareSpec(kind, fixture.full, state).drift);
        hold(JSON.stringify(known) === JSON.stringify(shown), 'a read shows something else', { known, shown });
      });
    },
  },
  {
    name: 'a second Create is recognised as "already exists"',
    appliesTo: (one) => !isCredential(one),
    check: async (one) => {
      const { kind, fixture, harness } = one;
      await harness.create(kind, fixture.minimal);
      const again = kind.create(desiredOf(kind, fixture.minimal, one.target));
      if (fixture.acceptsSecondCreate === true) await harness.sendDirectly([again]);
      else recognised(kind, await errorOf(harness, again));
    },
  },
  {
    name: 'a Create in another case is recognised as "already exists"',
    appliesTo: ({ fixture }) => fixture.otherCase !== undefined,
    check: async (one) => {
      const { kind, fixture, harness } = one;
      await harness.create(kind, fixture.minimal);
      recognised(kind, await errorOf(harness, kind.create(desiredOf(kind, fixture.otherCase ?? {}, one.target))));
    },
  },
  {
    name: 'the bulk read shows what is wanted and no other',
    appliesTo: ({ fixture }) => fixture.sibling !== undefined,
    check: async (one) => {
      const { kind, fixture, harness } = one;
      const sibling = fixture.sibling ?? {};
      await harness.create(kind, fixture.minimal);
      await harness.create(kind, sibling);
      await until(one.propagationMs, async () => {
        const both = (await harness.readMany(kind, [fixture.minimal, sibling])).result;
        hold(both?.size === 2, 'the bulk read does not show both', [...(both?.keys() ?? [])]);
        const alone = (await harness.readMany(kind, [sibling])).result;
        hold(alone?.size === 1, 'the bulk read shows more than is wanted', [...(alone?.keys() ?? [])]);
      });
    },
  },
  {
    name: 'an equivalent spec does not drift',
    check: async (one) => {
      await converge(one, one.fixture.full);
      await noDrift(one, one.fixture.equivalent);
    },
  },
  {
    name: 'each property that is changed by hand is detected and repaired',
    appliesTo: ({ fixture }) =>
      Object.values(fixture.properties).some(({ manualWrites }) => manualWrites !== undefined),
    check: async (one) => {
      const { kind, fixture, harness } = one;
      await converge(one, fixture.full);
      for (const [property, { manualWrites, paths = [] }] of Object.entries(fixture.properties)) {
        if (manualWrites === undefined) continue;
        const writes =
          typeof manualWrites === 'function' ? manualWrites(await present(one, fixture.full)) : manualWrites;
        await harness.sendDirectly(writes);
        const drifted = await until(one.propagationMs, async () => {
          const observed = await present(one, fixture.full);
          const found = compareSpec(kind, fixture.full, observed).drift.map(({ path }) => path);
          const missing = paths.filter((start) => !found.some((path) => path.startsWith(start)));
          hold(missing.length === 0, `${property}: the drift does not show`, { found, paths });
          return observed;
        });
        await harness.update(kind, fixture.full, drifted);
        await noDrift(one, fixture.full);
      }
    },
  },
  {
    name: 'each property that is declared with a new value is updated',
    check: async (one) => {
      const { kind, fixture, harness } = one;
      let before = await converge(one, fixture.full);
      for (const [property, rule] of Object.entries(fixture.properties)) {
        if (rule.immutable === true || rule.writeOnly === true || rule.hasOwnTests === true) continue;
        const spec = { ...fixture.full, [property]: rule.changed };
        await harness.update(kind, spec, before);
        const after = await noDrift(one, spec);
        await harness.update(kind, fixture.full, after);
        before = await noDrift(one, fixture.full);
      }
    },
  },
  {
    name: 'tags are updated, ownership tags included',
    appliesTo: ({ kind }) => kind.ownable,
    check: async (one) => {
      const tags = { team: 'other', stage: 'test', 'iam-bootstrap:intent': 'run-1' };
      const spec = { ...one.fixture.full, tags };
      await one.harness.update(one.kind, spec, await converge(one, one.fixture.full));
      const observed = await noDrift(one, spec);
      hold(observed.tags['iam-bootstrap:intent'] === 'run-1', 'the tag is missing', observed.tags);
    },
  },
  {
    name: 'what is unmanaged is reported and kept, and removed where that is asked for',
    appliesTo: hasUnmanaged,
    check: async (one) => {
      const { kind, fixture, harness } = one;
      const { byHand = [], lines = [] } = fixture.unmanaged ?? {};
      await converge(one, fixture.full);
      await harness.sendDirectly(byHand);
      const observed = await until(one.propagationMs, async () => {
        const state = await present(one, fixture.full);
        const found = compareSpec(kind, fixture.full, state);
        hold([...found.unmanaged].sort().join() === [...lines].sort().join(), 'something else is unmanaged', found);
        hold(found.drift.length === 0, 'what is unmanaged drifts', found.drift);
        return state;
      });
      await harness.update(kind, fixture.full, observed, { removeUnmanaged: true });
      await noDrift(one, fixture.full, { removeUnmanaged: true });
    },
  },
  {
    name: 'every write can be sent twice, but those that say that AWS does not guard them',
    check: async (one) => {
      const { kind, fixture, harness } = one;
      const made = await harness.create(kind, fixture.full);
      const { changes } = compareSpec(kind, fixture.full, made);
      for (const step of kind.update(desiredOf(kind, fixture.full, one.target), made, changes)) {
        await harness.send(kind, step.unguarded === true ? [step] : [step, step]);
      }
      await noDrift(one, fixture.full);
    },
  },
  {
    name: 'deletion takes along what stands in its way, and to delete twice is fine',
    appliesTo: (one) => !isForGood(one),
    check: async (one) => {
      const { kind, fixture, harness } = one;
      await converge(one, fixture.full);
      await harness.sendDirectly(fixture.unmanaged?.byHand ?? []);
      await harness.sendDirectly(fixture.deletionBlockers);
      const steps = await deleteAll(one);
      await harness.send(kind, steps);
      await gone(one);
    },
  },
  {
    name: 'an entity is made anew after it was deleted',
    appliesTo: (one) => !isForGood(one),
    check: async (one) => {
      await converge(one, one.fixture.full);
      await deleteAll(one);
      await until(one.propagationMs, async () => {
        await converge(one, one.fixture.full).catch((error: unknown) => {
          if (!one.kind.isAlreadyExistsError(awsError(error))) throw error;
          throw new Violation('AWS refuses it since it exists');
        });
      });
    },
  },
];

/** Deletes an entity, again where a read of AWS has not shown all of it. Returns the writes of the first time. */
async function deleteAll(one: LawCase): Promise<readonly Write[]> {
  const { kind, fixture, harness } = one;
  const first = await harness.deletionWrites(kind, await present(one, fixture.full));
  await harness.send(kind, first).catch(async (error: unknown) => {
    if (one.propagationMs === 0 || awsError(error).code !== 'DeleteConflict') throw error;
    await until(one.propagationMs, async () => {
      const left = await harness.read(kind, fixture.full);
      if (left === undefined) return;
      const failure = await harness.send(kind, await harness.deletionWrites(kind, left)).then(() => null, awsError);
      hold(failure === null, 'it cannot be deleted', failure);
    });
  });
  await gone(one);
  return first;
}

async function gone(one: LawCase): Promise<void> {
  const absent = one.fixture.alwaysPresent === undefined ? one.fixture.full : keyOf(one);
  await until(one.propagationMs, async () => {
    hold((await one.harness.read(one.kind, absent)) === undefined, 'it is still there');
  });
}

async function present({ harness, kind, propagationMs }: LawCase, spec: JsonObject): Promise<Observed> {
  return until(propagationMs, async () => {
    return required(await harness.read(kind, spec), 'a read does not show it');
  });
}

async function inBulk({ harness, kind }: LawCase, spec: JsonObject): Promise<Observed | undefined> {
  const { result } = await harness.readMany(kind, [spec]);
  hold(result !== undefined, 'there is no bulk read');
  return result?.get(kind.nameOf(spec).toLowerCase());
}

/** Creates and updates, as a run does with a missing entity, until no drift shows. */
async function converge(one: LawCase, spec: JsonObject): Promise<Observed> {
  const { harness, kind } = one;
  const already = one.fixture.alwaysPresent === undefined ? undefined : await harness.read(kind, spec);
  await harness.update(kind, spec, already ?? (await harness.create(kind, spec)));
  return noDrift(one, spec);
}

async function noDrift(one: LawCase, spec: JsonObject, options: Options = {}): Promise<Observed> {
  return until(one.propagationMs, async () => {
    const observed = await present(one, spec);
    const { drift, unmanaged } = compareSpec(one.kind, spec, observed, options);
    hold(drift.length === 0, 'it drifts', drift);
    hold(options.removeUnmanaged !== true || unmanaged.length === 0, 'something unmanaged is left', unmanaged);
    return observed;
  });
}

function keyOf({ kind, fixture }: LawCase): JsonObject {
  return Object.fromEntries(Object.entries(fixture.full).filter(([name]) => kind.keyProperties.includes(name)));
}

async function errorOf(harness: KindHarness, step: Write): Promise<AwsError | null> {
  return harness.sendDirectly([step]).then(() => null, awsError);
}

function recognised(kind: Kind, error: AwsError | null): void {
  hold(error !== null, 'AWS accepts it');
  if (error === null) return;
  if (isUnsupported(error)) throw Object.assign(new Error(error.message), { Code: error.code });
  const shown = { status: error.httpStatus, code: error.code, message: error.message };
  hold(kind.isAlreadyExistsError(error), 'it is not recognised', shown);
}
