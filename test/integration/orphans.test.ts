import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Report } from '../../src/contract/report.js';
import { ledgerWorkflowId } from '../../src/contract/workflow-ids.js';
import { forEachConcurrently } from '../support/concurrency.js';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { decisionsOf, entityOf, fullWritesIn, outcomesOf, writesIn } from '../support/runs.js';
import {
  createRole,
  iam,
  runCommand,
  runForReport as run,
  runs,
  temporal,
  useWorld,
  world,
} from '../support/use-world.js';
import { onStage } from '../support/stage.js';
import { ACCOUNT } from '../support/world.js';

/** What a namespace owns and its manifest does not declare any more. Each test has a namespace of its own. */

useWorld();

/** Names each orphan of a report, with its origin and what has found it. */
function orphansIn({ orphans = [] }: Report): Record<string, string> {
  return Object.fromEntries(
    orphans.map(({ kind, name, origin, foundBy }) => [`${kind}/${name}`, `${String(origin)} by ${foundBy.join(', ')}`]),
  );
}

function loseLedger(namespace: string): Promise<unknown> {
  return temporal.client.workflow.getHandle(ledgerWorkflowId(ACCOUNT, namespace)).terminate('lost');
}

describe('the plan reports what left the manifest', () => {
  test('created and adopted, with tags and without, in every output, with no write and no call more', async () => {
    await createRole('found');
    await iam.createGroup({ GroupName: 'found' });
    const kept = [role('kept'), { kind: 'Group', groupName: 'kept' }];
    const left = [
      { kind: 'Group', groupName: 'left' },
      { kind: 'Group', groupName: 'found' },
      { kind: 'Policy', policyName: 'left', policyDocument: allowing('s3:GetObject') },
    ];
    await run('apply', 'all', [...kept, role('left'), role('found'), ...left]);
    world.proxy.clear();
    await run('plan', 'another', kept);
    const calls = world.proxy.count();
    world.proxy.clear();

    const planned = await run('plan', 'all', kept);
    expect(world.proxy.count()).toBeLessThanOrEqual(calls);
    expect(orphansIn(planned)).toEqual({
      'Role/left': 'created by tags, ledger',
      'Role/found': 'adopted by tags, ledger',
      'Group/left': 'created by ledger',
      'Group/found': 'null by ledger',
      'Policy/left': 'null by ledger',
    });
    expect(planned).toMatchObject({ result: 'converged', summary: { unchanged: 2 } });
    const declaredBy = { manifest: join(world.directory, 'all.json'), environment: 'test' };
    for (const orphan of planned.orphans ?? []) expect(orphan.declaredBy).toMatchObject(declaredBy);

    const summary = join(world.directory, 'orphans.md');
    const text = await runCommand('plan', kept, ['--summary', summary], 'all');
    for (const output of [text.stdout, await readFile(summary, 'utf8')]) {
      expect(output).toContain('No changes. 2 entities match the manifest. 5 orphans kept.');
      expect(output).toContain('Role/left: created here; last declared at ');
      expect(output).toContain('Policy/left: not read by this run; last declared at ');
    }
    const applied = await run('apply', 'all', kept);
    expect(Object.keys(orphansIn(applied))).toHaveLength(5);
    expect(writesIn(world)).toEqual([]);
  });

  test('not what is declared again, was deleted by hand or was taken over', async () => {
    await run('apply', 'gone', [role('kept'), role('again'), role('deleted'), role('taken'), role('released')]);
    await iam.deleteRole({ RoleName: 'deleted' });
    await run('apply', 'taker', [{ ...role('taken'), adopt: 'foreign' }]);
    await run('apply', 'gone', [
      role('kept'),
      role('again'),
      { kind: 'Role', roleName: 'released', state: 'released' },
    ]);
    const planned = await run('plan', 'gone', [role('kept'), role('again')]);
    expect(planned.orphans).toBeUndefined();
    // The ledger has forgotten it, so that a role that is made by hand later is nobody's.
    await createRole('deleted');
    expect((await run('plan', 'gone', [role('kept')])).orphans).toMatchObject([{ name: 'again' }]);
  });

  test('by tags alone where the ledger is lost, and by the ledger alone where tags were removed', async () => {
    await run('apply', 'disagree', [
      role('kept'),
      role('untagged'),
      role('tagged'),
      { kind: 'Group', groupName: 'disagree' },
    ]);
    const { Tags = [] } = await iam.listRoleTags({ RoleName: 'untagged' });
    await iam.untagRole({ RoleName: 'untagged', TagKeys: Tags.map(({ Key = '' }) => Key) });
    const kept = [role('kept'), { kind: 'Group', groupName: 'disagree-kept' }];
    expect(orphansIn(await run('plan', 'disagree', kept))).toEqual({
      'Role/untagged': 'null by ledger',
      'Role/tagged': 'created by tags, ledger',
      'Group/disagree': 'created by ledger',
    });
    await loseLedger('disagree');
    const planned = await run('plan', 'disagree', kept);
    expect(orphansIn(planned)).toEqual({ 'Role/tagged': 'created by tags' });
    expect(planned.orphans).toMatchObject([{ declaredBy: null }]);
  });

  test('not what another manifest or environment of the namespace declares', async () => {
    const one = manifestOf({ namespace: 'two', account: ACCOUNT, entities: [role('one')] });
    const more = { ...one, environments: { test: { account: ACCOUNT }, next: { account: ACCOUNT } } };
    const [a, b] = [await world.manifest('a.json', one), await world.manifest('b.json', more)];
    const apply = (file: string, ...options: string[]) =>
      world.cli(['apply', '-f', file, '--output', 'json', ...options]);
    await apply(a);
    await world.manifest('b.json', { ...more, entities: [role('two')] });
    await apply(b, '--environment', 'test');
    await world.manifest('b.json', { ...more, entities: [role('three')] });
    const report = (await apply(b, '--environment', 'next')).report();
    expect(report.orphans).toBeUndefined();
    expect(report.otherManifests).toEqual([
      { manifest: a, environment: 'test', entities: 1 },
      { manifest: b, environment: 'test', entities: 1 },
    ]);
    expect(outcomesOf(report)).toEqual({ 'Role/three': 'created' });
  });
});

