import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { accountLedgerWorkflowId } from '../../src/contract/workflow-ids.js';
import { compare } from '../../src/engine/compare.js';
import { findKind, KINDS } from '../../src/kinds/index.js';
import type { Kind, Observed } from '../../src/kinds/kind.js';
import { ExternalActor } from '../support/external-actor.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { manifestOf } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { temporal, useWorld, world } from '../support/use-world.js';

/**
 * Every cell of the ownership table, for every kind, as the command line shows it and as AWS has it afterwards. Kinds
 * with tags go by the table. The owner of the others is known from the ledger of the account only.
 */

useWorld({ reset: false });

const NAMESPACE = 'ci';
const TARGET = { account: ACCOUNT, partition: 'aws' };

type Owner = 'ours' | 'unowned' | 'foreign';
type Wish = 'own' | 'unowned' | 'foreign' | 'observe';
type Outcome = EntityReport['outcome'];

/** What becomes of an entity that has drifted. */
const WITH_TAGS: Readonly<Record<Wish, Readonly<Record<Owner, Outcome>>>> = {
  own: { ours: 'updated', unowned: 'refused', foreign: 'refused' },
  unowned: { ours: 'updated', unowned: 'adopted', foreign: 'refused' },
  foreign: { ours: 'updated', unowned: 'adopted', foreign: 'adopted' },
  observe: { ours: 'unchanged', unowned: 'unchanged', foreign: 'unchanged' },
};
const WITHOUT_TAGS: Readonly<Record<Wish, Readonly<Record<Owner, Outcome>>>> = {
  own: { ours: 'refused', unowned: 'refused', foreign: 'refused' },
  unowned: { ours: 'updated', unowned: 'updated', foreign: 'refused' },
  foreign: { ours: 'updated', unowned: 'updated', foreign: 'updated' },
  observe: { ours: 'unchanged', unowned: 'unchanged', foreign: 'unchanged' },
};

const EXIT_CODE: Partial<Readonly<Record<Outcome, number>>> = { refused: 3 };

/** The property that is changed by hand; for other kinds it is the first that can be. */
const DRIFTING: Readonly<Record<string, string>> = { Role: 'description' };

function kindOf(name: string): Kind {
  const kind = findKind(name);
  if (kind === undefined) throw new Error(`no kind ${name}`);
  return kind;
}

function fullOf({ name }: Kind): JsonObject {
  return KIND_FIXTURES[name]?.full ?? {};
}

function driftOf({ name }: Kind): string | undefined {
  const properties = KIND_FIXTURES[name]?.properties ?? {};
  return DRIFTING[name] ?? Object.keys(properties).find((one) => properties[one]?.manualWrites !== undefined);
}

/** Recognised by the stored record of its secret: one that another caller makes is a different one. */
function isByRecord({ ownable, secret }: Kind): boolean {
  return !ownable && secret?.listCandidates !== undefined;
}

let externalActor: ExternalActor;

beforeAll(() => {
  externalActor = new ExternalActor(world);
});

async function apply(
  kinds: readonly Kind[],
  namespace: string,
  more: JsonObject = {},
): Promise<{ readonly code: number | null; readonly entities: readonly EntityReport[] }> {
  const entities = kinds.map((kind): JsonObject => ({ kind: kind.name, ...fullOf(kind), ...more }));
  const path = await world.manifest('table.json', manifestOf({ namespace, account: ACCOUNT, entities }));
  const result = await world.cli(['apply', '-f', path, '--keep-going', '--output', 'json']);
  return { code: result.code, entities: result.report().entities };
}

/** What AWS has of each kind's entity; the record of a secret is looked for by what the manifest says of it. */
async function observe(kinds: readonly Kind[]): Promise<ReadonlyMap<string, Observed | undefined>> {
  const { reader } = externalActor.clients;
  return new Map(
    await Promise.all(
      kinds.map(async (kind) => {
        const wanted = { name: kind.nameOf(fullOf(kind)), spec: fullOf(kind) };
        return [kind.name, await kind.read(reader, wanted, TARGET)] as const;
      }),
    ),
  );
}

