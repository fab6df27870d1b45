import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createDataKeyService } from '../../../src/aws/kms.js';
import { loadConfig } from '../../../src/config/config.js';

const KEY = 'arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555';
const { network } = loadConfig({});

interface Call {
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
}

let server: Server;
let calls: Call[];
let answer: (call: Call) => { readonly status: number; readonly body: object };

beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
      const call = { operation, input: JSON.parse(Buffer.concat(chunks).toString()) as Call['input'] };
      calls.push(call);
      const { status, body } = answer(call);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  process.env['AWS_ENDPOINT_URL_KMS'] = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
});
beforeEach(() => (calls = []));
afterAll(() => new Promise((resolve) => server.close(resolve)));

const CONTEXT = { application: 'iam-bootstrap', purpose: 'temporal-payloads' };

test('makes a data key under the key, bound to an encryption context', async () => {
  const [plaintext, ciphertext] = [randomBytes(32), randomBytes(180)];
  answer = () => ({
    status: 200,
    body: { KeyId: KEY, Plaintext: plaintext.toString('base64'), CiphertextBlob: ciphertext.toString('base64') },
  });
  const made = await createDataKeyService(network).generate(KEY);
  expect([Buffer.from(made.plaintext), Buffer.from(made.ciphertext)]).toEqual([plaintext, ciphertext]);
  const input = { KeyId: KEY, KeySpec: 'AES_256', EncryptionContext: CONTEXT };
  expect(calls).toEqual([{ operation: 'GenerateDataKey', input }]);
});

test('decrypts a data key with that key alone', async () => {
  const [plaintext, ciphertext] = [randomBytes(32), randomBytes(180)];
  answer = () => ({ status: 200, body: { KeyId: KEY, Plaintext: plaintext.toString('base64') } });
  const decrypted = await createDataKeyService(network).decrypt(KEY, ciphertext);
  expect(Buffer.from(decrypted ?? [])).toEqual(plaintext);
  const input = { KeyId: KEY, CiphertextBlob: ciphertext.toString('base64'), EncryptionContext: CONTEXT };
  expect(calls).toEqual([{ operation: 'Decrypt', input }]);
});

test.each(['InvalidCiphertextException', 'IncorrectKeyException', 'ValidationException'])(
  '%s means that KMS did not make it',
  async (type) => {
    answer = () => ({ status: 400, body: { __type: type } });
    expect(await createDataKeyService(network).decrypt(KEY, randomBytes(180))).toBeUndefined();
  },
);

test.each(['AccessDeniedException', 'DisabledException', 'KMSInternalException'])('%s is an error', async (type) => {
  answer = () => ({ status: 400, body: { __type: type, message: 'no' } });
  await expect(createDataKeyService(network).decrypt(KEY, randomBytes(180))).rejects.toMatchObject({ name: type });
});
