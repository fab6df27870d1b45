import { hold } from '../support/hold.js';
import { role, trusting } from '../support/manifests-of.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';

useWorld({ reset: false });

test('a created entity that cannot be verified fails, and is not reported as created', async () => {
  const denied = { kind: 'error', status: 403, code: 'AccessDenied' } as const;
  const denyReads = (): void => void world.proxy.on({ action: /^(Get|List)/ }, denied);
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, after: denyReads });
  const report = await runs.apply([role('unseen')]);
  expect(report).toMatchObject({ result: 'failed', entities: [{ outcome: 'failed' }] });
  expect(await world.creates()).toEqual({ 'CreateRole unseen': 1 });
});

test('a profile that another caller fills right before the role is added is refused, and is not reported as updated', async () => {
  for (const name of ['mine', 'theirs'])
    expect((await runs.apply([role(name)], { namespace: name })).result).toBe('converged');
  const profile = { kind: 'InstanceProfile', instanceProfileName: 'web', roles: [] as string[] };
  expect((await runs.apply([profile])).result).toBe('converged');
  const add = hold(world.proxy, { action: 'AddRoleToInstanceProfile' });
  const running = runs.apply([{ ...profile, roles: ['mine'] }]);
  await add.reached;
  await iam.addRoleToInstanceProfile({ InstanceProfileName: 'web', RoleName: 'theirs' });
  add.release();
  const report = await running;
  expect([report.result, report.entities[0]?.outcome]).toEqual(['refused', 'refused']);
  expect(report.entities[0]?.reason).toContain('theirs');
});

test('a deletion holds though another namespace creates a role of that name right after it', async () => {
  expect((await runs.apply([role('reused')])).result).toBe('converged');
  const create = async (): Promise<void> => {
    const Tags = [{ Key: 'iam-bootstrap:namespace', Value: 'other' }];
    await iam.createRole({ RoleName: 'reused', AssumeRolePolicyDocument: JSON.stringify(trusting()), Tags });
  };
  world.proxy.on({ action: 'DeleteRole' }, { kind: 'hook', times: 1, after: create });
  const report = await runs.apply([{ kind: 'Role', roleName: 'reused', state: 'absent' }]);
  expect([report.result, report.entities[0]?.outcome]).toEqual(['converged', 'deleted']);
  expect(report.entities[0]?.reason).toMatch(/created a new one .* owned by iam-bootstrap namespace "other"/);
});

test('an entity that a bulk read shows in part has converged where its own Get shows all of it', async () => {
  const boundary = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
  const bounded = { ...role('bounded'), permissionsBoundary: boundary, description: 'kept' };
  world.proxy.on(
    { action: /^(GetAccountAuthorizationDetails|ListRoles)$/ },
    { kind: 'leave-out', elements: ['PermissionsBoundary', 'Description'] },
  );
  const report = await runs.apply([bounded]);
  expect([report.result, report.entities[0]?.outcome]).toEqual(['converged', 'created']);
  expect((await runs.apply([bounded])).entities[0]).toMatchObject({ outcome: 'unchanged', writes: [] });
  expect(world.proxy.calls.filter(({ action }) => /^(Put|Update)/.test(action))).toEqual([]);
});
