import type { FleetReport } from '../../src/contract/fleet.js';
import { fleetProgressQuery } from '../../src/contract/messages.js';
import { bootstrapWorkflowId, fleetWorkflowId } from '../../src/contract/workflow-ids.js';
import { followFleet } from '../../src/client/fleet/follow.js';
import { failedAccounts, fleetRun } from '../../src/client/fleet/runs.js';
import { fleetReportSchema } from '../../src/report/fleet-schema.js';
import type { fleet } from '../../src/workflows/index.js';
import { hold } from '../support/hold.js';
import { manifestOf, role } from '../support/manifests-of.js';
import { Administrator } from '../support/organization.js';
import { temporal, useWorld, worker, world } from '../support/use-world.js';

/** Events after which a fleet goes on with an empty history: some accounts' worth. */
const FEW_EVENTS = 60;

useWorld({ suggestsContinueAsNewAt: FEW_EVENTS });

const ACCOUNTS = Array.from({ length: 10 }, (_, index) => String(300_000_000_001 + index));
let fleets = 0;

/** Writes a manifest with a fleet of its own, and returns the arguments that name both. */
async function fleetOf(
  accounts: readonly string[] | object,
  fields: object = {},
  roles?: readonly string[],
): Promise<readonly string[]> {
  fleets += 1;
  const name = `fleet-${String(fleets)}`;
  const path = await world.manifest(`${name}.json`, {
    version: 1,
    namespace: name,
    fleets: {
      [name]: {
        accounts: Array.isArray(accounts) ? { ids: accounts } : accounts,
        assumeRole: 'arn:{{partition}}:iam::{{account}}:role/iam-bootstrap',
        ...fields,
      },
    },
    entities: (roles ?? [`${name}-deploy`]).map((one) => role(one)),
  });
  return ['-f', path, '--fleet', name];
}

const nameOf = (args: readonly string[]): string => args[3] ?? '';

async function report(command: string, args: readonly string[], code = 0): Promise<FleetReport> {
  const { stdout, stderr, code: ended } = await world.cli([command, ...args, '--output', 'json']);
  expect({ ended, stderr: ended === code ? '' : stderr }).toEqual({ ended: code, stderr: '' });
  return fleetReportSchema.parse(JSON.parse(stdout));
}

