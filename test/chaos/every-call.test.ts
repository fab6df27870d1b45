import type { IAM } from '@aws-sdk/client-iam';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { apply } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { randomOf } from '../support/concurrency.js';
import { callIdentity } from '../support/fault-proxy.js';
import type { Call, Fault, Rule } from '../support/fault-proxy.js';
import { isRead, KindStage, nextUnusedAccount, KIND_CASES, PHASES } from '../support/kind-stage.js';
import type { KindCase, Phase, Result } from '../support/kind-stage.js';
import { requestOf, role, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

/** Injects every fault at every call of every kind, one at a time, and kills the worker at every call. */

jest.setTimeout(3_600_000);

/** Accounts in use at a time. Most of a case is waiting for a retry. */
const LANES = 24;

/** Runs that one `kill -9` interrupts, each at its own call. */
const KILLED_AT_ONCE = 40;

/** The short form kills the worker at every fourth of these moments of a kind, starting with another one in each kind. */
const STRIDE = LONG_FORM ? 1 : 4;

/** Rounds of creating, updating and deleting, in one account as long as each of them deletes the entity. */
const ROUNDS = 8;

/** Timeout of calls without a reply, in seconds. */
const TIMEOUT = '4';

/** Seed of the short form's sample. */
const SEED = Number(process.env['IAM_BOOTSTRAP_CHAOS_SEED'] ?? 1);

const COMMAND = 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/every-call.test.ts';

/** One call of a phase. */
interface Point {
  /** The call, as {@link callIdentity} names it. */
  readonly call: string;
  /** The number of the call among those of that name. */
  readonly nth: number;
  readonly action: string;
  readonly reads: boolean;
}

/** A fault at one call. */
interface FaultCase {
  readonly what: string;
  readonly fault: Fault;
  /** A fault at all other calls of the account. */
  readonly beside?: Fault;
  /** Selects the calls. */
  readonly at: (point: Point, part: KindCase, phase: Phase) => boolean;
  /** True where the short form includes the fault at every write. */
  readonly always?: true;
  /**
   * True where other faults of the table end in the same rule of the engine, by what `src/aws/errors.ts` reads in them:
   * AWS may have done the call, or refuses it for a while. The short form draws each of them for a third of the kinds, so
   * that each kind meets some of them.
   */
  readonly alike?: true;
  /** From that call on, every call of the account, or of that name, meets the fault. */
  readonly lasts?: 'account' | 'call';
  /** True where AWS executes the call and the reply is lost. */
  readonly losesReply?: true;
  /** True where reads may miss entities that exist. */
  readonly hides?: true;
  /** The expected report if the run does not converge. Default: it must converge. */
  readonly mayFail?: RegExp;
}

const isCall = ({ action }: Point): boolean => action !== 'AssumeRole';
const isWrite = ({ reads }: Point): boolean => !reads;
const isIamWrite = ({ reads, action }: Point): boolean => !reads && !action.includes('Secret');
const isLook = ({ reads, action }: Point): boolean => reads && /^(Get|List)/.test(action);

/** Reports whether a call reads the entity or a part of it: only those can answer 404. */
const isAboutIt = (point: Point, _part: KindCase, phase: Phase): boolean =>
  isLook(point) && point.call.includes(' ') && phase !== 'deletion' && !point.action.includes('Secret');

const isCreate = ({ action }: Point, { kind }: KindCase, phase: Phase): boolean =>
  phase === 'fresh' && /^(Create|Upload)/.test(action) && kind.name !== 'AccountAlias' && !action.includes('Secret');

const FAULT_CASES: readonly FaultCase[] = [
  { what: 'the connection breaks before it is done', fault: { kind: 'reset-before' }, at: () => true },
  {
    what: 'the connection breaks after it is done',
    fault: { kind: 'reset-after' },
    at: () => true,
    always: true,
    losesReply: true,
  },
  {
    what: 'AWS answers 500 after it is done',
    fault: { kind: 'error-after-commit' },
    at: isWrite,
    losesReply: true,
    alike: true,
  },
  {
    what: 'AWS answers 503 and does nothing',
    fault: { kind: 'error', status: 503, code: 'ServiceUnavailable' },
    at: () => true,
    alike: true,
  },
  { what: 'the reply breaks off', fault: { kind: 'truncate' }, at: () => true, losesReply: true, alike: true },
  {
    what: 'the reply is cut',
    fault: { kind: 'truncate', framed: true },
    at: () => true,
    losesReply: true,
    alike: true,
  },
  { what: 'no answer comes, and nothing is done', fault: { kind: 'hang' }, at: () => true, alike: true },
  {
    what: 'no answer comes, and it is done',
    fault: { kind: 'hang', when: 'after' },
    at: isWrite,
    losesReply: true,
    alike: true,
  },
  { what: 'the answer takes a second', fault: { kind: 'delay', ms: 1_000, when: 'after' }, at: () => true },
  { what: 'AWS throttles it', fault: { kind: 'throttle' }, at: () => true, alike: true },
  { what: 'AWS throttles it eight times', fault: { kind: 'throttle', times: 8 }, at: () => true, alike: true },
  {
    what: 'ConcurrentModification, twice',
    fault: { kind: 'error', status: 409, code: 'ConcurrentModification', times: 2 },
    at: isIamWrite,
    alike: true,
  },
  {
    what: 'EntityTemporarilyUnmodifiable, twice',
    fault: { kind: 'error', status: 409, code: 'EntityTemporarilyUnmodifiable', times: 2 },
    at: isIamWrite,
    alike: true,
  },
  {
    what: 'a principal of another account is not known yet, twice',
    fault: {
      kind: 'error',
      status: 400,
      code: 'MalformedPolicyDocument',
      message: 'Invalid principal in policy: "AWS":"arn:aws:iam::999999999999:role/new"',
      times: 2,
    },
    at: ({ action }) => ['CreateRole', 'UpdateAssumeRolePolicy'].includes(action),
  },
  { what: 'the credentials expire', fault: { kind: 'expire' }, at: isCall },
  {
    what: 'the credentials expire for good',
    fault: { kind: 'error', status: 403, code: 'ExpiredToken' },
    at: () => true,
    lasts: 'account',
    mayFail: /ExpiredToken.*renew the worker's AWS credentials/s,
  },
  {
    what: 'access is denied',
    fault: { kind: 'error', status: 403, code: 'AccessDenied' },
    at: () => true,
    lasts: 'call',
    mayFail: /AccessDenied/,
  },
  { what: 'a read is behind', fault: { kind: 'stale-not-found' }, at: isAboutIt, hides: true },
  {
    what: 'what was made is hidden for a while, then flickers',
    fault: { kind: 'lag', reads: 3, ms: 1_000, flicker: 4 },
    at: isCreate,
    lasts: 'account',
    hides: true,
  },
  {
    what: 'its reply is lost, and what was made is hidden for two seconds, then flickers',
    fault: { kind: 'reset-after' },
    beside: { kind: 'lag', ms: 2_000, flicker: 2 },
    at: isCreate,
    losesReply: true,
    hides: true,
  },
  {
    what: 'listings lag behind',
    fault: { kind: 'lag', of: 'lists', reads: 3, flicker: 4 },
    at: isCreate,
    lasts: 'account',
    hides: true,
  },
  {
    what: 'a trust policy shows unique IDs',
    fault: { kind: 'unique-ids' },
    at: ({ action }, { kind }, phase) =>
      kind.name === 'Role' && phase !== 'deletion' && /^(GetRole|ListRoles|GetAccountA\w+)$/.test(action),
    hides: true,
  },
];

/** Cases that failed once, by part, phase, call and fault. The short form includes all of them. */
const ONCE_LOST: ReadonlySet<string> = new Set([
  'Role, deletion, DeleteRole law: the reply breaks off',
  'AccountAlias, deletion, DeleteAccountAlias: the reply is cut',
  'SAMLProvider, update, UntagSAMLProvider saml-provider/law: the reply is cut',
  'AccessKey, update, ListAccessKeys law: a read is behind',
  'AccessKey, secret in Secrets Manager, update, ListAccessKeys law: a read is behind',
  'AccessKey, secret in Secrets Manager, fresh, PutSecretValue: the credentials expire for good',
  'ServiceSpecificCredential, secret in Secrets Manager, fresh, PutSecretValue: the credentials expire for good',
  'VirtualMFADevice, secret in Secrets Manager, fresh, GetSecretValue: the credentials expire for good',
  'VirtualMFADevice, secret in Secrets Manager, fresh, PutSecretValue: the credentials expire for good',
]);

let world: World;
let temporal: TemporalConnection;
let worker: WorkerProcess;
/** Calls of a run without faults, by part and phase. */
const rehearsed = new Map<string, Readonly<Record<Phase, readonly Point[]>>>();

let unrehearsed: string[] = [];

const startWorker = (): Promise<WorkerProcess> => world.startWorker({ IAM_BOOTSTRAP_AWS_TIMEOUT: TIMEOUT });

beforeAll(async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
  world = await startWorld();
  worker = await startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
  const rehearsals = await Promise.allSettled(KIND_CASES.map((part) => lane(() => rehearse(part))));
  unrehearsed = rehearsals.flatMap((one, index) =>
    one.status === 'rejected' ? [`${KIND_CASES[index]?.name ?? ''}: ${String(one.reason)}`] : [],
  );
  // Each kind goes through its life: minutes, where the processors are busy.
}, 900_000);

