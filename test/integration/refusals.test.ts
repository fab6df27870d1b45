import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { allowing, role, trusting } from '../support/manifests-of.js';
import { ACCOUNT } from '../support/world.js';
import type { CommandResult } from '../support/world.js';
import { outcomesOf, writesIn } from '../support/runs.js';
import { iam, runCommand, useWorld, world } from '../support/use-world.js';

useWorld();

async function run(
  command: 'plan' | 'apply',
  entities: readonly JsonObject[],
  ...options: string[]
): Promise<CommandResult & { entities: readonly EntityReport[] }> {
  const result = await runCommand(command, entities, ['--output', 'json', ...options]);
  if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
  return { ...result, entities: result.report().entities };
}

const TRUST = JSON.stringify(trusting());
const READ = JSON.stringify(allowing('s3:GetObject'));

describe('a name that is taken', () => {
  test.each<[string, () => Promise<unknown>, JsonObject, RegExp]>([
    [
      'a role under another path',
      () => iam.createRole({ RoleName: 'x', Path: '/old/', AssumeRolePolicyDocument: TRUST }),
      role('x', { path: '/new/' }),
      /path is "\/old\/" and is declared as "\/new\/"/,
    ],
    [
      'a policy in another case',
      () => iam.createPolicy({ PolicyName: 'X', PolicyDocument: READ }),
      { kind: 'Policy', policyName: 'x', policyDocument: allowing('s3:GetObject') },
      /taken in another case: Policy\/X/,
    ],
  ])('by %s stops the run before its first write', async (_by, make, entity, reason) => {
    await make();
    const others = [entity, role('bystander')];
    const planned = await run('plan', others);
    expect([planned.code, planned.entities.map(({ decision }) => decision)]).toEqual([3, ['refuse', 'create']]);

    const stopped = await run('apply', others);
    expect([stopped.code, stopped.entities.map(({ outcome }) => outcome)]).toEqual([3, ['refused', 'skipped']]);
    expect(stopped.entities[0]?.reason).toMatch(reason);
    expect(stopped.entities[0]?.remedy).toMatch(/choose another/);
    expect(writesIn(world)).toEqual([]);
  });

  test('is adopted under its own path where the manifest declares none', async () => {
    await iam.createRole({ RoleName: 'x', Path: '/old/', AssumeRolePolicyDocument: TRUST });
    const { code, entities } = await run('apply', [role('x')]);
    expect([code, entities[0]?.outcome]).toEqual([0, 'adopted']);
    expect(entities[0]?.arn).toBe(`arn:aws:iam::${ACCOUNT}:role/old/x`);
    expect(writesIn(world)).toEqual(['TagRole']);
  });
});

describe('a run with --keep-going', () => {
  test('converges what is not refused, and still exits 3', async () => {
    await iam.createRole({ RoleName: 'X', AssumeRolePolicyDocument: TRUST });
    const { code, entities } = await run('apply', [role('x'), role('y')], '--keep-going');
    expect(code).toBe(3);
    expect(outcomesOf({ entities })).toEqual({ 'Role/x': 'refused', 'Role/y': 'created' });
    expect(writesIn(world)).toEqual(['CreateRole']);

    const again = await run('apply', [role('x'), role('y')], '--keep-going');
    expect(again.code).toBe(3);
    expect(outcomesOf(again)).toEqual({ 'Role/x': 'refused', 'Role/y': 'unchanged' });
  });

  test('skips direct and indirect dependents of a refused entity, and names the reason', async () => {
    await iam.createPolicy({ PolicyName: 'READ', PolicyDocument: READ });
    const { code, entities } = await run(
      'apply',
      [
        { kind: 'Policy', policyName: 'read', policyDocument: allowing('s3:GetObject') },
        role('reader', { managedPolicyArns: ['{{arn Policy/read}}'] }),
        { kind: 'InstanceProfile', instanceProfileName: 'reader', roles: ['reader'] },
        role('writer'),
      ],
      '--keep-going',
    );
    expect(code).toBe(3);
    expect(outcomesOf({ entities })).toEqual({
      'Policy/read': 'refused',
      'Role/reader': 'skipped',
      'InstanceProfile/reader': 'skipped',
      'Role/writer': 'created',
    });
    expect(entities[1]?.reason).toContain('depends on Policy/read');
    expect(entities[2]?.reason).toContain('depends on Role/reader');
    expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole writer': 1 });
  });
});

test("a role that IAM's role manager made is foreign, which costs a read only of a role that would be adopted", async () => {
  const TemplateArn = 'arn:aws:iam::aws:role-template/managed';
  await iam.acquireRole({ TemplateArn });
  await iam.createRole({ RoleName: 'found', AssumeRolePolicyDocument: TRUST });
  const entities = [role('managed'), role('found'), role('new')];
  const planned = await run('plan', entities);
  expect(planned.entities.map(({ decision }) => decision)).toEqual(['refuse', 'adopt', 'create']);
  expect(planned.entities[0]?.reason).toBe(`owned by IAM's role manager (template ${TemplateArn})`);
  expect(world.proxy.countBy()).toMatchObject({ GetAccountAuthorizationDetails: 1, GetRole: 2 });
  const absent = await run('apply', [{ kind: 'Role', roleName: 'managed', state: 'absent' }]);
  expect([absent.code, writesIn(world)]).toEqual([3, []]);

  const taken = await run('apply', entities, '--adopt', 'foreign:Role/managed');
  expect(taken.entities.map(({ outcome }) => outcome)).toEqual(['adopted', 'adopted', 'created']);
  world.proxy.clear();
  await run('apply', entities);
  expect(world.proxy.countBy()).not.toHaveProperty('GetRole');
});

describe('central root access', () => {
  const ROOT = { kind: 'OrganizationsRootAccess', rootCredentialsManagement: true };

  async function setOrganizationError(error: string | null): Promise<void> {
    const body = JSON.stringify({ account: ACCOUNT, error });
    await (await fetch(`${world.sandbox.url}/sandbox/organization`, { method: 'POST', body })).text();
  }

  test.each(['AccountNotManagementOrDelegatedAdministrator', 'ServiceAccessNotEnabled', 'OrganizationNotFound'])(
    'is refused with the way out where AWS answers %s, and not missed where it is to be absent',
    async (code) => {
      await setOrganizationError(code);
      const { code: exit, entities } = await run('apply', [ROOT, role('bystander')], '--keep-going');
      expect([exit, entities.map(({ outcome }) => outcome)]).toEqual([3, ['refused', 'created']]);
      expect(entities[0]?.reason).toMatch(`AWS answered ${code}: `);
      expect(entities[0]?.remedy).toMatch(/management account.*aws organizations enable-aws-service-access/);
      expect(writesIn(world)).toEqual(['CreateRole']);
      const absent = await run('apply', [{ kind: ROOT.kind, state: 'absent' }]);
      expect([absent.code, absent.entities[0]?.outcome]).toEqual([0, 'unchanged']);
    },
  );

  test('that AWS refuses after the plan is sent once, and refused with the same way out', async () => {
    const before = (): Promise<void> => setOrganizationError('CallerIsNotManagementAccount');
    world.proxy.on({ action: 'EnableOrganizationsRootCredentialsManagement' }, { kind: 'hook', times: 1, before });
    const { code, entities } = await run('apply', [ROOT]);
    expect([code, entities[0]?.outcome, entities[0]?.writes]).toEqual([3, 'refused', []]);
    expect(entities[0]?.remedy).toMatch(/enable-aws-service-access/);
    expect(writesIn(world)).toHaveLength(1);
  });
});
