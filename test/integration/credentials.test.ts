import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAwsClients } from '../../src/aws/clients.js';
import { AccountGuard, UnverifiedError } from '../../src/aws/guard.js';
import type { Call, Rule } from '../support/fault-proxy.js';
import { role } from '../support/manifests-of.js';
import { outcomesOf } from '../support/runs.js';
import { iamClient } from '../support/sandbox.js';
import { ACCOUNT } from '../support/world.js';
import { runs, useWorld, world } from '../support/use-world.js';

/** Credentials of the worker's machine that end while it runs. */

useWorld({ worker: false, reset: 'calls' });

beforeAll(async () => {
  await world.startWorker({
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_SHARED_CREDENTIALS_FILE: join(world.directory, 'credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});

/** What a person does whose credentials have expired. */
async function renewFile(accessKeyId: string): Promise<void> {
  const lines = ['[default]', `aws_access_key_id = ${accessKeyId}`, 'aws_secret_access_key = test', ''];
  await writeFile(join(world.directory, 'credentials'), lines.join('\n'));
}

function expire(accessKeyId: string): void {
  const predicate = (call: Call): boolean => call.accessKeyId === accessKeyId;
  world.proxy.on({ predicate }, { kind: 'error', status: 403, code: 'ExpiredToken' });
}

/** The credentials expire right before a role is created, and a person has just renewed them. */
function expireAtCreate(accessKeyId: string, renew: () => Promise<void>): Rule {
  const before = async (): Promise<void> => {
    await renew();
    expire(accessKeyId);
  };
  world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, before });
  return world.proxy.on({ action: 'CreateRole' }, { kind: 'error', status: 403, code: 'ExpiredToken', times: 1 });
}

test('where they have expired the run fails and says so, and once they are renewed the same worker goes on', async () => {
  await renewFile('AKIAFIRST');
  expect(outcomesOf(await runs.apply([role('first')]))).toEqual({ 'Role/first': 'created' });
  expire('AKIAFIRST');
  expect(await runs.apply([role('first'), role('second')])).toMatchObject({
    result: 'failed',
    reason: expect.stringContaining('ExpiredToken') as string,
    remedy: "renew the worker's AWS credentials and apply again",
  });
  await renewFile('AKIASECOND');
  expect(outcomesOf(await runs.apply([role('first'), role('second')]))).toEqual({
    'Role/first': 'unchanged',
    'Role/second': 'created',
  });
});

test('where they are renewed in the middle the run goes on, and asks whose they are before it writes', async () => {
  await renewFile('AKIATHIRD');
  expire('AKIASECOND');
  const renewal = expireAtCreate('AKIATHIRD', () => renewFile('AKIAFOURTH'));
  expect(outcomesOf(await runs.apply([role('third')]))).toEqual({ 'Role/third': 'created' });
  expect(renewal.fired).toBe(1);
  const signed = world.proxy.calls
    .filter(({ accessKeyId }) => accessKeyId === 'AKIAFOURTH')
    .map(({ action }) => action);
  expect(signed.slice(0, 2)).toEqual(['GetCallerIdentity', 'CreateRole']);
});

describe('where those that take their place are of another account', () => {
  const other = (): ReturnType<typeof iamClient> => iamClient(world.sandbox.url, '222222222222');
  let otherKey: string;

  beforeAll(async () => {
    await other().createUser({ UserName: 'other' });
    const { AccessKey } = await other().createAccessKey({ UserName: 'other' });
    otherKey = AccessKey?.AccessKeyId ?? '';
  });

  test('nothing is written there', async () => {
    await renewFile('AKIAFIFTH');
    expire('AKIAFOURTH');
    expireAtCreate('AKIAFIFTH', () => renewFile(otherKey));
    const report = await runs.apply([role('fifth')]);
    expect(report).toMatchObject({
      result: 'refused',
      entities: [{ outcome: 'refused', reason: expect.stringContaining('belong to account 222222222222') as string }],
    });
    const { Roles = [] } = await other().listRoles({});
    expect(Roles).toEqual([]);
  });

  test('after the last write the run is refused, and nothing is read there', async () => {
    await renewFile('AKIALAST');
    expire(otherKey);
    const after = async (): Promise<void> => {
      await renewFile(otherKey);
      world.proxy.clearRules();
      expire('AKIALAST');
    };
    world.proxy.on({ action: 'CreateRole' }, { kind: 'hook', times: 1, after });
    const from = world.proxy.calls.length;
    const report = await runs.apply([role('last')]);
    expect(report).toMatchObject({
      result: 'refused',
      entities: [
        {
          outcome: 'refused',
          reason: expect.stringMatching(/^was created, but could not be verified: .*account 222222222222/) as string,
          writes: [{ operation: 'CreateRole' }],
        },
      ],
    });
    const byOther = world.proxy.calls.slice(from).filter(({ accessKeyId }) => accessKeyId === otherKey);
    expect(new Set(byOther.map(({ action }) => action))).toEqual(new Set(['GetCallerIdentity']));
  });
});

test('a write that would be signed with credentials that STS was not asked about does not leave the process', async () => {
  delete process.env['AWS_ACCESS_KEY_ID'];
  process.env['AWS_SHARED_CREDENTIALS_FILE'] = join(world.directory, 'credentials');
  await renewFile('AKIASIXTH');
  const target = { account: ACCOUNT, partition: 'aws' };
  const clients = createAwsClients(target, { iamEndpoint: world.proxy.url, stsEndpoint: world.proxy.url });
  const guard = new AccountGuard(clients, target);
  const create = (): Promise<unknown> =>
    clients.write('CreateUser', { UserName: 'sixth' }, (accessKeyId) => {
      guard.assertVerified(accessKeyId);
    });
  await guard.ensure();
  await renewFile('AKIASEVENTH');
  await clients.renewCredentials('AKIASIXTH');
  await expect(create()).rejects.toThrow(UnverifiedError);
  expect(world.proxy.count('CreateUser')).toBe(0);
  await guard.ensure();
  await create();
  expect(world.proxy.count('CreateUser')).toBe(1);
});