afterAll(async () => {
  await temporal.close();
  await world.stop();
}, 300_000);

let free = LANES;
const waiting: (() => void)[] = [];

/** Runs work when an account is free. */
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

function pointsOf(calls: readonly Call[]): Point[] {
  const seen = new Map<string, number>();
  return calls.map((one) => {
    const call = callIdentity(one);
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    return { call, nth, action: one.action, reads: isRead(one) };
  });
}

/** Returns the calls of each phase without faults. */
async function rehearse(part: KindCase): Promise<void> {
  const stage = new KindStage(world, temporal, part);
  await stage.createPrerequisites();
  const points: Record<Phase, readonly Point[]> = { fresh: [], update: [], deletion: [] };
  for (const phase of PHASES) {
    if (phase === 'deletion' && !stage.canBeDeleted) continue;
    await stage.applyManualChanges(phase);
    const result = await stage.run(phase);
    if (phase === 'update' && result.writes.length === 0) continue;
    points[phase] = pointsOf(result.calls);
    await expectTruth(stage, phase, result);
  }
  rehearsed.set(part.name, points);
}

/** What a fault did to a run. */
interface Disturbed {
  /** The reply to the Create was lost. */
  readonly lost?: boolean;
  /** The worker died, so its writes are known only in part. */
  readonly died?: boolean;
  /** A read was stale and may have missed an existing entity. */
  readonly hidden?: boolean;
}

