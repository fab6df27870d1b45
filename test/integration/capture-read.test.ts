import { readAccount, type ReadAccount } from '../../src/client/capture/read-account.js';
import type { CapturedEntity, CapturedItem, CaptureFilter } from '../../src/contract/capture.js';
import { allowing } from '../support/manifests-of.js';
import { createRole, iam, temporal, useWorld, worker, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

jest.setTimeout(300_000);
useWorld();

const TARGET = { account: ACCOUNT, partition: 'aws' };
const ALL: CaptureFilter = { namespace: 'ci', kinds: [], names: [], path: null, tags: {}, owner: null };

interface Captured extends ReadAccount {
  readonly items: readonly CapturedItem[];
}

/** Captures an account, and does something after an item. */
async function capture(
  filter: Partial<CaptureFilter> = {},
  afterItem: (count: number) => Promise<void> = () => Promise.resolve(),
): Promise<Captured> {
  const reading = readAccount(temporal, TARGET, { ...ALL, ...filter }, {});
  const items: CapturedItem[] = [];
  for (;;) {
    const { done, value } = await reading.next();
    if (done === true) return { items, ...value };
    items.push(value);
    await afterItem(items.length);
  }
}

/** Returns what is left out, each with the reason. */
function leftOut({ items }: Captured): Record<string, string> {
  return Object.fromEntries(
    items.flatMap((item) => ('leftOut' in item ? [[`${item.kind}/${item.name}`, item.leftOut]] : [])),
  );
}

function captured({ items }: Captured): CapturedEntity[] {
  return items.flatMap((item) => ('leftOut' in item ? [] : [item]));
}

test('an account is captured with the reason for all that is left out', async () => {
  await createRole('free', { team: 'platform' });
  await createRole('mine', { 'iam-bootstrap:namespace': 'ci' });
  await createRole('theirs', { 'iam-bootstrap:namespace': 'other' });
  await createRole('stack', { 'pulumi:stack': 'prod' });
  await iam.createServiceLinkedRole({ AWSServiceName: 'autoscaling.amazonaws.com' });
  await iam.createUser({ UserName: 'ann', Path: '/people/' });
  const key = (await iam.createAccessKey({ UserName: 'ann' })).AccessKey?.AccessKeyId ?? '';
  await iam.createLoginProfile({ UserName: 'ann', Password: 'Correct-Horse-7' });

  const all = await capture();
  expect(leftOut(all)).toEqual({
    [`AccessKey/ann/${key}`]: 'AWS shows its secret once, so a declared access key would be a new one',
    'Role/stack': 'belongs to Pulumi stack "prod"',
    'Role/theirs': 'belongs to iam-bootstrap namespace "other"',
    'ServiceLinkedRole/autoscaling.amazonaws.com':
      'its AWS service makes it; name the kind ServiceLinkedRole to declare it',
  });
  expect(captured(all).map(({ kind, name, isOurs, missing }) => [`${kind}/${name}`, isOurs, missing])).toEqual([
    ['LoginProfile/ann', false, ['secret']],
    ['Role/free', false, []],
    ['Role/mine', true, []],
    ['User/ann', false, []],
  ]);
  expect(all.unread).toEqual([]);
  expect(captured(all).find(({ name }) => name === 'free')).toMatchObject({
    arn: `arn:aws:iam::${ACCOUNT}:role/free`,
    tags: { team: 'platform' },
    lastUsedAt: null,
    spec: { roleName: 'free', path: '/', description: '', maxSessionDuration: 3600, permissionsBoundary: null },
  });
  expect(world.proxy.calls.filter(({ action }) => !/^(Get|List)/.test(action))).toEqual([]);

  const names = async (filter: Partial<CaptureFilter>): Promise<string[]> =>
    (await capture(filter)).items.map(({ kind, name }) => `${kind}/${name}`);
  expect(await names({ kinds: ['Role'], owner: 'ours' })).toEqual(['Role/mine']);
  expect(await names({ kinds: ['Role'], owner: 'unowned' })).toEqual(['Role/free']);
  expect(await names({ kinds: ['Role'], tags: { team: null } })).toEqual(['Role/free']);
  expect(await names({ kinds: ['Role'], names: ['*INE', 'st*'] })).toEqual(['Role/mine', 'Role/stack']);
  expect(await names({ path: '/people/' })).toEqual(['User/ann']);
  const [linked] = captured(await capture({ kinds: ['ServiceLinkedRole'] }));
  expect(linked?.spec).toMatchObject({ awsServiceName: 'autoscaling.amazonaws.com' });
});

test('a kind that the worker does not know is refused', async () => {
  await expect(capture({ kinds: ['Bucket'] })).rejects.toMatchObject({ name: 'ReadError', exitCode: 64 });
});

test('what AWS refuses to show is named, and the rest is captured', async () => {
  await createRole('free');
  for (const InstanceProfileName of ['shown', 'hidden']) await iam.createInstanceProfile({ InstanceProfileName });
  const refused = { kind: 'error', status: 403, code: 'AccessDenied', message: 'not authorized' } as const;
  world.proxy.on({ action: 'ListSAMLProviders' }, refused);
  world.proxy.on({ action: 'GetInstanceProfile', params: { InstanceProfileName: 'hidden' } }, refused);
  world.proxy.on({ action: 'GetAccountProperties' }, { kind: 'error', status: 400, code: 'InvalidAction' });
  const found = await capture();
  expect(captured(found).map(({ kind, name }) => `${kind}/${name}`)).toEqual(['InstanceProfile/shown', 'Role/free']);
  expect(found.unread).toEqual([
    {
      kind: 'InstanceProfile',
      name: 'hidden',
      message: 'GetInstanceProfile answered AccessDenied: not authorized',
      remedy: "allow iam:GetInstanceProfile to the worker's role",
    },
    {
      kind: 'AccountProperties',
      name: null,
      message: expect.stringMatching(/^GetAccountProperties answered Invalid/) as string,
      remedy: null,
    },
    {
      kind: 'SAMLProvider',
      name: null,
      message: 'ListSAMLProviders answered AccessDenied: not authorized',
      remedy: "allow iam:ListSAMLProviders to the worker's role",
    },
  ]);
});

test('the pages of an account come from one read of it, and a worker that takes over reads it again', async () => {
  const policy = JSON.stringify(allowing(`s3:${'x'.repeat(9_000)}`));
  const count = 120;
  const wanted = Array.from({ length: count }, (_, index) => `large-${String(index).padStart(3, '0')}`);
  for (const name of wanted) {
    await createRole(name);
    await iam.putRolePolicy({ RoleName: name, PolicyName: 'large', PolicyDocument: policy });
  }
  world.proxy.clear();
  const kinds = ['Role'];
  const whole = await capture({ kinds });
  expect(whole.items.map(({ name }) => name)).toEqual(wanted);
  // The details, the listing, and the look at who has made each role, for two pages.
  expect(whole.calls).toEqual({ GetAccountAuthorizationDetails: 1, ListRoles: 1, GetRole: count });
  expect(world.proxy.calls).toHaveLength(count + 2);

  const again = await capture({ kinds }, async (items) => {
    if (items !== 1) return;
    await worker.kill();
    await world.startWorker();
  });
  expect(again.items).toEqual(whole.items);
  expect(again.calls).toMatchObject({ GetAccountAuthorizationDetails: 2, ListRoles: 2 });
});
