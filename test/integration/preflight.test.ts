import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compareTerraformPlans, preflight, preflightExitCode } from '../../src/client/terraform/preflight.js';
import type { JsonObject } from '../../src/contract/entity.js';
import type { Finding, Preflight } from '../../src/contract/preflight.js';
import { preflightSchema } from '../../src/report/preflight-schema.js';
import { canCreate, planOf, planPath, printedPlan, sendCreate } from '../support/terraform-creates.js';
import { writesIn } from '../support/runs.js';
import { createRole, iam, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

jest.setTimeout(300_000);
useWorld();

const TARGET = { account: ACCOUNT, partition: 'aws' };

const DOCUMENT = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
});

/** Plans whose every create can be sent. */
const PLANS = [
  'role',
  'role-policy',
  'role-policy-attachment',
  'policy',
  'user',
  'group',
  'instance-profile',
  'openid-connect-provider',
  'saml-provider',
  'server-certificate',
  'service-linked-role',
  'account-alias',
  'password-policy',
  'login-profile',
  'virtual-mfa-device',
  'user-ssh-key',
  'signing-certificate',
  'service-specific-credential',
  'user-group-membership',
  'group-membership',
  'policy-attachment',
  'modules',
  'opentofu',
  'cdktf',
];

async function check(...names: readonly string[]): Promise<Preflight> {
  const compared = compareTerraformPlans(
    names.map((name) => planOf(name)),
    { target: TARGET },
  );
  return preflight(() => Promise.resolve(temporal), compared);
}

/** Returns the predicted error codes by address. */
function predicted({ findings }: Preflight): Record<string, string | null> {
  return Object.fromEntries(findings.map(({ address, error }) => [address, error?.code ?? null]));
}

/** Sends the creates of a plan, and returns AWS's answers by address. */
async function answered(name: string): Promise<Record<string, string | null>> {
  const answers: Record<string, string | null> = {};
  for (const change of planOf(name).changes) {
    expect([change.address, canCreate(change)]).toEqual([change.address, true]);
    answers[change.address] = await sendCreate(iam, change);
  }
  return answers;
}

/** Makes what a plan creates beforehand, with other values. */
async function seed(name: string, valuesOf: (values: JsonObject) => JsonObject = (values) => values): Promise<void> {
  for (const change of planOf(name).changes) {
    if (canCreate(change)) await sendCreate(iam, { ...change, after: valuesOf(change.after) });
  }
}

function pick<T>(values: Readonly<Record<string, T>>, keys: readonly string[]): Record<string, T | undefined> {
  return Object.fromEntries(keys.map((key) => [key, values[key]]));
}

function verdicts({ findings }: Preflight): Record<string, string> {
  return Object.fromEntries(findings.map(({ address, verdict }) => [address, verdict]));
}

describe('predicts what AWS answers to the creates of a plan', () => {
  test.each(PLANS)('%s: in an empty account, and in one that has everything', async (name) => {
    const empty = await check(name);
    expect(new Set(empty.findings.map(({ verdict }) => verdict))).toEqual(new Set(['create']));
    expect(writesIn(world)).toEqual([]);
    expect(await answered(name)).toEqual(predicted(empty));

    const full = await check(name);
    expect(await answered(name)).toEqual(predicted(full));
    expect(full.summary.create).toBe(full.findings.filter(({ type }) => isCountedOnly(type)).length);
  });

  /** A name, in another case. */
  const NAMES = ['name', 'virtual_mfa_device_name'];
  const upper = (values: JsonObject): JsonObject =>
    Object.fromEntries(
      Object.entries(values).map(([key, value]) => [
        key,
        NAMES.includes(key) && typeof value === 'string' ? value.toUpperCase() : value,
      ]),
    );
  const elsewhere = (values: JsonObject): JsonObject => ({ ...values, path: '/elsewhere/' });

  test.each(['role', 'policy', 'user', 'group', 'instance-profile', 'server-certificate'])(
    '%s: where a name is taken in another case, or under another path',
    async (name) => {
      for (const change of [upper, elsewhere]) {
        await world.sandbox.reset();
        await seed(name, change);
        const result = await check(name);
        expect(Object.values(verdicts(result))).toContain('collision');
        // What belongs to an entity is not created where the entity was refused.
        const entities = result.findings.filter(({ verdict }) => verdict === 'collision').map(({ address }) => address);
        expect(pick(await answered(name), entities)).toEqual(pick(predicted(result), entities));
      }
    },
  );

  test('virtual-mfa-device: another path makes another device', async () => {
    await seed('virtual-mfa-device', elsewhere);
    const result = await check('virtual-mfa-device');
    expect(Object.values(verdicts(result))).toEqual(['create']);
    expect(await answered('virtual-mfa-device')).toEqual(predicted(result));
  });

  test('user: the third access key', async () => {
    await seed('user');
    await iam.createAccessKey({ UserName: 'loadbalancer' });
    const result = await check('user');
    expect(verdicts(result)).toMatchObject({ 'aws_iam_access_key.lb': 'limit' });
    expect(await answered('user')).toEqual(predicted(result));
  });

  test('two stacks with one name, in the order in which they are applied', async () => {
    await createRole('audit');
    await createRole('handed-over');
    const result = await check('stack-a', 'stack-b');
    expect(verdicts(result)).toEqual({
      'aws_iam_role.deploy': 'create',
      'aws_iam_role.ci': 'duplicate',
      'aws_iam_role.audit': 'duplicate',
      'aws_iam_role.here': 'recreate',
      'aws_iam_role.free': 'create',
    });
    const creates = ['stack-a', 'stack-b'].flatMap((name) =>
      planOf(name).changes.filter(({ actions }) => actions.includes('create')),
    );
    const answers: Record<string, string | null> = {};
    for (const change of creates) answers[change.address] = await sendCreate(iam, change);
    expect(answers).toEqual(predicted(result));
  });
});

