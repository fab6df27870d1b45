import {
  CreateGroupCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
} from '@aws-sdk/client-iam';
import type { IAMClient } from '@aws-sdk/client-iam';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { allowing, manifestOf, role, trusting } from '../support/manifests-of.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT, startWorld } from '../support/world.js';
import type { CommandResult, World } from '../support/world.js';

jest.setTimeout(300_000);

let world: World;
let iam: IAMClient;

beforeAll(async () => {
  world = await startWorld();
  iam = iamClient(world.sandbox.url);
  await world.startWorker();
});

beforeEach(async () => {
  await world.sandbox.reset();
  world.proxy.clear();
});

afterAll(async () => {
  await world.stop();
});

async function run(
  command: 'plan' | 'apply',
  entities: readonly JsonObject[],
  ...options: string[]
): Promise<CommandResult & { entities: readonly EntityReport[] }> {
  const path = await world.manifest('manifest.json', manifestOf({ namespace: 'ci', account: ACCOUNT, entities }));
  const result = await world.cli([command, '-f', path, '--output', 'json', '--wait-timeout', '2m', ...options]);
  if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
  return { ...result, entities: result.report().entities };
}

function outcomes(entities: readonly EntityReport[]): Record<string, string> {
  return Object.fromEntries(entities.map(({ kind, name, outcome }) => [`${kind}/${name}`, outcome]));
}

function writes(): string[] {
  return world.proxy.writes().map(({ action }) => action);
}

const TRUST = JSON.stringify(trusting());
const READ = JSON.stringify(allowing('s3:GetObject'));

/** An existing entity, the declared entity that it conflicts with, and the expected reason. */
const COLLISIONS: readonly [string, () => Promise<unknown>, JsonObject, RegExp][] = [
  [
    'a role under another path',
    () => iam.send(new CreateRoleCommand({ RoleName: 'x', Path: '/old/', AssumeRolePolicyDocument: TRUST })),
    role('x', { path: '/new/' }),
    /path is "\/old\/" and is declared as "\/new\/"/,
  ],
  [
    'a role in another case',
    () => iam.send(new CreateRoleCommand({ RoleName: 'X', AssumeRolePolicyDocument: TRUST })),
    role('x'),
    /taken in another case: Role\/X/,
  ],
  [
    'a policy under another path',
    () => iam.send(new CreatePolicyCommand({ PolicyName: 'x', Path: '/old/', PolicyDocument: READ })),
    { kind: 'Policy', policyName: 'x', path: '/new/', policyDocument: allowing('s3:GetObject') },
    /path is "\/old\/"/,
  ],
  [
    'a policy with another description',
    () => iam.send(new CreatePolicyCommand({ PolicyName: 'x', Description: 'old', PolicyDocument: READ })),
    { kind: 'Policy', policyName: 'x', description: 'new', policyDocument: allowing('s3:GetObject') },
    /description is "old" and is declared as "new"/,
  ],
  [
    'a policy in another case',
    () => iam.send(new CreatePolicyCommand({ PolicyName: 'X', PolicyDocument: READ })),
    { kind: 'Policy', policyName: 'x', policyDocument: allowing('s3:GetObject') },
    /taken in another case: Policy\/X/,
  ],
  [
    'a user in another case',
    () => iam.send(new CreateUserCommand({ UserName: 'X' })),
    { kind: 'User', userName: 'x' },
    /taken in another case: User\/X/,
  ],
  [
    'a group in another case',
    () => iam.send(new CreateGroupCommand({ GroupName: 'X' })),
    { kind: 'Group', groupName: 'x' },
    /taken in another case: Group\/X/,
  ],
  [
    'an instance profile under another path',
    () => iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: 'x', Path: '/old/' })),
    { kind: 'InstanceProfile', instanceProfileName: 'x', path: '/new/' },
    /path is "\/old\/"/,
  ],
];