const PROVIDER: JsonObject = { kind: 'OpenIDConnectProvider', url: 'https://tokens.example.com', shared: true };

/** Applies entities of each origin. All but one of them leave the manifest afterwards. */
async function settle(namespace: string): Promise<readonly JsonObject[]> {
  const named = (name: string): string => `${namespace}-${name}`;
  await createRole(named('found'));
  await iam.createGroup({ GroupName: named('found') });
  await runCommand('apply', [{ ...PROVIDER, clientIdList: ['theirs'] }], [], `${namespace}-other`);
  const kept = [role(named('kept'))];
  const policy = { kind: 'Policy', policyName: named('policy'), policyDocument: allowing('s3:GetObject') };
  const managedPolicyArns = [`{{arn Policy/${named('policy')}}}`];
  const applied = await run('apply', namespace, [
    ...kept,
    policy,
    role(named('role'), { managedPolicyArns, inlinePolicies: { own: allowing('s3:ListBucket') } }),
    role(named('found'), { managedPolicyArns }),
    { kind: 'InstanceProfile', instanceProfileName: named('profile'), roles: [named('role')] },
    { kind: 'User', userName: named('user') },
    { kind: 'Group', groupName: named('group'), users: [named('user')], managedPolicyArns },
    { kind: 'Group', groupName: named('found') },
    { ...PROVIDER, clientIdList: ['ours'] },
  ]);
  expect(applied.result).toBe('converged');
  world.proxy.clear();
  return kept;
}

