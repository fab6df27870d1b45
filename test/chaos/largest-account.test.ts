import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { loadRequest } from '../../src/client/request.js';
import { loadConfig } from '../../src/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId, MOST_ENTITIES } from '../../src/contract/messages.js';
import type { Report } from '../../src/contract/report.js';
import { dataConverter } from '../../src/payload-codec.js';
import { manifestOf } from '../support/manifests-of.js';
import { LONG_FORM, record, Tally } from '../support/trials.js';
import type { Figure } from '../support/trials.js';
import { startWorld } from '../support/world.js';
import type { World } from '../support/world.js';

/** As many roles as one namespace may have, and as IAM's quota allows an account; in the short form some of them. */

jest.setTimeout(900_000);

const ROLES = LONG_FORM ? MOST_ENTITIES : 300;

const ACCOUNT = '555555555555';
const NAMESPACE = 'largest';

/** Entities of one file: a manifest has at most two million characters. */
const SLICE = 250;

/** Events that an entity puts into the history at most, and those of the run itself: what the bound is reckoned with. */
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
      `One namespace with ${ROLES.toLocaleString('en-US')} roles, each with a trust policy and an inline policy of its ` +
      'own, some of them as long as IAM takes. Survived: each is made once, the run stays within what it was reckoned ' +
      'to take of the limits of Temporal, and the next run finds nothing to do.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/chaos/largest-account.test.ts',
    trials: tally.trials,
    figures,
  });
  await temporal.close();
  await world.stop();
}, 300_000);

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `largest-${String(index)}`);
}

/** Names that do not compress: each ends in digits of a hash. */
function bucket(seed: string, index: number): string {
  const digits = createHash('sha256')
    .update(`${seed}-${String(index)}`)
    .digest('hex');
  return `arn:aws:s3:::bucket-${digits.slice(0, 12)}/*`;
}

function buckets(seed: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => bucket(seed, index));
}

/** A role whose documents name so many buckets in all; IAM takes about 95 in a trust policy, and 260 in an inline one. */
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

/** Roles of which the first ones have documents as long as IAM takes. */
function rolesNaming(names: readonly string[], each: number): JsonObject[] {
  return names.map((name, index) => (index < 20 ? roleNaming(name, 95, 260) : roleNaming(name, 1, each - 1)));
}

/** Writes a namespace as several manifests, and gives the options that name them. */
async function manifests(namespace: string, entities: readonly JsonObject[]): Promise<string[]> {
  const options: string[] = [];
  for (let first = 0; first < entities.length; first += SLICE) {
    const parts = { namespace, account: ACCOUNT, assumed: true, entities: entities.slice(first, first + SLICE) };
    options.push('-f', await world.manifest(`${namespace}-${String(first)}.json`, JSON.stringify(manifestOf(parts))));
  }
  return options;
}

/** The most memory that a process has had so far, in MB. */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1_024);
}

/** Applies by the command line, and looks at its memory while it runs. */
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

/** How large the history of the namespace's last run has become. */
async function historyOf(namespace: string): Promise<{ events: number; bytes: number }> {
  const run = await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, namespace)).describe();
  return { events: run.historyLength, bytes: Number(run.raw.workflowExecutionInfo?.historySizeBytes) };
}

/** Bytes of something as it is sent. */
async function sentBytes(value: unknown): Promise<number> {
  let payloads = [{ metadata: {}, data: Buffer.from(JSON.stringify(value)) as Uint8Array }];
  for (const codec of dataConverter.payloadCodecs) {
    payloads = (await codec.encode(payloads)).map(({ data }) => ({ metadata: {}, data: data ?? Buffer.alloc(0) }));
  }
  return payloads.reduce((sum, { data }) => sum + data.length, 0);
}

