import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import { apply, plan } from '../../src/client/run/start.js';
import { loadConfig } from '../../src/config/config.js';
import { entityId } from '../../src/contract/entity.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { ALL_ACTIONS, ManualActor } from '../support/manual-actor.js';
import type { ManualAction, AccountSnapshot } from '../support/manual-actor.js';
import {
  afterDeletions,
  canonical,
  entitiesOf,
  ENTITIES,
  expectationFor,
  forecast,
  isEqual,
  KEY,
  MANIFESTS,
  namespaceOf,
  PEOPLE,
  ROBOT,
  TOKENS,
  declaredBy,
} from '../support/account-model.js';
import type { AccountState, RunSpec, Expectation, ManifestName, EntityState } from '../support/account-model.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { Call, Fault, FaultProxy } from '../support/fault-proxy.js';
import { manifestOf } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { WorkerProcess, World } from '../support/world.js';

/**
 * Random sequences of runs, of manual actions between them, and of several concurrent faults. A model predicts the state
 * of the account after each run and what its report may say. The proxy and the sandbox count the calls.
 *
 * `IAM_BOOTSTRAP_SEED` repeats the sequences of a printed seed, one after the other.
 */

/** Concurrent sequences, each with its own account, worker and proxy. */
const LANES = 6;

/** Sequences per lane in the short form. */
const SHORT = 2;

/** Time in which the long form draws new sequences, in milliseconds. */
const LONG_MS = 570_000;

/** Time in which the short form shrinks a failing sequence, from its start, in milliseconds. */
const MAX_MS = 200_000;

/** Fixed seeds of the short form. */
const FIRST_SEED = 20_261_124;

/** Timeout of a run, in milliseconds: longer than IAM's replicas may disagree. */
const MAX_RUN_MS = 240_000;

const REGRESSIONS = join(__dirname, 'regressions');

jest.setTimeout(LONG_FORM ? 1_800_000 : 600_000);

/** Faults of calls. */
const FAULTS = {
  'the reply is lost': { calls: 'writes', fault: { kind: 'reset-after' } },
  'the call is lost': { calls: 'any', fault: { kind: 'reset-before' } },
  'AWS answers 500 after it is done': { calls: 'writes', fault: { kind: 'error-after-commit' } },
  'AWS throttles': { calls: 'any', fault: { kind: 'throttle' } },
  'AWS answers 503': { calls: 'any', fault: { kind: 'error', status: 503, code: 'ServiceUnavailable' } },
  'AWS answers ConcurrentModification': {
    calls: 'writes',
    fault: { kind: 'error', status: 409, code: 'ConcurrentModification' },
  },
  'a read finds nothing': { calls: 'gets', fault: { kind: 'stale-not-found' } },
  'kill -9 of the worker before it': { calls: 'any', fault: { kill: 'worker', when: 'before' } },
  'kill -9 of the worker after it': { calls: 'any', fault: { kill: 'worker', when: 'after' } },
  'kill -9 of the Temporal server': { calls: 'writes', fault: { kill: 'server', when: 'after' } },
} as const satisfies Record<
  string,
  {
    readonly calls: 'writes' | 'gets' | 'any';
    readonly fault: Fault | { readonly kill: 'worker' | 'server'; readonly when: 'before' | 'after' };
  }
>;
type FaultName = keyof typeof FAULTS;

/** One fault of a run. */
interface ArmedFault {
  readonly fault: FaultName;
  /** The number of the first call that it hits, from 1. */
  readonly nth: number;
  /** The number of calls that it hits. */
  readonly times: number;
  /** Only calls of this action. */
  readonly action?: string;
}

/** One run, or two concurrent ones, with faults; or a manual action. */
type Command =
  | { readonly action: ManualAction }
  | { readonly run: RunSpec; readonly beside?: RunSpec; readonly faults?: readonly ArmedFault[] };

type Sequence = readonly Command[];

const GETS = /^Get(Role|User|Group|Policy|InstanceProfile|OpenIDConnectProvider)$/;
const READS = /^(Get|List)(?!CallerIdentity)/;

/** Actions that faults aim at. */
const AIMED = [
  'CreateRole',
  'CreatePolicy',
  'CreateUser',
  'CreateAccessKey',
  'CreateGroup',
  'CreateInstanceProfile',
  'CreateOpenIDConnectProvider',
  'CreatePolicyVersion',
  'TagRole',
  'PutRolePolicy',
  'DeleteRole',
  'DeleteUser',
];