/** Expects the result of a phase, by the account and by the calls at the proxy. */
async function expectTruth(stage: KindStage, phase: Phase, result: Result, disturbed: Disturbed = {}): Promise<void> {
  const { lost = false, died = false, hidden = false } = disturbed;
  const { report, writes } = result;
  const [entity] = report.entities;
  const outcome = stage.outcomeOf(phase);
  // An entity without tags that a stale read missed shows no owner when its Create conflicts.
  const adopted = hidden && phase === 'update' && entity?.outcome === 'adopted' && !stage.kind.ownable;
  expect([report.result, entity?.outcome, entity?.reason]).toEqual([
    'converged',
    adopted ? 'adopted' : outcome,
    entity?.reason,
  ]);
  expectToldWrites(report, writes, !died);
  if (phase === 'deletion') await stage.expectAbsent();
  else await stage.expectAsDeclared();
  if (outcome !== 'created') {
    expect(entity?.confirmedBy).toBeNull();
    return;
  }
  const confirmed = stage.confirmationAfter(lost);
  expect(hidden || died ? [confirmed, stage.confirmationAfter(true)] : [confirmed]).toContain(entity?.confirmedBy);
  await stage.expectStored(report.workflow.runId, writes);
  expectOneCreate(stage, [result]);
}

/** Expects that AWS executed the writes of the report; with `whole`, that the report has all writes. */
function expectToldWrites(report: Report, writes: readonly Call[], whole: boolean): void {
  const done = writes.filter((call) => call.committed).map(({ action }) => action);
  const told = [...new Set(report.entities.flatMap((entity) => entity.writes.map(({ operation }) => operation)))];
  expect(told.filter((operation) => !done.includes(operation))).toEqual([]);
  if (whole) expect(told.sort()).toEqual([...new Set(done)].sort());
}

