import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Accounts } from '../../../src/activities/runtime/accounts.js';
import { WrongAccountError } from '../../../src/aws/guard.js';

/** An endpoint that tells the account of a key by its last digit, and counts the calls of each key. */
let server: Server;
const calls: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const action = new URLSearchParams(body).get('Action') ?? '';
      const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      calls.push(`${action} ${key}`);
      const account = key.slice(-1).repeat(12);
      const result = `<Account>${account}</Account><Arn>arn:aws:iam::${account}:user/x</Arn><IsTruncated>false</IsTruncated>`;
      response.end(`<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => server.close());

function useKey(key: string): void {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: 'test' });
}

test('credentials that change to another account do not read it, and STS is asked once for reads at a time', async () => {
  const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  useKey('KEY1');
  const accounts = new Accounts({ iamEndpoint: endpoint, stsEndpoint: endpoint });
  const { clients } = accounts.get({ account: '111111111111', partition: 'aws' });
  const read = (): Promise<unknown> => clients.reader.get('ListRoles', {});
  await Promise.all([read(), read(), read()]);
  expect(calls).toEqual(['GetCallerIdentity KEY1', 'ListRoles KEY1', 'ListRoles KEY1', 'ListRoles KEY1']);
  useKey('KEY2');
  await clients.renewCredentials('KEY1');
  await expect(read()).rejects.toThrow(WrongAccountError);
  expect(calls.slice(4)).toEqual(['GetCallerIdentity KEY2']);
  useKey('ANOTHER1');
  await clients.renewCredentials('KEY2');
  await read();
  expect(calls.slice(5)).toEqual(['GetCallerIdentity ANOTHER1', 'ListRoles ANOTHER1']);
});
