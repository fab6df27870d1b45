import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IAM } from '@aws-sdk/client-iam';
import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import { secretMembers } from '../../src/aws/secrets.js';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { apply } from '../../src/client/run.js';
import { loadConfig } from '../../src/config.js';
import type { JsonObject, Target } from '../../src/contract/entity.js';
import type { Confirmation, Outcome, Report } from '../../src/contract/report.js';
import { compare } from '../../src/engine/compare.js';
import { KINDS } from '../../src/kinds/index.js';
import type { Kind, Observed, Step } from '../../src/kinds/kind.js';
import type { Call, Fault, Rule } from '../support/fault-proxy.js';
import { ACCOUNT, KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import type { KindFixture } from '../support/kind-fixtures/index.js';
import { requestOf, role, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

/** Every write call of every kind, broken in every way. */

jest.setTimeout(1_800_000);

/** Accounts that are worked on at a time. */
const LANES = 8;

/** Runs that one `kill -9` ends: each at a call of its own. */
const KILLED_AT_ONCE = 40;

/** What happens to a call. */
const FAULTS = {
  'the connection breaks before it is done': 'reset-before',
  'the connection breaks after it is done': 'reset-after',
  'AWS answers 500 after it is done': 'error-after-commit',
} as const satisfies Record<string, Fault['kind']>;
type Lost = (typeof FAULTS)[keyof typeof FAULTS];

/** Fresh: the entity is not there. Update: somebody has changed it in every way. Deletion: it is to be absent. */
type Phase = 'fresh' | 'update' | 'deletion';
const PHASES: readonly Phase[] = ['fresh', 'update', 'deletion'];

/** One write of a phase. */
interface Point {
  /** The call, as {@link identityOf} names it. */
  readonly call: string;
  /** Which of several calls of that name. */
  readonly nth: number;
}

/** What a phase came to. */
interface Result {
  readonly report: Report;
  /** The writes of it, as the proxy saw them. */
  readonly writes: readonly Call[];
}

let world: World;
let temporal: TemporalConnection;
let worker: WorkerProcess;
/** Writes of an undisturbed run, by kind and phase. */
const rehearsed = new Map<string, Readonly<Record<Phase, readonly Point[]>>>();

let unrehearsed: string[] = [];

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  world = await startWorld();
  worker = await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
  const rehearsals = await Promise.allSettled(KINDS.map((kind) => lane(() => rehearse(kind))));
  unrehearsed = rehearsals.flatMap((one, index) =>
    one.status === 'rejected' ? [`${KINDS[index]?.name ?? ''}: ${String(one.reason)}`] : [],
  );
}, 300_000);

afterAll(async () => {
  await temporal.close();
  await world.stop();
}, 300_000);

let free = LANES;
const waiting: (() => void)[] = [];

/** Runs some work when a lane is free. */
async function lane<T>(work: () => Promise<T>): Promise<T> {
  if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
  else free -= 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  }
}

let accounts = 0;

/** One kind's fixture in an account of its own. */
class Stage {
  readonly account = String(400_000_000_000 + (accounts += 1));
  readonly kind: Kind;
  readonly #fixture: KindFixture;
  readonly #target: Target;
  readonly #clients: AwsClients;