const arbitraryFault: fc.Arbitrary<ArmedFault> = fc
  .record({
    fault: fc.oneof(
      { weight: 40, arbitrary: fc.constantFrom(...(Object.keys(FAULTS) as FaultName[]).slice(0, 7)) },
      { weight: 8, arbitrary: fc.constantFrom(...(Object.keys(FAULTS) as FaultName[]).slice(7, 9)) },
      { weight: 1, arbitrary: fc.constant('kill -9 of the Temporal server' as const) },
    ),
    nth: fc.integer({ min: 1, max: 14 }),
    times: fc.integer({ min: 1, max: 3 }),
    action: fc.option(fc.constantFrom(...AIMED), { nil: undefined, freq: 2 }),
  })
  .map(({ action, fault, nth, times }) => {
    const isAimed = action !== undefined && FAULTS[fault].calls !== 'gets';
    const armed = { fault, nth: isAimed ? 1 : nth };
    const isDeath = fault.startsWith('kill');
    return { ...armed, times: isDeath ? 1 : times, ...(isAimed ? { action } : {}) };
  });

const OURS = Object.keys(MANIFESTS).filter((name) => !name.endsWith('the others')) as ManifestName[];
const THEIRS = Object.keys(MANIFESTS).filter((name) => name.endsWith('the others')) as ManifestName[];

const arbitraryApply = (manifests: readonly ManifestName[]): fc.Arbitrary<RunSpec> =>
  fc
    .record({
      command: fc.constant('apply' as const),
      manifest: fc.constantFrom(...manifests),
      keepGoing: fc.option(fc.constant(true as const), { nil: undefined, freq: 2 }),
    })
    .map(({ keepGoing, ...spec }) => ({ ...spec, ...(keepGoing === undefined ? {} : { keepGoing }) }));

const arbitraryLeaving: fc.Arbitrary<RunSpec> = fc.record({
  command: fc.constantFrom('release' as const, 'destroy' as const),
  manifest: fc.constantFrom(...(['whole', 'contested', 'of the others'] as const)),
});

const arbitraryAsked = fc.oneof(
  { weight: 4, arbitrary: arbitraryApply(['whole', 'changed']) },
  { weight: 5, arbitrary: arbitraryApply(OURS) },
  { weight: 3, arbitrary: arbitraryApply(['contested']) },
  { weight: 2, arbitrary: arbitraryApply(THEIRS) },
  { weight: 2, arbitrary: arbitraryLeaving },
);

const arbitraryRun: fc.Arbitrary<Command> = fc
  .record({
    run: arbitraryAsked,
    beside: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constant('the same' as const) },
      { weight: 1, arbitrary: arbitraryAsked },
      { weight: 1, arbitrary: arbitraryApply(THEIRS) },
    ),
    faults: fc.array(arbitraryFault, { maxLength: 4 }),
  })
  .map(({ run, beside, faults }) => ({
    run,
    ...(beside === undefined ? {} : { beside: beside === 'the same' ? run : beside }),
    ...(faults.length === 0 ? {} : { faults }),
  }));

const arbitrarySequence: fc.Arbitrary<Sequence> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: arbitraryRun },
    { weight: 2, arbitrary: fc.constantFrom(...ALL_ACTIONS).map((action): Command => ({ action })) },
  ),
  { minLength: 2, maxLength: 9, size: 'max' },
);

/** Returns a sequence as text. */
function sequenceText(sequence: Sequence): string {
  return sequence.map((command, index) => `  ${String(index + 1)}. ${commandText(command)}`).join('\n');
}

function commandText(command: Command): string {
  if ('action' in command) return `by hand: ${command.action}`;
  const { run, beside, faults = [] } = command;
  const broken = faults.map(({ fault, nth, times, action }) => {
    const { calls } = FAULTS[fault];
    const call = action ?? { writes: 'write', gets: 'Get', any: 'call' }[calls];
    return `[${call} ${String(nth)}${times > 1 ? `–${String(nth + times - 1)}` : ''}: ${fault}] `;
  });
  return `${broken.join('')}${runText(run)}${beside === undefined ? '' : `, and at once ${runText(beside)}`}`;
}

function runText({ command, manifest, keepGoing }: RunSpec): string {
  return `${command} "${manifest}"${keepGoing === true ? ' --keep-going' : ''}`;
}

let world: World;
let temporal: TemporalConnection;
const tally = new Tally();
const counts = { sequences: 0, commands: 0, runs: 0, actions: 0, pairs: 0 };
const operations = new Set<string>();
/** The sequences of each account. */
const played = new Map<string, Played>();