function outcomes({ accounts }: FleetReport): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { entities } of accounts) {
    for (const { outcome } of entities) counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

async function expectOneCreateEach(accounts: readonly string[], name: string, count = 1): Promise<void> {
  for (const account of accounts) {
    expect([account, await world.creates(account)]).toEqual([account, { [`CreateRole ${name}-deploy`]: count }]);
  }
}

/** Returns the runs that a fleet has gone through. */
async function chainOf(name: string): Promise<number> {
  let count = 0;
  const query = `WorkflowId = "${fleetWorkflowId(name, name)}"`;
  for await (const run of temporal.client.workflow.list({ query })) count += run.runId === '' ? 0 : 1;
  return count;
}

/** Waits until a request has joined the open run of a fleet. */
async function hasJoined(name: string): Promise<void> {
  const handle = temporal.client.workflow.getHandle(fleetWorkflowId(name, name));
  for (;;) {
    const { events } = await handle.fetchHistory();
    if (events?.some((event) => event.workflowExecutionSignaledEventAttributes != null) === true) return;
  }
}

test('a fleet is planned, created, and found unchanged', async () => {
  const args = await fleetOf(ACCOUNTS, { waves: [{ accounts: 1 }, { percent: 100 }], concurrency: 4 });
  const planned = await report('plan', args);
  expect(planned).toMatchObject({ command: 'plan', result: 'pending', summary: { pending: 10 } });
  expect(await report('plan', [...args, '--detailed-exitcode'], 2)).toMatchObject({ result: 'pending' });
  world.proxy.clear();
  const applied = await report('apply', args);
  expect(applied).toMatchObject({ result: 'converged', summary: { created: 10 } });
  expect(applied.accounts.map(({ account, wave }) => [account, wave])).toEqual(
    ACCOUNTS.map((account, index) => [account, index === 0 ? 1 : 2]),
  );
  await expectOneCreateEach(ACCOUNTS, nameOf(args));
  expect(await chainOf(nameOf(args))).toBeGreaterThan(1);

  world.proxy.clear();
  const idle = await report('apply', args);
  expect([outcomes(idle), idle.summary.unchanged]).toEqual([{}, 10]);
  const status = await world.cli(['status', '--namespace', nameOf(args), '--fleet', nameOf(args)]);
  expect(status.stdout).toContain(`${ACCOUNTS[0] ?? ''}  converged  1 unchanged`);
});

test('three accounts that cannot be entered fail nothing else, and are applied to again alone', async () => {
  const args = await fleetOf(ACCOUNTS, { maxFailures: 3 });
  const closed = ACCOUNTS.slice(2, 5);
  const rule = world.proxy.on(
    {
      action: 'AssumeRole',
      predicate: ({ params }) => closed.some((account) => (params['RoleArn'] ?? '').includes(account)),
    },
    { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized to perform sts:AssumeRole' },
  );
  const applied = await report('apply', args, 1);
  expect(applied.result).toBe('failed');
  const failed = applied.accounts.filter(({ result }) => result === 'failed');
  expect(failed.map(({ account }) => account)).toEqual(closed);
  expect(failed[0]?.reason).toMatch(/AssumeRole/);
  expect(outcomes(applied)).toEqual({ created: 7 });
  expect(rule.fired).toBeGreaterThan(0);
  expect(await failedAccounts(temporal, { namespace: nameOf(args), fleet: nameOf(args) })).toEqual(closed);

  world.proxy.clearRules();
  const again = await report('apply', [...args, '--retry-failed']);
  expect(again.accounts.map(({ account, result }) => [account, result])).toEqual(
    closed.map((account) => [account, 'converged']),
  );
  await expectOneCreateEach(ACCOUNTS, nameOf(args));
});

test('the report names accounts that are refused and left out, and why no account was found', async () => {
  const administrator = new Administrator(world.sandbox.url);
  const unit = await administrator.unit('workloads', await administrator.found());
  const named = async (name: string): Promise<string> => administrator.account(name, unit);
  const [taken, free, closed] = [await named('taken'), await named('free'), await named('closed')];
  await administrator.close(closed);
  const owner = await fleetOf([taken]);
  await report('apply', owner);

  const args = await fleetOf({ organizationalUnits: [unit] }, { maxFailures: 1 }, [`${nameOf(owner)}-deploy`]);
  const refused = await report('apply', args, 3);
  const resultOf = (id: string) => refused.accounts.find(({ account }) => account === id);
  expect(resultOf(free)).toMatchObject({ name: 'free', result: 'converged' });
  expect(resultOf(taken)).toMatchObject({
    name: 'taken',
    result: 'refused',
    entities: [{ kind: 'Role', outcome: 'refused', decision: 'refuse' }],
  });
  expect(refused.leftOut).toEqual([
    { id: closed, name: 'closed', reason: expect.stringMatching(/closed|suspended/) as string },
  ]);

  const unread = await report('plan', await fleetOf({ organizationalUnits: ['ou-abcd-11111111'] }), 1);
  expect([unread.accounts, unread.reason]).toEqual([[], expect.stringContaining('does not exist') as string]);
});

test('goes on after its worker was killed, and no account gets a second Create', async () => {
  const args = await fleetOf(ACCOUNTS, { concurrency: 3 });
  const call = hold(world.proxy, { action: 'CreateRole', nth: 4 });
  const applying = report('apply', args);
  await call.reached;
  await worker.kill();
  call.release();
  const other = await world.startWorker();
  const applied = await applying;
  expect(outcomes(applied)).toEqual({ created: 10 });
  await expectOneCreateEach(ACCOUNTS, nameOf(args));
  expect(other.pid).not.toBe(worker.pid);
});

test('equal fleets share one run, and a different one waits for its turn', async () => {
  const args = await fleetOf(ACCOUNTS.slice(0, 3));
  const call = hold(world.proxy, { action: 'CreateRole' });
  const first = report('apply', args);
  await call.reached;
  const equal = report('apply', args);
  await hasJoined(nameOf(args));
  const different = report('apply', [...args, '--keep-going']);
  const busy = await world.cli(['apply', ...args, '--accounts', ACCOUNTS[0] ?? '', '--no-wait']);
  expect([busy.code, busy.stderr]).toEqual([4, expect.stringContaining('the fleet is held by a run of') as string]);
  call.release();
  const [one, two, three] = await Promise.all([first, equal, different]);
  expect(two.workflow.runId).toBe(one.workflow.runId);
  expect(three.workflow.runId).not.toBe(one.workflow.runId);
  expect([outcomes(one), outcomes(three)]).toEqual([{ created: 3 }, {}]);
  await expectOneCreateEach(ACCOUNTS.slice(0, 3), nameOf(args));
});

test('its waves wait for an approval, and it is cancelled as a whole', async () => {
  const args = await fleetOf(ACCOUNTS.slice(0, 4), { waves: [{ accounts: 1 }, { accounts: 2 }, { percent: 100 }] });
  const name = nameOf(args);
  const flags = ['--namespace', name, '--fleet', name];
  const waiting = await world.cli(['apply', ...args, '--approve-waves', '--no-wait']);
  expect([waiting.code, waiting.stderr]).toEqual([
    4,
    expect.stringMatching(/the next wave requires an approval/) as string,
  ]);
  const approved = await world.cli(['approve', ...flags, '--as', 'grace', '--yes']);
  expect([approved.code, approved.stdout]).toEqual([0, expect.stringMatching(/^Approved by grace/) as string]);
  const handle = temporal.client.workflow.getHandle<typeof fleet>(fleetWorkflowId(name, name));
  await world.cli(['apply', ...args, '--approve-waves', '--no-wait']);
  expect(await handle.query(fleetProgressQuery)).toMatchObject({ phase: 'awaiting approval', wave: 3, done: 2 });
  const cancelled = await world.cli(['cancel', ...flags, '--output', 'json']);
  expect(cancelled.code).toBe(0);
  const ended = fleetReportSchema.parse((JSON.parse(cancelled.stdout) as { readonly report: unknown }).report);
  expect([ended.result, ended.accounts.map(({ result }) => result)]).toEqual([
    'cancelled',
    ['converged', 'converged', 'skipped', 'skipped'],
  ]);
  expect((await fleetRun(temporal, { namespace: name, fleet: name }))?.report?.result).toBe('cancelled');
  await expectOneCreateEach(ACCOUNTS.slice(0, 2), name);
});

test('a run that outlasts the history of its fleet is found again', async () => {
  const args = await fleetOf(ACCOUNTS, { concurrency: 2 });
  const [slow = ''] = ACCOUNTS;
  const call = hold(world.proxy, { action: 'CreateRole', account: slow });
  const applying = report('apply', args);
  await call.reached;
  const name = nameOf(args);
  const first = await temporal.client.workflow.getHandle(fleetWorkflowId(name, name)).describe();
  for (let runId = first.runId; runId === first.runId;) {
    ({ runId } = await temporal.client.workflow.getHandle(fleetWorkflowId(name, name)).describe());
  }
  const following = followFleet(temporal, fleetWorkflowId(name, name), first.runId);
  call.release();
  const applied = await applying;
  expect(await following).toEqual(applied);
  expect(outcomes(applied)).toEqual({ created: 10 });
  expect(applied.accounts[0]?.workflow?.workflowId).toBe(bootstrapWorkflowId(slow, name));
  await expectOneCreateEach(ACCOUNTS, name);
}, 180_000);

test('an account that waits says for what: for an approval of its plan, or for the run that has its namespace', async () => {
  const [held = '', gated = ''] = ACCOUNTS;
  const args = await fleetOf([held, gated]);
  const name = nameOf(args);
  const one = await world.manifest('one.json', {
    ...manifestOf({ namespace: name, account: held, entities: [role('other')] }),
    environments: { prod: { account: held, assumeRole: `arn:aws:iam::${held}:role/iam-bootstrap` } },
  });
  const waiting = await world.cli(['apply', '-f', one, '--require-approval', '--no-wait'], { USER: 'alice' });
  expect(waiting.code).toBe(4);
  const guardrails = await world.manifest(
    'guardrails.yaml',
    `version: 1
identity:
  issuers: { company: { issuer: "https://login.example.com", audience: iam-bootstrap-cli } }
  groups: { security: [{ issuer: company, groups: security }] }
accounts:
${[held, gated].map((id) => `  "${id}": { assumeRole: "arn:aws:iam::${id}:role/iam-bootstrap" }`).join('\n')}
apply: { approval: { by: [security] } }
`,
  );
  const queue = { IAM_BOOTSTRAP_TASK_QUEUE: 'gated' };
  const other = await world.startWorker({
    ...queue,
    IAM_BOOTSTRAP_GUARDRAILS: guardrails,
    IAM_BOOTSTRAP_PERMIT_KEY: 'a key of at least thirty-two characters',
  });
  const applying = world.cli(['apply', ...args], queue);
  const reference = { namespace: name, fleet: name };
  const states = async () => (await fleetRun(temporal, reference))?.progress?.accounts.map(({ state }) => state) ?? [];
  while ((await states()).sort().join() !== 'awaiting approval,waiting');
  const status = await world.cli(['status', '--namespace', name, '--fleet', name]);
  expect(status.stdout).toMatch(new RegExp(`${held}  waiting for .*: held by .*alice.*, awaiting approval`));
  expect(status.stdout).toMatch(
    new RegExp(
      `${gated}  awaiting approval for .*: to approve \\(or reject\\): iam-bootstrap approve --account ${gated}`,
    ),
  );
  await world.cli(['cancel', '--namespace', name, '--fleet', name], queue);
  const { stderr } = await applying;
  expect(stderr).toContain(`${gated}: awaiting approval: to approve (or reject): iam-bootstrap approve`);
  expect(stderr).toContain(`${held}: waiting: held by`);
  await world.cli(['cancel', '--account', held, '--namespace', name]);
  await other.stop();
});
