import { CreateRoleCommand } from '@aws-sdk/client-iam';
import { decideApproval, pendingApproval } from '../../src/client/approval.js';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadRequest } from '../../src/client/request.js';
import { apply } from '../../src/client/run/start.js';
import type { RunEvent, RunOptions } from '../../src/client/run/events.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { ApprovalAction } from '../../src/contract/approval.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import type { PendingApproval } from '../../src/contract/approval.js';
import type { Report } from '../../src/contract/report.js';
import { manifestOf, role, trusting } from '../support/manifests-of.js';
import { outcomesOf, writesIn } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World, WorkerProcess } from '../support/world.js';

jest.setTimeout(120_000);

const ANOTHER = `sha256:${'0'.repeat(64)}`;
const place = { account: ACCOUNT, namespace: 'gated' };
const where = ['--account', ACCOUNT, '--namespace', 'gated'];

let world: World;
let temporal: TemporalConnection;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await startWorld();
  worker = await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
}, 300_000);

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clear();
});

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

/** A run that has come to its gate. */
interface Gated {
  readonly gate: PendingApproval;
  readonly report: Promise<Report>;
}

async function gated(
  entities: readonly JsonObject[] = [role('gated-role')],
  { timeoutMs = 600_000, ...options }: RunOptions & { readonly timeoutMs?: number } = {},
): Promise<Gated> {
  const path = await world.manifest('gated.json', manifestOf({ ...place, entities }));
  const pipeline = { provider: 'local', url: null, commit: null, actor: 'author' };
  const loaded = await loadRequest([path], { variables: {}, pipeline, approval: { timeoutMs } });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  let opened: (gate: PendingApproval) => void = () => undefined;
  const open = new Promise<PendingApproval>((resolve) => (opened = resolve));
  const onEvent = (event: RunEvent): void => {
    options.onEvent?.(event);
    if (event.type === 'awaiting-approval') opened(event.approval);
  };
  const report = apply(temporal, loaded.request, { ...options, onEvent });
  report.catch(() => undefined);
  const gate = await Promise.race([open, report.then(() => Promise.reject(new Error('the run ended without a gate')))]);
  // Whatever becomes of it, nothing was written before.
  expect(writesIn(world)).toEqual([]);
  return { gate, report };
}

const answered = (word: 'approve' | 'reject', ...args: string[]): Promise<CommandResult> =>
  world.cli([word, ...where, '--as', 'alice', ...args]);

const said = (plan: string, by = 'alice'): { plan: string; by: string } => ({ plan, by });

function runHandle(): ReturnType<TemporalConnection['client']['workflow']['getHandle']> {
  return temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, place.namespace));
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
  const { gate, report } = await gated();
  expect(await pageOf()).toContain(gate.plan);
  const { code, stdout } = await answered('approve', '--plan', gate.plan, '--reason', 'as agreed', '--output', 'json');
  expect([code, JSON.parse(stdout)]).toMatchObject([0, { approval: { verdict: 'approved', by: 'alice' } }]);
  expect(await report).toMatchObject({
    result: 'converged',
    approval: { plan: gate.plan, verdict: 'approved', by: 'alice', reason: 'as agreed' },
  });
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('without --plan the plan is shown, and somebody has to say yes to it', async () => {
  const { gate, report } = await gated();
  const asked = await answered('approve');
  expect(asked).toMatchObject({ code: 64, stderr: expect.stringContaining(`--plan ${gate.plan}`) as string });
  expect(asked.stderr).toContain('Role/gated-role');
  const again = await answered('approve', '--yes');
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('Role/gated-role')]);
  expect(await report).toMatchObject({ result: 'converged' });
});

test('apply --require-approval shows the plan and the command, and with --no-wait leaves with 4 while the gate stays', async () => {
  const file = await world.manifest('cli.json', manifestOf({ ...place, entities: [role('gated-role')] }));
  const args = ['apply', '-f', file, '--require-approval', '--output', 'json'];
  const left = await world.cli([...args, '--no-wait']);
  expect([left.code, left.report().result]).toEqual([4, 'busy']);
  const plan = /--plan (sha256:[0-9a-f]{64})/.exec(left.stderr)?.[1] ?? '';
  expect(left.stderr).toContain('Role/gated-role');
  const approve = await world.cli(['approve', '-f', file, '--plan', plan, '--as', 'alice']);
  expect([approve.code, approve.stderr]).toEqual([0, expect.not.stringContaining('error')]);
  await runHandle().result();
  expect(writesIn(world)).toEqual(['CreateRole']);
  // There is nothing to write any more, and so nothing to ask.
  const idle = await world.cli(args);
  expect([idle.code, idle.report().approval]).toEqual([0, undefined]);
});

