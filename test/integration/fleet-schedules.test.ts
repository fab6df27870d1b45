import { drift } from '../../src/client/drift.js';
import { triggerSchedule } from '../../src/client/schedule/change.js';
import { deleteSchedule } from '../../src/client/schedule/delete.js';
import { listSchedules } from '../../src/client/schedule/read.js';
import type { WatchedEnvironment } from '../../src/contract/drift-record.js';
import {
  accountScheduleId,
  driftRecordWorkflowId,
  scheduledAccountWorkflowId,
} from '../../src/contract/workflow-ids.js';
import { hold } from '../support/hold.js';
import { Administrator } from '../support/organization.js';
import { runOfSchedule, scheduleFleet, until } from '../support/schedules.js';
import { iamClient } from '../support/sandbox.js';
import { temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** Schedules for the accounts of a fleet, on a real server. */

useWorld();

/** Returns what is watched of a namespace, once that many accounts are in drift. */
function watched(namespace: string, inDrift: number): Promise<readonly WatchedEnvironment[]> {
  return until(async () => {
    const { environments } = await drift(temporal, { namespace });
    return environments.filter(({ state }) => state === 'drift').length === inDrift ? environments : undefined;
  });
}

test('a schedule looks at every account of a fleet, and enforces the manifest where it differs', async () => {
  const accounts = ['300000000001', '300000000002', '300000000003'];
  const detecting = await scheduleFleet('watched', { ids: accounts }, 'detect');
  expect(detecting).toMatchObject({ outcome: 'created', id: 'iam-bootstrap-schedule:fleet:watched:all:detect' });
  expect(await scheduleFleet('watched', { ids: accounts }, 'detect')).toMatchObject({ outcome: 'unchanged' });
  expect(await runOfSchedule(detecting.id)).toMatchObject({ state: 'pending', inDrift: 3 });
  const found = await watched('watched', 3);
  expect(found.map(({ account, schedules, problem }) => [account, schedules.length, problem])).toEqual(
    accounts.map((account) => [account, 1, null]),
  );
  expect(world.proxy.writes()).toEqual([]);

  const enforcing = await scheduleFleet('watched', { ids: accounts }, 'enforce');
  expect(await runOfSchedule(enforcing.id)).toMatchObject({ state: 'converged', inDrift: 0, corrected: 3 });
  for (const account of accounts) expect(await world.creates(account)).toEqual({ 'CreateRole watched-deploy': 1 });

  const [first = ''] = accounts;
  const iam = iamClient(world.sandbox.url, first);
  await iam.updateRole({ RoleName: 'watched-deploy', MaxSessionDuration: 7200 });
  expect(await runOfSchedule(detecting.id)).toMatchObject({ state: 'pending', inDrift: 1 });
  const [drifted] = (await watched('watched', 1)).filter(({ state }) => state === 'drift');
  expect(drifted).toMatchObject({
    account: first,
    record: { drifted: [{ name: 'watched-deploy', action: 'update' }] },
  });

  // A list may show for a moment what was deleted.
  const untilListed = (count: number): Promise<true> =>
    until(async () => (await listSchedules(temporal, { namespace: 'watched' })).length === count || undefined);
  await deleteSchedule(temporal, enforcing.id);
  expect((await drift(temporal, { namespace: 'watched' })).fleets).toMatchObject([{ problem: null }]);
  await untilListed(1);
  expect((await watched('watched', 1)).map(({ schedules }) => schedules.length)).toEqual([1, 1, 1]);
  await deleteSchedule(temporal, detecting.id);
  await untilListed(0);
  expect((await drift(temporal, { namespace: 'watched' })).environments).toEqual([]);
});

/** Returns the accounts of the drift records of a namespace that are open. */
async function recorded(namespace: string, accounts: readonly string[]): Promise<readonly string[]> {
  const open = accounts.map(async (account) => {
    const id = driftRecordWorkflowId({ account, namespace, environment: 'all' });
    const described = await temporal.client.workflow
      .getHandle(id)
      .describe()
      .catch(() => undefined);
    return described?.status.name === 'RUNNING' ? account : [];
  });
  return (await Promise.all(open)).flat();
}

test('deleting a schedule ends its open run in every account, and no record is left', async () => {
  const accounts = ['300000000011', '300000000012', '300000000013'];
  const [first, second, last = ''] = accounts;
  const { id } = await scheduleFleet('ended', { ids: accounts }, 'enforce');
  const held = hold(world.proxy, { action: 'GetAccountAuthorizationDetails', account: last });
  const { workflowId = '' } = (await triggerSchedule(temporal, id)) ?? {};
  await held.reached;
  const created = { 'CreateRole ended-deploy': 1 };
  const createdIn = async (account?: string): Promise<boolean> => Object.keys(await world.creates(account)).length > 0;
  await until(async () => ((await createdIn(first)) && (await createdIn(second)) ? true : undefined));
  expect(await recorded('ended', accounts)).toEqual([first, second]);
  const cancelled = await deleteSchedule(temporal, id);
  held.release();
  expect(cancelled).toMatchObject([{ workflowId, hasEnded: true }]);
  await expect(temporal.client.workflow.getHandle(workflowId).result()).rejects.toThrow(/cancel/i);
  expect(await world.creates(last)).toEqual({});
  await until(async () => ((await recorded('ended', accounts)).length === 0 ? true : undefined));
  await expect(deleteSchedule(temporal, id)).rejects.toThrow(`there is no schedule ${id}`);
  for (const account of [first, second]) expect(await world.creates(account)).toEqual(created);
});

test('deleting a schedule ends the runs of accounts that go on without that of the fleet', async () => {
  const account = '300000000031';
  const { id } = await scheduleFleet('left-open', { ids: [account] }, 'enforce');
  const held = hold(world.proxy, { action: 'GetAccountAuthorizationDetails', account });
  const { workflowId = '' } = (await triggerSchedule(temporal, id)) ?? {};
  await held.reached;
  await temporal.client.workflow.getHandle(workflowId).terminate();
  const open = scheduledAccountWorkflowId(accountScheduleId(id, account));
  expect(await deleteSchedule(temporal, id)).toMatchObject([{ workflowId: open, hasEnded: true }]);
  held.release();
  await expect(temporal.client.workflow.getHandle(open).result()).rejects.toThrow(/cancel/i);
  expect(await world.creates(account)).toEqual({});
  expect(await recorded('left-open', [account])).toEqual([]);
});

test('deleting a schedule whose deletion was cut off cleans up what is left of it', async () => {
  const accounts = ['300000000021', '300000000022'];
  const { id } = await scheduleFleet('cut-off', { ids: accounts }, 'detect');
  await runOfSchedule(id);
  await watched('cut-off', 2);
  await temporal.client.schedule.getHandle(id).delete();
  expect(await recorded('cut-off', accounts)).toEqual(accounts);
  await deleteSchedule(temporal, id);
  await until(async () => ((await recorded('cut-off', accounts)).length === 0 ? true : undefined));
});

test('a new account of an organizational unit is bootstrapped by the next run of a schedule', async () => {
  const administrator = new Administrator(world.sandbox.url);
  await administrator.found();
  const unit = await administrator.unit('workloads');
  const shop = await administrator.account('shop', unit);
  const organizationRole = `arn:aws:iam::${ACCOUNT}:role/organization-reader`;
  const { id } = await scheduleFleet('landing', { organizationalUnits: [unit], organizationRole }, 'enforce');
  expect(await runOfSchedule(id)).toMatchObject({ state: 'converged', corrected: 1 });
  const blog = await administrator.account('blog', unit);
  expect(await runOfSchedule(id)).toMatchObject({ state: 'converged', corrected: 1 });
  for (const account of [shop, blog]) expect(await world.creates(account)).toEqual({ 'CreateRole landing-deploy': 1 });
});