interface Played {
  readonly sequence: Sequence;
  readonly actor: ManualActor;
  /** Calls of the engine that AWS executed. */
  readonly committed: Call[];
}

/** Resolves when the server is up. Workers start only then. */
let up: Promise<void> = Promise.resolve();

async function restartServer(): Promise<void> {
  const earlier = up;
  let isUp = (): void => undefined;
  up = new Promise((resolve) => (isUp = resolve));
  await earlier;
  await world.crashTemporal();
  await world.resumeTemporal();
  isUp();
}

/** A worker and a proxy that run one sequence at a time. */
class Lane {
  readonly proxy: FaultProxy;
  readonly temporal: TemporalConnection;
  readonly #env: Readonly<Record<string, string>>;
  #worker: Promise<WorkerProcess>;
  /** Restarts in progress. */
  readonly #restarts: Promise<unknown>[] = [];

  private constructor(proxy: FaultProxy, name: string) {
    this.proxy = proxy;
    this.temporal = { ...temporal, taskQueue: name };
    this.#env = { IAM_BOOTSTRAP_TASK_QUEUE: name, AWS_ENDPOINT_URL_IAM: proxy.url, AWS_ENDPOINT_URL_STS: proxy.url };
    this.#worker = world.startWorker(this.#env);
  }

  static async open(name: string): Promise<Lane> {
    const lane = new Lane(await startFaultProxy(world.sandbox.url), name);
    await lane.#worker;
    return lane;
  }