/** Expects one Create. A secret that AWS shows once may be created again after the first one is removed. */
function expectOneCreate(stage: KindStage, results: readonly Result[]): void {
  const done = results.flatMap(({ writes }) => writes.filter(({ committed }) => committed)).map(({ action }) => action);
  const { operationOfCreate } = stage;
  const removed = done.filter(
    (action) => action.replace('Delete', 'Create') === operationOfCreate && action.startsWith('Del'),
  );
  expect(done.filter((action) => action === operationOfCreate).length - removed.length).toBe(1);
  if (stage.kind.secret?.recordFromReply === undefined) expect(removed).toEqual([]);
}

/** One fault at one call. */
interface Case {
  readonly faultCase: FaultCase;
  readonly phase: Phase;
  readonly point: Point;
}

const singles = new Tally();
const failures = new Map<string, string[]>();
const counts = new Map<string, number>();
/** Cases in which the read to break was not made, by fault. */
const unseen = new Map<string, number>();

/** Returns all cases of a part, or the short form's sample. */
function casesOf(part: KindCase, next: () => number): Case[] {
  const points = rehearsed.get(part.name);
  if (points === undefined) throw new Error(`${part.name} was not rehearsed`);
  const place = KIND_CASES.indexOf(part);
  return FAULT_CASES.flatMap((faultCase, index) => {
    const all = PHASES.flatMap((phase) =>
      points[phase]
        .filter((point) => faultCase.at(point, part, phase))
        .map((point): Case => ({ faultCase, phase, point })),
    );
    if (LONG_FORM) return all;
    const drawn = all[Math.floor(next() * all.length)];
    const isDrawn = faultCase.alike !== true || (place + index) % 3 === 0;
    return all.filter(
      (one) =>
        (isDrawn && one === drawn) ||
        (faultCase.always === true && isIamWrite(one.point)) ||
        ONCE_LOST.has(`${part.name}, ${one.phase}, ${one.point.call}: ${faultCase.what}`),
    );
  });
}

/** A round in one account: each phase with its fault, or none. */
type Round = Readonly<Partial<Record<Phase, Case>>>;

/** Returns rounds that contain each case once, in batches of one account. */
function roundsOf(part: KindCase, next: () => number): Round[][] {
  const cases = casesOf(part, next).map((one) => ({ one, order: next() }));
  const shuffled = cases.sort((a, b) => a.order - b.order).map(({ one }) => one);
  // A role is assumed once per account.
  const first = shuffled.filter(({ point }) => point.action === 'AssumeRole');
  const [fresh, update, deletion] = PHASES.map((phase) =>
    shuffled.filter((one) => one.phase === phase && !first.includes(one)),
  ) as [Case[], Case[], Case[]];
  const later: Round[] = [];
  const length = Math.max(fresh.length, update.length, deletion.length);
  for (let round = 0; round < length; round += 1) {
    const phases = { fresh: fresh[round], update: update[round], deletion: deletion[round] };
    later.push(Object.fromEntries(Object.entries(phases).filter(([, one]) => one !== undefined)));
  }
  const batches: Round[][] = first.map((one) => [{ fresh: one }]);
  for (let start = 0; start < later.length; start += ROUNDS) batches.push(later.slice(start, start + ROUNDS));
  return batches;
}