describe('--orphans remove', () => {
  test('deletes what was created here in the order of AWS, and releases what was adopted or is shared', async () => {
    const kept = await settle('rm');
    const planned = await run('plan', 'rm', kept, '--orphans', 'remove');
    const decisions = {
      'Role/rm-kept': 'no-op',
      'Group/rm-found': 'no-op',
      'Group/rm-group': 'delete',
      'InstanceProfile/rm-profile': 'delete',
      'OpenIDConnectProvider/tokens.example.com': 'release',
      'Policy/rm-policy': 'delete',
      'Role/rm-found': 'release',
      'Role/rm-role': 'delete',
      'User/rm-user': 'delete',
    };
    expect(decisionsOf(planned)).toEqual(decisions);
    expect(planned.result).toBe('pending');
    expect(entityOf(planned, 'Role/rm-kept').orphan).toBeUndefined();
    expect(entityOf(planned, 'Role/rm-role')).toMatchObject({ orphan: true, reason: 'is not declared any more' });
    // Everything that goes is listed, also what goes with an entity.
    const lines = entityOf(planned, 'Role/rm-role').drift.map(({ summary }) => summary);
    expect(lines).toEqual(expect.arrayContaining([expect.stringContaining('DeleteRole rm-role')]));
    const text = await runCommand('plan', kept, ['--orphans', 'remove'], 'rm');
    expect(text.stdout).toContain('Group/rm-found');
    expect(text.stdout).toMatch(/To apply: .* --orphans remove/);
    expect(writesIn(world)).toEqual([]);

    const applied = await run('apply', 'rm', kept, '--orphans', 'remove');
    expect(applied.result).toBe('converged');
    expect(decisionsOf(applied)).toEqual(decisions);
    const writes = fullWritesIn(world);
    expect(writes.filter((write) => /^Delete(?!RolePolicy)/.test(write)).sort()).toEqual([
      'DeleteGroup rm-group',
      'DeleteInstanceProfile rm-profile',
      'DeletePolicy rm-policy',
      'DeleteRole rm-role',
      'DeleteUser rm-user',
    ]);
    expect(writes.findIndex((write) => write.startsWith('DeletePolicy'))).toBeGreaterThan(
      Math.max(...['DeleteRole rm-role', 'DeleteGroup rm-group'].map((write) => writes.indexOf(write))),
    );
    const { ClientIDList } = await iam.getOpenIDConnectProvider({
      OpenIDConnectProviderArn: `arn:aws:iam::${ACCOUNT}:oidc-provider/tokens.example.com`,
    });
    expect(ClientIDList).toEqual(['theirs']);
    await iam.getGroup({ GroupName: 'rm-found' });

    world.proxy.clear();
    const again = await run('apply', 'rm', kept, '--orphans', 'remove');
    expect(outcomesOf(again)).toEqual({ 'Role/rm-kept': 'unchanged' });
    expect(writesIn(world)).toEqual([]);
  });

  test('stops at what is protected, with a tag or without one', async () => {
    const shielded = [role('shielded', { protect: true }), { kind: 'Group', groupName: 'shielded', protect: true }];
    await run('apply', 'protected', [role('kept'), role('going'), ...shielded]);
    world.proxy.clear();
    const report = await run('apply', 'protected', [role('kept')], '--orphans', 'remove');
    expect(report.result).toBe('refused');
    expect(outcomesOf(report)).toEqual({
      'Role/kept': 'unchanged',
      'Group/shielded': 'refused',
      'Role/going': 'skipped',
      'Role/shielded': 'refused',
    });
    expect(writesIn(world)).toEqual([]);
  });

  test('leaves a group that was made again by hand, and what another owner took over', async () => {
    const group = { kind: 'Group', groupName: 'again' };
    await run('apply', 'hand', [role('kept'), role('taken'), group]);
    await iam.deleteGroup({ GroupName: 'again' });
    // IAM shows seconds.
    const before = Math.floor(Date.now() / 1_000);
    while (Math.floor(Date.now() / 1_000) === before) await new Promise(setImmediate);
    await iam.createGroup({ GroupName: 'again' });
    await run('apply', 'hand-over', [{ ...role('taken'), adopt: 'foreign' }]);
    world.proxy.clear();
    const report = await run('apply', 'hand', [role('kept')], '--orphans', 'remove');
    expect(outcomesOf(report)).toEqual({ 'Role/kept': 'unchanged', 'Group/again': 'unchanged' });
    expect(entityOf(report, 'Group/again').reason).toMatch(/cannot be proven; declare it with state: absent/);
    expect(writesIn(world)).toEqual([]);
  });

  test('is refused where another manifest may declare an entity, and touches none that another one declares', async () => {
    const file = await world.manifest(
      'two-b.json',
      manifestOf({ namespace: 'two-manifests', account: ACCOUNT, entities: [role('b')] }),
    );
    await world.cli(['apply', '-f', file]);
    await run('apply', 'two-manifests', [role('a')]);
    world.proxy.clear();
    const beside = await run('apply', 'two-manifests', [role('a')], '--orphans', 'remove');
    expect(outcomesOf(beside)).toEqual({ 'Role/a': 'unchanged' });
    expect(beside.otherManifests).toEqual([{ manifest: file, environment: 'test', entities: 1 }]);

    await loseLedger('two-manifests');
    const refused = await run('apply', 'two-manifests', [role('a')], '--orphans', 'remove');
    expect(entityOf(refused, 'Role/b')).toMatchObject({
      outcome: 'refused',
      reason: expect.stringContaining('another manifest of namespace "two-manifests" may declare it') as string,
    });
    expect(writesIn(world)).toEqual([]);
    expect((await world.cli(['apply', '-f', file])).code).toBe(0);
    const settled = await run('apply', 'two-manifests', [role('a')], '--orphans', 'remove');
    expect(outcomesOf(settled)).toEqual({ 'Role/a': 'unchanged' });
    expect(writesIn(world)).toEqual([]);
  });

  test('goes on where its worker is killed, wherever that is, and deletes nothing twice', async () => {
    const managedPolicyArns = ['{{arn Policy/p}}'];
    const left = [
      { kind: 'Policy', policyName: 'p', policyDocument: allowing('s3:GetObject') },
      role('r', { managedPolicyArns, inlinePolicies: { own: allowing('s3:ListBucket') } }),
      { kind: 'InstanceProfile', instanceProfileName: 'i', roles: ['r'] },
      { kind: 'User', userName: 'u' },
      { kind: 'Group', groupName: 'g', users: ['u'], managedPolicyArns },
    ];
    const deletions = ['DeleteGroup', 'DeleteInstanceProfile', 'DeletePolicy', 'DeleteRole', 'DeleteUser'];
    const moments = (['before', 'after'] as const).flatMap((when) =>
      ['RemoveRoleFromInstanceProfile', 'DetachRolePolicy', 'DeleteRolePolicy', ...deletions].map(
        (action) => [when, action] as const,
      ),
    );
    await onStage(world, async ({ taskQueue, proxy, newAccount, killedAt }) => {
      const cases = moments.map(([when, action]) => {
        const account = newAccount();
        return { when, action, account, parts: { account, taskQueue, file: `killed-${account}.json` } };
      });
      await forEachConcurrently(cases, 4, async ({ account, parts }) => {
        expect((await runs.apply([role('kept'), ...left], parts)).result).toBe('converged');
        proxy.clear(account);
      });
      const deaths = await killedAt(cases, ({ parts }) => runs.apply([role('kept')], { ...parts, orphans: 'remove' }));
      for (const { when, action, account, parts, ended } of deaths) {
        const outcomes = Object.values(outcomesOf(ended)).sort();
        const expected = [...Array<string>(5).fill('deleted'), 'unchanged'];
        expect([when, action, ended.result, outcomes]).toEqual([when, action, 'converged', expected]);
        const done = proxy.calls.filter(
          (call) => call.account === account && call.committed && deletions.includes(call.action),
        );
        expect(done.map((call) => call.action).sort()).toEqual(deletions);
        expect((await runs.plan([role('kept')], parts)).orphans).toBeUndefined();
      }
    });
  });

  test('is bound by an approval: what was attached since the plan is not deleted with the role', async () => {
    await run('apply', 'gated', [role('kept'), role('gated')]);
    world.proxy.clear();
    const left = await runCommand(
      'apply',
      [role('kept')],
      ['--orphans', 'remove', '--require-approval', '--no-wait'],
      'gated',
    );
    const plan = /--plan (sha256:[0-9a-f]{64})/.exec(left.stderr)?.[1] ?? '';
    expect(left.stderr).toContain('Role/gated');
    const PolicyDocument = JSON.stringify(allowing('s3:GetObject'));
    await iam.putRolePolicy({ RoleName: 'gated', PolicyName: 'late', PolicyDocument });
    const file = `${world.directory}/gated.json`;
    expect((await world.cli(['approve', '-f', file, '--plan', plan, '--as', 'alice'])).code).toBe(0);
    await temporal.client.workflow
      .getHandle(`iam-bootstrap:${ACCOUNT}:gated`)
      .result()
      .catch(() => undefined);
    expect(writesIn(world)).toEqual([]);
  });
});