describe('a name that is taken', () => {
  test.each(COLLISIONS)('by %s stops the run before its first write', async (_by, make, entity, reason) => {
    await make();
    const dependent = role('bystander', { description: 'is not to blame' });

    const planned = await run('plan', [entity, dependent]);
    expect(planned.code).toBe(3);
    expect(planned.entities.map(({ decision }) => decision)).toEqual(['refuse', 'create']);

    const stopped = await run('apply', [entity, dependent]);
    expect(stopped.code).toBe(3);
    expect(stopped.entities.map(({ outcome }) => outcome)).toEqual(['refused', 'skipped']);
    expect(stopped.entities[0]?.reason).toMatch(reason);
    expect(stopped.entities[0]?.remedy).toMatch(/choose another/);
    expect(writes()).toEqual([]);
    expect(await world.creates()).not.toHaveProperty('CreateRole bystander');
  });

  test('is adopted under its own path where the manifest declares none', async () => {
    await iam.send(new CreateRoleCommand({ RoleName: 'x', Path: '/old/', AssumeRolePolicyDocument: TRUST }));
    const { code, entities } = await run('apply', [role('x')]);
    expect([code, entities[0]?.outcome]).toEqual([0, 'adopted']);
    expect(entities[0]?.arn).toBe(`arn:aws:iam::${ACCOUNT}:role/old/x`);
    expect(writes()).toEqual(['TagRole']);
  });
});

describe('a run with --keep-going', () => {
  test('converges what is not refused, and still exits 3', async () => {
    await iam.send(new CreateRoleCommand({ RoleName: 'X', AssumeRolePolicyDocument: TRUST }));
    const { code, entities } = await run('apply', [role('x'), role('y')], '--keep-going');
    expect(code).toBe(3);
    expect(outcomes(entities)).toEqual({ 'Role/x': 'refused', 'Role/y': 'created' });
    expect(writes()).toEqual(['CreateRole']);

    const again = await run('apply', [role('x'), role('y')], '--keep-going');
    expect(again.code).toBe(3);
    expect(outcomes(again.entities)).toEqual({ 'Role/x': 'refused', 'Role/y': 'unchanged' });
  });

  test('skips direct and indirect dependents of a refused entity, and names the reason', async () => {
    await iam.send(new CreatePolicyCommand({ PolicyName: 'READ', PolicyDocument: READ }));
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
    expect(outcomes(entities)).toEqual({
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

describe('an error of AWS in the middle of a run', () => {
  test('fails the entity with the message of AWS, skips its dependents, and continues with the others', async () => {
    world.proxy.on(
      { action: 'CreatePolicy' },
      {
        kind: 'error',
        status: 409,
        code: 'LimitExceeded',
        message: 'Cannot exceed quota for PoliciesPerAccount: 1500',
      },
    );
    const { code, entities, report } = await run('apply', [
      { kind: 'Policy', policyName: 'read', policyDocument: allowing('s3:GetObject') },
      role('reader', { managedPolicyArns: ['{{arn Policy/read}}'] }),
      role('writer'),
    ]);
    world.proxy.clearRules();
    expect(code).toBe(1);
    expect(report().result).toBe('failed');
    expect(outcomes(entities)).toEqual({ 'Policy/read': 'failed', 'Role/reader': 'skipped', 'Role/writer': 'created' });
    expect(entities[0]?.reason).toMatch(/^CreatePolicy answered LimitExceeded: .*1500 \(request fault-/);
    expect(entities[0]?.remedy).toContain('quota');
    expect(world.proxy.count('CreatePolicy')).toBe(1);
  });
});

describe('an entity with observe: true', () => {
  test('is reported with its drift, and is never written', async () => {
    await iam.send(new CreateRoleCommand({ RoleName: 'x', Description: 'old', AssumeRolePolicyDocument: TRUST }));
    const { code, entities } = await run('apply', [
      role('x', { description: 'new', observe: true }),
      role('absent', { observe: true }),
    ]);
    expect(code).toBe(0);
    expect(outcomes(entities)).toEqual({ 'Role/x': 'unchanged', 'Role/absent': 'unchanged' });
    expect(entities[0]?.drift).toMatchObject([{ path: 'description', observed: 'old', desired: 'new' }]);
    expect(entities[1]?.drift).toMatchObject([{ observed: 'absent', desired: 'present' }]);
    expect(writes()).toEqual([]);
  });
});
