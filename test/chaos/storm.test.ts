import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import { apply, plan } from '../../src/client/run/start.js';
import { recentRuns } from '../../src/client/runs.js';
import type { RunSummary } from '../../src/client/runs.js';
import { loadConfig } from '../../src/config/config.js';
import { entityId } from '../../src/contract/entity.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { EntityReport, Report } from '../../src/contract/report.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import type { Call, FaultProxy } from '../support/fault-proxy.js';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import type { Figure } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** Many concurrent pipelines for few manifests: the calls to AWS depend on the manifests, not on the pipelines. */

jest.setTimeout(LONG_FORM ? 900_000 : 300_000);

/** A storm. Each namespace has two manifests, and half of its pipelines apply each. */
interface Storm {
  readonly pipelines: number;
  readonly namespaces: number;
  /** One of the two workers is killed after this many calls. Default: none. */
  readonly killedAtCall?: number;
}

const STORMS: readonly Storm[] = [
  { pipelines: 100, namespaces: 10 },
  ...(LONG_FORM
    ? [
        { pipelines: 100, namespaces: 10, killedAtCall: 150 },
        { pipelines: 200, namespaces: 20, killedAtCall: 400 },
      ]
    : []),
];

/** Pipelines that are processes. The others use the client library in this process. */
const COMMANDS = 6;

/** The request rate that AWS allows: the size of the token bucket, and the refill per second. */
const BUCKET = { size: 15, refillPerSecond: 30 };

/**
 * Maximum of calls in a storm, as a multiple of the calls when each manifest is applied once, alone. A manifest may
 * be applied again after the other one of its namespace, which the factor allows for. If calls grew with the
 * pipelines, a hundred of them would need five times as many.
 */
const MAX_CALLS = 1.5;

const ROLES = ['a', 'b', 'c'];
const ACTIONS = ['s3:PutObject', 'sqs:SendMessage'];
const NOBODY = { provider: 'local', url: null, commit: null, actor: 'test' };
const PROVIDER = 'https://storm.example.com';

let world: World;
let temporal: TemporalConnection;
const tally = new Tally();
const figures: Figure[] = [];

