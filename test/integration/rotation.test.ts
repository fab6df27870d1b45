import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/contract/entity.js';
import { hold } from '../support/hold.js';
import { historiesAsText } from '../support/leaks.js';
import { entityOf, outcomesOf } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { iam, runs, temporal, useWorld, worker, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

/** Rotation of access keys: one step with each apply, by the ages that AWS shows. */

useWorld();

const ID = 'AccessKey/ann';
const FILE = 'rotation.json';
const USER = { kind: 'User', userName: 'ann' };
const ROTATE = { every: '90d', overlap: '7d' };
const keyWith = (rotate: JsonObject = ROTATE, secret: JsonObject = { file: FILE }): JsonObject => ({
  kind: 'AccessKey',
  userName: 'ann',
  secret,
  rotate,
});
const path = (): string => join(world.directory, 'secrets', FILE);

beforeEach(() => rm(path(), { force: true }));

async function stored(): Promise<Record<string, string>> {
  return JSON.parse(await readFile(path(), 'utf8')) as Record<string, string>;
}

/** The keys of the user in AWS, with their status. */
async function keysNow(): Promise<Record<string, string | undefined>> {
  const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName: 'ann' });
  return Object.fromEntries(AccessKeyMetadata.map(({ AccessKeyId = '', Status }) => [AccessKeyId, Status]));
}

async function ageKeys(days: number): Promise<void> {
  const body = JSON.stringify({ account: ACCOUNT, userName: 'ann', hours: days * 24 });
  const response = await fetch(`${world.sandbox.url}/sandbox/age-keys`, { method: 'POST', body });
  expect(response.status).toBe(200);
}

async function apply(...entities: readonly JsonObject[]): Promise<string | undefined> {
  return outcomesOf(await runs.apply([USER, ...entities]))[ID];
}

/** Makes a key that is due. Returns its ID. */
async function makeOldKey(entity = keyWith()): Promise<string> {
  expect(await apply(entity)).toBe('created');
  await ageKeys(91);
  world.proxy.clear();
  return Object.keys(await keysNow())[0] ?? '';
}

/** Creates of keys that AWS has carried out. */
function created(): number {
  return world.proxy.calls.filter(({ action, committed }) => action === 'CreateAccessKey' && committed).length;
}

test('a key is exchanged by its age, its predecessor is inactive after the overlap and deleted after another', async () => {
  const old = await makeOldKey();
  const planned = entityOf(await runs.plan([USER, keyWith()]), ID);
  expect([planned.decision, planned.drift]).toEqual([
    'update',
    [
      {
        path: 'rotate',
        observed: expect.stringMatching(`^${old} is of .*: a new key takes its place$`) as string,
        desired: ROTATE,
      },
    ],
  ]);
  const before = await stored();
  expect(await apply(keyWith())).toBe('updated');
  const after = await stored();
  const fresh = after['AccessKeyId'] ?? '';
  expect(await keysNow()).toEqual({ [old]: 'Active', [fresh]: 'Active' });
  expect(after).toMatchObject({ PreviousAccessKeyId: old, UserName: 'ann' });
  expect(after['SecretAccessKey']).not.toBe(before['SecretAccessKey']);
  expect(await apply(keyWith())).toBe('unchanged');

  await ageKeys(8);
  expect([await apply(keyWith()), await keysNow()]).toEqual(['updated', { [old]: 'Inactive', [fresh]: 'Active' }]);
  expect(await apply(keyWith())).toBe('unchanged');
  const record = await stored();
  const PreviousDeactivatedAt = new Date(Date.parse(record['PreviousDeactivatedAt'] ?? '') - 8 * 86_400_000);
  await writeFile(path(), JSON.stringify({ ...record, PreviousDeactivatedAt: PreviousDeactivatedAt.toISOString() }));
  expect([await apply(keyWith()), await keysNow()]).toEqual(['updated', { [fresh]: 'Active' }]);
  expect(Object.keys(await stored())).toEqual(Object.keys(before));
  expect([await apply(keyWith()), created()]).toEqual(['unchanged', 1]);
  const histories = await historiesAsText(temporal.client);
  expect([before, after].filter(({ SecretAccessKey = '' }) => histories.includes(SecretAccessKey))).toEqual([]);
});

test('a predecessor that is in use stays active, unless told otherwise', async () => {
  const old = await makeOldKey();
  await apply(keyWith());
  await ageKeys(8);
  await iamClient(world.sandbox.url, undefined, { accessKeyId: old }).getUser({});
  expect([await apply(keyWith()), (await keysNow())[old]]).toEqual(['unchanged', 'Active']);
  const told = keyWith({ ...ROTATE, unusedFor: '0h' });
  expect([await apply(told), (await keysNow())[old]]).toEqual(['updated', 'Inactive']);
});

test.each([
  ['reset-before', 1],
  ['reset-after', 2],
  ['error-after-commit', 2],
] as const)('a lost reply (%s) leaves the old key and the stored one, and no third', async (kind, creates) => {
  const old = await makeOldKey();
  world.proxy.on({ action: 'CreateAccessKey' }, { kind, times: 1 });
  expect(await apply(keyWith())).toBe('updated');
  const { AccessKeyId: fresh = '' } = await stored();
  expect([await keysNow(), created()]).toEqual([{ [old]: 'Active', [fresh]: 'Active' }, creates]);
  expect(await apply(keyWith())).toBe('unchanged');
});

test('a worker that dies before it has stored the new key leaves no third one, and the next stores another', async () => {
  const entity = keyWith(ROTATE, { secretsManager: 'ann/key' });
  const old = await makeOldKey(entity);
  const held = hold(world.proxy, {
    action: 'PutSecretValue',
    predicate: () => world.proxy.calls.some(({ action, replied }) => action === 'CreateAccessKey' && replied),
  });
  const applied = runs.apply([USER, entity]);
  await held.reached;
  expect(Object.keys(await keysNow())).toHaveLength(2);
  await worker.kill();
  held.release('drop');
  await world.startWorker();
  expect(outcomesOf(await applied)[ID]).toBe('updated');
  expect([Object.keys(await keysNow()).length, (await keysNow())[old], created()]).toEqual([2, 'Active', 2]);
  expect(await apply(entity)).toBe('unchanged');
});

test('a second key of another caller stands in the way, and is kept', async () => {
  const old = await makeOldKey();
  const { AccessKey } = await iam.createAccessKey({ UserName: 'ann' });
  const other = AccessKey?.AccessKeyId ?? '';
  const report = await runs.apply([USER, keyWith()]);
  expect(entityOf(report, ID)).toMatchObject({
    outcome: 'refused',
    reason: `cannot be rotated: its user has another key, ${other}, and IAM allows two`,
    remedy: `delete ${other} if it is not in use, and apply again`,
  });
  expect([await keysNow(), created()]).toEqual([{ [old]: 'Active', [other]: 'Active' }, 0]);
});
