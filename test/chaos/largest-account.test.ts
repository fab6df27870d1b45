import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { MAX_ENTITIES } from '../../src/contract/request.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { Report } from '../../src/contract/report.js';
import { dataConverter } from '../../src/temporal/payload-codec.js';
import { manifestOf } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import type { Figure } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** As many roles, or policies, as IAM's quotas allow an account; fewer in the short form. */

jest.setTimeout(3_600_000);

const ACCOUNT = '555555555555';

/** The entities that fill an account. */
interface Load {
  /** Its namespace. */
  readonly what: 'roles' | 'policies';
  readonly count: number;
  readonly create: string;
  readonly nameProperty: string;
  readonly entities: (names: readonly string[]) => JsonObject[];
}

const LOADS: readonly Load[] = [
  {
    what: 'roles',
    count: LONG_FORM ? MAX_ENTITIES : 300,
    create: 'CreateRole',
    nameProperty: 'RoleName',
    entities: (names) => rolesNaming(names, 36),
  },
  {
    what: 'policies',
    count: LONG_FORM ? MAX_ENTITIES : 100,
    create: 'CreatePolicy',
    nameProperty: 'PolicyName',
    entities: policiesNaming,
  },
];

/** Maximum memory of a worker, in MB: for the process itself, and for the concurrent work. */
const MAX_MEMORY = 800;

/** Maximum of concurrent children of a run. Temporal allows 2,000. */
const MAX_CHILDREN = 100;

/** Entities per file: a manifest has at most two million characters. */
const SLICE = 250;

/** Maximum of history events per entity and of the run itself, from which the bound is computed. */
const EVENTS_PER_ENTITY = 9;
const EVENTS_OF_RUN = 50;

let world: World;
let temporal: TemporalConnection;
const tally = new Tally();
const figures: Figure[] = [];

beforeAll(async () => {
  world = await startWorld();
  temporal = await connectTemporal(loadConfig(world.env));
  const body = JSON.stringify({ account: ACCOUNT, name: 'AssumeRolePolicySizeQuota', value: 4096 });
  expect((await fetch(`${world.sandbox.url}/sandbox/quota`, { method: 'POST', body })).ok).toBe(true);
}, 300_000);

afterAll(async () => {
  await record({
    id: 'largest-account',
    title: 'The largest account',
    what:
      `One namespace with ${number(0)} roles, each with a trust policy and an inline policy of its own, and one with ` +
      `${number(1)} policies. Some documents of each have the maximum length. A case survives if each entity is created ` +
      "once, the run stays within its share of Temporal's limits, and the next run finds no changes.",
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/largest-account.test.ts',
    trials: tally.trials,
    figures,
  });
  await temporal.close();
  await world.stop();
}, 300_000);

/** Returns the number of entities of a load, as text. */
function number(load: number): string {
  return (LOADS[load]?.count ?? 0).toLocaleString('en-US');
}

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `largest-${String(index)}`);
}

/** Returns names that do not compress: each ends in digits of a hash. */
function bucket(seed: string, index: number): string {
  const digits = createHash('sha256')
    .update(`${seed}-${String(index)}`)
    .digest('hex');
  return `arn:aws:s3:::bucket-${digits.slice(0, 12)}/*`;
}

function buckets(seed: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => bucket(seed, index));
}

/** Returns a role whose documents name that many buckets. IAM allows about 95 in a trust policy and 260 in an inline policy. */
function roleNaming(name: string, trusted: number, allowed: number): JsonObject {
  return {
    kind: 'Role',
    roleName: name,
    assumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Principal: { Service: 's3.amazonaws.com' },
          Action: 'sts:AssumeRole',
          Condition: { ArnLike: { 'aws:SourceArn': buckets(`${name}-trust`, trusted) } },
        },
      ],
    },
    inlinePolicies: {
      own: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: buckets(`${name}-own`, allowed) }],
      },
    },
  };
}

/** Returns roles. The first ones have documents of the maximum length. */
function rolesNaming(names: readonly string[], each: number): JsonObject[] {
  return names.map((name, index) => (index < 20 ? roleNaming(name, 95, 260) : roleNaming(name, 1, each - 1)));
}

