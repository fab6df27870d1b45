import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { CloudTrailClient, LookupEventsCommand } from '@aws-sdk/client-cloudtrail';
import { endpointOf, OtherAccountError, startGateway } from '../../acceptance/gateway.js';
import type { Gateway } from '../../acceptance/gateway.js';
import { Ledger } from '../../acceptance/ledger.js';
import { signed } from '../../acceptance/signature.js';
import { iamClient } from '../../support/sandbox.js';

const ACCOUNT = '111111111111';
const START = 'iamb-rabcdefghi-';

/** An endpoint that knows two accounts by their keys, and a password policy. */
const upstream = {
  url: '',
  asked: [] as string[],
  received: [] as string[],
  key: 'AKIAOWN',
  passwordPolicy: null as string | null,
  onCreate: (): void => undefined,
};

const server = createServer((incoming, outgoing) => {
  void buffer(incoming).then((body) => {
    const action = new URLSearchParams(body.toString()).get('Action') ?? '';
    upstream.asked.push(action);
    upstream.received.push(`${String(incoming.headers['x-amz-target'])} ${body.toString()}`);
    const account = incoming.headers.authorization?.includes('AKIAOWN') === true ? ACCOUNT : '222222222222';
    if (action.startsWith('Create')) upstream.onCreate();
    const isAbsent = action === 'GetAccountPasswordPolicy' && upstream.passwordPolicy === null;
    outgoing.writeHead(isAbsent ? 404 : 200, { 'content-type': 'text/xml' });
    const content: Record<string, string> = {
      GetCallerIdentity: `<Account>${account}</Account><Arn>arn:aws:iam::${account}:user/ann</Arn>`,
      GetAccountPasswordPolicy: upstream.passwordPolicy ?? '<Error><Code>NoSuchEntity</Code></Error>',
    };
    outgoing.end(`<${action}Response>${content[action] ?? ''}</${action}Response>`);
  });
});

let folder: string;
let ledger: Ledger;
let gateway: Gateway;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  upstream.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'acceptance-gateway-'));
  Object.assign(upstream, { asked: [], received: [], key: 'AKIAOWN', passwordPolicy: null, onCreate: () => undefined });
  ledger = new Ledger(join(folder, `acceptance-ledger-${START.slice(0, -1)}.jsonl`), ACCOUNT, START, '/tmp/of-the-run');
  gateway = await startGateway(
    {
      ...{ account: ACCOUNT, partition: 'aws', endpoint: upstream.url },
      credentials: () => Promise.resolve({ accessKeyId: upstream.key, secretAccessKey: 'secret' }),
    },
    { start: START, account: ACCOUNT, partition: 'aws', accountSettings: true },
    ledger,
  );
});

