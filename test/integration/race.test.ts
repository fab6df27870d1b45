import type { RunEvent } from '../../src/client/run/events.js';
import { apply } from '../../src/client/run/start.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { BootstrapRequest } from '../../src/contract/request.js';
import type { Report } from '../../src/contract/report.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { UNMANAGED_TAG } from '../../src/engine/unmanaged.js';
import { hold } from '../support/hold.js';
import { lockTimers } from '../support/lock-timers.js';
import { requestOf, role } from '../support/manifests-of.js';
import { LONG_FORM } from '../support/trials.js';
import { ACCOUNT } from '../support/world.js';
import { writesIn } from '../support/runs.js';
import { createRole, iam, tagsOfRole, temporal, useWorld, world } from '../support/use-world.js';

useWorld();

/** Races of two namespaces for one role. */
const RACES = LONG_FORM ? 50 : 20;

/** Races that run at a time. */
const AT_A_TIME = 5;

/** Requests of two namespaces that declare the same role. */
async function rivalsFor(roleName: string): Promise<BootstrapRequest[]> {
  const entities = [role(roleName)];
  return Promise.all(
    ['left', 'right'].map((side) => requestOf(world, { namespace: `${side}-${roleName}`, account: ACCOUNT, entities })),
  );
}

/** The reports of a race, the winner first. */
async function race(requests: readonly BootstrapRequest[]): Promise<Report[]> {
  const reports = await Promise.all(requests.map((request) => apply(temporal, request)));
  return reports.sort((a, b) => a.result.localeCompare(b.result));
}

/** Expects that one namespace has won with this outcome, and that the other is refused with the name of the owner. */
async function expectOneWinner([winner, loser]: Report[], outcome: 'created' | 'adopted'): Promise<void> {
  const name = winner?.entities[0]?.name ?? '';
  expect(winner).toMatchObject({ result: 'converged', entities: [{ outcome }] });
  expect(loser).toMatchObject({
    result: 'refused',
    entities: [
      {
        outcome: 'refused',
        writes: [],
        reason: `owned by iam-bootstrap namespace "${winner?.namespace ?? ''}"`,
        remedy: expect.stringContaining(`--adopt foreign:Role/${name}`) as string,
      },
    ],
  });
  expect(await tagsOfRole(name)).toEqual({
    [OwnershipTag.Namespace]: winner?.namespace,
    [OwnershipTag.Origin]: outcome,
    [OwnershipTag.Intent]: winner?.workflow.runId,
    [OwnershipTag.Installation]: expect.any(String) as string,
    // An adoption notes what it has found.
    ...(outcome === 'adopted' ? { [UNMANAGED_TAG]: 'none' } : {}),
  });
}

/** Delays every call of an action until a number of calls of another action have been answered. */
function holdBack(action: string, until: { readonly action: string; readonly answered: number }): void {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  let answered = 0;
  world.proxy.on(
    { action: until.action },
    {
      kind: 'hook',
      after: () => {
        answered += 1;
        if (answered === until.answered) open();
      },
    },
  );
  world.proxy.on({ action }, { kind: 'hook', before: () => opened });
}

test(`refuses one of two namespaces that create a role at the same time, in ${String(RACES)} races`, async () => {
  const names = Array.from({ length: RACES }, (_, index) => `raced-${String(index)}`);
  const rivals = await Promise.all(names.map(rivalsFor));
  for (let first = 0; first < RACES; first += AT_A_TIME) {
    const results = await Promise.all(rivals.slice(first, first + AT_A_TIME).map(race));
    for (const reports of results) await expectOneWinner(reports, 'created');
  }
  const once = Object.fromEntries(names.map((name) => [`CreateRole ${name}`, 1]));
  expect(world.proxy.successfulCreates()).toEqual(once);
  expect(await world.creates()).toEqual(once);
});

test.each([1, 2, 3, 4, 5])('refuses one of two namespaces that both planned to create a role (%i)', async (round) => {
  holdBack('CreateRole', { action: 'GetAccountAuthorizationDetails', answered: 2 });
  const roleName = `planned-${String(round)}`;
  const reports = await race(await rivalsFor(roleName));
  await expectOneWinner(reports, 'created');
  // On a slow machine the held call of the winner may time out and be sent again. AWS executes one of the two.
  const once = { [`CreateRole ${roleName}`]: 1 };
  expect(world.proxy.successfulCreates()).toEqual(once);
  expect(await world.creates()).toEqual(once);
  // The other run waited for the entity's lock, and read the entity before writing. On a slow machine the lock is free
  // again by then, and AWS's answer to its Create makes it read.
  expect(reports[1]?.apiCalls.byOperation).toMatchObject({ GetAccountAuthorizationDetails: 1, GetRole: 1 });
});