test('orphans: release in the manifest ends the ownership once, and deletes nothing; the option takes precedence', async () => {
  const kept = await settle('rl');
  const manifest = { ...manifestOf({ namespace: 'rl', account: ACCOUNT, entities: kept }), orphans: 'release' };
  const file = await world.manifest('rl.json', manifest);
  const reported = (await world.cli(['plan', '-f', file, '--orphans', 'report', '--output', 'json'])).report();
  expect(reported.orphans).toHaveLength(8);
  const report = (await world.cli(['apply', '-f', file, '--output', 'json'])).report();
  expect(outcomesOf(report)).toEqual({
    'Role/rl-kept': 'unchanged',
    'Group/rl-found': 'unchanged',
    'Group/rl-group': 'unchanged',
    'InstanceProfile/rl-profile': 'released',
    'OpenIDConnectProvider/tokens.example.com': 'released',
    'Policy/rl-policy': 'released',
    'Role/rl-found': 'released',
    'Role/rl-role': 'released',
    'User/rl-user': 'released',
  });
  expect(writesIn(world).every((action) => action.startsWith('Untag'))).toBe(true);
  const again = (await world.cli(['apply', '-f', file, '--output', 'json'])).report();
  expect(outcomesOf(again)).toEqual({ 'Role/rl-kept': 'unchanged' });
  expect(again.orphans).toBeUndefined();
});