afterEach(async () => {
  await gateway.stop();
  rmSync(folder, { recursive: true });
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const client = (more: object = {}) => iamClient(gateway.url, undefined, { ...gateway.credentials, ...more });

test('signs for the run, and for no other process', async () => {
  for (const other of [{ secretAccessKey: 'guessed' }, { accessKeyId: 'AKIATEST' }]) {
    await expect(client(other).listUsers({})).rejects.toThrow('nobody of this run');
  }
  const unsigned = await fetch(gateway.url, { method: 'POST', body: 'Action=ListUsers&Version=2010-05-08' });
  expect(unsigned.status).toBe(403);
  expect(upstream.asked).toEqual([]);
  await client().listUsers({});
  expect(upstream.asked).toEqual(['GetCallerIdentity', 'ListUsers']);
  expect(gateway.strangers()).toBe(3);
});

/** Sends a call as it is, signed for the run. */
async function send(service: string, text: string, more: Record<string, string> = {}, signedText = text, path = '/') {
  const headers = { host: new URL(gateway.url).host, 'content-type': 'application/x-www-form-urlencoded', ...more };
  const request = { method: 'POST', path, headers, service, region: 'us-east-1', body: Buffer.from(signedText) };
  const all = signed(request, gateway.credentials, new Date());
  Reflect.deleteProperty(all, 'host');
  return fetch(`${gateway.url}${path}`, { method: 'POST', headers: all, body: text });
}

const LOOKUP = 'CloudTrail_20131101.LookupEvents';

test('refuses a body that is not the one that was signed', async () => {
  expect((await send('iam', 'Action=ListRoles', {}, 'Action=ListUsers')).status).toBe(403);
  expect((await send('iam', 'Action=ListUsers')).status).toBe(200);
});

test.each([
  ['iam', 'Action=DeleteUser&UserName=victim', { 'x-amz-target': 'x.ListUsers' }, 'x-amz-target'],
  ['sts', 'Action=AssumeRole&RoleArn=a', { 'x-amz-target': 'x.GetCallerIdentity' }, 'x-amz-target'],
  ['iam', `Action=DeleteUser&UserName=victim&UserName=${START}user`, {}, 'UserName is repeated'],
  ['iam', 'Action=DeleteUser&UserName=victim&Action=ListUsers', {}, 'Action is repeated'],
  ['iam', `Action=DeleteUser&UserName=${START}user&username=victim`, {}, 'username is repeated'],
  ['iam', 'Action=ListUsers', { 'content-type': 'application/json' }, 'application/json'],
  ['cloudtrail', '{}', { 'x-amz-target': 'other.LookupEvents' }, 'other.LookupEvents'],
  ['cloudtrail', 'Action=DeleteTrail', { 'x-amz-target': LOOKUP }, 'no JSON'],
  ['tagging', '{}', { 'x-amz-target': 'other.GetResources' }, 'other.GetResources'],
])('refuses a call of %s that AWS could take for another: %s %j', async (service, text, headers, reason) => {
  const answer = await send(service, text, headers);
  expect({ status: answer.status, asked: upstream.asked }).toEqual({ status: 403, asked: [] });
  expect(gateway.refusals()).toMatchObject([{ service, refused: expect.stringContaining(reason) as string }]);
});

test('refuses a call whose query names another one', async () => {
  expect((await send('iam', 'Action=ListUsers', {}, undefined, '/?Action=DeleteUser')).status).toBe(403);
  expect(gateway.refusals()).toHaveLength(1);
  expect(upstream.asked).toEqual([]);
});

test('sends what it has checked, and nothing beside it', async () => {
  await send('iam', `Action=CreateUser&UserName=%69${START.slice(1)}user&Path=/a+b*/`, { 'x-amz-meta': 'other' });
  await send('cloudtrail', '{"MaxResults":1,"MaxResults":2}', { 'x-amz-target': LOOKUP });
  const trail = new CloudTrailClient({ endpoint: gateway.url, region: 'us-east-1', credentials: gateway.credentials });
  // The answer is that of IAM.
  await trail.send(new LookupEventsCommand({ MaxResults: 3 })).catch(() => undefined);
  trail.destroy();
  expect(upstream.received.slice(1)).toEqual([
    `undefined Action=CreateUser&UserName=${START}user&Path=%2Fa%20b%2A%2F`,
    `${LOOKUP} {"MaxResults":2}`,
    `${LOOKUP} {"MaxResults":3}`,
  ]);
  expect(gateway.refusals()).toEqual([]);
});

test('asks who is calling again when the key changes, and sends nothing for another account', async () => {
  await client().listUsers({});
  upstream.key = 'AKIAOTHER';
  await expect(client().createUser({ UserName: `${START}user` })).rejects.toThrow('222222222222');
  expect(upstream.asked).toEqual(['GetCallerIdentity', 'ListUsers', 'GetCallerIdentity']);
  await expect(gateway.verify()).rejects.toThrow(OtherAccountError);
  expect(ledger.outstanding()).toEqual([]);
});

test('writes a Create down before it is sent, and takes it out once it is deleted', async () => {
  let atCreate = '';
  upstream.onCreate = () => (atCreate = readFileSync(ledger.path, 'utf8'));
  await client().createUser({ UserName: `${START}user` });
  await client().createRole({ RoleName: `${START}role`, AssumeRolePolicyDocument: '-' });
  expect(atCreate).toContain(`"create","kind":"Role","name":"${START}role"`);
  expect(atCreate).toContain('/tmp/of-the-run');
  await client().deleteRole({ RoleName: `${START}role` });
  // As a run that is killed leaves it.
  expect(Ledger.read(folder, ACCOUNT, START)?.outstanding()).toMatchObject([{ kind: 'User', name: `${START}user` }]);
  expect(Ledger.read(folder, '222222222222', START)).toBeUndefined();
});

test('deletes a password policy that the run has written, and no other', async () => {
  await client().updateAccountPasswordPolicy({ MinimumPasswordLength: 14, RequireSymbols: true });
  const policy = (length: number) =>
    `<MinimumPasswordLength>${String(length)}</MinimumPasswordLength><RequireSymbols>true</RequireSymbols>`;
  upstream.passwordPolicy = policy(20);
  await expect(client().deleteAccountPasswordPolicy({})).rejects.toThrow('has not written');
  await expect(client().updateAccountPasswordPolicy({ MinimumPasswordLength: 8 })).rejects.toThrow('has not written');
  expect(upstream.asked.filter((action) => action.startsWith('Delete'))).toEqual([]);
  upstream.passwordPolicy = policy(14);
  await client().deleteAccountPasswordPolicy({});
  expect(upstream.asked.filter((action) => action.startsWith('Delete'))).toHaveLength(1);
  expect(Ledger.read(folder, ACCOUNT, START)?.hasSettings).toBe(true);
});

test('makes nothing once a run ends', async () => {
  await gateway.endCreating();
  await expect(client().createUser({ UserName: `${START}user` })).rejects.toThrow('this run ends');
  await client().deleteUser({ UserName: `${START}user` });
});

test.each([
  ['iam', 'us-east-1', 'aws', 'https://iam.amazonaws.com'],
  ['sts', 'eu-west-1', 'aws', 'https://sts.eu-west-1.amazonaws.com'],
  ['iam', 'us-gov-west-1', 'aws-us-gov', 'https://iam.us-gov.amazonaws.com'],
  ['cloudtrail', 'us-gov-west-1', 'aws-us-gov', 'https://cloudtrail.us-gov-west-1.amazonaws.com'],
])('calls %s of %s in partition %s at %s', (service, region, partition, endpoint) => {
  expect(endpointOf(service, region, partition)).toBe(endpoint);
});
