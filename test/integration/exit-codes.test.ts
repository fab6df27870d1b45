import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { hold } from '../support/hold.js';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult } from '../support/world.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { createRole, temporal, useWorld, world } from '../support/use-world.js';

useWorld();

async function write(entities: readonly JsonObject[], namespace = 'ci'): Promise<string> {
  return world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
}

async function run(
  command: 'plan' | 'apply',
  entities: readonly JsonObject[],
  ...options: string[]
): Promise<CommandResult> {
  return world.cli([command, '-f', await write(entities), '--output', 'json', ...options]);
}

/** Creates a role that another namespace owns. */
const makeForeign = (name: string): Promise<void> => createRole(name, { [OwnershipTag.Namespace]: 'other' });

/** Makes AWS refuse a role for good. */
function deny(RoleName: string): void {
  const params = { RoleName };
  world.proxy.on({ action: 'CreateRole', params }, { kind: 'error', status: 403, code: 'AccessDenied' });
}

/**
 * Starts an apply that AWS keeps waiting until `release`, and gives it when it writes. Its role is named after the
 * namespace: what AWS does late, for a run that was terminated, is then in no later test's way.
 */
async function startHeld(namespace: string): Promise<{ readonly child: ChildProcess; readonly release: () => void }> {
  const RoleName = `slow-${namespace}`;
  const { reached, release } = hold(world.proxy, { action: 'CreateRole', params: { RoleName } });
  const child = world.spawnCli(['apply', '-f', await write([role(RoleName)], namespace), '--output', 'json']);
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`apply ended with ${String(code)} before it wrote`);
  });
  await Promise.race([reached, exited]);
  exited.catch(() => undefined);
  return { child, release };
}

async function ended(child: ChildProcess): Promise<Pick<CommandResult, 'code' | 'stdout' | 'stderr'>> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

describe('exit code 0', () => {
  test('is that of a run that converged, of one with nothing to do, and of a plan without changes', async () => {
    const entities = [role('a'), { kind: 'User', userName: 'u' }];
    expect((await run('apply', entities)).code).toBe(0);
    expect((await run('apply', entities)).code).toBe(0);
    expect((await run('plan', entities, '--detailed-exitcode')).code).toBe(0);
  });

  test('is that of a plan with changes, unless details are asked for', async () => {
    const planned = await run('plan', [role('a')]);
    expect([planned.code, planned.report().result]).toEqual([0, 'pending']);
  });
});

describe('exit code 0 of a worker', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('follows %s, after the calls in flight', async (signal) => {
    const name = `worker-${signal.toLowerCase()}`;
    const queue = { IAM_BOOTSTRAP_TASK_QUEUE: name };
    const stopped = await world.startWorker(queue);
    const { reached, release } = hold(world.proxy, { action: 'CreateRole', params: { RoleName: name } });
    const path = await write([role(name)], name);
    const applied = world.cli(['apply', '-f', path, '--output', 'json'], queue);
    await reached;
    process.kill(stopped.pid, signal);
    while (await stopped.isPolling()) await pause(50);
    release();
    expect(await stopped.exited).toEqual([0, null]);
    const next = await world.startWorker(queue);
    expect((await applied).report().entities).toMatchObject([{ outcome: 'created' }]);
    await next.stop();
    // Its reply was reported: no other worker has asked again.
    expect(world.proxy.count('CreateRole')).toBe(1);
  });
});

describe('exit code 1', () => {
  test('is that of a run in which an entity failed, though others converged', async () => {
    deny('a');
    const { code, report } = await run('apply', [role('a'), role('b')]);
    expect([code, report().result]).toEqual([1, 'failed']);
    expect(report().summary).toMatchObject({ failed: 1, created: 1 });
  });

  test('wins over a refusal', async () => {
    await makeForeign('foreign');
    deny('a');
    const { code, report } = await run('apply', [role('a'), role('foreign'), role('b')], '--keep-going');
    expect([code, report().result]).toEqual([1, 'failed']);
    expect(report().summary).toMatchObject({ failed: 1, refused: 1, created: 1 });
  });

  test('is that of a terminated run, with a remedy', async () => {
    const { child, release } = await startHeld('terminated');
    const result = ended(child);
    await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'terminated')).terminate('by hand');
    const { code, stderr } = await result;
    release();
    expect(code).toBe(1);
    expect(stderr).toContain('ended without a report');
    expect(stderr).toMatch(/remedy: apply again/);
  });
});