beforeAll(async () => {
  world = await startWorld();
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

afterAll(async () => {
  await record({
    id: 'storms',
    title: 'Storms',
    what:
      'Many pipelines at once: two manifests for each namespace, one provider that all namespaces share, ' +
      'some roles that two namespaces declare, two workers, and throttling by AWS. A case is a pipeline. It ' +
      'survives if it ends with the report and the exit code of its own manifest, and AWS created each ' +
      'entity once.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/storm.test.ts',
    trials: tally.trials,
    figures,
  });
  await temporal.close();
  await world.stop();
}, 300_000);

/** Of equal length, so that none is a prefix of another. */
function namespaceOf(index: number): string {
  return `storm-${String(index).padStart(2, '0')}`;
}

/** Returns one manifest of a namespace. Each entity shows which manifest it comes from. */
function entitiesOf(namespace: number, action: string): JsonObject[] {
  const name = namespaceOf(namespace);
  return [
    { kind: 'OpenIDConnectProvider', url: PROVIDER, clientIdList: [`client-${String(namespace)}`], shared: true },
    { kind: 'Policy', policyName: name, policyDocument: allowing(action) },
    ...ROLES.map((one) =>
      role(`${name}-${one}`, {
        description: `may ${action}`,
        inlinePolicies: { work: allowing(action) },
        managedPolicyArns: [`{{arn Policy/${name}}}`],
      }),
    ),
    ...(isContested(namespace) ? [role(contestedRole(namespace))] : []),
  ];
}

/** The first four namespaces are two pairs that declare the same role. */
function isContested(namespace: number): boolean {
  return namespace < 4;
}

function contestedRole(namespace: number): string {
  return `storm-of-two-${String(Math.floor(namespace / 2))}`;
}

/** A token bucket. */
function bucketOf({ size, refillPerSecond }: typeof BUCKET): (call: Call) => boolean {
  let tokens = size;
  let filledAt = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(size, tokens + ((now - filledAt) / 1000) * refillPerSecond);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/** The result of a pipeline. */
interface End {
  readonly request: BootstrapRequest;
  readonly code: number;
  readonly report: Report;
}

/** The account of a storm, with its own workers. */
interface Place {
  readonly account: string;
  readonly proxy: FaultProxy;
  readonly env: Readonly<Record<string, string>>;
  readonly temporal: TemporalConnection;
}

let places = 0;

async function inPlace<T>(workers: number, act: (place: Place, kill: () => Promise<void>) => Promise<T>): Promise<T> {
  places += 1;
  const account = String(600_000_000_000 + places);
  const taskQueue = `storm-${account}`;
  const proxy = await startFaultProxy(world.sandbox.url);
  const env = {
    IAM_BOOTSTRAP_TASK_QUEUE: taskQueue,
    AWS_ENDPOINT_URL_IAM: proxy.url,
    AWS_ENDPOINT_URL_STS: proxy.url,
  };
  const running = await Promise.all(Array.from({ length: workers }, () => world.startWorker(env)));
  try {
    return await act({ account, proxy, env, temporal: { ...temporal, taskQueue } }, async () => {
      await running[0]?.kill();
    });
  } finally {
    await Promise.all(running.map((worker) => worker.kill()));
    await proxy.stop();
  }
}

/** Returns the manifests by namespace. */
function manifestsIn({ account }: Place, namespaces: number): Promise<BootstrapRequest[][]> {
  return Promise.all(
    Array.from({ length: namespaces }, (_, namespace) =>
      Promise.all(
        ACTIONS.map(async (action) => {
          const entities = entitiesOf(namespace, action);
          const name = namespaceOf(namespace);
          const content = manifestOf({ namespace: name, account, assumed: true, entities });
          const path = await world.manifest(`${account}-${name}-${action}.json`, content);
          const loaded = await loadRequest([path], { variables: {}, pipeline: NOBODY, keepGoing: true });
          if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
          return loaded.request;
        }),
      ),
    ),
  );
}

/** Returns the number of calls that were not throttled. */
function callsThat(proxy: FaultProxy): number {
  return proxy.calls.filter(({ code }) => code !== 'Throttling').length;
}

/** Returns the number of calls when each manifest is applied once, one after the other. */
function callsAlone(namespaces: number): Promise<number> {
  return inPlace(1, async (place) => {
    const manifests = await manifestsIn(place, namespaces);
    for (const [first] of manifests) if (first !== undefined) await apply(place.temporal, first);
    for (const [, second] of manifests) if (second !== undefined) await apply(place.temporal, second);
    return callsThat(place.proxy);
  });
}

const EXIT_CODES: Partial<Record<Report['result'], number>> = { converged: 0, failed: 1, refused: 3, busy: 4 };

/** Runs a pipeline, by the client library or as a process. */
async function pipeline(place: Place, request: BootstrapRequest, asCommand: boolean): Promise<End> {
  if (!asCommand) {
    const report = await apply(place.temporal, request);
    return { request, code: EXIT_CODES[report.result] ?? -1, report };
  }
  const args = ['apply', '-f', request.manifest, '--keep-going', '-o', 'json'];
  const { code, report } = await world.cli(args, place.env);
  return { request, code: code ?? -1, report: report() };
}

/** Returns the runs of a namespace, oldest first, once visibility shows that all have closed. */
async function runsOf(account: string, namespace: string, count: number): Promise<RunSummary[]> {
  for (;;) {
    const runs = await recentRuns(temporal, { account, namespace, limit: 200 });
    if (runs.length === count && runs.every(({ closedAt }) => closedAt !== null)) return runs.reverse();
  }
}

function expectTurns(runs: readonly RunSummary[]): void {
  for (const [index, run] of runs.entries()) {
    expect(run.startedAt >= (runs[index - 1]?.closedAt ?? '')).toBe(true);
  }
}

/** Checks the report of a pipeline, which other pipelines must not affect. */
function expectTruth({ request, code, report }: End, winners: ReadonlySet<string>): void {
  expect([report.digest, report.namespace]).toEqual([request.digest, request.namespace]);
  const refused = report.entities.filter(({ outcome }) => outcome === 'refused');
  const contested = request.entities.map(entityId).filter((id) => id.startsWith('Role/storm-of-two'));
  const isLoser = contested.length > 0 && !winners.has(request.namespace);
  expect(refused.map(entityId)).toEqual(isLoser ? contested : []);
  for (const { reason } of refused) expect(reason).toContain('owned by iam-bootstrap namespace');
  expect([report.result, code]).toEqual(isLoser ? ['refused', 3] : ['converged', 0]);
  const bad = report.entities.filter(({ outcome }) => outcome === 'failed' || outcome === 'skipped');
  expect(bad.map((entity: EntityReport) => [entityId(entity), entity.reason])).toEqual([]);
}

test.each(STORMS)(
  '$pipelines pipelines for $namespaces namespaces: each entity is made once, each pipeline hears of its own manifest, and AWS of no more than the manifests',
  async ({ pipelines, namespaces, killedAtCall }) => {
    const alone = await callsAlone(namespaces);
    await inPlace(2, async (place, kill) => {
      const { account, proxy } = place;
      const manifests = await manifestsIn(place, namespaces);
      const lets = bucketOf(BUCKET);
      if (killedAtCall !== undefined) {
        proxy.on({ nth: killedAtCall }, { kind: 'hook', before: () => kill().then(() => undefined) });
      }
      const throttle = proxy.on({ predicate: (call) => !lets(call) }, { kind: 'throttle' });
      const startedAt = Date.now();
      const ends = await Promise.all(
        Array.from({ length: pipelines }, (_, index) => {
          // Interleaves namespaces, and the manifests of each.
          const round = Math.floor(index / namespaces);
          const request = manifests[index % namespaces]?.[round % ACTIONS.length];
          if (request === undefined) throw new Error('no such manifest');
          return pipeline(place, request, index < COMMANDS);
        }),
      );
      const seconds = (Date.now() - startedAt) / 1000;
      throttle.remove();
      const calls = callsThat(proxy);

      // Of two rivals one owns the role, in all of its runs.
      const owners = ends.flatMap(({ report, request }) =>
        report.entities.flatMap(({ name, outcome }) =>
          name.startsWith('storm-of-two') && outcome !== 'refused' ? [`${name} ${request.namespace}`] : [],
        ),
      );
      expect(new Set(owners).size).toBe(Math.min(2, namespaces / 2));
      const winners = new Set(owners.map((owner) => owner.split(' ')[1] ?? ''));
      for (const end of ends) {
        let survived = false;
        try {
          expectTruth(end, winners);
          survived = true;
        } finally {
          const fault = killedAtCall === undefined ? 'throttled' : 'throttled, and a worker is killed';
          tally.count(fault, `${String(pipelines)} pipelines, ${String(namespaces)} namespaces`, survived);
        }
      }

      // AWS counted one Create per entity.
      const made = Object.entries(await world.creates(account));
      const contested = Math.min(2, namespaces / 2);
      expect(made.filter(([, count]) => count !== 1)).toEqual([]);
      expect(made).toHaveLength(1 + namespaces * (1 + ROLES.length) + contested);

      // Runs take turns, and the account ends as the last one declared.
      let runCount = 0;
      for (const [index, requests] of manifests.entries()) {
        const namespace = namespaceOf(index);
        const its = ends.filter(({ request }) => request.namespace === namespace);
        const runs = await runsOf(account, namespace, new Set(its.map(({ report }) => report.workflow.runId)).size);
        expectTurns(runs);
        runCount += runs.length;
        const last = requests.find(({ digest }) => digest === runs.at(-1)?.memo.digest);
        if (last === undefined) throw new Error(`${namespace} was never applied`);
        const after = await plan(place.temporal, last);
        expect(after.entities.filter(({ decision }) => decision !== 'no-op' && decision !== 'refuse')).toEqual([]);
      }
      const { OpenIDConnectProviderList = [] } = await iamClient(
        world.sandbox.url,
        account,
      ).listOpenIDConnectProviders();
      const [{ Arn: OpenIDConnectProviderArn } = {}] = OpenIDConnectProviderList;
      const { ClientIDList = [] } = await iamClient(world.sandbox.url, account).getOpenIDConnectProvider({
        OpenIDConnectProviderArn,
      });
      expect([...ClientIDList].sort()).toEqual(manifests.map((_, index) => `client-${String(index)}`).sort());

      // The calls grow with the manifests only.
      const of = `${String(pipelines)} pipelines in ${String(namespaces)} namespaces${killedAtCall === undefined ? '' : ', a worker killed'}`;
      figures.push(
        { what: `${of}: runs`, value: runCount, unit: 'runs' },
        { what: `${of}: calls that AWS took`, value: calls, unit: 'calls' },
        { what: `${of}: calls of the same manifests, each applied once and alone`, value: alone, unit: 'calls' },
        { what: `${of}: calls that AWS turned away`, value: throttle.fired, unit: 'calls' },
        { what: `${of}: until the last has ended`, value: Math.round(seconds), unit: 's' },
      );
      expect(throttle.fired).toBeGreaterThan(0);
      expect(calls).toBeLessThanOrEqual(MAX_CALLS * alone);
    });
  },
);