/** Ends the ledger of the account, which remembers who declares the kinds without tags. */
async function forgetClaims(): Promise<void> {
  try {
    await temporal.client.workflow.getHandle(accountLedgerWorkflowId(ACCOUNT)).terminate();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

/** The account as an owner left it: each kind's entity is there, and has drifted since. */
async function given(kinds: readonly Kind[], owner: Owner): Promise<void> {
  await world.sandbox.reset();
  await forgetClaims();
  await rm(join(world.directory, 'secrets'), { recursive: true, force: true });
  await externalActor.storeSecrets();
  const names = kinds.map(({ name }) => name);
  const prerequisites = names
    .flatMap((name) => KIND_FIXTURES[name]?.prerequisites ?? [])
    // Declared here itself.
    .filter(
      ({ operation, input }) => !(operation === 'CreateUser' && names.includes('User') && input['UserName'] === 'law'),
    );
  await externalActor.send([...new Map(prerequisites.map((step) => [JSON.stringify(step), step])).values()]);
  if (owner === 'unowned') {
    for (const kind of kinds) {
      if (KIND_FIXTURES[kind.name]?.alwaysPresent === undefined) await externalActor.create(kind.name, fullOf(kind));
    }
  } else {
    expect((await apply(kinds, owner === 'ours' ? NAMESPACE : 'other')).code).toBe(0);
  }
  for (const kind of kinds) {
    const property = driftOf(kind);
    if (property === undefined) continue;
    try {
      await externalActor.changeProperty(kind.name, property);
    } catch (error) {
      // What was made by hand has only what the Create sets: that is drift enough.
      if (owner !== 'unowned') throw error;
    }
  }
  const seen = await observe(kinds);
  const drifting = kinds.filter((kind) => driftOf(kind) !== undefined && !(isByRecord(kind) && owner === 'unowned'));
  const same = drifting.filter((kind) => !hasDrifted(kind, seen.get(kind.name)));
  expect(same.map(({ name }) => name)).toEqual([]);
}

const OWNERS: readonly Owner[] = ['ours', 'unowned', 'foreign'];
const WISHES: readonly Wish[] = ['own', 'unowned', 'foreign', 'observe'];
const CELLS = WISHES.flatMap((wish) => OWNERS.map((owner) => [wish, owner] as const));
const wishOf = (wish: Wish): JsonObject => (wish === 'observe' ? { observe: true } : { adopt: wish });

function hasDrifted(kind: Kind, observed: Observed | undefined): boolean {
  if (observed === undefined) return false;
  const options = { rules: kind.properties, partition: 'aws', removesUnmanaged: () => false, shared: false };
  return compare(fullOf(kind), observed, options).drift.length > 0;
}

interface Cell {
  reports: readonly EntityReport[];
  before: ReadonlyMap<string, Observed | undefined>;
  after: ReadonlyMap<string, Observed | undefined>;
}

/** Applies the entities of one cell of the table, and tests the exit code. */
function useCell(kinds: readonly Kind[], wish: Wish, owner: Owner, outcome: Outcome): Cell {
  const cell: Cell = { reports: [], before: new Map(), after: new Map() };
  let code: number | null;
  beforeAll(async () => {
    await given(kinds, owner);
    cell.before = await observe(kinds);
    ({ code, entities: cell.reports } = await apply(kinds, NAMESPACE, wishOf(wish)));
    cell.after = await observe(kinds);
  });
  test(`exits with ${String(EXIT_CODE[outcome] ?? 0)}`, () => {
    expect(code).toBe(EXIT_CODE[outcome] ?? 0);
  });
  return cell;
}

describe.each(CELLS)('adopt: %s, of what is %s', (wish, owner) => {
  const kinds = KINDS.filter(({ ownable }) => ownable);
  const outcome = WITH_TAGS[wish][owner];
  const cell = useCell(kinds, wish, owner, outcome);

  test.each(kinds.map(({ name }) => name))(`%s: ${outcome}`, (name) => {
    const kind = kindOf(name);
    const report = cell.reports.find((entity) => entity.kind === name);
    // A kind without a property that can drift has nothing to repair.
    const same = outcome === 'updated' && !hasDrifted(kind, cell.before.get(name));
    expect(report?.outcome).toBe(same ? 'unchanged' : outcome);
    if (outcome === 'refused' || outcome === 'unchanged') {
      expect(cell.after.get(name)).toEqual(cell.before.get(name));
      expect(report?.writes).toEqual([]);
      if (outcome === 'unchanged') expect(report?.drift.length === 0).toBe(!hasDrifted(kind, cell.before.get(name)));
      return;
    }
    const seen = cell.after.get(name);
    expect(hasDrifted(kind, seen)).toBe(false);
    expect(seen?.tags['iam-bootstrap:namespace']).toBe(NAMESPACE);
    expect(seen?.tags['iam-bootstrap:origin']).toBe(outcome === 'adopted' ? 'adopted' : 'created');
    const previous = outcome === 'adopted' && owner === 'foreign' ? 'iam-bootstrap namespace other' : undefined;
    expect(seen?.tags['iam-bootstrap:previous-owner']).toBe(previous);
  });
});

describe.each(CELLS)('without tags, adopt: %s, of what is %s', (wish, owner) => {
  const kinds = KINDS.filter(({ ownable }) => !ownable);
  const outcome = WITHOUT_TAGS[wish][owner];
  const cell = useCell(kinds, wish, owner, outcome);

  test.each(kinds.map(({ name }) => name))(`%s: ${outcome}`, (name) => {
    const kind = kindOf(name);
    const report = cell.reports.find((entity) => entity.kind === name);
    const [was, is] = [cell.before.get(name), cell.after.get(name)];
    if (isByRecord(kind) && owner === 'unowned') {
      // Theirs is not ours to see: ours is made beside it.
      expect(was).toBeUndefined();
      expect({ outcome: report?.outcome, reason: report?.reason }).toEqual({
        outcome: wish === 'observe' ? 'unchanged' : 'created',
        reason: wish === 'observe' ? 'does not exist; with observe: true it is not created' : null,
      });
      expect(is === undefined).toBe(wish === 'observe');
      return;
    }
    const same = outcome === 'updated' && !hasDrifted(kind, was);
    expect(report?.outcome).toBe(same ? 'unchanged' : outcome);
    if (outcome === 'updated') {
      expect(report?.reason).toContain('ownership cannot be proven');
      expect(hasDrifted(kind, is)).toBe(false);
      return;
    }
    expect(is).toEqual(was);
    expect(report?.writes).toEqual([]);
  });
});