  async close(): Promise<void> {
    await this.settled();
    await (await this.#worker).kill();
    await this.proxy.stop();
  }

  /** Kills the worker and starts another. */
  async killWorker(): Promise<void> {
    await (await this.#worker).kill();
    this.#worker = this.#startWorker();
  }

  /** Starts a worker as a service manager does: again if the server died during the start. */
  async #startWorker(): Promise<WorkerProcess> {
    for (;;) {
      const server = up;
      await server;
      try {
        return await world.startWorker(this.#env);
      } catch (error) {
        if (server === up) throw error;
      }
    }
  }

  /** Kills the server and restarts it. */
  killServer(): void {
    this.#restarts.push(restartServer());
  }

  /** Resolves when everything that was killed runs again. */
  async settled(): Promise<void> {
    await Promise.all(this.#restarts);
    await this.#worker;
    await up;
  }

  /** Injects faults and notes the calls that they hit. */
  arm({ fault, nth, times, action }: ArmedFault, hit: (fault: FaultName, call: Call) => void): void {
    const { calls, fault: kind } = FAULTS[fault];
    let seen = 0;
    const predicate = (call: Call): boolean => {
      if (call.protocol === 'json' || !isFor(calls, call.action)) return false;
      if (action !== undefined && call.action !== action) return false;
      seen += 1;
      if (seen < nth || seen >= nth + times) return false;
      hit(fault, call);
      return true;
    };
    if (!('kill' in kind)) {
      this.proxy.on({ predicate }, kind);
      return;
    }
    const die = async (): Promise<unknown> => {
      if (kind.kill === 'server') {
        this.killServer();
        return undefined;
      }
      await this.killWorker();
      return 'drop';
    };
    this.proxy.on({ predicate }, { kind: 'hook', [kind.when]: die });
  }
}

function isFor(calls: 'writes' | 'gets' | 'any', action: string): boolean {
  if (action === 'AssumeRole' || action === 'GetCallerIdentity') return false;
  if (calls === 'gets') return GETS.test(action);
  return calls === 'any' || !READS.test(action);
}

let accounts = 0;
let written = 0;

/** Runs a sequence, and then a run without faults that has to converge. */
async function play(lane: Lane, sequence: Sequence): Promise<void> {
  accounts += 1;
  const account = String(600_000_000_000 + accounts);
  const actor = new ManualActor(world.sandbox.url, account, join(world.directory, 'secrets'));
  played.set(account, { sequence, actor, committed: [] });
  lane.proxy.clear();
  await actor.createBystanders();
  counts.sequences += 1;
  for (const [index, command] of sequence.entries()) {
    counts.commands += 1;
    try {
      if ('action' in command) {
        if (await actor.perform(command.action)) counts.actions += 1;
      } else await playRun(lane, actor, command);
    } catch (error) {
      throw new Error(`at ${String(index + 1)}. ${commandText(command)}\n${messageOf(error)}`, { cause: error });
    }
  }
  try {
    const last: RunSpec = { command: 'apply', manifest: 'whole', keepGoing: true };
    await playRun(lane, actor, { run: last });
    await expectNoChanges(lane, actor, last);
  } catch (error) {
    throw new Error(`at the undisturbed run at the end\n${messageOf(error)}`, { cause: error });
  }
}

async function requestOf(spec: RunSpec, account: string): Promise<Parameters<typeof apply>[1]> {
  written += 1;
  const { command, keepGoing } = spec;
  const entities = entitiesOf(spec, account);
  const manifest = manifestOf({ namespace: namespaceOf(spec), account, assumed: true, entities });
  const path = await world.manifest(`random-${String(written)}.json`, manifest);
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'test' };
  const loaded = await loadRequest([path], {
    variables: {},
    pipeline,
    keepGoing,
    ...(command === 'apply' ? {} : { command }),
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems, null, 2));
  return loaded.request;
}

async function playRun(
  lane: Lane,
  actor: ManualActor,
  { run, beside, faults = [] }: Extract<Command, { run: RunSpec }>,
) {
  const spec = beside === undefined ? [run] : [run, beside];
  const requests = await Promise.all(spec.map((one) => requestOf(one, actor.account)));
  const before = await actor.snapshot();
  const from = lane.proxy.calls.length;
  const hits: [FaultName, Call][] = [];
  for (const armed of faults) lane.arm(armed, (...hit) => hits.push(hit));
  let reports: Report[];
  try {
    reports = await withTimeout(Promise.all(requests.map((request) => apply(lane.temporal, request))));
  } finally {
    lane.proxy.clearRules();
  }
  await lane.settled();
  const calls = lane.proxy.calls.slice(from);
  played.get(actor.account)?.committed.push(...calls.filter(({ committed }) => committed));
  for (const { action } of calls) operations.add(action);
  counts.runs += new Set(reports.map(({ workflow }) => workflow.runId)).size;
  if (spec.length > 1) counts.pairs += 1;
  const after = await actor.snapshot();
  const died = hits.some(([fault]) => fault.startsWith('kill'));
  const problems = checkRun({ spec, reports, before, after, calls, died });
  const survived = problems.length === 0;
  for (const [fault, { action }] of hits) tally.count(fault, action, survived);
  if (beside !== undefined) {
    const what = beside === run ? 'the same request' : 'another request';
    const where = namespaceOf(run) === namespaceOf(beside) ? 'of the same namespace' : 'of another namespace';
    tally.count(`two pipelines at once: ${what}`, where, survived);
  }
  if (hits.length > 1) tally.count('several of these faults in one run', run.command, survived);
  if (!survived) {
    const lines = reports.map((report) => `${report.workflow.runId}: ${JSON.stringify(outcomes(report))}`);
    const broken = hits.map(([fault, { action, seq }]) => `#${String(seq)} ${action}: ${fault}`);
    const writes = calls
      .filter(({ action }) => !READS.test(action))
      .map(
        ({ seq, action, params, committed, code }) =>
          `#${String(seq)} ${action} ${subjectsOf(params)} ${committed ? 'done' : (code ?? 'lost')}`,
      );
    throw new Error([...problems, ...lines, ...broken, ...writes].join('\n'));
  }
}

function subjectsOf(params: Call['params']): string {
  return Object.entries(params)
    .filter(([name]) => /(Name|Arn|Url|ClientID)$/.test(name))
    .map(([, value]) => value)
    .join(' ');
}

async function withTimeout<T>(running: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error('the run does not end'));
    }, MAX_RUN_MS);
  });
  try {
    return await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Expects that a plan finds no changes, except for refusals. */
async function expectNoChanges(lane: Lane, actor: ManualActor, spec: RunSpec): Promise<void> {
  const { account } = await actor.snapshot();
  const report = await plan(lane.temporal, await requestOf(spec, actor.account));
  const expected = new Map(
    [...forecast(account, spec)].map(([id, fates]) => [id, fates.map(({ outcome }) => outcome)]),
  );
  const refused = new Set([...expected].filter(([, fates]) => fates.includes('refused')).map(([id]) => id));
  for (const entity of report.entities) {
    const id = entityId(entity);
    const waits = expected.get(id)?.includes('skipped') === true;
    if (entity.decision === 'no-op' || waits || (entity.decision === 'refuse' && refused.has(id))) continue;
    throw new Error(`a plan after it would ${entity.decision} ${id}: ${JSON.stringify(entity.drift)}`);
  }
}

/** What is known of one run, or of two concurrent ones. */
interface ObservedRun {
  readonly spec: readonly RunSpec[];
  readonly reports: readonly Report[];
  readonly before: AccountSnapshot;
  readonly after: AccountSnapshot;
  /** Calls of the engine. */
  readonly calls: readonly Call[];
  /** A worker or the server died, so its writes are known only in part. */
  readonly died: boolean;
}

/** Returns every violation in one run, or in two concurrent ones. */
function checkRun(run: ObservedRun): string[] {
  return [...checkAccount(run), ...checkCreates(run), ...checkWrites(run)];
}

/** A run with its request. */
interface Done {
  readonly spec: RunSpec;
  readonly report: Report;
}

/** Checks the account against the model, and the reports against the calls. */
function checkAccount({ spec, reports, before, after }: ObservedRun): string[] {
  const done = spec.flatMap((one, index): Done[] => {
    const report = reports[index];
    return report === undefined ? [] : [{ spec: one, report }];
  });
  const [first, second] = done;
  if (first === undefined) return ['no report'];
  if (second === undefined || first.report.workflow.runId === second.report.workflow.runId) {
    const joined = second !== undefined && canonical(outcomes(second.report)) !== canonical(outcomes(first.report));
    return [...(joined ? ['one run has two reports'] : []), ...checkSequential([first], before, after)];
  }
  if (namespaceOf(first.spec) === namespaceOf(second.spec)) {
    const order = first.report.startedAt <= second.report.startedAt ? [first, second] : [second, first];
    return checkSequential(order, before, after);
  }
  return checkConcurrent([first, second], before, after);
}

/** Checks runs that ran one after the other. */
function checkSequential(done: readonly Done[], before: AccountSnapshot, after: AccountSnapshot): string[] {
  const problems: string[] = [];
  let account = before.account;
  const changed = new Set<string>();
  for (const { spec, report } of done) {
    const next: Record<string, EntityState | undefined> = { ...account };
    const fates = forecast(account, spec);
    problems.push(...checkResult(report));
    if (report.entities.length !== fates.size)
      problems.push(`the report has ${String(report.entities.length)} entities`);
    for (const entity of report.entities) {
      const id = entityId(entity);
      const possible = fates.get(id) ?? [];
      const fate = possible.find(({ outcome }) => outcome === entity.outcome);
      if (fate === undefined) {
        problems.push(
          mismatch(
            entity,
            possible.map(({ outcome }) => outcome),
          ),
        );
        continue;
      }
      if (!isEqual(fate.next, account[id])) changed.add(id);
      if (entity.outcome === 'deleted' && id === ROBOT) changed.add(KEY).add(PEOPLE);
      next[id] = fate.next;
    }
    account = afterDeletions(Object.fromEntries(Object.entries(next).filter(isThere)));
  }
  for (const id of ENTITIES) {
    if (!isEqual(account[id], after.account[id])) problems.push(differs(id, account[id], after.account[id]));
  }
  return [...problems, ...checkUntouched(before, after, changed, done)];
}

function isThere(entry: [string, EntityState | undefined]): entry is [string, EntityState] {
  return entry[1] !== undefined;
}

/**
 * Checks concurrent runs of two namespaces: for each entity that both declare, one run came first.
 * The other run may notice that on the way, and skips the dependents.
 */
function checkConcurrent(done: readonly [Done, Done], before: AccountSnapshot, after: AccountSnapshot): string[] {
  const problems = done.flatMap(({ report }) => checkResult(report));
  const changed = new Set<string>();
  for (const id of ENTITIES) {
    const has = before.account[id];
    const both = done.map(({ spec, report }) => {
      const wanted = declaredBy(spec)[id];
      const entity = report.entities.find((one) => entityId(one) === id);
      const mayStop = report.entities.some(({ outcome }) => outcome === 'refused');
      return { spec, wanted, entity, mayStop };
    });
    const orders = [both, [...both].reverse()];
    const ends = orders.map((order) => {
      let thing: EntityState | undefined = has;
      const isPossible: boolean[] = [];
      for (const { spec, wanted, entity, mayStop } of order) {
        if (wanted === undefined) continue;
        const fate: Expectation = expectationFor(id, thing, wanted, spec);
        const held = expectationsWithDependents(id, before.account, spec, thing);
        const possible = [fate, ...(mayStop ? [{ outcome: 'skipped' as const, next: thing }] : []), ...held];
        const came = possible.find(({ outcome }) => outcome === entity?.outcome);
        isPossible.push(came !== undefined);
        thing = came?.next;
      }
      return { fits: isPossible.every(Boolean), thing };
    });
    // The deletion of a user includes its keys and memberships.
    const goesAlong = (id === KEY || id === PEOPLE) && after.account[ROBOT] === undefined;
    const isRight = ends.some(({ fits, thing }) => fits && (goesAlong || isEqual(thing, after.account[id])));
    if (!isRight) {
      const said = both.map(({ entity }) => entity?.outcome ?? 'nothing').join(' and ');
      const reasons = both.map(({ entity }) => entity?.reason ?? '').join(' / ');
      const ways = ends.map(({ fits, thing }) => `${fits ? '' : '(otherwise) '}${canonical(thing)}`).join(' or ');
      problems.push(
        `${id}: the reports say ${said} (${reasons}); it was ${canonical(has)}, must be ${ways}, and is ${canonical(after.account[id])}`,
      );
    }
    if (!isEqual(has, after.account[id]) || both.some(({ entity }) => !isUnchanged(entity))) changed.add(id);
  }
  return [...problems, ...checkUntouched(before, after, changed, done)];
}

/** An entity with dependents is refused, and so may be the dependents. */
function expectationsWithDependents(
  id: string,
  account: AccountState,
  spec: RunSpec,
  thing: EntityState | undefined,
): readonly Expectation[] {
  const possible = forecast(account, spec).get(id) ?? [];
  return possible.some(({ outcome }) => outcome === 'refused') ? [{ outcome: 'refused', next: thing }] : [];
}

function isUnchanged(entity: EntityReport | undefined): boolean {
  return entity === undefined || ['unchanged', 'refused', 'skipped'].includes(entity.outcome);
}

/** Checks that everything else is unchanged to the byte, bystanders included. */
function checkUntouched(
  before: AccountSnapshot,
  after: AccountSnapshot,
  changed: ReadonlySet<string>,
  done: readonly Done[],
): string[] {
  const ids = new Set([...Object.keys(before.raw), ...Object.keys(after.raw)]);
  return [...ids].flatMap((id) => {
    const quiet = done.every(({ report }) => isUnchanged(report.entities.find((one) => entityId(one) === id)));
    if (changed.has(id) || !quiet || before.raw[id] === after.raw[id]) return [];
    return [`${id} was not to be touched: it was ${before.raw[id] ?? 'absent'} and is ${after.raw[id] ?? 'absent'}`];
  });
}

function checkResult(report: Report): string[] {
  const refused = report.entities.some(({ outcome }) => outcome === 'refused');
  const expected = refused ? 'refused' : 'converged';
  return report.result === expected
    ? []
    : [`the result is ${report.result}, and not ${expected}: ${report.reason ?? ''}`];
}

function mismatch({ outcome, reason, ...entity }: EntityReport, possible: readonly string[]): string {
  return `${entityId(entity)}: the report says ${outcome} (${reason ?? ''}), and it must be ${possible.join(' or ')}`;
}

function differs(id: string, expected: EntityState | undefined, seen: EntityState | undefined): string {
  return `${id} must be ${canonical(expected)}, and is ${canonical(seen)}`;
}

function outcomes({ entities }: Report): Record<string, string> {
  return Object.fromEntries(entities.map((entity) => [entityId(entity), entity.outcome]));
}

/** Checks that `created` entities are exactly those that a Create of that run made, once. */
function checkCreates({ reports, calls }: ObservedRun): string[] {
  const problems: string[] = [];
  const creates = calls.filter(({ action, committed }) => committed && /^Create(?!PolicyVersion)/.test(action));
  const seen = new Set<string>();
  const runs = reports.filter(({ workflow }) => !seen.has(workflow.runId) && seen.add(workflow.runId));
  for (const id of ENTITIES) {
    const of = creates.filter((call) => subjectOf(call) === id);
    const makers = runs.filter((report) =>
      report.entities.some((one) => entityId(one) === id && one.outcome === 'created'),
    );
    if (id === KEY) {
      if (makers.length > 0 !== of.length > 0)
        problems.push(`${id}: ${String(of.length)} were made, and the reports differ`);
      continue;
    }
    if (of.length !== makers.length) {
      problems.push(`${id} was created ${String(of.length)} times, and ${String(makers.length)} reports say so`);
    }
    if (id === PEOPLE) continue;
    for (const { workflow } of makers) {
      const own = of.filter(({ params }) => Object.values(params).includes(workflow.runId));
      if (own.length !== 1)
        problems.push(`${id}: run ${workflow.runId} has made ${String(own.length)}, and says created`);
    }
  }
  const versions = calls.filter(({ action, committed }) => committed && action === 'CreatePolicyVersion').length;
  if (versions > runs.length) problems.push(`${String(versions)} versions of a policy were made`);
  return problems;
}

/** Checks that reports list exactly the writes that AWS executed, by request ID, and only for decided entities. */
function checkWrites({ reports, calls, died }: ObservedRun): string[] {
  const problems: string[] = [];
  const done = calls.filter(
    ({ action, committed, protocol }) => committed && protocol === 'xml' && isFor('writes', action),
  );
  const said = reports.flatMap(({ entities }) => entities.flatMap(({ writes }) => writes));
  for (const { operation, requestId } of said) {
    const is = done.some((call) => call.action === operation && (requestId === null || call.requestId === requestId));
    if (!is) problems.push(`the report says ${operation} (${requestId ?? 'reply lost'}), which AWS has not done`);
  }
  const actions = new Set(said.map(({ operation }) => operation));
  for (const call of done) {
    if (!died && !actions.has(call.action)) problems.push(`${call.action} was done, and no report says so`);
    const id = subjectOf(call);
    const loud = reports.some(({ entities }) => entities.some((one) => entityId(one) === id && !isUnchanged(one)));
    const along = (id === KEY || id === PEOPLE) && reports.some((one) => outcomes(one)[ROBOT] === 'deleted');
    if (!loud && !along) problems.push(`${call.action} was sent to ${id}, which the reports list as unchanged`);
  }
  return problems;
}

/** Returns the entity of a write. */
function subjectOf({ action, params }: Call): string {
  const tail = (name: string): string => (params[name] ?? '').slice((params[name] ?? '').lastIndexOf('/') + 1);
  if (action.includes('OpenIDConnectProvider')) return TOKENS;
  if (action.includes('InstanceProfile')) return `InstanceProfile/${tail('InstanceProfileName')}`;
  if (action.includes('AccessKey')) return `AccessKey/${tail('UserName')}`;
  if (action.includes('Group')) return `Group/${tail('GroupName')}`;
  if (params['RoleName'] !== undefined) return `Role/${tail('RoleName')}`;
  if (params['UserName'] !== undefined) return `User/${tail('UserName')}`;
  return `Policy/${params['PolicyName'] ?? tail('PolicyArn')}`;
}

/** Checks the sandbox's journal of all accounts: the proxies missed no call, and nothing was created twice. */
async function checkJournal(): Promise<string[]> {
  const journal = await world.sandbox.journal();
  const byAccount = new Map<string, typeof journal>();
  for (const entry of journal) {
    if (entry.code !== null || !played.has(entry.account) || !isFor('writes', entry.action)) continue;
    if (READS.test(entry.action)) continue;
    const entries = byAccount.get(entry.account) ?? [];
    entries.push(entry);
    byAccount.set(entry.account, entries);
  }
  const problems: string[] = [];
  for (const [account, { sequence, actor, committed }] of played) {
    const unseen = new Map<string, number>();
    const note = (action: string, by: number): void => void unseen.set(action, (unseen.get(action) ?? 0) + by);
    for (const { action, protocol } of committed) if (protocol === 'xml' && isFor('writes', action)) note(action, -1);
    const live = new Map<string, number>();
    const wrong: string[] = [];
    for (const { action, params, requestId } of byAccount.get(account) ?? []) {
      if (!actor.requests.has(requestId)) note(action, 1);
      if (!/^(Create|Delete)(Role|User|Group|Policy|InstanceProfile|OpenIDConnectProvider|AccessKey)$/.test(action))
        continue;
      const id = subjectOf({ action, params } as Call);
      const left = (live.get(id) ?? 0) + (action.startsWith('Create') ? 1 : -1);
      live.set(id, left);
      if (left > (id === KEY ? 2 : 1)) wrong.push(`${id} was made ${String(left)} times with no absence between`);
    }
    for (const [action, times] of unseen) {
      if (times !== 0) wrong.push(`${action}: the sandbox and the proxy differ by ${String(times)}`);
    }
    if (wrong.length > 0) problems.push(`${wrong.join('\n')}\n${sequenceText(sequence)}`);
  }
  return problems;
}

beforeAll(async () => {
  const replay = { notBecause: 'these are thousands of runs' };
  world = await startWorld({ databaseFile: true, secured: true, replay });
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

afterAll(async () => {
  await temporal.close();
  await world.stop();
}, 300_000);

/** A sequence that failed once, and why. */
interface Regression {
  readonly why: string;
  readonly sequence: Sequence;
}

async function regressions(): Promise<readonly (Regression & { readonly file: string })[]> {
  const files = (await readdir(REGRESSIONS)).filter((file) => file.endsWith('.json')).sort();
  return Promise.all(
    files.map(async (file) => ({
      file,
      ...(JSON.parse(await readFile(join(REGRESSIONS, file), 'utf8')) as Regression),
    })),
  );
}

/** Opens lanes and works in all of them concurrently. */
async function inLanes(work: (lane: Lane, index: number) => Promise<void>, many: number): Promise<void> {
  const ended = await Promise.allSettled(
    Array.from({ length: many }, async (_none, index) => {
      const lane = await Lane.open(`random-${String(index)}`);
      try {
        await work(lane, index);
      } finally {
        await lane.close();
      }
    }),
  );
  const reasons = ended.flatMap((one) => (one.status === 'rejected' ? [messageOf(one.reason)] : []));
  if (reasons.length > 0) throw new Error(reasons.join('\n\n'));
}

/** Draws and runs sequences of a seed. A failing one is shrunk as far as time allows, and stored. */
async function playSeed(lane: Lane, seed: number, numRuns: number, until: number): Promise<void> {
  let playing: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(arbitrarySequence, (sequence) => (playing = play(lane, sequence)));
  const result = await fc.check(property, {
    seed,
    numRuns,
    interruptAfterTimeLimit: Math.max(1, until - Date.now()),
    markInterruptAsFailure: false,
  });
  // Sequences in progress when time is up finish and count.
  const late = await playing.then(() => undefined, messageOf);
  const sequence = result.counterexample?.[0];
  if (sequence === undefined && late === undefined) return;
  const file = join(REGRESSIONS, `seed-${String(seed)}.json`);
  if (sequence !== undefined) {
    const why = 'was found by the seed that the file is named after';
    await writeFile(file, `${JSON.stringify({ why, sequence }, null, 2)}\n`);
  }
  throw new Error(
    [
      `a sequence of seed ${String(seed)} fails; IAM_BOOTSTRAP_SEED=${String(seed)} repeats all of that seed`,
      ...(sequence === undefined ? [] : [`this one is kept as ${file}:`, sequenceText(sequence)]),
      sequence === undefined ? (late ?? '') : messageOf(result.errorInstance),
    ].join('\n'),
  );
}

/** Runs the stored sequences. */
async function playStored(lane: Lane, queue: (Regression & { readonly file: string })[]): Promise<void> {
  for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
    try {
      await play(lane, one.sequence);
    } catch (error) {
      throw new Error(`${one.file} (${one.why})\n${sequenceText(one.sequence)}\n${messageOf(error)}`, { cause: error });
    }
  }
}

test('after any sequence of events, the account matches the model and every report is true', async () => {
  const kept = await regressions();
  const queue = [...kept];
  expect(kept.length).toBeGreaterThanOrEqual(3);
  const given = process.env['IAM_BOOTSTRAP_SEED'];
  const first = given === undefined ? (LONG_FORM ? Date.now() % 1_000_000_000 : FIRST_SEED) : Number(given);
  const many = given === undefined ? LANES : 1;
  console.log(`seeds ${String(first)} to ${String(first + many - 1)}`);
  const until = Date.now() + (LONG_FORM ? LONG_MS : MAX_MS);
  try {
    await inLanes(async (lane, index) => {
      await playStored(lane, queue);
      await playSeed(lane, first + index, LONG_FORM ? 10_000 : SHORT, until);
    }, many);
    expect(await checkJournal()).toEqual([]);
    // Even on a slow machine: stored sequences ran, each seed drew new ones, and faults occurred.
    expect(counts.sequences).toBeGreaterThanOrEqual(kept.length + many);
    expect(tally.trials.length).toBeGreaterThan(0);
  } finally {
    await record({
      id: 'random-faults',
      title: 'Random sequences with several faults',
      what:
        'Random sequences of runs (apply, release, destroy; of one namespace, of two, or the same run twice ' +
        'at once) and of manual changes between them, with up to four faults in each run. A case is a fault ' +
        'that struck a run. It survives if the account then matches a model, the report explains how it got ' +
        'there, each Create was executed once, and entities that no manifest declares are unchanged, byte for ' +
        'byte.',
      command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/random-faults.test.ts',
      trials: tally.trials,
      figures: [
        { what: 'sequences', value: counts.sequences, unit: 'sequences' },
        { what: 'commands in them', value: counts.commands, unit: 'commands' },
        { what: 'runs of the engine', value: counts.runs, unit: 'runs' },
        { what: 'two pipelines at once', value: counts.pairs, unit: 'times' },
        { what: 'manual actions between runs', value: counts.actions, unit: 'actions' },
        { what: 'distinct AWS operations that were called', value: operations.size, unit: 'operations' },
      ],
    });
  }
});
