import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { impose, LOOPBACK } from '../../bench/conditions.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import type { Fault } from '../support/fault-proxy.js';
import { allowing, manifestOf, oneOfEach, role } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult } from '../support/world.js';
import { writesIn } from '../support/runs.js';
import { createRole, iam, tagsOfRole, useWorld, world } from '../support/use-world.js';

useWorld();

const CDK = resolve(__dirname, '../../examples/cdk-bootstrap.yaml');

/** Applies what is declared, in a namespace called `applied`. */
async function apply(entities: readonly JsonObject[], ...args: string[]): Promise<CommandResult> {
  const path = await world.manifest('manifest.json', manifestOf({ namespace: 'applied', account: ACCOUNT, entities }));
  return world.cli(['apply', '-f', path, '-o', 'json', ...args]);
}

/** The report on one entity of a command that ended with this code. */
function only(end: CommandResult, code: number): EntityReport {
  expect([end.code, end.stderr]).toEqual([code, expect.anything()]);
  const [entity] = end.report().entities;
  if (entity === undefined) throw new Error('the report names no entity');
  return entity;
}

describe('the roles of the AWS CDK', () => {
  const apply = (): Promise<CommandResult> => world.cli(['apply', '-f', CDK, '-e', 'dev', '-o', 'json']);

  it('are made by the first apply, and the second finds nothing to do in at most six calls', async () => {
    const first = await apply();
    expect([first.code, first.stderr]).toEqual([0, expect.anything()]);
    const made = first.report();
    expect(made).toMatchObject({ version: 2, command: 'apply', result: 'converged', account: ACCOUNT });
    expect(made.entities.map(({ outcome, confirmedBy }) => [outcome, confirmedBy])).toEqual(
      made.entities.map(() => ['created', 'reply']),
    );
    expect(made.entities).toHaveLength(5);
    expect(made.summary).toMatchObject({ created: 5, conflicts: 0 });
    // Its own account of the calls is that of the proxy.
    expect(made.apiCalls).toEqual({ total: world.proxy.count(), byOperation: world.proxy.countBy() });
    const requests = made.entities.flatMap(({ writes }) => writes.map(({ requestId }) => requestId));
    expect(requests.sort()).toEqual(
      world.proxy
        .writes()
        .map(({ requestId }) => requestId)
        .sort(),
    );
    expect(Object.values(await world.creates())).toEqual([1, 1, 1, 1, 1]);

    world.proxy.clear();
    const second = await apply();
    expect(second.code).toBe(0);
    expect(second.report().entities.map(({ outcome }) => outcome)).toEqual(made.entities.map(() => 'unchanged'));
    expect(second.report().workflow.runId).not.toBe(made.workflow.runId);
    expect(world.proxy.writes()).toEqual([]);
    expect(world.proxy.count()).toBeLessThanOrEqual(6);

    world.proxy.clear();
    const plan = await world.cli(['plan', '-f', CDK, '-e', 'dev', '-o', 'json', '--detailed-exitcode']);
    expect([plan.code, plan.report().result]).toEqual([0, 'converged']);
    expect(world.proxy.writes()).toEqual([]);
  });

  it('are planned without a write, and the exit code tells', async () => {
    const plan = await world.cli(['plan', '-f', CDK, '-e', 'dev', '-o', 'json', '--detailed-exitcode']);
    expect([plan.code, plan.report().result]).toEqual([2, 'pending']);
    expect(world.proxy.writes()).toEqual([]);
    expect((await world.cli(['plan', '-f', CDK, '-e', 'dev'])).code).toBe(0);
  });
});

