import { apply } from '../../src/client/run/start.js';
import { progressQuery } from '../../src/contract/messages.js';
import type { Report } from '../../src/contract/report.js';
import { bootstrapWorkflowId, WorkflowType } from '../../src/contract/workflow-ids.js';
import { hold } from '../support/hold.js';
import { requestOf, role } from '../support/manifests-of.js';
import { outcomesOf } from '../support/runs.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';
import { startVisibilityProxy, type VisibilityProxy } from '../support/visibility-proxy.js';
import { ACCOUNT } from '../support/world.js';

/** What a terminated run has left behind, before Temporal lists it. */

let visibility: VisibilityProxy;

afterAll(() => {
  visibility.stop();
});

useWorld({ worker: false });

beforeAll(async () => {
  visibility = await startVisibilityProxy(world.temporal.address);
  await world.startWorker({ TEMPORAL_ADDRESS: visibility.address });
});

beforeEach(() => {
  visibility.hides = () => false;
});

async function applyRoles(namespace: string, roles: Readonly<Record<string, string>>): Promise<Report> {
  const entities = Object.entries(roles).map(([name, description]) => role(name, { description }));
  return apply(temporal, await requestOf(world, { namespace, account: ACCOUNT, entities }));
}

/** Returns what the open run of a namespace waits for, or null once `ended` is true. */
async function waitOf(namespace: string, ended: () => boolean): Promise<string | null> {
  const run = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, namespace));
  for (;;) {
    const progress = await run.query(progressQuery).catch(() => undefined);
    if (ended()) return null;
    if (progress?.waitingFor != null) return progress.waitingFor;
  }
}

test.each([
  ['declares', 'stays', { stays: 'new' }, { 'Role/stays': 'updated' }],
  ['no longer declares', 'leaves', { other: 'new' }, { 'Role/other': 'created' }],
])('a run that %s an entity ends the write of an earlier run on it', async (_, name, newer, outcomes) => {
  const namespace = `of-${name}`;
  expect((await applyRoles(namespace, { [name]: 'new' })).result).toBe('converged');
  const update = hold(world.proxy, { action: 'UpdateRole' });
  const older = applyRoles(namespace, { [name]: 'old' });
  older.catch(() => undefined);
  await update.reached;
  await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, namespace)).terminate('by hand');
  await expect(older).rejects.toThrow('ended without a report');
  // The next lists show nothing at all, and later ones no entity run.
  const lists = visibility.count('ListWorkflowExecutions') + 4;
  visibility.hides = ({ type }) =>
    type?.name === WorkflowType.ReconcileEntity || visibility.count('ListWorkflowExecutions') <= lists;
  let hasEnded = false;
  const next = applyRoles(namespace, newer).finally(() => (hasEnded = true));
  const waitsFor = await waitOf(namespace, () => hasEnded);
  expect(waitsFor).toBe(`waiting for the end of what an earlier run left behind: iam:${ACCOUNT}:Role:${name}`);
  update.release();
  expect(outcomesOf(await next)).toEqual(outcomes);
  expect((await temporal.client.workflow.getHandle(`iam:${ACCOUNT}:Role:${name}`).describe()).status.name).not.toBe(
    'RUNNING',
  );
  const declared = Object.keys(newer)[0];
  expect((await iam.getRole({ RoleName: declared })).Role?.Description).toBe('new');
});

test('a run after one that ended by itself looks for what was left behind by three calls to Temporal, however many entities it has', async () => {
  const roles = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`many-${String(index)}`, 'same']));
  expect((await applyRoles('many', roles)).result).toBe('converged');
  const before = ['ListWorkflowExecutions', 'DescribeWorkflowExecution'].map((method) => visibility.count(method));
  expect((await applyRoles('many', roles)).summary).toMatchObject({ unchanged: 30 });
  const after = ['ListWorkflowExecutions', 'DescribeWorkflowExecution'].map((method) => visibility.count(method));
  expect(after.map((count, index) => count - (before[index] ?? 0))).toEqual([2, 1]);
});
