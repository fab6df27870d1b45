import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TOTP } from 'otpauth';
import type { JsonObject } from '../../src/contract/entity.js';
import { hold } from '../support/hold.js';
import { historiesAsText } from '../support/leaks.js';
import { entityOf, outcomesOf } from '../support/runs.js';
import { iam, runs, temporal, useWorld, worker, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** Virtual MFA devices that are assigned to a user. The sandbox computes the codes of a device, too. */

useWorld();

const SerialNumber = `arn:aws:iam::${ACCOUNT}:mfa/ann`;
const USERS: readonly JsonObject[] = ['ann', 'bob'].map((userName) => ({ kind: 'User', userName }));
const deviceOf = (userName: string | null): JsonObject => ({
  kind: 'VirtualMFADevice',
  virtualMfaDeviceName: 'ann',
  secret: { file: 'mfa-seed.json' },
  userName,
});

beforeEach(() => rm(join(world.directory, 'secrets', 'mfa-seed.json'), { force: true }));

async function assignedUser(): Promise<string | undefined> {
  const { VirtualMFADevices: [device] = [] } = await iam.listVirtualMFADevices({ AssignmentStatus: 'Assigned' });
  return device?.User?.UserName;
}

async function storedSeed(): Promise<string> {
  const text = await readFile(join(world.directory, 'secrets', 'mfa-seed.json'), 'utf8');
  return (JSON.parse(text) as { Base32StringSeed: string }).Base32StringSeed;
}

/** Calls of these actions that AWS has carried out. */
function carriedOut(...actions: readonly string[]): string[] {
  return world.proxy.calls
    .filter(
      ({ action, committed, status = 0 }) => actions.includes(action) && committed && (status < 400 || status >= 500),
    )
    .map(({ action }) => action);
}

test('a break-glass user signs in with the stored seed after one apply, and the device moves to another user', async () => {
  const report = await runs.apply([
    ...USERS,
    { kind: 'LoginProfile', userName: 'ann', secret: { file: 'mfa-password.json' } },
    deviceOf('ann'),
  ]);
  expect([report.result, await assignedUser()]).toEqual(['converged', 'ann']);
  const totp = new TOTP({ secret: await storedSeed() });
  const codes = {
    AuthenticationCode1: totp.generate(),
    AuthenticationCode2: totp.generate({ timestamp: Date.now() + 30_000 }),
  };
  await iam.resyncMFADevice({ UserName: 'ann', SerialNumber, ...codes });

  expect(outcomesOf(await runs.apply([...USERS, deviceOf('ann')]))['VirtualMFADevice/ann']).toBe('unchanged');
  const moved = await runs.apply([...USERS, deviceOf('bob')]);
  expect(entityOf(moved, 'VirtualMFADevice/ann').writes.map(({ operation }) => operation)).toEqual([
    'DeactivateMFADevice',
    'EnableMFADevice',
  ]);
  expect(await assignedUser()).toBe('bob');
  await runs.apply([...USERS, deviceOf(null)]);
  expect(await assignedUser()).toBeUndefined();

  const histories = await historiesAsText(temporal.client);
  expect(histories).toContain('EnableMFADevice');
  const sent = world.proxy.calls.flatMap(({ params }) => Object.entries(params));
  const secrets = [await storedSeed(), ...sent.filter(([name]) => name.includes('Code')).map(([, value]) => value)];
  expect(secrets.filter((secret) => histories.includes(`"${secret}"`))).toEqual([]);
});

test.each(['reset-after', 'reset-before', 'error-after-commit'] as const)(
  'a lost reply to its assignment (%s) leaves one device, assigned once',
  async (kind) => {
    world.proxy.on({ action: 'EnableMFADevice' }, { kind, times: 1 });
    const report = await runs.apply([...USERS, deviceOf('ann')]);
    expect([report.result, await assignedUser()]).toEqual(['converged', 'ann']);
    expect(carriedOut('CreateVirtualMFADevice', 'EnableMFADevice')).toEqual([
      'CreateVirtualMFADevice',
      'EnableMFADevice',
    ]);
  },
);

test('a worker that dies between Create and assignment leaves a stored seed, with which the next one goes on', async () => {
  const held = hold(world.proxy, { action: 'EnableMFADevice' });
  const applied = runs.apply([...USERS, deviceOf('ann')]);
  await held.reached;
  const seed = await storedSeed();
  await worker.kill();
  held.release('drop');
  await world.startWorker();
  expect((await applied).result).toBe('converged');
  expect([await assignedUser(), await storedSeed()]).toEqual(['ann', seed]);
  expect(carriedOut('CreateVirtualMFADevice', 'EnableMFADevice')).toEqual([
    'CreateVirtualMFADevice',
    'EnableMFADevice',
  ]);
});

test('a device whose seed is not stored is refused by the plan, with what to store', async () => {
  await iam.createVirtualMFADevice({ VirtualMFADeviceName: 'ann' });
  const report = await runs.plan([...USERS, deviceOf('ann')]);
  expect(entityOf(report, 'VirtualMFADevice/ann')).toMatchObject({
    decision: 'refuse',
    reason: 'cannot be assigned to ann: its seed is not in the location that `secret` names',
    remedy: expect.stringMatching(/^store its SerialNumber and Base32StringSeed there/) as string,
  });
});
