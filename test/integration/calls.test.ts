import { mostCalls } from '../../bench/targets.js';
import { nameOf, rolesOf, SHARED_DOCUMENT, SHARED_POLICY } from '../../bench/workload.js';
import type { CaseName } from '../../bench/figures.js';
import { apply } from '../../src/client/run/start.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { Outcome, Report } from '../../src/contract/report.js';
import { allowing, requestOf } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import { iam, loseTemporal, temporal, useWorld, world } from '../support/use-world.js';

useWorld({ reset: false });

const ROLES = 50;
const WRITES = ['CreateRole', 'PutRolePolicy', 'AttachRolePolicy'] as const;

/** Roles that need the dearest bulk read, description and duration included: those of the benchmark. */
const WORKLOAD = rolesOf(ROLES);

/** What the benchmark holds against its targets as well. */
function budget(name: CaseName, fresh = 0): number {
  const most = mostCalls(name, { entities: ROLES, writes: WORKLOAD.writes }, fresh);
  if (most === undefined) throw new Error(`no number of calls is promised for ${name}`);
  return most;
}

let request: BootstrapRequest;

beforeAll(async () => {
  request = await requestOf(world, { namespace: 'calls', account: ACCOUNT, entities: WORKLOAD.entities });
});

beforeEach(emptyAccount);

/** Nothing is there but what the roles have attached. */
async function emptyAccount(): Promise<void> {
  await world.sandbox.reset();
  await iam.createPolicy({ PolicyName: SHARED_POLICY, PolicyDocument: SHARED_DOCUMENT });
  world.proxy.clear();
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

/** Every write that was asked for, as `PutRolePolicy bench-0007`. */
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
  test(`cost at most ${String(budget('fresh'))} calls when they are made, and every write is sent once`, async () => {
    await applied('created');
    expect(writes()).toEqual(everyWrite);
    expect(world.proxy.calls.filter(({ committed }) => !committed)).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(budget('fresh'));
  });

  test(`cost at most ${String(budget('nothing to do'))} calls and no write when nothing is to be done`, async () => {
    await applied('created');
    await applied('unchanged');
    expect(writes()).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(budget('nothing to do'));
  });

  test(`cost at most ${String(budget('state lost'))} calls and no write when Temporal has lost all that it knew`, async () => {
    await applied('created');
    await loseTemporal();
    await applied('unchanged');
    expect(writes()).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(budget('state lost'));
  });

  test('cost one write and one single read more when one of them has drifted', async () => {
    await applied('created');
    const { drifting } = WORKLOAD;
    const PolicyDocument = JSON.stringify(allowing('s3:DeleteObject'));
    await iam.putRolePolicy({ ...drifting, PolicyDocument });
    const { summary } = await applied('unchanged', 'updated');
    expect(summary).toMatchObject({ updated: 1, unchanged: ROLES - 1 });
    expect(writes()).toEqual([`PutRolePolicy ${drifting.RoleName}`]);
    expect(world.proxy.count()).toBeLessThanOrEqual(budget('one drift'));
  });

  test('cost ten pipelines together what they cost one', async () => {
    await applied('created');
    const one = world.proxy.count();
    await emptyAccount();

    const reports = await Promise.all(
      Array.from({ length: 10 }, (_, index) => apply(temporal, { ...request, key: `pipeline-${String(index)}` })),
    );

    expect(reports.map(({ result }) => result)).toEqual(reports.map(() => 'converged'));
    expect(writes()).toEqual(everyWrite);
    expect(world.proxy.count()).toBeLessThanOrEqual(budget('ten at once', one));
  });
});