/** Returns policies. The first ones have documents of the maximum length, 6,144 characters. */
function policiesNaming(names: readonly string[]): JsonObject[] {
  return names.map((name, index) => ({
    kind: 'Policy',
    policyName: name,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: buckets(name, index < 20 ? 155 : 36) }],
    },
  }));
}

/** Writes a namespace as several manifests. Returns the options that name them. */
async function manifests(namespace: string, entities: readonly JsonObject[]): Promise<string[]> {
  const options: string[] = [];
  for (let first = 0; first < entities.length; first += SLICE) {
    const parts = { namespace, account: ACCOUNT, assumed: true, entities: entities.slice(first, first + SLICE) };
    options.push('-f', await world.manifest(`${namespace}-${String(first)}.json`, JSON.stringify(manifestOf(parts))));
  }
  return options;
}

/** Returns the peak memory of a process, in MB; 0 if it has just ended. */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024);
}

/** Applies by the command line and watches its memory. */
async function applied(files: readonly string[]): Promise<{ report: Report; seconds: number; megabytes: number }> {
  const startedAt = Date.now();
  const child = world.spawnCli(['apply', ...files, '--output', 'json', '--quiet']);
  const { stdout, stderr, pid } = child;
  if (stdout === null || stderr === null || pid === undefined) throw new Error('the command did not start');
  let megabytes = 0;
  const looking = setInterval(() => {
    peakOf(pid).then(
      (now) => (megabytes = Math.max(megabytes, now)),
      () => undefined,
    );
  }, 50);
  const [out, errors] = await Promise.all([text(stdout), text(stderr), once(child, 'exit')]);
  clearInterval(looking);
  if (out === '') throw new Error(errors);
  const seconds = Math.round((Date.now() - startedAt) / 100) / 10;
  return { report: JSON.parse(out) as Report, seconds, megabytes };
}

/** Returns the size of the history of the namespace's last run. */
async function historyOf(namespace: string): Promise<{ events: number; bytes: number }> {
  const run = await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, namespace)).describe();
  return { events: run.historyLength, bytes: Number(run.raw.workflowExecutionInfo?.historySizeBytes) };
}

/** Returns how many children the namespace's run has now. */
async function childrenOf(namespace: string): Promise<number> {
  const run = await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, namespace)).describe();
  return run.raw.pendingChildren?.length ?? 0;
}

/** Returns the encoded size in bytes. */
async function sentBytes(value: unknown): Promise<number> {
  let payloads = [{ metadata: {}, data: Buffer.from(JSON.stringify(value)) as Uint8Array }];
  for (const codec of dataConverter.payloadCodecs) {
    payloads = (await codec.encode(payloads)).map(({ data }) => ({ metadata: {}, data: data ?? Buffer.alloc(0) }));
  }
  return payloads.reduce((sum, { data }) => sum + data.length, 0);
}