/** Runs rounds: creates the entity, updates it, deletes it. */
async function play(part: KindCase, rounds: readonly Round[]): Promise<void> {
  let stage: KindStage | undefined;
  const changes = (rehearsed.get(part.name)?.update.length ?? 0) > 0;
  for (const round of rounds) {
    if (stage?.leavesNothingBehind !== true) {
      stage = new KindStage(world, temporal, part);
      await stage.createPrerequisites();
    }
    for (const phase of PHASES) {
      const one = round[phase];
      // Phases without a fault prepare the others: the entity is created, and changed as before the recorded deletion.
      const needed = {
        fresh: true,
        update: round.deletion !== undefined && !stage.leavesNothingBehind && changes,
        deletion: false,
      }[phase];
      if (one === undefined && !needed) continue;
      const what = one?.faultCase.what ?? 'nothing breaks';
      try {
        await stage.applyManualChanges(phase);
        const occurred = await runWithFault(stage, phase, one);
        if (one !== undefined && occurred) count(one, true);
        else if (one !== undefined) unseen.set(what, (unseen.get(what) ?? 0) + 1);
      } catch (error) {
        const where = `${part.name}, ${phase}, ${one?.point.call ?? ''} (${String(one?.point.nth ?? '')})`;
        const line = `${where}: ${error instanceof Error ? error.message : String(error)}`;
        failures.set(what, [...(failures.get(what) ?? []), line]);
        if (one !== undefined) count(one, false);
        stage = undefined;
        break;
      }
    }
    // A new account costs less than a run that deletes the entity.
    if (round.deletion === undefined) stage = undefined;
  }
}

function count({ faultCase, point }: Case, survived: boolean): void {
  singles.count(faultCase.what, point.action, survived);
  counts.set(faultCase.what, (counts.get(faultCase.what) ?? 0) + 1);
}

/** Activates a fault at its call. */
function arm(account: string, { faultCase, point }: Case): Rule {
  const isThere = (call: Call): boolean => callIdentity(call) === point.call;
  const { fault } = faultCase;
  if (fault.kind === 'lag') return world.proxy.on({ account }, fault);
  if (faultCase.lasts === undefined)
    return world.proxy.on({ account, predicate: isThere, nth: point.nth }, { times: 1, ...fault });
  let seen = 0;
  const predicate = (call: Call): boolean => {
    if (isThere(call)) seen += 1;
    return seen >= point.nth && (faultCase.lasts === 'account' || isThere(call));
  };
  return world.proxy.on({ account, predicate }, fault);
}

/** Runs a phase with a fault. Returns whether the fault occurred. */
async function runWithFault(stage: KindStage, phase: Phase, one: Case | undefined): Promise<boolean> {
  const { account } = stage;
  const beside = one?.faultCase.beside === undefined ? undefined : world.proxy.on({ account }, one.faultCase.beside);
  const rule = one === undefined ? undefined : arm(account, one);
  const result = await stage.run(phase);
  beside?.remove();
  rule?.remove();
  if (one === undefined || rule === undefined) {
    await expectTruth(stage, phase, result);
    return false;
  }
  const { faultCase, point } = one;
  // A stale read needs a read, and there may have been none. A repeated read depends on the time that a run takes.
  if (rule.fired === 0 && (faultCase.fault.kind === 'lag' || (point.reads && point.nth > 1))) {
    await expectTruth(stage, phase, result);
    return false;
  }
  expect(rule.fired).toBeGreaterThan(0);
  if (faultCase.mayFail !== undefined && result.report.result !== 'converged') {
    await expectRightFailure(stage, phase, result, faultCase.mayFail, faultCase.lasts === 'call' ? point.action : '');
    return true;
  }
  const isTheCreate = phase === 'fresh' && point.action === stage.operationOfCreate;
  const lost = isTheCreate && faultCase.losesReply === true;
  await expectTruth(stage, phase, result, { lost, hidden: faultCase.hides === true });
  return true;
}

