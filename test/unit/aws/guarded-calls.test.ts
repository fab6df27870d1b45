import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Accounts, type Account } from '../../../src/activities/runtime/accounts.js';
import { awsError } from '../../../src/aws/errors.js';
import { WrongAccountError } from '../../../src/aws/guard.js';

/** An endpoint that tells the account of a key by its last digit, and counts the calls of each key. */
let server: Server;
const calls: string[] = [];
/** Calls that a sign-in page answers with status 200. */
let pageFor = /^$/;
let pageType = 'text/html';
const PAGE = '\n<!DOCTYPE html><html><body>Sign in</body></html>';
let page = PAGE;

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      const action = new URLSearchParams(body).get('Action') ?? '';
      const key = /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      calls.push(`${action} ${key}`);
      if (pageFor.test(action)) {
        response.setHeader('content-type', pageType);
        response.end(page);
        return;
      }
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
  const { clients } = accounts.lease().get({ account: '111111111111', partition: 'aws' });
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

describe('a sign-in page with status 200', () => {
  const target = { account: '111111111111', partition: 'aws' } as const;

  function open(assumeRole?: string): Account {
    const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    useKey('PAGE1');
    const accounts = new Accounts({ iamEndpoint: endpoint, stsEndpoint: endpoint });
    return accounts.lease().get(assumeRole === undefined ? target : { ...target, assumeRole });
  }

  test.each([
    ['GetCallerIdentity', 'text/html'],
    ['ListRoles', 'text/html; charset=utf-8'],
    ['ListRoles', 'text/plain'],
  ])('in place of %s (%s) is no answer of AWS', async (action, type) => {
    [pageFor, pageType] = [new RegExp(`^${action}$`), type];
    const failed = await open()
      .clients.reader.get('ListRoles', {})
      .catch((error: unknown) => error);
    expect(awsError(failed)).toMatchObject({ code: 'ForeignReply', operation: action, unclear: true, httpStatus: 200 });
  });

  test.each(['CreateRole', 'DeleteRole'] as const)('in place of %s does not count as carried out', async (action) => {
    [pageFor, pageType] = [new RegExp(`^${action}$`), 'text/html'];
    const { clients } = open();
    const failed = await clients
      .write(action, { RoleName: 'x', AssumeRolePolicyDocument: '{}' })
      .catch((error: unknown) => error);
    expect(awsError(failed)).toMatchObject({
      code: 'ForeignReply',
      message: 'HTTP 200 with text/html, which is no answer of AWS',
    });
  });

  test.each([
    ['a page that calls itself XML', 'text/xml', PAGE],
    ['a page in XHTML', 'application/xml', '<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"/>'],
    ['nothing', 'text/xml', ''],
    ['the reply to another operation', 'text/xml', '<ListRolesResponse><ListRolesResult/></ListRolesResponse>'],
    ['another document', 'text/xml', '<status>ok</status>'],
    ['JSON', 'application/json', '{}'],
  ])('in place of a Create, an identity or a read, %s (%s) counts as no answer', async (_what, type, body) => {
    [pageType, page] = [type, body];
    for (const action of ['GetCallerIdentity', 'CreateRole', 'GetRole', 'ListUsers']) {
      pageFor = new RegExp(`^${action}$`);
      const { clients } = open();
      const call =
        action === 'CreateRole'
          ? clients.write(action, { RoleName: 'x', AssumeRolePolicyDocument: '{}' })
          : action === 'GetRole'
            ? clients.reader.get(action, { RoleName: 'x' })
            : clients.reader.get('ListUsers', {});
      const failed = await call.catch((error: unknown) => error);
      expect([action, awsError(failed).code]).toEqual([action, 'ForeignReply']);
    }
    page = PAGE;
  });

  test('in place of AssumeRole is no fault of the credentials', async () => {
    [pageFor, pageType] = [/^AssumeRole$/, 'text/html'];
    const { clients } = open('arn:aws:iam::111111111111:role/x');
    const failed = await clients.reader.get('ListRoles', {}).catch((error: unknown) => error);
    expect(awsError(failed)).toMatchObject({ code: 'ForeignReply', operation: 'AssumeRole' });
  });
});