test.each(LOADS)(
  '$count $what of one namespace are made once each, though the worker dies halfway, and then there is nothing to do',
  async ({ what: namespace, count, create, nameProperty, entities }) => {
    const names = namesOf(count);
    const files = await manifests(namespace, entities(names));
    const loaded = await loadRequest(
      files.filter((option) => option !== '-f'),
      { variables: {}, pipeline: { provider: 'local', url: null, commit: null, actor: 'test' } },
    );
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    const characters = JSON.stringify(loaded.request).length;
    const sent = await sentBytes(loaded.request);

    const first = await world.startWorker();
    let dead = 0;
    let children = 0;
    let rest = first;
    // A worker that fails to start fails the test here: the run would never finish.
    const replaced = new Promise<void>((done, failed) => {
      const replace = async (): Promise<void> => {
        dead = await peakOf(first.pid);
        children = await childrenOf(namespace);
        await first.kill();
        rest = await world.startWorker();
      };
      const before = async (): Promise<'drop'> => {
        await replace().then(done, failed);
        return 'drop';
      };
      world.proxy.on({ action: create, nth: Math.ceil(count / 2) }, { kind: 'hook', times: 1, before });
    });
    const [fresh] = await Promise.all([applied(files), replaced]);
    const history = await historyOf(namespace);
    const again = await applied(files);
    const historyAgain = await historyOf(namespace);
    const worker = Math.max(dead, await peakOf(rest.pid));
    await rest.kill();

    const figure = (what: string, value: number, unit: string): unknown =>
      figures.push({ what: `${namespace}: ${what}`, value, unit });
    figure('entities', count, namespace);
    figure('request', characters, 'characters');
    figure('request as it is sent', sent, 'bytes');
    figure('fresh: history', history.events, 'events');
    figure('fresh: history', history.bytes, 'bytes');
    figure('fresh: pending children, halfway', children, 'children');
    figure('fresh: report as it is sent', await sentBytes(fresh.report), 'bytes');
    figure('fresh', fresh.seconds, 's');
    figure('nothing to do: history', historyAgain.events, 'events');
    figure('nothing to do: history', historyAgain.bytes, 'bytes');
    figure('nothing to do: calls', again.report.apiCalls.total, 'calls');
    figure('nothing to do', again.seconds, 's');
    figure('most memory of a worker', worker, 'MB');
    figure('most memory of the command', Math.max(fresh.megabytes, again.megabytes), 'MB');

    const calls = world.proxy.calls.filter(({ action, committed }) => action === create && committed);
    const made = calls.map(({ params }) => params[nameProperty] ?? '').sort();
    const survived =
      fresh.report.result === 'converged' &&
      fresh.report.summary.created === count &&
      JSON.stringify(made) === JSON.stringify([...names].sort()) &&
      again.report.summary.unchanged === count;
    tally.count('kill -9 of the worker', `halfway through ${namespace}`, survived);

    expect(fresh.report).toMatchObject({ result: 'converged', summary: { created: count } });
    expect(made).toEqual([...names].sort());
    expect(again.report).toMatchObject({ result: 'converged', summary: { unchanged: count } });
    expect(history.events).toBeLessThan(count * EVENTS_PER_ENTITY + EVENTS_OF_RUN);
    expect(history.bytes).toBeLessThan(characters + count * 5_500);
    expect(children).toBeGreaterThan(0);
    expect(children).toBeLessThanOrEqual(MAX_CHILDREN);
    expect(worker).toBeLessThan(MAX_MEMORY);
    // The pages of two listings and GetCallerIdentity. No listing has the tags of policies, but the tagging API.
    const { ListPolicyTags = 0, GetResources = 0 } = again.report.apiCalls.byOperation;
    expect([ListPolicyTags, GetResources]).toEqual([0, namespace === 'policies' ? Math.ceil(count / 100) : 0]);
    expect(again.report.apiCalls.total - GetResources).toBeLessThanOrEqual(3 + 2 * Math.ceil(count / 1_000));
  },
);

test.each([
  [
    'one entity too many',
    () =>
      Array.from({ length: MAX_ENTITIES + 1 }, (_, index): JsonObject => ({
        kind: 'User',
        userName: `u${String(index)}`,
      })),
    'is too large for one run: it has 5,001 entities, and the maximum is 5,000',
  ],
  [
    'documents that do not compress far enough',
    () => rolesNaming(namesOf(1_500), 160),
    'is too large for one run: the request has',
  ],
])('%s: refused offline, with position and remedy', async (_what, entities, message) => {
  const namespace = `too-large-${String(message.length)}`;
  const files = await manifests(namespace, entities());
  const calls = world.proxy.count();
  // Neither Temporal nor a worker is running.
  const nowhere = { TEMPORAL_ADDRESS: '127.0.0.1:9' };
  for (const command of LONG_FORM ? ['validate', 'plan', 'apply'] : ['validate', 'apply']) {
    const { code, stderr } = await world.cli([command, ...files], nowhere);
    expect(stderr).toContain(`namespace ${namespace} (test) ${message}`);
    expect(stderr).toContain('split it into several namespaces, each with a manifest of its own');
    expect(stderr).toMatch(new RegExp(`${namespace}-\\d+\\.json:1:\\d+`));
    expect(code).toBe(64);
  }
  expect(world.proxy.count()).toBe(calls);
});