describe('a Create whose reply is lost', () => {
  const faults: readonly [string, Fault][] = [
    ['breaks off', { kind: 'reset-after', times: 1 }],
    ['is an error of the server', { kind: 'error-after-commit', times: 1 }],
  ];

  it.each(faults)(
    'is found again where the reply of each %s: made once, and reported as created',
    async (_how, fault) => {
      const creates = oneOfEach().map(({ kind }) => `Create${kind as string}`);
      for (const action of creates) world.proxy.on({ action }, fault);
      const end = await apply(oneOfEach());

      expect([end.code, end.stderr]).toEqual([0, expect.anything()]);
      const { entities, result } = end.report();
      expect(result).toBe('converged');
      expect(entities.map(({ kind, outcome, confirmedBy }) => [kind, outcome, confirmedBy])).toEqual(
        oneOfEach().map(({ kind }) => [kind, 'created', kind === 'Group' ? 'recorded-attempt' : 'intent-tag']),
      );
      expect(entities.map(({ writes }) => writes.map(({ operation, requestId }) => [operation, requestId]))).toEqual(
        creates.map((operation) => [[operation, null]]),
      );
      expect(end.report().apiCalls).toEqual({ total: world.proxy.count(), byOperation: world.proxy.countBy() });
      // Not even a second attempt: it was looked for first.
      expect(creates.map((action) => world.proxy.count(action))).toEqual(creates.map(() => 1));
      expect(Object.values(world.proxy.successfulCreates())).toEqual(creates.map(() => 1));
      expect(Object.values(await world.creates())).toEqual(creates.map(() => 1));
    },
  );

  it('goes on with what the Create could not carry', async () => {
    world.proxy.on({ action: 'CreateRole' }, { kind: 'reset-after', times: 1 });
    const entity = only(await apply([role('whole', { inlinePolicies: { work: allowing('s3:GetObject') } })]), 0);
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'intent-tag' });
    expect(writesIn(world)).toEqual(['CreateRole', 'PutRolePolicy']);
  });

  it('is tried again where it never arrived', async () => {
    world.proxy.on({ action: 'CreateRole' }, { kind: 'reset-before', times: 2 });
    const entity = only(await apply([role('late')]), 0);
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply', attempts: 3 });
    expect(await world.creates()).toEqual({ 'CreateRole late': 1 });
  });
});

describe('a later write whose reply is lost', () => {
  it('is not reported as if nothing had been changed', async () => {
    only(await apply([role('changed', { description: 'before' })]), 0);
    world.proxy.on({ action: 'UpdateRole' }, { kind: 'reset-after', times: 1 });
    const entity = only(await apply([role('changed', { description: 'after' })]), 0);
    expect(world.proxy.count('UpdateRole')).toBe(1);
    expect(entity).toMatchObject({ decision: 'update', outcome: 'updated' });
    expect(entity.writes).toMatchObject([{ operation: 'UpdateRole', requestId: null }]);
  });

  it('keeps the request IDs of the writes before it', async () => {
    world.proxy.on({ action: 'PutRolePolicy' }, { kind: 'reset-after', times: 1 });
    const spec = role('traced', { inlinePolicies: { a: allowing('s3:GetObject') }, tags: { team: 'ci' } });
    await createRole('traced', { [OwnershipTag.Namespace]: 'applied' });
    world.proxy.on({ action: 'TagRole' }, { kind: 'error-after-commit', times: 1 });
    const entity = only(await apply([{ ...spec, description: 'traced' }]), 0);
    const [update] = world.proxy.calls.filter(({ action }) => action === 'UpdateRole');
    expect(entity).toMatchObject({ decision: 'update', outcome: 'updated', attempts: 3 });
    expect(entity.writes.map(({ operation, requestId }) => [operation, requestId])).toEqual([
      ['PutRolePolicy', null],
      ['UpdateRole', update?.requestId],
      ['TagRole', null],
    ]);
    expect(writesIn(world)).toEqual(['PutRolePolicy', 'UpdateRole', 'TagRole']);
  });

  it('is not reported as if nothing had been deleted', async () => {
    only(await apply([role('doomed')]), 0);
    world.proxy.on({ action: 'DeleteRole' }, { kind: 'reset-after', times: 1 });
    const entity = only(await apply([{ kind: 'Role', roleName: 'doomed', state: 'absent' }]), 0);
    expect(world.proxy.count('DeleteRole')).toBe(1);
    expect(entity).toMatchObject({ decision: 'delete', outcome: 'deleted' });
    expect(entity.writes).toMatchObject([{ operation: 'DeleteRole', requestId: null }]);
  });

  it('is reported as an adoption where it was one', async () => {
    await createRole('found');
    world.proxy.on({ action: 'TagRole' }, { kind: 'reset-after', times: 1 });
    const entity = only(await apply([role('found')]), 0);
    expect(entity).toMatchObject({ decision: 'adopt', outcome: 'adopted' });
    expect(entity.writes).toMatchObject([{ operation: 'TagRole', requestId: null }]);
  });
});

