import { decideApproval, pendingApproval } from '../../src/client/approval.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import { apply } from '../../src/client/run/start.js';
import type { RunEvent, RunOptions } from '../../src/client/run/events.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { ApprovalAction } from '../../src/contract/approval.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { PendingApproval } from '../../src/contract/approval.js';
import type { Report } from '../../src/contract/report.js';
import { hold } from '../support/hold.js';
import { manifestOf, role, trusting } from '../support/manifests-of.js';
import { outcomesOf, writesIn } from '../support/runs.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult } from '../support/world.js';
import { iam, temporal, useWorld, worker, world } from '../support/use-world.js';

useWorld();

const ANOTHER = `sha256:${'0'.repeat(64)}`;
const reference = { account: ACCOUNT, namespace: 'gated' };
const where = ['--account', ACCOUNT, '--namespace', 'gated'];

/** A run whose plan waits for an approval. */
interface RunAwaitingApproval {
  readonly pending: PendingApproval;
  readonly report: Promise<Report>;
}

async function startGated(
  entities: readonly JsonObject[] = [role('gated-role')],
  { timeoutMs = 600_000, ...options }: RunOptions & { readonly timeoutMs?: number } = {},
): Promise<RunAwaitingApproval> {
  const path = await world.manifest('gated.json', manifestOf({ ...reference, entities }));
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'author' };
  const loaded = await loadRequest([path], { variables: {}, pipeline, approval: { timeoutMs } });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  let opened: (pending: PendingApproval) => void = () => undefined;
  const open = new Promise<PendingApproval>((resolve) => (opened = resolve));
  const onEvent = (event: RunEvent): void => {
    options.onEvent?.(event);
    if (event.type === 'awaiting-approval') opened(event.approval);
  };
  const report = apply(temporal, loaded.request, { ...options, onEvent });
  report.catch(() => undefined);
  const pending = await Promise.race([
    open,
    report.then(() => Promise.reject(new Error('the run ended without asking for an approval'))),
  ]);
  // Nothing is written before the decision.
  expect(writesIn(world)).toEqual([]);
  return { pending, report };
}

const decide = (word: 'approve' | 'reject', ...args: string[]): Promise<CommandResult> =>
  world.cli([word, ...where, '--as', 'alice', ...args]);

const decisionOf = (plan: string, by = 'alice'): { plan: string; by: string } => ({ plan, by });

function runHandle(): ReturnType<TemporalConnection['client']['workflow']['getHandle']> {
  return temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, reference.namespace));
}

async function pageOf(): Promise<string> {
  const { currentDetails } = await runHandle().query<{ currentDetails: string }>('__temporal_workflow_metadata');
  return currentDetails;
}

/** Nothing was written, and the report says why. */
function expectNothingWritten(report: Report, reason: string): void {
  expect(report).toMatchObject({ result: 'refused', reason: expect.stringContaining(reason) as string });
  expect(outcomesOf(report)).toEqual({ 'Role/gated-role': 'skipped' });
  expect(writesIn(world)).toEqual([]);
}

