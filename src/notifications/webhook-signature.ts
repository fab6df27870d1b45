import { createHash, createHmac } from 'node:crypto';

/** Bytes of a key that Standard Webhooks allows. */
const MIN_KEY_BYTES = 24;
const MAX_KEY_BYTES = 64;

const PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Returns the keys in a secret: one a line, the newest first. Null where one is not a key of Standard Webhooks. The caller
 * must not quote it.
 */
export function parseWebhookKeys(secret: string): readonly Buffer[] | null {
  const lines = secret
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const keys = lines.map((line) => {
    const text = line.startsWith(PREFIX) ? line.slice(PREFIX.length) : line;
    return BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  });
  const isSound = keys.every(({ length }) => length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES);
  return keys.length > 0 && isSound ? keys : null;
}

/**
 * Returns the headers that sign a message by the specification of Standard Webhooks 1.0: HMAC-SHA256 over ID, time and
 * body. With several keys there are several signatures, so that a receiver can take either during a rotation.
 *
 * @param id - of the notification. The ID of the message is a digest of it, since it may hold no full stop
 * @param body - as it is sent
 * @param keys - of the receiver
 * @param nowMs - the time of the attempt
 */
export function signatureHeaders(
  id: string,
  body: string,
  keys: readonly Buffer[],
  nowMs: number,
): Readonly<Record<string, string>> {
  const message = `msg_${createHash('sha256').update(id).digest('hex').slice(0, 40)}`;
  return signMessage(message, body, keys, nowMs);
}

/** Returns the headers of a message with an ID of the specification's own form. */
export function signMessage(
  message: string,
  body: string,
  keys: readonly Buffer[],
  nowMs: number,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signatures = keys.map((key) => {
    const mac = createHmac('sha256', key).update(`${message}.${timestamp}.${body}`).digest('base64');
    return `v1,${mac}`;
  });
  return { 'webhook-id': message, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