test('a plan that is rejected ends the run with 3, and nothing is written', async () => {
  const { gate, report } = await gated();
  expect((await answered('reject', '--plan', gate.plan, '--reason', 'not on a Friday')).code).toBe(0);
  expectNothingWritten(await report, 'rejected by alice: not on a Friday');
});

test('a plan that nobody answers in time is refused', async () => {
  const { report } = await gated(undefined, { timeoutMs: 3_000 });
  const ended = await report;
  expectNothingWritten(ended, 'not approved in time');
  expect(ended.approval).toMatchObject({ verdict: 'expired', by: null });
});

test('a plan that a person has changed meanwhile in AWS is not written, and the difference is named', async () => {
  const { gate, report } = await gated();
  await iamClient(world.sandbox.url).send(
    new CreateRoleCommand({ RoleName: 'gated-role', AssumeRolePolicyDocument: JSON.stringify(trusting()) }),
  );
  expect((await answered('approve', '--plan', gate.plan)).code).toBe(0);
  expectNothingWritten(await report, 'Role/gated-role: approved to create, now to adopt');
});

test('a cancelled wait ends at once, and nothing is written', async () => {
  const { report } = await gated();
  await runHandle().cancel();
  expect(await report).toMatchObject({ result: 'cancelled', approval: { verdict: 'cancelled' } });
  expect(writesIn(world)).toEqual([]);
});

test('an answer for another plan, a second answer and one that nobody waits for are refused', async () => {
  expect(await answered('approve', '--plan', ANOTHER)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no plan of gated') as string,
  });
  const { gate, report } = await gated();
  const other = await answered('approve', '--plan', ANOTHER);
  expect([other.code, other.stderr]).toEqual([3, expect.stringContaining(gate.plan)]);
  const malformed = await answered('approve', '--plan', 'all');
  expect([malformed.code, malformed.stderr]).toEqual([3, expect.stringContaining('"plan"')]);
  let go = (): void => undefined;
  const held = new Promise<void>((resolve) => (go = resolve));
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, before: () => held });
  expect((await answered('approve', '--plan', gate.plan)).code).toBe(0);
  // The same once more is as good; the opposite comes too late.
  expect(await answered('approve', '--plan', gate.plan)).toMatchObject({ code: 0 });
  const late = await answered('reject', '--plan', gate.plan);
  expect([late.code, late.stderr]).toEqual([3, expect.stringContaining('already approved by alice')]);
  go();
  expect(await report).toMatchObject({ result: 'converged' });
});

test('of approvals that race, one counts', async () => {
  const { gate, report } = await gated();
  const names = Array.from({ length: 8 }, (_, index) => `person-${String(index)}`);
  const answers = await Promise.allSettled(
    names.map((by) => decideApproval(temporal, place, ApprovalAction.Approve, said(gate.plan, by))),
  );
  const taken = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value.by] : []));
  expect(taken).toHaveLength(1);
  expect(await report).toMatchObject({ result: 'converged', approval: { by: taken[0] } });
  expect(writesIn(world)).toEqual(['CreateRole']);
});

test('signals that are no answer are ignored and counted; one as the Temporal UI sends it approves', async () => {
  const { gate, report } = await gated();
  const junk = [
    [],
    [null],
    ['yes'],
    [{ plan: gate.plan }],
    [{ plan: ANOTHER, by: 'x' }],
    [[gate.plan], 'x'.repeat(5_000)],
  ];
  for (const args of junk) await runHandle().signal(ApprovalAction.Approve, ...args);
  expect(await pageOf()).toContain(`${String(junk.length)} signals were ignored`);
  expect((await pendingApproval(temporal, place)).plan).toBe(gate.plan);
  expect(writesIn(world)).toEqual([]);
  const { client } = temporal;
  await client.workflowService.signalWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: bootstrapWorkflowId(ACCOUNT, place.namespace) },
    signalName: 'approve',
    input: {
      payloads: [
        {
          metadata: { encoding: Buffer.from('json/plain') },
          data: Buffer.from(JSON.stringify({ plan: gate.plan, by: 'bob', reason: '' })),
        },
      ],
    },
    identity: 'the UI',
  });
  expect(await report).toMatchObject({ result: 'converged', approval: { verdict: 'approved', by: 'bob' } });
});

test('a worker that is killed while the plan waits is no loss, and another pipeline is told what it waits for', async () => {
  const { gate, report } = await gated();
  const file = await world.manifest('other.json', manifestOf({ ...place, entities: [role('other-role')] }));
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
  expect(description.memo).toMatchObject({ awaitingApproval: gate.plan });
  expect((await world.cli(['status', ...where])).stdout).toMatch(/^awaiting approval .* gated /m);
  expect(writesIn(world)).toEqual([]);
  worker = await world.startWorker();
  expect((await answered('approve', '--plan', gate.plan)).code).toBe(0);
  expect(await report).toMatchObject({ result: 'converged', approval: { by: 'alice' } });
  expect(writesIn(world)).toEqual(['CreateRole']);
});
