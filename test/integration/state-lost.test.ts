import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { allowing, role, tenEntities } from '../support/manifests-of.js';
import type { CommandResult } from '../support/world.js';
import { outcomesOf, writesIn } from '../support/runs.js';
import { loseTemporal, runCommand, tagsOfRole, useWorld, world } from '../support/use-world.js';

useWorld();

async function apply(
  namespace: string,
  entities: readonly JsonObject[],
  ...options: string[]
): Promise<CommandResult & { entities: readonly EntityReport[] }> {
  const result = await runCommand(
    'apply',
    entities,
    ['--output', 'json', '--wait-timeout', '2m', ...options],
    namespace,
  );
  if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
  return { ...result, entities: result.report().entities };
}

describe('after Temporal has lost everything', () => {
  test('entities of ours are found unchanged, with no write and a handful of calls', async () => {
    const first = await apply('ci', tenEntities());
    expect(first.code).toBe(0);
    expect(new Set(first.entities.map(({ outcome }) => outcome))).toEqual(new Set(['created']));
    const made = await world.creates();

    await loseTemporal();
    const second = await apply('ci', tenEntities());

    expect(second.code).toBe(0);
    expect(new Set(second.entities.map(({ outcome }) => outcome))).toEqual(new Set(['unchanged']));
    expect(second.entities.flatMap(({ drift }) => drift)).toEqual([]);
    expect(writesIn(world)).toEqual([]);
    // The account's details, two listings more, and what these leave out: a profile, a provider, members, tags.
    expect(world.proxy.count()).toBeLessThanOrEqual(12);
    expect(await world.creates()).toEqual(made);
    expect(Object.values(made)).toEqual(Object.values(made).map(() => 1));
  });

  test('what was half made is completed, and nothing is made twice', async () => {
    const deploy = role('deploy', { inlinePolicies: { state: allowing('dynamodb:PutItem') } });
    world.proxy.on({ action: 'PutRolePolicy' }, { kind: 'error', status: 400, code: 'InvalidInput' });
    expect((await apply('ci', [deploy])).code).toBe(1);
    world.proxy.clearRules();

    await loseTemporal();
    const second = await apply('ci', [deploy]);

    expect(second.code).toBe(0);
    expect(outcomesOf(second.report())).toEqual({ 'Role/deploy': 'updated' });
    expect(writesIn(world)).toEqual(['PutRolePolicy']);
    expect(await world.creates()).toEqual({ 'CreateRole deploy': 1 });
  });
});

test('entities of another namespace are refused after the loss too; an adoption makes them ours for good', async () => {
  const entities = [role('deploy', { description: 'ours now' }), role('bystander')];
  await apply('other', [role('deploy')]);
  await loseTemporal();
  const before = await tagsOfRole('deploy');
  const refused = await apply('ci', entities);
  expect(refused.code).toBe(3);
  expect(outcomesOf(refused.report())).toEqual({ 'Role/deploy': 'refused', 'Role/bystander': 'skipped' });
  const [deploy, bystander] = refused.entities;
  expect(deploy?.reason).toBe('owned by iam-bootstrap namespace "other"');
  expect(bystander?.reason).toContain('Role/deploy is refused');
  expect(writesIn(world)).toEqual([]);
  expect(await tagsOfRole('deploy')).toEqual(before);

  const override = /--adopt (\S+)/.exec(deploy?.remedy ?? '')?.[1] ?? '';
  expect(override).toBe('foreign:Role/deploy');
  const taken = await apply('ci', entities, '--adopt', override);
  expect(taken.code).toBe(0);
  expect(outcomesOf(taken.report())).toEqual({ 'Role/deploy': 'adopted', 'Role/bystander': 'created' });
  expect(world.proxy.successfulCreates()).toEqual({ 'CreateRole bystander': 1 });

  world.proxy.clear();
  const again = await apply('ci', entities);
  expect([again.code, again.entities.map(({ outcome }) => outcome)]).toEqual([0, ['unchanged', 'unchanged']]);
  const { code, entities: lost } = await apply('other', [role('deploy')]);
  expect([code, lost[0]?.reason]).toEqual([3, 'owned by iam-bootstrap namespace "ci"']);
  expect(writesIn(world)).toEqual([]);
});