describe('what AWS refuses to show', () => {
  const provider = (url: string, clientId: string): JsonObject => ({
    kind: 'OpenIDConnectProvider',
    url: `https://${url}`,
    clientIdList: [clientId],
  });
  const federated = (roleName: string): JsonObject => {
    const Principal = { Federated: '{{arn OpenIDConnectProvider/kept.example.com}}' };
    const condition = { StringEquals: { 'kept.example.com:aud': 'a' } };
    const Statement = [{ Effect: 'Allow', Action: 'sts:AssumeRoleWithWebIdentity', Principal, Condition: condition }];
    return role(roleName, { assumeRolePolicyDocument: { Version: '2012-10-17', Statement } });
  };
  /** Writes to providers that reached AWS. */
  const writesToProviders = (): string[] =>
    writesIn(world).filter((action) => action.includes('OpenIDConnectProvider'));
  const unknown = { kind: 'error', status: 400, code: 'InvalidAction', message: 'no such operation' } as const;
  const denied = { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' } as const;

  test('fails alone: other kinds converge, and no entity or orphan of the kind is created, changed, deleted or forgotten', async () => {
    await run('apply', 'unread', [
      role('steady'),
      provider('kept.example.com', 'a'),
      provider('left.example.com', 'a'),
    ]);
    world.proxy.clear();
    world.proxy.on({ action: 'ListOpenIDConnectProviders' }, unknown);
    const next = [
      role('steady', { description: 'changed' }),
      role('fresh'),
      federated('waiting'),
      provider('kept.example.com', 'b'),
      provider('new.example.com', 'a'),
    ];
    const planned = await runCommand('plan', next, ['--orphans', 'remove'], 'unread');
    expect(planned.code).toBe(1);
    expect(planned.stdout).toContain('OpenIDConnectProvider/kept.example.com');
    expect(planned.stdout).toMatch(/To apply the rest: iam-bootstrap apply /);

    const { code, report } = await runCommand('apply', next, ['--orphans', 'remove', '--output', 'json'], 'unread');
    expect(code).toBe(1);
    expect(outcomesOf(report())).toEqual({
      'Role/steady': 'updated',
      'Role/fresh': 'created',
      'Role/waiting': 'failed',
      'OpenIDConnectProvider/kept.example.com': 'failed',
      'OpenIDConnectProvider/new.example.com': 'failed',
      'OpenIDConnectProvider/left.example.com': 'failed',
    });
    expect(entityOf(report(), 'OpenIDConnectProvider/new.example.com')).toMatchObject({
      reason: expect.stringMatching(/^ListOpenIDConnectProviders answered InvalidAction: .*\(request \S+\)$/) as string,
      remedy: expect.stringContaining('does not know iam:ListOpenIDConnectProviders') as string,
      unread: { operation: 'ListOpenIDConnectProviders', code: 'InvalidAction' },
      writes: [],
    });
    expect(entityOf(report(), 'Role/waiting').reason).toContain('waits for OpenIDConnectProvider/kept.example.com');
    expect(writesToProviders()).toEqual([]);

    world.proxy.clearRules();
    const after = await run('apply', 'unread', next, '--orphans', 'remove');
    expect(outcomesOf(after)).toMatchObject({
      'Role/waiting': 'created',
      'OpenIDConnectProvider/kept.example.com': 'updated',
      'OpenIDConnectProvider/new.example.com': 'created',
      'OpenIDConnectProvider/left.example.com': 'deleted',
    });
    expect(after.result).toBe('converged');
  });

  test('is named as an orphan that is kept, and destroyed by no run', async () => {
    const all = [role('gone'), provider('kept.example.com', 'a'), provider('left.example.com', 'a')];
    await run('apply', 'hidden', all);
    world.proxy.clear();
    world.proxy.on({ action: /^(List|Get)OpenIDConnectProviders?$/ }, denied);
    const planned = await run('plan', 'hidden', all.slice(0, 2));
    expect(planned.orphans).toMatchObject([
      {
        name: 'left.example.com',
        reason: expect.stringMatching(/^kept, as it could not be read: GetOpenID.* answered AccessDenied/) as string,
      },
    ]);
    expect(entityOf(planned, 'OpenIDConnectProvider/kept.example.com').remedy).toMatch(
      /^allow iam:GetOpenIDConnectProvider to the role /,
    );
    const destroyed = await runCommand('destroy', all, ['--yes', '--output', 'json'], 'hidden');
    expect(outcomesOf(destroyed.report())).toEqual({
      'Role/gone': 'deleted',
      'OpenIDConnectProvider/kept.example.com': 'failed',
      'OpenIDConnectProvider/left.example.com': 'failed',
    });
    expect(writesToProviders()).toEqual([]);
  });

  test('is told once where it is everything', async () => {
    world.proxy.on({ action: /^(List|Get)(?!CallerIdentity)/ }, denied);
    const report = await run('apply', 'blind', [
      role('a'),
      provider('a.example.com', 'a'),
      { kind: 'Group', groupName: 'a' },
    ]);
    expect(report).toMatchObject({ result: 'failed', entities: [] });
    expect(report.reason).toMatch(/^Get\w+ answered AccessDenied: not authorized \(request \S+\)$/);
    expect(writesIn(world)).toEqual([]);
  });
});