describe('exit code 2', () => {
  test.each<[string, () => JsonObject[]]>([
    ['a create', () => [role('a')]],
    ['an adoption', () => [role('there')]],
    ['an update', () => [role('ours', { description: 'new' })]],
    ['a deletion', () => [{ kind: 'Role', roleName: 'ours', state: 'absent' }]],
  ])('is that of a plan with %s, where details are asked for', async (_title, entities) => {
    await createRole('there');
    expect((await run('apply', [role('ours')])).code).toBe(0);
    world.proxy.clear();
    const { code, report } = await run('plan', entities(), '--detailed-exitcode');
    expect([code, report().result]).toEqual([2, 'pending']);
    expect(world.proxy.writes()).toEqual([]);
  });
});

describe('exit code 3', () => {
  test('is that of a plan and of a run with a refusal, whatever else is pending or done', async () => {
    await makeForeign('foreign');
    const entities = [role('foreign'), role('a')];
    expect((await run('plan', entities)).code).toBe(3);
    expect((await run('plan', entities, '--detailed-exitcode')).code).toBe(3);
    expect((await run('apply', entities)).code).toBe(3);
    expect((await run('apply', entities, '--keep-going')).code).toBe(3);
    expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole a': 1 });
  });

  test('shows red in the Temporal UI, as does a failure', async () => {
    await makeForeign('foreign');
    const { report } = await run('apply', [role('foreign')]);
    const { workflowId, runId } = report().workflow;
    const { status } = await temporal.client.workflow.getHandle(workflowId, runId).describe();
    expect(status.name).toBe('FAILED');
  });
});

describe('exit code 4', () => {
  test('is that of a command that does not wait for another manifest, or not for long', async () => {
    const { child, release } = await startHeld('held');
    const holder = ended(child);
    const path = await world.manifest(
      'held-too.json',
      manifestOf({ namespace: 'held', account: ACCOUNT, entities: [role('another')] }),
    );
    const [atOnce, late] = await Promise.all([
      world.cli(['apply', '-f', path, '--no-wait', '--output', 'json']),
      world.cli(['apply', '-f', path, '--wait-timeout', '1s']),
    ]);
    for (const { code, stderr } of [atOnce, late]) {
      expect(code).toBe(4);
      expect(stderr).toMatch(/the namespace is held by a run of/);
      expect(stderr).toMatch(/remedy: apply again when it has finished: http/);
    }
    expect(atOnce.report()).toMatchObject({ result: 'busy', entities: [] });
    expect(late.stdout).toBe('');
    release();
    expect((await holder).code).toBe(0);
    expect(world.proxy.successfulCreates()).toMatchObject({ 'CreateRole slow-held': 1 });
  });
});

describe('where something on the way answers in place of AWS', () => {
  const apply = async (): Promise<CommandResult> => run('apply', [role('unreachable')], '--timeout', '6s');

  test.each([
    { status: 200, answer: 'HTTP 200 with text/html' },
    { status: 403, answer: 'HTTP 403 with text/html' },
    { status: 302, location: 'https://login.example/start?token=t', answer: 'a redirect to https://login.example,' },
  ])('a run ends at its timeout with exit code 4, and names $answer', async ({ answer, ...reply }) => {
    world.proxy.on({}, { kind: 'foreign-reply', ...reply });
    const { code, stderr, report } = await apply();
    expect(code).toBe(4);
    expect(report()).toMatchObject({
      result: 'busy',
      reason: expect.stringContaining(answer) as string,
      remedy: expect.stringContaining('what answers in place of AWS') as string,
    });
    expect(stderr).toMatch(/attempt \d+ failed and is retried: .*GetCallerIdentity answered ForeignReply: HTTP \d+/);
  });

  test.each([200, 403])('an entity whose write it answers with %i fails, and is not called created', async (status) => {
    world.proxy.on({ action: 'CreateRole' }, { kind: 'foreign-reply', status });
    const { code, report } = await apply();
    expect(code).toBe(1);
    expect(report().entities).toMatchObject([
      { outcome: 'failed', reason: expect.stringContaining('CreateRole answered ForeignReply') as string },
    ]);
  });
});

test('for every exit code standard output holds one report and nothing else with --output json', async () => {
  await makeForeign('foreign');
  deny('failing');
  const policy = { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') };
  for (const entities of [[policy], [role('foreign')], [role('failing')]]) {
    const { stdout } = await run('apply', entities, '--keep-going');
    expect(JSON.parse(stdout)).toMatchObject({ version: 2, command: 'apply', namespace: 'ci' });
  }
});