test(`${String(ROLES)} roles of one namespace are made once each, though the worker dies halfway, and then there is nothing to do`, async () => {
  const roles = namesOf(ROLES);
  const entities = rolesNaming(roles, 36);
  const files = await manifests(NAMESPACE, entities);
  const loaded = await loadRequest(
    files.filter((option) => option !== '-f'),
    { variables: {}, pipeline: { provider: 'local', url: null, commit: null, actor: 'test' } },
  );
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const characters = JSON.stringify(loaded.request).length;
  const sent = await sentBytes(loaded.request);

  const first = await world.startWorker();
  let dead = 0;
  let rest = first;
  const replaced = new Promise<void>((done) => {
    const before = async (): Promise<'drop'> => {
      dead = await peakOf(first.pid);
      await first.kill();
      rest = await world.startWorker();
      done();
      return 'drop';
    };
    world.proxy.on({ action: 'CreateRole', nth: Math.ceil(ROLES / 2) }, { kind: 'hook', times: 1, before });
  });
  const fresh = await applied(files);
  await replaced;
  const history = await historyOf(NAMESPACE);
  const again = await applied(files);
  const historyAgain = await historyOf(NAMESPACE);
  const worker = Math.max(dead, await peakOf(rest.pid));

  figures.push(
    { what: 'entities', value: ROLES, unit: 'roles' },
    { what: 'request', value: characters, unit: 'characters' },
    { what: 'request as it is sent', value: sent, unit: 'bytes' },
    { what: 'fresh: history', value: history.events, unit: 'events' },
    { what: 'fresh: history', value: history.bytes, unit: 'bytes' },
    { what: 'fresh: report as it is sent', value: await sentBytes(fresh.report), unit: 'bytes' },
    { what: 'fresh', value: fresh.seconds, unit: 's' },
    { what: 'nothing to do: history', value: historyAgain.events, unit: 'events' },
    { what: 'nothing to do: history', value: historyAgain.bytes, unit: 'bytes' },
    { what: 'nothing to do: calls', value: again.report.apiCalls.total, unit: 'calls' },
    { what: 'nothing to do', value: again.seconds, unit: 's' },
    { what: 'most memory of a worker', value: worker, unit: 'MB' },
    { what: 'most memory of the command', value: Math.max(fresh.megabytes, again.megabytes), unit: 'MB' },
  );
  const names = roles.map((name) => `CreateRole ${name}`);
  const made = await world.creates(ACCOUNT);
  const survived =
    fresh.report.result === 'converged' &&
    fresh.report.summary.created === ROLES &&
    names.every((name) => made[name] === 1) &&
    again.report.summary.unchanged === ROLES;
  tally.count('kill -9 of the worker', 'halfway', survived);

  expect(fresh.report).toMatchObject({ result: 'converged', summary: { created: ROLES } });
  expect(made).toEqual(Object.fromEntries(names.map((name) => [name, 1])));
  expect(again.report).toMatchObject({ result: 'converged', summary: { unchanged: ROLES } });
  expect(history.events).toBeLessThan(ROLES * EVENTS_PER_ENTITY + EVENTS_OF_RUN);
  expect(history.bytes).toBeLessThan(characters + ROLES * 5_500);
  // The pages of two listings, and who is calling.
  expect(again.report.apiCalls.total).toBeLessThanOrEqual(3 + 2 * Math.ceil(ROLES / 1_000));
});

test.each([
  [
    'one entity too many',
    () =>
      Array.from({ length: MOST_ENTITIES + 1 }, (_, index): JsonObject => ({
        kind: 'User',
        userName: `u${String(index)}`,
      })),
    'is too large for one run: this is the first of 5,001 entities that is beyond 5,000',
  ],
  [
    'documents that do not compress far enough',
    () => rolesNaming(namesOf(1_500), 160),
    'is too large for one run: the request has',
  ],
])('%s: refused offline, with the place and the remedy', async (_what, entities, message) => {
  const namespace = `too-large-${String(message.length)}`;
  const files = await manifests(namespace, entities());
  const calls = world.proxy.count();
  // Nothing is there to ask: neither Temporal nor a worker.
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