describe('IAM as it is at times', () => {
  it('throttles: the run waits and converges', async () => {
    world.proxy.on({ action: 'CreateRole' }, { kind: 'throttle', times: 7 });
    world.proxy.on({ action: 'GetAccountAuthorizationDetails' }, { kind: 'throttle', times: 4 });
    const entity = only(await apply([role('patient')]), 0);
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply', conflicts: [] });
    expect(world.proxy.count('CreateRole')).toBe(8);
    expect(await world.creates()).toEqual({ 'CreateRole patient': 1 });
  });

  it('lets few calls through: they keep that pace, and each write waits for its turn while the step is held', async () => {
    impose(world.proxy, { ...LOOPBACK, bucket: { perSecond: 3, burst: 3 } });
    const names = Array.from({ length: 30 }, (_, index) => `slow-${String(index)}`);
    const end = await apply(names.map((name) => role(name)));
    expect(end.report()).toMatchObject({ result: 'converged', summary: { created: 30, conflicts: 0 } });
    expect(await world.creates()).toEqual(Object.fromEntries(names.map((name) => [`CreateRole ${name}`, 1])));
    // As many as were under way when the first was throttled, and one now and then.
    expect(world.proxy.calls.filter(({ code }) => code === 'Throttling').length).toBeLessThan(30);
  });

  it.each([1, 3, 6])('does not show a new role to %i reads: it is not made again', async (times) => {
    world.proxy.on({ action: 'CreateRole' }, { kind: 'reset-after', times: 1 });
    world.proxy.on({ action: 'GetRole' }, { kind: 'stale-not-found', times });
    const spec = role('hidden', { inlinePolicies: { work: allowing('s3:GetObject') } });
    const entity = only(await apply([spec]), 0);
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'intent-tag' });
    expect(await world.creates()).toEqual({ 'CreateRole hidden': 1 });
    // The one conflict on the way was with itself.
    const [lost, refused] = world.proxy.calls.filter(({ action }) => action === 'CreateRole');
    expect([lost?.committed, refused?.code]).toEqual([true, 'EntityAlreadyExists']);
    expect(entity.conflicts).toMatchObject([{ requestId: refused?.requestId, resolvedAs: 'created' }]);
    expect(writesIn(world)).toEqual(['CreateRole', 'CreateRole', 'PutRolePolicy']);
  });

  it('does not know a new role when its policy is put: that is tried again', async () => {
    const lagging: Fault = { kind: 'error', status: 404, code: 'NoSuchEntity', times: 2 };
    world.proxy.on({ action: 'PutRolePolicy' }, lagging);
    const entity = only(await apply([role('new', { inlinePolicies: { work: allowing('s3:GetObject') } })]), 0);
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply' });
    expect(await world.creates()).toEqual({ 'CreateRole new': 1 });
  });
});