/** A resource that is one more each time. */
function isCountedOnly(type: string): boolean {
  return ['aws_iam_access_key', 'aws_iam_service_specific_credential'].includes(type);
}

function findingAt(result: Preflight, address: string): Finding {
  const finding = result.findings.find((one) => one.address === address);
  if (finding === undefined) throw new Error(`no finding at ${address}`);
  return finding;
}

test('the parts of a user that nobody has made are refused', async () => {
  const parts = ['aws_iam_access_key', 'aws_iam_user_policy', 'aws_iam_user_login_profile'];
  const changes = planOf('user').changes.filter(({ type }) => parts.includes(type));
  expect(changes.length).toBeGreaterThan(0);
  const plan = { ...planOf('user'), changes };
  const compared = compareTerraformPlans([plan], { target: TARGET });
  const result = await preflight(() => Promise.resolve(temporal), compared);
  expect(new Set(Object.values(verdicts(result)))).toEqual(new Set(['orphan']));
  const answers: Record<string, string | null> = {};
  for (const change of changes)
    answers[change.address] = await sendCreate(iam, { ...change, after: { ...change.after, user: 'loadbalancer' } });
  expect(answers).toEqual(predicted(result));
});

describe('names the owner', () => {
  test('of an entity that belongs to a stack, and exits with 3', async () => {
    await createRole('test_role', { 'pulumi:stack': 'prod' });
    const result = await check('role');
    expect(findingAt(result, 'aws_iam_role.test_role')).toMatchObject({
      verdict: 'foreign',
      owner: 'Pulumi stack "prod"',
      error: { operation: 'CreateRole', code: 'EntityAlreadyExists' },
    });
    expect(preflightExitCode(result)).toBe(3);
  });

  test('of a role whose inline policy a plan would overwrite', async () => {
    await createRole('test_role', { 'iam-bootstrap:namespace': 'platform' });
    await iam.putRolePolicy({
      RoleName: 'test_role',
      PolicyName: 'test_policy',
      PolicyDocument: DOCUMENT,
    });
    const result = await check('role-policy');
    expect(findingAt(result, 'aws_iam_role_policy.test_policy')).toMatchObject({
      verdict: 'overwrite',
      error: null,
      owner: 'iam-bootstrap namespace "platform"',
      importId: 'test_role:test_policy',
      notes: ['Role/test_role belongs to iam-bootstrap namespace "platform"'],
    });
    expect([result.result, preflightExitCode(result)]).toEqual(['foreign', 3]);
  });
});

test('shows what an exclusive resource would remove', async () => {
  await createRole('example');
  for (const PolicyName of ['listed', 'another']) {
    await iam.putRolePolicy({
      RoleName: 'example',
      PolicyName,
      PolicyDocument: DOCUMENT,
    });
  }
  const result = await check('role-policies-exclusive');
  expect(findingAt(result, 'aws_iam_role_policies_exclusive.example')).toMatchObject({
    verdict: 'overwrite',
    reason: 'it removes what it does not list: another',
    importId: 'example',
  });
});

test('names what it may not read, and checks the rest', async () => {
  await seed('user');
  for (const action of ['GetAccountAuthorizationDetails', 'GetUser', 'ListAccessKeys']) {
    world.proxy.on(
      { action },
      { kind: 'error', status: 403, code: 'AccessDenied', message: `not authorized: iam:${action}` },
    );
  }
  const result = await check('user', 'instance-profile');
  expect(verdicts(result)).toMatchObject({
    'aws_iam_user.lb': 'unread',
    'aws_iam_access_key.lb': 'unread',
    'aws_iam_instance_profile.test_profile': 'create',
  });
  expect(findingAt(result, 'aws_iam_user.lb').reason).toBe(
    'not read: GetUser answered AccessDenied: not authorized: iam:GetUser',
  );
  expect(preflightExitCode(result)).toBe(1);
});

