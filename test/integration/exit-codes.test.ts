import { once } from 'node:events';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { CreateRoleCommand } from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import { connectTemporal } from '../../src/temporal/connect.js';
import type { TemporalConnection } from '../../src/temporal/connect.js';
import { loadConfig } from '../../src/config/config.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { bootstrapWorkflowId } from '../../src/contract/workflow-ids.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World } from '../support/world.js';

jest.setTimeout(300_000);

let world: World;
let temporal: TemporalConnection;
let iam: IAMClient;

beforeAll(async () => {
  world = await startWorld();
  iam = iamClient(world.sandbox.url);
  await world.startWorker();
  temporal = await connectTemporal(loadConfig(world.env));
});

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clearRules();
  world.proxy.clear();
});

afterAll(async () => {
  await temporal.close();
  await world.stop();
});

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
async function makeForeign(RoleName: string): Promise<void> {
  const Tags = [{ Key: 'iam-bootstrap:namespace', Value: 'other' }];
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: JSON.stringify(trusting()), Tags }));
}

/** Makes AWS refuse a role for good. */
function deny(RoleName: string): void {
  const params = { RoleName };
  world.proxy.on({ action: 'CreateRole', params }, { kind: 'error', status: 403, code: 'AccessDenied' });
}

/**
 * Starts an apply that AWS keeps waiting, and gives it when it writes. Its role is named after the namespace: what AWS
 * does late, for a run that was terminated, is then in no later test's way.
 */
async function startSlow(namespace: string, more: readonly JsonObject[] = []): Promise<ChildProcess> {
  const RoleName = `slow-${namespace}`;
  world.proxy.on({ action: 'CreateRole', params: { RoleName } }, { kind: 'delay', ms: 6_000 });
  const child = world.spawnCli(['apply', '-f', await write([role(RoleName), ...more], namespace), '--output', 'json']);
  while (world.proxy.count('CreateRole') === 0) {
    if (child.exitCode !== null) throw new Error(`apply ended with ${String(child.exitCode)} before it wrote`);
    await pause(50);
  }
  return child;
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

  test.each(['--help', '--version'])('is that of %s', async (option) => {
    expect((await world.cli([option])).code).toBe(0);
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

  test('is that of a run that was cancelled: what ran has ended well, and the rest was not begun', async () => {
    const child = await startSlow('cancelled', [
      { kind: 'InstanceProfile', instanceProfileName: 'p', roles: ['slow-cancelled'] },
    ]);
    const result = ended(child);
    await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'cancelled')).cancel();
    const { code, stdout } = await result;
    const report = JSON.parse(stdout) as ReturnType<CommandResult['report']>;
    expect([code, report.result]).toEqual([1, 'cancelled']);
    expect(report.entities.map(({ outcome }) => outcome)).toEqual(['created', 'skipped']);
    expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole slow-cancelled': 1 });
  });

  test('is that of a terminated run, with a remedy', async () => {
    const result = ended(await startSlow('terminated'));
    await temporal.client.workflow.getHandle(bootstrapWorkflowId(ACCOUNT, 'terminated')).terminate('by hand');
    const { code, stderr } = await result;
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
    await iam.send(new CreateRoleCommand({ RoleName: 'there', AssumeRolePolicyDocument: JSON.stringify(trusting()) }));
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
    const holder = ended(await startSlow('held'));
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
    expect((await holder).code).toBe(0);
    expect(world.proxy.successfulCreates()).toMatchObject({ 'CreateRole slow-held': 1 });
  });
});

describe('exit code 64', () => {
  test('is that of a manifest that is wrong, by every command that reads one', async () => {
    const path = await world.manifest('wrong.yaml', 'version: 1\nnamespace: ci\n');
    for (const command of ['validate', 'plan', 'apply']) {
      expect((await world.cli([command, '-f', path])).code).toBe(64);
    }
    expect(world.proxy.count()).toBe(0);
  });

  test('wins over what the account would say', async () => {
    await makeForeign('foreign');
    const { code } = await run('apply', [role('foreign'), { kind: 'Policy', policyName: 'p', policyDocument: {} }]);
    expect(code).toBe(64);
  });
});

describe('whatever the exit code', () => {
  test('standard output holds one report and nothing else with --output json', async () => {
    await makeForeign('foreign');
    deny('failing');
    const policy = { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') };
    for (const entities of [[policy], [role('foreign')], [role('failing')]]) {
      const { stdout } = await run('apply', entities, '--keep-going');
      expect(JSON.parse(stdout)).toMatchObject({ version: 1, command: 'apply', namespace: 'ci' });
    }
  });

  test('text tells it too: the result, why, and what to do', async () => {
    await makeForeign('foreign');
    const { code, stdout } = await world.cli(['apply', '-f', await write([role('foreign'), role('a')])]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/! Role\/foreign\s+refused\n\s+owned by iam-bootstrap namespace "other"\n\s+remedy: /);
    expect(stdout).toMatch(/\. Role\/a\s+skipped\n\s+nothing was written, because Role\/foreign is refused/);
    expect(stdout).toMatch(/^refused: 1 refused, 1 skipped; \d+ AWS calls/m);
  });
});