describe('another caller between plan and write', () => {
  /** Lets something happen just before the first call of an action is carried out. */
  const justBefore = (action: string, act: () => Promise<void>): void => {
    world.proxy.on({ action }, { kind: 'hook', times: 1, before: act });
  };

  it('makes the role: it is adopted, and the report has the conflict with its request ID', async () => {
    justBefore('CreateRole', () => createRole('contested', { team: 'other' }));
    const entity = only(await apply([role('contested', { inlinePolicies: { work: allowing('s3:GetObject') } })]), 0);

    const [refused] = world.proxy.calls.filter(({ action }) => action === 'CreateRole');
    expect(entity).toMatchObject({ decision: 'adopt', outcome: 'adopted', confirmedBy: null });
    expect(entity.conflicts).toEqual([
      {
        operation: 'CreateRole',
        code: 'EntityAlreadyExists',
        requestId: refused?.requestId,
        resolvedAs: 'adopted',
      },
    ]);
    expect(refused?.requestId).toMatch(/\w/);
    expect(await tagsOfRole('contested')).toMatchObject({
      [OwnershipTag.Namespace]: 'applied',
      [OwnershipTag.Origin]: 'adopted',
      team: 'other',
    });
    expect(await world.creates()).toEqual({ 'CreateRole contested': 1 });
    expect(world.proxy.successfulCreates()).toEqual({});
  });

  it('removes the role that was to be updated: it is made again', async () => {
    only(await apply([role('gone', { description: 'before' })]), 0);
    justBefore('GetRole', async () => {
      await iam.deleteRole({ RoleName: 'gone' });
    });
    const entity = only(await apply([role('gone', { description: 'after' })]), 0);
    expect(entity).toMatchObject({ outcome: 'created', confirmedBy: 'reply' });
  });
});

describe('a call that AWS keeps failing', () => {
  it.each(['plan', 'apply'])(
    'is named by %s with its error while it is retried, and the command succeeds',
    async (command) => {
      const action = command === 'plan' ? 'GetCallerIdentity' : 'CreateRole';
      const rule = world.proxy.on({ action }, { kind: 'error', status: 500, code: 'ServiceFailure' });
      const entities = [role('slow')];
      const path = await world.manifest('slow.json', manifestOf({ namespace: 'applied', account: ACCOUNT, entities }));
      const child = world.spawnCli([command, '-f', path]);
      const ended = once(child, 'close');
      let said = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('is retried')) rule.remove();
      });
      expect([await ended, said]).toEqual([[0, null], expect.anything()]);
      const what =
        command === 'plan' ? 'plan applied (test) in 111111111111: 1 entity' : 'create Role/slow for applied';
      expect(said).toMatch(`attempt 3 failed and is retried: ${what}: ${action} answered ServiceFailure`);
    },
  );
});

describe('a job of GitHub Actions', () => {
  it('shows the summary, the line of what is refused, and hands on what later steps ask for', async () => {
    await createRole('theirs', { [OwnershipTag.Namespace]: 'others' });
    const entities = [role('mine'), role('theirs')];
    const path = await world.manifest('job.json', manifestOf({ namespace: 'applied', account: ACCOUNT, entities }));
    const inside = (name: string): string => join(world.directory, name);
    const [summary, output, junit] = [inside('summary.md'), inside('output'), inside('report.xml')] as const;
    const { code, stderr } = await world.cli(
      ['apply', '-f', path, '--keep-going', '--summary', `${summary}.file`, '--junit', junit],
      { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary, GITHUB_OUTPUT: output },
    );
    expect(code).toBe(3);
    const text = await readFile(summary, 'utf8');
    expect(text).toContain('### iam-bootstrap apply: refused');
    expect(text).toContain('\n`+` `Role/mine` created\n');
    expect(text).toMatch(/\n`!` `Role\/theirs` refused\n\nowned by .*\n\nremedy: /);
    expect(await readFile(`${summary}.file`, 'utf8')).toBe(text);
    expect(await readFile(output, 'utf8')).toMatch(/^result<<(\S+)\nrefused\n\1$/m);
    expect(await readFile(junit, 'utf8')).toContain('failures="1"');
    expect(stderr).toMatch(/^::error file=.*job\.json,line=\d+,title=Role\/theirs refused::owned by /m);
  });

  it('shows the line of what is wrong in a manifest', async () => {
    const path = await world.manifest('wrong.yaml', 'version: 1\nnamespace: ci\nnonsense: true\n');
    const { code, stderr } = await world.cli(['validate', '-f', path], { GITHUB_ACTIONS: 'true' });
    expect(code).toBe(64);
    expect(stderr).toMatch(/^::error file=.*wrong\.yaml,line=3,col=1,title=invalid manifest::.*%0ARemedy: /m);
  });
});
