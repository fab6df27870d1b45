import { createHmac } from 'node:crypto';
import { parseWebhookKeys, signatureHeaders, signMessage } from '../../../src/notifications/webhook-signature.js';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

function keysOf(secret: string): readonly Buffer[] {
  const keys = parseWebhookKeys(secret);
  if (keys === null) throw new Error('no keys');
  return keys;
}

test('a signature is that of the test vector which Standard Webhooks publishes', () => {
  const headers = signMessage(
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    '{"test": 2432232314}',
    keysOf(SECRET),
    1_614_265_330_000,
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('the ID of a message is stable, and has no full stop, which separates the signed parts', () => {
  const first = signatureHeaders('run.failed:4be7', '{}', keysOf(SECRET), 1_000);
  const again = signatureHeaders('run.failed:4be7', '{}', keysOf(SECRET), 90_000_000);
  const other = signatureHeaders('run.failed:4be8', '{}', keysOf(SECRET), 1_000);
  expect(first['webhook-id']).toMatch(/^msg_[\da-f]{40}$/);
  expect(again['webhook-id']).toBe(first['webhook-id']);
  expect(other['webhook-id']).not.toBe(first['webhook-id']);
  expect(again['webhook-signature']).not.toBe(first['webhook-signature']);
});

test('during a rotation, the old key and the new one sign', () => {
  const [older, newer] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const keys = keysOf(`whsec_${newer.toString('base64')}\n${older.toString('base64')}\n`);
  const headers = signatureHeaders('drift.found:1', '{"a":1}', keys, 5_000);
  const signed = `${headers['webhook-id'] ?? ''}.5.{"a":1}`;
  const expected = [newer, older].map((key) => `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
  expect(headers['webhook-signature']?.split(' ')).toEqual(expected);
});

test.each([
  ['an empty secret', ''],
  ['a password', 'whsec_correct horse battery staple'],
  ['a key of 16 bytes', `whsec_${Buffer.alloc(16, 7).toString('base64')}`],
  ['a key of 65 bytes', `whsec_${Buffer.alloc(65, 7).toString('base64')}`],
  ['a short key after a good one', `${SECRET}\nwhsec_QUJD`],
])('%s is no key', (_, secret) => {
  expect(parseWebhookKeys(secret)).toBeNull();
});
