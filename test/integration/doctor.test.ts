import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import type { Check } from '../../src/cli/commands/doctor-check.js';
import { OwnershipTag } from '../../src/engine/ownership.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { role } from '../support/manifests-of.js';
import { makeCheckout } from '../support/checkout.js';
import type { CommandResult } from '../support/world.js';
import { iam, runs, useWorld, world } from '../support/use-world.js';

/** `doctor`: the problems that it finds, those that it fixes, and those that it leaves. */

useWorld();

let checkout: string;

beforeEach(async () => {
  checkout = await makeCheckout(world);
});

afterEach(async () => {
  await rm(checkout, { recursive: true });
});

/** Creates a Temporal namespace without our search attributes, and names folders that do not exist. */
async function unprepared(name: string): Promise<Readonly<Record<string, string>>> {
  const { cacheDirectory, environment, temporalCli } = loadConfig();
  const { path } = await findTemporalCli({ cacheDirectory, environment, path: temporalCli });
  const create = ['operator', 'namespace', 'create', '--address', world.temporal.address, '--retention', '24h', name];
  execFileSync(path, create, { stdio: 'pipe' });
  return {
    TEMPORAL_NAMESPACE: name,
    IAM_BOOTSTRAP_STATE: join(checkout, 'state'),
    IAM_BOOTSTRAP_CACHE: join(checkout, 'cache'),
  };
}

function checksOf({ stdout }: CommandResult): Record<string, Check> {
  const { checks } = JSON.parse(stdout) as { readonly checks: readonly Check[] };
  return Object.fromEntries(checks.map((check) => [check.name, check]));
}

test('warns of entities that another installation created, and names it', async () => {
  const look = async (): Promise<Check | undefined> =>
    checksOf(await world.cli(['doctor', '--output', 'json']))['installations'];
  await runs.apply([role('ours')]);
  expect(await look()).toMatchObject({ status: 'ok' });
  const Tags = [
    { Key: OwnershipTag.Namespace, Value: 'ci' },
    { Key: OwnershipTag.Installation, Value: 'another-one' },
  ];
  await iam.createUser({ UserName: 'theirs', Tags });
  expect(await look()).toMatchObject({
    status: 'warn',
    message: '1 entity of installation another-one (namespace ci)',
  });
});

test('finds missing search attributes and folders, creates them with --fix, and then finds no problem', async () => {
  const env = await unprepared('unprepared');
  const look = async (...options: string[]): Promise<Record<string, Check>> =>
    checksOf(await world.cli(['doctor', '--output', 'json', ...options], env));
  const before = await look();
  expect(before['search attributes']).toMatchObject({ status: 'warn', fixed: null });
  expect(before['search attributes']?.remedy).toContain('doctor --fix');
  expect(existsSync(join(checkout, 'state'))).toBe(false);

  const fixed = await look('--fix');
  expect(fixed['search attributes']).toMatchObject({
    status: 'ok',
    fixed: expect.stringContaining('IamAccount') as string,
  });
  expect(fixed['state folder']).toMatchObject({ status: 'ok', fixed: `created ${join(checkout, 'state')}` });
  expect(fixed['cache folder']).toMatchObject({ status: 'ok', fixed: `created ${join(checkout, 'cache')}` });
  // A person has to start the worker.
  expect(fixed['worker']).toMatchObject({ status: 'fail', fixed: null });
  expect(existsSync(join(checkout, 'cache'))).toBe(true);

  const after = Object.values(await look('--fix'));
  expect(after.filter(({ fixed }) => fixed !== null)).toEqual([]);
  expect(after.find(({ name }) => name === 'search attributes')?.status).toBe('ok');
});

test('only reads from AWS', async () => {
  await world.cli(['doctor', '--fix']);
  const actions = (await world.sandbox.journal()).map(({ action }) => action);
  expect(actions).toEqual(['GetCallerIdentity', ...actions.slice(1)]);
  expect(actions.filter((action) => !/^(Get|List|Lookup|Simulate)/.test(action))).toEqual([]);
});

test('reports whether CloudTrail can be read', async () => {
  const asked = async (url: string): Promise<Check | undefined> => {
    const { stdout } = await world.cli(['doctor', '--output', 'json'], { AWS_ENDPOINT_URL_CLOUDTRAIL: url });
    return checksOf({ stdout } as CommandResult)['event history'];
  };
  expect(await asked(world.sandbox.url)).toMatchObject({ status: 'ok', remedy: null });
  world.proxy.on(
    { action: 'LookupEvents' },
    { kind: 'error', status: 400, code: 'AccessDeniedException', message: 'not authorized: cloudtrail:LookupEvents' },
  );
  const denied = await asked(world.proxy.url);
  world.proxy.clearRules();
  expect(denied).toMatchObject({ status: 'warn', message: expect.stringContaining('not authorized') as string });
  expect(denied?.remedy).toContain('grant cloudtrail:LookupEvents');
});

test('reports whether Access Analyzer answers, where the guardrails have policies checked', async () => {
  const file = join(checkout, 'guardrails.yaml');
  await writeFile(
    file,
    'version: 1\naccounts: { "*": { accessAnalyzer: { validatePolicy: error, checkNoNewAccess: warn } } }\n',
  );
  const asked = async (env: Readonly<Record<string, string>>): Promise<Check | undefined> =>
    checksOf(await world.cli(['doctor', '--output', 'json'], env))['policy checks'];
  expect(await asked({})).toBeUndefined();
  expect(await asked({ IAM_BOOTSTRAP_GUARDRAILS: file })).toMatchObject({ status: 'ok' });
  const denied = { kind: 'error', status: 403, code: 'AccessDeniedException', message: 'not authorized' } as const;
  const rule = world.proxy.on({ action: 'CheckNoNewAccess' }, denied);
  const check = await asked({ IAM_BOOTSTRAP_GUARDRAILS: file });
  rule.remove();
  expect(check).toMatchObject({ status: 'warn', message: 'AccessDenied: not authorized' });
  expect(check?.remedy).toContain('grant access-analyzer:ValidatePolicy');
});

test('reports what it cannot fix', async () => {
  await mkdir(join(checkout, 'a'));
  await writeFile(join(checkout, 'a/file'), '');
  const folder = join(checkout, 'a/file');
  const { stdout } = await world.cli(['doctor', '--fix'], { IAM_BOOTSTRAP_STATE: folder });
  expect(stdout).toContain(`warn state folder       ${folder}: not a folder`);
  expect(stdout).toContain('set IAM_BOOTSTRAP_STATE to another folder');
  expect(stdout).toMatch(/\n0 problems fixed, \d+ left to fix\.\n/);
});
