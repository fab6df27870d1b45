import { GetRoleCommand, GetRolePolicyCommand } from '@aws-sdk/client-iam';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { recentRuns } from '../../src/client/run.js';
import type { RunSummary } from '../../src/client/run.js';
import { loadConfig } from '../../src/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId } from '../../src/contract/messages.js';
import { allowing, requestOf, role } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World } from '../support/world.js';

jest.setTimeout(180_000);

/** Pipelines that start at one time. */
const STORM = 20;

const ROLES = ['storm-a', 'storm-b', 'storm-c', 'storm-d'];
const CREATES = {
  'CreatePolicy storm-policy': 1,
  ...Object.fromEntries(ROLES.map((name) => [`CreateRole ${name}`, 1])),
};

let world: World;
let temporal: TemporalConnection;

beforeAll(async () => {
  world = await startWorld();
  await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

/** Entities of which each shows which manifest they come from. */
function entitiesOf(action: string): JsonObject[] {
  return [
    { kind: 'Policy', policyName: 'storm-policy', policyDocument: allowing(action) },
    ...ROLES.map((name) =>
      role(name, {
        description: `may ${action}`,
        inlinePolicies: { work: allowing(action) },
        managedPolicyArns: ['{{arn Policy/storm-policy}}'],
      }),
    ),
  ];
}

/** Digest and file of a manifest. */
async function manifestFor(namespace: string, action: string): Promise<{ digest: string; path: string }> {
  const { digest, manifest } = await requestOf(world, { namespace, account: ACCOUNT, entities: entitiesOf(action) });
  return { digest, path: manifest };
}

function applyAll(paths: readonly string[]): Promise<CommandResult[]> {
  return Promise.all(paths.map((path) => world.cli(['apply', '-f', path, '-o', 'json'])));
}

/** Runs of a namespace, oldest first, once visibility knows the end of each. */
async function runsOf(namespace: string, count: number): Promise<RunSummary[]> {
  for (;;) {
    const runs = await recentRuns(temporal, bootstrapWorkflowId(ACCOUNT, namespace), 100);
    if (runs.length === count && runs.every(({ closedAt }) => closedAt !== null)) return runs.reverse();
  }
}

function expectTurns(runs: readonly RunSummary[]): void {
  for (const [index, run] of runs.entries()) {
    const before = runs[index - 1]?.closedAt ?? '';
    expect(run.startedAt >= before).toBe(true);
  }
}

test(`${String(STORM)} pipelines with one manifest: each entity is made once, and every one of them ends well`, async () => {
  const { digest, path } = await manifestFor('storm-one', 's3:GetObject');
  const ends = await applyAll(Array.from({ length: STORM }, () => path));

  expect(ends.map(({ code, stderr }) => (code === 0 ? code : stderr))).toEqual(ends.map(() => 0));
  const reports = ends.map((end) => end.report());
  expect(new Set(reports.map((report) => report.digest))).toEqual(new Set([digest]));
  expect(new Set(reports.map(({ result }) => result))).toEqual(new Set(['converged']));
  expect(await world.creates()).toEqual(CREATES);

  const runs = await runsOf('storm-one', new Set(reports.map(({ workflow }) => workflow.runId)).size);
  expectTurns(runs);
  const made = new Map(reports.map(({ workflow, summary }) => [workflow.runId, summary]));
  expect(runs.map(({ runId }) => made.get(runId)?.created)).toEqual([5, ...runs.slice(1).map(() => 0)]);
});

test('pipelines with two manifests of one namespace take turns, and what is there in the end is all of the last', async () => {
  await world.sandbox.reset();
  const manifests = await Promise.all([
    manifestFor('storm-two', 's3:PutObject'),
    manifestFor('storm-two', 'sqs:SendMessage'),
  ]);
  const asked = Array.from({ length: STORM }, (_, index) => manifests[index % 2] ?? manifests[0]);
  const ends = await applyAll(asked.map(({ path }) => path));

  expect(ends.map(({ code, stderr }) => (code === 0 ? code : stderr))).toEqual(ends.map(() => 0));
  const reports = ends.map((end) => end.report());
  expect(reports.map((report) => report.digest)).toEqual(asked.map(({ digest }) => digest));
  expect(await world.creates()).toEqual(CREATES);

  const runs = await runsOf('storm-two', new Set(reports.map(({ workflow }) => workflow.runId)).size);
  expectTurns(runs);
  expect(runs.length).toBeGreaterThanOrEqual(2);
  const last = runs.at(-1)?.memo.digest === manifests[0].digest ? 's3:PutObject' : 'sqs:SendMessage';
  const iam = iamClient(world.sandbox.url);
  for (const RoleName of ROLES) {
    const { Role } = await iam.send(new GetRoleCommand({ RoleName }));
    const { PolicyDocument = '' } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName: 'work' }));
    expect([Role?.Description, JSON.parse(decodeURIComponent(PolicyDocument))]).toEqual([
      `may ${last}`,
      allowing(last),
    ]);
  }
});
