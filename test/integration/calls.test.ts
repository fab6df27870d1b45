import { CreatePolicyCommand, UpdateRoleCommand } from '@aws-sdk/client-iam';
import { apply } from '../../src/client/run.js';
import { connectTemporal } from '../../src/client/connect.js';
import type { TemporalConnection } from '../../src/client/connect.js';
import { loadConfig } from '../../src/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { BootstrapRequest } from '../../src/contract/messages.js';
import type { Outcome, Report } from '../../src/contract/report.js';
import { allowing, requestOf, role } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { World, WorkerProcess } from '../support/world.js';

jest.setTimeout(180_000);

const ROLES = 50;
const WRITES = ['CreateRole', 'PutRolePolicy', 'AttachRolePolicy'] as const;
const FRESH_WRITES = ROLES * WRITES.length;

/** What a run may cost beside its writes, whatever is declared. */
const OVERHEAD = 6;
const FRESH_BUDGET = 1.02 * FRESH_WRITES + OVERHEAD;
/** One single read of a role with one inline policy: the role, its policies' names, the policy, its attachments. */
const ONE_READ = 4;

let world: World;
let worker: WorkerProcess;
let temporal: TemporalConnection;
let request: BootstrapRequest;

beforeAll(async () => {
  world = await startWorld();
  worker = await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
  request = await requestOf(world, { namespace: 'calls', account: ACCOUNT, entities: entities() });
}, 300_000);

beforeEach(async () => {
  await world.sandbox.reset();
  await iamClient(world.sandbox.url).send(
    new CreatePolicyCommand({ PolicyName: 'calls-shared', PolicyDocument: JSON.stringify(allowing('s3:GetObject')) }),
  );
  world.proxy.clear();
});

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

/** Roles that need the dearest bulk read, description and duration included. */
function entities(): JsonObject[] {
  return Array.from({ length: ROLES }, (_, index) =>
    role(nameOf(index), {
      description: 'counted',
      maxSessionDuration: 7200,
      inlinePolicies: { state: allowing('dynamodb:PutItem') },
      managedPolicyArns: [`arn:aws:iam::${ACCOUNT}:policy/calls-shared`],
      tags: { team: 'platform' },
    }),
  );
}

function nameOf(index: number): string {
  return `calls-${String(index).padStart(2, '0')}`;
}

/** Applies, and insists on the outcomes and on a report that counts as the other side of the wire does. */
async function applied(...outcomes: Outcome[]): Promise<Report> {
  world.proxy.clear();
  const report = await apply(temporal, { ...request, key: `key-${String(Math.random())}` });
  expect(report.result).toBe('converged');
  expect([...new Set(report.entities.map(({ outcome }) => outcome))].sort()).toEqual(outcomes.sort());
  expect(report.apiCalls).toEqual({ total: world.proxy.count(), byOperation: world.proxy.countBy() });
  return report;
}

/** Every write that was asked for, as `PutRolePolicy calls-07`. */
function writes(): string[] {
  return world.proxy
    .writes()
    .map(({ action, params }) => `${action} ${params['RoleName'] ?? ''}`)
    .sort();
}

const everyWrite = Array.from({ length: ROLES }, (_, index) => WRITES.map((write) => `${write} ${nameOf(index)}`))
  .flat()
  .sort();

describe(`${String(ROLES)} roles, each with an inline policy and an attachment`, () => {
  test(`cost at most ${String(FRESH_BUDGET)} calls when they are made, and every write is sent once`, async () => {
    await applied('created');
    expect(writes()).toEqual(everyWrite);
    expect(world.proxy.calls.filter(({ committed }) => !committed)).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(FRESH_BUDGET);
  });

  test(`cost at most ${String(OVERHEAD)} calls and no write when nothing is to be done`, async () => {
    await applied('created');
    await applied('unchanged');
    expect(writes()).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(OVERHEAD);
  });

  test(`cost at most ${String(OVERHEAD)} calls and no write when Temporal has lost all that it knew`, async () => {
    await applied('created');
    await worker.kill();
    await world.crashTemporal();
    await world.resumeTemporal();
    worker = await world.startWorker();
    await temporal.close();
    temporal = await connectTemporal(loadConfig(world.env));
    await applied('unchanged');
    expect(writes()).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(OVERHEAD);
  });

  test('cost one write and one single read more when one of them has drifted', async () => {
    await applied('created');
    const drifted = { RoleName: nameOf(7), Description: 'by hand', MaxSessionDuration: 7200 };
    await iamClient(world.sandbox.url).send(new UpdateRoleCommand(drifted));
    const { summary } = await applied('unchanged', 'updated');
    expect(summary).toMatchObject({ updated: 1, unchanged: ROLES - 1 });
    expect(writes()).toEqual([`UpdateRole ${nameOf(7)}`]);
    expect(world.proxy.count()).toBeLessThanOrEqual(OVERHEAD + 1 + ONE_READ);
  });

  test('cost ten pipelines together what they cost one', async () => {
    await applied('created');
    const one = world.proxy.count();
    await world.sandbox.reset();
    await iamClient(world.sandbox.url).send(
      new CreatePolicyCommand({ PolicyName: 'calls-shared', PolicyDocument: JSON.stringify(allowing('s3:GetObject')) }),
    );
    world.proxy.clear();

    const reports = await Promise.all(
      Array.from({ length: 10 }, (_, index) => apply(temporal, { ...request, key: `pipeline-${String(index)}` })),
    );

    expect(reports.map(({ result }) => result)).toEqual(reports.map(() => 'converged'));
    expect(writes()).toEqual(everyWrite);
    expect(world.proxy.count()).toBeLessThanOrEqual(1.1 * one);
  });
});