/** Expects that the report names the problem and the remedy and lists no write that AWS did not execute, and that the next run repairs everything. */
async function expectRightFailure(
  stage: KindStage,
  phase: Phase,
  failed: Result,
  says: RegExp,
  names: string,
): Promise<void> {
  const { report } = failed;
  expect(report.result).toBe('failed');
  const told = [report, ...report.entities].flatMap(({ reason, remedy }) => [reason ?? '', remedy ?? '']).join('\n');
  expect(told).toMatch(says);
  expect(told).toContain(names);
  expect([report.remedy, ...report.entities.map(({ remedy }) => remedy)]).toContainEqual(expect.stringMatching(/./));
  expectToldWrites(report, failed.writes, false);
  // Without credentials, an entity whose secret cannot be stored cannot be removed: the report names it.
  const leftBehind = told.includes('whose secret is lost, cannot be removed');
  let next = await stage.run(phase);
  // Nobody has the seed of a device, so it cannot be assigned. A person follows the remedy.
  const isBlocked = leftBehind && next.report.result === 'refused';
  if (isBlocked) {
    expect(next.report.entities[0]?.remedy).toMatch(/or delete .* and apply again/);
    await stage.deleteByHand();
    next = await stage.run(phase);
  }
  expect([next.report.result, next.report.entities[0]?.reason]).toEqual(['converged', next.report.entities[0]?.reason]);
  expectToldWrites(next.report, next.writes, true);
  if (phase === 'deletion') {
    await stage.expectAbsent();
    return;
  }
  await stage.expectAsDeclared();
  if (stage.outcomeOf(phase) !== 'created') return;
  // An entity with our tag counts as created until it is removed, as the report says. Others are created again.
  const anew = leftBehind && (isBlocked || !stage.kind.ownable);
  expectOneCreate(stage, anew ? [next] : [failed, next]);
  const made = next.writes.some((call) => call.committed && call.action === stage.operationOfCreate);
  expect(next.report.entities[0]?.outcome === 'created').toBe(made);
}

test('every kind is created, updated and deleted without faults', () => {
  expect(unrehearsed).toEqual([]);
});

describe('every kind is created, updated and deleted once and reported truthfully, or the report names the problem, where', () => {
  const chosen = new Map<string, number>();
  /** Errors of batches that ended early. */
  const broken: string[] = [];

  beforeAll(async () => {
    const next = randomOf(SEED);
    const batches = KIND_CASES.flatMap((part) =>
      roundsOf(part, next).map((rounds) => ({ part, rounds, order: next() })),
    );
    for (const { rounds } of batches) {
      for (const one of rounds.flatMap((round) => Object.values(round))) {
        chosen.set(one.faultCase.what, (chosen.get(one.faultCase.what) ?? 0) + 1);
      }
    }
    batches.sort((a, b) => a.order - b.order);
    const ends = await Promise.allSettled(batches.map(({ part, rounds }) => lane(() => play(part, rounds))));
    for (const end of ends) if (end.status === 'rejected') broken.push(String(end.reason));
    await record({
      id: 'single-faults',
      title: 'One fault at one call',
      what:
        'Each case creates, updates or deletes an entity of one kind while one call meets one fault. A case ' +
        'survives if the run converges, or reports what prevents it and the next run converges; AWS executed ' +
        'one Create, one secret is valid, and the report lists no write that was not made.',
      command: COMMAND,
      trials: singles.trials,
      figures: [{ what: 'kinds, some with their secret in two places', value: KIND_CASES.length, unit: 'parts' }],
    });
  });

  test.each(FAULT_CASES.map(({ what }) => what))('%s', (what) => {
    expect(failures.get(what) ?? []).toEqual([]);
    expect(broken).toEqual([]);
    expect(counts.get(what)).toBeGreaterThan(0);
    expect((counts.get(what) ?? 0) + (unseen.get(what) ?? 0)).toBe(chosen.get(what));
  });

  test('nothing breaks', () => {
    expect(failures.get('nothing breaks') ?? []).toEqual([]);
  });

  test('each write of each kind is broken', () => {
    const writes = KIND_CASES.flatMap(({ name }) => PHASES.flatMap((phase) => rehearsed.get(name)?.[phase] ?? []));
    const all = writes.filter(isIamWrite).length;
    for (const { what } of FAULT_CASES.filter(({ always }) => always))
      expect(counts.get(what)).toBeGreaterThanOrEqual(all);
    console.log(
      `seed ${String(SEED)}; calls broken:\n${[...counts].map(([what, n]) => `${String(n).padStart(5)}  where ${what}`).join('\n')}`,
    );
  });
});