test('ends a cancelled run that waits for an entity of another run at once, and never starts on the entity', async () => {
  const held = hold(world.proxy, { action: 'CreateRole' });
  const [first, second] = await rivalsFor('held');
  if (first === undefined || second === undefined) throw new Error('two were asked for');
  const holding = apply(temporal, first);
  await held.reached;
  const waiting = apply(temporal, second);
  const run = temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, second.namespace));
  for (let waits = false; !waits;) {
    const history = await run.fetchHistory().catch(() => undefined);
    waits = history !== undefined && lockTimers(history).length > 0;
  }
  await run.cancel();
  expect(await waiting).toMatchObject({ result: 'cancelled', entities: [{ outcome: 'skipped' }] });
  held.release();
  expect(await holding).toMatchObject({ result: 'converged', entities: [{ outcome: 'created' }] });
  expect(await world.creates()).toEqual({ 'CreateRole held': 1 });
});

test.each([1, 2, 3, 4, 5])('refuses one of two namespaces that adopt a role at the same time (%i)', async (round) => {
  const roleName = `unowned-${String(round)}`;
  await createRole(roleName);
  holdBack('TagRole', { action: 'GetAccountAuthorizationDetails', answered: 2 });
  const reports = await race(await rivalsFor(roleName));
  await expectOneWinner(reports, 'adopted');
  expect(new Set(writesIn(world))).toEqual(new Set(['TagRole']));
  expect(reports[1]?.apiCalls.byOperation).not.toHaveProperty('TagRole');
});

test('a job that joins after another caller deleted an entity gets it back, and the first job is told', async () => {
  const kept = await requestOf(world, { namespace: 'joined', account: ACCOUNT, entities: [role('kept')] });
  expect((await apply(temporal, kept)).result).toBe('converged');
  const entities = [role('kept'), role('added')];
  const [first, second] = await Promise.all(
    ['first', 'second'].map(async () => requestOf(world, { namespace: 'joined', account: ACCOUNT, entities })),
  );
  if (first === undefined || second === undefined) throw new Error('no requests');
  const create = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'added' } });
  const firstReport = apply(temporal, first);
  await create.reached;
  await iam.deleteRole({ RoleName: 'kept' });
  const events: string[] = [];
  const secondReport = apply(
    temporal,
    { ...second, key: 'second' },
    {
      onEvent: ({ type }) => {
        events.push(type);
        if (type === 'joined') create.release();
      },
    },
  );
  expect((await firstReport).entities).toMatchObject([
    { name: 'kept', outcome: 'failed', changedSince: ['does not exist'] },
    { name: 'added', outcome: 'created' },
  ]);
  expect((await secondReport).entities).toMatchObject([
    { name: 'kept', outcome: 'created' },
    { name: 'added', outcome: 'unchanged' },
  ]);
  expect(events.filter((type) => type !== 'progress')).toEqual(['joined', 'applying-again', 'started']);
});

test('jobs that join after an entity was refused apply again, and one run more is enough for all of them', async () => {
  const entities = [role('theirs'), role('mine')];
  const requestWith = async (key: string): Promise<BootstrapRequest> => ({
    ...(await requestOf(world, { namespace: 'refused', account: ACCOUNT, entities })),
    keepGoing: true,
    key,
  });
  await createRole('theirs', { [OwnershipTag.Namespace]: 'other' });
  const create = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'mine' } });
  const first = apply(temporal, await requestWith('first'));
  await create.reached;
  // Only a plan asks for the account again.
  const nextPlan = hold(world.proxy, { action: 'GetCallerIdentity' });
  let joined = 0;
  let started = 0;
  const onEvent = ({ type }: RunEvent): void => {
    if (type === 'started') started += 1;
    if (type !== 'joined') return;
    joined += 1;
    if (joined === 3) create.release();
    if (joined === 5) nextPlan.release();
  };
  const joiners = ['second', 'third', 'fourth'].map(async (key) =>
    apply(temporal, await requestWith(key), { onEvent }),
  );
  for (const { entities: reported } of [await first, ...(await Promise.all(joiners))]) {
    expect(reported.find(({ name }) => name === 'theirs')?.outcome).toBe('refused');
  }
  expect([joined, started]).toEqual([5, 1]);
});

test('what a terminated run has left behind is ended before the next run plans, and never writes again', async () => {
  const describe = (description: string): Promise<BootstrapRequest> =>
    requestOf(world, { namespace: 'left', account: ACCOUNT, entities: [role('left', { description })] });
  const newer = await describe('new');
  expect((await apply(temporal, newer)).result).toBe('converged');
  const throttled = hold(world.proxy, { action: 'UpdateRole' });
  const rule = world.proxy.on({ action: 'UpdateRole' }, { kind: 'error', status: 400, code: 'Throttling' });
  const older = apply(temporal, await describe('old'));
  older.catch(() => undefined);
  await throttled.reached;
  throttled.release();
  await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'left')).terminate('by hand');
  await expect(older).rejects.toThrow('ended without a report');
  expect((await apply(temporal, newer)).entities).toMatchObject([{ outcome: 'unchanged' }]);
  rule.remove();
  const entity = await temporal.client.workflow.getHandle(`iam:${ACCOUNT}:Role:left`).describe();
  expect(entity.status.name).toBe('FAILED');
  expect((await iam.getRole({ RoleName: 'left' })).Role?.Description).toBe('new');
});