test('does not call a name free that only its exact writing was looked up for', async () => {
  await createRole('TEST_ROLE');
  expect(verdicts(await check('role'))).toEqual({ 'aws_iam_role.test_role': 'collision' });
  world.proxy.on(
    { action: 'GetAccountAuthorizationDetails' },
    { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' },
  );
  const result = await check('role');
  expect(verdicts(result)).toEqual({ 'aws_iam_role.test_role': 'unread' });
  expect(preflightExitCode(result)).toBe(1);
});

test('costs a few calls, however many resources the plan has', async () => {
  await seed('policy-attachment');
  const { apiCalls } = await check('policy-attachment');
  expect(apiCalls.total).toBeLessThan(12);
});

describe('the command', () => {
  test('predicts, writes import blocks, and the file is not written over another one', async () => {
    await seed('modules');
    const file = join(world.directory, 'imports.tf');
    const options = ['preflight', '--terraform', planPath('modules'), '--account', ACCOUNT, '--output', file];
    const first = await world.cli(options);
    expect([first.code, first.stderr]).toEqual([2, expect.not.stringContaining('error:')]);
    expect(first.stdout).toContain('CreateRole would fail: EntityAlreadyExists');
    expect(await readFile(file, 'utf8')).toContain(
      'import {\n  to = module.ci["prod"].aws_iam_role.this[0]\n  id = "ci-prod"\n}',
    );
    expect(await world.cli(options)).toMatchObject({ code: 2 });

    await writeFile(file, '# by hand\n');
    const refused = await world.cli(options);
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('preflight has not written it')]);
    expect(await readFile(file, 'utf8')).toBe('# by hand\n');
  });

  test('prints JSON that its schema describes, with --json and with --output json', async () => {
    for (const option of [['--json'], ['--output', 'json']]) {
      const { code, stdout } = await world.cli([
        'preflight',
        '--terraform',
        planPath('role'),
        '-a',
        ACCOUNT,
        ...option,
      ]);
      expect(code).toBe(0);
      expect(preflightSchema.parse(JSON.parse(stdout))).toMatchObject({ result: 'clear', offline: false });
    }
  });

  test('tells of two stacks with one name before it asks anybody', async () => {
    const plans = ['stack-a', 'stack-b'].flatMap((name) => ['--terraform', planPath(name)]);
    const offline = await world.cli(['preflight', ...plans, '--offline'], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect([offline.code, offline.stdout]).toEqual([2, expect.stringContaining('creates Role/deploy as well')]);

    const unreachable = await world.cli(['preflight', ...plans, '-a', ACCOUNT], { TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect([unreachable.code, unreachable.stderr]).toEqual([4, expect.stringContaining('creates Role/deploy as well')]);
  });

  test('refuses another account than that of the credentials, and of the plan', async () => {
    const other = ['--terraform', planPath('role'), '-a', '222222222222'];
    expect(await world.cli(['preflight', ...other])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('account 222222222222 was not read') as string,
    });
    const shown = ['--terraform', planPath('known-account'), '-a', '222222222222'];
    expect(await world.cli(['preflight', ...shown])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('the plan is for account 111111111111, and 222222222222 was named') as string,
    });
    expect(await world.cli(['preflight', '--terraform', planPath('known-account')])).toMatchObject({ code: 0 });
  });

  test.each([
    ['a file that is not there', null, 'there is no such file'],
    ['an empty file', '', 'is empty'],
    ['no JSON', 'Terraform will perform the following actions:', 'is not JSON'],
    [
      'the log of a plan',
      '{"@level":"info","@message":"Terraform 1.9.8","type":"version"}\n{"@level":"info"}\n',
      'is the log of',
    ],
    ['a state file', '{"version":4,"terraform_version":"1.9.8","serial":3,"lineage":"x","resources":[]}', 'is a state'],
    [
      'a printed state',
      '{"format_version":"1.0","terraform_version":"1.9.8","values":{"root_module":{}}}',
      'is a state',
    ],
    ['a binary plan', 'PK\u0003\u0004', 'is a binary plan'],
    ['a configuration', '{"terraform":{},"resource":{"aws_iam_role":{}}}', 'is a configuration'],
    ['another version of the format', '{"format_version":"2.0","resource_changes":[]}', 'has format version 2.0'],
    [
      'a plan with an error',
      JSON.stringify({ ...printedPlan('role'), errored: true }),
      'ended this plan with an error',
    ],
    ['a plan with targets', JSON.stringify({ ...printedPlan('role'), complete: false }), 'the plan is incomplete'],
  ])('refuses %s with the file and what to do', async (_what, content, message) => {
    const file = join(world.directory, 'input.json');
    const path = content === null ? join(world.directory, 'missing.json') : file;
    if (content !== null) await writeFile(file, content);
    const { code, stderr } = await world.cli(['preflight', '--terraform', path, '-a', ACCOUNT]);
    expect(code).toBe(64);
    expect(stderr).toContain(`error: ${path}: `);
    expect(stderr).toContain(message);
    expect(stderr).toContain('remedy:');
  });
});