test('a plan that is approved on the command line is written, and the report says by whom and why', async () => {
  const { pending, report } = await startGated();
  expect(await pageOf()).toContain(pending.plan);
  const { code, stdout } = await decide('approve', '--plan', pending.plan, '--reason', 'as agreed', '--output', 'json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { approval: { verdict: 'approved', by: 'alice' } }]);
  expect(await report).toMatchObject({
    result: 'converged',
    approval: { plan: pending.plan, verdict: 'approved', by: 'alice', reason: 'as agreed' },
  });
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('without --plan the plan is shown, and has to be confirmed', async () => {
  const { pending, report } = await startGated();
  const asked = await decide('approve');
  expect(asked).toMatchObject({ code: 64, stderr: expect.stringContaining(`--plan ${pending.plan}`) as string });
  expect(asked.stderr).toContain('Role/gated-role');
  const again = await decide('approve', '--yes');
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('Role/gated-role')]);
  expect(await report).toMatchObject({ result: 'converged' });
});

test('apply --require-approval shows the plan and the command, and with --no-wait exits with 4 while the plan still waits', async () => {
  const file = await world.manifest('cli.json', manifestOf({ ...reference, entities: [role('gated-role')] }));
  const args = ['apply', '-f', file, '--require-approval', '--output', 'json'];
  const left = await world.cli([...args, '--no-wait']);
  expect([left.code, left.report().result]).toEqual([4, 'busy']);
  const plan = /--plan (sha256:[0-9a-f]{64})/.exec(left.stderr)?.[1] ?? '';
  expect(left.stderr).toContain('Role/gated-role');
  // All that the role would have, and the command once.
  expect(left.stderr).toMatch(/trust policy\n\s+\+ Allow sts:AssumeRole to /);
  expect(left.stderr.split('iam-bootstrap approve')).toHaveLength(2);
  const approve = await world.cli(['approve', '-f', file, '--plan', plan, '--as', 'alice']);
  expect([approve.code, approve.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  await runHandle().result();
  expect(writesIn(world)).toEqual(['CreateRole']);
  // Nothing is left to write, so no approval is asked for.
  const idle = await world.cli(args);
  expect([idle.code, idle.report().approval]).toEqual([0, undefined]);
});

test('a plan that is rejected ends the run with 3, and nothing is written', async () => {
  const { pending, report } = await startGated();
  expect((await decide('reject', '--plan', pending.plan, '--reason', 'not on a Friday')).code).toBe(0);
  expectNothingWritten(await report, 'rejected by alice: not on a Friday');
});

test('a plan that nobody decides on in time is refused', async () => {
  const { report } = await startGated(undefined, { timeoutMs: 3_000 });
  const ended = await report;
  expectNothingWritten(ended, 'not approved in time');
  expect(ended.approval).toMatchObject({ verdict: 'expired', by: null });
});

test('a plan that no longer fits what is in AWS is not written, and the report names the difference', async () => {
  const { pending, report } = await startGated();
  await iam.createRole({ RoleName: 'gated-role', AssumeRolePolicyDocument: JSON.stringify(trusting()) });
  expect((await decide('approve', '--plan', pending.plan)).code).toBe(0);
  expectNothingWritten(await report, 'Role/gated-role: approved to create, now to adopt');
});

test('an approved create does not adopt what another caller creates right before it', async () => {
  const { pending, report } = await startGated();
  const create = hold(world.proxy, { action: 'CreateRole' });
  expect((await decide('approve', '--plan', pending.plan)).code).toBe(0);
  await create.reached;
  const RoleName = 'gated-role';
  await iam.createRole({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting()) });
  await iam.attachRolePolicy({ RoleName, PolicyArn: 'arn:aws:iam::aws:policy/AdministratorAccess' });
  create.release();
  const ended = await report;
  expect([ended.result, ended.entities[0]?.outcome, ended.entities[0]?.planned]).toEqual([
    'refused',
    'refused',
    'create',
  ]);
  expect(ended.entities[0]?.reason).toMatch(/^approved to create, now to adopt .*AdministratorAccess/);
  expect(ended.entities[0]?.remedy).toBe('apply again, and approve the new plan');
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('a cancelled wait ends at once, and nothing is written', async () => {
  const { report } = await startGated();
  await runHandle().cancel();
  expect(await report).toMatchObject({ result: 'cancelled', approval: { verdict: 'cancelled' } });
  expect(writesIn(world)).toEqual([]);
});

test('a decision on another plan, a second decision and one that no run waits for are refused', async () => {
  expect(await decide('approve', '--plan', ANOTHER)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no plan of gated') as string,
  });
  const { pending, report } = await startGated();
  const other = await decide('approve', '--plan', ANOTHER);
  expect([other.code, other.stderr]).toEqual([3, expect.stringContaining(pending.plan)]);
  const malformed = await decide('approve', '--plan', 'all');
  expect([malformed.code, malformed.stderr]).toEqual([64, expect.stringContaining('the digest of a plan')]);
  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, before: () => held });
  expect((await decide('approve', '--plan', pending.plan)).code).toBe(0);
  // Repeating the decision is accepted; the opposite comes too late.
  expect(await decide('approve', '--plan', pending.plan)).toMatchObject({ code: 0 });
  const late = await decide('reject', '--plan', pending.plan);
  expect([late.code, late.stderr]).toEqual([3, expect.stringContaining('already approved by alice')]);
  go();
  expect(await report).toMatchObject({ result: 'converged' });
});

test('one of several approvals at the same time counts', async () => {
  const { pending, report } = await startGated();
  const names = Array.from({ length: 8 }, (_, index) => `person-${String(index)}`);
  const answers = await Promise.allSettled(
    names.map((by) => decideApproval(temporal, reference, ApprovalAction.Approve, decisionOf(pending.plan, by))),
  );
  const taken = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value.by] : []));
  expect(taken).toHaveLength(1);
  expect(await report).toMatchObject({ result: 'converged', approval: { by: taken[0] } });
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('signals that are not a decision are ignored and counted; a signal from the Temporal UI approves', async () => {
  const { pending, report } = await startGated();
  const junk = [
    [],
    [null],
    ['yes'],
    [{ plan: pending.plan }],
    [{ plan: ANOTHER, by: 'x' }],
    [[pending.plan], 'x'.repeat(5_000)],
  ];
  for (const args of junk) await runHandle().signal(ApprovalAction.Approve, ...args);
  expect(await pageOf()).toContain(`${String(junk.length)} signals were ignored`);
  expect((await pendingApproval(temporal, reference)).plan).toBe(pending.plan);
  expect(writesIn(world)).toEqual([]);
  const { client } = temporal;
  await client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: bootstrapWorkflowId(ACCOUNT, reference.namespace) },
    signalName: 'approve',
    input: {
      payloads: [
        {
          metadata: { encoding: Buffer.from('json/plain') },
          data: Buffer.from(JSON.stringify({ plan: pending.plan, by: 'bob', reason: '' })),
        },
      ],
    },
    identity: 'the UI',
  });
  expect(await report).toMatchObject({ result: 'converged', approval: { verdict: 'approved', by: 'bob' } });
});

