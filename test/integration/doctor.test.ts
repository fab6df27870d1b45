import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/config.js';
import type { Check } from '../../src/cli/doctor.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import { makeCheckout } from '../support/checkout.js';
import { startWorld } from '../support/world.js';
import type { CommandResult, World } from '../support/world.js';

/** What `doctor` finds amiss, what it mends, and what it leaves to a person. */

jest.setTimeout(180_000);

let world: World;
let checkout: string;

beforeAll(async () => {
  world = await startWorld();
  await world.startWorker();
});

beforeEach(async () => {
  await world.sandbox.reset();
  checkout = await makeCheckout(world);
});

afterEach(async () => {
  await rm(checkout, { recursive: true });
});

afterAll(async () => {
  await world.stop();
});

/** A namespace of the server without our search attributes, and folders that are not there. */
async function bare(name: string): Promise<Readonly<Record<string, string>>> {
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

test('finds search attributes and folders missing, makes them when told to, and finds nothing then', async () => {
  const env = await bare('unprepared');
  const look = async (...options: string[]): Promise<Record<string, Check>> =>
    checksOf(await world.cli(['doctor', '--output', 'json', ...options], env));
  const before = await look();
  expect(before['search attributes']).toMatchObject({ status: 'warn', fixed: null });
  expect(before['search attributes']?.remedy).toContain('doctor --fix');
  expect(existsSync(join(checkout, 'state'))).toBe(false);

  const mended = await look('--fix');
  expect(mended['search attributes']).toMatchObject({
    status: 'ok',
    fixed: expect.stringContaining('IamAccount') as string,
  });
  expect(mended['state folder']).toMatchObject({ status: 'ok', fixed: `made ${join(checkout, 'state')}` });
  expect(mended['cache folder']).toMatchObject({ status: 'ok', fixed: `made ${join(checkout, 'cache')}` });
  // A worker is a person's to start.
  expect(mended['worker']).toMatchObject({ status: 'fail', fixed: null });
  expect(existsSync(join(checkout, 'cache'))).toBe(true);

  const after = Object.values(await look('--fix'));
  expect(after.filter(({ fixed }) => fixed !== null)).toEqual([]);
  expect(after.find(({ name }) => name === 'search attributes')?.status).toBe('ok');
});

test('only ever reads AWS', async () => {
  await world.cli(['doctor', '--fix']);
  const actions = (await world.sandbox.journal()).map(({ action }) => action);
  expect(actions).toEqual(['GetCallerIdentity', ...actions.slice(1)]);
  expect(actions.filter((action) => !/^(Get|List|Lookup|Simulate)/.test(action))).toEqual([]);
});

test('says whether CloudTrail may be asked who made what', async () => {
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

test('says what it cannot mend', async () => {
  await mkdir(join(checkout, 'a'));
  await writeFile(join(checkout, 'a/file'), '');
  const folder = join(checkout, 'a/file');
  const { stdout } = await world.cli(['doctor', '--fix'], { IAM_BOOTSTRAP_STATE: folder });
  expect(stdout).toContain(`warn state folder       ${folder}: it is no folder`);
  expect(stdout).toContain('set IAM_BOOTSTRAP_STATE to another folder');
  expect(stdout).toMatch(/\n0 mended, \d+ left to you\n/);
});