describe('where AWS refuses a write temporarily, and another tool does it meanwhile', () => {
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
      const account = nextUnusedAccount();
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
  const expected = new Map<string, number>();
  const deaths = new Tally();

  interface Doomed {
    readonly part: KindCase;
    readonly phase: Phase;
    readonly when: 'before' | 'after';
    readonly point: Point;
  }

  interface Dying extends Doomed {
    readonly stage: KindStage;
    readonly rule: Rule;
    readonly running: Promise<Result>;
  }

  beforeAll(async () => {
    const doomed = KIND_CASES.flatMap((part, place) => {
      const all = PHASES.filter((phase) => LONG_FORM || phase === 'fresh').flatMap((phase) =>
        (rehearsed.get(part.name)?.[phase] ?? [])
          .filter((point) => (LONG_FORM ? isCall(point) : isIamWrite(point)))
          .flatMap((point) => (['before', 'after'] as const).map((when): Doomed => ({ part, phase, when, point }))),
      );
      const first = place % Math.min(STRIDE, all.length);
      return all.filter((_one, index) => index % STRIDE === first);
    });
    for (const { part } of doomed) expected.set(part.name, (expected.get(part.name) ?? 0) + 1);
    // Interleaved, so that each batch has every kind.
    const batches = Math.ceil(doomed.length / KILLED_AT_ONCE);
    for (let batch = 0; batch < batches; batch += 1) {
      await killAll(doomed.filter((_one, index) => index % batches === batch));
    }
    await record({
      id: 'crash-points',
      title: 'The worker dies at a call',
      what:
        'Each case kills the worker (kill -9) right before or right after AWS executes one call, and another ' +
        'worker finishes the run. A case survives if the run converges, AWS executed one Create, one secret ' +
        'is valid, and the report lists no write that was not made.',
      command: COMMAND,
      trials: deaths.trials,
    });
  });

  /** Holds each run at its call until all have reached theirs, kills the shared worker, and starts another. */
  async function killAll(doomed: readonly Doomed[]): Promise<void> {
    let dead = (): void => undefined;
    const death = new Promise<void>((resolve) => (dead = resolve));
    const start = async (one: Doomed): Promise<Dying> => {
      const { part, phase, when, point } = one;
      const stage = new KindStage(world, temporal, part);
      await stage.createPrerequisites();
      for (const earlier of PHASES.slice(0, PHASES.indexOf(phase))) {
        await stage.applyManualChanges(earlier);
        await stage.run(earlier);
      }
      await stage.applyManualChanges(phase);
      let arrive = (): void => undefined;
      const arrived = new Promise<void>((resolve) => (arrive = resolve));
      const hold = async (): Promise<'drop'> => {
        arrive();
        await death;
        return 'drop';
      };
      const rule = world.proxy.on(
        { account: stage.account, predicate: (call) => callIdentity(call) === point.call, nth: point.nth },
        { kind: 'hook', times: 1, [when]: hold },
      );
      const running = stage.run(phase);
      // A run that ends before its call does not block the others: its rule has not fired.
      running.then(arrive, arrive);
      await arrived;
      return { ...one, stage, rule, running };
    };
    const dying = await Promise.all(doomed.map(start));
    await worker.kill();
    dead();
    worker = await startWorker();
    await Promise.all(
      dying.map(async ({ part, phase, when, point, stage, rule, running }) => {
        const fault = `kill -9 of the worker ${when} it is done`;
        try {
          const result = await running;
          expect(rule.fired).toBe(1);
          const isTheCreate = phase === 'fresh' && point.action === stage.operationOfCreate;
          await expectTruth(stage, phase, result, { lost: isTheCreate && when === 'after', died: true });
          survived.set(part.name, (survived.get(part.name) ?? 0) + 1);
          deaths.count(fault, point.action, true);
        } catch (error) {
          const line = `${phase}, ${when} ${point.call}: ${error instanceof Error ? error.message : String(error)}`;
          lost.set(part.name, [...(lost.get(part.name) ?? []), line]);
          deaths.count(fault, point.action, false);
        }
      }),
    );
  }

  test.each(KIND_CASES.map(({ name }) => name))(
    'before or after any call of %s, another worker finishes the run',
    (name) => {
      expect(lost.get(name) ?? []).toEqual([]);
      expect(survived.get(name)).toBe(expected.get(name));
      expect(survived.get(name)).toBeGreaterThan(0);
    },
  );
});