test('a plan still waits after its worker is killed, and another pipeline is told what it waits for', async () => {
  const { pending, report } = await startGated();
  const file = await world.manifest('other.json', manifestOf({ ...reference, entities: [role('other-role')] }));
  const other = world.spawnCli(['apply', '-f', file]);
  const waits = new Promise<void>((resolve) => {
    let text = '';
    other.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes('awaiting approval')) resolve();
    });
  });
  await waits;
  other.kill('SIGINT');
  await worker.kill();
  const description = await runHandle().describe();
  expect(description.memo).toMatchObject({ awaitingApproval: pending.plan });
  expect((await world.cli(['status', ...where])).stdout).toMatch(/^awaiting approval .* gated /m);
  // The server still lists the killed worker.
  const unanswered = await decide('approve', '--plan', pending.plan);
  expect(unanswered.code).toBe(4);
  expect(unanswered.stderr).toMatch(/no worker (of|polls the) task queue \S+/);
  expect(unanswered.stderr).not.toContain('report it');
  expect(writesIn(world)).toEqual([]);
  await world.startWorker();
  // The approval that nobody had answered is taken once a worker runs again; a second one is refused.
  expect([0, 3]).toContain((await decide('approve', '--plan', pending.plan)).code);
  expect(await report).toMatchObject({ result: 'converged', approval: { by: 'alice' } });
  expect(writesIn(world)).toEqual(['CreateRole']);
});