  constructor(kind: Kind) {
    const fixture = KIND_FIXTURES[kind.name];
    if (fixture === undefined) throw new Error(`${kind.name} has no fixture`);
    this.kind = kind;
    this.#fixture = this.#here(fixture);
    const assumeRole = `arn:aws:iam::${this.account}:role/bootstrap`;
    this.#target = { account: this.account, partition: 'aws', assumeRole };
    this.#clients = createAwsClients(this.#target, {
      iamEndpoint: world.sandbox.url,
      stsEndpoint: world.sandbox.url,
      secretsFolder: join(world.directory, 'secrets'),
    });
  }

  /** Makes what the specs refer to. */
  async prepare(): Promise<void> {
    const folder = join(world.directory, 'secrets', this.account);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [file, text] of Object.entries(this.#fixture.secrets ?? {})) {
      await writeFile(join(folder, file), text, { mode: 0o600 });
    }
    await this.#byHand(this.#fixture.prerequisites);
  }

  get operationOfCreate(): string {
    const spec = this.#spec;
    const desired = { name: this.kind.nameOf(spec), spec, tags: {}, target: this.#target, shared: false };
    return this.kind.create(desired).operation;
  }

  /** What a phase is, as the report says. What every account has is not created. */
  outcomeOf(phase: Phase): Outcome {
    if (phase === 'fresh') return this.#fixture.alwaysThere === undefined ? 'created' : 'updated';
    return phase === 'update' ? 'updated' : 'deleted';
  }

  /** Whether the entity can be deleted. */
  get isMortal(): boolean {
    return this.#fixture.alwaysThere !== 'for good';
  }

  /** Whether a deletion leaves nothing behind, so that the account serves for the next round. */
  get isCleanable(): boolean {
    return this.isMortal && this.#fixture.held.length === 0;
  }

  /** Changes the entity in every way that the fixture knows, or gives it all that stands in the way of its deletion. */
  async disturb(phase: Phase): Promise<void> {
    if (phase === 'update') {
      for (const { byHand = [] } of Object.values(this.#fixture.properties)) {
        await this.#byHand(typeof byHand === 'function' ? this.#here(byHand(await this.#present())) : byHand);
      }
      await this.#byHand(this.#fixture.undeclared?.byHand ?? []);
    }
    if (phase === 'deletion') await this.#byHand(this.#fixture.held);
  }

  /** Runs a phase, and gives what came of it. */
  async run(phase: Phase): Promise<Result> {
    const earlier = world.proxy.calls.length;
    const { kind, account } = this;
    const key = Object.fromEntries(Object.entries(this.#spec).filter(([name]) => kind.keyProperties.includes(name)));
    const entity: JsonObject =
      phase === 'deletion'
        ? { kind: kind.name, ...key, state: 'absent' }
        : { kind: kind.name, ...this.#spec, undeclared: 'remove' };
    const parts = { namespace: 'chaos', account, assumed: true, entities: [entity], removeUndeclared: true };
    const report = await apply(temporal, await requestOf(world, parts));
    const writes = world.proxy.writes().filter((call) => call.account === account && call.seq > earlier);
    return { report, writes };
  }

  /** The entity is as declared, by a look that does not go through the engine's activities. */
  async expectAsDeclared(): Promise<Observed> {
    const observed = await this.#present();
    const rules = { rules: this.kind.properties, partition: 'aws', removesUndeclared: () => true, shared: false };
    expect(compare(this.#spec, observed, rules).drift.filter(({ path }) => !path.includes('iam-bootstrap:'))).toEqual(
      [],
    );
    return observed;
  }

  async expectAbsent(): Promise<void> {
    const key = Object.fromEntries(
      Object.entries(this.#spec).filter(([name]) => this.kind.keyProperties.includes(name)),
    );
    const wanted = { name: this.kind.nameOf(this.#spec), spec: key };
    expect(await this.kind.read(this.#clients.reader, wanted, this.#target)).toBeUndefined();
  }

  /** What is stored is of the run, and of the one that is live. */
  async expectStored(runId: string, writes: readonly Call[]): Promise<void> {
    const { secret } = this.kind;
    if (secret === undefined) return;
    const stored = await this.#clients.secrets.readRecord(secret.location(this.#spec));
    expect(stored).toMatchObject({ Account: this.account, Intent: runId });
    if (secret.generated === undefined) return;
    const sent = writes.filter((call) => call.committed && call.action === this.operationOfCreate);
    expect(sent.map(({ params }) => params['Password'] === stored?.['Password'])).toEqual([true]);
  }

  /** How a run knows that its Create has made the entity. */
  confirmationAfter(lost: boolean): Confirmation {
    const { kind } = this;
    if (!lost || kind.secret?.revealed !== undefined) return 'reply';
    return kind.ownable && kind.taggedLater !== true ? 'intent-tag' : 'recorded-attempt';
  }

  get #spec(): JsonObject {
    return this.#fixture.full;
  }

  async #present(): Promise<Observed> {
    const wanted = { name: this.kind.nameOf(this.#spec), spec: this.#spec };
    const observed = await this.kind.read(this.#clients.reader, wanted, this.#target);
    if (observed === undefined) throw new Error(`${this.kind.name} is not there`);
    return observed;
  }

  async #byHand(steps: readonly Step[]): Promise<void> {
    for (const { operation, input, secretInput } of steps) {
      const secret = await secretMembers(this.#clients.secrets, secretInput);
      await this.#clients.write(operation, { ...input, ...secret });
    }
  }

  /** A fixture, moved to this account: its ARNs, its secret files, and the one name that all accounts share. */
  #here<T>(value: T): T {
    const moved = (part: unknown): unknown => {
      if (typeof part === 'string') return part.replaceAll(ACCOUNT, this.account);
      if (Array.isArray(part)) return part.map(moved);
      if (typeof part !== 'object' || part === null) return part;
      const members = Object.entries(part).map(([name, member]) => {
        if (name === 'file') return [name, `${this.account}/${String(member)}`] as const;
        if (name === 'accountAliases') return [name, [`law-${this.account}`]] as const;
        return [name, moved(member)] as const;
      });
      return Object.fromEntries(members);
    };
    return moved(value) as T;
  }
}

/** A call's action and what it is about, the same in every account: `PutRolePolicy law read`. */
function identityOf({ action, params }: Call): string {
  const about = Object.entries(params).filter(([name]) => /^(\w+Name|\w*Arn|Url|ClientID)$/.test(name));
  const values = about.map(([, value]) => value.replace(/^.*:\d{12}:/, '').replace(/^.*:aws:/, ''));
  return [action, ...values.sort()].join(' ');
}

function pointsOf(writes: readonly Call[]): Point[] {
  const seen = new Map<string, number>();
  return writes.map((write) => {
    const call = identityOf(write);
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    return { call, nth };
  });
}

/** The writes of each phase when nothing disturbs it. */
async function rehearse(kind: Kind): Promise<void> {
  const stage = new Stage(kind);
  await stage.prepare();
  const points: Record<Phase, readonly Point[]> = { fresh: [], update: [], deletion: [] };
  for (const phase of PHASES) {
    if (phase === 'deletion' && !stage.isMortal) continue;
    await stage.disturb(phase);
    const outcome = await stage.run(phase);
    points[phase] = pointsOf(outcome.writes);
    const { length } = points[phase];
    if (phase === 'update' && length === 0) continue;
    await expectTruth(stage, phase, outcome);
  }
  rehearsed.set(kind.name, points);
}

/**
 * What a phase must have come to, by what AWS has and by what the proxy saw.
 *
 * @param lost - the reply to the Create was lost
 * @param died - the worker has, and what it had sent is known in part
 */
async function expectTruth(
  stage: Stage,
  phase: Phase,
  { report, writes }: Result,
  { lost = false, died = false } = {},
): Promise<void> {
  const [entity] = report.entities;
  const done = writes.filter((call) => call.committed).map(({ action }) => action);
  const outcome = stage.outcomeOf(phase);
  expect([report.result, entity?.outcome, entity?.reason]).toEqual(['converged', outcome, entity?.reason]);
  const told = new Set(entity?.writes.map(({ operation }) => operation));
  expect([...told].sort()).toEqual(died ? expect.arrayContaining([]) : [...new Set(done)].sort());
  expect([...told].filter((operation) => !done.includes(operation))).toEqual([]);
  if (phase === 'deletion') await stage.expectAbsent();
  else await stage.expectAsDeclared();
  if (outcome !== 'created') {
    expect(entity?.confirmedBy).toBeNull();
    return;
  }
  expect(entity?.confirmedBy).toBe(stage.confirmationAfter(lost));
  await stage.expectStored(report.workflow.runId, writes);
  // Once: of what AWS reveals once, another may have been made where the first one is removed.
  const { operationOfCreate } = stage;
  const removed = done.filter(
    (action) => action.replace('Delete', 'Create') === operationOfCreate && action.startsWith('Del'),
  );
  expect(done.filter((action) => action === operationOfCreate).length - removed.length).toBe(1);
  if (stage.kind.secret?.revealed === undefined) expect(removed).toEqual([]);
}

/** What came of many cases. */
interface Tally {
  readonly cases: Record<Phase, number>;
  readonly lost: string[];
}

/** Breaks each write of each phase in one way: makes the entity, lets it drift, deletes it, until all had their turn. */
async function breakAll(kind: Kind, fault: Lost): Promise<Tally> {
  const tally: Tally = { cases: { fresh: 0, update: 0, deletion: 0 }, lost: [] };
  const points = rehearsed.get(kind.name);
  if (points === undefined) throw new Error(`${kind.name} was not rehearsed`);
  const rounds = Math.max(...PHASES.map((phase) => points[phase].length));
  let stage: Stage | undefined;
  for (let round = 0; round < rounds; round += 1) {
    if (stage?.isCleanable !== true) {
      stage = new Stage(kind);
      await stage.prepare();
    }
    for (const phase of PHASES) {
      const point = points[phase][round];
      // Without a call to break it is made to be changed or deleted, changed as it was when its deletion was
      // rehearsed, and deleted to be made again.
      const deleted = points.deletion[round] !== undefined;
      const needed = { fresh: true, update: deleted && !stage.isCleanable, deletion: stage.isCleanable }[phase];
      if (point === undefined && !needed) continue;
      try {
        await stage.disturb(phase);
        await breakOne(stage, phase, point, fault);
        if (point !== undefined) tally.cases[phase] += 1;
      } catch (error) {
        tally.lost.push(
          `${phase}, ${point?.call ?? 'undisturbed'}: ${error instanceof Error ? error.message : String(error)}`,
        );
        stage = undefined;
        break;
      }
    }
  }
  return tally;
}

async function breakOne(stage: Stage, phase: Phase, point: Point | undefined, fault: Lost): Promise<void> {
  const { account } = stage;
  const rule =
    point &&
    world.proxy.on(
      { account, predicate: (call) => identityOf(call) === point.call, nth: point.nth },
      { kind: fault, times: 1 },
    );
  const outcome = await stage.run(phase);
  rule?.remove();
  expect(rule?.fired).toBe(point && 1);
  const isCreate = phase === 'fresh' && point?.call.split(' ')[0] === stage.operationOfCreate;
  await expectTruth(stage, phase, outcome, { lost: isCreate && fault !== 'reset-before' });
}

test('every kind is made, mended and deleted where nothing breaks', () => {
  expect(unrehearsed).toEqual([]);
});

describe.each(Object.entries(FAULTS))('where %s', (what, fault) => {
  const tallied: string[] = [];
  const results = new Map<string, Promise<Tally>>();

  beforeAll(async () => {
    for (const kind of KINDS) {
      const running = lane(() => breakAll(kind, fault));
      running.catch(() => undefined);
      results.set(kind.name, running);
    }
    await Promise.allSettled(results.values());
  });

  test.each(KINDS.map(({ name }) => name))(
    '%s is made, mended and deleted, once and truly, at every write',
    async (name) => {
      const result = await results.get(name);
      expect(result?.lost).toEqual([]);
      const points = rehearsed.get(name);
      const all = Object.fromEntries(PHASES.map((phase) => [phase, points?.[phase].length]));
      expect(result?.cases).toEqual(all);
      expect(all['fresh']).toBeGreaterThan(0);
      tallied.push(`${name.padEnd(34)} ${JSON.stringify(all)}`);
    },
  );

  afterAll(() => {
    console.log(`calls broken, where ${what}:\n${tallied.join('\n')}`);
  });
});

describe('where AWS refuses a write for now, and somebody else does it meanwhile', () => {
  const Trust = JSON.stringify(trusting());
  const absent = { kind: 'Role', roleName: 'law', state: 'absent' };
  const cases: readonly [string, string, JsonObject, (iam: IAM) => Promise<unknown>, (iam: IAM) => Promise<unknown>][] =
    [
      [
        'adopted',
        'CreateGroup',
        { kind: 'Group', groupName: 'law' },
        () => Promise.resolve(),
        (iam) => iam.createGroup({ GroupName: 'law' }),
      ],
      [
        'unchanged',
        'UpdateRole',
        role('law', { description: 'wanted' }),
        (iam) => iam.updateRole({ RoleName: 'law', Description: 'by hand' }),
        (iam) => iam.updateRole({ RoleName: 'law', Description: 'wanted' }),
      ],
      ['unchanged', 'DeleteRole', absent, () => Promise.resolve(), (iam) => iam.deleteRole({ RoleName: 'law' })],
    ];

  test.each(cases)(
    'the entity is %s after %s, and not of our doing',
    async (outcome, action, entity, before, meanwhile) => {
      const account = String(400_000_000_000 + (accounts += 1));
      const iam = iamClient(world.sandbox.url, account);
      const parts = { namespace: 'chaos', account, assumed: true };
      if (entity['kind'] === 'Role') {
        await iam.createRole({ RoleName: 'law', AssumeRolePolicyDocument: Trust });
        const adopting = await requestOf(world, { ...parts, entities: [role('law', { description: 'wanted' })] });
        expect((await apply(temporal, adopting)).entities).toMatchObject([{ outcome: 'adopted' }]);
      }
      await before(iam);
      const match = { account, action, nth: 1 };
      world.proxy.on(match, { kind: 'hook', before: () => meanwhile(iam).then(() => undefined) });
      const refusal = world.proxy.on(match, { kind: 'error', status: 409, code: 'ConcurrentModification' });
      const report = await apply(temporal, await requestOf(world, { ...parts, entities: [entity] }));
      expect(refusal.fired).toBe(1);
      expect(report).toMatchObject({
        result: 'converged',
        entities: [{ outcome, confirmedBy: null, writes: [], attempts: 2 }],
      });
    },
  );
});

describe('where the worker is killed', () => {
  const lost = new Map<string, string[]>();
  const survived = new Map<string, number>();

  interface Doomed {
    readonly kind: Kind;
    readonly when: 'before' | 'after';
    readonly point: Point;
  }

  interface Dying extends Doomed {
    readonly stage: Stage;
    readonly rule: Rule;
    readonly running: Promise<Result>;
  }

  beforeAll(async () => {
    const doomed = KINDS.flatMap((kind) =>
      (rehearsed.get(kind.name)?.fresh ?? []).flatMap((point) =>
        (['before', 'after'] as const).map((when): Doomed => ({ kind, when, point })),
      ),
    );
    // In turn, so that each batch has some of every kind.
    const batches = Math.ceil(doomed.length / KILLED_AT_ONCE);
    for (let batch = 0; batch < batches; batch += 1) {
      await killAll(doomed.filter((_one, index) => index % batches === batch));
    }
  });

  /** Holds each run at its point until all are there, kills the worker that they share, and starts another. */
  async function killAll(doomed: readonly Doomed[]): Promise<void> {
    let dead = (): void => undefined;
    const death = new Promise<void>((resolve) => (dead = resolve));
    const start = async ({ kind, when, point }: Doomed): Promise<Dying> => {
      const stage = new Stage(kind);
      await stage.prepare();
      let arrive = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      const hold = async (): Promise<'drop'> => {
        arrive();
        await death;
        return 'drop';
      };
      const rule = world.proxy.on(
        { account: stage.account, predicate: (call) => identityOf(call) === point.call, nth: point.nth },
        { kind: 'hook', times: 1, [when]: hold },
      );
      const running = stage.run('fresh');
      // A run that ends without coming to the point keeps nobody waiting: its rule tells.
      running.then(arrive, arrive);
      await arrived;
      return { kind, when, point, stage, rule, running };
    };
    const dying = await Promise.all(doomed.map(start));
    await worker.kill();
    dead();
    worker = await world.startWorker();
    await Promise.all(
      dying.map(async ({ kind, when, point, stage, rule, running }) => {
        try {
          const outcome = await running;
          expect(rule.fired).toBe(1);
          const isCreate = point.call.split(' ')[0] === stage.operationOfCreate;
          await expectTruth(stage, 'fresh', outcome, { lost: isCreate && when === 'after', died: true });
          survived.set(kind.name, (survived.get(kind.name) ?? 0) + 1);
        } catch (error) {
          const line = `${when} ${point.call}: ${error instanceof Error ? error.message : String(error)}`;
          lost.set(kind.name, [...(lost.get(kind.name) ?? []), line]);
        }
      }),
    );
  }

  test.each(KINDS.map(({ name }) => name))(
    'before or after any write of a new %s, another one ends the run',
    (name) => {
      expect(lost.get(name) ?? []).toEqual([]);
      expect(survived.get(name)).toBe(2 * (rehearsed.get(name)?.fresh.length ?? 0));
      expect(survived.get(name)).toBeGreaterThan(0);
    },
  );
});
